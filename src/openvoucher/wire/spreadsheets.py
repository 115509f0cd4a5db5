"""Cells of files that people open in a spreadsheet program."""

import re
from collections.abc import Iterable
from typing import Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_PLAIN_NUMBER = re.compile(r"[+-](?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")


def make_cells_safe(cells: Iterable[str]) -> list[str]:
    """The cells with a `'` before each that a spreadsheet would take for a formula, and run.

    Plain numbers such as -5 or +3.5 stay as they are.
    """
    return [f"'{cell}" if _is_formula(cell) else cell for cell in cells]


def _is_formula(cell: str) -> bool:
    return cell.startswith(_FORMULA_STARTS) and not _PLAIN_NUMBER.fullmatch(cell)
