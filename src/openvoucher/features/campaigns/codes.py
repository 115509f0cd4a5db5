"""Codes added to a campaign by callers: one at once, many by an async action, or a given one."""

from typing import Any

from msgspec import UNSET

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.campaigns.schemas import AddVouchers, AddVouchersQuery
from openvoucher.features.code_generation.service import check_capacity, start_generation
from openvoucher.features.terms.service import (
    check_object_metadata,
    check_validity,
    read_category,
    read_code_config,
    read_date,
)
from openvoucher.features.vouchers.schemas import Voucher
from openvoucher.features.vouchers.service import (
    Campaign,
    find_campaign,
    insert_voucher,
    show_voucher_by_id,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection
from openvoucher.platform.http.operations import Answer
from openvoucher.wire.errors import invalid_campaign, limit_exceeded


async def add_vouchers_to_campaign(
    call: Call, campaign_id: str, query: AddVouchersQuery, body: AddVouchers
) -> Voucher | Answer:
    """One voucher is there when the answer is; more are made by an async action."""
    count = query.vouchers_count
    async with call.db.transaction() as connection:
        campaign = await _find_campaign(connection, call, campaign_id, count)
        own = await _read_overrides(connection, call, campaign, body)
        code_config, pattern = read_code_config(body.code_config, inherited=campaign.code_config)
        if count == 1:
            voucher_id = await insert_voucher(
                connection,
                call,
                campaign=campaign,
                type=campaign.voucher_type,
                code=body.code,
                pattern=pattern,
                own=own,
            )
            return await show_voucher_by_id(connection, call, voucher_id)
        await check_capacity(connection, call.project.id, pattern, count)
        accepted: AcceptedAction = await start_generation(
            connection,
            call,
            campaign.id,
            count=count,
            code_config=code_config,
            own=own or None,
            own_revision=campaign.revision,
        )
        return Answer(accepted, status=202)


async def add_voucher_with_code_to_campaign(
    call: Call, campaign_id: str, code: str, body: AddVouchers
) -> Voucher:
    async with call.db.transaction() as connection:
        campaign = await find_campaign(connection, call.project.id, campaign_id)
        if campaign.type == "STANDALONE" and campaign.vouchers_count > 0:
            raise _standalone()
        own = await _read_overrides(connection, call, campaign, body)
        voucher_id = await insert_voucher(
            connection,
            call,
            campaign=campaign,
            type=campaign.voucher_type,
            code=code,
            pattern=None,
            own=own,
        )
        return await show_voucher_by_id(connection, call, voucher_id)


async def _find_campaign(connection: Connection, call: Call, sent: str, count: int) -> Campaign:
    campaign = await find_campaign(connection, call.project.id, sent)
    if campaign.type == "STANDALONE":
        raise _standalone()
    most = call.settings.max_codes_per_campaign
    if most and campaign.vouchers_count + count > most:
        raise limit_exceeded(f"A campaign can have at most {most} vouchers")
    return campaign


def _standalone() -> Exception:
    return invalid_campaign("You can not generate vouchers for STANDALONE type campaign.")


async def _read_overrides(
    connection: Connection, call: Call, campaign: Campaign, body: AddVouchers
) -> dict[str, Any]:
    own: dict[str, Any] = {}
    for field in ("start_date", "expiration_date"):
        sent = getattr(body, field)
        if sent is not UNSET:
            own[field] = read_date(sent, field) if sent is not None else None
    if body.redemption is not None and body.redemption.quantity is not UNSET:
        own["redemption_quantity"] = body.redemption.quantity
    if body.additional_info is not UNSET:
        own["additional_info"] = body.additional_info
    category = await read_category(connection, call.project.id, body)
    if category is not UNSET:
        own["category_id"] = category
    metadata = body.metadata if isinstance(body.metadata, dict) else {}
    combined = {**campaign.terms.get("metadata", {}), **metadata}
    await check_object_metadata(connection, call.project.id, "voucher", combined, partial=False)
    if metadata:
        own["metadata"] = metadata
    # An unknown campaign type is refused before its dates are.
    _ = campaign.voucher_type
    check_validity({**campaign.terms, **own})
    return own
