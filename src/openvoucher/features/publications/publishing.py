"""One publication, in one transaction.

Locks are taken in the order of all transactions: the customer, vouchers by id, the campaign's day, the
campaign (and behind it the hint of its pool). Two publications to one customer wait for each other, so it is
known that somebody has joined before a second code is chosen.
"""

import dataclasses
from typing import Final
from uuid import UUID

from openvoucher.features.customers.service import upsert_customer
from openvoucher.features.publications import pool, store
from openvoucher.features.publications.handover import (
    CampaignFull,
    Choice,
    TermsChanged,
    count_at_campaign,
    hand_over,
)
from openvoucher.features.publications.schemas import Publication
from openvoucher.features.publications.telling import (
    Request,
    make_values,
    name_customer,
    show_new,
    show_stored,
    tell,
)
from openvoucher.features.terms.service import check_object_metadata, read_code_config
from openvoucher.features.vouchers.service import (
    Campaign,
    add_to_campaign_day,
    find_campaign,
    get_row,
    insert_uncounted_voucher,
    load_campaign,
    lock_rows,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.errors import (
    ApiError,
    duplicate_source_id,
    multiple_requests,
    no_voucher_suitable_for_publication,
    not_found,
    too_many_vouchers_requested,
    voucher_already_published,
    voucher_cannot_be_published,
)
from openvoucher.wire.ids import show_id

# Each but the last was crossed by another publication of the same source id, or an update of the campaign.
_TRIES: Final = 20


@dataclasses.dataclass(frozen=True, slots=True)
class _Target:
    """A voucher, or codes of a campaign. `campaign`: the voucher's, if it has one."""

    campaign: Campaign | None
    voucher: Row | None

    @property
    def is_shared(self) -> bool:
        """Whether one code goes to many customers."""
        return self.campaign is None or self.campaign.type == "STANDALONE"

    @property
    def campaign_id(self) -> UUID | None:
        return self.campaign.id if self.campaign else None


class _Refused(Exception):
    """A refusal that is kept as a failed publication."""

    def __init__(self, error: ApiError, target: _Target, taken: pool.Taken | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.target = target
        self.taken = taken


class _SourceIdTaken(Exception):
    """Somebody has just published under the same source id."""


async def publish(call: Call, request: Request) -> Publication:
    """The publication, or the one that was there.

    Raises not_found, too_many_vouchers_requested, duplicate_source_id, metadata_validation_failed and what
    the customer is refused for; voucher_already_published, voucher_cannot_be_published and
    no_voucher_suitable_for_publication, which are kept as failed publications.
    """
    for _ in range(_TRIES):
        try:
            async with call.db.transaction() as connection:
                return await _publish(connection, call, request)
        except (_SourceIdTaken, TermsChanged):
            continue
        except _Refused as refusal:
            async with call.db.transaction() as connection:
                await _keep_failure(connection, call, request, refusal)
            raise refusal.error from None
    raise multiple_requests()


async def _publish(connection: Connection, call: Call, request: Request) -> Publication:
    project_id = call.project.id
    target = await _find_target(connection, call, request)
    join_once = not target.is_shared and _joins_once(target, request)
    if target.voucher is None and request.count > 1 and (target.is_shared or join_once):
        raise too_many_vouchers_requested()
    if request.source_id is not None:
        stored = await store.find_by_source_id(connection, project_id, request.source_id)
        if stored is not None:
            return await _repeat(connection, call, request.source_id, stored, target)
    await check_object_metadata(connection, project_id, "publication", request.metadata, partial=False)
    customer = await upsert_customer(connection, call, request.customer)
    if join_once and target.campaign is not None:
        joined = await store.find_joined(connection, project_id, target.campaign.id, customer["id"])
        if joined is not None:
            return await _show_joined(connection, call, joined, target)
    values = make_values(call, request, target.campaign_id, customer)
    if not await store.insert_publication(connection, values):
        raise _SourceIdTaken
    choice = await _choose(connection, call, target, request.count)
    handed = await hand_over(connection, call, target.campaign, choice, customer["id"])
    await store.insert_publication_vouchers(connection, project_id, values["id"], handed.vouchers)
    row = {**values, **name_customer(customer)}
    publication = await show_new(connection, call, row, handed.vouchers)
    await tell(connection, call, row, handed.vouchers, publication.voucher, target.campaign)
    if target.campaign is not None:
        try:
            await count_at_campaign(connection, call, target.campaign, choice, bound=handed.bound)
        except CampaignFull:
            raise _Refused(no_voucher_suitable_for_publication(), target) from None
    return publication


# --- what is asked for -----------------------------------------------------------------------------------


async def _find_target(connection: Connection, call: Call, request: Request) -> _Target:
    """Raises not_found."""
    project_id = call.project.id
    named = await find_campaign(connection, project_id, request.campaign) if request.campaign else None
    if not request.voucher:
        return _Target(named, None)
    voucher = await get_row(connection, project_id, request.voucher)
    if named is not None and voucher["campaign_id"] != named.id:
        raise not_found("voucher", request.voucher)
    if named is None and voucher["campaign_id"] is not None:
        named = await load_campaign(connection, project_id, voucher["campaign_id"])
        if named is None:
            raise not_found("voucher", request.voucher)
    return _Target(named, voucher)


def _joins_once(target: _Target, request: Request) -> bool:
    campaign = target.campaign
    if campaign is None:
        return False
    return campaign.join_once or campaign.campaign_type == "LOYALTY_PROGRAM" or request.join_once


async def _repeat(
    connection: Connection, call: Call, source_id: str, stored: Row, target: _Target
) -> Publication:
    """What was published under this source id, whoever asks. Raises duplicate_source_id when something else
    is asked for."""
    published = await store.list_published_vouchers(connection, call.project.id, [stored["id"]])
    if target.voucher is not None:
        same = target.voucher["id"] in [each["voucher_id"] for each in published]
    else:
        same = stored["campaign_id"] == target.campaign_id
    if not same:
        raise duplicate_source_id(source_id)
    return await show_stored(connection, call, stored, published)


async def _show_joined(
    connection: Connection, call: Call, publication_id: UUID, target: _Target
) -> Publication:
    """What the customer has got already. Raises the refusal when another code is asked for."""
    published = await store.list_published_vouchers(connection, call.project.id, [publication_id])
    if target.voucher is not None and target.voucher["id"] not in [row["voucher_id"] for row in published]:
        raise _Refused(voucher_cannot_be_published(), target)
    stored = await store.find_by_id(connection, call.project.id, publication_id)
    assert stored is not None  # noqa: S101 - its customer is locked
    return await show_stored(connection, call, stored, published)


# --- which codes -------------------------------------------------------------------------------------------


async def _choose(connection: Connection, call: Call, target: _Target, count: int) -> Choice:
    if target.voucher is not None:
        return await _take_voucher(connection, call, target, target.voucher)
    campaign = target.campaign
    assert campaign is not None  # noqa: S101 - a target has one of both
    if target.is_shared:
        only = await store.lock_only_code(connection, call.project.id, campaign.id)
        if only is None:
            raise _Refused(no_voucher_suitable_for_publication(), target)
        return Choice([only])
    # Of an expired campaign nothing is chosen: shops go on asking, and each time a million expired codes
    # would be looked through. A code that lives longer than the others can be published by its name.
    if not campaign.has_codes or pool.is_expired(campaign, call.now):
        raise _Refused(no_voucher_suitable_for_publication(), target)
    taken = await pool.take_codes(connection, call, campaign, count)
    missing = count - len(taken.ids)
    if not missing:
        return Choice(taken.ids, taken=taken)
    if campaign.type != "AUTO_UPDATE":
        raise _Refused(no_voucher_suitable_for_publication(), target, taken)
    made = await _make_codes(connection, call, target, campaign, missing)
    return Choice([*taken.ids, *made], made, taken)


async def _take_voucher(connection: Connection, call: Call, target: _Target, voucher: Row) -> Choice:
    rows = await lock_rows(connection, call.project.id, [voucher["id"]])
    row = rows.get(voucher["id"])
    if row is None:
        raise not_found("voucher", voucher["code"])
    if row["published_count"] and not target.is_shared:
        raise _Refused(voucher_already_published(show_id("v", row["id"])), target)
    return Choice([row["id"]])


async def _make_codes(
    connection: Connection, call: Call, target: _Target, campaign: Campaign, count: int
) -> list[UUID]:
    """The campaign grows with those who want a code of it."""
    _, pattern = read_code_config(None, inherited=campaign.code_config)
    try:
        return [
            await insert_uncounted_voucher(
                connection,
                call,
                campaign=campaign,
                type=campaign.voucher_type,
                code=None,
                pattern=pattern,
                own=None,
            )
            for _ in range(count)
        ]
    except ApiError as error:
        if error.key != "invalid_code_config":
            raise
        raise _Refused(no_voucher_suitable_for_publication(), target) from None


# --- failures ----------------------------------------------------------------------------------------------


async def _keep_failure(connection: Connection, call: Call, request: Request, refusal: _Refused) -> None:
    """The refused transaction is undone; that the customer asked is known all the same."""
    campaign = refusal.target.campaign
    customer = await upsert_customer(connection, call, request.customer)
    values = make_values(call, request, refusal.target.campaign_id, customer) | {
        "result": "FAILURE",
        "failure_code": refusal.error.key,
        "failure_message": refusal.error.message,
    }
    await store.insert_publication(connection, values)
    await tell(connection, call, {**values, **name_customer(customer)}, [], None, campaign)
    if campaign is not None:
        counters = {"publications": 1, "publications_failed": 1}
        await add_to_campaign_day(connection, call, campaign.id, counters)
        if refusal.taken is not None:
            await pool.note_refusal(connection, call, campaign, refusal.taken)
