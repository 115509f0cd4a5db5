"""Codes become a customer's: bound to the terms that they have, held, and counted."""

import dataclasses
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from openvoucher.engine.durations import add_duration, parse_duration
from openvoucher.engine.inheritance import live_overrides
from openvoucher.features.customers.service import NewHolder, add_holders
from openvoucher.features.publications import pool, store
from openvoucher.features.terms.service import resolve_terms
from openvoucher.features.vouchers.batches import list_rows
from openvoucher.features.vouchers.service import Campaign, add_to_campaign_day, created_counters
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import not_found


class TermsChanged(Exception):
    """The campaign was updated while its codes were being published: to be done again, with the new terms."""


class CampaignFull(Exception):
    """The campaign has as many codes as the settings allow: none can be made for this publication."""


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """Locked codes, ascending by id. `made`: those that were made for this publication; `taken`: of the
    campaign's pool, None if the caller said which."""

    ids: list[UUID]
    made: list[UUID] = dataclasses.field(default_factory=list)
    taken: pool.Taken | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class HandedOver:
    """The vouchers as they are now, in the order of the choice. `bound`: how many have ceased to follow their
    campaign with this publication."""

    vouchers: list[Row]
    bound: int


async def hand_over(
    connection: Connection, call: Call, campaign: Campaign | None, choice: Choice, customer_id: UUID
) -> HandedOver:
    """Make locked codes this customer's. `campaign`: theirs. Raises not_found if it was deleted meanwhile."""
    project_id = call.project.id
    found = [each for each in choice.ids if each not in choice.made]
    bound = 0
    for ids, now in ((found, call.now), (choice.made, None)):
        if ids:
            bound += await store.mark_published(
                connection,
                project_id,
                ids,
                customer_id=customer_id,
                revision=campaign.revision if campaign else None,
                now=now,
            )
    vouchers = await _read(connection, call, campaign, choice)
    if await _open_windows(connection, call, vouchers):
        vouchers = await _read(connection, call, campaign, choice)
    refers = campaign is not None and campaign.is_referral_code
    await add_holders(
        connection,
        call,
        [
            NewHolder(voucher_row=row, customer_id=customer_id, role="REFERRER" if refers else "OWNER")
            for row in vouchers
        ],
    )
    return HandedOver(vouchers, bound)


async def _read(connection: Connection, call: Call, campaign: Campaign | None, choice: Choice) -> list[Row]:
    rows = await list_rows(connection, call.project.id, choice.ids)
    if campaign is not None and len(rows) < len(choice.ids):
        raise not_found("campaign", campaign.name)
    return [rows[each] for each in choice.ids]


async def _open_windows(connection: Connection, call: Call, vouchers: Sequence[Row]) -> bool:
    """Where the terms say how long a code is good for after its publication, that time begins now, whatever
    dates it had. False: they say nothing of it."""
    opened = False
    for row in vouchers:
        duration = resolve_terms(row).get("activity_duration_after_publishing")
        if duration:
            expires_at = add_duration(call.now, parse_duration(duration), call.project.timezone)
            # What an update of the campaign had replaced must not come back to life with the new number.
            own: dict[str, Any] = live_overrides(row["own"], row["own_revision"], row["sent"] or {})
            own |= {"start_date": format_instant(call.now), "expiration_date": format_instant(expires_at)}
            await store.write_window(
                connection, call.project.id, row["id"], own=own, own_revision=row["revision"]
            )
            opened = True
    return opened


async def count_at_campaign(
    connection: Connection, call: Call, campaign: Campaign, choice: Choice, *, bound: int
) -> None:
    """Last in the transaction: the campaign's row stays locked from here to the commit.

    Raises not_found if the campaign was deleted meanwhile; TermsChanged, since codes that are published
    after an update have the new terms, and the update has counted them; CampaignFull.
    """
    counters = {"publications": 1, "publications_succeeded": 1}
    if choice.made:
        counters |= created_counters(campaign, None, len(choice.made))
    await add_to_campaign_day(connection, call, campaign.id, counters)
    counted = await store.count_published_codes(
        connection, call.project.id, campaign.id, added=len(choice.made), bound=bound
    )
    if counted is None:
        raise not_found("campaign", campaign.name)
    if bound and counted["revision"] != campaign.revision:
        raise TermsChanged
    most = call.settings.max_codes_per_campaign
    if choice.made and most and counted["vouchers_count"] > most:
        raise CampaignFull
    if choice.taken is not None:
        await pool.move_hint(connection, call, campaign, choice.taken, choice.made)
