"""Cells that a spreadsheet program would run are text; all others stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.wire.spreadsheets import make_cells_safe


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        '=HYPERLINK("http://x","a")',
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "=",
        "-",
        "+",
        "+-5",
        "-5,5",
        "-5.",
        "-1e5",
        "-5\n",
        "-٣",
        "+49 30 1234",
    ],
)
def test_what_would_be_taken_for_a_formula_gets_a_quote(cell: str) -> None:
    assert make_cells_safe(["A", cell]) == ["A", "'" + cell]


@pytest.mark.parametrize(
    "cell", ["", "-5", "+3.5", "-.5", "-0", "1-1", "a=b", " =1", "'=1", "CODE-1", "x@y", "\n=1", "Ü"]
)
def test_plain_numbers_and_texts_stay(cell: str) -> None:
    assert make_cells_safe([cell]) == [cell]


@given(st.lists(st.text()))
def test_at_most_one_quote_is_added_and_nothing_is_lost(cells: list[str]) -> None:
    for cell, safe in zip(cells, make_cells_safe(cells), strict=True):
        assert safe in (cell, "'" + cell)
        assert not safe.startswith(("=", "@", "\t", "\r"))
