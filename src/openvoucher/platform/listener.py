"""The socket that the API listens on: bound once, inherited by every API process."""

import errno
import logging
import socket
import time

log = logging.getLogger("openvoucher.processes")

_BACKLOG = 2048
_RETRY_SECONDS = 0.1


class ListenError(Exception):
    """The address cannot be listened on; the text says what to do."""


def open_listener(host: str, port: int, *, patience_seconds: float = 4.0) -> socket.socket:
    """A listening socket. Port 0: any free one.

    A taken port is tried again for a while: the API processes of a server that was killed take a
    moment to notice and to let go of it. Raises ListenError.
    """
    family, address = _resolve(host, port)
    deadline = time.monotonic() + patience_seconds
    waited = False
    while True:
        try:
            return socket.create_server(address, family=family, backlog=_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise ListenError(_explain(error, host, port)) from error
        if not waited:
            waited = True
            log.info("port %d is taken; waiting %.0f s for it to become free", port, patience_seconds)
        time.sleep(_RETRY_SECONDS)


def show_address(listener: socket.socket) -> str:
    """The http:// address at which a program on this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_local(listener: socket.socket) -> bool:
    """Whether only programs on this machine can reach the listener."""
    host = str(listener.getsockname()[0])
    return host == "::1" or host.startswith("127.")


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenError(
            f"{host!r} is not an address to listen on ({error.strerror}). Give --host (OPENVOUCHER_HOST) an "
            "address of this machine, 127.0.0.1 or 0.0.0.0."
        ) from error
    # `localhost` is mostly both: clients that are given 127.0.0.1 must not be refused.
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program. Stop it, or choose another port with --port "
            "(OPENVOUCHER_PORT)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"Port {port} may not be opened by this account: choose one above 1023 with --port "
            "(OPENVOUCHER_PORT), and put a proxy in front."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"{host} is not an address of this machine. Give --host (OPENVOUCHER_HOST) one that is, "
            "127.0.0.1 or 0.0.0.0."
        )
    return f"{host}:{port} cannot be listened on: {error.strerror}."
