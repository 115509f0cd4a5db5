"""Reports: the rows of an action as CSV, at an address that is its own key."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Final

from openvoucher.features.async_actions import store
from openvoucher.features.async_actions.schemas import ReportQuery, is_import, name_key
from openvoucher.platform.db import Database, Row
from openvoucher.platform.http.operations import Answer
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import unauthorized
from openvoucher.wire.ids import parse_id, show_id
from openvoucher.wire.spreadsheets import make_cells_safe

_REPORT_DAYS: Final = 7
_REPORT_PAGE: Final = 2_000


def show_report_address(base_url: str, action: Row) -> tuple[str, str]:
    """Where the report of an ended action is, and until when."""
    ended_at: datetime = action["updated_at"]
    url = f"{base_url}/api/v1/reports/{show_id('aa', action['id'])}?token={action['report_token']}"
    return url, format_instant(ended_at + timedelta(days=_REPORT_DAYS))


async def download_report(db: Database, async_action_id: str, query: ReportQuery) -> Answer:
    """The rows of a bulk update as CSV: code, found, updated. Or those of an import that failed: row, line,
    code, reason, and the row as it was sent. Or the codes that an undoing kept: code, reason. The address
    itself is the key.

    A cell that a spreadsheet would take for a formula begins with a '.
    """
    action_id = parse_id("aa", async_action_id)
    async with db.connection() as connection:
        action = action_id and await store.find_action_by_token(
            connection, action_id, query.token, days=_REPORT_DAYS
        )
    if not action:
        raise unauthorized()
    return Answer(
        _write_report(db, action),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{async_action_id}.csv"',
            # Codes, at an address that nothing but its secret protects.
            "Cache-Control": "no-store",
        },
    )


async def _write_report(db: Database, action: Row) -> AsyncIterator[bytes]:
    columns, show_row = _choose_form(action)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(make_cells_safe(columns))
    after = 0
    while True:
        # A connection for each page: a reader that is slow, or away, holds none.
        async with db.connection() as connection:
            rows = await store.list_rows(
                connection, action["project_id"], action["id"], after=after, limit=_REPORT_PAGE
            )
        writer.writerows(make_cells_safe(show_row(row)) for row in rows)
        yield buffer.getvalue().encode()
        if len(rows) < _REPORT_PAGE:
            return
        after = rows[-1]["row"]
        buffer.seek(0)
        buffer.truncate()


def _choose_form(action: Row) -> tuple[list[str], Callable[[Row], list[str]]]:
    if is_import(action["type"]):
        # Rows that came as JSON have no columns: each is one text.
        sent = action["columns"] or ["value"]
        return ["row", "line", name_key(action["type"]), "reason", *sent], _show_failed_row
    if action["undoes"] is not None:
        return ["code", "reason"], lambda row: [row["code"], row["reason"]]
    return [name_key(action["type"]), "found", "updated"], _show_updated_row


def _show_failed_row(row: Row) -> list[str]:
    line = "" if row["line"] is None else str(row["line"])
    return [str(row["row"]), line, row["code"], row["reason"], *(row["cells"] or ())]


def _show_updated_row(row: Row) -> list[str]:
    found = row["found"]
    if found is None:
        found = not (row["reason"] or "").startswith("not_found")
    return [row["code"], _flag(found), _flag(row["reason"] is None)]


def _flag(value: bool) -> str:
    return "true" if value else "false"
