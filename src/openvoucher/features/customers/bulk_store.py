"""SQL of many customers at once: a portion costs a few statements, whatever is in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from openvoucher.platform.db import Connection, Row

_SET: Final = ("name", "description", "email", "phone", "birthday", "birthdate", "address", "metadata")
# $2 to $12, as _make_arrays returns them. An array of arrays cannot be taken apart by rows: names of
# columns have no commas.
_UNNESTED: Final = (
    "unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::date[], $9::date[],"
    " $10::jsonb[], $11::jsonb[], $12::text[]) as sent (id, source_id, name, description, email, phone,"
    " birthday, birthdate, address, metadata, cleared)"
)


async def lock_customers(
    connection: Connection, project_id: int, *, ids: Sequence[UUID], source_ids: Sequence[str]
) -> list[Row]:
    """Those that are there, by id or source id, locked in the order of their ids: two who lock the same ones
    wait for each other in one direction only."""
    found = await connection.fetch(
        # The order and the limit leave the planner one index. Equality alone suits others, too, as long as
        # nothing is known of a table that has just been filled: they would be walked for every source id.
        "select c.id from unnest($2::text[]) as sent (source_id) cross join lateral"
        " (select c.id, c.source_id from customer c where c.project_id = $1"
        "  and c.source_id >= sent.source_id and c.deleted_at is null order by c.source_id limit 1) c"
        " where c.source_id = sent.source_id",
        project_id,
        source_ids,
    )
    # For the same reason it is asked after whether they were deleted: that leaves the primary key.
    rows = await connection.fetch(
        "select * from customer where project_id = $1 and id = any($2::uuid[]) order by id for no key update",
        project_id,
        [*{*ids, *(row["id"] for row in found)}],
    )
    return [row for row in rows if row["deleted_at"] is None]


async def insert_customers(
    connection: Connection, project_id: int, customers: Sequence[Mapping[str, Any]], *, now: datetime
) -> set[UUID]:
    """Ids of those that were made: one whose source id another has just taken is left out.

    In the order of source ids, so that two who make the same ones wait in one direction only. Who waited
    finds the other's row committed, and can lock it.
    """
    if not customers:
        return set()
    ordered = sorted(customers, key=lambda customer: customer["source_id"] or "")
    rows = await connection.fetch(
        "insert into customer (project_id, id, source_id, name,"  # noqa: S608 - constants and placeholders
        " description, email, phone, birthday, birthdate, address, metadata, cleared, created_at)"
        " select $1, id, source_id, name, description, email, phone, birthday, birthdate, address, metadata,"
        f" string_to_array(cleared, ','), $13 from {_UNNESTED}"
        " on conflict (project_id, source_id) where deleted_at is null and source_id is not null"
        " do nothing returning id",
        project_id,
        *_make_arrays(ordered),
        now,
    )
    return {row["id"] for row in rows}


async def update_customers(
    connection: Connection, project_id: int, customers: Sequence[Mapping[str, Any]], *, now: datetime
) -> None:
    """Write all that can change on these; they are locked."""
    if customers:
        assigned = ", ".join(f"{name} = changed.{name}" for name in _SET)
        await connection.execute(
            f"update customer set {assigned}, updated_at = $13,"  # noqa: S608 - constants and placeholders
            " cleared = string_to_array(changed.cleared, ',')"
            f" from {_UNNESTED.replace(' as sent', ' as changed')}"
            " where customer.project_id = $1 and customer.id = changed.id",
            project_id,
            *_make_arrays(customers),
            now,
        )


def _make_arrays(customers: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    columns = [[customer[name] for customer in customers] for name in ("id", "source_id", *_SET)]
    return [*columns, [",".join(customer["cleared"]) for customer in customers]]
