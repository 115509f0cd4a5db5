from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.wire.dates import format_instant, parse_date, parse_instant


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T10", "2026-03-01T10:00:00.000Z"),
        ("2026-03-01T10Z", "2026-03-01T10:00:00.000Z"),
        ("2026-03-01T10:20", "2026-03-01T10:20:00.000Z"),
        ("2026-03-01T10:20:30", "2026-03-01T10:20:30.000Z"),
        ("2026-03-01T10:20:30Z", "2026-03-01T10:20:30.000Z"),
        ("2026-03-01T10:20:30.4Z", "2026-03-01T10:20:30.400Z"),
        ("2026-03-01T10:20:30.456Z", "2026-03-01T10:20:30.456Z"),
        ("2026-03-01T10:20:30.456", "2026-03-01T10:20:30.456Z"),
        ("2026-03-01T10:20:30.999999999Z", "2026-03-01T10:20:30.999Z"),
        ("2026-03-01T10:20:30.456+02:00", "2026-03-01T08:20:30.456Z"),
        ("2026-03-01T10:20-0530", "2026-03-01T15:50:00.000Z"),
        ("2026-03-01T00+14", "2026-02-28T10:00:00.000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_every_form_of_the_wire_is_read_and_shown_in_one(text: str, shown: str) -> None:
    assert format_instant(parse_instant(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026",
        "2026-03",
        "2026-3-1",
        "20260301",
        "2026-02-30",
        "2023-02-29",
        "2026-13-01",
        "0000-01-01",
        "12026-01-01",
        "-0001-01-01",
        "2026-03-01T",
        "2026-03-01T1",
        "2026-03-01T24:00",
        "2026-03-01T10:60",
        "2026-03-01T10:20:60",
        "2026-03-01T10:20:30.Z",
        "2026-03-01T10:20:30,5Z",
        "2026-03-01T10:20:30+16:00",
        "2026-03-01T10:20:30+02:60",
        "2026-03-01Z",
        "2026-03-01 10:20:30",
        "2026-03-01t10:20:30z",
        "2026-03-01T10:20:30Z\n",
        " 2026-03-01",
        "٢٠٢٦-03-01",
        "2026-W10-1",
        "1767225600",
        # Years 0 and 10000 in UTC.
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 8601 date"):
        parse_instant(text)


def test_an_instant_is_aware_and_in_utc_to_the_microsecond() -> None:
    instant = parse_instant("2026-03-01T10:20:30.123456789+02:00")
    assert instant == datetime(2026, 3, 1, 8, 20, 30, 123_456, tzinfo=UTC)
    assert instant.tzinfo is UTC


def test_an_instant_never_looks_later_than_it_is() -> None:
    assert format_instant(datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC)) == "2026-03-01T23:59:59.999Z"


def test_an_instant_of_another_zone_is_shown_in_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert format_instant(datetime(2026, 3, 1, 5, 30, tzinfo=east)) == "2026-03-01T00:00:00.000Z"


def test_a_naive_datetime_is_not_shown() -> None:
    with pytest.raises(ValueError, match="time zone"):
        format_instant(datetime(2026, 3, 1))  # noqa: DTZ001


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_shown_is_read_back_to_the_millisecond(instant: datetime) -> None:
    shown = format_instant(instant)
    assert len(shown) == len("2026-03-01T10:20:30.456Z")
    assert parse_instant(shown) == instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    assert format_instant(parse_instant(shown)) == shown


@given(st.text(st.sampled_from("0123456789-:.TZ+ ")) | st.text())
def test_no_text_fails_otherwise_than_with_a_value_error(text: str) -> None:
    for parse in (parse_instant, parse_date):
        try:
            parse(text)
        except ValueError:
            continue


def test_a_date_is_a_day() -> None:
    assert parse_date("1992-02-29") == date(1992, 2, 29)


@pytest.mark.parametrize(
    "text", ["", "1993-02-29", "1992-2-29", "19920229", "1992-02-29T00:00:00Z", "1992-W09-6"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 8601 date"):
        parse_date(text)
