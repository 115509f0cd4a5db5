"""Many new vouchers at once: sorted by code and copied, for the jobs that make or import codes."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from openvoucher.engine.codes import CodePattern, like_pattern
from openvoucher.features.vouchers import store
from openvoucher.features.vouchers.service import Campaign
from openvoucher.platform.db import Connection
from openvoucher.wire.ids import new_ids


@dataclasses.dataclass(slots=True)
class NewVoucher:
    """A code to insert. `spent` of a card opens its ledger with what was spent elsewhere; `amount` is
    then what it was credited with, in minor units or points."""

    code: str
    type: str
    own: dict[str, Any] | None = None
    active: bool = True
    redeemed_quantity: int = 0
    amount: int | None = None
    spent: int | None = None

    @property
    def bound(self) -> bool:
        """Used before: it keeps the terms of its revision."""
        return self.redeemed_quantity > 0 or bool(self.spent)


@dataclasses.dataclass(frozen=True, slots=True)
class TakenCode:
    """Who has a code already: None as campaign for a standalone voucher."""

    voucher_id: UUID
    campaign_id: UUID | None
    binned: bool


async def find_taken_codes(
    connection: Connection, project_id: int, codes: Sequence[str]
) -> dict[str, TakenCode]:
    """Those of the codes that exist in the project, the bin included."""
    rows = await store.find_taken_codes(connection, project_id, codes)
    return {row["code"]: TakenCode(row["id"], row["campaign_id"], row["binned"]) for row in rows}


async def list_codes_like(connection: Connection, project_id: int, pattern: CodePattern) -> list[str]:
    """Codes of the project, the bin included, that look like the pattern's; some may not be of it."""
    return await store.list_codes_like(connection, project_id, like_pattern(pattern))


async def insert_batch(
    connection: Connection,
    project_id: int,
    campaign: Campaign | None,
    vouchers: Sequence[NewVoucher],
    *,
    now: datetime,
    own_revision: int | None = None,
) -> bool:
    """Insert all of them; false, and none, if another transaction took one of the codes meanwhile.

    Sorted by code they touch neighbouring pages of the index, and two batches with codes in
    common wait for each other in one order only. `own_revision`: the campaign's revision when the
    overrides were asked for, if that was earlier.
    """
    if not vouchers:
        return True
    ordered = sorted(vouchers, key=lambda voucher: voucher.code)
    ids = new_ids(len(ordered))
    records = [
        _make_record(project_id, campaign, voucher, voucher_id, now, own_revision)
        for voucher, voucher_id in zip(ordered, ids, strict=True)
    ]
    return await store.copy_vouchers(connection, records)


def _make_record(
    project_id: int,
    campaign: Campaign | None,
    voucher: NewVoucher,
    voucher_id: UUID,
    now: datetime,
    own_revision: int | None,
) -> tuple[Any, ...]:
    has_ledger = voucher.spent is not None and voucher.amount is not None
    credited = voucher.amount if has_ledger else None
    balance = (voucher.amount or 0) - (voucher.spent or 0) if has_ledger else None
    revision = campaign.revision if campaign else 0
    return (
        project_id,
        voucher_id,
        campaign.id if campaign else None,
        now,
        None,
        voucher.redeemed_quantity,
        credited,
        0 if has_ledger else None,
        voucher.spent if has_ledger else None,
        balance,
        revision if campaign and voucher.bound else None,
        revision if own_revision is None else own_revision,
        voucher.type,
        voucher.active,
        voucher.code,
        voucher.own,
    )


async def count_batch(
    connection: Connection,
    project_id: int,
    campaign: Campaign,
    vouchers: Sequence[NewVoucher],
    *,
    counters: Mapping[str, int],
    day: date,
) -> bool:
    """Count inserted vouchers at their campaign, `counters` in its summary of the day.

    False if the campaign was deleted meanwhile. Last in a transaction: it locks the campaign.
    """
    await store.add_to_day(connection, project_id, campaign.id, day, dict(counters))
    count = await store.count_new_vouchers(
        connection,
        project_id,
        campaign.id,
        added=len(vouchers),
        bound=sum(voucher.bound for voucher in vouchers),
    )
    return count is not None
