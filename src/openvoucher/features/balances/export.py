"""Transactions of gift and loyalty cards as rows of a file."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from openvoucher.features.balances.schemas import show_details
from openvoucher.features.exports.columns import Exportable, ExportField, ShownField, Surroundings
from openvoucher.features.vouchers.batches import find_taken_codes
from openvoucher.platform.db import Connection
from openvoucher.platform.db.conditions import Column
from openvoucher.wire.filters import Condition, Filters
from openvoucher.wire.ids import parse_id, show_id

_IS_MONEY: Final = "t.type like 'CREDITS%'"
_DETAILS: Final = ("type", "amount", "total_after", "balance_after", "voucher_id")
_BY_VALUE: Final = ("$in", "$not_in", "$is", "$is_not")


def _show_details(values: Sequence[Any], _surroundings: Surroundings) -> str:
    return msgspec.json.encode(show_details(dict(zip(_DETAILS, values, strict=True)))).decode()


async def _read_filters(connection: Connection, project_id: int, filters: Filters) -> Filters:
    """Filters may name a voucher by its code, too."""
    sent = [each for each in filters.conditions if each.field == "voucher_id" and each.operator in _BY_VALUE]
    codes = [str(value) for each in sent for value in each.values if not parse_id("v", str(value))]
    if not codes:
        return filters
    known = await find_taken_codes(connection, project_id, codes)

    def put_ids(condition: Condition) -> Condition:
        if condition not in sent:
            return condition
        values = (str(value) for value in condition.values)
        ids = (show_id("v", known[value].voucher_id) if value in known else value for value in values)
        return dataclasses.replace(condition, values=tuple(ids))

    return dataclasses.replace(filters, conditions=tuple(put_ids(each) for each in filters.conditions))


TRANSACTIONS: Final = Exportable(
    source="from voucher_transaction t where t.project_id = $1",
    id="t.id",
    created_at="t.created_at",
    fields={
        "id": ExportField(Column("t.id", "id", prefix="vtx")),
        "type": ExportField(Column("t.type", "text")),
        "source_id": ExportField(Column("t.source_id", "text")),
        "reason": ExportField(Column("t.reason", "text")),
        # Credits are money, points are not.
        "balance": ExportField(Column("t.balance_after", "number"), money=_IS_MONEY),
        "amount": ExportField(Column("t.amount", "number"), money=_IS_MONEY),
        "created_at": ExportField(Column("t.created_at", "instant"), "Creation date"),
        "voucher_id": ExportField(Column("t.voucher_id", "id", prefix="v")),
        "campaign_id": ExportField(Column("t.campaign_id", "id", prefix="camp")),
        "source": ExportField(Column("t.source", "text")),
        "details": ShownField(tuple(f"t.{name}" for name in _DETAILS), _show_details),
        "related_transaction_id": ExportField(
            Column("t.related_transaction_id", "id", prefix="vtx"), "Related transaction ID"
        ),
    },
    default_fields=("id", "type", "source_id", "reason", "source", "balance", "amount", "created_at"),
    orders=("created_at",),
    read_filters=_read_filters,
)
