"""What will be exported once it is there: the columns are those of the contract, rows there are none yet.

Whoever brings the rows gives each of these a source and its columns (in an export.py of its own feature).
"""

from collections.abc import Iterable
from typing import Final

from openvoucher.features.exports.columns import Exportable, ExportField
from openvoucher.platform.db.conditions import Column, Params

_NOTHING: Final = {
    "text": Column("null::text", "text"),
    "number": Column("null::numeric", "number"),
    "instant": Column("null::timestamptz", "instant"),
    "date": Column("null::date", "date"),
}


def _no_metadata(_key: str, _params: Params) -> Column:
    return Column("null::jsonb", "jsonb")


def _plan(
    fields: dict[str, str],
    *,
    default_fields: Iterable[str],
    orders: tuple[str, ...],
    default_order: str = "-created_at",
    filters: Iterable[str] = (),
    with_metadata: bool = False,
) -> Exportable:
    """fields: kinds by name. filters: further names that rows can be filtered and ordered by."""
    return Exportable(
        source="from project nothing where nothing.id = $1 and false",
        id="null::uuid",
        created_at="null::timestamptz",
        fields={name: ExportField(_NOTHING[kind]) for name, kind in fields.items()},
        default_fields=tuple(default_fields),
        orders=orders,
        default_order=default_order,
        filters={name: _NOTHING["instant" if name == "created_at" else "text"] for name in filters},
        metadata=_no_metadata if with_metadata else None,
    )


_REDEMPTION_TEXTS: Final = (
    "voucher_code",
    "campaign",
    "promotion_tier_id",
    "customer_id",
    "customer_source_id",
    "customer_name",
    "tracking_id",
    "order_id",
)

PLANNED: Final[dict[str, Exportable]] = {
    "redemption": _plan(
        {
            "id": "text",
            "object": "text",
            "date": "instant",
            **dict.fromkeys(_REDEMPTION_TEXTS, "text"),
            "order_amount": "number",
            "gift_amount": "number",
            "loyalty_points": "number",
            "result": "text",
            "failure_code": "text",
            "failure_message": "text",
        },
        default_fields=("id", "object", "voucher_code", "customer_id", "date", "result"),
        orders=("id", "voucher_code", "tracking_id", "customer_id", "created_at"),
        filters=("created_at", "campaign_id", "voucher_id"),
        with_metadata=True,
    ),
    "points_expiration": _plan(
        {
            "id": "text",
            "campaign_id": "text",
            "voucher_id": "text",
            "points": "number",
            "status": "text",
            "expires_at": "date",
        },
        default_fields=("id", "campaign_id", "voucher_id", "status", "expires_at", "points"),
        orders=("expires_at",),
        default_order="expires_at",
    ),
    "api_log": _plan(
        {
            "id": "text",
            "created_at": "instant",
            "status": "number",
            **dict.fromkeys(
                (
                    "request_id",
                    "channel",
                    "method",
                    "endpoint",
                    "url",
                    "user_email",
                    "app_id",
                    "client_app_id",
                ),
                "text",
            ),
            "request_duration": "number",
            "request_body": "text",
            "response_body": "text",
        },
        default_fields=(
            "id",
            "created_at",
            "status",
            "request_id",
            "channel",
            "method",
            "endpoint",
            "url",
            "user_email",
            "app_id",
            "client_app_id",
            "request_duration",
            "request_body",
            "response_body",
        ),
        orders=("created_at",),
    ),
}
