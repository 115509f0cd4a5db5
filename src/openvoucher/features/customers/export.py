"""Customers as rows of a file. What is worked out of other objects is what segments ask for."""

from functools import partial
from typing import Final

from openvoucher.features.exports.columns import Exportable, ExportField
from openvoucher.features.metadata_schemas.service import load_schema
from openvoucher.features.segments.columns import COLUMNS
from openvoucher.features.terms.columns import effective_json
from openvoucher.platform.db.conditions import Column, jsonb_keys

_ADDRESS: Final = ("city", "state", "line_1", "line_2", "country", "postal_code")
_REDEMPTIONS: Final = (
    "total_redeemed",
    "total_failed",
    "total_succeeded",
    "total_rolled_back",
    "total_rollback_failed",
    "total_rollback_succeeded",
)

_AVERAGE: Final = (
    "(select coalesce(round(avg(coalesce(o.total_amount, 0))), 0) from shop_order o"
    " where o.project_id = c.project_id and o.customer_id = c.id and o.status in ('PAID', 'FULFILLED'))"
)
# What is left on all cards of the customer. Terms are read over a campaign called c, so that inside of it the
# customer has another name.
_POINTS: Final = (
    "(select coalesce(sum(card.points), 0)"  # noqa: S608 - our own text
    " from (select c.project_id, c.id as customer_id) as held, lateral ("
    f"select coalesce(v.balance, ({effective_json('loyalty_card')} ->> 'points')::bigint) as points"
    " from redeemable_holder h"
    " join voucher v on v.project_id = h.project_id and v.id = h.voucher_id"
    " left join campaign c on c.project_id = v.project_id and c.id = v.campaign_id"
    " left join campaign_revision r on r.project_id = v.project_id and r.campaign_id = v.campaign_id"
    "      and r.revision = coalesce(v.revision, c.revision)"
    " where h.project_id = held.project_id and h.customer_id = held.customer_id and h.role = 'OWNER'"
    " and v.type = 'LOYALTY_CARD' and v.deleted_at is null and c.deleted_at is null) as card)"
)


def _asked(name: str) -> ExportField:
    column = COLUMNS[name]
    assert isinstance(column, Column)  # noqa: S101 - none of these has keys
    return ExportField(column)


CUSTOMERS: Final = Exportable(
    source="from customer c where c.project_id = $1 and c.deleted_at is null",
    id="c.id",
    created_at="c.created_at",
    fields={
        "name": _asked("name"),
        "id": _asked("id"),
        "description": _asked("description"),
        "email": _asked("email"),
        "source_id": _asked("source_id"),
        "created_at": _asked("created_at"),
        **{f"address_{part}": _asked(f"address.{part}") for part in _ADDRESS},
        **{f"redemptions_{name}": _asked(f"summary.redemptions.{name}") for name in _REDEMPTIONS},
        "orders_total_amount": _asked("summary.orders.total_amount"),
        "orders_total_count": _asked("summary.orders.total_count"),
        "orders_average_amount": ExportField(Column(_AVERAGE, "number")),
        "orders_last_order_amount": _asked("summary.orders.last_order_amount"),
        "orders_last_order_date": _asked("summary.orders.last_order_date"),
        "loyalty_points": ExportField(Column(_POINTS, "number")),
        "loyalty_referred_customers": _asked("loyalty.referred_customers"),
        "updated_at": _asked("updated_at"),
        "phone": _asked("phone"),
        "birthday": _asked("birthday"),
        "birthdate": _asked("birthdate"),
    },
    default_fields=("name", "source_id"),
    orders=("name", "id", "email", "source_id", "created_at", "updated_at"),
    filters=COLUMNS,
    metadata=jsonb_keys("c.metadata"),
    load_schema=partial(load_schema, related_object="customer"),
)
