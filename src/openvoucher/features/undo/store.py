"""SQL of undoing."""

from uuid import UUID

from openvoucher.platform.db import Connection, Row


async def list_batches(connection: Connection, project_id: int, action_id: UUID) -> list[tuple[UUID, UUID]]:
    """(first id, last id) of each batch of codes that an action made."""
    rows = await connection.fetch(
        "select first_id, last_id from async_action_batch where project_id = $1 and async_action_id = $2",
        project_id,
        action_id,
    )
    return [(row["first_id"], row["last_id"]) for row in rows]


async def find_batch(
    connection: Connection, project_id: int, action_id: UUID, *, number: int
) -> tuple[UUID, UUID] | None:
    """(first id, last id) of the batch with this number, from 0; None after the last."""
    row = await connection.fetchrow(
        "select first_id, last_id from async_action_batch"
        " where project_id = $1 and async_action_id = $2 order by first_id offset $3 limit 1",
        project_id,
        action_id,
        number,
    )
    return (row["first_id"], row["last_id"]) if row else None


async def lock_made(connection: Connection, project_id: int, first_id: UUID, last_id: UUID) -> None:
    """Keep others from using the codes of a batch. Whoever is just doing so commits before the next
    statement looks."""
    await connection.execute(
        "select 1 from voucher where project_id = $1 and id between $2 and $3 order by id for update",
        project_id,
        first_id,
        last_id,
    )


async def list_made(connection: Connection, project_id: int, first_id: UUID, last_id: UUID) -> list[Row]:
    """Codes of a batch with the `use` that was made of them since: published, redeemed, posted, or null.

    What had been redeemed or spent elsewhere before the import is no use of ours.
    """
    return await connection.fetch(
        "select v.id, v.code, v.campaign_id, v.deleted_at, v.revision, case"
        " when v.published_count > 0 then 'published'"
        " when v.redeemed_quantity > coalesce(v.brought_quantity, 0)"
        "   or v.spent > coalesce(v.brought_spent, 0) then 'redeemed'"
        " when exists (select 1 from voucher_transaction t"
        "              where t.project_id = v.project_id and t.voucher_id = v.id) then 'posted' end as use"
        " from voucher v where v.project_id = $1 and v.id between $2 and $3 order by v.id",
        project_id,
        first_id,
        last_id,
    )


async def count_told(connection: Connection, project_id: int, action_id: UUID) -> int:
    """Codes that the undoing action has kept so far."""
    count: int = await connection.fetchval(
        "select failed_count from async_action where project_id = $1 and id = $2", project_id, action_id
    )
    return count
