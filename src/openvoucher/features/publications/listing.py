"""What the list of publications can be filtered and ordered by."""

import dataclasses
from typing import Any, Final

from openvoucher.features.publications.schemas import PublicationQuery
from openvoucher.platform.call import Call
from openvoucher.platform.db.conditions import Column, ColumnFactory, Params, compile_filters, jsonb_keys
from openvoucher.wire.errors import invalid_query_params
from openvoucher.wire.filters import parse_filters
from openvoucher.wire.ids import parse_id

# Of what a publication has several codes, the first one stands for all where only one can.
_PUBLISHED: Final = (
    "from publication_voucher pv{join} where pv.project_id = p.project_id and pv.publication_id = p.id"
)
_FIRST: Final = " order by pv.position limit 1"
_VOUCHER: Final = " join voucher v on v.project_id = pv.project_id and v.id = pv.voucher_id"
_CODE: Final = f"(select pv.code {_PUBLISHED.format(join='')}{_FIRST})"
_VOUCHER_TYPE: Final = f"(select v.type::text {_PUBLISHED.format(join=_VOUCHER)}{_FIRST})"
_VOUCHER_IDS: Final = (
    f"(select array_agg('v_' || replace(pv.voucher_id::text, '-', '')) {_PUBLISHED.format(join='')})"
)

_COLUMNS: Final[dict[str, Column | ColumnFactory]] = {
    "id": Column("p.id", "id", prefix="pub"),
    "created_at": Column("p.created_at", "instant"),
    "channel": Column("p.channel", "text"),
    "result": Column("p.result", "text"),
    "failure_code": Column("p.failure_code", "text"),
    "source_id": Column("p.source_id", "text"),
    "customer_id": Column("p.customer_id", "id", prefix="cust"),
    "campaign_name": Column("c.name", "text"),
    "parent_object_id": Column("p.campaign_id", "id", prefix="camp"),
    "related_object_id": Column(_VOUCHER_IDS, "text_array"),
    "voucher_type": Column(_VOUCHER_TYPE, "text"),
    "voucher_code": Column(_CODE, "text"),
    "is_referral_code": Column("coalesce(c.is_referral_code, false)", "boolean"),
    "metadata.*": jsonb_keys("p.metadata"),
}

_ORDERS: Final = {
    # Ids are made at creation and sort by time.
    "id": "p.id",
    "created_at": "p.id",
    "voucher_code": _CODE,
    "tracking_id": "cu.source_id",
    "customer_id": "p.customer_id",
    "channel": "p.channel",
}

# How clients have called the types of vouchers.
_TYPES: Final = {
    "discount": "DISCOUNT_VOUCHER",
    "discount_voucher": "DISCOUNT_VOUCHER",
    "gift": "GIFT_VOUCHER",
    "gift_card": "GIFT_VOUCHER",
    "gift_voucher": "GIFT_VOUCHER",
    "loyalty": "LOYALTY_CARD",
    "loyalty_card": "LOYALTY_CARD",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CompiledQuery:
    """`where` starts with "and" or is empty; the first parameter is the project."""

    where: str
    parameters: list[Any]
    order: str


def compile_query(call: Call, query: PublicationQuery) -> CompiledQuery:
    """Raises invalid_query_params."""
    params = Params(call.project.id)
    terms: list[str] = []
    if query.campaign:
        terms.append(f"p.campaign_id = {_find_campaign(query.campaign, params)}")
    if query.customer:
        terms.append(f"p.customer_id = {_find_customer(query.customer, params)}")
    if query.voucher:
        terms.append(
            "p.id in (select pv.publication_id from publication_voucher pv where pv.project_id = $1"
            f" and pv.voucher_id = {_find_voucher(query.voucher, params)})"
        )
    if query.result:
        terms.append(f"p.result = {params.add(query.result)}")
    if query.voucher_type:
        terms.append(f"{_VOUCHER_TYPE} = {params.add(_read_type(query.voucher_type))}")
    if query.is_referral_code:
        terms.append("c.is_referral_code")
    if query.source_id:
        terms.append(f"p.source_id = {params.add(query.source_id)}")
    if query.filters is not None:
        filters = parse_filters(_resolve_types(query.filters), source="query")
        terms.append(compile_filters(filters, _COLUMNS, params, now=call.now, timezone=call.project.timezone))
    return CompiledQuery(
        where="".join(f" and {term}" for term in terms),
        parameters=params.values,
        order=_compile_order(query.order or "-created_at"),
    )


def _compile_order(order: str) -> str:
    direction = " desc" if order.startswith("-") else ""
    sql = _ORDERS[order.removeprefix("-")]
    if sql == "p.id":
        return f"p.id{direction}"
    return f"{sql}{direction} nulls last, p.id{direction}"


def _find_campaign(sent: str, params: Params) -> str:
    """SQL for the id of a campaign that is there: a deleted one of this name does not count."""
    campaign_id = parse_id("camp", sent)
    if campaign_id is not None:
        return f"{params.add(campaign_id)}::uuid"
    return (
        "(select named.id from campaign named where named.project_id = $1 and named.deleted_at is null"
        f" and not named.purged and named.name = {params.add(sent)})"
    )


def _find_customer(sent: str, params: Params) -> str:
    customer_id = parse_id("cust", sent)
    if customer_id is not None:
        return f"{params.add(customer_id)}::uuid"
    return (
        "(select named.id from customer named where named.project_id = $1 and named.deleted_at is null"
        f" and named.source_id = {params.add(sent)})"
    )


def _find_voucher(sent: str, params: Params) -> str:
    voucher_id = parse_id("v", sent)
    if voucher_id is not None:
        return f"{params.add(voucher_id)}::uuid"
    code = params.add(sent)
    return f"(select named.id from voucher named where named.project_id = $1 and named.code = {code})"


def _read_type(sent: str) -> str:
    """Raises invalid_query_params."""
    try:
        return _TYPES[sent.lower()]
    except KeyError:
        raise invalid_query_params(
            "Property .voucher_type must be equal to one of the allowed values"
            " [ discount, loyalty, gift_card ]"
        ) from None


def _resolve_types(tree: dict[str, Any]) -> dict[str, Any]:
    """Types of vouchers in filters as they are stored."""
    try:
        conditions: dict[str, Any] = dict(tree["voucher_type"]["conditions"])
    except (KeyError, TypeError, ValueError):
        return tree
    for operator, values in conditions.items():
        if isinstance(values, list):
            conditions[operator] = [_resolve_type(value) for value in values]
        else:
            conditions[operator] = _resolve_type(values)
    return {**tree, "voucher_type": {**tree["voucher_type"], "conditions": conditions}}


def _resolve_type(value: Any) -> Any:
    return _TYPES.get(value.lower(), value) if isinstance(value, str) else value
