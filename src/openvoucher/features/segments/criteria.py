"""The filter of a segment: read, checked, turned into a condition on the customer `c`."""

import dataclasses
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from openvoucher.features.segments.columns import COLUMNS, group_columns, is_misnamed
from openvoucher.platform.db.conditions import Column, Params, compile_filters
from openvoucher.wire.filters import OPERATORS, Condition, Filters, parse_filters

# Nobody is born next month: of birthdays a period means the days of any year.
_ANNIVERSARIES: Final = {
    operator: f"{operator}_md" for operator in OPERATORS if f"{operator}_md" in OPERATORS
}
_BIRTHDAYS: Final = ("birthdate", "birthday")

_UTC: Final = ZoneInfo("UTC")
# Two moments of which nothing that a filter can ask for is the same: hour, day, week, month, year.
_MOMENTS: Final = (datetime(2001, 1, 1, 3, tzinfo=UTC), datetime(2002, 5, 15, 18, tzinfo=UTC))


def read_criteria(sent: Any) -> Filters:
    """The `filter` of a body, or a stored one. One without conditions means every customer.

    Raises invalid_payload for all that could not be asked later.
    """
    filters = parse_filters(sent, source="body", path=".filter")
    for condition in filters.conditions:
        if is_misnamed(condition.field):
            raise filters.refuse_field(condition.field)
    read = dataclasses.replace(filters, conditions=tuple(map(_read_birthday, filters.conditions)))
    compile_criteria(read, Params(), now=_MOMENTS[0], timezone=_UTC)
    return read


def compile_criteria(filters: Filters, params: Params, *, now: datetime, timezone: ZoneInfo) -> str:
    """The condition; `timezone` is the project's."""
    return compile_filters(filters, COLUMNS, params, now=now, timezone=timezone)


def compile_criteria_of_all(
    filters: Filters, params: Params, *, project_id: int, now: datetime, timezone: ZoneInfo
) -> str:
    """The same, for a statement that asks it of all customers (a count, a list): they are asked together."""
    if not _group_columns(filters, project_id, Params())[1]:
        return compile_criteria(filters, params, now=now, timezone=timezone)
    selection = select_matching(filters, params, project_id=project_id, now=now, timezone=timezone)
    # The array is made once. Of what comes out of it the planner expects a handful, and so makes a hash table
    # of it; of the bare selection it may expect so few that it compares everybody with everybody. Without
    # "is true" the condition became a join, and a million members were looked up by their ids one by one.
    return f"(c.id in (select unnest(array(select c.id from {selection})))) is true"  # noqa: S608 - placeholders and our own text


def select_matching(
    filters: Filters, params: Params, *, project_id: int, now: datetime, timezone: ZoneInfo
) -> str:
    """All customers `c` who match, as what a `select ... from` goes on with."""
    columns, joins = _group_columns(filters, project_id, params)
    condition = compile_filters(filters, {**COLUMNS, **columns}, params, now=now, timezone=timezone)
    place = params.add(project_id)
    return (
        f"customer c {' '.join(joins)}"
        f" where c.project_id = {place}::integer and c.deleted_at is null and {condition}"
    )


def _group_columns(filters: Filters, project_id: int, params: Params) -> tuple[dict[str, Column], list[str]]:
    return group_columns({condition.field for condition in filters.conditions}, project_id, params)


def follows_time(filters: Filters) -> bool:
    """Whether a customer to whom nothing happens can come to match, or cease to.

    Found by asking at two moments: a filter that means the same at both follows no time. Of metadata
    nobody knows whether it holds dates, so a comparison with a number counts as one with an age.
    """
    return len({_ask(filters, moment) for moment in _MOMENTS}) > 1


def _ask(filters: Filters, now: datetime) -> tuple[str, str]:
    params = Params()
    return compile_criteria(filters, params, now=now, timezone=_UTC), repr(params.values)


def _read_birthday(condition: Condition) -> Condition:
    if condition.field not in _BIRTHDAYS:
        return condition
    operator = _ANNIVERSARIES.get(condition.operator, condition.operator)
    return dataclasses.replace(condition, operator=operator)
