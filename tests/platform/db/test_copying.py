"""Rows in COPY's binary format: what was encoded is what a real table then holds."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.platform.db import Connection, Database
from openvoucher.platform.db.copying import (
    NULL,
    UUID_LENGTH,
    encode_bool,
    encode_field_count,
    encode_int4,
    encode_int8,
    encode_jsonb,
    encode_moment,
    encode_text,
    encode_uuid,
    join_rows,
)

COLUMNS = ("n4", "n8", "flag", "text", "kind", "uid", "moment", "data")
TABLE = """
create type colour as enum ('red', 'grün');
create table copied (
    place serial, n4 integer, n8 bigint, flag boolean, text text, kind colour, uid uuid, moment timestamptz,
    data jsonb
)
"""

Values = tuple[Any, ...]


@pytest.fixture
async def connection(db: Database) -> AsyncIterator[Connection]:
    connection = await db.open_connection()
    await connection.execute(TABLE)
    yield connection
    await connection.close()


def encode_row(row: Values) -> bytes:
    n4, n8, flag, text, kind, uid, moment, data = row
    return encode_field_count(len(COLUMNS)) + b"".join(
        (
            encode_int4(n4),
            encode_int8(n8),
            NULL if flag is None else encode_bool(flag),
            NULL if text is None else encode_text(text),
            NULL if kind is None else encode_text(kind),
            encode_uuid(uid),
            NULL if moment is None else encode_moment(moment),
            encode_jsonb(data),
        )
    )


async def copy(connection: Connection, rows: list[Values]) -> list[Values]:
    """What the table holds when these rows were copied into it."""
    await connection.execute("truncate copied")
    done = await connection.copy_to_table(
        "copied", source=io.BytesIO(join_rows(map(encode_row, rows))), columns=COLUMNS, format="binary"
    )
    assert done == f"COPY {len(rows)}"
    return [
        tuple(row)
        for row in await connection.fetch(f"select {', '.join(COLUMNS)} from copied order by place")
    ]


NOTHING: Values = (None,) * len(COLUMNS)
SOME: Values = (
    -1,
    2**40,
    True,
    "ü€😀",
    "grün",
    UUID(int=2**128 - 1),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    {"a": [1, None, "é"]},
)


async def test_no_rows_one_and_some_can_be_copied(connection: Connection) -> None:
    for rows in ([], [SOME], [NOTHING], [SOME, NOTHING, SOME]):
        assert await copy(connection, rows) == rows


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (0, [0, 1, -1, 2**31 - 1, -(2**31)]),
        (1, [0, 1, -1, 2**63 - 1, -(2**63), 2**31]),
        (2, [True, False]),
        (3, ["", " ", "\n\t\\N\\.", "\x01\x7f", "ü", "日本", "😀" * 1000, "x" * 100_000, "\ufeff", "\ufffd"]),
        (4, ["red", "grün"]),
        (5, [UUID(int=0), UUID(int=2**128 - 1), UUID("0197c2a4-0000-7000-8000-0000000000ff")]),
        (
            6,
            [
                datetime(2000, 1, 1, tzinfo=UTC),
                datetime(1, 1, 1, tzinfo=UTC),
                datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
                datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
                datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
            ],
        ),
        (7, [{}, [], "", 0, False, "x", 1.5, 10**30, {"ü": {"b": [1, 2.5, None, True, '😀\n"']}}, {"": ""}]),
    ],
    ids=COLUMNS,
)
async def test_values_at_the_edges_come_back(connection: Connection, place: int, values: list[Any]) -> None:
    rows = [(*NOTHING[:place], value, *NOTHING[place + 1 :]) for value in values]
    assert await copy(connection, rows) == rows
    if place == 7:
        kinds = [type(row[place]) for row in await copy(connection, rows)]
        assert kinds == [type(value) for value in values]


# PostgreSQL holds no U+0000 in text and jsonb, and no lone surrogates.
_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(-1e15, 1e15) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_ROW = st.tuples(
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.booleans(),
    st.none() | _TEXT,
    st.none() | st.sampled_from(["red", "grün"]),
    st.none() | st.uuids(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.none() | _JSON,
)


def test_whatever_is_copied_comes_back(database_url: str) -> None:
    with asyncio.Runner() as runner:
        db = Database(database_url, size=1)
        connection = runner.run(db.open_connection())
        runner.run(connection.execute(TABLE))

        @settings(deadline=None, max_examples=150)
        @given(rows=st.lists(_ROW, max_size=6))
        def check(rows: list[Values]) -> None:
            assert runner.run(copy(connection, rows)) == rows

        check()
        runner.run(connection.close())


async def test_the_same_comes_of_it_as_of_the_driver_s_own_encoding(connection: Connection) -> None:
    rows = [SOME, NOTHING, (5, 6, False, "", "red", UUID(int=1), datetime(2026, 3, 1, tzinfo=UTC), [1.25])]
    ours = await copy(connection, rows)
    await connection.execute("truncate copied")
    await connection.copy_records_to_table("copied", records=rows, columns=COLUMNS)
    theirs = await connection.fetch(f"select {', '.join(COLUMNS)} from copied order by place")
    assert [tuple(row) for row in theirs] == ours == rows


async def test_a_field_in_pieces_is_the_field(connection: Connection) -> None:
    """As the ids of a batch are written, whose first bytes are the same in all rows."""
    head = encode_field_count(1) + UUID_LENGTH + bytes(range(12))
    data = join_rows(head + number.to_bytes(4, "big") for number in (0, 1, 2**32 - 1))
    await connection.copy_to_table("copied", source=io.BytesIO(data), columns=["uid"], format="binary")
    found = [row["uid"] for row in await connection.fetch("select uid from copied order by place")]
    assert found == [UUID(bytes=bytes(range(12)) + end.to_bytes(4, "big")) for end in (0, 1, 2**32 - 1)]


@pytest.mark.parametrize("field", [encode_text("a\x00"), encode_jsonb("a\x00")], ids=["text", "jsonb"])
async def test_what_no_text_can_hold_is_refused_and_nothing_is_copied(
    connection: Connection, field: bytes
) -> None:
    column = "text" if field == encode_text("a\x00") else "data"
    rows = [encode_field_count(1) + NULL, encode_field_count(1) + field]
    with pytest.raises((asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)):
        await connection.copy_to_table(
            "copied", source=io.BytesIO(join_rows(rows)), columns=[column], format="binary"
        )
    assert await connection.fetchval("select count(*) from copied") == 0


@pytest.mark.parametrize(
    ("encode", "value"), [(encode_int4, 2**31), (encode_int8, 2**63), (encode_int4, -(2**31) - 1)]
)
def test_a_number_that_does_not_fit_is_refused_before_it_is_sent(encode: Any, value: int) -> None:
    with pytest.raises(Exception, match=r"format requires|out of range|too large"):
        encode(value)
