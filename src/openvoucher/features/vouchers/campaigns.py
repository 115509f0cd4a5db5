"""The campaigns of codes, as far as making and publishing codes needs to know them."""

import dataclasses
from typing import Any, Final
from uuid import UUID

from openvoucher.features.vouchers import store
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.errors import invalid_campaign, not_found
from openvoucher.wire.ids import parse_id, show_id

_VOUCHERS: Final = {
    "DISCOUNT_COUPONS": "DISCOUNT_VOUCHER",
    "REFERRAL_PROGRAM": "DISCOUNT_VOUCHER",
    "GIFT_VOUCHERS": "GIFT_VOUCHER",
    "LOYALTY_PROGRAM": "LOYALTY_CARD",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Campaign:
    """`terms` is what its codes inherit now; `sent`: by field the revision whose update last sent it."""

    id: UUID
    name: str
    type: str
    campaign_type: str
    revision: int
    code_config: dict[str, Any]
    active: bool
    is_referral_code: bool
    join_once: bool
    vouchers_count: int
    terms: dict[str, Any]
    sent: dict[str, int]

    @property
    def has_codes(self) -> bool:
        return self.campaign_type in _VOUCHERS

    @property
    def voucher_type(self) -> str:
        """Raises invalid_campaign for a campaign without codes."""
        try:
            return _VOUCHERS[self.campaign_type]
        except KeyError:
            details = f"You can not generate vouchers for {self.campaign_type} campaign."
            raise invalid_campaign(details) from None


async def find_campaign(connection: Connection, project_id: int, sent: str) -> Campaign:
    """A campaign by id or name, as codes see it. Raises not_found."""
    campaign_id = parse_id("camp", sent)
    campaign = campaign_id and await load_campaign(connection, project_id, campaign_id)
    if campaign:
        return campaign
    row = await store.find_campaign_by_name(connection, project_id, sent)
    if row is None:
        raise not_found("campaign", sent)
    return _read_campaign(row)


async def load_campaign(connection: Connection, project_id: int, campaign_id: UUID) -> Campaign | None:
    """The campaign with this id and no other: for jobs, whose campaign may be gone by now while another
    one is called by its id. None if it is gone."""
    row = await store.find_campaign_by_id(connection, project_id, campaign_id)
    return _read_campaign(row) if row else None


def _read_campaign(row: Row) -> Campaign:
    return Campaign(
        id=row["id"],
        name=row["name"],
        type=row["type"],
        campaign_type=row["campaign_type"],
        revision=row["revision"],
        code_config=row["code_config"],
        active=row["active"],
        is_referral_code=row["is_referral_code"],
        join_once=row["join_once"],
        vouchers_count=row["vouchers_count"],
        terms=row["inherited"],
        sent=row["sent"],
    )


def show_simple_campaign(campaign: Campaign) -> dict[str, Any]:
    """As the payloads of events have it."""
    return {
        "id": show_id("camp", campaign.id),
        "name": campaign.name,
        "campaign_type": campaign.campaign_type,
        "type": campaign.type,
        "is_referral_code": campaign.is_referral_code,
        "join_once": campaign.join_once,
        "active": campaign.active,
        "metadata": campaign.terms.get("metadata") or {},
        "start_date": campaign.terms.get("start_date"),
        "expiration_date": campaign.terms.get("expiration_date"),
        "object": "campaign",
    }
