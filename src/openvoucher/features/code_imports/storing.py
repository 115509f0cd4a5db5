"""Stores the rows of one portion: new codes in one go, existing ones one by one."""

import asyncio
import dataclasses
from collections.abc import Sequence
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
    Batch,
    NewVoucher,
    TakenCode,
    count_batch,
    find_taken_codes,
    insert_batch,
    make_batch,
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
_STRUCTURED_VALIDITY: Final = frozenset(VALIDITY_FIELDS) - {"start_date", "expiration_date"}
# What a code can override of these counts in its campaign's summary.
_CARDS: Final = ("GIFT_VOUCHERS", "LOYALTY_PROGRAM")
# Rows that are prepared before others get their turn.
_SLICE: Final = 500


@dataclasses.dataclass(slots=True)
class Outcome:
    """done: rows stored. refused: (row, code, reason)."""

    done: int
    refused: list[tuple[int, str, str]]


@dataclasses.dataclass(slots=True)
class _Plan:
    """New codes, rows that update existing ones, rows to refuse, and who had which code by then."""

    taken: dict[str, TakenCode]
    new: dict[str, NewVoucher] = dataclasses.field(default_factory=dict)
    updates: dict[str, list[ImportRow]] = dataclasses.field(default_factory=dict)
    refused: list[tuple[ImportRow, str]] = dataclasses.field(default_factory=list)


class PortionWriter:
    """`updates_existing`: a row whose code its own campaign (or no campaign) has already updates it.
    `planned`: codes that earlier portions of a dry run would have added to the campaign."""

    def __init__(
        self,
        run: Run,
        campaign: Campaign | None,
        schema: MetadataSchema | None,
        *,
        updates_existing: bool,
        planned: int = 0,
    ) -> None:
        self._run = run
        self._campaign = campaign
        self._schema = schema
        self._type = campaign.voucher_type if campaign else None
        # A code that comes into an expired campaign is not active.
        expires_at = read_instant(campaign.terms.get("expiration_date")) if campaign else None
        self._active_by_default = expires_at is None or run.now <= expires_at
        self._updates_existing = updates_existing
        self._planned = planned
        # Of a row that brings no metadata: (why it cannot be a new code, why it cannot update one).
        self._problem_of_inherited: tuple[str | None, bool] = (None, False)
        self._categories: dict[str, Category] = {}
        self._custom: dict[str, MetadataSchema] = {}
        # What a row lacks for a new code, by its number; an update need not bring it.
        self._lacking: dict[int, str] = {}
        # By start and expiration date.
        self._contradictions: dict[tuple[Any, Any], str | None] = {}
        self._refused: list[tuple[int, str, str]] = []
        self._created: Sequence[NewVoucher] = []
        self._prepared: tuple[list[ImportRow], _Plan, Batch | None] | None = None

    async def prepare(self, rows: list[ImportRow]) -> None:
        """Do beforehand what `write` can do without the database: all of it, for rows that bring new
        codes and name no category, under no schema. Gives way while it works."""
        if self._schema is not None or self._room() is not None or any(row.category for row in rows):
            return
        checked: list[ImportRow] = []
        for start in range(0, len(rows), _SLICE):
            checked += self._check_rows(rows[start : start + _SLICE])
            await asyncio.sleep(0)
        plan = self._plan(checked, {})
        await asyncio.sleep(0)
        self._prepared = (checked, plan, self._make_batch(plan))

    def resume(self, run: Run, campaign: Campaign | None, schema: MetadataSchema | None) -> bool:
        """Whether anything was prepared, and holds for this run, under the campaign and schema of now."""
        self._run = run
        return self._prepared is not None and schema is None and _newest(campaign) == _newest(self._campaign)

    async def write(self, rows: list[ImportRow]) -> Outcome:
        """Store what can be stored, in the transaction of the portion."""
        if self._prepared is not None:
            checked, plan, batch = self._prepared
            if await self._store(plan, batch):
                return Outcome(len(checked) - len(plan.refused), self._refused)
        else:
            await self._load_surroundings(rows)
            checked = self._check_rows(rows)
            # Most imports bring new codes only: whether one is taken, the insert finds out by itself.
            if not self._lacking and self._room() is None:
                plan = self._plan(checked, {})
                if await self._store(plan, self._make_batch(plan)):
                    return Outcome(len(checked) - len(plan.refused), self._refused)
        for _ in range(_RACES):
            codes = sorted(row.code for row in checked)
            taken = await find_taken_codes(self._run.connection, self._run.job.project_id, codes)
            plan = self._plan(checked, taken)
            if await self._store(plan, self._make_batch(plan)):
                return Outcome(len(checked) - len(plan.refused), self._refused)
        raise RuntimeError("others keep taking the codes of this import")

    @property
    def created_count(self) -> int:
        """How many codes were new."""
        return len(self._created)

    async def count(self) -> bool:
        """Count what was created at its campaign, last in the transaction; false if that is gone.

        Raises RuntimeError if others filled the campaign meanwhile: the portion must be done again.
        """
        if self._campaign is None:
            return True
        own = [voucher.own for voucher in self._created if voucher.own is not None]
        if self._campaign.campaign_type not in _CARDS:
            own = []
        counters = created_counters(self._campaign, None, len(self._created) - len(own))
        for each in own:
            for name, amount in created_counters(self._campaign, each, 1).items():
                counters[name] += amount
        project = await get_project(self._run.connection, self._run.job.project_id)
        counted = await count_batch(
            self._run.connection,
            self._run.job.project_id,
            self._campaign,
            added=len(self._created),
            bound=sum(voucher.bound for voucher in self._created),
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
            inherited = self._campaign.terms if self._campaign else {}
            self._problem_of_inherited = self._find_metadata_problem(inherited.get("metadata", {}))

    def _refuse(self, row: ImportRow, reason: str) -> None:
        self._refused.append((row.number, row.code, reason))

    # --- is the row right in itself? ---------------------------------------------------------------

    def _check_rows(self, rows: list[ImportRow]) -> list[ImportRow]:
        checked = []
        plain = self._problem_of_inherited[0] is None
        for row in rows:
            if plain and not row.own and not row.spent and row.category is None:
                # Nothing but a code: most rows of most files.
                checked.append(row)
                continue
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
        self._check_metadata(row, inherited)
        if not row.own and not row.spent:
            return
        for field in ("gift", "loyalty_card"):
            # A row says how much is on the card; what else holds for it comes from the campaign.
            if field in row.own and inherited.get(field):
                row.own[field] = {**inherited[field], **row.own[field]}
        if _has_validity(row):
            contradiction = self._find_contradiction_of_new(row, inherited)
            if contradiction:
                raise RowRefused(contradiction)
        if row.spent and row.spent > self._amount_of(row):
            raise RowRefused("Invalid value for Redeemed Amount: more than the card had")

    def _find_contradiction_of_new(self, row: ImportRow, inherited: dict[str, Any]) -> str | None:
        own = row.own
        if not own.keys().isdisjoint(_STRUCTURED_VALIDITY):
            return _find_contradiction({**inherited, **own})
        # The rows of a file repeat few pairs of dates.
        dates = (own.get("start_date", ""), own.get("expiration_date", ""))
        if dates not in self._contradictions:
            self._contradictions[dates] = _find_contradiction({**inherited, **own})
        return self._contradictions[dates]

    def _check_metadata(self, row: ImportRow, inherited: dict[str, Any]) -> None:
        problem, refused = self._problem_of_inherited
        if "metadata" in row.own:
            metadata = {**inherited.get("metadata", {}), **row.own["metadata"]}
            problem, refused = self._find_metadata_problem(metadata)
        if problem is None:
            return
        if refused:
            raise RowRefused(problem)
        self._lacking[row.number] = problem

    def _find_metadata_problem(self, metadata: dict[str, Any]) -> tuple[str | None, bool]:
        """(what is wrong with it, whether even an update cannot bring it)."""
        problem = metadata_problem(metadata, self._schema, partial=False, custom=self._custom)
        if problem is None:
            return None, False
        refused = metadata_problem(metadata, self._schema, partial=True, custom=self._custom) is not None
        return problem, refused

    def _amount_of(self, row: ImportRow) -> int:
        terms = {**(self._campaign.terms if self._campaign else {}), **row.own}
        amount: int = (terms.get("gift") or {}).get("amount", 0)
        return amount

    # --- storing -----------------------------------------------------------------------------------

    def _plan(self, rows: list[ImportRow], taken: dict[str, TakenCode]) -> "_Plan":
        """What is to become of rows that are right in themselves. taken: who has codes of theirs."""
        plan = _Plan(taken=taken)
        new = plan.new
        room = self._room()
        for row in rows:
            owner = taken.get(row.code)
            if owner is not None:
                if self._may_update(owner):
                    plan.updates.setdefault(row.code, []).append(row)
                else:
                    plan.refused.append((row, f"Duplicated voucher exists with id {row.code}"))
            elif row.code in new:
                problem = self._update_new(new[row.code], row)
                if problem:
                    plan.refused.append((row, problem))
            elif row.number in self._lacking:
                plan.refused.append((row, self._lacking[row.number]))
            elif room is not None and len(new) >= room:
                plan.refused.append((row, "Campaign vouchers limit exceeded"))
            else:
                new[row.code] = self._make_voucher(row)
        return plan

    def _make_batch(self, plan: "_Plan") -> Batch | None:
        created = [*plan.new.values()]
        project_id = self._run.job.project_id
        return make_batch(project_id, self._campaign, created, now=self._run.now) if created else None

    async def _store(self, plan: "_Plan", batch: Batch | None) -> bool:
        """False, and nothing stored, if one of the new codes is taken: no look-up, or since then."""
        run = self._run
        if batch is not None and not await insert_batch(
            run.connection, run.job.project_id, batch, action_id=run.job.id
        ):
            return False
        self._created = batch.vouchers if batch is not None else []
        plan.refused += await self._update_existing(plan.updates, plan.taken)
        for row, reason in plan.refused:
            self._refuse(row, reason)
        return True

    def _room(self) -> int | None:
        most = self._run.settings.max_codes_per_campaign
        if not most or self._campaign is None:
            return None
        return max(most - self._campaign.vouchers_count - self._planned, 0)

    def _may_update(self, owner: TakenCode) -> bool:
        campaign_id = self._campaign.id if self._campaign else None
        return self._updates_existing and not owner.binned and owner.campaign_id == campaign_id

    def _make_voucher(self, row: ImportRow) -> NewVoucher:
        return NewVoucher(
            row.code,
            self._type or row.type or "DISCOUNT_VOUCHER",
            row.own or None,
            self._active_by_default if row.active is None else row.active,
            row.redeemed_quantity,
            self._amount_of(row) if row.spent else None,
            row.spent or None,
        )

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


def _newest(campaign: Campaign | None) -> tuple[Any, ...] | None:
    """What a prepared portion takes from its campaign: it all stands in the revision."""
    return (campaign.id, campaign.revision) if campaign else None


def _has_validity(row: ImportRow) -> bool:
    return any(field in row.own for field in VALIDITY_FIELDS)


def _find_contradiction(terms: dict[str, Any]) -> str | None:
    try:
        check_validity(terms)
    except ApiError as error:
        return error.details or error.message
    return None
