"""Customers for the tests of segments, written past the application: what a segment reads are the tables."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from openvoucher.features.outbox.schemas import Event, NewEvent
from openvoucher.features.outbox.service import OutboxReader, emit_events
from openvoucher.platform.call import Call, Project
from openvoucher.platform.db import Connection, Database
from openvoucher.wire.ids import new_id, parse_id

_CHANGED = ("entered", "left")


@dataclasses.dataclass
class People:
    """The customers of one project. They are told apart by their source ids."""

    db: Database
    call: Call
    ids: dict[str, UUID] = dataclasses.field(default_factory=dict)

    @property
    def project_id(self) -> int:
        return self.call.project.id

    async def insert(self, table: str, /, **columns: Any) -> UUID:
        values = {"project_id": self.project_id, "id": new_id(), "created_at": self.call.now, **columns}
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        async with self.db.connection() as connection:
            await connection.execute(
                f"insert into {table} ({', '.join(values)}) values ({places})", *values.values()
            )
        made: UUID = values["id"]
        return made

    async def add(self, name: str, /, **columns: Any) -> UUID:
        """A customer, of whom no event is told."""
        self.ids[name] = await self.insert("customer", source_id=name, **columns)
        return self.ids[name]

    async def change(self, name: str, /, **columns: Any) -> None:
        """An update and its event, in one transaction."""
        async with self.changing(name, **columns):
            pass

    @asynccontextmanager
    async def changing(self, name: str, /, **columns: Any) -> AsyncIterator[None]:
        """The same; it is committed when the block ends."""
        places = ", ".join(f"{column} = ${place}" for place, column in enumerate(columns, 3))
        type = "customer.deleted" if columns.get("deleted_at") else "customer.updated"
        async with self.db.transaction() as connection:
            await connection.execute(
                f"update customer set {places} where project_id = $1 and id = $2",
                self.project_id,
                self.ids[name],
                *columns.values(),
            )
            yield
            await emit_events(connection, self.call, NewEvent(type=type, customer_id=self.ids[name]))

    async def tell(self, *events: NewEvent) -> None:
        async with self.db.transaction() as connection:
            await emit_events(connection, self.call, *events)

    async def list_members(self, segment_id: str) -> list[str]:
        """Source ids of the members that are kept, sorted; an id for a customer that is gone."""
        async with self.db.connection() as connection:
            rows = await connection.fetch(
                "select coalesce(c.source_id, m.customer_id::text) from segment_member m"
                " left join customer c on c.project_id = m.project_id and c.id = m.customer_id"
                " where m.project_id = $1 and m.segment_id = $2",
                self.project_id,
                parse_id("seg", segment_id),
            )
        return sorted(row[0] for row in rows)

    async def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.db.connection() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *values)]


class Spy:
    """Hears what the subscribers of the outbox hear."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def __call__(
        self, connection: Connection, project: Project, events: Sequence[Event], now: datetime
    ) -> None:
        self.events += events

    def list_changes(self, people: People) -> list[str]:
        """Who entered (+) and left (-) which segment, in order: "+ann VIP"."""
        names = {customer_id: name for name, customer_id in people.ids.items()}
        return [
            f"{'+' if event.type.endswith('entered') else '-'}"
            f"{names[event.customer_id]} {event.data['segment']['name']}"
            for event in self.events
            if event.type in [f"customer.segment.{change}" for change in _CHANGED] and event.customer_id
        ]


async def read_outbox(db: Database) -> None:
    """Have everything told, and what the subscribers tell on top of it."""
    reader = OutboxReader(db)
    while await reader.tell_next(datetime.now(UTC)):
        pass


async def create_segment(client: httpx.AsyncClient, **body: object) -> str:
    """Over HTTP; its id."""
    answer = await client.post("/v1/segments", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])
