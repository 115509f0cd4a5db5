"""SQL of exports. What is read for a file is compiled (selection.py); its first parameter is the project."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvoucher.platform.db import Connection, Row

# An id of 16 bytes, a part of 4.
_KEY_BYTES = 20
# Rows of a file that are in memory at a time, besides the text that they became.
_STEP_ROWS = 500


async def insert_export(connection: Connection, values: dict[str, Any]) -> Row:
    """`values` by column."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    row = await connection.fetchrow(
        f"insert into export ({', '.join(values)}) values ({places}) returning *", *values.values()
    )
    assert row is not None  # noqa: S101
    return row


async def find_export(connection: Connection, project_id: int, export_id: UUID) -> Row | None:
    return await connection.fetchrow(
        "select * from export where project_id = $1 and id = $2", project_id, export_id
    )


async def find_file(connection: Connection, export_id: UUID, token: str) -> Row | None:
    """Whose file it is, of how many portions and bytes; None unless it is done and the token is its own."""
    return await connection.fetchrow(
        "select e.project_id, e.id, count(p.portion) as portions,"
        " coalesce(sum(octet_length(p.data)), 0)::bigint as size"
        " from export e"
        " left join export_portion p on p.project_id = e.project_id and p.export_id = e.id"
        " where e.id = $1 and e.token = $2 and e.status = 'DONE' group by e.project_id, e.id",
        export_id,
        token,
    )


async def list_exports(
    connection: Connection, project_id: int, *, order: str, limit: int, offset: int
) -> list[Row]:
    """`order`: created_at or status, with a sign."""
    direction = " desc" if order.startswith("-") else ""
    terms = {"created_at": f"id{direction}", "status": f"status{direction}, id desc"}
    return await connection.fetch(
        f"select * from export where project_id = $1 order by {terms[order.removeprefix('-')]}"
        " limit $2 offset $3",
        project_id,
        limit,
        offset,
    )


async def count_exports(connection: Connection, project_id: int) -> int:
    count: int = await connection.fetchval("select count(*) from export where project_id = $1", project_id)
    return count


async def delete_export(connection: Connection, project_id: int, export_id: UUID) -> bool:
    """With its file. Waits for the portion that is just being written."""
    return (
        await connection.execute(
            "delete from export where project_id = $1 and id = $2", project_id, export_id
        )
        == "DELETE 1"
    )


# --- writing a file ------------------------------------------------------------------------------------


async def lock_export(connection: Connection, project_id: int, export_id: UUID) -> Row | None:
    """Keep it from being deleted until the commit."""
    return await connection.fetchrow(
        "select * from export where project_id = $1 and id = $2 for no key update", project_id, export_id
    )


async def insert_portion(
    connection: Connection, project_id: int, export_id: UUID, portion: int, data: bytes
) -> None:
    await connection.execute(
        "insert into export_portion (project_id, export_id, portion, data) values ($1, $2, $3, $4)",
        project_id,
        export_id,
        portion,
        data,
    )


async def find_portion(
    connection: Connection, project_id: int, export_id: UUID, portion: int
) -> bytes | None:
    data: bytes | None = await connection.fetchval(
        "select data from export_portion where project_id = $1 and export_id = $2 and portion = $3",
        project_id,
        export_id,
        portion,
    )
    return data


async def add_progress(
    connection: Connection, project_id: int, export_id: UUID, *, rows: int, done: bool, now: datetime
) -> None:
    await connection.execute(
        "update export set rows = rows + $3, status = case when $4 then 'DONE' else 'IN_PROGRESS' end,"
        " updated_at = $5 where project_id = $1 and id = $2",
        project_id,
        export_id,
        rows,
        done,
        now,
    )


async def fail_export(
    connection: Connection, project_id: int, export_id: UUID, *, error: str, now: datetime
) -> None:
    """Nothing is kept of its file."""
    for table in ("export_portion", "export_row_list"):
        await connection.execute(
            f"delete from {table} where project_id = $1 and export_id = $2", project_id, export_id
        )
    await connection.execute(
        "update export set status = 'ERROR', error = $3, updated_at = $4 where project_id = $1 and id = $2",
        project_id,
        export_id,
        error,
        now,
    )


async def lift_time_limit(connection: Connection, *, seconds: int) -> None:
    """For this transaction: sorting millions of rows takes longer than any answer may."""
    await connection.execute(f"set local statement_timeout = '{seconds}s'")


async def plan_anew(connection: Connection) -> None:
    """For this transaction: a plan for any key would expect a third of all rows behind each."""
    await connection.execute("set local plan_cache_mode = force_custom_plan")


# --- reading what is exported --------------------------------------------------------------------------


async def walk_rows(
    connection: Connection,
    *,
    values: str,
    source: str,
    key: Sequence[str],
    order: str,
    descends: bool,
    after: tuple[UUID, int] | None,
    parameters: Sequence[Any],
    limit: int,
) -> AsyncIterator[list[Row]]:
    """Up to `limit` rows behind a key, in the order of the keys, some at a time."""
    bounds = list(after or ())[: len(key)]
    if bounds:
        places = [
            f"${len(parameters) + number}::{kind}"
            for number, kind in enumerate(("uuid", "integer")[: len(key)], 1)
        ]
        sign = "<" if descends else ">"
        if len(key) > 1:
            # For the index; the comparison of both is exact.
            source += f" and {key[0]} {sign}= {places[0]}"
        source += f" and ({', '.join(key)}) {sign} ({', '.join(places)})"
    cursor = await connection.cursor(
        f"select {values} {source} order by {order} limit {limit}", *parameters, *bounds
    )
    while rows := await cursor.fetch(_STEP_ROWS):
        yield rows


async def list_keys(
    connection: Connection,
    project_id: int,
    export_id: UUID,
    *,
    source: str,
    key: Sequence[str],
    order: str,
    parameters: Sequence[Any],
    rows: int,
) -> None:
    """Sort the rows once, and keep their keys in lists of so many."""
    part = key[1] if len(key) > 1 else "0"
    first = len(parameters) + 1
    await connection.execute(
        "insert into export_row_list (project_id, export_id, number, keys)"
        f" select $1, ${first}, ((place - 1) / {rows})::integer,"
        " string_agg(uuid_send(id) || int4send(part), ''::bytea order by place)"
        f" from (select {key[0]} as id, {part} as part, row_number() over (order by {order}) as place"
        f" {source}) as sorted group by 3",
        *parameters,
        export_id,
    )


async def find_list(
    connection: Connection, project_id: int, export_id: UUID
) -> tuple[int, list[tuple[UUID, int]]] | None:
    """The number and the keys of the first list that is left."""
    row = await connection.fetchrow(
        "select number, keys from export_row_list where project_id = $1 and export_id = $2"
        " order by number limit 1",
        project_id,
        export_id,
    )
    if row is None:
        return None
    keys: bytes = row["keys"]
    return row["number"], [
        (UUID(bytes=keys[at : at + 16]), int.from_bytes(keys[at + 16 : at + _KEY_BYTES], signed=True))
        for at in range(0, len(keys), _KEY_BYTES)
    ]


async def has_list(connection: Connection, project_id: int, export_id: UUID) -> bool:
    found: bool = await connection.fetchval(
        "select exists (select 1 from export_row_list where project_id = $1 and export_id = $2)",
        project_id,
        export_id,
    )
    return found


async def cut_list(
    connection: Connection, project_id: int, export_id: UUID, number: int, *, rows: int
) -> None:
    """Take the first rows off a list; an empty one goes."""
    await connection.execute(
        "update export_row_list set keys = substr(keys, $4) where project_id = $1 and export_id = $2"
        " and number = $3",
        project_id,
        export_id,
        number,
        rows * _KEY_BYTES + 1,
    )
    await connection.execute(
        "delete from export_row_list where project_id = $1 and export_id = $2 and number = $3 and keys = ''",
        project_id,
        export_id,
        number,
    )


async def read_listed_rows(
    connection: Connection,
    keys: Sequence[tuple[UUID, int]],
    *,
    values: str,
    source: str,
    key: Sequence[str],
    parameters: Sequence[Any],
) -> AsyncIterator[tuple[int, list[Row]]]:
    """The rows with these keys in their order, without those that are gone, some at a time: how many keys
    were looked for, and what was found."""
    statement = f"select {values} {source} and {key[0]} = any(${len(parameters) + 1}::uuid[])"
    for start in range(0, len(keys), _STEP_ROWS):
        wanted = keys[start : start + _STEP_ROWS]
        found = {
            (row[0], row[1]): row
            for row in await connection.fetch(statement, *parameters, list({id for id, _ in wanted}))
        }
        yield len(wanted), [found[each] for each in wanted if each in found]
