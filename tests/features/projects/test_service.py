"""The first start makes a project and its keys. (Who calls: test_service_keys.py.)"""

import asyncio
import hashlib
import re
from typing import Any
from uuid import UUID

import pytest

from calls import NOW
from database_views import count_rows
from openvoucher.features.projects import store
from openvoucher.features.projects.service import (
    KINDS,
    KeyBelongsToAnotherProject,
    KeyKind,
    KeyPair,
    find_project_by_uid,
    get_project,
    make_key_pair,
    set_up_first_project,
)
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.wire.ids import new_id
from projects import make_other_project

STARTS = 10


def by_kind(*pairs: KeyPair) -> dict[KeyKind, KeyPair]:
    return {pair.kind: pair for pair in pairs}


async def start(db: Database, *given: KeyPair) -> tuple[Project, list[KeyPair]]:
    return await set_up_first_project(db, given=by_kind(*given), now=NOW)


async def read_keys(db: Database) -> list[tuple[Any, ...]]:
    async with db.connection() as connection:
        rows = await connection.fetch(
            "select project_id, kind, app_id, secret_sha256, active from api_key order by kind desc, app_id"
        )
    return [tuple(row) for row in rows]


def stored(pair: KeyPair, project: Project, *, active: bool = True) -> tuple[Any, ...]:
    return project.id, pair.kind, pair.app_id, hashlib.sha256(pair.secret.encode()).digest(), active


async def block(db: Database, pair: KeyPair) -> None:
    async with db.connection() as connection:
        await connection.execute("update api_key set active = false where app_id = $1", pair.app_id)


# --- key pairs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "prefix"), [("server", "ov_sk_"), ("client", "ov_ck_"), ("management", "ov_mk_")]
)
def test_a_key_pair_is_a_uuid_and_256_random_bits(kind: KeyKind, prefix: str) -> None:
    pairs = [make_key_pair(kind) for _ in range(100)]
    assert len({pair.secret for pair in pairs}) == len({pair.app_id for pair in pairs}) == 100
    for pair in pairs:
        assert UUID(pair.app_id).version == 4
        # 43 characters of six bits.
        assert re.fullmatch(prefix + r"[A-Za-z0-9_-]{43}", pair.secret)


def test_a_key_pair_does_not_print_its_secret() -> None:
    pair = make_key_pair("server")
    assert pair.secret not in f"{pair} {pair!r} {by_kind(pair)}"


# --- the first start -----------------------------------------------------------------------------------


async def test_the_first_start_makes_a_project_and_three_keys(db: Database) -> None:
    project, made = await start(db)
    assert [pair.kind for pair in made] == list(KINDS)
    assert (project.name, project.timezone.key, project.currency) == ("default", "UTC", "USD")
    assert (project.uid.version, len(project.asset_key)) == (7, 64)
    assert await read_keys(db) == [stored(pair, project) for pair in made[:1] + made[2:] + made[1:2]]


async def test_the_next_start_finds_them_and_makes_none(db: Database) -> None:
    project, _ = await start(db)
    keys = await read_keys(db)
    assert await start(db) == (project, [])
    assert await read_keys(db) == keys


async def test_given_keys_are_stored_at_every_start_and_not_told_again(db: Database) -> None:
    server, management = make_key_pair("server"), make_key_pair("management")
    project, made = await start(db, server)
    assert [pair.kind for pair in made] == ["client", "management"]
    keys = {stored(pair, project) for pair in (server, *made)}
    assert {*await read_keys(db)} == keys
    # Given later than the first start, beside the one that was made.
    assert await start(db, server, management) == (project, [])
    assert {*await read_keys(db)} == keys | {stored(management, project)}


async def test_a_given_key_with_another_secret_has_that_secret_and_works_again(db: Database) -> None:
    server = make_key_pair("server")
    project, _ = await start(db, server)
    await block(db, server)
    renewed = KeyPair("server", server.app_id, "another secret")
    await start(db, renewed)
    keys = [key for key in await read_keys(db) if key[1] == "server"]
    assert keys == [stored(renewed, project)]


async def test_a_key_that_is_not_given_any_more_stays(db: Database) -> None:
    first, second = make_key_pair("server"), make_key_pair("server")
    project, _ = await start(db, first)
    await start(db, second)
    assert {key for key in await read_keys(db) if key[1] == "server"} == {
        stored(first, project),
        stored(second, project),
    }


async def test_a_key_of_another_project_is_refused_and_nothing_of_that_start_is_stored(db: Database) -> None:
    await start(db)
    theirs = make_key_pair("server")
    await make_other_project(db, theirs)
    keys = await read_keys(db)
    stolen = KeyPair("server", theirs.app_id, "mine now")
    with pytest.raises(
        KeyBelongsToAnotherProject, match=rf"^The server key {theirs.app_id} belongs to another project\.$"
    ):
        await start(db, make_key_pair("management"), stolen)
    assert await read_keys(db) == keys


async def test_one_id_can_be_a_key_of_each_kind(db: Database) -> None:
    pairs = [KeyPair(kind, "same", f"secret of {kind}") for kind in KINDS]
    project, made = await start(db, *pairs)
    assert made == []
    assert {*await read_keys(db)} == {stored(pair, project) for pair in pairs}


async def test_made_keys_are_kept_before_they_hold(db: Database) -> None:
    kept: list[KeyPair] = []

    def keep_and_fail(made: Any) -> None:
        kept.extend(made)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await set_up_first_project(db, given={}, now=NOW, keep=keep_and_fail)
    assert len(kept) == 3
    rows = await count_rows(db)
    assert (rows["project"], rows["api_key"]) == (0, 0)
    _, made = await set_up_first_project(db, given={}, now=NOW, keep=kept.extend)
    assert kept[3:] == made
    # Nothing made, nothing to keep.
    await set_up_first_project(db, given={}, now=NOW, keep=keep_and_fail)


async def start_at_once(database_url: str) -> tuple[set[UUID], list[KeyPair]]:
    """The projects and new keys that ten processes are told, which start at the same time."""
    databases = [Database(database_url, size=1) for _ in range(STARTS)]
    try:
        async with asyncio.timeout(30):
            told = await asyncio.gather(*(start(database) for database in databases))
    finally:
        for database in databases:
            await database.close()
    return {project.uid for project, _ in told}, [pair for _, made in told for pair in made]


async def test_ten_first_starts_at_once_make_one_project_and_one_set_of_keys(
    db: Database, database_url: str
) -> None:
    projects, made = await start_at_once(database_url)
    assert len(projects) == 1
    assert [pair.kind for pair in made] == list(KINDS)
    rows = await count_rows(db)
    assert (rows["project"], rows["api_key"]) == (1, 3)


async def test_twin_without_the_lock_ten_starts_make_ten_projects(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_first_project, everybody_looked = store.find_first_project, asyncio.Barrier(STARTS)

    async def do_not_lock(_connection: Connection) -> None:
        """Where the lock would be taken."""

    async def find_together(connection: Connection) -> Row | None:
        row = await find_first_project(connection)
        await everybody_looked.wait()
        return row

    monkeypatch.setattr(store, "lock_first_start", do_not_lock)
    monkeypatch.setattr(store, "find_first_project", find_together)
    _, made = await start_at_once(database_url)
    assert len(made) == 3 * STARTS
    assert (await count_rows(db))["project"] == STARTS


# --- projects ------------------------------------------------------------------------------------------


async def test_a_project_is_found_by_number_and_by_uid(db: Database) -> None:
    project, _ = await start(db)
    other = await make_other_project(db, make_key_pair("server"))
    async with db.connection() as connection:
        for each in (project, other):
            assert await get_project(connection, each.id) == each
            assert await find_project_by_uid(connection, each.uid) == each
        assert await find_project_by_uid(connection, new_id()) is None
        with pytest.raises(LookupError, match="project 99"):
            await get_project(connection, 99)
