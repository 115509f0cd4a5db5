"""What the list of campaigns can be filtered and ordered by."""

import dataclasses
from typing import Any, Final

from openvoucher.features.campaigns.schemas import CampaignQuery
from openvoucher.platform.call import Call
from openvoucher.platform.db.conditions import (
    Column,
    ColumnFactory,
    Params,
    compile_filters,
    jsonb_keys,
)
from openvoucher.wire.filters import parse_filters

_START = "(r.inherited ->> 'start_date')::timestamptz"
_EXPIRATION = "(r.inherited ->> 'expiration_date')::timestamptz"
_EXPIRED = f"coalesce({_EXPIRATION} < {{now}}, false)"
_STARTED = f"coalesce({_START} <= {{now}}, true)"
_CATEGORY_ID = "'cat_' || (r.inherited ->> 'category_id')"
_CATEGORY_NAME = (
    "(select named.name from category named where named.project_id = c.project_id"
    " and named.id = (r.inherited ->> 'category_id')::uuid)"
)
_DAYS = "(r.inherited -> 'validity_day_of_week')"

_COLUMNS: Final[dict[str, Column | ColumnFactory]] = {
    "id": Column("c.id", "id", prefix="camp"),
    "campaigns_id": Column("c.id", "id", prefix="camp"),
    "name": Column("c.name", "text"),
    "campaigns": Column("c.name", "text"),
    "campaign_type": Column("c.campaign_type", "text"),
    "campaign_status": Column("c.creation_status", "text"),
    "voucher_type": Column("(r.inherited ->> 'type')", "text"),
    "type": Column("c.type", "text"),
    "is_referral_code": Column("c.is_referral_code", "boolean"),
    "category": Column(_CATEGORY_NAME, "text"),
    "categories": Column(_CATEGORY_NAME, "text"),
    "category_id": Column(_CATEGORY_ID, "text"),
    "category_ids": Column(_CATEGORY_ID, "text"),
    "created_at": Column("c.created_at", "instant"),
    "created_date": Column("c.created_at", "instant"),
    "updated_at": Column("c.updated_at", "instant"),
    "start_date": Column(_START, "instant"),
    "expiration_date": Column(_EXPIRATION, "instant"),
    "validity_timeframe": Column("(r.inherited -> 'validity_timeframe')", "jsonb"),
    # A campaign without day limits runs on every day.
    "validity_day_of_week": Column(
        f"case when jsonb_typeof({_DAYS}) = 'array' and {_DAYS} <> '[]' then {_DAYS}"
        " else '[0, 1, 2, 3, 4, 5, 6]'::jsonb end",
        "json_array",
    ),
    "status": Column(
        "c.creation_status",
        "text",
        special={
            "$active": "c.creation_status = 'DONE' and c.generations = 0",
            "$failed": "c.creation_status = 'FAILED'",
            "$in_progress": "(c.creation_status in ('IN_PROGRESS', 'MODIFYING') or c.generations > 0)",
            "$expired": _EXPIRED,
            "$before_start": f"not {_STARTED}",
        },
    ),
    "active": Column(
        "c.active",
        "boolean",
        special={
            "$enabled": "c.active",
            "$disabled": "not c.active",
            "$expired": _EXPIRED,
            "$before_start": f"not {_STARTED}",
            "$active": f"c.active and {_STARTED} and not {_EXPIRED}",
        },
    ),
    "metadata.*": jsonb_keys("c.metadata"),
}

_ORDERS: Final = {
    "created_at": "c.created_at, c.id",
    "-created_at": "c.created_at desc, c.id desc",
    "updated_at": "c.updated_at nulls first, c.id",
    "-updated_at": "c.updated_at desc nulls last, c.id desc",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CompiledQuery:
    """`where` starts with "and" or is empty; the first parameter is the project."""

    where: str
    parameters: list[Any]
    order: str


def compile_query(call: Call, query: CampaignQuery) -> CompiledQuery:
    """Raises invalid_query_params."""
    params = Params(call.project.id)
    terms: list[str] = []
    if query.campaign_type:
        terms.append(f"c.campaign_type = {params.add(query.campaign_type)}")
    if query.campaign_status:
        terms.append(f"c.creation_status = {params.add(query.campaign_status)}")
    if query.is_referral_code is not None:
        terms.append(f"c.is_referral_code = {params.add(query.is_referral_code)}")
    if query.filters is not None:
        filters = parse_filters(_resolve_bulk(query.filters), source="query")
        terms.append(compile_filters(filters, _COLUMNS, params, now=call.now, timezone=call.project.timezone))
    return CompiledQuery(
        where="".join(f" and {term}" for term in terms),
        parameters=params.values,
        order=_ORDERS[query.order or "-created_at"],
    )


def _resolve_bulk(tree: dict[str, Any]) -> dict[str, Any]:
    """BULK is a name for AUTO_UPDATE and STATIC together."""
    try:
        conditions: dict[str, Any] = dict(tree["type"]["conditions"])
    except (KeyError, TypeError, ValueError):
        return tree
    for operator, values in conditions.items():
        listed = values if isinstance(values, list) else [values]
        if "BULK" in listed:
            others = [value for value in listed if value != "BULK"]
            conditions[operator] = [*others, "AUTO_UPDATE", "STATIC"]
    return {**tree, "type": {**tree["type"], "conditions": conditions}}
