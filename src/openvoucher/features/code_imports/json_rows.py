"""Rows of JSON imports."""

import msgspec
from msgspec import UNSET

from openvoucher.features.code_imports.schemas import CampaignCode, ImportRow, RowRefused, StandaloneCode
from openvoucher.features.terms.schemas import Gift
from openvoucher.features.terms.service import read_discount, read_gift, read_validity
from openvoucher.wire.errors import ApiError


def read_json_row(item: CampaignCode, number: int, campaign_type: str | None) -> ImportRow:
    """Raises RowRefused. `campaign_type` None: a standalone voucher."""
    row = ImportRow(number, item.code or "", active=item.active)
    try:
        row.own = read_validity(item)
        if isinstance(item, StandaloneCode):
            _read_standalone(item, row)
        elif item.gift is not None and campaign_type == "GIFT_VOUCHERS":
            row.own["gift"] = _read_gift(item)
            if item.gift.effect is None:
                # The campaign's counts, not the default.
                del row.own["gift"]["effect"]
        elif item.loyalty_card is not None and campaign_type == "LOYALTY_PROGRAM":
            row.own["loyalty_card"] = {"points": item.loyalty_card.points}
    except ApiError as error:
        raise RowRefused(error.details or error.message) from None
    if item.redemption is not None and item.redemption.quantity is not UNSET:
        row.own["redemption_quantity"] = item.redemption.quantity
    if isinstance(item.additional_info, str):
        row.own["additional_info"] = item.additional_info
    if isinstance(item.metadata, dict):
        row.own["metadata"] = item.metadata
    sent_category = item.category_id or item.category
    row.category = sent_category if isinstance(sent_category, str) and sent_category else None
    return row


def _read_standalone(item: StandaloneCode, row: ImportRow) -> None:
    row.type = item.type
    if item.type is None:
        raise RowRefused("type is required")
    if item.type == "LOYALTY_CARD":
        raise RowRefused("Loyalty cards can be imported into a loyalty campaign only")
    if item.type == "GIFT_VOUCHER":
        if item.gift is None:
            raise RowRefused("gift is required")
        row.own["gift"] = _read_gift(item)
    elif item.discount is None:
        raise RowRefused("discount is required")
    else:
        row.own["discount"] = read_discount(item.discount)


def _read_gift(item: CampaignCode) -> dict[str, object]:
    assert item.gift is not None  # noqa: S101 - the callers looked
    try:
        gift = msgspec.convert(
            {"amount": item.gift.amount, **({"effect": item.gift.effect} if item.gift.effect else {})}, Gift
        )
    except msgspec.ValidationError:
        raise RowRefused(
            "Property .gift.effect must be equal to one of the allowed values "
            "[ APPLY_TO_ORDER, APPLY_TO_ITEMS ]"
        ) from None
    return read_gift(gift)
