"""The wire of exports."""

from typing import Any, Literal, Self

import msgspec
from msgspec import UNSET, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import PageQuery

ExportedObject = Literal[
    "voucher",
    "redemption",
    "customer",
    "publication",
    "order",
    "points_expiration",
    "voucher_transactions",
    "product",
    "sku",
    "api_log",
]


class ExportParameters(msgspec.Struct, kw_only=True):
    """Columns, order and rows of the file. All of them can be left out."""

    order: str | None | UnsetType = UNSET
    """Name of a field, with a `-` in front of it descending."""
    fields: list[str] | None | UnsetType = UNSET
    """The columns, in their order; `metadata.<key>` is one key, `metadata` all keys of the schema."""
    filters: dict[str, Any] | None | UnsetType = UNSET
    campaign_id: str | None | UnsetType = UNSET
    """Vouchers only: those of this campaign."""

    def narrowed_to(self, field: str, value: str) -> Self:
        """Those rows only, whatever else is asked for."""
        sent = self.filters or {}
        # "or" would let in what the address leaves out.
        junction = {"junction": "AND"} if sent else {}
        filters = {**sent, **junction, field: {"conditions": {"$in": [value]}}}
        return msgspec.structs.replace(self, filters=filters)


class ExportCreate(msgspec.Struct, kw_only=True):
    exported_object: ExportedObject
    parameters: ExportParameters | None = None


class ParametersBody(msgspec.Struct, kw_only=True):
    """Where the address says what is exported."""

    parameters: ExportParameters | None = None


class ExportListQuery(PageQuery, kw_only=True):
    order: Literal["created_at", "-created_at", "status", "-status"] = "-created_at"


class ExportQuery(msgspec.Struct, kw_only=True):
    token: str = ""
    """Of the link to the file; with it the answer is the file, and no keys are needed."""


class ExportResult(msgspec.Struct, kw_only=True):
    url: str


class Export(msgspec.Struct, kw_only=True):
    id: str
    object: Literal["export"] = "export"
    created_at: str
    status: Literal["SCHEDULED", "IN_PROGRESS", "DONE", "ERROR"]
    channel: str
    exported_object: ExportedObject
    parameters: dict[str, Any]
    """As they were sent."""
    result: ExportResult | None
    """The link to the file; null until it is done."""
    user_id: str | None = None


class ExportList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["exports"] = "exports"
    exports: list[Export]
    total: int


def show_export(row: Row, base_url: str) -> Export:
    export_id = show_id("exp", row["id"])
    url = f"{base_url}/v1/exports/{export_id}?token={row['token']}"
    return Export(
        id=export_id,
        created_at=format_instant(row["created_at"]),
        status=row["status"],
        channel=row["channel"],
        exported_object=row["exported_object"],
        parameters=row["parameters"],
        result=ExportResult(url=url) if row["status"] == "DONE" else None,
    )
