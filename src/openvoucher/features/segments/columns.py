"""What a segment's filter can ask of a customer, as SQL over the customer `c`.

Everything is computed from the tables, nothing is kept: orders, events and cards are looked up by
their index on the customer, inside the statement that asks. Where a statement asks about all
customers at once, orders and events are better summed up once (`group_columns`).
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from openvoucher.features.terms.columns import effective_json
from openvoucher.platform.db.conditions import Column, ColumnFactory, Kind, Params, jsonb_keys

# `events.<name>.count` and the like: names may have dots themselves.
_NAMED_FIELDS: Final = {
    "events": re.compile(r"events\..+\.count", re.DOTALL),
    "loyalty_points": re.compile(r"loyalty_points\.campaigns\..+\.points", re.DOTALL),
}

REFERRED_CUSTOMERS: Final = "loyalty.referred_customers"


class _Figure(NamedTuple):
    """Something summed up of a customer's orders `o`; `default` is for customers without any."""

    kind: Kind
    aggregate: str
    default: str


_COUNTED: Final = "o.status in ('PAID', 'FULFILLED')"
_FIGURES: Final = {
    "summary.orders.total_count": _Figure("number", "count(*)", "0"),
    "summary.orders.total_amount": _Figure("number", "sum(o.total_amount)", "0"),
    "summary.orders.last_order_amount": _Figure(
        "number", "(array_agg(coalesce(o.total_amount, 0) order by o.created_at desc, o.id desc))[1]", "0"
    ),
    "summary.orders.last_order_date": _Figure("instant", "max(o.created_at)", "null"),
}


def _sum_orders(figure: _Figure) -> Column:
    orders = f"shop_order o where o.project_id = c.project_id and o.customer_id = c.id and {_COUNTED}"
    return Column(f"coalesce((select {figure.aggregate} from {orders}), {figure.default})", figure.kind)


# There are no redemptions yet: this is the one place that says so.
_REDEMPTIONS: Final = {
    f"summary.redemptions.{name}": Column("0::numeric", "number")
    for name in (
        "total_redeemed",
        "total_succeeded",
        "total_failed",
        "total_rolled_back",
        "total_rollback_succeeded",
        "total_rollback_failed",
        "gift.redeemed_amount",
        "loyalty_card.redeemed_points",
    )
}


def _count_events(key: str, params: Params) -> Column:
    """A customer to whom it never happened has no value, yet a count that is 0."""
    name = f"{params.add(_read_event(f'events.{key}'))}::text"
    events = (
        f"from custom_event h where h.project_id = c.project_id and h.customer_id = c.id and h.name = {name}"
    )
    return Column(
        f"(select count(*) {events})",
        "number",
        special={
            "$has_value": f"exists (select 1 {events})",
            "$is_unknown": f"not exists (select 1 {events})",
        },
    )


def _sum_points(key: str, params: Params) -> Column:
    """What the customer's cards of one campaign hold; no value for a customer without a card."""
    name = f"{params.add(key.removeprefix('campaigns.').removesuffix('.points'))}::text"
    points = f"({effective_json('loyalty_card')} #>> '{{points}}')::bigint"
    # Terms are read over a campaign called c; what is wanted of the customer is called otherwise before.
    return Column(
        "(select sum(card.points) from (select c.project_id, c.id as customer_id) as held, lateral ("
        f"select coalesce(v.balance, {points}, 0) as points from redeemable_holder h"
        " join voucher v on v.project_id = h.project_id and v.id = h.voucher_id"
        " join campaign c on c.project_id = v.project_id and c.id = v.campaign_id"
        " left join campaign_revision r on r.project_id = v.project_id and r.campaign_id = v.campaign_id"
        " and r.revision = coalesce(v.revision, c.revision)"
        " where h.project_id = held.project_id and h.customer_id = held.customer_id and h.role = 'OWNER'"
        " and v.type = 'LOYALTY_CARD' and v.deleted_at is null and c.deleted_at is null"
        f" and c.name = {name}) as card)",
        "number",
    )


COLUMNS: Final[dict[str, Column | ColumnFactory]] = {
    "id": Column("c.id", "id", prefix="cust"),
    "source_id": Column("c.source_id", "text"),
    "name": Column("c.name", "text"),
    "description": Column("c.description", "text"),
    "email": Column("c.email", "text"),
    "phone": Column("c.phone", "text"),
    "birthdate": Column("c.birthdate", "date"),
    "birthday": Column("c.birthday", "date"),
    **{
        f"address.{part}": Column(f"(c.address ->> '{part}')", "text")
        for part in ("city", "state", "line_1", "line_2", "country", "postal_code")
    },
    "created_at": Column("c.created_at", "instant"),
    "updated_at": Column("c.updated_at", "instant"),
    "metadata.*": jsonb_keys("c.metadata"),
    "system_metadata.*": jsonb_keys("c.system_metadata"),
    "events.*": _count_events,
    **{field: _sum_orders(figure) for field, figure in _FIGURES.items()},
    **_REDEMPTIONS,
    REFERRED_CUSTOMERS: Column(
        "(select count(distinct referee.customer_id) from redeemable_holder referrer"
        " join redeemable_holder referee on referee.project_id = referrer.project_id"
        " and referee.voucher_id = referrer.voucher_id and referee.role = 'REFEREE'"
        " where referrer.project_id = c.project_id and referrer.customer_id = c.id"
        " and referrer.role = 'REFERRER')",
        "number",
    ),
    "loyalty_points.*": _sum_points,
}


def is_misnamed(field: str) -> bool:
    """Whether a field of a group with names in the middle lacks its end (`events.sign-up`)."""
    pattern = _NAMED_FIELDS.get(field.partition(".")[0])
    return pattern is not None and pattern.fullmatch(field) is None


def group_columns(
    fields: Iterable[str], project_id: int, params: Params
) -> tuple[dict[str, Column], list[str]]:
    """Columns that stand in for those of COLUMNS where all customers are looked at, and the joins to
    `customer c` that they need: each table is read once, not once for each customer.

    `fields`: what is asked for. Both are empty when nothing of that gets faster.
    """
    columns: dict[str, Column] = {}
    joins: list[str] = []
    figures = [field for field in _FIGURES if field in fields]
    if figures:
        sums = ", ".join(f"{_FIGURES[field].aggregate} as f{place}" for place, field in enumerate(figures))
        for place, field in enumerate(figures):
            figure = _FIGURES[field]
            columns[field] = Column(f"coalesce(ordered.f{place}, {figure.default})", figure.kind)
        joins.append(
            f"left join (select o.customer_id, {sums} from shop_order o"
            f" where o.project_id = {params.add(project_id)}::integer and o.customer_id is not null"
            f" and {_COUNTED} group by o.customer_id) as ordered on ordered.customer_id = c.id"
        )
    for field in sorted({field for field in fields if field.startswith("events.")}):
        name = f"happened{len(joins)}"
        columns[field] = Column(
            f"coalesce({name}.times, 0)",
            "number",
            special={"$has_value": f"{name}.times is not null", "$is_unknown": f"{name}.times is null"},
        )
        joins.append(
            "left join (select h.customer_id, count(*) as times from custom_event h"
            f" where h.project_id = {params.add(project_id)}::integer"
            f" and h.name = {params.add(_read_event(field))}::text"
            f" group by h.customer_id) as {name} on {name}.customer_id = c.id"
        )
    return columns, joins


def _read_event(field: str) -> str:
    return field.removeprefix("events.").removesuffix(".count")
