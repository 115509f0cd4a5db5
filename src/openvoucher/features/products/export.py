"""Products and their SKUs as rows of files. Prices are in major units, as in the files that imports read."""

from functools import partial
from typing import Final

from openvoucher.features.exports.columns import Exportable, ExportField
from openvoucher.features.metadata_schemas.service import load_schema
from openvoucher.features.products.schemas import SHIPPING_ID
from openvoucher.platform.db.conditions import Column, jsonb_keys

_load_schema = partial(load_schema, related_object="product")

PRODUCTS: Final = Exportable(
    # As in lists, what shipping costs is no product.
    source=f"from product p where p.project_id = $1 and p.deleted_at is null and p.id <> '{SHIPPING_ID}'",
    id="p.id",
    created_at="p.created_at",
    fields={
        "id": ExportField(Column("p.id", "id", prefix="prod")),
        "name": ExportField(Column("p.name", "text")),
        "price": ExportField(Column("p.price", "number"), money="true"),
        "image_url": ExportField(Column("p.image_url", "text")),
        "source_id": ExportField(Column("p.source_id", "text")),
        "attributes": ExportField(Column("p.attributes", "text_array")),
        "created_at": ExportField(Column("p.created_at", "instant")),
        "updated_at": ExportField(Column("p.updated_at", "instant")),
    },
    default_fields=("id", "name", "price", "image_url", "source_id", "attributes", "created_at"),
    orders=("created_at", "updated_at", "name", "source_id"),
    metadata=jsonb_keys("p.metadata"),
    load_schema=_load_schema,
)

SKUS: Final = Exportable(
    source=(
        "from sku s join product p on p.project_id = s.project_id and p.id = s.product_id"
        " where s.project_id = $1 and s.deleted_at is null and p.deleted_at is null"
    ),
    id="s.id",
    created_at="s.created_at",
    fields={
        "id": ExportField(Column("s.id", "id", prefix="sku")),
        "sku": ExportField(Column("s.sku", "text")),
        "product_id": ExportField(Column("s.product_id", "id", prefix="prod")),
        "currency": ExportField(Column("s.currency", "text")),
        "price": ExportField(Column("s.price", "number"), money="true"),
        "image_url": ExportField(Column("s.image_url", "text")),
        "source_id": ExportField(Column("s.source_id", "text")),
        "attributes": ExportField(Column("s.attributes", "jsonb")),
        "created_at": ExportField(Column("s.created_at", "instant")),
        "updated_at": ExportField(Column("s.updated_at", "instant")),
    },
    default_fields=(
        "id",
        "sku",
        "product_id",
        "currency",
        "price",
        "image_url",
        "source_id",
        "attributes",
        "created_at",
    ),
    orders=("created_at", "updated_at", "product_id", "sku", "source_id"),
    # Keys of the attributes, as `attributes.size`.
    filters={"attributes.*": jsonb_keys("s.attributes")},
    metadata=jsonb_keys("s.metadata"),
    # What is written down for products holds for their SKUs.
    load_schema=_load_schema,
)
