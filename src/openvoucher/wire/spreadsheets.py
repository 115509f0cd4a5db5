"""Cells of files that people open in a spreadsheet program."""

import re
from collections.abc import Iterable
from typing import Final

# The full-width forms are taken for the plain ones in some languages.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_PLAIN_NUMBER = re.compile(r"[+-](?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")


def make_cells_safe(cells: Iterable[str]) -> list[str]:
    """The cells with a `'` before each that a spreadsheet would take for a formula, and run.

    Plain numbers such as -5 or +3.5 stay as they are. Line breaks become LF: a lone CR, which the CSV writer
    does not put between quotes, would begin a row, and what follows it a cell.
    """
    return [_make_safe(cell) for cell in cells]


def _make_safe(cell: str) -> str:
    safe = f"'{cell}" if _is_formula(cell) else cell
    return safe.replace("\r\n", "\n").replace("\r", "\n")


def _is_formula(cell: str) -> bool:
    return cell.startswith(_FORMULA_STARTS) and not _PLAIN_NUMBER.fullmatch(cell)
