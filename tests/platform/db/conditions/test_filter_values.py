from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openvoucher.platform.db.conditions.filter_values import (
    add_precision,
    escape_pattern,
    read_boolean,
    read_day,
    read_instant,
    read_instant_range,
    read_number,
    read_text,
    read_whole_number,
)

TODAY = date(2026, 3, 11)
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (5, "5"),
        ("5", "5"),
        ("-0.50", "-0.50"),
        (0.1, "0.1"),
        ("1e3", "1000"),
        (1e308, "1e308"),
        (-(2**64), "-18446744073709551616"),
    ],
)
def test_a_number_is_exact(sent: Any, number: str) -> None:
    assert read_number(sent) == Decimal(number)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        " 5",
        "5,0",
        "+5",
        "0x5",
        "1_000",
        "nan",
        "Infinity",
        "\u0665",
        "1e1000",
        "9" * 401,
        True,
        float("inf"),
        10**500,
    ],
    ids=str,
)
def test_what_no_numeric_column_holds_is_no_number(sent: Any) -> None:
    assert read_number(sent) is None


@pytest.mark.parametrize(("sent", "number"), [("5", 5), (5.0, 5), ("5.0", 5), ("1e2", 100), (-3, -3)])
def test_a_whole_number_may_be_spelled_with_decimals(sent: Any, number: int) -> None:
    assert read_whole_number(sent) == number


@pytest.mark.parametrize("sent", ["5.5", 0.5, "1e10", 10**10, "", True])
def test_what_is_not_whole_or_too_large_is_no_whole_number(sent: Any) -> None:
    assert read_whole_number(sent) is None


@pytest.mark.parametrize(
    ("sent", "value"),
    [(True, True), ("TRUE", True), ("False", False), ("", None), ("1", None), (1, None), (0.0, None)],
)
def test_a_boolean_is_true_or_false_in_any_case(sent: Any, value: bool | None) -> None:
    assert read_boolean(sent) is value


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("A", "A"),
        ("", ""),
        (5, "5"),
        (5.0, "5"),
        (0.5, "0.5"),
        (1e20, "1" + "0" * 20),
        (False, "false"),
        (10**500, None),
    ],
    ids=range(8),
)
def test_text_is_what_json_would_show(sent: Any, text: str | None) -> None:
    assert read_text(sent) == text


def test_an_instant_is_text_of_the_wire() -> None:
    assert read_instant("2026-03-11T10") == datetime(2026, 3, 11, 10, tzinfo=UTC)
    assert read_instant("soon") is None
    assert read_instant(5) is None


@pytest.mark.parametrize(
    ("sent", "low", "high"),
    [
        ("2026-03-11", "2026-03-10T15:00:00Z", "2026-03-11T15:00:00Z"),
        ("1", "2026-03-09T15:00:00Z", "2026-03-10T15:00:00Z"),
        (0, "2026-03-10T15:00:00Z", "2026-03-11T15:00:00Z"),
        ("2026-03-11T10:00:00.1239Z", "2026-03-11T10:00:00.123Z", "2026-03-11T10:00:00.124Z"),
    ],
)
def test_equality_with_a_date_is_its_day_and_with_an_instant_its_millisecond(
    sent: Any, low: str, high: str
) -> None:
    assert read_instant_range(sent, TODAY, TOKYO) == (
        datetime.fromisoformat(low),
        datetime.fromisoformat(high),
    )


@pytest.mark.parametrize("sent", ["soon", -1, 365_001, 0.5, True, "0001-01-01", "9999-12-31"])
def test_what_has_no_range_within_all_time_is_refused(sent: Any) -> None:
    assert read_instant_range(sent, TODAY, TOKYO) is None


@pytest.mark.parametrize(
    ("sent", "day"),
    [("2026-02-28", date(2026, 2, 28)), (1, date(2026, 3, 10)), ("2026-02-30", None), (-1, None)],
)
def test_a_day_is_a_date_or_a_number_of_days_ago(sent: Any, day: date | None) -> None:
    assert read_day(sent, TODAY) == day


def test_the_millisecond_after_the_last_is_the_last_instant() -> None:
    assert add_precision(datetime(2026, 3, 11, 0, 0, 0, 1, tzinfo=UTC)) == datetime(
        2026, 3, 11, 0, 0, 0, 1000, tzinfo=UTC
    )
    last = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert add_precision(last) == last


def test_a_pattern_matches_only_itself() -> None:
    assert escape_pattern("50%_\\a") == "50\\%\\_\\\\a"
