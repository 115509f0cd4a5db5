"""Cells of a CSV import read into rows: every column, and the reason of each row that cannot be read."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.features.code_imports.csv_rows import CsvRowReader, read_header
from openvoucher.features.code_imports.schemas import ImportRow, RowRefused
from openvoucher.platform.csv import BAD_ROW_PREFIX
from openvoucher.wire.metadata import MetadataDefinition, MetadataSchema

Cells = dict[str, str]
MOST = 2**53
LONG = "x" * 300


def make_reader(
    header: list[str],
    *,
    campaign_type: str | None,
    schema: MetadataSchema | None = None,
    major_units: bool = True,
) -> CsvRowReader:
    return CsvRowReader(
        read_header(header, standalone=campaign_type is None),
        campaign_type=campaign_type,
        schema=schema,
        major_units=major_units,
    )


def read(cells: Cells, campaign_type: str | None = "DISCOUNT_COUPONS", **options: Any) -> ImportRow:
    """The row of a file with these columns, its seventh; its code is A unless `cells` have one."""
    cells = {"Code": "A", **cells}
    reader = make_reader(list(cells), campaign_type=campaign_type, **options)
    return reader.read(list(cells.values()), 7)


def read_standalone(cells: Cells, **options: Any) -> ImportRow:
    """As `read`; a discount of 10.00 unless `cells` say otherwise."""
    discount = {"Voucher Type": "DISCOUNT_VOUCHER", "Discount Type": "AMOUNT", "Value": "10"}
    return read({**discount, **cells}, None, **options)


def read_gift(cells: Cells, **options: Any) -> ImportRow:
    return read({"Voucher Type": "GIFT_VOUCHER", "Value": "100", **cells}, None, **options)


def refuse(cells: Cells, campaign_type: str | None = "DISCOUNT_COUPONS", **options: Any) -> str:
    with pytest.raises(RowRefused) as refusal:
        read(cells, campaign_type, **options)
    return str(refusal.value)


def refuse_standalone(cells: Cells) -> str:
    with pytest.raises(RowRefused) as refusal:
        read_standalone(cells)
    return str(refusal.value)


# --- headers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Code", "code", "CODE", "  cOdE\t"])
def test_headers_are_known_in_any_case_and_with_spaces_around(header: str) -> None:
    assert make_reader([header], campaign_type="DISCOUNT_COUPONS").read(["A"], 1) == ImportRow(1, "A")


def test_columns_may_stand_in_any_order_and_the_first_of_a_name_counts() -> None:
    reader = make_reader(["colour", "Active", "Code", "code", "colour"], campaign_type="DISCOUNT_COUPONS")
    row = reader.read(["red", "FALSE", "A", "B", "blue"], 1)
    assert row == ImportRow(1, "A", active=False, own={"metadata": {"colour": "red"}})


def test_a_header_that_is_not_known_names_a_metadata_key_as_it_is_spelled() -> None:
    cells = {"Voucher Type": "x", " Size ": "L", "größe": "2", "Value": "3"}
    assert read(cells).own == {"metadata": {"Voucher Type": "x", "Size": "L", "größe": "2", "Value": "3"}}
    cells = {"Gift Amount": "1", "Loyalty Points": "2", "SIZE": "L"}
    assert read_standalone(cells).own["metadata"] == cells


def test_a_column_without_a_header_is_left_out() -> None:
    reader = make_reader(["Code", "", "  "], campaign_type="DISCOUNT_COUPONS")
    assert reader.read(["A", "x", "y", "more than there are columns"], 1) == ImportRow(1, "A")


def test_cells_that_are_missing_at_the_end_are_empty() -> None:
    header = ["Code", "Active", "Category", "colour"]
    assert make_reader(header, campaign_type="DISCOUNT_COUPONS").read(["A"], 1) == ImportRow(1, "A")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (["Active"], "Code is required: the header has no Code column"),
        (
            ["Code;Active"],
            "Code is required: the header has no Code column; columns must be separated by commas,"
            " this file uses ;",
        ),
        (
            ["Code\tActive"],
            "Code is required: the header has no Code column; columns must be separated by commas,"
            " this file uses tabs",
        ),
        (
            ["Code|Active", "x"],
            "Code is required: the header has no Code column; columns must be separated by commas,"
            " this file uses |",
        ),
    ],
)
@pytest.mark.parametrize("campaign_type", ["DISCOUNT_COUPONS", None])
def test_without_a_code_column_every_row_fails_and_says_why(
    header: list[str], reason: str, campaign_type: str | None
) -> None:
    reader = make_reader(header, campaign_type=campaign_type)
    with pytest.raises(RowRefused) as refusal:
        reader.read(["A;true"], 1)
    assert str(refusal.value) == reason
    assert reader.code_of(["A;true"]) == ""


# --- the code, and rows that cannot be read ----------------------------------------------------------


@pytest.mark.parametrize("code", ["A", " A ", "A\t", "\u00a0A"])
def test_spaces_around_a_code_are_not_part_of_it(code: str) -> None:
    assert read({"Code": code}) == ImportRow(7, "A")


@pytest.mark.parametrize("code", ["", "  "])
def test_a_row_needs_a_code(code: str) -> None:
    assert refuse({"Code": code, "Active": "true"}) == "Code is required"


def test_a_code_has_at_most_500_characters() -> None:
    assert read({"Code": "ü" * 500}).code == "ü" * 500
    assert refuse({"Code": "ü" * 501}) == "Invalid value for Code: longer than 500 characters"
    reader = make_reader(["Code"], campaign_type="DISCOUNT_COUPONS")
    assert reader.code_of(["ü" * 501]) == "ü" * 500


@pytest.mark.parametrize("cells", [["A\x00", "x"], ["A", "\x00"]])
def test_the_null_character_cannot_be_stored(cells: list[str]) -> None:
    reader = make_reader(["Code", "colour"], campaign_type="DISCOUNT_COUPONS")
    with pytest.raises(RowRefused, match=r"^the row has the character U\+0000$"):
        reader.read(cells, 1)


def test_a_row_that_is_no_text_fails_with_its_own_reason() -> None:
    reader = make_reader(["Code"], campaign_type="DISCOUNT_COUPONS")
    cells = [f"{BAD_ROW_PREFIX}the row is not UTF-8 text"]
    with pytest.raises(RowRefused, match=r"^the row is not UTF-8 text$"):
        reader.read(cells, 1)
    assert reader.code_of(cells) == ""


# --- columns of both files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "active"),
    [("TRUE", True), ("true", True), (" True ", True), ("FALSE", False), ("fAlse", False), ("", None)],
)
def test_active_is_true_false_or_not_said(text: str, active: bool | None) -> None:
    assert read({"Active": text}).active is active
    assert read_standalone({"Active": text}).active is active


@pytest.mark.parametrize("text", ["1", "0", "yes", "no", "t", "null", "TRUE."])
def test_active_is_nothing_else(text: str) -> None:
    assert refuse({"Active": text}) == "Invalid value for Active: must be TRUE or FALSE"
    assert refuse_standalone({"Active": text}) == "Invalid value for Active: must be TRUE or FALSE"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-05-06", "2026-05-06T00:00:00.000Z"),
        ("2026-05-06T07:08Z", "2026-05-06T07:08:00.000Z"),
        (" 2026-05-06T07:08:09.123456+02:00 ", "2026-05-06T05:08:09.123Z"),
    ],
)
@pytest.mark.parametrize(
    ("header", "field"), [("Start Date", "start_date"), ("Expiration Date", "expiration_date")]
)
def test_dates_are_stored_as_the_wire_shows_them(header: str, field: str, text: str, stored: str) -> None:
    assert read({header: text}).own == {field: stored}
    assert read_standalone({header: text}).own[field] == stored


@pytest.mark.parametrize("text", ["06.05.2026", "2026-02-30", "5/6/2026", "2026-05-06 07:08", "tomorrow"])
@pytest.mark.parametrize("header", ["Start Date", "Expiration Date"])
def test_what_is_no_date_fails_its_row(header: str, text: str) -> None:
    assert refuse({header: text}) == f"Invalid value for {header}: {text}"


@pytest.mark.parametrize("header", ["Start Date", "Expiration Date", "Category", "Redeemed Quantity"])
def test_an_empty_cell_says_nothing(header: str) -> None:
    assert read({header: " "}) == read({})
    assert read_standalone({header: ""}) == read_standalone({})


def test_a_category_is_kept_as_it_was_sent() -> None:
    assert read({"Category": " Food & Drink "}).category == "Food & Drink"
    assert read_standalone({"Category": "cat_1"}).category == "cat_1"


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("3", 3), (" 007 ", 7), (str(MOST), MOST)])
def test_a_redeemed_quantity_is_a_whole_number(text: str, number: int) -> None:
    assert read({"Redeemed Quantity": text}).redeemed_quantity == number
    assert read_standalone({"Redeemed Quantity": text}).redeemed_quantity == number


NOT_WHOLE = ["-1", "+1", "1.5", "1e3", "1 000", "1,000", "1_000", "٣", "²", "one", str(MOST + 1), "9" * 40]


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_a_redeemed_quantity_is_nothing_else(text: str) -> None:
    assert refuse({"Redeemed Quantity": text}) == f"Invalid value for Redeemed Quantity: {text}"


# --- columns of campaigns ------------------------------------------------------------------------------


def test_a_gift_campaign_reads_amounts() -> None:
    cells = {"Gift Amount": "1000.00", "Redeemed Amount": "300", "Redeemed Quantity": "2"}
    expected = ImportRow(7, "A", own={"gift": {"amount": 100_000}}, spent=30_000, redeemed_quantity=2)
    assert read({**cells, "Loyalty Points": "x"}, "GIFT_VOUCHERS") == expected


@pytest.mark.parametrize("text", ["0", "0.00"])
def test_a_gift_amount_is_greater_than_zero(text: str) -> None:
    reason = "Invalid value for Gift Amount: must be greater than zero"
    assert refuse({"Gift Amount": text}, "GIFT_VOUCHERS") == reason


def test_a_loyalty_campaign_reads_points() -> None:
    cells = {"Gift Amount": "x", "Redeemed Amount": "x"}
    for text, points in (("0", 0), ("250", 250)):
        row = read({**cells, "Loyalty Points": text}, "LOYALTY_PROGRAM")
        assert row == ImportRow(7, "A", own={"loyalty_card": {"points": points}})


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_loyalty_points_are_a_whole_number(text: str) -> None:
    reason = refuse({"Loyalty Points": text}, "LOYALTY_PROGRAM")
    assert reason == f"Invalid value for Loyalty Points: {text}"


@pytest.mark.parametrize("campaign_type", ["DISCOUNT_COUPONS", "REFERRAL_PROGRAM"])
def test_a_discount_campaign_reads_neither_amounts_nor_points(campaign_type: str) -> None:
    cells = {"Gift Amount": "x", "Redeemed Amount": "-1", "Loyalty Points": "y"}
    assert read(cells, campaign_type) == ImportRow(7, "A")


@pytest.mark.parametrize("campaign_type", ["GIFT_VOUCHERS", "LOYALTY_PROGRAM"])
def test_empty_amounts_and_points_are_left_to_the_campaign(campaign_type: str) -> None:
    cells = {"Gift Amount": "", "Redeemed Amount": " ", "Loyalty Points": ""}
    assert read(cells, campaign_type) == ImportRow(7, "A")


# --- money ---------------------------------------------------------------------------------------------

# Column, and how it is read: (cells that go with it, campaign type, field of the row).
_MONEY_COLUMNS = [
    pytest.param("Gift Amount", {}, "GIFT_VOUCHERS", id="Gift Amount"),
    pytest.param("Redeemed Amount", {}, "GIFT_VOUCHERS", id="Redeemed Amount"),
    pytest.param("Value", {"Voucher Type": "GIFT_VOUCHER"}, None, id="Value of a gift card"),
    pytest.param(
        "Value",
        {"Voucher Type": "DISCOUNT_VOUCHER", "Discount Type": "AMOUNT"},
        None,
        id="Value of an amount",
    ),
    pytest.param(
        "Value",
        {"Voucher Type": "DISCOUNT_VOUCHER", "Discount Type": "FIXED"},
        None,
        id="Value of a fixed amount",
    ),
    pytest.param(
        "Redeemed Amount",
        {"Voucher Type": "GIFT_VOUCHER", "Value": "1"},
        None,
        id="Redeemed Amount of a gift card",
    ),
]


def money_of(row: ImportRow, column: str) -> int:
    if column == "Redeemed Amount":
        assert row.spent is not None
        return row.spent
    benefit = row.own.get("gift") or row.own["discount"]
    amount: int = next(
        benefit[field] for field in ("amount", "amount_off", "fixed_amount") if field in benefit
    )
    return amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("10", 1000),
        ("10.5", 1050),
        ("10.50", 1050),
        (" 10.50 ", 1050),
        ("10.", 1000),
        (".5", 50),
        ("0.01", 1),
        ("007.10", 710),
        ("10.500000", 1050),
        ("90071992547409.92", MOST),
    ],
)
@pytest.mark.parametrize(("column", "others", "campaign_type"), _MONEY_COLUMNS)
def test_money_is_read_in_major_units(
    column: str, others: Cells, campaign_type: str | None, text: str, amount: int
) -> None:
    assert money_of(read({**others, column: text}, campaign_type), column) == amount


@pytest.mark.parametrize(
    "text",
    [
        "10,50",
        "1,000.00",
        "1 000",
        "-1",
        "+1",
        "1e3",
        "1_000",
        "$10",
        "10 €",
        "10.505",
        "10.5.0",
        ".",
        "NaN",
        "Infinity",
        "٣",
        "90071992547409.93",
        "1." + "0" * 27 + "1",
        "9" * 40,
    ],
)
@pytest.mark.parametrize(("column", "others", "campaign_type"), _MONEY_COLUMNS)
def test_what_is_no_money_fails_its_row(
    column: str, others: Cells, campaign_type: str | None, text: str
) -> None:
    assert refuse({**others, column: text}, campaign_type) == f"Invalid value for {column}: {text}"


@pytest.mark.parametrize(("column", "others", "campaign_type"), _MONEY_COLUMNS)
def test_money_can_be_read_in_minor_units(column: str, others: Cells, campaign_type: str | None) -> None:
    for text, amount in (("1050", 1050), (str(MOST), MOST)):
        assert money_of(read({**others, column: text}, campaign_type, major_units=False), column) == amount
    for text in ("10.50", "10.", "-1", str(MOST + 1)):
        reason = refuse({**others, column: text}, campaign_type, major_units=False)
        assert reason == f"Invalid value for {column}: {text}"


@settings(deadline=None)
@given(st.integers(0, MOST))
def test_every_amount_can_be_written_in_major_units(amount: int) -> None:
    text = f"{amount // 100}.{amount % 100:02}"
    assert read({"Redeemed Amount": text}, "GIFT_VOUCHERS").spent == amount


# --- columns of standalone vouchers --------------------------------------------------------------------


def test_a_discount_voucher_with_all_its_columns() -> None:
    row = read_standalone(
        {
            "Voucher Type": "discount_voucher",
            "Discount Type": "amount",
            "Value": "10.50",
            "Discount effect": "apply_to_items",
            "Validation rule ID": "",
            "Category": "Food",
            "Start Date": "2026-01-01",
            "Expiration Date": "2027-01-01",
            "Redemption Limit": "5",
            "Redeemed Quantity": "2",
            "Redeemed Amount": "not read: it is no gift card",
            "Active": "false",
            "Additional Info": " said aside ",
            "Formula": "",
            "colour": " red ",
        }
    )
    assert row == ImportRow(
        7,
        "A",
        type="DISCOUNT_VOUCHER",
        active=False,
        own={
            "start_date": "2026-01-01T00:00:00.000Z",
            "expiration_date": "2027-01-01T00:00:00.000Z",
            "redemption_quantity": 5,
            "additional_info": "said aside",
            "discount": {"type": "AMOUNT", "amount_off": 1050, "effect": "APPLY_TO_ITEMS"},
            "metadata": {"colour": " red "},
        },
        category="Food",
        redeemed_quantity=2,
    )


def test_a_gift_card_with_its_columns() -> None:
    cells = {"Redeemed Amount": "30", "Redeemed Quantity": "4", "Discount Type": "not read"}
    assert read_gift(cells) == ImportRow(
        7,
        "A",
        type="GIFT_VOUCHER",
        own={"gift": {"amount": 10_000, "effect": "APPLY_TO_ORDER"}},
        spent=3000,
        redeemed_quantity=4,
    )


@pytest.mark.parametrize(
    ("cells", "discount"),
    [
        ({"Discount Type": "AMOUNT", "Value": "10"}, {"type": "AMOUNT", "amount_off": 1000}),
        ({"Discount Type": "AMOUNT", "Value": "0"}, {"type": "AMOUNT", "amount_off": 0}),
        ({"Discount Type": "FIXED", "Value": "9.99"}, {"type": "FIXED", "fixed_amount": 999}),
        ({"Discount Type": "percent", "Value": "10"}, {"type": "PERCENT", "percent_off": 10}),
        ({"Discount Type": "PERCENT", "Value": "12.5"}, {"type": "PERCENT", "percent_off": 12.5}),
        ({"Discount Type": "PERCENT", "Value": "100.0"}, {"type": "PERCENT", "percent_off": 100}),
        ({"Discount Type": "UNIT", "Value": "2"}, {"type": "UNIT", "unit_off": 2}),
        (
            {"Discount Type": "UNIT", "Value": "2", "Discount Effect": "add_new_items"},
            {"type": "UNIT", "unit_off": 2, "effect": "ADD_NEW_ITEMS"},
        ),
        (
            {"Discount Type": "PERCENT", "Value": "5", "Discount Effect": "APPLY_TO_ORDER"},
            {"type": "PERCENT", "percent_off": 5, "effect": "APPLY_TO_ORDER"},
        ),
        (
            {"Discount Type": "AMOUNT", "Value": "1", "Discount Effect": "APPLY_TO_ITEMS_BY_QUANTITY"},
            {"type": "AMOUNT", "amount_off": 100, "effect": "APPLY_TO_ITEMS_BY_QUANTITY"},
        ),
        (
            {"Discount Type": "AMOUNT", "Value": "", "Formula": "ORDER_AMOUNT * 0.1"},
            {"type": "AMOUNT", "amount_off_formula": "ORDER_AMOUNT * 0.1", "is_dynamic": True},
        ),
        (
            {"Discount Type": "PERCENT", "Value": "3", "Formula": "X"},
            {"type": "PERCENT", "percent_off": 3, "percent_off_formula": "X", "is_dynamic": True},
        ),
        (
            {"Discount Type": "FIXED", "Value": "", "Formula": "X"},
            {"type": "FIXED", "fixed_amount_formula": "X", "is_dynamic": True},
        ),
        (
            {"Discount Type": "UNIT", "Value": "", "Formula": "X"},
            {"type": "UNIT", "unit_off_formula": "X", "is_dynamic": True},
        ),
    ],
)
def test_discounts(cells: Cells, discount: dict[str, Any]) -> None:
    assert read_standalone(cells).own == {"discount": discount}


NO_SUCH_EFFECT = "Property .discount.effect must be equal to one of the allowed values "


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Voucher Type": ""}, "Voucher Type is required"),
        ({"Voucher Type": "COUPON"}, "Invalid value for Voucher Type: COUPON"),
        ({"Voucher Type": "loyalty_card"}, "Invalid value for Voucher Type: LOYALTY_CARD"),
        ({"Validation Rule ID": "val_1"}, "Cannot find validation_rules with id val_1"),
        ({"Redemption Limit": "0"}, "Invalid value for Redemption Limit: must be at least 1"),
        ({"Redemption Limit": "-1"}, "Invalid value for Redemption Limit: -1"),
        ({"Redemption Limit": "unlimited"}, "Invalid value for Redemption Limit: unlimited"),
        ({"Discount Type": ""}, "Discount Type is required"),
        ({"Discount Type": "GIFT"}, "Invalid value for Discount Type: GIFT"),
        ({"Value": ""}, "Value is required"),
        ({"Discount Type": "PERCENT", "Value": " "}, "Value is required"),
        ({"Discount Type": "UNIT", "Value": ""}, "Value is required"),
        ({"Discount Type": "PERCENT", "Value": "100.1"}, "Invalid value for Value: 100.1"),
        ({"Discount Type": "PERCENT", "Value": "10 %"}, "Invalid value for Value: 10 %"),
        ({"Discount Type": "PERCENT", "Value": "-5"}, "Invalid value for Value: -5"),
        ({"Discount Type": "PERCENT", "Value": "12,5"}, "Invalid value for Value: 12,5"),
        ({"Discount Type": "UNIT", "Value": "1.5"}, "Invalid value for Value: 1.5"),
        ({"Discount Effect": "HALF"}, "Invalid value for Discount Effect: HALF"),
        (
            {"Discount Type": "UNIT", "Value": "1", "Discount Effect": "HALF"},
            "Invalid value for Discount Effect: HALF",
        ),
        (
            {"Discount Type": "PERCENT", "Discount Effect": "ADD_NEW_ITEMS"},
            NO_SUCH_EFFECT + "[ APPLY_TO_ORDER, APPLY_TO_ITEMS ]",
        ),
        (
            {"Discount Type": "UNIT", "Value": "1", "Discount Effect": "APPLY_TO_ORDER"},
            NO_SUCH_EFFECT + "[ ADD_MISSING_ITEMS, ADD_NEW_ITEMS, ADD_SAME_ITEMS, ADD_MANY_ITEMS ]",
        ),
        (
            {"Discount Type": "UNIT", "Value": "1", "Discount Effect": "ADD_MANY_ITEMS"},
            "Property .discount must have required property 'units'",
        ),
        ({"Voucher Type": "GIFT_VOUCHER", "Value": ""}, "Value is required"),
        (
            {"Voucher Type": "GIFT_VOUCHER", "Value": "0"},
            "Property 'gift.amount' must be greater than zero",
        ),
        ({"Voucher Type": "GIFT_VOUCHER", "Redeemed Amount": "x"}, "Invalid value for Redeemed Amount: x"),
    ],
)
def test_standalone_rows_that_cannot_be_read(cells: Cells, reason: str) -> None:
    assert refuse_standalone(cells) == reason


def test_a_standalone_file_without_the_columns_it_needs_says_which() -> None:
    for cells, reason in (
        ({}, "Voucher Type is required"),
        ({"Voucher Type": "DISCOUNT_VOUCHER"}, "Discount Type is required"),
        ({"Voucher Type": "DISCOUNT_VOUCHER", "Discount Type": "AMOUNT"}, "Value is required"),
        ({"Voucher Type": "GIFT_VOUCHER"}, "Value is required"),
    ):
        assert refuse(cells, None) == reason


@pytest.mark.parametrize(
    ("column", "start"),
    [
        ("Voucher Type", "Invalid value for Voucher Type: "),
        ("Discount Type", "Invalid value for Discount Type: "),
        ("Discount Effect", "Invalid value for Discount Effect: "),
        ("Value", "Invalid value for Value: "),
        ("Validation Rule ID", "Cannot find validation_rules with id "),
        ("Start Date", "Invalid value for Start Date: "),
    ],
)
def test_a_reason_repeats_a_hundred_characters_of_a_cell(column: str, start: str) -> None:
    assert refuse_standalone({column: LONG}).lower() == start.lower() + "x" * 100


def test_an_empty_redemption_limit_is_none_and_a_file_without_the_column_says_nothing() -> None:
    assert read_standalone({"Redemption Limit": ""}).own["redemption_quantity"] is None
    assert "redemption_quantity" not in read_standalone({}).own


# --- metadata --------------------------------------------------------------------------------------------

_SCHEMA = MetadataSchema(
    properties={
        "text": MetadataDefinition(type="string"),
        "texts": MetadataDefinition(type="string", array=True),
        "count": MetadataDefinition(type="number"),
        "counts": MetadataDefinition(type="number", array=True),
        "flag": MetadataDefinition(type="boolean"),
        "day": MetadataDefinition(type="date"),
        "gone": MetadataDefinition(type="number", deleted=True),
    }
)


def test_without_a_schema_metadata_is_text_and_an_empty_cell_is_not_set() -> None:
    cells = {"a": "1", "b": "true", "c": "", "d": "x,y", "e": " "}
    assert read(cells).own == {"metadata": {"a": "1", "b": "true", "d": "x,y", "e": " "}}
    assert read({"a": ""}).own == {}


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("text", "12", "12"),
        ("texts", "red, green", ["red", "green"]),
        ("count", "12", 12),
        ("count", "-1.5", -1.5),
        ("count", "EUR", "EUR"),
        ("counts", "1,2.5", [1, 2.5]),
        ("flag", "TRUE", True),
        ("flag", "false", False),
        ("flag", "", ""),
        ("flag", "yes", "yes"),
        ("day", "2026-01-02", "2026-01-02"),
        ("gone", "12", "12"),
        ("other", "12", "12"),
    ],
)
def test_a_schema_gives_metadata_its_type_and_what_does_not_fit_is_left_to_the_check(
    key: str, text: str, value: object
) -> None:
    sent = {"flag": "null", key: text}
    assert read(sent, schema=_SCHEMA).own == {"metadata": {key: value}}
    assert read_standalone(sent, schema=_SCHEMA).own["metadata"] == {key: value}


@pytest.mark.parametrize("key", ["text", "texts", "count", "counts", "day"])
def test_an_empty_cell_of_a_type_other_than_boolean_is_not_set(key: str) -> None:
    assert read({key: ""}, schema=_SCHEMA).own == {}


def test_a_boolean_is_not_set_by_the_word_null() -> None:
    assert read({"flag": " NULL "}, schema=_SCHEMA).own == {}
