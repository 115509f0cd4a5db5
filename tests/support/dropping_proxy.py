"""A TCP proxy between a client and a server that breaks connections at chosen points of chosen requests."""

import contextlib
import dataclasses
import re
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

_PIECE = 16_384


@dataclasses.dataclass
class Drop:
    """Break the next `times` connections whose request line matches.

    before: nothing reaches the server. during: the server gets the head and `after_bytes` of the body.
    answer: the server gets everything, and its answer is thrown away.
    """

    request: str
    when: Literal["before", "during", "answer"]
    times: int = 1
    after_bytes: int = 0


class DroppingProxy:
    def __init__(self, server_address: str) -> None:
        parts = urlsplit(server_address)
        self._server = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.drops: list[Drop] = []
        self.dropped: list[str] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # Wakes the thread that waits for connections, which closing alone does not everywhere.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(_PIECE)
                if not piece:
                    return
                head += piece
            line = head.partition(b"\r\n")[0].decode()
            drop = self._choose(line)
            if drop is not None and drop.when == "before":
                _reset(client)
                return
            with socket.create_connection(self._server) as server:
                if drop is not None and drop.when == "during":
                    _send_part(client, server, head, drop.after_bytes)
                    _reset(client)
                    return
                server.sendall(head)
                upload = threading.Thread(target=_pump, args=(client, server), daemon=True)
                upload.start()
                if drop is not None:
                    # The answer is there, so the server has done what it was asked.
                    server.recv(_PIECE)
                    _reset(client)
                else:
                    _pump(server, client)
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                upload.join()

    def _choose(self, line: str) -> Drop | None:
        with self._lock:
            for drop in self.drops:
                if drop.times > 0 and re.search(drop.request, line):
                    drop.times -= 1
                    self.dropped.append(f"{drop.when}: {line}")
                    return drop
        return None


@contextlib.contextmanager
def dropping_proxy(server_address: str) -> Iterator[DroppingProxy]:
    proxy = DroppingProxy(server_address)
    try:
        yield proxy
    finally:
        proxy.close()


def _send_part(client: socket.socket, server: socket.socket, head: bytes, body_bytes: int) -> None:
    start = head.index(b"\r\n\r\n") + 4
    left = body_bytes - (len(head) - start)
    server.sendall(head[: start + body_bytes])
    while left > 0 and (piece := client.recv(min(_PIECE, left))):
        server.sendall(piece)
        left -= len(piece)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)


def _reset(connection: socket.socket) -> None:
    """Close it as a machine does that is gone: what is under way is lost."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
