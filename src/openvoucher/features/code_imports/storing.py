"""Stores the rows of one portion: new codes in one go, existing ones one by one."""

import dataclasses
from typing import Any, Final

from openvoucher.features.categories.schemas import Category
from openvoucher.features.categories.service import load_categories
from openvoucher.features.code_imports.schemas import ImportRow, RowRefused
from openvoucher.features.metadata_schemas.service import load_custom_schemas
from openvoucher.features.projects.service import get_project
from openvoucher.features.terms.service import check_validity, read_instant, resolve_terms
from openvoucher.features.vouchers.batches import (
    NewVoucher,
    TakenCode,
    count_batch,
    find_taken_codes,
    insert_batch,
)
from openvoucher.features.vouchers.service import Campaign, created_counters, lock_rows, write_own
from openvoucher.platform.db import Row
from openvoucher.platform.jobs import Run
from openvoucher.wire.errors import ApiError
from openvoucher.wire.metadata import MetadataSchema, metadata_problem

# Times that a portion looks again who has its codes, because others took some of them meanwhile.
_RACES: Final = 10


@dataclasses.dataclass(slots=True)
class Outcome:
    """done: rows stored. refused: (row, code, reason)."""

    done: int
    refused: list[tuple[int, str, str]]


class PortionWriter:
    """`updates_existing`: a row whose code its own campaign (or no campaign) has already updates it."""

    def __init__(
        self, run: Run, campaign: Campaign | None, schema: MetadataSchema | None, *, updates_existing: bool
    ) -> None:
        self._run = run
        self._campaign = campaign
        self._schema = schema
        self._updates_existing = updates_existing
        self._categories: dict[str, Category] = {}
        self._custom: dict[str, MetadataSchema] = {}
        self._refused: list[tuple[int, str, str]] = []
        self._created: list[NewVoucher] = []

    async def write(self, rows: list[ImportRow]) -> Outcome:
        """Store what can be stored, in the transaction of the portion."""
        await self._load_surroundings(rows)
        checked = self._check_rows(rows)
        for _ in range(_RACES):
            stored = await self._try_to_store(checked)
            if stored is not None:
                return Outcome(stored, self._refused)
        raise RuntimeError("others keep taking the codes of this import")

    async def count(self) -> bool:
        """Count what was created at its campaign, last in the transaction; false if that is gone."""
        if self._campaign is None:
            return True
        counters: dict[str, int] = {}
        for voucher in self._created:
            for name, amount in created_counters(self._campaign, voucher.own, 1).items():
                counters[name] = counters.get(name, 0) + amount
        project = await get_project(self._run.connection, self._run.job.project_id)
        return await count_batch(
            self._run.connection,
            self._run.job.project_id,
            self._campaign,
            self._created,
            counters=counters,
            day=self._run.now.astimezone(project.timezone).date(),
        )

    async def _load_surroundings(self, rows: list[ImportRow]) -> None:
        connection, project_id = self._run.connection, self._run.job.project_id
        if any(row.category for row in rows):
            for category in (await load_categories(connection, project_id)).values():
                self._categories[category.name] = category
                self._categories[category.id] = category
        if self._schema is not None:
            self._custom = await load_custom_schemas(connection, project_id)

    def _refuse(self, row: ImportRow, reason: str) -> None:
        self._refused.append((row.number, row.code, reason))

    # --- is the row right in itself? ---------------------------------------------------------------

    def _check_rows(self, rows: list[ImportRow]) -> list[ImportRow]:
        checked = []
        for row in rows:
            try:
                self._check(row)
            except RowRefused as refusal:
                self._refuse(row, str(refusal))
            else:
                checked.append(row)
        return checked

    def _check(self, row: ImportRow) -> None:
        inherited = self._campaign.terms if self._campaign else {}
        if row.category is not None:
            category = self._categories.get(row.category)
            if category is None:
                raise RowRefused(f"Cannot find category with id {row.category}")
            row.own["category_id"] = category.id.removeprefix("cat_")
        metadata = row.own.get("metadata", {})
        problem = metadata_problem(
            {**inherited.get("metadata", {}), **metadata}, self._schema, partial=False, custom=self._custom
        )
        if problem:
            raise RowRefused(problem)
        if "gift" in row.own and inherited.get("gift"):
            row.own["gift"] = {**inherited["gift"], **row.own["gift"]}
        if {"start_date", "expiration_date", "validity_timeframe"} & row.own.keys():
            try:
                check_validity({**inherited, **row.own})
            except ApiError as error:
                raise RowRefused(error.details or error.message) from None
        amount = self._amount_of(row)
        if row.spent is not None and row.spent > amount:
            raise RowRefused("Invalid value for Redeemed Amount: more than the card had")

    def _amount_of(self, row: ImportRow) -> int:
        terms = {**(self._campaign.terms if self._campaign else {}), **row.own}
        amount: int = (terms.get("gift") or {}).get("amount", 0)
        return amount

    # --- storing -----------------------------------------------------------------------------------

    async def _try_to_store(self, rows: list[ImportRow]) -> int | None:
        """Rows stored; None if another transaction took a code between look-up and insert."""
        connection, project_id = self._run.connection, self._run.job.project_id
        taken = await find_taken_codes(connection, project_id, [row.code for row in rows])
        refused: list[tuple[ImportRow, str]] = []
        new: dict[str, NewVoucher] = {}
        updates: dict[str, list[ImportRow]] = {}
        room = self._room()
        for row in rows:
            owner = taken.get(row.code)
            if owner is not None:
                if self._may_update(owner):
                    updates.setdefault(row.code, []).append(row)
                else:
                    refused.append((row, f"Duplicated voucher exists with id {row.code}"))
            elif row.code in new:
                self._update_new(new[row.code], row)
            elif room is not None and len(new) >= room:
                refused.append((row, "Campaign vouchers limit exceeded"))
            else:
                new[row.code] = self._make_voucher(row)
        created = list(new.values())
        if not await insert_batch(connection, project_id, self._campaign, created, now=self._run.now):
            return None
        self._created = created
        refused += await self._update_existing(updates, taken)
        for row, reason in refused:
            self._refuse(row, reason)
        return len(rows) - len(refused)

    def _room(self) -> int | None:
        most = self._run.settings.max_codes_per_campaign
        return max(most - self._campaign.vouchers_count, 0) if most and self._campaign else None

    def _may_update(self, owner: TakenCode) -> bool:
        campaign_id = self._campaign.id if self._campaign else None
        return self._updates_existing and not owner.binned and owner.campaign_id == campaign_id

    def _make_voucher(self, row: ImportRow) -> NewVoucher:
        return NewVoucher(
            code=row.code,
            type=self._campaign.voucher_type if self._campaign else row.type or "DISCOUNT_VOUCHER",
            own=row.own or None,
            active=self._active_by_default() if row.active is None else row.active,
            redeemed_quantity=row.redeemed_quantity,
            amount=self._amount_of(row) if row.spent else None,
            spent=row.spent or None,
        )

    def _active_by_default(self) -> bool:
        """A code that comes into an expired campaign is not active."""
        expires_at = read_instant(self._campaign.terms.get("expiration_date")) if self._campaign else None
        return expires_at is None or self._run.now <= expires_at

    def _update_new(self, voucher: NewVoucher, row: ImportRow) -> None:
        """A second row of the file with the same code: what an update would do, done before inserting."""
        changes = self._changes(row)
        if changes:
            voucher.own = {**(voucher.own or {}), **changes, **self._merged_metadata(voucher.own, row)}
        if self._campaign is None and row.type is not None:
            voucher.type = row.type
        if row.active is not None:
            voucher.active = row.active

    def _merged_metadata(self, own: dict[str, Any] | None, row: ImportRow) -> dict[str, Any]:
        if self._campaign is not None or "metadata" not in row.own:
            return {}
        return {"metadata": {**(own or {}).get("metadata", {}), **row.own["metadata"]}}

    def _changes(self, row: ImportRow) -> dict[str, Any]:
        """What a row changes of a code that exists: in a campaign the category only."""
        if self._campaign is not None:
            return {"category_id": row.own["category_id"]} if "category_id" in row.own else {}
        return {field: value for field, value in row.own.items() if field != "metadata"}

    async def _update_existing(
        self, updates: dict[str, list[ImportRow]], taken: dict[str, TakenCode]
    ) -> list[tuple[ImportRow, str]]:
        if not updates:
            return []
        run = self._run
        found = await lock_rows(
            run.connection, run.job.project_id, [taken[code].voucher_id for code in updates]
        )
        refused: list[tuple[ImportRow, str]] = []
        for code, rows in updates.items():
            voucher = found.get(taken[code].voucher_id)
            accepted = [row for row in rows if voucher is not None and self._fits(voucher, row)]
            refused += [(row, "The voucher has another type") for row in rows if row not in accepted]
            if voucher is not None and accepted:
                await self._update(voucher, accepted)
        return refused

    def _fits(self, voucher: Row, row: ImportRow) -> bool:
        if self._campaign is not None:
            return True
        if voucher["type"] != row.type:
            return False
        stored, sent = resolve_terms(voucher).get("discount"), row.own.get("discount")
        return stored is None or sent is None or stored["type"] == sent["type"]

    async def _update(self, voucher: Row, rows: list[ImportRow]) -> None:
        """The last row wins, field by field."""
        changes: dict[str, Any] = {}
        metadata: dict[str, Any] = {}
        active = voucher["active"]
        for row in rows:
            changes |= self._changes(row)
            if self._campaign is None:
                metadata |= row.own.get("metadata", {})
            if row.active is not None:
                active = row.active
        if voucher["balance"] is not None:
            # A balance moves by postings only.
            changes.pop("gift", None)
        await write_own(self._run.connection, voucher, changes, metadata, active=active, now=self._run.now)
