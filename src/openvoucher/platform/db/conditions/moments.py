"""The operators of time as SQL, for columns of the kinds instant, date and jsonb."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from openvoucher.platform.db.conditions import calendar_periods, jsonb_terms
from openvoucher.platform.db.conditions.columns import Column, Params
from openvoucher.platform.db.conditions.filter_values import add_precision

# Part of a date, with the values that it can have. Days of the week as in the rest of the API: 0 is Sunday.
PARTS: Final = {
    "$is_day_of_month": ("DAY", 1, 31),
    "$is_day": ("DOW", 0, 6),
    "$is_month": ("MONTH", 1, 12),
    "$is_year": ("YEAR", 1, 9999),
}
DISTANCES: Final = frozenset({"$more_than_ago", "$less_than_ago", "$more_than_future", "$less_than_future"})
PERIODS: Final = calendar_periods.PLAIN_PERIODS | calendar_periods.COUNTED_PERIODS
ANNIVERSARIES: Final = calendar_periods.PLAIN_ANNIVERSARIES | calendar_periods.COUNTED_ANNIVERSARIES


@dataclass(frozen=True, slots=True)
class Moments:
    """Terms relative to `now`, and to today in the project's `zone`."""

    params: Params
    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def is_before(self, column: Column, instant: datetime) -> str:
        return f"{self._instant(column)} < {self.params.add(instant)}::timestamptz"

    def is_after(self, column: Column, instant: datetime) -> str:
        """After what the wire shows: a row of the same millisecond would come back to whoever pages by it."""
        return f"{self._instant(column)} >= {self.params.add(add_precision(instant))}::timestamptz"

    def is_within_one(self, column: Column, ranges: Sequence[tuple[datetime, datetime]]) -> str:
        """In one of the half-open ranges. `column` is an instant.

        The name of the ranges hides a table of that name in the statement around: no store may use it.
        """
        lows = self.params.add([low for low, _ in ranges])
        highs = self.params.add([high for _, high in ranges])
        return (
            f"EXISTS (SELECT 1 FROM unnest({lows}::timestamptz[], {highs}::timestamptz[]) AS span(low, high)"  # noqa: S608 - placeholders and our own text
            f" WHERE {column.sql} >= span.low AND {column.sql} < span.high)"
        )

    def lies_days_away(self, column: Column, operator: str, days: int) -> str:
        """Instants are measured from now, dates (which have no time of day) from today.

        "Less than 5 days ago" ends with now: what is still to come is not ago at all.
        """
        if column.kind == "date":
            term, cast = f"{column.sql}::timestamp", "timestamp"
            base = datetime.combine(self.today, time.min)
        else:
            term, cast = self._instant(column), "timestamptz"
            base = self.now.astimezone(UTC)
        away = timedelta(days=days if operator.endswith("_future") else -days)
        there = f"{self.params.add(base + away)}::{cast}"
        match operator:
            case "$more_than" | "$more_than_ago":
                return f"{term} < {there}"
            case "$more_than_equal":
                return f"{term} <= {there}"
            case "$more_than_future":
                return f"{term} > {there}"
        here = f"{self.params.add(base)}::{cast}"
        match operator:
            case "$less_than" | "$less_than_ago":
                return f"({term} > {there} AND {term} <= {here})"
            case "$less_than_equal":
                return f"({term} >= {there} AND {term} <= {here})"
        return f"({term} >= {here} AND {term} < {there})"

    def is_part(self, column: Column, operator: str, wanted: Sequence[int]) -> str:
        part, _, _ = PARTS[operator]
        return f"EXTRACT({part} FROM {self._local_time(column)})::int = ANY({self.params.add(wanted)}::int[])"

    def is_in_period(self, column: Column, operator: str, count: int) -> str:
        """A range of instants where the column is one, so that its index serves."""
        first, end = calendar_periods.find_period(operator, self.today, count)
        if column.kind == "instant":
            low = f"{self.params.add(calendar_periods.find_day_start(first, self.zone))}::timestamptz"
            high = f"{self.params.add(calendar_periods.find_day_start(end, self.zone))}::timestamptz"
            return f"({column.sql} >= {low} AND {column.sql} < {high})"
        low, high = f"{self.params.add(first)}::date", f"{self.params.add(end)}::date"
        local = self._local_time(column)
        return f"({local} >= {low} AND {local} < {high})"

    def is_anniversary(self, column: Column, operator: str, count: int) -> str:
        month_days, included = calendar_periods.find_month_days(operator, self.today, count)
        local = self._local_time(column)
        term = f"(EXTRACT(MONTH FROM {local}) * 100 + EXTRACT(DAY FROM {local}))::int"
        return f"{term} {'= ANY' if included else '<> ALL'}({self.params.add(sorted(month_days))}::int[])"

    def _instant(self, column: Column) -> str:
        match column.kind:
            case "date":
                return f"({column.sql}::timestamp AT TIME ZONE 'UTC')"
            case "jsonb":
                return jsonb_terms.read_instant(column.sql)
        return column.sql

    def _local_time(self, column: Column) -> str:
        if column.kind == "date":
            return f"{column.sql}::timestamp"
        zone = f"{self.params.add(self.zone.key)}::text"
        if column.kind == "jsonb":
            return jsonb_terms.read_local_time(column.sql, zone)
        return f"({column.sql} AT TIME ZONE {zone})"
