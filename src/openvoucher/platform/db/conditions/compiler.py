"""Filters into SQL: the shape of the whole, and every operator but those of time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from openvoucher.platform.db.conditions import filter_values, jsonb_terms, moments
from openvoucher.platform.db.conditions.columns import Column, ColumnFactory, Kind, Params
from openvoucher.wire.filters import OPERATORS, Condition, Filters, FilterValue
from openvoucher.wire.ids import parse_id

_Read = TypeVar("_Read")


def compile_filters(
    filters: Filters,
    columns: Mapping[str, Column | ColumnFactory],
    params: Params,
    *,
    now: datetime,
    timezone: ZoneInfo,
) -> str:
    """A boolean expression for a WHERE clause: TRUE when there is nothing to filter by.

    `columns` maps field names to columns, and `<name>.*` to a factory for every other field that
    starts with `<name>.`. `timezone` is the project's: its days are the days of `$today` and the
    like. A row without a value meets no condition but the negative ones (`$is_not`, `$not_in`,
    `$not_contain`) and `$is_unknown`.

    Raises the error of the place where the filters stood (`invalid_query_params`,
    `invalid_payload`) for an unknown field, an operator that the field does not have, and a value
    that is not of its kind.
    """
    fields: dict[str, list[str]] = {}
    found: dict[str, Column] = {}
    compiler = _Compiler(filters, params, moments.Moments(params, now, timezone))
    for condition in filters.conditions:
        if condition.field not in found:
            found[condition.field] = compiler.find_column(condition.field, columns)
        term = compiler.compile(found[condition.field], condition)
        fields.setdefault(condition.field, []).append(f"({term})")
    if not fields:
        return "TRUE"
    joint = " OR " if filters.junction == "or" else " AND "
    return "(" + joint.join("(" + " AND ".join(terms) + ")" for terms in fields.values()) + ")"


_PRESENCE = frozenset({"$has_value", "$is_unknown"})
_EQUALITY = frozenset({"$in", "$not_in", "$is", "$is_not"})
_RESEMBLANCE = frozenset({"$contains", "$not_contain", "$starts_with", "$ends_with"})
_COMPARISON = frozenset({"$more_than", "$less_than", "$more_than_equal", "$less_than_equal"})
_COUNT = {"$count": "=", "$count_more": ">", "$count_less": "<"}
_ORDER = frozenset({"$after", "$before"})
_TIME = _ORDER | moments.DISTANCES | moments.PARTS.keys() | moments.PERIODS | moments.ANNIVERSARIES

_SUPPORTED: Final[dict[Kind, frozenset[str]]] = {
    "text": _PRESENCE | _EQUALITY | _RESEMBLANCE,
    "id": _PRESENCE | _EQUALITY | _RESEMBLANCE,
    "number": _PRESENCE | _EQUALITY | _COMPARISON,
    "boolean": _PRESENCE | _EQUALITY,
    "instant": _PRESENCE | _EQUALITY | _COMPARISON | _TIME,
    "date": _PRESENCE | _EQUALITY | _COMPARISON | _TIME,
    "text_array": _PRESENCE | _EQUALITY | _RESEMBLANCE | _COUNT.keys(),
    "json_array": _PRESENCE | _EQUALITY | _RESEMBLANCE | _COUNT.keys(),
    "jsonb": _PRESENCE | _EQUALITY | _RESEMBLANCE | _COUNT.keys() | _COMPARISON | _TIME,
}
# A negative operator is whatever its positive one is not, so that rows without a value meet it.
_NEGATIONS: Final = {"$not_in": "$in", "$is_not": "$is", "$not_contain": "$contains"}
_SIGNS: Final = {"$more_than": ">", "$less_than": "<", "$more_than_equal": ">=", "$less_than_equal": "<="}

_MAX_COUNT: Final = 10**9
_MAX_YEARS: Final = 1000

_NOT_A_DATE: Final = "cannot be recognized as a ISO-8601 compliant date"


@dataclass(frozen=True, slots=True)
class _Compiler:
    filters: Filters
    params: Params
    moments: moments.Moments

    def find_column(self, name: str, columns: Mapping[str, Column | ColumnFactory]) -> Column:
        column = columns.get(name)
        # A field that is literally called "metadata.*" asks for the key "*".
        if isinstance(column, Column):
            return column
        head, _, key = name.partition(".")
        factory = columns.get(f"{head}.*")
        if key == "" or factory is None or isinstance(factory, Column):
            raise self.filters.refuse_field(name)
        return factory(key, self.params)

    def compile(self, column: Column, condition: Condition) -> str:
        operator = condition.operator
        if operator in column.special:
            return self._place_now(column.special[operator])
        supported = _SUPPORTED[column.kind]
        if operator not in supported:
            known = tuple(name for name in OPERATORS if name in supported or name in column.special)
            raise self.filters.refuse_operator(condition.field, known)
        if operator == "$is_unknown":
            return f"({self._is_present(column)}) IS NOT TRUE"
        if operator in _NEGATIONS:
            positive = Condition(condition.field, _NEGATIONS[operator], condition.values)
            return f"({self._match(column, positive)}) IS NOT TRUE"
        return self._match(column, condition)

    def _place_now(self, sql: str) -> str:
        # A parameter that no text mentions has no type, and PostgreSQL refuses the statement.
        if "{now}" not in sql:
            return sql
        return sql.replace("{now}", f"{self.params.add(self.moments.now)}::timestamptz")

    def _match(self, column: Column, condition: Condition) -> str:
        operator = condition.operator
        if operator == "$has_value":
            return self._is_present(column)
        if operator in _EQUALITY:
            return self._equals(column, condition)
        if operator in _RESEMBLANCE:
            return self._resembles(column, condition)
        if operator in _COUNT:
            count = self.params.add(self._read_whole(condition, _MAX_COUNT))
            return f"{self._count(column)} {_COUNT[operator]} {count}::bigint"
        if operator in _COMPARISON:
            return self._compares(column, condition)
        return self._is_at_time(column, condition)

    def _is_present(self, column: Column) -> str:
        match column.kind:
            case "jsonb":
                return f"jsonb_typeof({column.sql}) <> 'null'"
            case "text_array" | "json_array":
                return f"{self._count(column)} > 0"
        return f"{column.sql} IS NOT NULL"

    def _count(self, column: Column) -> str:
        if column.kind == "text_array":
            return f"COALESCE(cardinality({column.sql}), 0)"
        return jsonb_terms.count_elements(column.sql)

    # --- is and contains -----------------------------------------------------------------------

    def _equals(self, column: Column, condition: Condition) -> str:
        sql = column.sql
        match column.kind:
            case "number":
                numbers = self._read_all(condition, filter_values.read_number, "must be number")
                return f"{sql} = ANY({self.params.add(numbers)}::numeric[])"
            case "boolean":
                booleans = self._read_all(condition, filter_values.read_boolean, "must be boolean")
                return f"{sql} = ANY({self.params.add(booleans)}::boolean[])"
            case "id":
                # What is no id of this kind is the id of nothing.
                ids = [parse_id(column.prefix, text) for text in self._read_texts(condition)]
                return f"{sql} = ANY({self.params.add([known for known in ids if known])}::uuid[])"
            case "date":
                days = self._read_all(condition, self._read_day, _NOT_A_DATE)
                return f"{sql} = ANY({self.params.add(days)}::date[])"
            case "instant":
                ranges = self._read_all(condition, self._read_range, _NOT_A_DATE)
                return self.moments.is_within_one(column, ranges)
            case "text_array":
                return f"{sql} && {self._add_texts(condition)}::text[]"
            case "json_array" | "jsonb":
                return self._has_element(column, self._is_element(condition))
        return f"{sql} = ANY({self._add_texts(condition)}::text[])"

    def _has_element(self, column: Column, test: str) -> str:
        """Whether some element of an array, or the value that is none, passes a test of e.value."""
        return f"EXISTS (SELECT 1 FROM {jsonb_terms.list_elements(column.sql)} WHERE {test})"  # noqa: S608 - placeholders and our own text

    def _is_element(self, condition: Condition) -> str:
        """Equality with e.value. A number is also equal to the same number in another spelling."""
        text = jsonb_terms.read_text("e.value")
        term = f"{text} = ANY({self._add_texts(condition)}::text[])"
        numbers = [filter_values.read_number(value) for value in condition.values]
        numbers = [number for number in numbers if number is not None]
        if not numbers:
            return term
        same = f"{text}::numeric = ANY({self.params.add(numbers)}::numeric[])"
        return f"({term} OR CASE jsonb_typeof(e.value) WHEN 'number' THEN {same} ELSE FALSE END)"

    def _resembles(self, column: Column, condition: Condition) -> str:
        if condition.operator == "$contains" and column.kind in ("text_array", "json_array"):
            return self._equals(column, condition)
        before = "" if condition.operator == "$starts_with" else "%"
        after = "" if condition.operator == "$ends_with" else "%"
        texts = self._read_texts(condition)
        patterns = self.params.add([before + filter_values.escape_pattern(text) + after for text in texts])
        like = f"ILIKE ANY({patterns}::text[])"
        match column.kind:
            case "id":
                prefix = self.params.add(f"{column.prefix}_")
                return f"({prefix}::text || replace({column.sql}::text, '-', '')) {like}"
            case "text_array":
                return f"EXISTS (SELECT 1 FROM unnest({column.sql}) AS e(value) WHERE e.value {like})"  # noqa: S608 - placeholders and our own text
            case "json_array" | "jsonb":
                return self._has_string_like(column, condition, like)
        return f"{column.sql} {like}"

    def _has_string_like(self, column: Column, condition: Condition, like: str) -> str:
        resembles = f"jsonb_typeof(e.value) = 'string' AND {jsonb_terms.read_text('e.value')} {like}"
        if condition.operator == "$contains":
            is_array = f"jsonb_typeof({column.sql}) = 'array'"
            resembles = f"CASE WHEN {is_array} THEN {self._is_element(condition)} ELSE {resembles} END"
        return self._has_element(column, resembles)

    # --- more, less, earlier, later --------------------------------------------------------------

    def _compares(self, column: Column, condition: Condition) -> str:
        """Numbers by size; times by the number of days that they lie back. What a jsonb holds decides."""
        operator = condition.operator
        if column.kind in ("instant", "date"):
            return self.moments.lies_days_away(column, operator, self._read_whole(condition))
        number = filter_values.read_number(condition.values[0])
        if number is None:
            raise self.filters.refuse_value(condition, "must be number")
        placeholder = f"{self.params.add(number)}::numeric"
        if column.kind == "number":
            return f"{column.sql} {_SIGNS[operator]} {placeholder}"
        term = f"{jsonb_terms.read_number(column.sql)} {_SIGNS[operator]} {placeholder}"
        days = filter_values.read_whole_number(condition.values[0])
        if days is None or not 0 <= days <= filter_values.MAX_DAYS:
            return term
        return f"{term} OR {self.moments.lies_days_away(column, operator, days)}"

    def _is_at_time(self, column: Column, condition: Condition) -> str:
        operator = condition.operator
        if operator in _ORDER:
            (instant,) = self._read_all(condition, filter_values.read_instant, _NOT_A_DATE)
            compare = self.moments.is_after if operator == "$after" else self.moments.is_before
            return compare(column, instant)
        if operator in moments.DISTANCES:
            return self.moments.lies_days_away(column, operator, self._read_whole(condition))
        if operator in moments.PARTS:
            _, low, high = moments.PARTS[operator]
            wanted = [self._check_bounds(condition, value, low, high) for value in condition.values]
            return self.moments.is_part(column, operator, wanted)
        largest = _MAX_YEARS if operator == "$is_years_ago" else filter_values.MAX_DAYS
        count = self._read_whole(condition, largest) if condition.values else 0
        if operator in moments.PERIODS:
            return self.moments.is_in_period(column, operator, count)
        return self.moments.is_anniversary(column, operator, count)

    # --- values --------------------------------------------------------------------------------------

    def _read_all(
        self, condition: Condition, read: Callable[[FilterValue], _Read | None], problem: str
    ) -> list[_Read]:
        values = []
        for sent in condition.values:
            value = read(sent)
            if value is None:
                raise self.filters.refuse_value(condition, problem)
            values.append(value)
        return values

    def _read_texts(self, condition: Condition) -> list[str]:
        return self._read_all(condition, filter_values.read_text, "must be string")

    def _read_range(self, sent: FilterValue) -> tuple[datetime, datetime] | None:
        return filter_values.read_instant_range(sent, self.moments.today, self.moments.zone)

    def _read_day(self, sent: FilterValue) -> date | None:
        return filter_values.read_day(sent, self.moments.today)

    def _add_texts(self, condition: Condition) -> str:
        return self.params.add(self._read_texts(condition))

    def _read_whole(self, condition: Condition, largest: int = filter_values.MAX_DAYS) -> int:
        return self._check_bounds(condition, condition.values[0], 0, largest)

    def _check_bounds(self, condition: Condition, sent: FilterValue, low: int, high: int) -> int:
        value = filter_values.read_whole_number(sent)
        if value is None:
            raise self.filters.refuse_value(condition, "must be integer")
        if value < low:
            raise self.filters.refuse_value(condition, f"must be >= {low}")
        if value > high:
            raise self.filters.refuse_value(condition, f"must be <= {high}")
        return value
