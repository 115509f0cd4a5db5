import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvoucher.platform.db.conditions import (
    Column,
    ColumnFactory,
    Kind,
    Params,
    compile_filters,
    jsonb_keys,
)
from openvoucher.wire.errors import ApiError
from openvoucher.wire.filters import OPERATORS, parse_filters

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

NOW = datetime(2026, 3, 11, 10, 30, tzinfo=UTC)  # a Wednesday
WARSAW = ZoneInfo("Europe/Warsaw")
NEW_YORK = ZoneInfo("America/New_York")

TEA, CAKE = UUID("01900000-0000-7000-8000-00000000000a"), UUID("01900000-0000-7000-8000-00000000000b")

COLUMNS: dict[str, Column | ColumnFactory] = {
    "id": Column("t.id", "id", prefix="thing"),
    "name": Column("t.name", "text"),
    "price": Column("t.price", "number"),
    "made_at": Column("t.made_at", "instant"),
    "birthdate": Column("t.birthdate", "date"),
    "tasty": Column("t.tasty", "boolean"),
    "tags": Column("t.tags", "text_array"),
    "parts": Column("t.parts", "json_array"),
    "status": Column(
        "t.name", "text", special={"$active": "t.tasty", "$expired": "t.made_at < {now} - interval '1 day'"}
    ),
    "metadata.*": jsonb_keys("t.metadata"),
}


@pytest.fixture
async def connection(postgres: str) -> AsyncIterator[Connection]:
    """A connection with an empty temporary table `things`."""
    # Another zone than the tests': what depends on the session's would be found.
    opened = await asyncpg.connect(
        postgres, database="postgres", server_settings={"timezone": "Pacific/Honolulu"}
    )
    try:
        await opened.execute(
            "CREATE TEMPORARY TABLE things (id uuid, name text, price numeric, made_at timestamptz,"
            " birthdate date, tasty boolean, tags text[], parts jsonb, metadata jsonb)"
        )
        yield opened
    finally:
        await opened.close()


@contextlib.asynccontextmanager
async def rows(connection: Connection, *values: dict[str, Any]) -> AsyncIterator[None]:
    for value in values:
        names = ", ".join(value)
        places = ", ".join(f"${index}" for index in range(1, len(value) + 1))
        await connection.execute(f"INSERT INTO things ({names}) VALUES ({places})", *value.values())
    try:
        yield
    finally:
        await connection.execute("TRUNCATE things")


async def find(
    connection: Connection,
    tree: Any,
    *,
    now: datetime = NOW,
    zone: ZoneInfo = WARSAW,
    shown: str = "name",
) -> list[Any]:
    """The `shown` column of the rows that a filter in a body finds, sorted."""
    params = Params()
    filters = parse_filters(tree, source="body")
    where = compile_filters(filters, COLUMNS, params, now=now, timezone=zone)
    found = await connection.fetch(f"SELECT t.{shown} AS shown FROM things t WHERE {where}", *params.values)
    return sorted(record["shown"] for record in found)


def one(field: str, operator: str, *values: Any) -> dict[str, Any]:
    return {field: {"conditions": {operator: list(values)}}}


# --- text, numbers, booleans, ids ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("$is", ["Tea"], ["Tea"]),
        ("$is", ["tea"], []),
        ("$is", ["Tea", "50% off"], ["50% off", "Tea"]),
        ("$is", [], []),
        ("$is_not", ["Tea"], ["50% off", "500 off", "a_b", "axb", "nameless"]),
        ("$in", ["Tea", "a_b"], ["Tea", "a_b"]),
        ("$not_in", ["Tea", "50% off", "500 off"], ["a_b", "axb", "nameless"]),
        ("$not_in", [], ["50% off", "500 off", "Tea", "a_b", "axb", "nameless"]),
        ("$has_value", [""], ["50% off", "500 off", "Tea", "a_b", "axb"]),
        ("$is_unknown", [""], ["nameless"]),
        ("$contains", ["E"], ["Tea"]),
        ("$contains", ["0%"], ["50% off"]),
        ("$contains", ["_"], ["a_b"]),
        ("$contains", ["\\"], []),
        ("$contains", ["ea", "x"], ["Tea", "axb"]),
        ("$not_contain", ["off"], ["Tea", "a_b", "axb", "nameless"]),
        ("$starts_with", ["50%"], ["50% off"]),
        ("$starts_with", ["ea"], []),
        ("$starts_with", ["te"], ["Tea"]),
        ("$ends_with", ["_B"], ["a_b"]),
        ("$ends_with", ["te"], []),
    ],
)
async def test_text_is_found(
    connection: Connection, operator: str, values: list[str], found: list[str]
) -> None:
    names = ["Tea", "50% off", "500 off", "a_b", "axb"]
    nameless = {"name": None, "metadata": '"nameless"'}
    async with rows(connection, *({"name": name} for name in names), nameless):
        shown = [each or "nameless" for each in await _names(connection, one("name", operator, *values))]
        assert sorted(shown) == found


async def _names(connection: Connection, tree: dict[str, Any]) -> list[str | None]:
    params = Params()
    where = compile_filters(parse_filters(tree, source="body"), COLUMNS, params, now=NOW, timezone=WARSAW)
    return [
        each["name"]
        for each in await connection.fetch(f"SELECT name FROM things t WHERE {where}", *params.values)
    ]


@pytest.mark.parametrize("text", ["'; DROP TABLE things; --", "$1", "{now}", "%", "\\", "a'b\"c"])
async def test_what_a_caller_sends_is_only_ever_compared(connection: Connection, text: str) -> None:
    async with rows(connection, {"name": text, "metadata": "{}"}, {"name": "other", "metadata": "{}"}):
        for operator in ("$is", "$contains", "$starts_with", "$ends_with"):
            assert await find(connection, one("name", operator, text)) == [text]
        assert await find(connection, one(f"metadata.{text}", "$is", text)) == []


async def test_no_text_of_a_caller_is_in_the_sql() -> None:
    tree = {
        "name": {"conditions": {"$is": ["NEEDLE"], "$contains": "NEEDLE"}},
        "metadata.NEEDLE.NEEDLE": {"conditions": {"$starts_with": "NEEDLE", "$in": ["NEEDLE"]}},
        "tags": {"conditions": {"$ends_with": "NEEDLE"}},
        "id": {"conditions": {"$contains": "NEEDLE"}},
    }
    params = Params("first")
    where = compile_filters(parse_filters(tree, source="body"), COLUMNS, params, now=NOW, timezone=WARSAW)
    assert "NEEDLE" not in where
    assert params.values[0] == "first"
    assert "NEEDLE" in str(params.values)


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("$is", ["10"], ["10"]),
        ("$is", [10.0], ["10"]),
        ("$is", ["1e1"], ["10"]),
        ("$in", [10, "-3.5"], ["-3.5", "10"]),
        ("$is_not", [10], ["-3.5", "11", "none"]),
        ("$more_than", ["10"], ["11"]),
        ("$more_than_equal", ["10"], ["10", "11"]),
        ("$less_than", [10], ["-3.5"]),
        ("$less_than_equal", ["-3.5"], ["-3.5"]),
        ("$less_than", [1e308], ["-3.5", "10", "11"]),
        ("$more_than", [-(10**300)], ["-3.5", "10", "11"]),
        ("$has_value", [], ["-3.5", "10", "11"]),
        ("$is_unknown", [], ["none"]),
    ],
)
async def test_numbers_are_found(
    connection: Connection, operator: str, values: list[Any], found: list[str]
) -> None:
    prices: dict[str, Decimal | None] = {name: Decimal(name) for name in ("10", "11", "-3.5")}
    prices["none"] = None
    async with rows(connection, *({"name": name, "price": price} for name, price in prices.items())):
        assert await find(connection, one("price", operator, *values)) == found


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("$is", ["true"], ["yes"]),
        ("$is", [True], ["yes"]),
        ("$in", ["FALSE"], ["no"]),
        ("$is_not", ["TRUE"], ["no", "unknown"]),
        ("$has_value", [], ["no", "yes"]),
        ("$is_unknown", [], ["unknown"]),
    ],
)
async def test_booleans_are_found(
    connection: Connection, operator: str, values: list[Any], found: list[str]
) -> None:
    tasty = {"yes": True, "no": False, "unknown": None}
    async with rows(connection, *({"name": name, "tasty": value} for name, value in tasty.items())):
        assert await find(connection, one("tasty", operator, *values)) == found


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("$is", [f"thing_{TEA.hex}"], ["tea"]),
        ("$in", [f"thing_{TEA.hex}", f"thing_{CAKE.hex}"], ["cake", "tea"]),
        ("$is", [f"other_{TEA.hex}"], []),
        ("$is", [str(TEA)], []),
        ("$is", ["thing_no"], []),
        ("$not_in", [f"thing_{TEA.hex}", "thing_no"], ["cake"]),
        ("$starts_with", ["thing_0190"], ["cake", "tea"]),
        ("$ends_with", ["0A"], ["tea"]),
    ],
)
async def test_ids_are_found_by_what_the_wire_shows(
    connection: Connection, operator: str, values: list[str], found: list[str]
) -> None:
    async with rows(connection, {"name": "tea", "id": TEA}, {"name": "cake", "id": CAKE}):
        assert await find(connection, one("id", operator, *values)) == found


# --- instants and dates ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        # What the wire shows as .123 is not after .123, however many digits the table keeps.
        ("$after", ["2026-03-10T09:00:00.123Z"], ["later"]),
        ("$after", ["2026-03-10T09:00:00.122Z"], ["exact", "later"]),
        ("$before", ["2026-03-10T09:00:00.123Z"], ["early"]),
        ("$before", ["2026-03-10T11:00:00.124+02:00"], ["early", "exact"]),
        ("$is", ["2026-03-10T09:00:00.123Z"], ["exact"]),
        ("$is_not", ["2026-03-10T09:00:00.123Z"], ["early", "later", "never"]),
        ("$in", ["2026-03-10T09:00:00.123Z", "2026-01-01"], ["early", "exact"]),
        ("$after", ["9999-12-31T23:59:59.999Z"], []),
        ("$before", ["0001-01-01"], []),
        ("$has_value", [], ["early", "exact", "later"]),
        ("$is_unknown", [], ["never"]),
    ],
)
async def test_instants_are_found_to_the_millisecond(
    connection: Connection, operator: str, values: list[str], found: list[str]
) -> None:
    instants = {
        "early": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "exact": datetime(2026, 3, 10, 9, 0, 0, 123_456, tzinfo=UTC),
        "later": datetime(2026, 3, 10, 9, 0, 0, 124_000, tzinfo=UTC),
        "never": None,
    }
    async with rows(connection, *({"name": name, "made_at": at} for name, at in instants.items())):
        assert await find(connection, one("made_at", operator, *values)) == found


@pytest.mark.parametrize(
    ("operator", "days", "hits", "misses"),
    [
        ("$more_than", 10, [-10.01, -400], [-10, -9.99, 0, 1]),
        ("$more_than_ago", 10, [-10.01, -400], [-10, -9.99, 0, 1]),
        ("$more_than_equal", 10, [-10.01, -10], [-9.99, 0, 1]),
        ("$less_than", 10, [-9.99, 0], [-10, -10.01, 0.01, 400]),
        ("$less_than_ago", 10, [-9.99, 0], [-10, -10.01, 0.01, 400]),
        ("$less_than_equal", 10, [-10, 0], [-10.01, 0.01]),
        ("$more_than_future", 10, [10.01, 400], [10, 9.99, 0, -1]),
        ("$less_than_future", 10, [0, 9.99], [10, -0.01, -400]),
        ("$more_than", 365_000, [], [0, -10]),
        ("$less_than_future", "365000", [0, 10], [-1]),
    ],
)
async def test_distances_in_days_are_measured_from_now(
    connection: Connection, operator: str, days: int, hits: list[float], misses: list[float]
) -> None:
    made = [{"name": str(offset), "made_at": NOW + timedelta(days=offset)} for offset in hits + misses]
    async with rows(connection, *made, {"name": "never"}):
        assert await find(connection, one("made_at", operator, days)) == sorted(map(str, hits))


@pytest.mark.parametrize(
    ("operator", "values", "zone", "first", "last"),
    [
        ("$today", [], WARSAW, "2026-03-10T23:00:00Z", "2026-03-11T22:59:59.999Z"),
        ("$today", [], NEW_YORK, "2026-03-11T04:00:00Z", "2026-03-12T03:59:59.999Z"),
        ("$tomorrow", [], WARSAW, "2026-03-11T23:00:00Z", "2026-03-12T22:59:59.999Z"),
        ("$yesterday", [], WARSAW, "2026-03-09T23:00:00Z", "2026-03-10T22:59:59.999Z"),
        ("$this_week", [], WARSAW, "2026-03-08T23:00:00Z", "2026-03-15T22:59:59.999Z"),
        ("$last_week", [], WARSAW, "2026-03-01T23:00:00Z", "2026-03-08T22:59:59.999Z"),
        ("$next_week", [], WARSAW, "2026-03-15T23:00:00Z", "2026-03-22T22:59:59.999Z"),
        # Clocks go forward on 29 March: the month is an hour shorter.
        ("$this_month", [], WARSAW, "2026-02-28T23:00:00Z", "2026-03-31T21:59:59.999Z"),
        ("$last_month", [], WARSAW, "2026-01-31T23:00:00Z", "2026-02-28T22:59:59.999Z"),
        ("$next_month", [], WARSAW, "2026-03-31T22:00:00Z", "2026-04-30T21:59:59.999Z"),
        ("$this_year", [], WARSAW, "2025-12-31T23:00:00Z", "2026-12-31T22:59:59.999Z"),
        ("$last_year", [], WARSAW, "2024-12-31T23:00:00Z", "2025-12-31T22:59:59.999Z"),
        ("$next_year", [], WARSAW, "2026-12-31T23:00:00Z", "2027-12-31T22:59:59.999Z"),
        ("$is_days_ago", ["3"], WARSAW, "2026-03-07T23:00:00Z", "2026-03-08T22:59:59.999Z"),
        ("$is_days_in_future", [18], WARSAW, "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999Z"),
        ("$is_years_ago", [2], WARSAW, "2023-12-31T23:00:00Z", "2024-12-31T22:59:59.999Z"),
        ("$is", ["2026-02-01"], WARSAW, "2026-01-31T23:00:00Z", "2026-02-01T22:59:59.999Z"),
        ("$is", [3], WARSAW, "2026-03-07T23:00:00Z", "2026-03-08T22:59:59.999Z"),
        ("$is_month", [2], WARSAW, "2026-01-31T23:00:00Z", "2026-02-28T22:59:59.999Z"),
        ("$is_year", ["2026"], NEW_YORK, "2026-01-01T05:00:00Z", "2027-01-01T04:59:59.999Z"),
    ],
)
async def test_a_calendar_period_begins_and_ends_in_the_project_time_zone(
    connection: Connection, operator: str, values: list[Any], zone: ZoneInfo, first: str, last: str
) -> None:
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    instants = {
        "before": start - timedelta(milliseconds=1),
        "first": start,
        "last": end,
        "after": end + timedelta(milliseconds=1),
        "never": None,
    }
    spelled = {f"m{name}": at.isoformat() for name, at in instants.items() if at}
    async with rows(
        connection,
        *({"name": name, "made_at": at} for name, at in instants.items()),
        *({"name": name, "metadata": f'{{"at": "{text}"}}'} for name, text in spelled.items()),
    ):
        assert await find(connection, one("made_at", operator, *values), zone=zone) == ["first", "last"]
        # The same instants as metadata, which is text. (Equality of metadata is equality of its text.)
        if operator != "$is":
            found = await find(connection, one("metadata.at", operator, *values), zone=zone)
            assert found == ["mfirst", "mlast"]


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("$is_day_of_month", [10, "11"], ["tuesday", "wednesday"]),
        ("$is_day", [0], ["sunday"]),
        ("$is_day", [2, 3], ["tuesday", "wednesday"]),
        ("$is_month", [3], ["sunday", "tuesday", "wednesday"]),
        ("$is_month", [4], []),
        ("$is_year", [2025], []),
    ],
)
async def test_parts_of_a_date_are_those_of_the_project_time_zone(
    connection: Connection, operator: str, values: list[Any], found: list[str]
) -> None:
    # 23:30 UTC is half past midnight of the next day in Warsaw.
    days = {"sunday": 7, "tuesday": 9, "wednesday": 10}
    made = [
        {"name": name, "made_at": datetime(2026, 3, day, 23, 30, tzinfo=UTC)} for name, day in days.items()
    ]
    async with rows(connection, *made):
        assert await find(connection, one("made_at", operator, *values)) == found


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("$today_md", [], ["1990-03-11"]),
        ("$tomorrow_md", [], ["1985-03-12"]),
        ("$yesterday_md", [], ["2000-03-10"]),
        ("$this_week_md", [], ["1985-03-12", "1990-03-11", "2000-03-10"]),
        ("$last_week_md", [], ["1999-03-02"]),
        ("$next_month_md", [], ["1970-04-01"]),
        ("$last_month_md", [], ["1992-02-29"]),
        ("$is_days_ago_md", [1], ["2000-03-10"]),
        ("$is_less_days_ago_md", [9], ["1990-03-11", "2000-03-10"]),
        ("$is_less_days_ago_md", [10], ["1990-03-11", "1999-03-02", "2000-03-10"]),
        ("$is_more_days_ago_md", [9], ["1970-04-01", "1985-03-12", "1992-02-29"]),
        ("$is_days_in_future_md", [21], ["1970-04-01"]),
        ("$is_less_days_in_future_md", [2], ["1985-03-12", "1990-03-11"]),
        ("$is_more_days_in_future_md", [21], ["1992-02-29", "1999-03-02", "2000-03-10"]),
        ("$next_month", [], []),
        ("$is", ["1990-03-11"], ["1990-03-11"]),
        ("$is_not", ["1990-03-11"], ["1970-04-01", "1985-03-12", "1992-02-29", "1999-03-02", "2000-03-10"]),
        ("$is_month", [3], ["1985-03-12", "1990-03-11", "1999-03-02", "2000-03-10"]),
        ("$is_years_ago", [36], ["1990-03-11"]),
        ("$after", ["1999-03-02"], ["2000-03-10"]),
        ("$before", ["1985-03-12"], ["1970-04-01"]),
        ("$more_than", [10_000], ["1970-04-01", "1985-03-12", "1990-03-11", "1992-02-29"]),
    ],
)
@pytest.mark.parametrize("zone", [WARSAW, NEW_YORK], ids=str)
async def test_a_birthday_is_the_same_day_in_every_time_zone(
    connection: Connection, operator: str, values: list[Any], found: list[str], zone: ZoneInfo
) -> None:
    days = ["1990-03-11", "1985-03-12", "2000-03-10", "1999-03-02", "1970-04-01", "1992-02-29"]
    dated = [
        {"name": day, "birthdate": date.fromisoformat(day), "metadata": f'{{"birthday": "{day}"}}'}
        for day in days
    ]
    async with rows(connection, *dated):
        assert await find(connection, one("birthdate", operator, *values), zone=zone) == found
        assert await find(connection, one("metadata.birthday", operator, *values), zone=zone) == found


@pytest.mark.parametrize(
    ("operator", "offset_hits", "offset_misses"),
    [
        ("$more_than", [-4], [-3, 0, 1]),
        ("$more_than_equal", [-4, -3], [-2, 0, 1]),
        ("$less_than", [-2, 0], [-3, 1]),
        ("$less_than_equal", [-3, 0], [-4, 1]),
        ("$more_than_future", [4], [3, 0, -1]),
        ("$less_than_future", [0, 2], [3, -1]),
    ],
)
async def test_distances_of_dates_are_whole_days(
    connection: Connection, operator: str, offset_hits: list[int], offset_misses: list[int]
) -> None:
    today = date(2026, 3, 11)
    dated = [
        {"name": str(offset), "birthdate": today + timedelta(days=offset)}
        for offset in offset_hits + offset_misses
    ]
    async with rows(connection, *dated):
        assert await find(connection, one("birthdate", operator, 3)) == sorted(map(str, offset_hits))


# --- arrays ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("$is", ["a"], ["one", "two"]),
        ("$in", ["b", "z"], ["two"]),
        ("$contains", ["a"], ["one", "two"]),
        ("$contains", ["A"], []),
        ("$not_in", ["a"], ["empty", "null"]),
        ("$not_contain", ["b"], ["empty", "null", "one"]),
        ("$starts_with", ["B"], ["two"]),
        ("$ends_with", ["B"], ["two"]),
        ("$count", [0], ["empty", "null"]),
        ("$count", ["2"], ["two"]),
        ("$count_more", [0], ["one", "two"]),
        ("$count_less", [1], ["empty", "null"]),
        ("$has_value", [], ["one", "two"]),
        ("$is_unknown", [], ["empty", "null"]),
    ],
)
async def test_arrays_are_found_by_their_elements(
    connection: Connection, operator: str, values: list[Any], found: list[str]
) -> None:
    async with rows(
        connection,
        {"name": "one", "tags": ["a"], "parts": '["a"]'},
        {"name": "two", "tags": ["a", "b"], "parts": '["a", "b"]'},
        {"name": "empty", "tags": [], "parts": "[]"},
        {"name": "null", "tags": None, "parts": None},
    ):
        assert await find(connection, one("tags", operator, *values)) == found
        assert await find(connection, one("parts", operator, *values)) == found


# --- metadata ----------------------------------------------------------------------------------------

METADATA = {
    "array": '["red", 5, null]',
    "date": '"2026-03-01"',
    "empty": "[]",
    "five": "5",
    "five.0": "5.0",
    "fiver": '"5"',
    "null": "null",
    "object": '{"in": "red"}',
    "red": '"Red wine"',
    "true": "true",
}


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("$is", ["5"], ["array", "five", "five.0", "fiver"]),
        ("$is", [5], ["array", "five", "five.0", "fiver"]),
        ("$is", ["true"], ["true"]),
        ("$is", [True], ["true"]),
        ("$is", ["Red wine"], ["red"]),
        ("$in", ["red", "true"], ["array", "true"]),
        ("$is_not", [5], ["date", "empty", "missing", "null", "object", "red", "true"]),
        ("$contains", ["RED"], ["red"]),
        ("$contains", ["red"], ["array", "red"]),
        (
            "$not_contain",
            ["red"],
            ["date", "empty", "five", "five.0", "fiver", "missing", "null", "object", "true"],
        ),
        ("$starts_with", ["red"], ["array", "red"]),
        ("$ends_with", ["WINE"], ["red"]),
        ("$starts_with", ["5"], ["fiver"]),
        ("$has_value", [], sorted(METADATA.keys() - {"null"})),
        ("$is_unknown", [], ["missing", "null"]),
        ("$more_than", [4], ["date", "five", "five.0", "fiver"]),
        ("$more_than", [-1], ["five", "five.0", "fiver"]),
        ("$more_than_equal", ["5.0"], ["date", "five", "five.0", "fiver"]),
        ("$less_than", ["5"], []),
        ("$less_than", ["11"], ["date", "five", "five.0", "fiver"]),
        ("$count", [3], ["array"]),
        ("$count_less", [1], ["empty", "missing", "null"]),
        ("$after", ["2026-02-28T23:59:59.999Z"], ["date"]),
        ("$before", ["2026-03-01"], []),
        ("$this_month", [], ["date"]),
        ("$today", [], []),
    ],
)
async def test_metadata_is_compared_as_what_it_is(
    connection: Connection, operator: str, values: list[Any], found: list[str]
) -> None:
    held = [{"name": name, "metadata": f'{{"k": {value}}}'} for name, value in METADATA.items()]
    async with rows(connection, *held, {"name": "missing", "metadata": "{}"}):
        assert await find(connection, one("metadata.k", operator, *values)) == found


async def test_a_dotted_key_is_itself_or_a_key_of_a_nested_object(connection: Connection) -> None:
    async with rows(
        connection,
        {"name": "nested", "metadata": '{"a": {"b.c": 1}}'},
        {"name": "flat", "metadata": '{"a.b.c": 1}'},
        {"name": "deeper", "metadata": '{"a": {"b": {"c": 1}}}'},
    ):
        assert await find(connection, one("metadata.a.b.c", "$is", 1)) == ["flat", "nested"]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-11", "2026-03-11T00:00:00Z"),
        ("2026-03-11T10", "2026-03-11T10:00:00Z"),
        ("2026-03-11T10Z", "2026-03-11T10:00:00Z"),
        ("2026-03-11T10+02", "2026-03-11T08:00:00Z"),
        ("2026-03-11T10:20", "2026-03-11T10:20:00Z"),
        ("2026-03-11T10:20:30", "2026-03-11T10:20:30Z"),
        ("2026-03-11T10:20:30.5Z", "2026-03-11T10:20:30.5Z"),
        ("2026-03-11T10:20:30.123456789-05:30", "2026-03-11T15:50:30.123457Z"),
        ("2026-03-11T10:20+0200", "2026-03-11T08:20:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2000-02-29T00:00Z", "2000-02-29T00:00:00Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ("2023-02-29", None),
        ("1900-02-29", None),
        ("2026-04-31", None),
        ("2026-13-01", None),
        ("2026-00-10", None),
        ("0000-01-01", None),
        ("2026-03-11T24:00", None),
        ("2026-03-11T10:60", None),
        ("2026-03-11T10:20:60Z", None),
        ("2026-03-11T10:20:30+16:00", None),
        ("2026-03-11 10:20", None),
        ("2026-03-11T10:20:30.Z", None),
        ("now", None),
        ("infinity", None),
        ("2026-03-11\n", None),
        ("", None),
    ],
)
async def test_text_in_metadata_is_an_instant_only_if_the_wire_would_read_it(
    connection: Connection, text: str, instant: str | None
) -> None:
    value = '"' + text.replace("\n", "\\n") + '"'
    async with rows(connection, {"name": text, "metadata": f'{{"k": {value}}}'}):
        before, after = "0001-01-01T00:00:00.001Z", "9999-12-31T23:59:59.999999Z"
        assert await find(connection, one("metadata.k", "$after", before)) == ([text] if instant else [])
        if instant:
            shown = datetime.fromisoformat(instant)
            later = (shown + timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")
            earlier = shown.isoformat().replace("+00:00", "Z")
            assert await find(connection, one("metadata.k", "$before", min(later, after))) == [text]
            assert await find(connection, one("metadata.k", "$before", earlier)) == []


# --- fields and operators ----------------------------------------------------------------------------


async def test_without_filters_everything_is_found(connection: Connection) -> None:
    async with rows(connection, {"name": "a"}, {"name": "b"}):
        assert await find(connection, None) == ["a", "b"]
        assert await find(connection, {"junction": "or"}) == ["a", "b"]


async def test_fields_are_joined_by_the_junction_and_conditions_of_one_field_always_all_hold(
    connection,
) -> None:
    tree = {
        "name": {"conditions": {"$starts_with": "t", "$ends_with": "a"}},
        "price": {"conditions": {"$more_than": 5}},
    }
    async with rows(
        connection,
        {"name": "tea", "price": Decimal(9)},
        {"name": "toa", "price": Decimal(1)},
        {"name": "tee", "price": Decimal(1)},
        {"name": "cake", "price": Decimal(9)},
    ):
        assert await find(connection, tree) == ["tea"]
        assert await find(connection, {"junction": "AND", **tree}) == ["tea"]
        assert await find(connection, {"junction": "or", **tree}) == ["cake", "tea", "toa"]


async def test_conditions_of_one_metadata_key_all_hold(connection: Connection) -> None:
    tree = {"metadata.k": {"conditions": {"$is_not": [7], "$more_than": [5], "$less_than": [9]}}}
    async with rows(connection, *({"name": str(n), "metadata": f'{{"k": {n}}}'} for n in range(5, 11))):
        assert await find(connection, tree) == ["6", "8"]
        assert await find(connection, {"junction": "or", **tree, **one("name", "$is", "5")}) == [
            "5",
            "6",
            "8",
        ]
    # A comparison of metadata is one with numbers or with dates: its two halves stay together.
    days_and_words = {"metadata.k": {"conditions": {"$more_than": [1], "$contains": ["2026-03-01"]}}}
    async with rows(
        connection,
        {"name": "number", "metadata": '{"k": 5}'},
        {"name": "first", "metadata": '{"k": "2026-03-01"}'},
        {"name": "second", "metadata": '{"k": "2026-03-02"}'},
    ):
        assert await find(connection, days_and_words) == ["first"]


async def test_a_special_operator_means_what_its_field_says(connection: Connection) -> None:
    async with rows(
        connection,
        {"name": "old", "tasty": False, "made_at": NOW - timedelta(days=2)},
        {"name": "new", "tasty": True, "made_at": NOW},
    ):
        assert await find(connection, one("status", "$active", "")) == ["new"]
        assert await find(connection, one("status", "$expired")) == ["old"]
        assert await find(connection, one("status", "$expired"), now=NOW + timedelta(days=3)) == [
            "new",
            "old",
        ]
        assert await find(connection, one("status", "$is", "old")) == ["old"]


@pytest.mark.parametrize("source", ["query", "body"])
@pytest.mark.parametrize("name", ["secret", "t.name", "metadata", "metadata.", "metadata_x", "name.x", "*"])
async def test_an_unknown_field_is_refused_by_name(source, name: str) -> None:
    filters = parse_filters(one(name, "$is", "x"), source=source)
    with pytest.raises(ApiError) as refusal:
        compile_filters(filters, COLUMNS, Params(), now=NOW, timezone=WARSAW)
    assert refusal.value.key == {"query": "invalid_query_params", "body": "invalid_payload"}[source]
    assert refusal.value.details == f"Property .filters.{name} is not allowed"


async def test_the_name_of_the_factory_is_no_way_to_it(connection: Connection) -> None:
    async with rows(connection, {"name": "star", "metadata": '{"*": 1}'}, {"name": "none", "metadata": "{}"}):
        assert await find(connection, one("metadata.*", "$is", 1)) == ["star"]


@pytest.mark.parametrize(
    ("field", "operator", "value", "problem"),
    [
        ("price", "$is", "ten", "must be number"),
        ("price", "$is", True, "must be number"),
        ("price", "$more_than", "", "must be number"),
        ("price", "$more_than", "1e999999", "must be number"),
        ("price", "$more_than", "٣", "must be number"),
        ("price", "$more_than", 10**900, "must be number"),
        ("tasty", "$is", "yes", "must be boolean"),
        ("made_at", "$after", "soon", "cannot be recognized as a ISO-8601 compliant date"),
        ("made_at", "$after", 5, "cannot be recognized as a ISO-8601 compliant date"),
        ("made_at", "$is", "9999-12-31", "cannot be recognized as a ISO-8601 compliant date"),
        ("made_at", "$more_than", "2026-01-01", "must be integer"),
        ("made_at", "$more_than", 1.5, "must be integer"),
        ("made_at", "$less_than", "-1", "must be >= 0"),
        ("made_at", "$less_than", 365_001, "must be <= 365000"),
        ("made_at", "$is_years_ago", 1001, "must be <= 1000"),
        ("made_at", "$is_month", 13, "must be <= 12"),
        ("made_at", "$is_day", -1, "must be >= 0"),
        ("birthdate", "$is", "1990-02-30", "cannot be recognized as a ISO-8601 compliant date"),
        ("tags", "$count", "many", "must be integer"),
        ("metadata.k", "$after", "soon", "cannot be recognized as a ISO-8601 compliant date"),
        ("metadata.k", "$more_than", "soon", "must be number"),
        ("name", "$is", 10**900, "must be string"),
    ],
)
async def test_a_value_of_another_kind_is_refused(
    field: str, operator: str, value: Any, problem: str
) -> None:
    filters = parse_filters(one(field, operator, value), source="query")
    with pytest.raises(ApiError) as refusal:
        compile_filters(filters, COLUMNS, Params(), now=NOW, timezone=WARSAW)
    assert refusal.value.details == f"Property .filters.{field}.conditions.{operator} {problem}"


async def test_an_operator_that_the_field_does_not_have_is_refused_with_those_it_has() -> None:
    filters = parse_filters(one("status", "$more_than", 1), source="body", path=".parameters.filters")
    with pytest.raises(ApiError) as refusal:
        compile_filters(filters, COLUMNS, Params(), now=NOW, timezone=WARSAW)
    assert refusal.value.key == "invalid_payload"
    assert refusal.value.details == (
        "Property .parameters.filters.status should match either "
        "`filters[${field}][conditions][${condition}][${index}]` or "
        "`filters[${field}][conditions][${condition}]` format and condition must be one of: "
        "$in, $not_in, $is, $is_not, $has_value, $is_unknown, $contains, $not_contain, $starts_with, "
        "$ends_with, $active, $expired"
    )


FIELDS = [*(name for name in COLUMNS if name != "metadata.*"), "metadata.k", "metadata.a.b"]
WILD_VALUES = ["", "5", "-1", "2026-03-11", "2026-03-11T10", "true", "'", "%\\", 5, -1, 0.5, 1e300, True]


@pytest.mark.parametrize("field", FIELDS)
async def test_every_operator_is_either_refused_or_understood_by_the_database(
    connection: Connection, field: str
) -> None:
    held = [{"name": name, "metadata": f'{{"k": {value}}}'} for name, value in METADATA.items()]
    understood = 0
    async with rows(connection, *held, {"made_at": NOW, "birthdate": date(2024, 2, 29), "tags": ["a"]}):
        for operator in OPERATORS:
            for value in WILD_VALUES:
                with contextlib.suppress(ApiError):
                    await connection.fetch(*_statement(field, operator, value))
                    understood += 1
    assert understood >= 12


def _statement(field: str, operator: str, value: Any) -> tuple[Any, ...]:
    filters = parse_filters(one(field, operator, value), source="query")
    params = Params()
    where = compile_filters(filters, COLUMNS, params, now=NOW, timezone=WARSAW)
    return (f"SELECT 1 FROM things t WHERE {where}", *params.values)


_scalars = st.one_of(
    st.text(max_size=8), st.integers(), st.floats(), st.booleans(), st.sampled_from(WILD_VALUES)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from(FIELDS) | st.text(max_size=6).map("metadata.".__add__),
    operator=st.sampled_from(OPERATORS),
    values=st.lists(_scalars, max_size=3),
    junction=st.sampled_from(["and", "or"]),
)
async def test_no_value_makes_the_database_fail(
    connection: Connection, field: str, operator: str, values: list[Any], junction: str
) -> None:
    tree = {"junction": junction, **one(field, operator, *values)}
    with contextlib.suppress(ApiError):
        await find(connection, tree)


def kinds_of_columns() -> Iterator[Kind]:
    for column in COLUMNS.values():
        yield column.kind if isinstance(column, Column) else "jsonb"


async def test_the_columns_of_these_tests_are_of_every_kind() -> None:
    assert set(kinds_of_columns()) == set(get_args(Kind))
