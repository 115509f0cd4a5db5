"""Values that callers could send: such as fit a model, and such as nobody meant."""

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

NESTED: Any = 1
for _ in range(90):
    NESTED = [NESTED]

# Texts that mean something to somebody: dates, numbers, SQL, paths, markup, our own ids and operators.
TELLING_TEXTS = (
    "",
    " ",
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "NaN",
    "9" * 400,
    "a" * 3000,
    "😀" * 700,
    "\u202e\u200b\ufeff",
    "\ud7ff\ue000\U0010ffff",
    "\x01\x1f\x7f\x85",
    "%",
    "_%\\",
    "%00",
    "%2F",
    "a/b",
    "..",
    "'; drop table voucher; --",
    "$1",
    "{}",
    "<script>alert(1)</script>",
    "=cmd()",
    "__proto__",
    "constructor",
    "2026-02-30",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.123456789+15:59",
    "0001-01-01T00:00:00+15:59",
    "9999-12-31T23:59:59.999-15:59",
    "24:00",
    "12:00",
    "P1D",
    "PT1H",
    "P999999999999Y",
    "PT",
    "P-1D",
    "camp_" + "0" * 32,
    "v_" + "f" * 32,
    "cat_" + "0" * 32,
    "aa_" + "0" * 31,
    "tbe_",
    "metadata.colour",
    "metadata." + "x" * 300,
    "created_at",
    "-created_at",
    "$in",
    "ALL",
    "DISCOUNT_VOUCHER",
    "GIFT_VOUCHER",
    "LOYALTY_CARD",
    "ABC-###-###",
    "#" * 100,
    "0123456789",
    "áéíóúąć",
)

ODD_NUMBERS: tuple[int | float, ...] = (
    0,
    -1,
    1,
    2**31 - 1,
    2**31,
    -(2**31) - 1,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**30,
    -(10**30),
    0.5,
    -0.0,
    1e-300,
    1e308,
)

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [None],
    [[]],
    [{}],
    {"": None},
    {"a": {"b": [1, "x", None]}},
    {"__proto__": {"admin": True}},
    NESTED,
    *ODD_NUMBERS,
    *TELLING_TEXTS,
)

# Bodies that are no JSON, or JSON at its edges.
RAW_BODIES: tuple[bytes, ...] = (
    b"",
    b" ",
    b"5",
    b"null",
    b"[]",
    b"{",
    b'{"a":',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b'{"name": "\xff"}',
    b'{"name": "a\x00"}',
    b'{"name": "\\u0000"}',
    b'{"\\u0000": 1}',
    b'{"name": "\\ud800"}',
    b'{"name": NaN}',
    b'{"name": 1e400}',
    b'{"name": 1' + b"0" * 5000 + b"}",
    b'{"name": "a", "name": ["b"]}',
    b"[" * 10_000 + b"]" * 10_000,
    b'{"metadata":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"name": "' + b"x" * 1_000_000 + b'"}',
)

odd_values = st.sampled_from(ODD_VALUES)
# PostgreSQL has no NUL in a text, which the raw bodies above try; a lone surrogate has no UTF-8.
any_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
texts = st.sampled_from(TELLING_TEXTS) | any_text
metadata = st.dictionaries(
    texts.filter(bool), odd_values | texts | st.lists(odd_values | texts, max_size=3), max_size=3
)

# What a field's name says of its text.
_FITTING_TEXTS: Mapping[str, Sequence[str]] = {
    "date": ("2026-01-01", "2026-06-30T10:00:00Z", "2030-01-01T00:00:00.000+02:00", "9999-12-31"),
    "interval": ("P1D", "PT2H", "P7D", "PT36H"),
    "duration": ("PT1H", "P1D", "PT30M", "P30D"),
    "time": ("08:00", "20:00", "00:00", "23:59"),
    "pattern": ("ABC-###", "##-##-##", "#"),
    "charset": ("0123456789", "ABC", "ab"),
    "filters": (),
}

Known = Sequence[str]


def values_of(model: Any, known: Known = ()) -> st.SearchStrategy[Any]:
    """JSON values that fit the type. `known`: texts that exist on the server (ids, codes, names)."""
    return _values_of(inspect.type_info(model), _words(known))


def _words(known: Known) -> st.SearchStrategy[str]:
    return texts | st.sampled_from(known) if known else texts


def _values_of(kind: inspect.Type, words: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata():
            return _values_of(kind.type, words)
        case inspect.StructType():
            return _objects_of(kind, words)
        case inspect.UnionType():
            return st.one_of([_values_of(member, words) for member in kind.types])
        case inspect.ListType() | inspect.SetType() | inspect.VarTupleType():
            most = min(kind.max_length if kind.max_length is not None else 3, (kind.min_length or 0) + 2)
            return st.lists(_values_of(kind.item_type, words), min_size=kind.min_length or 0, max_size=most)
        case inspect.DictType():
            if isinstance(kind.value_type, inspect.AnyType):
                return metadata
            return st.dictionaries(
                _values_of(kind.key_type, words), _values_of(kind.value_type, words), max_size=2
            )
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.IntType():
            return _numbers_of(kind) | st.integers(*_bounds(kind))
        case inspect.FloatType():
            return _numbers_of(kind) | st.integers(*_bounds(kind)).map(float)
        case inspect.StrType():
            least, longest = kind.min_length or 0, kind.max_length or 10**9
            return words.filter(lambda text: least <= len(text) <= longest)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.AnyType() | inspect.RawType():
            return odd_values | words
    raise NotImplementedError(f"values of {kind}")


def _fields_of(
    kind: inspect.StructType, words: st.SearchStrategy[str]
) -> tuple[dict[str, st.SearchStrategy[Any]], dict[str, st.SearchStrategy[Any]]]:
    """(required, optional): values by name."""
    both: tuple[dict[str, st.SearchStrategy[Any]], dict[str, st.SearchStrategy[Any]]] = ({}, {})
    for field in kind.fields:
        fitting = [text for hint in _FITTING_TEXTS if hint in field.name for text in _FITTING_TEXTS[hint]]
        own = st.sampled_from(fitting) | st.sampled_from(fitting) | words if fitting else words
        both[0 if field.required else 1][field.encode_name] = _values_of(field.type, own)
    return both


def _objects_of(
    kind: inspect.StructType, words: st.SearchStrategy[str], bases: Sequence[Any] = ({},)
) -> st.SearchStrategy[dict[str, Any]]:
    required, optional = _fields_of(kind, words)
    names = sorted(optional)

    @st.composite
    def objects(draw: Any) -> dict[str, Any]:
        base = draw(st.sampled_from(bases))
        # Of many optional fields a few at a time: all at once mostly contradict each other.
        chosen = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else []
        fields = {name: values for name, values in required.items() if name not in base}
        fields |= {name: optional[name] for name in chosen}
        return {**base, **{name: draw(values) for name, values in fields.items()}}

    return objects()


def _bounds(kind: inspect.IntType | inspect.FloatType) -> tuple[int, int]:
    least = kind.ge if kind.ge is not None else -1000
    most = kind.le if kind.le is not None else least + 100_000
    return int(least), int(min(most, least + 100_000))


def _numbers_of(kind: inspect.IntType | inspect.FloatType) -> st.SearchStrategy[Any]:
    fitting = [
        number
        for number in ODD_NUMBERS
        if (kind.ge is None or number >= kind.ge)
        and (kind.le is None or number <= kind.le)
        and (isinstance(kind, inspect.FloatType) or isinstance(number, int))
    ]
    return st.sampled_from(fitting) if fitting else st.nothing()


def spoil(value: Any, draw: Any) -> Any:
    """The value with one place of it, however deep, replaced, removed or added to."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 4)) == 0:
            return {other: value[other] for other in value if other != name}
        return {**value, name: spoil(value[name], draw)}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        return [spoil(value[0], draw), *value[1:]]
    return draw(odd_values)


def bodies_of(model: Any, known: Known = (), examples: Sequence[Any] = ()) -> st.SearchStrategy[bytes]:
    """Half fit, most others nearly, some are no JSON at all. Of `examples` it is known that they do
    something; fields of the model are added to them."""
    kind = inspect.type_info(model)
    words = _words(known)
    fitting = _values_of(kind, words)
    if isinstance(kind, inspect.StructType) and examples:
        fitting = _objects_of(kind, words, bases=examples)
    elif examples:
        fitting = fitting | st.sampled_from(examples)

    @st.composite
    def spoilt(draw: Any) -> Any:
        return spoil(draw(fitting), draw)

    odds = ((5, fitting.map(msgspec.json.encode)), (4, spoilt().map(msgspec.json.encode)))
    return weighted(*odds, (1, st.sampled_from(RAW_BODIES)))


def weighted(*odds: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of them, each as often as its weight says. (`one_of` takes the same strategy twice for one.)"""
    turns = [strategy for weight, strategy in odds for _ in range(weight)]
    return st.integers(0, len(turns) - 1).flatmap(turns.__getitem__)


_OPERATORS = st.sampled_from(
    [
        "$in",
        "$is",
        "$is_not",
        "$contains",
        "$starts_with",
        "$after",
        "$before",
        "$more_than",
        "$less_than_ago",
        "$has_value",
        "$is_unknown",
        "$count",
        "$this_month",
        "$is_day",
        "$in_progress",
        "$wrong",
    ]
)
_FILTERED = st.sampled_from(
    [
        "created_at",
        "updated_at",
        "code",
        "metadata.colour",
        "id",
        "campaign",
        "name",
        "type",
        "status",
        "campaign_id",
        "category_ids",
        "start_date",
        "expiration_date",
        "voucher_type",
        "discount.type",
        "active",
    ]
)


def queries_of(model: Any, known: Known = ()) -> st.SearchStrategy[str]:
    """Query strings: parameters of the model in several spellings, with fitting and odd values."""
    struct = inspect.type_info(model)
    assert isinstance(struct, inspect.StructType)
    words = _words(known)
    required, optional = _fields_of(struct, words)
    texts_of = required | optional
    fitting = [
        st.tuples(
            st.just(field.encode_name),
            _query_values(field.type, texts_of[field.encode_name] if _is_text(field.type) else words),
        )
        for field in struct.fields
        if field.name != "filters"
    ]
    names = st.sampled_from([*texts_of, "limit", "page", "unknown", "__proto__"])
    odd_names = st.one_of(
        names,
        names.map(lambda name: f"{name}[after]"),
        names.map(lambda name: f"[{name}][0]"),
        names.map(lambda name: f"{name}[]"),
        st.just("filters[junction]"),
    )
    odd = st.tuples(odd_names, words | st.sampled_from([str(number) for number in ODD_NUMBERS]))
    spelling = st.sampled_from(["filters[{}][conditions][{}]", "[filters][{}][conditions][{}][0]"])
    filtered = st.tuples(
        st.builds(str.format, spelling, weighted((4, _FILTERED), (1, words)), _OPERATORS),
        words | st.sampled_from(["2026-01-01T00:00:00Z", "P1D", "1", "true", "DISCOUNT_VOUCHER"]),
    )
    pair = weighted((5, st.one_of(fitting or [odd])), (1, odd), (4 if "filters" in texts_of else 0, filtered))
    parameter = pair.map(
        lambda pair: f"{urllib.parse.quote(pair[0], safe='[]')}={urllib.parse.quote(pair[1])}"
    )
    spoilt = st.sampled_from(["%ff", "a=%00", "&&&=", "a[b][c][d][e][f][g][h][i][j]=1", "limit=1&" * 1001])
    return weighted((9, st.lists(parameter, max_size=2).map("&".join)), (1, spoilt))


def _is_text(kind: inspect.Type) -> bool:
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return all(isinstance(member, inspect.StrType | inspect.NoneType) for member in members)


def _query_values(kind: inspect.Type, words: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    match kind:
        case inspect.Metadata():
            return _query_values(kind.type, words)
        case inspect.UnionType():
            members = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
            return st.one_of([_query_values(member, words) for member in members])
        case inspect.LiteralType():
            return st.sampled_from([str(value) for value in kind.values])
        case inspect.IntType():
            return st.integers(*_bounds(kind)).map(str)
        case inspect.BoolType():
            return st.sampled_from(["true", "false"])
    return words.map(lambda word: word if isinstance(word, str) else "null")


def forms_of(model: Any, known: Known = (), examples: Sequence[Any] = ()) -> st.SearchStrategy[bytes]:
    struct = inspect.type_info(model)
    assert isinstance(struct, inspect.StructType)
    names = st.sampled_from([field.encode_name for field in struct.fields])
    changed = st.dictionaries(names, _words(known), max_size=2)
    forms = st.builds(dict.__or__, st.sampled_from([*examples, {}]), weighted((1, st.just({})), (1, changed)))
    encoded = forms.map(lambda form: urllib.parse.urlencode(form).encode())
    odd = st.sampled_from([b"", b"scope=%00", b"scope=%ff", b"\xff", b"a=1&" * 60])
    return weighted((8, encoded), (1, odd))


_CELLS = st.sampled_from(
    [
        "Code",
        "Voucher Type",
        "Value",
        "Discount Type",
        "Active",
        "Expiration Date",
        "Category",
        "Redemption Limit",
    ]
)


def uploads(known: Known = ()) -> st.SearchStrategy[tuple[str, bytes]]:
    """(content type, body): CSV files in multipart, and what only looks like it."""
    cell = texts | st.sampled_from(["10.5", "AMOUNT", "PERCENT", "true", *known])
    row = st.lists(cell, min_size=1, max_size=5)
    lines = st.tuples(st.lists(_CELLS | cell, min_size=1, max_size=5), st.lists(row, max_size=4)).map(
        lambda file: "\n".join(",".join(cells) for cells in [file[0], *file[1]]).encode()
    )
    data = lines | st.sampled_from(
        [b"", b"\xff\xfe", b'"', b"Code\r\n" * 100, b"Code\0\n", b'Code\n"unclosed']
    )
    files = data.map(
        lambda content: (
            b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
            + content
            + b"\r\n--X--\r\n"
        )
    )
    whole = st.tuples(st.just("multipart/form-data; boundary=X"), files)
    broken = st.tuples(
        st.sampled_from(
            ["multipart/form-data; boundary=X", "multipart/form-data", "text/csv", "application/json"]
        ),
        st.sampled_from([b"", b"--X", b"--X--\r\n", b"--X\r\n\r\n\r\n--X--", b"Code\nA\n", b"{}"]),
    )
    return weighted((4, whole), (1, broken))
