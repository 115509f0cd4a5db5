"""Portions as they were kept, into rows that can be checked and stored."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final, TypeVar

import msgspec

from openvoucher.features.async_actions.schemas import RowOutcome
from openvoucher.features.code_imports.csv_rows import CsvRowReader, read_header
from openvoucher.features.code_imports.json_rows import read_json_row
from openvoucher.features.code_imports.portions import decode_portion
from openvoucher.features.code_imports.schemas import CampaignCode, ImportRow, RowRefused, StandaloneCode
from openvoucher.wire.metadata import MetadataSchema

# Rows that are read before others get their turn: less than a millisecond.
_SLICE: Final = 200
# Characters of a failed row that its report repeats.
_ECHO: Final = 8_192

# As JSON: MessagePack has no integers beyond 64 bits, which metadata may hold.
_CAMPAIGN_ITEMS = msgspec.json.Decoder(list[tuple[int, None, CampaignCode]])
_STANDALONE_ITEMS = msgspec.json.Decoder(list[tuple[int, None, StandaloneCode]])

_Sent = TypeVar("_Sent", list[str], CampaignCode)


@dataclasses.dataclass(slots=True)
class ReadPortion:
    """Rows that can be read, and the others: (row, code, reason). `sent`: (number, line on which it
    began, the row as it came) of each. `reader`: how they were read."""

    reader: "PortionReader"
    rows: list[ImportRow] = dataclasses.field(default_factory=list)
    refused: list[tuple[int, str, str]] = dataclasses.field(default_factory=list)
    sent: list[tuple[int, int | None, list[str] | CampaignCode]] = dataclasses.field(default_factory=list)

    def describe(self, refused: Iterable[tuple[int, str, str]]) -> list[RowOutcome]:
        """What becomes of the rows that could not be read, and of those that were refused later."""
        reasons = {number: (code, reason) for number, code, reason in (*self.refused, *refused)}
        outcomes = []
        for number, line, row in self.sent if reasons else ():
            if number not in reasons:
                continue
            code, reason = reasons[number]
            cells = row if isinstance(row, list) else [msgspec.json.encode(row).decode()]
            cells = _shorten(cells)
            outcomes.append(RowOutcome(number, code, reason, line, cells))
        outcomes.sort(key=attrgetter("row"))
        return outcomes


def _shorten(cells: Sequence[str]) -> list[str]:
    """As much of a row as its report repeats: rows may be as long as a mebi of characters each."""
    left, kept = _ECHO, []
    for cell in cells:
        kept.append(cell if len(cell) <= left else f"{cell[:left]}…")
        left = max(left - len(cell), 0)
        if not left:
            break
    return kept


@dataclasses.dataclass(frozen=True, slots=True)
class PortionReader:
    """How the rows of an import are read. header: of a CSV file; None: JSON. campaign_type None: a
    standalone import. Two that are equal read alike."""

    header: Sequence[str] | None
    campaign_type: str | None
    schema: MetadataSchema | None
    major_units: bool

    async def read(self, data: Sequence[bytes]) -> ReadPortion:
        """Gives way while it works."""
        portion = ReadPortion(self)
        for part in data:
            if self.header is None:
                await self._read_json(part, portion)
            else:
                await self._read_csv(part, list(self.header), portion)
        return portion

    async def _read_csv(self, data: bytes, header: list[str], portion: ReadPortion) -> None:
        reader = CsvRowReader(
            read_header(header, standalone=self.campaign_type is None),
            campaign_type=self.campaign_type,
            schema=self.schema,
            major_units=self.major_units,
        )
        await _read_rows(decode_portion(data), reader.read, reader.code_of, portion)

    async def _read_json(self, data: bytes, portion: ReadPortion) -> None:
        items: Sequence[tuple[int, None, CampaignCode]]
        items = (_STANDALONE_ITEMS if self.campaign_type is None else _CAMPAIGN_ITEMS).decode(data)
        await _read_rows(
            items,
            lambda item, number: read_json_row(item, number, self.campaign_type),
            lambda item: item.code or "",
            portion,
        )


async def _read_rows(
    rows: Sequence[tuple[int, int | None, _Sent]],
    read: Callable[[_Sent, int], ImportRow],
    code_of: Callable[[_Sent], str],
    portion: ReadPortion,
) -> None:
    portion.sent += rows
    for start in range(0, len(rows), _SLICE):
        for number, _, row in rows[start : start + _SLICE]:
            try:
                portion.rows.append(read(row, number))
            except RowRefused as refusal:
                portion.refused.append((number, code_of(row).replace("\x00", ""), str(refusal)))
        await asyncio.sleep(0)
