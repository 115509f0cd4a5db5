"""The few words of PostgreSQL's wire protocol that starting a server takes: is it there, create a database.

Enough of protocol 3.0 for one statement without parameters over a unix socket. It spares the start-up code an
event loop, and the providers of binaries the need to ship psql.
"""

import socket
import struct
from pathlib import Path

CANNOT_CONNECT_NOW = "57P03"
INVALID_CATALOG_NAME = "3D000"
DUPLICATE_DATABASE = "42P04"
_PROTOCOL_VERSION = 196608
_TIMEOUT_SECONDS = 60.0


class ServerError(Exception):
    """An error that PostgreSQL answered; `sqlstate` is its five-character code."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(f"{message} ({sqlstate})")
        self.sqlstate = sqlstate


def execute(socket_path: Path, role: str, database: str, statement: str) -> None:
    """Connect, run one statement and leave. The rows it returns are ignored.

    Raises OSError when nobody listens on the socket, ServerError for what PostgreSQL refuses.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(_TIMEOUT_SECONDS)
        link.connect(str(socket_path))
        parameters = f"user\0{role}\0database\0{database}\0\0".encode()
        link.sendall(struct.pack("!ii", 8 + len(parameters), _PROTOCOL_VERSION) + parameters)
        _read_until_ready(link)
        query = statement.encode() + b"\0"
        link.sendall(b"Q" + struct.pack("!i", 4 + len(query)) + query)
        _read_until_ready(link)
        link.sendall(b"X" + struct.pack("!i", 4))


def _read_until_ready(link: socket.socket) -> None:
    error: ServerError | None = None
    while True:
        try:
            kind, length = struct.unpack("!ci", _receive(link, 5))
            body = _receive(link, length - 4)
        except ConnectionResetError:
            # Refused at the door: PostgreSQL says why and closes, without a ReadyForQuery.
            if error is not None:
                raise error from None
            raise
        if kind == b"E":
            error = _parse_error(body)
        elif kind == b"R" and body[:4] != b"\0\0\0\0":
            raise ServerError("28000", "PostgreSQL asks for a password")
        elif kind == b"Z":
            if error is not None:
                raise error
            return


def _receive(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise ConnectionResetError("PostgreSQL closed the connection")
        data += part
    return data


def _parse_error(body: bytes) -> ServerError:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return ServerError(fields.get(b"C", ""), fields.get(b"M", ""))
