"""Many vouchers at once: new ones sorted by code and copied, for the jobs that make or import codes; rows by
id, for lists of other features."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from uuid import UUID

from openvoucher.engine.codes import CodePattern, like_pattern
from openvoucher.features.vouchers import store
from openvoucher.features.vouchers.copying import NewVoucher, encode_vouchers
from openvoucher.features.vouchers.service import Campaign
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.ids import IdBatch

__all__ = [
    "Batch",
    "NewVoucher",
    "TakenCode",
    "count_batch",
    "delete_batch",
    "find_taken_codes",
    "insert_batch",
    "list_codes_like",
    "list_rows",
    "make_batch",
]


@dataclasses.dataclass(frozen=True, slots=True)
class TakenCode:
    """Who has a code already: None as campaign for a standalone voucher."""

    voucher_id: UUID
    campaign_id: UUID | None
    binned: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Vouchers ready to be inserted. `data`: rows of `columns` in COPY's binary format."""

    vouchers: Sequence[NewVoucher]
    ids: IdBatch
    columns: tuple[str, ...]
    data: bytes


async def find_taken_codes(
    connection: Connection, project_id: int, codes: Sequence[str]
) -> dict[str, TakenCode]:
    """Those of the codes that exist in the project, the bin included."""
    rows = await store.find_taken_codes(connection, project_id, codes)
    return {row["code"]: TakenCode(row["id"], row["campaign_id"], row["binned"]) for row in rows}


async def list_codes_like(connection: Connection, project_id: int, pattern: CodePattern) -> list[str]:
    """Codes of the project, the bin included, that look like the pattern's; some may not be of it."""
    return await store.list_codes_like(connection, project_id, like_pattern(pattern))


async def list_rows(connection: Connection, project_id: int, voucher_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Vouchers by id, with what they inherit; without those that are gone or in the bin."""
    return {row["id"]: row for row in await store.list_by_ids(connection, project_id, voucher_ids)}


def make_batch(
    project_id: int,
    campaign: Campaign | None,
    vouchers: Sequence[NewVoucher],
    *,
    now: datetime,
    own_revision: int | None = None,
) -> Batch:
    """What `insert_batch` takes; needs no database. `own_revision`: the campaign's revision when the
    overrides were asked for, if that was earlier.

    Sorted by code they touch neighbouring pages of the index, and two batches with codes in
    common wait for each other in one order only. Raises ValueError for no vouchers.
    """
    ids = IdBatch(len(vouchers))
    if own_revision is None:
        own_revision = campaign.revision if campaign else 0
    columns, data = encode_vouchers(
        project_id,
        campaign,
        sorted(vouchers, key=attrgetter("code")),
        ids,
        own_revision=own_revision,
        now=now,
    )
    return Batch(vouchers, ids, columns, data)


async def insert_batch(connection: Connection, project_id: int, batch: Batch, *, action_id: UUID) -> bool:
    """Insert all of them; false, and nothing inserted, if one of the codes is taken.

    `action_id`: by what they are made; it can be undone.
    """
    if not await store.copy_vouchers(connection, batch.columns, batch.data):
        return False
    await store.insert_batch(
        connection, project_id, action_id, first_id=batch.ids.first, last_id=batch.ids.last
    )
    return True


async def count_batch(
    connection: Connection,
    project_id: int,
    campaign: Campaign,
    *,
    added: int,
    bound: int = 0,
    counters: Mapping[str, int],
    day: date,
) -> bool:
    """Count inserted vouchers at their campaign, `counters` in its summary of the day; `bound`: how
    many of them keep the terms that they have.

    False if the campaign was deleted meanwhile. Last in a transaction: it locks the campaign.
    """
    await store.add_to_day(connection, project_id, campaign.id, day, dict(counters))
    count = await store.count_new_vouchers(
        connection,
        project_id,
        campaign.id,
        added=added,
        bound=bound,
    )
    return count is not None


async def delete_batch(
    connection: Connection,
    project_id: int,
    campaign_id: UUID | None,
    voucher_ids: Sequence[UUID],
    *,
    seen: int,
    bound: int,
    counters: Mapping[str, int],
    day: date,
) -> None:
    """Remove locked vouchers of one campaign for good, and count that: `seen` of them were outside the
    bin, `bound` of those kept their terms; `counters` go into the summary of the day. Last in a
    transaction: it locks the campaign."""
    await store.delete_vouchers(connection, project_id, voucher_ids)
    if campaign_id is not None:
        await store.add_to_day(connection, project_id, campaign_id, day, dict(counters))
        await store.uncount_vouchers(connection, project_id, campaign_id, removed=seen, bound=bound)
