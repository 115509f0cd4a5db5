"""Taking records in, and reading them back portion by portion."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from openvoucher.features.async_actions.schemas import AcceptedAction, RowOutcome, is_bulk_update
from openvoucher.features.async_actions.service import InputReceiver, load_input, record_portion
from openvoucher.features.record_imports.schemas import ImportedRow, RecordImportQuery
from openvoucher.platform.call import Call
from openvoucher.platform.csv import BrokenCsv, CsvRows
from openvoucher.platform.http.operations import Upload
from openvoucher.platform.jobs import PermanentFailure, PortionResult, Run
from openvoucher.wire.errors import invalid_payload, invalid_query_params

# Imports of up to so many portions run in the order in which they came; longer ones take turns.
_SHORT_IMPORT_PORTIONS: Final = 5
# Bulk updates always do, and bodies are bounded by their size: of two the later one has the last word.
_ALWAYS_ORDERED: Final = 1_000_000
# A portion of long rows is cut early, so that it fits into memory whatever the rows are.
_MAX_PORTION_BYTES: Final = 4 * 1024 * 1024
# Characters of a failed row that its report repeats.
_ECHO: Final = 8_192

_encode_row = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[ImportedRow]).decode

_Item = TypeVar("_Item")


# --- taking in ---------------------------------------------------------------------------------------


def refuse_dry_run(query: RecordImportQuery) -> None:
    """Raises invalid_query_params."""
    if query.dry_run:
        raise invalid_query_params("Property .dry_run must be false: only imports of codes can be tried out")


async def receive_csv(
    call: Call, upload: Upload, *, type: str, job_kind: str, payload: Mapping[str, Any] | None = None
) -> AcceptedAction:
    """Take in a file; the job finds its header as `payload["header"]`. Raises invalid_payload."""
    rows = CsvRows()
    portion = _Portion(call.settings.portion_rows)
    number = 0
    async with InputReceiver(call, type=type, job_kind=job_kind, payload=dict(payload or {})) as receiver:
        try:
            async for batch in _read_rows(rows, upload):
                for line, cells in batch:
                    number += 1
                    portion.add(_encode_row((number, line, cells)))
                    if portion.is_full:
                        await receiver.add(*portion.empty())
        except BrokenCsv as error:
            raise invalid_payload(str(error)) from None
        if rows.header is None:
            raise invalid_payload("The file is empty: its first line names the columns")
        if portion.rows:
            await receiver.add(*portion.empty())
        receiver.payload["header"] = rows.header
        return await receiver.start(ordered_up_to=_SHORT_IMPORT_PORTIONS, columns=rows.header)


async def receive_items(
    call: Call,
    items: Sequence[Any],
    *,
    type: str,
    job_kind: str,
    payload: Mapping[str, Any] | None = None,
) -> AcceptedAction:
    """Take in the items of a body (Structs or builtins)."""
    size = call.settings.portion_rows
    async with InputReceiver(call, type=type, job_kind=job_kind, payload=dict(payload or {})) as receiver:
        for start in range(0, len(items), size):
            portion = items[start : start + size]
            # As JSON: MessagePack has no integers beyond 64 bits, which metadata may hold.
            await receiver.add(msgspec.json.encode(portion), len(portion))
        ordered_up_to = _ALWAYS_ORDERED if is_bulk_update(type) else _SHORT_IMPORT_PORTIONS
        return await receiver.start(ordered_up_to=ordered_up_to)


async def _read_rows(rows: CsvRows, upload: Upload) -> AsyncIterator[list[tuple[int, list[str]]]]:
    async for piece in upload.pieces():
        yield list(rows.feed(piece))
    yield list(rows.finish())


class _Portion:
    def __init__(self, most_rows: int) -> None:
        self._most_rows = most_rows
        self._data = bytearray()
        self.rows = 0

    def add(self, row: bytes) -> None:
        self._data += row
        self.rows += 1

    @property
    def is_full(self) -> bool:
        return self.rows >= self._most_rows or len(self._data) >= _MAX_PORTION_BYTES

    def empty(self) -> tuple[bytes, int]:
        """(data, rows) of what was in it."""
        # MessagePack's head of an array with a length of 32 bits.
        taken = b"\xdd" + self.rows.to_bytes(4, "big") + self._data, self.rows
        self._data, self.rows = bytearray(), 0
        return taken


# --- for the jobs ------------------------------------------------------------------------------------


async def load_rows(run: Run) -> list[ImportedRow]:
    """The rows of the portion in hand; none behind the last one (an empty file). Raises PermanentFailure."""
    loaded = await _load(run)
    return _decode_rows(loaded[1]) if loaded else []


async def load_items(run: Run, decoder: msgspec.json.Decoder[list[_Item]]) -> list[tuple[int, _Item]]:
    """(number, item) of the portion in hand. Raises PermanentFailure."""
    loaded = await _load(run)
    return list(enumerate(decoder.decode(loaded[1]), loaded[0])) if loaded else []


async def _load(run: Run) -> tuple[int, bytes] | None:
    if run.job.position >= run.job.payload["portions"]:
        return None
    loaded = await load_input(run, run.job.position)
    if loaded is None:
        raise PermanentFailure("The input of this import is gone.")
    return loaded


def describe_refusal(row: ImportedRow, key: str, reason: str) -> RowOutcome:
    """The outcome of a row of a file that was not taken. `key`: the record's source id, if it is known."""
    left, kept = _ECHO, []
    for cell in row.cells:
        kept.append(cell if len(cell) <= left else f"{cell[:left]}…")
        left = max(left - len(cell), 0)
        if not left:
            break
    return RowOutcome(row.number, key.replace("\x00", ""), reason, row.line, kept)


async def record_rows(
    run: Run, *, done: int, failed: Sequence[RowOutcome] = (), outcomes: Sequence[RowOutcome] | None = None
) -> PortionResult:
    """Write the outcome of the portion in hand; what `run_portion` returns. `outcomes`: all rows, for
    bulk updates, whose report lists the done ones, too."""
    finished = run.job.position + 1 >= run.job.payload["portions"]
    await record_portion(run, done=done, failed=failed, outcomes=outcomes, finished=finished)
    return PortionResult(run.job.position + 1, finished)
