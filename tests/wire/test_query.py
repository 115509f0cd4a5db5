import contextlib
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openvoucher.wire.errors import ApiError
from openvoucher.wire.query import MAX_DEPTH, MAX_PARAMETERS, parse_query

IN_A = {"filters": {"code": {"conditions": {"$in": ["A"]}}}}
IN_A_AND_B = {"filters": {"code": {"conditions": {"$in": ["A", "B"]}}}}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("&&", {}),
        ("limit=10&page=2", {"limit": "10", "page": "2"}),
        ("force", {"force": ""}),
        ("force=", {"force": ""}),
        ("=10", {}),
        ("a=b=c", {"a": "b=c"}),
        ("q=a+b%20c%2Bd", {"q": "a b c+d"}),
        ("name=za%C5%BC%C3%B3%C5%82%C4%87", {"name": "zażółć"}),
        ("name=zażółć", {"name": "zażółć"}),
        ("name=100%", {"name": "100%"}),
        ("ids=a,b", {"ids": "a,b"}),
        ("metadata.colour=red", {"metadata.colour": "red"}),
    ],
)
def test_plain_parameters_are_text(text: str, tree: dict[str, Any]) -> None:
    assert parse_query(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("filters[code][conditions][$in][0]=A", IN_A),
        ("[filters][code][conditions][$in][0]=A", IN_A),
        ("filters%5Bcode%5D%5Bconditions%5D%5B%24in%5D%5B0%5D=A", IN_A),
        ("%5Bfilters%5D[code]%5bconditions%5d[$in][]=A", IN_A),
        ("filters[code][conditions][$in][0]=A&filters[code][conditions][$in][1]=B", IN_A_AND_B),
        ("filters[code][conditions][$in][1]=B&[filters][code][conditions][$in][0]=A", IN_A_AND_B),
        ("filters[code][conditions][$in]=A&filters[code][conditions][$in]=B", IN_A_AND_B),
        ("filters[code][conditions][$in][]=A&filters[code][conditions][$in][]=B", IN_A_AND_B),
        ("filters[junction]=or", {"filters": {"junction": "or"}}),
        (
            "filters[metadata.a.b][conditions][$is]=1",
            {"filters": {"metadata.a.b": {"conditions": {"$is": "1"}}}},
        ),
        (
            "created_at[after]=2026-01-01&created_at[before]=2026-02-01",
            {
                "created_at": {"after": "2026-01-01", "before": "2026-02-01"},
            },
        ),
        ("[created_at][after]=2026-01-01", {"created_at": {"after": "2026-01-01"}}),
    ],
)
def test_brackets_are_a_path_in_every_spelling(text: str, tree: dict[str, Any]) -> None:
    assert parse_query(text) == tree


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("ids=a&ids=b", ["a", "b"]),
        ("ids[]=a", ["a"]),
        ("ids[0]=a", ["a"]),
        ("ids[10]=c&ids[9]=b&ids[2]=a", ["a", "b", "c"]),
        ("ids[999999999]=a", ["a"]),
        ("ids[0]=a&ids[0]=b", [["a", "b"]]),
        ("ids[][x]=1&ids[][x]=2", [{"x": "1"}, {"x": "2"}]),
        ("ids[0][x]=1&ids[0][y]=2", [{"x": "1", "y": "2"}]),
        ("ids=a&ids[]=b&ids[0]=c", ["a", "c", "b"]),
        # A value and properties at one place: both stay, for the schema to refuse.
        ("ids=a&ids[x]=b", ["a", {"x": "b"}]),
    ],
)
def test_repeated_names_and_indexes_make_a_list(text: str, items: list[Any]) -> None:
    assert parse_query(text) == {"ids": items}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("ids=%5B%27a%27%2C%20%27b%27%5D", ["a", "b"]),
        ("ids=['a']", ["a"]),
        ("""ids=['a, b', "it's", '']""", ["a, b", "it's", ""]),
        ('ids=["a","b"]', ["a", "b"]),
        # These are no list of strings, but text.
        ("ids=[]", "[]"),
        ("ids=[1, 2]", "[1, 2]"),
        ("ids=['a', b]", "['a', b]"),
        ("ids=['a\\\\'b']", "['a\\\\'b']"),
        ("ids=['a'", "['a'"),
    ],
)
def test_a_list_as_the_python_client_prints_it_is_that_list(text: str, items: Any) -> None:
    assert parse_query(text) == {"ids": items}


@pytest.mark.parametrize("index", ["9999999999", "٣", "1.0", "-1", "1" * 5000])
def test_what_is_no_index_is_a_name(index: str) -> None:
    assert parse_query(f"ids[{index}]=a") == {"ids": {index: "a"}}


def test_an_index_among_names_is_a_name() -> None:
    assert parse_query("ids[0]=a&ids[x]=b") == {"ids": {"0": "a", "x": "b"}}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a[b=1", {"a": {"[b": "1"}}),
        ("a]b=1", {"a]b": "1"}),
        ("[a=1", {"[a": "1"}),
        ("a[b]c[d]=1", {"a": {"b": {"c[d]": "1"}}}),
        ("a[b[c]]=1", {"a": {"[b[c]]": "1"}}),
        ("filters[code][conditions[$in]=A", {"filters": {"code": {"[conditions[$in]": "A"}}}),
    ],
)
def test_crooked_brackets_keep_what_is_sound_and_drop_nothing(text: str, tree: dict[str, Any]) -> None:
    assert parse_query(text) == tree


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("a=%00", "Query must NOT contain NUL characters"),
        ("a%00b=1", "Query must NOT contain NUL characters"),
        ("a=\0", "Query must NOT contain NUL characters"),
        ("a=%FF", "Query must be percent-encoded UTF-8"),
        ("%C3=1", "Query must be percent-encoded UTF-8"),
        ("a=%ED%A0%80", "Query must be percent-encoded UTF-8"),
        ("a=\ud800", "Query must be percent-encoded UTF-8"),
        ("a" + "[x]" * MAX_DEPTH + "=1", "Query must NOT be nested deeper than 8 levels"),
        ("a" + "[x]" * 100_000 + "=1", "Query must NOT be nested deeper than 8 levels"),
        ("&".join(["a=1"] * (MAX_PARAMETERS + 1)), "Query must NOT have more than 1000 parameters"),
    ],
    ids=range(10),
)
def test_what_cannot_be_read_is_refused(text: str, details: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parse_query(text)
    assert (refusal.value.status, refusal.value.key) == (400, "invalid_query_params")
    assert refusal.value.details == details


def test_the_limits_themselves_are_allowed() -> None:
    deepest: Any = parse_query("a" + "[x]" * (MAX_DEPTH - 1) + "=1")
    for name in ["a", *["x"] * (MAX_DEPTH - 1)]:
        deepest = deepest[name]
    assert deepest == "1"
    assert parse_query("&".join(["a=1"] * MAX_PARAMETERS)) == {"a": ["1"] * MAX_PARAMETERS}


@given(st.text(st.sampled_from("[]&=%+0129af.$\0é\ud800 "), max_size=60) | st.text())
@example("[][]=&[]=")
@example("a[0]=1&a[]=2&a[x]=3&a=4")
def test_no_text_makes_the_parser_fail(text: str) -> None:
    with contextlib.suppress(ApiError):
        assert isinstance(parse_query(text), dict)


_words = st.text(st.characters(exclude_characters="[]\0", exclude_categories=["Cs"]), min_size=1)
_names = _words.filter(lambda word: not word.isdecimal())
_trees = st.dictionaries(
    _names,
    st.recursive(
        _words,
        lambda below: (
            st.dictionaries(_names, below, min_size=1, max_size=3) | st.lists(below, min_size=1, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=3,
)


def _list_pairs(path: str, tree: Any) -> list[tuple[str, str]]:
    if isinstance(tree, str):
        return [(path, tree)]
    below = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return [pair for name, value in below for pair in _list_pairs(f"{path}[{name}]", value)]


@given(_trees, st.booleans())
def test_a_tree_comes_back_from_its_spelling(tree: dict[str, Any], leading_bracket: bool) -> None:
    pairs = [
        pair
        for name, value in tree.items()
        for pair in _list_pairs(f"[{name}]" if leading_bracket else name, value)
    ]
    if all(name.count("[") < MAX_DEPTH for name, _ in pairs):
        assert parse_query(urlencode(pairs)) == tree
        assert parse_query(urlencode(pairs, quote_via=quote, safe="[]$")) == tree
