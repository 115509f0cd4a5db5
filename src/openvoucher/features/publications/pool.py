"""Which codes of a campaign a publication takes.

Codes are given out in the order of their ids. Where the look for the next one begins is kept beside the
campaign and moved on now and then: a million published codes in front cost nothing. It is a hint and promises
nothing, so nobody is refused before everything that the hint leaves out has been looked at.
"""

import dataclasses
from datetime import datetime
from typing import Final
from uuid import UUID

from openvoucher.features.publications import store
from openvoucher.features.terms.service import read_instant
from openvoucher.features.vouchers.service import Campaign
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection

# Codes below the hint that are listed at once, and so many of them are remembered.
_MOST_LISTED: Final = 1000
_MOST_REMEMBERED: Final = 100
# One of so many publications moves the hint.
_ADVANCE_EVERY: Final = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """`ids`: of locked codes, ascending; fewer than asked for if no more can be published.

    After a look at all codes below the hint: `passed_over`, those that nobody has, if they are few;
    `rewind_to`: where the hint belongs, if they are many.
    """

    ids: list[UUID]
    passed_over: list[UUID] | None = None
    rewind_to: UUID | None = None


async def take_codes(connection: Connection, call: Call, campaign: Campaign, count: int) -> Taken:
    """Lock `count` codes of the campaign, which is not expired, that can be published."""
    look = _Look(connection, call, campaign)
    row = await store.find_pool(connection, call.project.id, campaign.id)
    after: UUID = row["after_id"] if row else store.NO_ID
    known: list[UUID] = [each for each in row["passed_over"] if each <= after] if row else []
    ids = await look.lock_all_behind(after, count, wait=False)
    if len(ids) == count:
        return Taken(ids)
    unbound = await store.count_unbound_codes(connection, call.project.id, campaign.id)
    if not unbound:
        return Taken([])
    # There are some that nobody has yet: others are just taking them and may give them back, the hint
    # is beyond them, or they are disabled or expired.
    ids = await look.lock_all_behind(after, count, wait=True)
    if len(ids) == count:
        return Taken(ids)
    unknown = await store.count_unknown_codes(
        connection, call.project.id, campaign.id, after=after, passed_over=known, unbound=unbound
    )
    if unknown:
        known = await store.list_unbound_codes(
            connection, call.project.id, campaign.id, up_to=after, limit=_MOST_LISTED
        )
    ids = await look.lock_among(known, count)
    ids += await look.lock_behind(after, count - len(ids), wait=True)
    if len(ids) < count and len(known) == _MOST_LISTED:
        ids = await look.lock_behind(store.NO_ID, count, wait=True)
    if not unknown:
        return Taken(ids)
    left = [code for code in known if code not in ids]
    if len(left) <= _MOST_REMEMBERED:
        return Taken(ids, passed_over=left)
    return Taken(ids, rewind_to=ids[0] if ids and ids[0] < after else None)


async def move_hint(
    connection: Connection, call: Call, campaign: Campaign, taken: Taken, made: list[UUID]
) -> None:
    """After a publication of `taken` and of codes `made` for it. Last of all, behind the campaign's row."""
    project_id, published = call.project.id, [*taken.ids, *made]
    if taken.rewind_to is not None:
        await store.rewind_pool(connection, project_id, campaign.id, taken.rewind_to)
    elif taken.passed_over is not None:
        # Whoever finds nothing next is spared the look at all codes.
        await store.remember_passed_over(connection, project_id, campaign.id, taken.passed_over)
    elif any(code.int % _ADVANCE_EVERY == 0 for code in published):
        await store.advance_pool(connection, project_id, campaign.id, published[0])


async def note_refusal(connection: Connection, call: Call, campaign: Campaign, taken: Taken) -> None:
    """After a publication that was undone, and with it the locks of what it had taken. Last of all."""
    if taken.passed_over is not None and len(taken.ids) + len(taken.passed_over) <= _MOST_REMEMBERED:
        nobody_s = sorted([*taken.ids, *taken.passed_over])
        await store.remember_passed_over(connection, call.project.id, campaign.id, nobody_s)


def is_expired(campaign: Campaign, now: datetime) -> bool:
    """Whether a code that follows its campaign would be expired when it is published."""
    expires_at = read_instant(campaign.terms.get("expiration_date"))
    return expires_at is not None and expires_at < now and not _opens_windows(campaign)


def _opens_windows(campaign: Campaign) -> bool:
    """Whether a publication replaces the dates that a code had."""
    return bool(campaign.terms.get("activity_duration_after_publishing"))


class _Look:
    """The look for codes of one campaign at one time."""

    def __init__(self, connection: Connection, call: Call, campaign: Campaign) -> None:
        self._connection = connection
        self._project_id = call.project.id
        self._campaign_id = campaign.id
        self._expiration_sent = campaign.sent.get("expiration_date", 0)
        self._now = None if _opens_windows(campaign) else call.now

    async def lock_all_behind(self, after: UUID, count: int, *, wait: bool) -> list[UUID]:
        """`lock_behind`, or none: who held some and waited for others could wait for ever."""
        if count == 1:
            return await self.lock_behind(after, 1, wait=wait)
        transaction = self._connection.transaction()
        await transaction.start()
        ids = await self.lock_behind(after, count, wait=wait)
        if len(ids) == count:
            await transaction.commit()
            return ids
        await transaction.rollback()
        return []

    async def lock_behind(self, after: UUID, count: int, *, wait: bool) -> list[UUID]:
        if not count:
            return []
        return await store.lock_available_codes(
            self._connection,
            self._project_id,
            self._campaign_id,
            expiration_sent=self._expiration_sent,
            now=self._now,
            after=after,
            limit=count,
            wait=wait,
        )

    async def lock_among(self, ids: list[UUID], count: int) -> list[UUID]:
        if not ids:
            return []
        return await store.lock_available_of(
            self._connection,
            self._project_id,
            self._campaign_id,
            expiration_sent=self._expiration_sent,
            now=self._now,
            among=ids,
            limit=count,
        )
