"""Publications as rows of a file: one for each code, and one for a publication that failed."""

from functools import partial
from typing import Final

from openvoucher.features.exports.columns import Exportable, ExportField
from openvoucher.features.metadata_schemas.service import load_schema
from openvoucher.platform.db.conditions import Column, jsonb_keys

_CODE: Final = Column("published.code", "text")

PUBLICATIONS: Final = Exportable(
    source=(
        "from publication p"
        " left join publication_voucher published on published.project_id = p.project_id"
        "      and published.publication_id = p.id"
        " left join customer cu on cu.project_id = p.project_id and cu.id = p.customer_id"
        "      and cu.deleted_at is null"
        " left join campaign c on c.project_id = p.project_id and c.id = p.campaign_id"
        " where p.project_id = $1"
    ),
    id="p.id",
    part="coalesce(published.position, 0)",
    created_at="p.created_at",
    fields={
        "voucher_code": ExportField(_CODE),
        "customer_id": ExportField(Column("p.customer_id", "id", prefix="cust")),
        "customer_source_id": ExportField(Column("cu.source_id", "text")),
        "date": ExportField(Column("p.created_at", "instant")),
        "channel": ExportField(Column("p.channel", "text")),
        "campaign": ExportField(Column("c.name", "text")),
        # Lucky draws are no more.
        "is_winner": ExportField(Column("null::boolean", "boolean")),
        # The documents have both names of the first column.
        "code": ExportField(_CODE),
    },
    default_fields=("voucher_code", "customer_id", "date", "channel"),
    orders=("id", "voucher_code", "tracking_id", "customer_id", "created_at", "channel"),
    filters={
        "id": Column("p.id", "id", prefix="pub"),
        "source_id": Column("p.source_id", "text"),
        # Of a publication it is the customer's id in the caller's system.
        "tracking_id": Column("cu.source_id", "text"),
        "created_at": Column("p.created_at", "instant"),
        "campaign_id": Column("p.campaign_id", "id", prefix="camp"),
        "campaign_name": Column("c.name", "text"),
        "result": Column("p.result", "text"),
        "failure_code": Column("p.failure_code", "text"),
    },
    metadata=jsonb_keys("p.metadata"),
    load_schema=partial(load_schema, related_object="publication"),
)
