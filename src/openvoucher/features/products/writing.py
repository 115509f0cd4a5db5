"""Many products or SKUs written at once: a constant number of statements, whatever their number.

What is new is inserted in the order of source ids, what is there is locked in the order of ids: two who
write the same objects wait for each other in one order.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from openvoucher.features.products import store
from openvoucher.features.products.schemas import ItemKind
from openvoucher.features.products.store import Lock
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.ids import new_id


@dataclasses.dataclass(slots=True, kw_only=True)
class Change:
    """What is to be written of one object: columns, and keys of its metadata (or, with
    `replaces_metadata`, all of it).

    id: of an object that is there; None: one is to be made, with this source id or with none. product_id:
    of SKUs that are to be made.
    """

    id: UUID | None = None
    source_id: str | None = None
    product_id: UUID | None = None
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    replaces_metadata: bool = False

    def add(self, later: "Change") -> None:
        """Let a later change of the same object count, too."""
        self.fields = {**self.fields, **later.fields}
        self.metadata = later.metadata if later.replaces_metadata else {**self.metadata, **later.metadata}
        self.replaces_metadata = self.replaces_metadata or later.replaces_metadata


class _Find(Protocol):
    def __call__(
        self,
        connection: Connection,
        project_id: int,
        ids: Sequence[UUID],
        source_ids: Sequence[str],
        lock: Lock = "none",
        /,
    ) -> Awaitable[list[Row]]: ...


_Rows = Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class _Table:
    find_keys: _Find
    insert: Callable[[Connection, int, _Rows, datetime], Awaitable[list[Row]]]
    change: Callable[[Connection, int, _Rows, datetime], Awaitable[None]]
    defaults: Mapping[str, Any]


_TABLES: Final[Mapping[ItemKind, _Table]] = {
    "product": _Table(
        store.find_product_keys, store.insert_products, store.change_products, {"attributes": []}
    ),
    "sku": _Table(store.find_sku_keys, store.insert_skus, store.change_skus, {"attributes": {}}),
}


async def write_changes(
    connection: Connection, project_id: int, kind: ItemKind, changes: Iterable[Change], now: datetime
) -> list[Row]:
    """Create and change; the rows of what was created. What turns out to be in the bin, or to be a SKU of
    another product, is left as it is."""
    known: dict[UUID, Change] = {}
    new: dict[str, Change] = {}
    nameless: list[Change] = []
    for change in changes:
        if change.id is not None:
            _put(known, change.id, change)
        elif change.source_id:
            _put(new, change.source_id, change)
        else:
            nameless.append(change)
    table = _TABLES[kind]
    rows = await table.find_keys(connection, project_id, [*known], [], "update") if known else []
    made = await _insert(connection, project_id, table, [*nameless, *new.values()], now)
    lost = new.keys() - {row["source_id"] for row in made}
    if lost:
        # Somebody else has just made them.
        for row in await table.find_keys(connection, project_id, [], [*lost], "update"):
            change = new[row["source_id"]]
            if change.product_id is None or change.product_id == row["product_id"]:
                if row["id"] not in known:
                    rows.append(row)
                _put(known, row["id"], change)
    await _update(connection, project_id, table, rows, known, now)
    return made


def _put(changes: dict[Any, Change], key: Any, change: Change) -> None:
    if key in changes:
        changes[key].add(change)
    else:
        # A copy: what the caller holds stays as it is.
        changes[key] = dataclasses.replace(change)


async def _insert(
    connection: Connection, project_id: int, table: _Table, new: Sequence[Change], now: datetime
) -> list[Row]:
    rows = [
        {
            "id": new_id(),
            "product_id": change.product_id,
            "source_id": change.source_id,
            **table.defaults,
            **change.fields,
            "metadata": change.metadata,
        }
        for change in new
    ]
    if not rows:
        return []
    # The ids keep the order in which the objects came.
    rows.sort(key=_read_source_id)
    return await table.insert(connection, project_id, rows, now)


async def _update(
    connection: Connection,
    project_id: int,
    table: _Table,
    rows: Sequence[Row],
    changes: Mapping[UUID, Change],
    now: datetime,
) -> None:
    sent = []
    for row in rows:
        change = changes[row["id"]]
        if row["deleted_at"] is None:
            sent.append(
                {
                    "id": row["id"],
                    "fields": change.fields,
                    "metadata": change.metadata,
                    "replaces_metadata": change.replaces_metadata,
                }
            )
    if sent:
        await table.change(connection, project_id, sent, now)


def _read_source_id(row: Mapping[str, Any]) -> str:
    return row["source_id"] or ""
