"""The wire of the bin."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import CursorQuery

# Prefixes of the ids of what can lie in the bin.
PREFIXES = {"campaign": "camp", "voucher": "v", "product": "prod", "sku": "sku"}
_PARENTS = {"voucher": "camp", "sku": "prod"}


class BinQuery(CursorQuery, kw_only=True):
    order: Literal["id", "-id"] = "-id"
    filters: dict[str, Any] | None = None


class BinEntry(msgspec.Struct, kw_only=True):
    id: str
    created_at: str
    deleted_by_user_id: None = None
    resource_id: str
    resource_type: str
    resource_name: str | None
    resource_parent_id: str | None
    object: str


class BinList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[BinEntry]
    total: int
    has_more: bool
    more_starting_after: str | UnsetType = UNSET


def show_bin_entry(row: Row) -> BinEntry:
    kind = row["resource_type"]
    parent = row["resource_parent_id"]
    return BinEntry(
        id=show_id("tbe", row["id"]),
        created_at=format_instant(row["created_at"]),
        resource_id=show_id(PREFIXES[kind], row["resource_id"]),
        resource_type=kind,
        resource_name=row["resource_name"],
        resource_parent_id=show_id(_PARENTS[kind], parent) if parent else None,
        object=kind,
    )
