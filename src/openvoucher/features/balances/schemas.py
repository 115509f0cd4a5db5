"""The wire of balances and their transactions."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import CursorQuery


class BalanceUpdate(msgspec.Struct, kw_only=True):
    """amount: minor units or points; positive adds, negative removes."""

    amount: Any = None
    source_id: Annotated[str, Meta(max_length=1000)] | None = None
    reason: Annotated[str, Meta(max_length=10_000)] | None = None


class RelatedVoucher(msgspec.Struct, kw_only=True):
    type: Literal["voucher"] = "voucher"
    id: str


class Balance(msgspec.Struct, kw_only=True):
    """total: all that was ever added less what was removed by hand. balance: what can be spent."""

    amount: int
    total: int
    balance: int
    type: Literal["gift_voucher", "loyalty_card"]
    operation_type: Literal["MANUAL", "AUTOMATIC"]
    object: Literal["balance"] = "balance"
    related_object: RelatedVoucher


class TransactionQuery(CursorQuery, kw_only=True):
    order: Literal["id", "-id"] = "-id"
    filters: dict[str, Any] | None = None


class Transaction(msgspec.Struct, kw_only=True):
    id: str
    source_id: str | None
    voucher_id: str
    campaign_id: str | None
    source: str | None
    reason: str | None
    type: str
    details: dict[str, Any]
    related_transaction_id: str | None
    created_at: str


class TransactionList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Transaction]
    has_more: bool | UnsetType = UNSET
    more_starting_after: str | UnsetType = UNSET
    total: int | UnsetType = UNSET


def show_transaction(row: Row) -> Transaction:
    related = row["related_transaction_id"]
    return Transaction(
        id=show_id("vtx", row["id"]),
        source_id=row["source_id"],
        voucher_id=show_id("v", row["voucher_id"]),
        campaign_id=show_id("camp", row["campaign_id"]) if row["campaign_id"] else None,
        source=row["source"],
        reason=row["reason"],
        type=row["type"],
        details=show_details(row),
        related_transaction_id=show_id("vtx", related) if related else None,
        created_at=format_instant(row["created_at"]),
    )


def show_details(row: Row | Mapping[str, Any]) -> dict[str, Any]:
    return {"balance": _show_balance(row)}


def _show_balance(row: Row | Mapping[str, Any]) -> dict[str, Any]:
    points = row["type"].startswith("POINTS") or row["type"].startswith("PENDING")
    return {
        "type": "loyalty_card" if points else "gift_voucher",
        "total": row["total_after"],
        "object": "balance",
        "points" if points else "amount": row["amount"],
        "balance": row["balance_after"],
        "operation_type": "MANUAL",
        "related_object": {"id": show_id("v", row["voucher_id"]), "type": "voucher"},
    }
