"""Reading filters, and which of them time can change."""

from typing import Any

import pytest

from openvoucher.features.segments.criteria import follows_time, read_criteria
from openvoucher.wire.errors import ApiError


def one(field: str, operator: str, value: Any = True) -> dict[str, Any]:
    return {field: {"conditions": {operator: value}}}


@pytest.mark.parametrize(
    ("filter", "problem"),
    [
        ({"junction": "xor"}, "Property .filter has wrong `junction` property. It must be one of: and, or"),
        (one("nonsense", "$is", 1), "Property .filter.nonsense is not allowed"),
        (one("events", "$is", 1), "Property .filter.events is not allowed"),
        (one("events.sign-up", "$is", 1), "Property .filter.events.sign-up is not allowed"),
        (one("events..count", "$is", 1), "Property .filter.events..count is not allowed"),
        (one("loyalty_points.points", "$is", 1), "Property .filter.loyalty_points.points is not allowed"),
        (
            one("loyalty_points.campaigns.X", "$is", 1),
            "Property .filter.loyalty_points.campaigns.X is not allowed",
        ),
        (one("metadata.", "$is", 1), "Property .filter.metadata. is not allowed"),
        (
            one("events.x.count", "$more_than", "many"),
            "Property .filter.events.x.count.conditions.$more_than must be number",
        ),
        (
            one("created_at", "$less_than", -1),
            "Property .filter.created_at.conditions.$less_than must be >= 0",
        ),
        (
            one("birthdate", "$is", "spring"),
            "Property .filter.birthdate.conditions.$is cannot be recognized as a ISO-8601 compliant date",
        ),
        (
            one("birthdate", "$more_than", []),
            "Property .filter.birthdate.conditions.$more_than must NOT have fewer than 1 items",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(filter: dict[str, Any], problem: str) -> None:
    with pytest.raises(ApiError) as refusal:
        read_criteria(filter)
    assert (refusal.value.key, refusal.value.details) == ("invalid_payload", problem)


@pytest.mark.parametrize(
    "filter",
    [
        one("name", "$more_than", 1),
        one("events.x.count", "$contains", "1"),
        one("created_at", "$contains", "2026"),
        one("metadata.place", "$in_location", "loc_1"),
        {"name": {"conditions": {"$like": "x"}}},
        {"name": "Ann"},
        {"name": {"conditions": {"$is": {"a": 1}}}},
    ],
)
def test_an_operator_that_a_field_does_not_have_is_refused(filter: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refusal:
        read_criteria(filter)
    assert refusal.value.key == "invalid_payload"
    assert (refusal.value.details or "").startswith("Property .filter")


@pytest.mark.parametrize(
    ("filter", "follows"),
    [
        ({}, False),
        (one("name", "$is", "Ann"), False),
        (one("name", "$is_unknown"), False),
        (one("summary.orders.total_amount", "$more_than", 5), False),
        (one("events.x.count", "$less_than", 5), False),
        (one("created_at", "$after", "2026-01-01"), False),
        (one("created_at", "$is", "2026-01-01"), False),
        (one("created_at", "$is", 3), True),
        (one("created_at", "$is_not", 3), True),
        (one("created_at", "$more_than", 30), True),
        (one("created_at", "$less_than_equal", 30), True),
        (one("created_at", "$more_than_ago", 30), True),
        (one("created_at", "$less_than_future", 30), True),
        (one("created_at", "$today"), True),
        (one("created_at", "$this_month"), True),
        (one("created_at", "$this_year"), True),
        (one("created_at", "$is_years_ago", 1), True),
        (one("created_at", "$is_month", 3), False),
        (one("birthdate", "$next_month"), True),
        (one("birthdate", "$this_week_md"), True),
        (one("birthdate", "$is_days_in_future_md", 5), True),
        (one("birthdate", "$is_more_days_ago_md", 5), True),
        (one("birthdate", "$before", "2000-01-01"), False),
        (one("summary.orders.last_order_date", "$more_than", 5), True),
        # It might be a number; it might be a date.
        (one("metadata.x", "$more_than", 5), True),
        (one("metadata.x", "$more_than", 5.5), False),
        (one("metadata.x", "$is", 5), False),
        ({**one("name", "$is", "Ann"), **one("created_at", "$yesterday")}, True),
    ],
)
def test_whether_a_filter_follows_time(filter: dict[str, Any], follows: bool) -> None:
    assert follows_time(read_criteria(filter)) is follows
