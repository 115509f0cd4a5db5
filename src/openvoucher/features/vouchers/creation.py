"""Reads a request to create a voucher into what it keeps of its own."""

from typing import Any, Final

from msgspec import UNSET

from openvoucher.features.terms.service import (
    check_object_metadata,
    check_validity,
    read_category,
    read_discount,
    read_gift,
    read_validity,
)
from openvoucher.features.vouchers.schemas import VoucherCreate
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection
from openvoucher.wire.errors import invalid_voucher, not_found

# What a voucher of each type cannot do without when it inherits nothing.
_NEEDED: Final = {"DISCOUNT_VOUCHER": "discount", "GIFT_VOUCHER": "gift", "LOYALTY_CARD": "campaign"}


async def read_overrides(
    connection: Connection, call: Call, body: VoucherCreate, *, inherited: dict[str, Any] | None
) -> dict[str, Any]:
    """What the voucher sets itself, by wire name, over what it inherits (None: it has no campaign).

    Raises invalid_voucher, invalid_gift, invalid_payload, metadata_validation_failed, not_found
    for a category or a rule.
    """
    own = read_validity(body)
    if body.discount is not None and body.type == "DISCOUNT_VOUCHER":
        own["discount"] = read_discount(body.discount)
    if body.gift is not None and body.type == "GIFT_VOUCHER":
        own["gift"] = read_gift(body.gift)
    if body.loyalty_card is not None and body.type == "LOYALTY_CARD":
        own["loyalty_card"] = {"points": body.loyalty_card.points}
    if inherited is None and _NEEDED[body.type] not in own:
        raise invalid_voucher(f"Property '{_NEEDED[body.type]}' is required for {body.type}")
    if body.validation_rules:
        raise not_found("validation_rules", body.validation_rules[0])
    if isinstance(body.additional_info, str):
        own["additional_info"] = body.additional_info
    if body.redemption is not None and body.redemption.quantity is not UNSET:
        own["redemption_quantity"] = body.redemption.quantity
    category = await read_category(connection, call.project.id, body)
    if category is not UNSET:
        own["category_id"] = category
    metadata = body.metadata if isinstance(body.metadata, dict) else {}
    inherited = inherited or {}
    await check_object_metadata(
        connection,
        call.project.id,
        "voucher",
        {**inherited.get("metadata", {}), **metadata},
        partial=False,
    )
    if metadata:
        own["metadata"] = metadata
    check_validity({**inherited, **own})
    return own
