"""Portions as they were kept, into rows: CSV and JSON, those that cannot be read among them."""

import asyncio
from typing import Any, Final

import msgspec
import pytest

from openvoucher.features.async_actions.schemas import RowOutcome
from openvoucher.features.code_imports import reading
from openvoucher.features.code_imports.portions import PortionCutter
from openvoucher.features.code_imports.reading import PortionReader
from openvoucher.features.code_imports.schemas import ImportRow
from openvoucher.platform.csv import BAD_ROW_PREFIX
from openvoucher.wire.metadata import MetadataSchema

HEADER: Final = ["Code", "Active", "Gift Amount", "colour"]


def a_reader(**fields: Any) -> PortionReader:
    return PortionReader(
        **{"header": HEADER, "campaign_type": "GIFT_VOUCHERS", "schema": None, "major_units": True, **fields}
    )


def keep(*rows: list[str], first_line: int = 2) -> bytes:
    """One portion of a file, as it is kept."""
    cutter = PortionCutter(0, 1000, order="file")
    assert cutter.add((first_line + place, row) for place, row in enumerate(rows)) == []
    (portion,) = cutter.finish()
    return portion.data


def keep_items(*items: tuple[int, dict[str, Any]]) -> bytes:
    return msgspec.json.encode([(number, None, item) for number, item in items])


async def test_rows_of_a_file_are_read_and_the_others_told() -> None:
    data = keep(
        ["A", "true", "1.50", "red"],
        ["", "true", "", ""],
        [f"{BAD_ROW_PREFIX}the row is not UTF-8 text"],
        ["B\x00", "true"],
        ["C", "maybe"],
        ["D"],
    )
    portion = await a_reader().read([data])
    assert portion.rows == [
        ImportRow(1, "A", active=True, own={"gift": {"amount": 150}, "metadata": {"colour": "red"}}),
        ImportRow(6, "D"),
    ]
    assert portion.refused == [
        (2, "", "Code is required"),
        (3, "", "the row is not UTF-8 text"),
        (4, "B", "the row has the character U+0000"),
        (5, "C", "Invalid value for Active: must be TRUE or FALSE"),
    ]


async def test_each_failure_is_told_with_its_line_and_the_row_as_it_was_sent() -> None:
    portion = await a_reader().read([keep(["B", "maybe"], ["", "x", "y", "z", "more"], ["A"], first_line=7)])
    assert portion.describe([(3, "A", "Duplicated")]) == [
        RowOutcome(1, "B", "Invalid value for Active: must be TRUE or FALSE", 7, ["B", "maybe"]),
        RowOutcome(2, "", "Code is required", 8, ["", "x", "y", "z", "more"]),
        RowOutcome(3, "A", "Duplicated", 9, ["A"]),
    ]
    # What was refused later is of that moment.
    assert [outcome.row for outcome in portion.describe([])] == [1, 2]


async def test_several_portions_of_a_bucket_are_read_as_one() -> None:
    cutter = PortionCutter(0, 2, order="file")
    portions = cutter.add((line, [f"C{line}", "maybe" if line == 4 else ""]) for line in range(2, 9))
    data = [portion.data for portion in [*portions, *cutter.finish()]]
    assert len(data) == 4
    portion = await a_reader().read(data)
    assert [(row.number, row.code) for row in portion.rows] == [
        (number, f"C{number + 1}") for number in (1, 2, 4, 5, 6, 7)
    ]
    (failure,) = portion.describe([])
    assert (failure.row, failure.line, failure.cells) == (3, 4, ["C4", "maybe"])
    assert (await a_reader().read([])).rows == []


async def test_items_of_json_are_read_with_their_numbers() -> None:
    data = keep_items(
        (5, {"code": "A", "metadata": {"n": 10**30}}), (2, {"code": "B", "gift": {"amount": 7}})
    )
    portion = await a_reader(header=None).read([data])
    assert portion.rows == [
        ImportRow(5, "A", own={"metadata": {"n": 10**30}}),
        ImportRow(2, "B", own={"gift": {"amount": 7}}),
    ]
    assert portion.describe([(5, "A", "no"), (2, "B", "neither")]) == [
        RowOutcome(2, "B", "neither", None, ['{"code":"B","gift":{"amount":7}}']),
        RowOutcome(5, "A", "no", None, ['{"metadata":{"n":1000000000000000000000000000000},"code":"A"}']),
    ]


async def test_standalone_items_have_fields_of_their_own() -> None:
    data = keep_items((1, {"code": "A", "type": "GIFT_VOUCHER", "gift": {"amount": 7}}), (2, {"code": "B"}))
    portion = await a_reader(header=None, campaign_type=None).read([data])
    assert [(row.code, row.type) for row in portion.rows] == [("A", "GIFT_VOUCHER")]
    assert portion.refused == [(2, "B", "type is required")]


@pytest.mark.parametrize(
    ("fields", "amount", "metadata"),
    [
        ({}, 150, {"colour": "5"}),
        ({"major_units": False}, None, None),
        ({"campaign_type": "DISCOUNT_COUPONS"}, None, {"Gift Amount": "1.50", "colour": "5"}),
    ],
)
async def test_a_row_is_read_as_its_import_says(
    fields: dict[str, Any], amount: int | None, metadata: dict[str, Any] | None
) -> None:
    portion = await a_reader(**fields).read([keep(["A", "", "1.50", "5"])])
    if metadata is None:
        assert portion.refused == [(1, "A", "Invalid value for Gift Amount: 1.50")]
        return
    (row,) = portion.rows
    assert row.own.get("gift") == (amount and {"amount": amount})
    assert row.own["metadata"]["colour"] == metadata["colour"]


async def test_what_was_read_says_how_so_that_it_is_not_used_when_that_has_changed() -> None:
    reader = a_reader()
    portion = await reader.read([keep(["A"])])
    assert portion.reader == reader == a_reader(header=[*HEADER])
    for fields in (
        {"header": ["Code"]},
        {"header": None},
        {"campaign_type": None},
        {"schema": MetadataSchema(allow_defined_only=True)},
        {"major_units": False},
    ):
        assert portion.reader != a_reader(**fields)


async def test_others_get_their_turn_while_many_rows_are_read() -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    data = keep(*([f"C{number}"] for number in range(999)))
    portion = await a_reader().read([data])
    other.cancel()
    assert len(portion.rows) == 999
    assert turns >= 999 // reading._SLICE
