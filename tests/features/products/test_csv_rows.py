"""Rows of CSV files, whatever they hold."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.features.products.csv_rows import PRODUCT_HEADERS, SKU_HEADERS, RowReader, RowRefused
from openvoucher.features.products.schemas import MAX_PRICE
from openvoucher.features.record_imports.schemas import ImportedRow


def read_sku(*, major_units: bool = True, **cells: str) -> dict[str, object]:
    reader = RowReader([*SKU_HEADERS], SKU_HEADERS, schema=None, major_units=major_units)
    sent = {"product_id": "p", "source_id": "s", **cells}
    return reader.read_sku(ImportedRow(1, 2, [sent.get(header, "") for header in SKU_HEADERS])).fields


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("14.5", 1450),
        ("14.50", 1450),
        (" 14 ", 1400),
        ("0", 0),
        (".5", 50),
        ("5.", 500),
        ("90071992547409.92", MAX_PRICE),
    ],
)
def test_prices_are_in_major_units(text: str, price: int) -> None:
    assert read_sku(price=text) == {"price": price}


@pytest.mark.parametrize(
    "text", ["14.505", "-1", "+1", "1e3", "1_000", "1,5", "NaN", "٣", ".", "90071992547409.93", "9" * 30]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(RowRefused, match=r"^Invalid value for price: "):
        read_sku(price=text)


def test_prices_are_minor_units_where_the_settings_say_so() -> None:
    assert read_sku(price="1450", major_units=False) == {"price": 1450}
    with pytest.raises(RowRefused, match=r"^Invalid value for price: 14\.5$"):
        read_sku(price="14.5", major_units=False)


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("{'color':'blue'}", {"color": "blue"}),
        ('{"color":"blue"}', {"color": "blue"}),
        (
            "{'size':5,'tags':['a','b'],'new':true,'none':null}",
            {"size": 5, "tags": ["a", "b"], "new": True, "none": None},
        ),
        ('{"owner":"Ann\'s"}', {"owner": "Ann's"}),
        ("{}", {}),
    ],
)
def test_attributes_are_an_object_in_either_kind_of_quotes(text: str, attributes: dict[str, object]) -> None:
    assert read_sku(attributes=text) == {"attributes": attributes}


@pytest.mark.parametrize(
    "text",
    [
        "blue",
        "[1]",
        "'blue'",
        "{'color':blue}",
        "{'owner':'Ann's'}",
        '{"a":"\\u0000"}',
        '{"a":"\\ud800"}',
        '{"a":' * 101 + "1" + "}" * 101,
        "{" * 5000,
    ],
)
def test_what_are_no_attributes_is_refused(text: str) -> None:
    with pytest.raises(RowRefused, match=r"^Invalid value for attributes: "):
        read_sku(attributes=text)


@given(
    header=st.lists(st.sampled_from([*PRODUCT_HEADERS, *SKU_HEADERS, "Size", "", " name "]), max_size=9),
    cells=st.lists(
        st.text(max_size=30) | st.sampled_from(["5", "14.5", "{'a':1}", "a,b", "\x00why"]),
        min_size=1,
        max_size=9,
    ),
)
def test_any_row_is_read_into_what_can_be_stored_or_refused(header: list[str], cells: list[str]) -> None:
    row = ImportedRow(1, 2, cells)
    for known, name in ((PRODUCT_HEADERS, "read_product"), (SKU_HEADERS, "read_sku")):
        reader = RowReader(header, known, schema=None, major_units=True)
        try:
            record = getattr(reader, name)(row)
        except RowRefused:
            continue
        assert 0 <= record.fields.get("price", 0) <= MAX_PRICE
        stored = msgspec.json.encode([record.source_id, record.fields, record.metadata])
        assert b"\\u0000" not in stored
