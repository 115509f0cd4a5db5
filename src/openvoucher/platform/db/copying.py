"""Rows in the binary format of PostgreSQL's COPY, built from fields that are encoded once and shared.

Most fields are the same in all rows of a bulk insert (project, campaign, moment …). Joined from ready-made
pieces a row costs a fraction of what the driver needs, which encodes each value of each row anew.
Format: PostgreSQL manual, COPY, "Binary Format"; fields as the types' send functions write them.
"""

import struct
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_PIECE_BYTES: Final = 65_536
_END: Final = b"\xff\xff"
_POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)

NULL: Final = b"\xff\xff\xff\xff"
UUID_LENGTH: Final = b"\x00\x00\x00\x10"

_pack_int4 = struct.Struct("!ii").pack
_pack_int8 = struct.Struct("!iq").pack
_pack_length = struct.Struct("!i").pack
_encode_json = msgspec.json.Encoder().encode


def encode_int4(value: int | None) -> bytes:
    return NULL if value is None else _pack_int4(4, value)


def encode_int8(value: int | None) -> bytes:
    return NULL if value is None else _pack_int8(8, value)


def encode_bool(value: bool) -> bytes:
    return b"\x00\x00\x00\x01\x01" if value else b"\x00\x00\x00\x01\x00"


def encode_text(value: str) -> bytes:
    """Of text and enumerated types."""
    data = value.encode()
    return _pack_length(len(data)) + data


def encode_uuid(value: UUID | None) -> bytes:
    return NULL if value is None else UUID_LENGTH + value.bytes


def encode_moment(value: datetime) -> bytes:
    """Of timestamptz: microseconds since 2000."""
    return _pack_int8(8, (value - _POSTGRES_EPOCH) // timedelta(microseconds=1))


def encode_jsonb(value: Any) -> bytes:
    """None is SQL's null."""
    if value is None:
        return NULL
    data = _encode_json(value)
    return _pack_length(len(data) + 1) + b"\x01" + data


def encode_field_count(count: int) -> bytes:
    """What each row begins with."""
    return count.to_bytes(2, "big")


def join_rows(rows: Iterable[bytes]) -> bytes:
    """The whole of what COPY … (format binary) reads."""
    return b"".join((_SIGNATURE, *rows, _END))


async def in_pieces(data: bytes) -> AsyncIterator[bytes]:
    """What the driver's copy_to_table takes as a source. (It reads a file, even one in memory, in another
    thread, and through a class made for each call: data would stay until the next full collection.)"""
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]
