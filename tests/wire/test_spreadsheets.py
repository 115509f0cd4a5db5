"""Cells that a spreadsheet program would run are text; all others stay as they are."""

import csv
import io

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
        "\n=1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20A1",
    ],
)
def test_what_would_be_taken_for_a_formula_gets_a_quote(cell: str) -> None:
    assert make_cells_safe(["A", cell]) == ["A", "'" + cell.replace("\r", "\n")]


@pytest.mark.parametrize(
    "cell", ["", "-5", "+3.5", "-.5", "-0", "1-1", "a=b", " =1", "'=1", "CODE-1", "x@y", "Ü", "a\nb"]
)
def test_plain_numbers_and_texts_stay(cell: str) -> None:
    assert make_cells_safe([cell]) == [cell]


@given(st.lists(st.text()))
def test_at_most_one_quote_is_added_and_nothing_but_line_breaks_is_changed(cells: list[str]) -> None:
    for cell, safe in zip(cells, make_cells_safe(cells), strict=True):
        lines = cell.replace("\r\n", "\n").replace("\r", "\n")
        assert safe in (lines, "'" + lines)
        assert not safe.startswith(("=", "@", "\t", "\n"))


@pytest.mark.parametrize("cell", ["x\r=1", "x\r\n=1", "\r=1"])
def test_what_stands_behind_a_line_break_stays_in_its_cell(cell: str) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(make_cells_safe(["A", cell]))
    assert "\r" not in written.getvalue()
    # The break is between quotes: no program begins a row there.
    ((first, second),) = csv.reader(io.StringIO(written.getvalue(), newline=""))
    assert (first, second.removeprefix("'")) == ("A", cell.replace("\r\n", "\n").replace("\r", "\n"))
