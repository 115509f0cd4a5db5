"""An API process for races: `python racing_server.py DATABASE_URL POOL_SIZE [WHAT …]`.

WHAT names guards that are taken away, for the twins that must go wrong then; or `dies-before-commit`: the
process kills itself inside its first publication, when all but the commit is done.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any
from uuid import UUID

from openvoucher.app import make_app
from openvoucher.features.customers import store as customer_store
from openvoucher.features.publications import handover, publishing, store
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.platform.http.serving import HttpServer
from openvoucher.settings import Settings


def replace(module: ModuleType, name: str, function: Any) -> Any:
    """Put a function in the place of one of a module; the one that was there."""
    original = getattr(module, name)
    setattr(module, name, function)
    return original


# Long enough for all who race to look before the first of them writes.
_LOOK_SECONDS = 0.2


def give_codes_out_without_locks() -> None:
    async def look(
        connection: Connection, project_id: int, campaign_id: UUID, *, after: UUID, limit: int, **_rest: Any
    ) -> list[UUID]:
        rows = await connection.fetch(
            "select id from voucher where project_id = $1 and campaign_id = $2 and id > $3"
            " and published_count = 0 order by id limit $4",
            project_id,
            campaign_id,
            after,
            limit,
        )
        await asyncio.sleep(_LOOK_SECONDS)
        return [row["id"] for row in rows]

    replace(store, "lock_available_codes", look)


def do_not_lock_customers() -> None:
    find = customer_store.find_by_source_id
    find_joined = store.find_joined

    async def look(
        connection: Connection, project_id: int, source_id: str, *, lock: bool = False
    ) -> Row | None:
        del lock
        return await find(connection, project_id, source_id, lock=False)

    async def look_for_joined(*arguments: Any) -> UUID | None:
        joined = await find_joined(*arguments)
        await asyncio.sleep(_LOOK_SECONDS)
        return joined

    replace(customer_store, "find_by_source_id", look)
    replace(store, "find_joined", look_for_joined)


def look_for_source_ids_and_nothing_else() -> None:
    find = store.find_by_source_id

    async def look(*arguments: Any) -> Row | None:
        row = await find(*arguments)
        await asyncio.sleep(_LOOK_SECONDS)
        return row

    async def insert(connection: Connection, values: dict[str, Any]) -> bool:
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await connection.execute(
            f"insert into publication ({', '.join(values)}) values ({places})", *values.values()
        )
        return True

    replace(store, "find_by_source_id", look)
    replace(store, "insert_publication", insert)


def count_by_reading_and_writing() -> None:
    async def count(
        connection: Connection, project_id: int, campaign_id: UUID, *, added: int, bound: int
    ) -> Row | None:
        row = await connection.fetchrow(
            "select vouchers_count, bound_count, revision from campaign where project_id = $1 and id = $2",
            project_id,
            campaign_id,
        )
        assert row is not None
        await asyncio.sleep(_LOOK_SECONDS)
        await connection.execute(
            "update campaign set vouchers_count = $3, bound_count = $4 where project_id = $1 and id = $2",
            project_id,
            campaign_id,
            row["vouchers_count"] + added,
            row["bound_count"] + bound,
        )
        return row

    async def do_not_count_the_day(*_arguments: Any) -> None:
        """Its lock would make them count one after the other."""

    replace(store, "count_published_codes", count)
    replace(handover, "add_to_campaign_day", do_not_count_the_day)


def bind_to_what_was_read() -> None:
    async def count_whatever_the_terms(*arguments: Any, **options: Any) -> None:
        with contextlib.suppress(handover.TermsChanged):
            await count(*arguments, **options)

    count = replace(publishing, "count_at_campaign", count_whatever_the_terms)


def die_before_commit() -> None:
    async def count_and_die(*arguments: Any, **options: Any) -> None:
        await count(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    count = replace(publishing, "count_at_campaign", count_and_die)


def write_one_by_one() -> None:
    """Each statement commits at once, as it would without a transaction; then the process dies."""

    async def commit_and_go_on(connection: Connection) -> None:
        await connection.execute("commit")
        await connection.execute("begin")

    async def hand_over_and_die(connection: Connection, *arguments: Any) -> Any:
        handed = await hand_over(connection, *arguments)
        await commit_and_go_on(connection)
        os.kill(os.getpid(), signal.SIGKILL)
        return handed

    hand_over = replace(publishing, "hand_over", hand_over_and_die)


WHAT: dict[str, Callable[[], None]] = {
    "no-code-locks": give_codes_out_without_locks,
    "no-customer-locks": do_not_lock_customers,
    "no-unique-source-ids": look_for_source_ids_and_nothing_else,
    "no-atomic-counters": count_by_reading_and_writing,
    "no-look-at-revisions": bind_to_what_was_read,
    "dies-before-commit": die_before_commit,
    "dies-without-transaction": write_one_by_one,
}


async def main(url: str, pool_size: int, what: Sequence[str]) -> None:
    for name in what:
        WHAT[name]()
    db = Database(url, size=pool_size)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    port = listener.getsockname()[1]
    server = HttpServer(
        make_app(db, Settings(public_url="http://test")),
        drain_seconds=1,
        on_accepting=lambda: print(f"ready on http://127.0.0.1:{port}", flush=True),
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve_on(listener)
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
