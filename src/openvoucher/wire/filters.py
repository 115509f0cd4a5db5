"""The filter language of lists, exports, segments and product collections, read but not yet applied.

`filters[code][conditions][$in][0]=A` in a query and `{"code": {"conditions": {"$in": ["A"]}}}` in a
body are the same filter. Which fields exist, and of what kind, is not known here: that is decided
by whoever turns a `Filters` into a question (for the database: `platform.db.conditions`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from openvoucher.wire.errors import ApiError, invalid_payload, invalid_query_params

FilterSource = Literal["query", "body"]
FilterValue = str | int | float | bool
Junction = Literal["and", "or"]

# A filter is small when a person wrote it; each condition costs up to a few parameters of the
# 32,767 that a statement of PostgreSQL can have.
MAX_CONDITIONS: Final = 1000

_LONGEST_ECHO: Final = 100

# Every operator, in the order in which refusals list them, with the number of its operands.
_Arity = Literal["none", "one", "many"]
_ARITY: Final[dict[str, _Arity]] = {
    "$in": "many",
    "$not_in": "many",
    "$in_location": "many",
    "$not_in_location": "many",
    "$is": "many",
    "$is_days_ago": "one",
    "$is_days_in_future": "one",
    "$is_not": "many",
    "$has_value": "none",
    "$is_unknown": "none",
    "$contains": "many",
    "$not_contain": "many",
    "$starts_with": "many",
    "$ends_with": "many",
    "$more_than": "one",
    "$less_than": "one",
    "$more_than_ago": "one",
    "$less_than_ago": "one",
    "$more_than_future": "one",
    "$less_than_future": "one",
    "$more_than_equal": "one",
    "$less_than_equal": "one",
    "$after": "one",
    "$before": "one",
    "$count": "one",
    "$count_less": "one",
    "$count_more": "one",
    "$today": "none",
    "$tomorrow": "none",
    "$yesterday": "none",
    "$this_week": "none",
    "$last_week": "none",
    "$next_week": "none",
    "$this_month": "none",
    "$last_month": "none",
    "$next_month": "none",
    "$this_year": "none",
    "$next_year": "none",
    "$last_year": "none",
    "$is_day_of_month": "many",
    "$is_day": "many",
    "$is_month": "many",
    "$is_year": "many",
    "$today_md": "none",
    "$tomorrow_md": "none",
    "$yesterday_md": "none",
    "$this_week_md": "none",
    "$last_week_md": "none",
    "$next_week_md": "none",
    "$this_month_md": "none",
    "$last_month_md": "none",
    "$next_month_md": "none",
    "$is_days_ago_md": "one",
    "$is_more_days_ago_md": "one",
    "$is_less_days_ago_md": "one",
    "$is_days_in_future_md": "one",
    "$is_more_days_in_future_md": "one",
    "$is_less_days_in_future_md": "one",
    "$is_years_ago": "one",
    "$active": "none",
    "$failed": "none",
    "$in_progress": "none",
    "$expired": "none",
    "$before_start": "none",
    "$enabled": "none",
    "$disabled": "none",
    "$redeemed": "none",
    "$redeemable": "none",
}
OPERATORS: Final[tuple[str, ...]] = tuple(_ARITY)

# The contract's document spells this one without its dollar, and generated clients send it so.
_ALIASES: Final = {"before_start": "$before_start"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one field. `values` is empty for operators that stand alone (`$has_value`, `$today`),
    exactly one for comparisons, any number for the rest.
    """

    field: str
    operator: str
    values: tuple[FilterValue, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions grouped by field: those of one field must all hold, and `junction` joins the fields.

    `source` and `path` say where the filter stood, so that a later refusal (unknown field, a value
    that is no date) names the same place and has the right key.
    """

    junction: Junction = "and"
    conditions: tuple[Condition, ...] = ()
    source: FilterSource = field(default="query", compare=False)
    path: str = field(default=".filters", compare=False)

    def refuse_field(self, name: str) -> ApiError:
        return _refuse(self.source, f"Property {self.path}.{_shorten(name)} is not allowed")

    def refuse_operator(self, name: str, supported: tuple[str, ...]) -> ApiError:
        """For an operator that exists but means nothing for this field."""
        return _refuse(self.source, _describe_form(f"{self.path}.{_shorten(name)}", supported))

    def refuse_value(self, condition: Condition, problem: str) -> ApiError:
        """`problem` completes the sentence: "must be number"."""
        place = f"{self.path}.{_shorten(condition.field)}.conditions.{condition.operator}"
        return _refuse(self.source, f"Property {place} {problem}")


def parse_filters(tree: Any, *, source: FilterSource, path: str = ".filters") -> Filters:
    """The filters in `tree`: the value of `filters` from `parse_query`, or decoded JSON.

    Nothing at all (None, an empty string) filters nothing; so does a null field, null conditions
    and a null operand. A scalar may stand where a list is meant. `path` is the property's place in
    the body for the error texts (`.parameters.filters`, `.filter`).

    Raises `invalid_query_params` or `invalid_payload`, by `source`.
    """
    if tree is None or tree == "":
        return Filters(source=source, path=path)
    reader = _Reader(source, path)
    if not isinstance(tree, Mapping):
        raise reader.refuse_form()
    junction = reader.read_junction(tree.get("junction"))
    conditions: list[Condition] = []
    for name, body in tree.items():
        if name == "junction" or body is None:
            continue
        conditions += reader.read_field(name, body)
        if len(conditions) > MAX_CONDITIONS:
            raise _refuse(source, f"Property {path} must NOT have more than {MAX_CONDITIONS} conditions")
    return Filters(junction, tuple(conditions), source, path)


@dataclass(frozen=True, slots=True)
class _Reader:
    source: FilterSource
    path: str

    def read_junction(self, sent: Any) -> Junction:
        if sent is None:
            return "and"
        match sent.lower() if isinstance(sent, str) else None:
            case "and":
                return "and"
            case "or":
                return "or"
        raise _refuse(
            self.source, f"Property {self.path} has wrong `junction` property. It must be one of: and, or"
        )

    def read_field(self, name: Any, body: Any) -> list[Condition]:
        if not isinstance(name, str) or name == "" or not isinstance(body, Mapping):
            raise self.refuse_form()
        self._check_text(name, self.path)
        # The contract's document leaves `conditions` out of one field's form (`filters[active][$enabled]`).
        operators = body.get("conditions", body or "")
        if operators is None:
            return []
        if not isinstance(operators, Mapping):
            raise self.refuse_form()
        conditions = []
        for sent, operand in operators.items():
            operator = _ALIASES.get(sent, sent)
            if operator not in _ARITY:
                raise self.refuse_form()
            if operand is not None:
                conditions.append(Condition(name, operator, self._read_values(name, operator, operand)))
        return conditions

    def _read_values(self, name: str, operator: str, operand: Any) -> tuple[FilterValue, ...]:
        arity = _ARITY[operator]
        if arity == "none":
            return ()
        values = operand if isinstance(operand, list) else [operand]
        place = f"{self.path}.{_shorten(name)}.conditions.{operator}"
        for value in values:
            if not isinstance(value, str | int | float):
                raise self.refuse_form()
            if isinstance(value, str):
                self._check_text(value, place)
        if arity == "one" and len(values) != 1:
            bound = "fewer" if not values else "more"
            raise _refuse(self.source, f"Property {place} must NOT have {bound} than 1 items")
        return tuple(values)

    def _check_text(self, text: str, place: str) -> None:
        """PostgreSQL can hold neither NUL nor half of a surrogate pair: asking for them is no question."""
        try:
            storable = "\0" not in text and text.encode() is not None
        except UnicodeEncodeError:
            storable = False
        if not storable:
            raise _refuse(self.source, f"Property {place} must be text without NUL and lone surrogates")

    def refuse_form(self) -> ApiError:
        return _refuse(self.source, _describe_form(self.path, OPERATORS))


def _describe_form(place: str, operators: tuple[str, ...]) -> str:
    return (
        f"Property {place} should match either `filters[${{field}}][conditions][${{condition}}][${{index}}]` "
        "or `filters[${field}][conditions][${condition}]` format and condition must be one of: "
        + ", ".join(operators)
    )


def _refuse(source: FilterSource, details: str) -> ApiError:
    return invalid_query_params(details) if source == "query" else invalid_payload(details)


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_ECHO else name[:_LONGEST_ECHO] + "…"
