"""What the list of vouchers can be filtered and ordered by."""

import dataclasses
from typing import Any, Final

from openvoucher.features.categories.service import find_category
from openvoucher.features.terms.columns import (
    effective_instant,
    effective_json,
    effective_metadata,
    effective_text,
)
from openvoucher.features.vouchers.schemas import DateRange, VoucherQuery
from openvoucher.features.vouchers.store import find_campaign_id
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection
from openvoucher.platform.db.conditions import Column, ColumnFactory, Params, compile_filters
from openvoucher.platform.db.conditions.filter_values import add_precision
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.errors import ApiError, invalid_query_params
from openvoucher.wire.filters import parse_filters
from openvoucher.wire.ids import parse_id

_MOST_IDS: Final = 1000

_START = effective_instant("start_date")
_EXPIRATION = effective_instant("expiration_date")
_ENABLED = "(v.active and coalesce(c.active, true))"
_EXPIRED = f"coalesce({_EXPIRATION} < {{now}}, false)"
_STARTED = f"coalesce({_START} <= {{now}}, true)"
_LIMIT = f"({effective_text('redemption_quantity')})::bigint"
_LEFT = f"coalesce(v.redeemed_quantity < {_LIMIT}, true)"
_CATEGORY_ID = f"'cat_' || {effective_text('category_id')}"
_CATEGORY_NAME = (
    "(select named.name from category named where named.project_id = v.project_id"
    f" and named.id = ({effective_text('category_id')})::uuid)"
)

COLUMNS: Final[dict[str, Column | ColumnFactory]] = {
    "id": Column("v.id", "id", prefix="v"),
    "code": Column("v.code", "text"),
    "vouchers": Column("v.code", "text"),
    "type": Column("v.type::text", "text"),
    "voucher_type": Column("v.type::text", "text"),
    "campaign_id": Column("v.campaign_id", "id", prefix="camp"),
    "campaign_ids": Column("v.campaign_id", "id", prefix="camp"),
    "campaign": Column("c.name", "text"),
    "campaigns": Column("c.name", "text"),
    "category": Column(_CATEGORY_NAME, "text"),
    "categories": Column(_CATEGORY_NAME, "text"),
    "category_id": Column(_CATEGORY_ID, "text"),
    "category_ids": Column(_CATEGORY_ID, "text"),
    "is_referral_code": Column("coalesce(c.is_referral_code, false)", "boolean"),
    "created_at": Column("v.created_at", "instant"),
    "created_date": Column("v.created_at", "instant"),
    "updated_at": Column("v.updated_at", "instant"),
    "start_date": Column(_START, "instant"),
    "expiration_date": Column(_EXPIRATION, "instant"),
    "validity_day_of_week": Column(effective_json("validity_day_of_week"), "json_array"),
    "validity_timeframe": Column(effective_json("validity_timeframe"), "jsonb"),
    "additional_info": Column(effective_text("additional_info"), "text"),
    "redemption.quantity": Column(_LIMIT, "number"),
    "redemption.redeemed_quantity": Column("v.redeemed_quantity", "number"),
    # A card shows them from the start, its ledger begins with the first posting.
    "redemption.redeemed_amount": Column(
        "(case v.type when 'GIFT_VOUCHER' then coalesce(v.spent, 0) end)", "number"
    ),
    "redemption.redeemed_points": Column(
        "(case v.type when 'LOYALTY_CARD' then coalesce(v.spent, 0) end)", "number"
    ),
    "publish.count": Column("v.published_count", "number"),
    "active": Column(
        "v.active",
        "boolean",
        special={
            "$active": f"{_ENABLED} and {_STARTED} and not {_EXPIRED}",
            "$expired": _EXPIRED,
            "$before_start": f"not {_STARTED}",
            "$enabled": "v.active",
            "$disabled": "not v.active",
        },
    ),
    "redemption_status": Column(
        "v.redeemed_quantity > 0",
        "boolean",
        special={"$redeemed": "v.redeemed_quantity > 0", "$redeemable": _LEFT},
    ),
    "holder_id": Column("v.holder_id", "id", prefix="cust"),
    # A code of many has a holder for each of them.
    "published_for_customer_id": Column(
        "(select array_agg('cust_' || replace(h.customer_id::text, '-', '')) from redeemable_holder h"
        " where h.project_id = v.project_id and h.voucher_id = v.id and h.role <> 'REFEREE')",
        "text_array",
    ),
    "metadata.*": effective_metadata,
}

_ORDERS: Final = {
    # Ids are made at creation and sort by time; the index on them serves the default order.
    "created_at": "v.id",
    "-created_at": "v.id desc",
    "updated_at": "v.updated_at nulls first, v.id",
    "-updated_at": "v.updated_at desc nulls last, v.id desc",
    "code": "v.code",
    "-code": "v.code desc",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CompiledQuery:
    """`where` starts with "and", or is empty when all vouchers are asked for. $1 is the project.

    `counted`: nothing but a campaign narrows it, so the campaigns' counters have the total.
    """

    where: str
    counted: bool
    parameters: list[Any]
    order: str


async def compile_query(connection: Connection, call: Call, query: VoucherQuery) -> CompiledQuery:
    """Raises invalid_query_params; not_found for a category that is not there."""
    params = Params(call.project.id)
    terms: list[str] = []
    if query.category:
        try:
            category = await find_category(connection, call.project.id, category_id=query.category)
        except ApiError:
            category = await find_category(connection, call.project.id, name=query.category)
        terms.append(f"{_CATEGORY_ID} = {params.add(category.id)}")
    if query.campaign:
        # By id there is an index to walk; by the name of a joined row there is none.
        campaign_id = await find_campaign_id(connection, call.project.id, query.campaign)
        terms.append(f"v.campaign_id = {params.add(campaign_id)}::uuid")
    if query.campaign_id:
        campaign_id = parse_id("camp", query.campaign_id)
        terms.append(f"v.campaign_id = {params.add(campaign_id)}::uuid")
    if query.customer:
        terms.append(
            "v.id in (select h.voucher_id from redeemable_holder h where h.project_id = $1"
            f" and h.role <> 'REFEREE' and h.customer_id = {_find_customer(query.customer, params)})"
        )
    if query.code:
        terms.append(f"v.code = {params.add(query.code)}")
    if query.ids is not None:
        terms.append(_compile_ids(query, params))
    terms += _compile_range("created_at", query.created_at, params)
    terms += _compile_range("updated_at", query.updated_at, params)
    if query.filters is not None:
        filters = parse_filters(query.filters, source="query")
        terms.append(compile_filters(filters, COLUMNS, params, now=call.now, timezone=call.project.timezone))
    by_campaign = bool(query.campaign) + bool(query.campaign_id)
    return CompiledQuery(
        counted=by_campaign > 0 and len(terms) == by_campaign,
        where="".join(f" and {term}" for term in terms),
        parameters=params.values[1:],
        order=_ORDERS[query.order or "-created_at"],
    )


def _find_customer(sent: str, params: Params) -> str:
    """SQL for a customer's id; `sent` is that or the source id."""
    customer_id = parse_id("cust", sent)
    if customer_id is not None:
        return f"{params.add(customer_id)}::uuid"
    return (
        "(select cu.id from customer cu where cu.project_id = $1 and cu.deleted_at is null"
        f" and cu.source_id = {params.add(sent)})"
    )


def _compile_ids(query: VoucherQuery, params: Params) -> str:
    sent = query.ids
    if isinstance(sent, dict):
        raise invalid_query_params("Property .ids must be array")
    texts = sent.split(",") if isinstance(sent, str) else sent or []
    if len(texts) > _MOST_IDS:
        raise invalid_query_params(f"Property .ids must NOT have more than {_MOST_IDS} items")
    ids = [voucher_id for text in texts if (voucher_id := parse_id("v", text))]
    return f"v.id = any({params.add(ids)}::uuid[])"


def _compile_range(field: str, sent: DateRange | None, params: Params) -> list[str]:
    terms = []
    for bound in ("before", "after"):
        text = getattr(sent, bound, None)
        if text is None:
            continue
        try:
            instant = parse_instant(text)
        except ValueError:
            raise invalid_query_params(
                f"Property .{field}.{bound} cannot be recognized as a ISO-8601 compliant date"
            ) from None
        if bound == "before":
            terms.append(f"v.{field} < {params.add(instant)}")
        else:
            # After what the wire shows, as the filter $after has it.
            terms.append(f"v.{field} >= {params.add(add_precision(instant))}")
    return terms
