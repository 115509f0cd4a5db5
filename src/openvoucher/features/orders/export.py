"""Orders as rows of a file. Amounts stay in minor units, as the contract has them."""

from functools import partial
from typing import Final

from openvoucher.features.exports.columns import METADATA, Exportable, ExportField
from openvoucher.features.metadata_schemas.service import load_schema
from openvoucher.platform.db.conditions import Column, jsonb_keys

_FIELDS: Final = {
    "id": ExportField(Column("o.id", "id", prefix="ord")),
    "source_id": ExportField(Column("o.source_id", "text")),
    "created_at": ExportField(Column("o.created_at", "instant")),
    "updated_at": ExportField(Column("o.updated_at", "instant")),
    "status": ExportField(Column("o.status", "text")),
    "amount": ExportField(Column("o.amount", "number")),
    "discount_amount": ExportField(Column("o.discount_amount", "number")),
    "items_discount_amount": ExportField(Column("o.items_discount_amount", "number")),
    "total_discount_amount": ExportField(Column("(o.discount_amount + o.items_discount_amount)", "number")),
    "total_amount": ExportField(Column("o.total_amount", "number")),
    "customer_id": ExportField(Column("o.customer_id", "id", prefix="cust")),
    "referrer_id": ExportField(Column("o.referrer_id", "id", prefix="cust")),
}

ORDERS: Final = Exportable(
    source="from shop_order o where o.project_id = $1",
    id="o.id",
    created_at="o.created_at",
    fields=_FIELDS,
    default_fields=("id", "source_id", "status"),
    orders=tuple(_FIELDS),
    filters={"initial_amount": Column("o.initial_amount", "number")},
    metadata=jsonb_keys(f"o.{METADATA}"),
    load_schema=partial(load_schema, related_object="order"),
)
