"""Stores the rows of one portion: new codes in one go, existing ones one by one."""

import dataclasses
from typing import Any, Final

from openvoucher.features.categories.schemas import Category
from openvoucher.features.categories.service import load_categories
from openvoucher.features.code_imports.schemas import ImportRow, RowRefused
from openvoucher.features.metadata_schemas.service import load_custom_schemas
from openvoucher.features.projects.service import get_project
from openvoucher.features.terms.service import (
    VALIDITY_FIELDS,
    check_validity,
    read_instant,
    resolve_terms,
)
from openvoucher.features.vouchers.batches import (
    NewVoucher,
    TakenCode,
    count_batch,
    find_taken_codes,
    insert_batch,
)
from openvoucher.features.vouchers.service import (
    Campaign,
    created_counters,
    load_campaign,
    lock_rows,
    write_own,
)
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
        # What a row lacks for a new code, by its number; an update need not bring it.
        self._lacking: dict[int, str] = {}
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
        """Count what was created at its campaign, last in the transaction; false if that is gone.

        Raises RuntimeError if others filled the campaign meanwhile: the portion must be done again.
        """
        if self._campaign is None:
            return True
        counters: dict[str, int] = {}
        for voucher in self._created:
            for name, amount in created_counters(self._campaign, voucher.own, 1).items():
                counters[name] = counters.get(name, 0) + amount
        project = await get_project(self._run.connection, self._run.job.project_id)
        counted = await count_batch(
            self._run.connection,
            self._run.job.project_id,
            self._campaign,
            self._created,
            counters=counters,
            day=self._run.now.astimezone(project.timezone).date(),
        )
        if counted and self._created:
            await self._check_room()
        return counted

    async def _check_room(self) -> None:
        """Hold the limit against the number of codes that no one else can change any more."""
        most = self._run.settings.max_codes_per_campaign
        if most and self._campaign:
            campaign = await load_campaign(self._run.connection, self._run.job.project_id, self._campaign.id)
            if campaign is not None and campaign.vouchers_count > most:
                raise RuntimeError("others add codes to the campaign, which is nearly full")

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
                raise RowRefused(f"Cannot find category with id {row.category[:100]}")
            row.own["category_id"] = category.id.removeprefix("cat_")
        self._check_metadata(row, {**inherited.get("metadata", {}), **row.own.get("metadata", {})})
        for field in ("gift", "loyalty_card"):
            # A row says how much is on the card; what else holds for it comes from the campaign.
            if field in row.own and inherited.get(field):
                row.own[field] = {**inherited[field], **row.own[field]}
        contradiction = _find_contradiction({**inherited, **row.own}) if _has_validity(row) else None
        if contradiction:
            raise RowRefused(contradiction)
        amount = self._amount_of(row)
        if row.spent is not None and row.spent > amount:
            raise RowRefused("Invalid value for Redeemed Amount: more than the card had")

    def _check_metadata(self, row: ImportRow, metadata: dict[str, Any]) -> None:
        problem = metadata_problem(metadata, self._schema, partial=False, custom=self._custom)
        if problem is None:
            return
        if metadata_problem(metadata, self._schema, partial=True, custom=self._custom):
            raise RowRefused(problem)
        self._lacking[row.number] = problem

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
                problem = self._update_new(new[row.code], row)
                if problem:
                    refused.append((row, problem))
            elif row.number in self._lacking:
                refused.append((row, self._lacking[row.number]))
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

    def _update_new(self, voucher: NewVoucher, row: ImportRow) -> str | None:
        """A second row of the file with the same code: what an update would do, done before inserting.

        Whether the rows stand in one portion or in two must make no difference.
        """
        own = voucher.own or {}
        problem = self._problem_of_update(voucher.type, own, row)
        if problem:
            return problem
        changes = self._changes(row)
        if voucher.spent is not None:
            changes.pop("gift", None)
        changes |= self._merged_metadata(own, row)
        if changes:
            voucher.own = {**own, **changes}
        if row.active is not None:
            voucher.active = row.active
        return None

    def _merged_metadata(self, own: dict[str, Any], row: ImportRow) -> dict[str, Any]:
        if self._campaign is not None or "metadata" not in row.own:
            return {}
        return {"metadata": {**own.get("metadata", {}), **row.own["metadata"]}}

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
            if voucher is None:
                refused += [(row, "The voucher was deleted") for row in rows]
                continue
            accepted = []
            terms = resolve_terms(voucher)
            for row in rows:
                problem = self._problem_of_update(voucher["type"], terms, row)
                if problem:
                    refused.append((row, problem))
                else:
                    accepted.append(row)
                    terms |= self._changes(row)
            if accepted:
                await self._update(voucher, accepted)
        return refused

    def _problem_of_update(self, type: str, terms: dict[str, Any], row: ImportRow) -> str | None:
        """Why the row cannot update a code of this type and with these terms."""
        if self._campaign is not None:
            return None
        stored, sent = terms.get("discount"), row.own.get("discount")
        if type != row.type or (stored and sent and stored["type"] != sent["type"]):
            return "The voucher has another type"
        return _find_contradiction({**terms, **self._changes(row)}) if _has_validity(row) else None

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


def _has_validity(row: ImportRow) -> bool:
    return any(field in row.own for field in VALIDITY_FIELDS)


def _find_contradiction(terms: dict[str, Any]) -> str | None:
    try:
        check_validity(terms)
    except ApiError as error:
        return error.details or error.message
    return None
