from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.wire.errors import ApiError
from openvoucher.wire.filters import (
    MAX_CONDITIONS,
    OPERATORS,
    Condition,
    Filters,
    FilterSource,
    parse_filters,
)
from openvoucher.wire.query import parse_query

WRONG_FORM = (
    "Property .filters should match either `filters[${field}][conditions][${condition}][${index}]` or "
    "`filters[${field}][conditions][${condition}]` format and condition must be one of: $in, $not_in, "
    "$in_location, $not_in_location, $is, $is_days_ago, $is_days_in_future, $is_not, $has_value, "
    "$is_unknown, $contains, $not_contain, $starts_with, $ends_with, $more_than, $less_than, $more_than_ago, "
    "$less_than_ago, $more_than_future, $less_than_future, $more_than_equal, $less_than_equal, $after, "
    "$before, $count, $count_less, $count_more, $today, $tomorrow, $yesterday, $this_week, $last_week, "
    "$next_week, $this_month, $last_month, $next_month, $this_year, $next_year, $last_year, "
    "$is_day_of_month, $is_day, $is_month, $is_year, $today_md, $tomorrow_md, $yesterday_md, $this_week_md, "
    "$last_week_md, $next_week_md, $this_month_md, $last_month_md, $next_month_md, $is_days_ago_md, "
    "$is_more_days_ago_md, $is_less_days_ago_md, $is_days_in_future_md, $is_more_days_in_future_md, "
    "$is_less_days_in_future_md, $is_years_ago, $active, $failed, $in_progress, $expired, $before_start, "
    "$enabled, $disabled, $redeemed, $redeemable"
)


def in_query(text: str) -> Filters:
    return parse_filters(parse_query(text).get("filters"), source="query")


def in_body(tree: Any) -> Filters:
    return parse_filters(tree, source="body")


def refusal_of(tree: Any, *, source: FilterSource = "body", path: str = ".filters") -> ApiError:
    with pytest.raises(ApiError) as refusal:
        parse_filters(tree, source=source, path=path)
    return refusal.value


@pytest.mark.parametrize(
    "tree", [None, "", {}, {"junction": "and"}, {"code": None}, {"code": {"conditions": None}}]
)
def test_nothing_filters_nothing(tree: Any) -> None:
    assert in_body(tree) == Filters("and", ())


def test_a_query_and_a_body_say_the_same() -> None:
    query = (
        "filters[junction]=OR&filters[code][conditions][$in][0]=A&filters[code][conditions][$in][1]=B"
        "&[filters][metadata.size][conditions][$more_than]=5&filters[active][conditions][$active]="
    )
    body = {
        "junction": "or",
        "code": {"conditions": {"$in": ["A", "B"]}},
        "metadata.size": {"conditions": {"$more_than": ["5"]}},
        "active": {"conditions": {"$active": {}}},
    }
    filters = in_query(query)
    assert filters == in_body(body)
    assert filters.junction == "or"
    assert filters.conditions == (
        Condition("code", "$in", ("A", "B")),
        Condition("metadata.size", "$more_than", ("5",)),
        Condition("active", "$active", ()),
    )


@pytest.mark.parametrize(
    ("operand", "values"),
    [
        ("A", ("A",)),
        (["A"], ("A",)),
        (5, (5,)),
        (0.5, (0.5,)),
        (True, (True,)),
        (["A", 5, False], ("A", 5, False)),
        ([], ()),
    ],
)
def test_a_scalar_stands_for_a_list_of_one(operand: Any, values: tuple[Any, ...]) -> None:
    assert in_body({"code": {"conditions": {"$is": operand}}}).conditions == (
        Condition("code", "$is", values),
    )


def test_a_null_operand_is_not_there() -> None:
    assert in_body({"code": {"conditions": {"$is": None, "$is_not": "A"}}}).conditions == (
        Condition("code", "$is_not", ("A",)),
    )


@pytest.mark.parametrize(
    "operator", ["$has_value", "$is_unknown", "$today", "$next_month_md", "$active", "$redeemable"]
)
@pytest.mark.parametrize("operand", ["", "true", True, {}, {"x": 1}, [True], ["a", "b"], []])
def test_an_operator_that_stands_alone_takes_anything(operator: str, operand: Any) -> None:
    assert in_body({"code": {"conditions": {operator: operand}}}).conditions == (
        Condition("code", operator, ()),
    )


def test_the_operator_that_clients_send_without_its_dollar_is_known() -> None:
    assert in_query("filters[status][conditions][before_start]=").conditions == (
        Condition("status", "$before_start", ()),
    )


def test_operators_may_stand_right_in_the_field() -> None:
    assert in_query("filters[active][$enabled]=") == in_query("filters[active][conditions][$enabled]=")


@pytest.mark.parametrize("junction", ["and", "AND", "And", "or", "OR"])
def test_the_case_of_the_junction_does_not_matter(junction: str) -> None:
    assert in_body({"junction": junction}).junction == junction.lower()


@pytest.mark.parametrize("junction", ["", "xor", "and ", 5, ["and"], {"conditions": {}}, True])
def test_another_junction_is_refused(junction: Any) -> None:
    error = refusal_of({"junction": junction}, path=".filter")
    assert (error.status, error.key) == (400, "invalid_payload")
    assert error.details == "Property .filter has wrong `junction` property. It must be one of: and, or"


@pytest.mark.parametrize(
    "tree",
    [
        "code",
        ["code"],
        5,
        {"code": "A"},
        {"code": ["A"]},
        {"code": {}},
        {"code": {"$is": "A", "x": "B"}},
        {"code": {"conditions": ""}},
        {"code": {"conditions": ["$is"]}},
        {"code": {"conditions": {"$equals": "A"}}},
        {"code": {"conditions": {"is": "A"}}},
        {"code": {"conditions": {"$IS": "A"}}},
        {"code": {"conditions": {"$is": {"0": "A"}}}},
        {"code": {"conditions": {"$is": [["A"]]}}},
        {"code": {"conditions": {"$in": ["A", None]}}},
        {"": {"conditions": {"$is": "A"}}},
    ],
)
@pytest.mark.parametrize(("source", "key"), [("query", "invalid_query_params"), ("body", "invalid_payload")])
def test_another_form_or_operator_is_refused_with_all_that_there_are(
    tree: Any, source: FilterSource, key: str
) -> None:
    error = refusal_of(tree, source=source)
    assert (error.status, error.key, error.details) == (400, key, WRONG_FORM)


def test_the_refusal_names_where_the_filters_stood() -> None:
    details = refusal_of({"code": 5}, path=".parameters.filters").details
    assert details == WRONG_FORM.replace("Property .filters", "Property .parameters.filters")


@pytest.mark.parametrize(
    ("operand", "problem"),
    [([], "must NOT have fewer than 1 items"), (["1", "2"], "must NOT have more than 1 items")],
)
@pytest.mark.parametrize(
    "operator", ["$more_than", "$after", "$count", "$is_days_ago", "$is_less_days_ago_md"]
)
def test_a_comparison_has_one_operand(operator: str, operand: list[str], problem: str) -> None:
    error = refusal_of({"price": {"conditions": {operator: operand}}})
    assert error.details == f"Property .filters.price.conditions.{operator} {problem}"


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_database_holds_is_refused(text: str) -> None:
    value = refusal_of({"code": {"conditions": {"$is": ["A", text]}}})
    assert (
        value.details == "Property .filters.code.conditions.$is must be text without NUL and lone surrogates"
    )
    name = refusal_of({text: {"conditions": {"$is": "A"}}})
    assert name.details == "Property .filters must be text without NUL and lone surrogates"


def test_as_many_conditions_as_allowed_and_not_one_more() -> None:
    fields = {f"metadata.{n}": {"conditions": {"$is": "A"}} for n in range(MAX_CONDITIONS)}
    assert len(in_body(fields).conditions) == MAX_CONDITIONS
    fields["one.more"] = {"conditions": {"$is": "A"}}
    assert refusal_of(fields).details == "Property .filters must NOT have more than 1000 conditions"


def test_a_long_name_is_not_repeated_in_full() -> None:
    error = in_body({"x" * 10_000: {"conditions": {"$is": "A"}}}).refuse_field("x" * 10_000)
    assert error.details == f"Property .filters.{'x' * 100}… is not allowed"


_words = st.text(st.characters(exclude_characters="[]\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
_fields = _words.filter(lambda word: word != "junction" and not word.isdecimal())
_trees = st.dictionaries(
    _fields,
    st.fixed_dictionaries(
        {
            "conditions": st.dictionaries(
                st.sampled_from(OPERATORS), st.lists(_words, min_size=1, max_size=3), min_size=1
            )
        }
    ),
    max_size=3,
)


def _outcome(tree: Any, source: FilterSource) -> Any:
    try:
        return parse_filters(tree, source=source)
    except ApiError as error:
        return error.details


@pytest.mark.slow
@given(_trees, st.sampled_from([None, "and", "OR", "xor"]))
def test_filters_of_a_query_and_of_a_body_agree(tree: dict[str, Any], junction: str | None) -> None:
    pairs = [
        (f"filters[{field}][conditions][{operator}][{index}]", value)
        for field, body in tree.items()
        for operator, values in body["conditions"].items()
        for index, value in enumerate(values)
    ]
    if junction is not None:
        tree = {"junction": junction, **tree}
        pairs.append(("filters[junction]", junction))
    assert _outcome(parse_query(urlencode(pairs)).get("filters"), "query") == _outcome(tree, "body")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: (
        st.lists(below)
        | st.dictionaries(st.sampled_from(["conditions", "$is", "junction", "x"]) | st.text(), below)
    ),
    max_leaves=20,
)


@given(_json)
def test_no_json_makes_the_parser_fail(tree: Any) -> None:
    assert isinstance(_outcome(tree, "body"), Filters | str)
