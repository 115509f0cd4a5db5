import errno
import os
import socket
import threading

import pytest

from openvoucher.platform.listener import ListenError, is_local, open_listener, show_address


def test_a_listener_takes_connections_before_anybody_accepts_them() -> None:
    with open_listener("127.0.0.1", 0) as opened:
        address = show_address(opened)
        assert address == f"http://127.0.0.1:{opened.getsockname()[1]}"
        with socket.create_connection(opened.getsockname()) as client, opened.accept()[0] as served:
            client.sendall(b"x")
            assert served.recv(1) == b"x"


def test_localhost_is_the_address_that_most_clients_mean() -> None:
    with open_listener("localhost", 0) as opened:
        assert opened.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "shown", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:{}", True),
        ("127.0.0.2", "http://127.0.0.2:{}", True),
        ("0.0.0.0", "http://127.0.0.1:{}", False),  # noqa: S104
        ("::1", "http://[::1]:{}", True),
        ("::", "http://[::1]:{}", False),
    ],
)
def test_the_address_shown_works_on_this_machine(host: str, shown: str, local: bool) -> None:
    try:
        opened = open_listener(host, 0)
    except ListenError:
        pytest.skip(f"this machine has no {host}")
    with opened:
        assert show_address(opened) == shown.format(opened.getsockname()[1])
        assert is_local(opened) == local


def test_a_taken_port_is_explained() -> None:
    with open_listener("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenError, match=rf"Port {port} on 127\.0\.0\.1 is taken.*--port"):
            open_listener("127.0.0.1", port, patience_seconds=0)


def test_a_port_that_becomes_free_in_a_moment_is_waited_for() -> None:
    other = open_listener("127.0.0.1", 0)
    port = other.getsockname()[1]
    threading.Timer(0.2, other.close).start()
    with open_listener("127.0.0.1", port, patience_seconds=30) as opened:
        assert opened.getsockname()[1] == port


def test_the_port_of_a_server_that_just_stopped_is_free_at_once() -> None:
    first = open_listener("127.0.0.1", 0)
    port = first.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        served, _ = first.accept()
        served.close()
        first.close()
        assert client.recv(1) == b""
    with open_listener("127.0.0.1", port, patience_seconds=0) as second:
        assert second.getsockname()[1] == port


@pytest.mark.parametrize(
    ("host", "explanation"),
    [
        ("203.0.113.1", "203.0.113.1 is not an address of this machine"),
        ("no such host", "'no such host' is not an address to listen on"),
    ],
)
def test_an_impossible_host_is_explained(host: str, explanation: str) -> None:
    with pytest.raises(ListenError, match=explanation):
        open_listener(host, 0, patience_seconds=0)


def test_a_port_that_is_not_allowed_is_explained_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ListenError, match="Port 80 may not be opened by this account"):
        open_listener("127.0.0.1", 80, patience_seconds=1000)
