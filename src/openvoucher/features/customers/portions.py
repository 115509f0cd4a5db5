"""A portion of customers in bulk: found or made, changed, written in a few statements.

Several rows may be about one customer, in one portion or in two; they count in the order in which they
came, so the later one wins. A portion is one transaction with the cursor of its job: killed, it never was.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

from openvoucher.features.customers import bulk_store
from openvoucher.features.customers.bulk_schemas import CustomerRow
from openvoucher.features.customers.changes import FIELDS, find_changes, read_fields
from openvoucher.features.customers.schemas import CustomerBody
from openvoucher.features.metadata_schemas.service import load_custom_schemas, load_schema
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_project_events, show_source
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, TransactionConflict
from openvoucher.platform.jobs import Run
from openvoucher.wire.errors import ApiError
from openvoucher.wire.ids import new_id, parse_id
from openvoucher.wire.metadata import MetadataSchema, metadata_problem

# Each round but the last met source ids that others had just taken.
_MOST_ROUNDS: Final = 5
# What one event names.
_MOST_IDS: Final = 5000
_ECHO: Final = 100

# (customer, sent): the columns that `sent` changes, with their new values. As `changes.find_changes`.
FindChanges: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


_BLANK: Final[Mapping[str, Any]] = {**dict.fromkeys(FIELDS), "cleared": ()}


@dataclasses.dataclass(frozen=True, slots=True)
class MetadataRules:
    """The project's schema of customers, read once a portion."""

    schema: MetadataSchema | None
    custom: Mapping[str, MetadataSchema]

    def find_problem(self, metadata: Mapping[str, Any], *, partial: bool) -> str | None:
        return metadata_problem(metadata, self.schema, partial=partial, custom=self.custom)


@dataclasses.dataclass(slots=True)
class _Person:
    """A customer as it will be after the portion. `rows`: those that made it so."""

    values: dict[str, Any]
    is_new: bool
    changed: bool = False
    rows: list[CustomerRow] = dataclasses.field(default_factory=list)


def describe_origin(call: Call) -> dict[str, Any]:
    """What the payload of a job keeps of the call, for the event that tells what the job did."""
    return {
        "source": show_source(call.channel, app_id=call.caller.app_id),
        "group_id": call.request_id,
    }


async def load_metadata_rules(connection: Connection, project_id: int) -> MetadataRules:
    schema = await load_schema(connection, project_id, "customer")
    return MetadataRules(schema, await load_custom_schemas(connection, project_id) if schema else {})


async def store_rows(
    run: Run,
    rows: Sequence[CustomerRow],
    rules: MetadataRules,
    *,
    find_changes: FindChanges,
    replaces_metadata: bool,
) -> None:
    """Do all rows without a reason; sets `reason` and `found` of each, and `customer_id` of those that were
    done. Emits one internal event.

    `replaces_metadata`: what a row has is all that the customer then has, else it is merged.
    """
    pending = [row for row in rows if row.reason is None]
    written: list[UUID] = []
    for _ in range(_MOST_ROUNDS):
        if not pending:
            break
        people = await _find_people(run, pending)
        worked = _Portion(people, rules, find_changes, replaces_metadata)
        for row in pending:
            worked.apply(row)
        pending = await _write(run, worked, written)
    if pending:
        raise TransactionConflict("others keep making and deleting the same customers")
    await _tell(run, written)


async def store_bodies(run: Run, bodies: Sequence[CustomerBody]) -> list[UUID | str]:
    """Customers as other bodies bring them: of each, in order, its id or the reason why it was refused."""
    rows = [_read_body(number, body) for number, body in enumerate(bodies, 1)]
    rules = await load_metadata_rules(run.connection, run.job.project_id)
    await store_rows(run, rows, rules, find_changes=find_changes, replaces_metadata=False)
    return [row.reason or row.customer_id or "" for row in rows]


def _read_body(number: int, body: CustomerBody) -> CustomerRow:
    """An id names a customer that is there; only without one the source id counts."""
    id_sent = body.id or ""
    source_id = None if id_sent else body.source_id or None
    try:
        sent = read_fields(body)
    except ApiError as error:
        return CustomerRow(number, source_id, {}, id_sent=id_sent, reason=error.details)
    return CustomerRow(number, source_id, sent, customer_id=parse_id("cust", id_sent), id_sent=id_sent)


async def _find_people(run: Run, rows: Sequence[CustomerRow]) -> list[_Person]:
    found = await bulk_store.lock_customers(
        run.connection,
        run.job.project_id,
        ids=list({row.customer_id for row in rows if row.customer_id is not None}),
        source_ids=list({row.source_id for row in rows if row.source_id is not None}),
    )
    return [_Person(dict(row), is_new=False) for row in found]


class _Portion:
    def __init__(
        self,
        people: Sequence[_Person],
        rules: MetadataRules,
        find_changes: FindChanges,
        replaces_metadata: bool,
    ) -> None:
        self.people = [*people]
        self._rules = rules
        self._find_changes = find_changes
        self._replaces_metadata = replaces_metadata
        self._by_id = {person.values["id"]: person for person in people}
        self._by_source_id = {
            person.values["source_id"]: person for person in people if person.values["source_id"] is not None
        }

    def apply(self, row: CustomerRow) -> None:
        person = self._find(row)
        row.found = person is not None
        if person is None and row.id_sent and row.source_id is None:
            row.reason = f"Cannot find customer with id {row.id_sent[:_ECHO]}"
            return
        row.reason = self._find_problem(row, is_new=person is None)
        if row.reason is not None:
            return
        if person is None:
            person = self._make(row.source_id)
        row.customer_id = person.values["id"]
        changes = self._find_changes(person.values, row.sent)
        person.values |= changes
        person.changed = person.changed or bool(changes)
        person.rows.append(row)

    def _find(self, row: CustomerRow) -> _Person | None:
        person = self._by_id.get(row.customer_id) if row.customer_id is not None else None
        if person is None and row.source_id is not None:
            person = self._by_source_id.get(row.source_id)
        return person

    def _find_problem(self, row: CustomerRow, *, is_new: bool) -> str | None:
        if self._rules.schema is None:
            return None
        metadata = row.sent.get("metadata")
        if not is_new and not metadata and not (self._replaces_metadata and metadata is not None):
            return None
        whole = is_new or self._replaces_metadata
        return self._rules.find_problem(metadata or {}, partial=not whole)

    def _make(self, source_id: str | None) -> _Person:
        values = {**_BLANK, "id": new_id(), "source_id": source_id}
        person = _Person(values, is_new=True)
        self.people.append(person)
        if source_id is not None:
            self._by_source_id[source_id] = person
        return person


async def _write(run: Run, portion: _Portion, written: list[UUID]) -> list[CustomerRow]:
    """Adds to `written`. Returns the rows of those whom somebody else has made meanwhile: to be done again,
    now that they are there."""
    new = [person.values for person in portion.people if person.is_new]
    made = await bulk_store.insert_customers(run.connection, run.job.project_id, new, now=run.now)
    changed = [person.values for person in portion.people if person.changed and not person.is_new]
    await bulk_store.update_customers(run.connection, run.job.project_id, changed, now=run.now)
    written += [values["id"] for values in changed]
    written += made
    missed = [
        row
        for person in portion.people
        if person.is_new and person.values["id"] not in made
        for row in person.rows
    ]
    return sorted(missed, key=lambda row: row.number)


async def _tell(run: Run, customer_ids: Sequence[UUID]) -> None:
    """Nobody but ourselves hears of bulk work: segments are refreshed by it."""
    ids = [customer_id.hex for customer_id in customer_ids]
    events = [
        NewEvent(type="customers.changed", data={"customer_ids": ids[start : start + _MOST_IDS]})
        for start in range(0, len(ids), _MOST_IDS)
    ]
    payload = run.job.payload
    await emit_project_events(
        run.connection,
        run.job.project_id,
        events,
        source=payload["source"],
        group_id=payload["group_id"],
        now=run.now,
    )
