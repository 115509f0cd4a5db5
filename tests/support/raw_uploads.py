"""Requests with a large body over a bare socket: sent in parts, and broken off where a test wants it."""

import contextlib
import json
import socket
import struct
from collections.abc import Iterator, Sequence

from programs import PATIENCE_SECONDS
from servers import Server

_BOUNDARY = "a-boundary-that-is-in-no-file"


class RawUpload:
    """An import of these codes into a campaign. CSV: as a file of a form; else: a JSON array."""

    def __init__(self, server: Server, campaign: str, codes: Sequence[str], *, csv: bool) -> None:
        body, media_type = _make_csv_body(codes) if csv else _make_json_body(codes)
        self._rest = _make_head(server, campaign, len(body), media_type, csv=csv) + body
        self._socket = socket.create_connection(("127.0.0.1", int(server.port)), timeout=PATIENCE_SECONDS)

    def send_most(self) -> None:
        """All but the last tenth."""
        at = len(self._rest) * 9 // 10
        self._socket.sendall(self._rest[:at])
        self._rest = self._rest[at:]

    def send_rest(self) -> int:
        """The status of the answer."""
        # The answer may be there before everything was sent, and the connection closed.
        with contextlib.suppress(OSError):
            self._socket.sendall(self._rest)
        answer = b""
        while b"\r\n" not in answer:
            piece = self._socket.recv(4096)
            assert piece, "closed without an answer"
            answer += piece
        return int(answer.split(b" ", 2)[1])

    def cut(self) -> None:
        """As a machine does that is gone: the connection is reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def uploading(server: Server, campaign: str, codes: Sequence[str], *, csv: bool) -> Iterator[RawUpload]:
    upload = RawUpload(server, campaign, codes, csv=csv)
    try:
        yield upload
    finally:
        upload.close()


def _make_head(server: Server, campaign: str, length: int, media_type: str, *, csv: bool) -> bytes:
    lines = [
        f"POST /v1/campaigns/{campaign}/{'importCSV' if csv else 'import'} HTTP/1.1",
        "Host: 127.0.0.1",
        f"X-App-Id: {server.keys['OPENVOUCHER_APP_ID']}",
        f"X-App-Token: {server.keys['OPENVOUCHER_APP_TOKEN']}",
        f"Content-Type: {media_type}",
        f"Content-Length: {length}",
    ]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def _make_csv_body(codes: Sequence[str]) -> tuple[bytes, str]:
    file = "".join(f"{code}\n" for code in ("Code", *codes))
    head = (
        f"--{_BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="file"; filename="codes.csv"\r\nContent-Type: text/csv\r\n\r\n'
    )
    body = f"{head}{file}\r\n--{_BOUNDARY}--\r\n"
    return body.encode(), f"multipart/form-data; boundary={_BOUNDARY}"


def _make_json_body(codes: Sequence[str]) -> tuple[bytes, str]:
    return json.dumps([{"code": code} for code in codes]).encode(), "application/json"
