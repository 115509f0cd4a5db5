"""Files of bulk imports in which much is wrong, and what must come of every row."""

import csv
import dataclasses
import random
from pathlib import Path
from typing import Final

HEADER: Final = ["Code", "Active", "colour"]

# Per hundred rows.
_REPEATED: Final = 5
_EXISTING: Final = 5
_MALFORMED: Final = 1


@dataclasses.dataclass
class BulkFile:
    """own, foreign: codes that exist before, in the campaign and in another one. new: codes to be made.
    refused: by the number of the row: (code, reason, cells)."""

    path: Path
    rows: int = 0
    own: set[str] = dataclasses.field(default_factory=set)
    foreign: set[str] = dataclasses.field(default_factory=set)
    new: set[str] = dataclasses.field(default_factory=set)
    refused: dict[int, tuple[str, str, list[str]]] = dataclasses.field(default_factory=dict)

    @property
    def done_count(self) -> int:
        """Every row that is not refused: it makes a code, or updates one that is there."""
        return self.rows - len(self.refused)


def write_bulk_file(path: Path, rows: int, *, malformed: bool = True, foreign: bool = True) -> BulkFile:
    """Of a hundred rows about five repeat one before, five name codes that exist, and one is malformed. The
    codes come in no order. malformed, foreign: whether there are such rows; foreign are codes of another
    campaign."""
    chance = random.Random(rows)
    file = BulkFile(path, rows)
    valid: list[str] = []
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        for number in range(1, rows + 1):
            lot = chance.uniform(0, 100)
            # Unlike any other one, whatever is drawn.
            fresh = f"{chance.getrandbits(32):08X}-{number}"
            if lot < _MALFORMED and malformed:
                code, cells, reason = _make_malformed(fresh, number)
                file.refused[number] = (code, reason, cells)
            elif lot < _MALFORMED + _EXISTING / 2 and foreign:
                cells = [fresh, "true", "red"]
                file.foreign.add(fresh)
                file.refused[number] = (fresh, f"Duplicated voucher exists with id {fresh}", cells)
            elif lot < _MALFORMED + _EXISTING:
                cells = [fresh, "true", "red"]
                file.own.add(fresh)
            elif lot < _MALFORMED + _EXISTING + _REPEATED and valid:
                cells = [chance.choice(valid), "true", "blue"]
            else:
                cells = [fresh, "true", "red"]
                file.new.add(fresh)
                valid.append(fresh)
            writer.writerow(cells)
    return file


def write_codes(path: Path, codes: set[str]) -> Path:
    """A file of nothing but codes."""
    path.write_text("".join(f"{code}\n" for code in ("Code", *sorted(codes))), encoding="utf-8")
    return path


def _make_malformed(code: str, number: int) -> tuple[str, list[str], str]:
    """(the code that names the row, its cells, the reason)"""
    match number % 3:
        case 0:
            return "", ["", "true", "red"], "Code is required"
        case 1:
            reason = "Invalid value for Active: must be TRUE or FALSE"
            return code, [code, "perhaps", "red"], reason
        case _:
            long = code + "X" * 500
            return long[:500], [long, "true", "red"], "Invalid value for Code: longer than 500 characters"
