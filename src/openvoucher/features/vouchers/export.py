"""Vouchers as rows of a file."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from openvoucher.features.assets.schemas import Assets, show_assets
from openvoucher.features.exports.columns import Exportable, ExportField, ShownField, Surroundings
from openvoucher.features.metadata_schemas.service import load_schema
from openvoucher.features.terms.columns import (
    effective_instant,
    effective_json,
    effective_metadata,
    effective_text,
)
from openvoucher.features.vouchers.listing import COLUMNS
from openvoucher.platform.db.conditions import Column

_DISCOUNT: Final = effective_json("discount")
_DISCOUNT_TYPE: Final = f"({_DISCOUNT} ->> 'type')"
# A card holds what it inherits until its first posting.
_GIFT_BALANCE: Final = (
    "(case v.type when 'GIFT_VOUCHER'"
    f" then coalesce(v.balance, ({effective_json('gift')} ->> 'amount')::bigint) end)"
)
_LOYALTY_BALANCE: Final = (
    "(case v.type when 'LOYALTY_CARD'"
    f" then coalesce(v.balance, ({effective_json('loyalty_card')} ->> 'points')::bigint) end)"
)
_VALUE: Final = (
    "(case v.type"
    f" when 'GIFT_VOUCHER' then {_GIFT_BALANCE}::numeric when 'LOYALTY_CARD' then {_LOYALTY_BALANCE}::numeric"
    f" else ({_DISCOUNT} ->> case {_DISCOUNT_TYPE} when 'AMOUNT' then 'amount_off'"
    " when 'PERCENT' then 'percent_off' when 'FIXED' then 'fixed_amount' else 'unit_off' end)::numeric end)"
)
_FORMULA: Final = (
    f"({_DISCOUNT} ->> case {_DISCOUNT_TYPE} when 'AMOUNT' then 'amount_off_formula'"
    " when 'PERCENT' then 'percent_off_formula' when 'FIXED' then 'fixed_amount_formula'"
    " else 'unit_off_formula' end)"
)
_IS_MONEY: Final = (
    f"v.type = 'GIFT_VOUCHER' or v.type = 'DISCOUNT_VOUCHER' and {_DISCOUNT_TYPE} in ('AMOUNT', 'FIXED')"
)


def _text(sql: str, title: str = "") -> ExportField:
    return ExportField(Column(sql, "text"), title)


def _listed(name: str) -> ExportField:
    """As the list of vouchers is filtered by it."""
    column = COLUMNS[name]
    assert isinstance(column, Column)  # noqa: S101 - none of these has keys
    return ExportField(column)


def _show_qr(values: Sequence[Any], surroundings: Surroundings) -> str:
    return _show_assets(values, surroundings).qr.url


def _show_barcode(values: Sequence[Any], surroundings: Surroundings) -> str:
    return _show_assets(values, surroundings).barcode.url


def _show_assets(values: Sequence[Any], surroundings: Surroundings) -> Assets:
    return show_assets(surroundings.project, values[0], surroundings.base_url)


VOUCHERS: Final = Exportable(
    source=(
        "from voucher v"
        # Whether a campaign lies in the bin is asked in the join: asked behind it, PostgreSQL expects so few
        # rows that it sorts all of them for each portion.
        " left join campaign c on c.project_id = v.project_id and c.id = v.campaign_id"
        "      and c.deleted_at is null"
        " left join campaign_revision r on r.project_id = v.project_id and r.campaign_id = v.campaign_id"
        "      and r.revision = coalesce(v.revision, c.revision)"
        " where v.project_id = $1 and v.deleted_at is null and (v.campaign_id is null or c.id is not null)"
    ),
    id="v.id",
    created_at="v.created_at",
    fields={
        "code": _listed("code"),
        "voucher_type": _listed("voucher_type"),
        "value": ExportField(Column(_VALUE, "number"), money=_IS_MONEY),
        "formula": _text(_FORMULA),
        "discount_type": _text(_DISCOUNT_TYPE),
        "campaign": _listed("campaign"),
        "category": _listed("category"),
        "start_date": ExportField(Column(effective_instant("start_date"), "instant")),
        "expiration_date": ExportField(Column(effective_instant("expiration_date"), "instant")),
        "gift_balance": ExportField(Column(_GIFT_BALANCE, "number"), money="true"),
        "loyalty_balance": ExportField(Column(_LOYALTY_BALANCE, "number")),
        "redemption_quantity": _listed("redemption.quantity"),
        "redemption_count": _listed("redemption.redeemed_quantity"),
        "active": _listed("active"),
        "qr_code": ShownField(("v.id",), _show_qr),
        "bar_code": ShownField(("v.id",), _show_barcode),
        "id": _listed("id"),
        "is_referral_code": _listed("is_referral_code"),
        "created_at": _listed("created_at"),
        "updated_at": _listed("updated_at"),
        "validity_timeframe_interval": _text(f"({effective_json('validity_timeframe')} ->> 'interval')"),
        "validity_timeframe_duration": _text(f"({effective_json('validity_timeframe')} ->> 'duration')"),
        "validity_day_of_week": _listed("validity_day_of_week"),
        "discount_amount_limit": ExportField(
            Column(f"({_DISCOUNT} ->> 'amount_limit')::bigint", "number"), money="true"
        ),
        "campaign_id": _listed("campaign_id"),
        "additional_info": _text(effective_text("additional_info")),
        "customer_id": _listed("holder_id"),
        "discount_effect": _text(f"({_DISCOUNT} ->> 'effect')"),
        "discount_unit_type": _text(f"({_DISCOUNT} ->> 'unit_type')"),
        "discount_unit_effect": _text(
            f"(case {_DISCOUNT_TYPE} when 'UNIT' then {_DISCOUNT} ->> 'effect' end)"
        ),
        # Nothing can be assigned to a voucher yet.
        "validation_rules_id": _text("null::text", "Validation Rules ID"),
        "customer_source_id": _text(
            "(select held.source_id from customer held where held.project_id = v.project_id"
            " and held.id = v.holder_id and held.deleted_at is null)"
        ),
    },
    default_fields=("code", "voucher_type", "value", "discount_type"),
    orders=("created_at", "updated_at", "code"),
    filters=COLUMNS,
    metadata=effective_metadata,
    load_schema=partial(load_schema, related_object="voucher"),
)
