"""Keys tell who calls. (Over HTTP: tests/test_app.py.)"""

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from openvoucher.features.projects import service, store
from openvoucher.features.projects.service import KINDS, KeyKind, KeyPair, KeyRing, make_key_pair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.wire.errors import ApiError


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    return shared_database_url


async def block(db: Database, pair: KeyPair) -> None:
    async with db.connection() as connection:
        await connection.execute("update api_key set active = false where app_id = $1", pair.app_id)


class Clock:
    """In place of the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(service, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def look_ups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that the database was asked for."""
    asked: list[str] = []
    find_key = store.find_key

    async def find_and_note(connection: Connection, kind: str, app_id: str) -> Row | None:
        asked.append(app_id)
        return await find_key(connection, kind, app_id)

    monkeypatch.setattr(store, "find_key", find_and_note)
    return asked


async def is_let_in(ring: KeyRing, pair: KeyPair, *, kind: KeyKind | None = None) -> bool:
    try:
        await ring.authenticate(kind or pair.kind, pair.app_id, pair.secret)
    except ApiError:
        return False
    return True


async def test_a_pair_is_its_project_and_key(
    db: Database, project: Project, keys: Mapping[str, KeyPair]
) -> None:
    ring = KeyRing(db)
    async with db.connection() as connection:
        app_ids = [pair.app_id for pair in keys.values()]
        rows = await connection.fetch("select kind, id from api_key where app_id = any($1)", app_ids)
    key_ids = {row["kind"]: row["id"] for row in rows}
    for kind in KINDS:
        caller = await ring.authenticate(kind, keys[kind].app_id, keys[kind].secret)
        assert (caller.project, caller.key_id, caller.kind) == (project, key_ids[kind], kind)
        assert (caller.app_id, caller.scopes) == (keys[kind].app_id, None)


async def test_a_pair_is_good_for_its_kind_alone(
    db: Database, project: Project, keys: Mapping[str, KeyPair]
) -> None:
    ring = KeyRing(db)
    for pair in keys.values():
        assert [await is_let_in(ring, pair, kind=kind) for kind in KINDS] == [
            kind == pair.kind for kind in KINDS
        ]


async def test_a_known_key_is_looked_up_once_in_five_seconds(
    db: Database, project: Project, keys: Mapping[str, KeyPair], clock: Clock, look_ups: list[str]
) -> None:
    ring, pair = KeyRing(db), keys["server"]
    for seconds in (0, 2.5, 2.5):
        clock.now += seconds
        assert await is_let_in(ring, pair)
    assert look_ups == [pair.app_id]
    clock.now += 0.001
    assert await is_let_in(ring, pair)
    assert look_ups == [pair.app_id] * 2


async def test_a_blocked_key_works_for_five_seconds_where_it_is_known_and_nowhere_else(
    db: Database, project: Project, keys: Mapping[str, KeyPair], clock: Clock
) -> None:
    knowing, pair = KeyRing(db), keys["server"]
    assert await is_let_in(knowing, pair)
    await block(db, pair)
    assert not await is_let_in(KeyRing(db), pair)
    clock.now += 5
    assert await is_let_in(knowing, pair)
    clock.now += 0.001
    assert not await is_let_in(knowing, pair)


async def test_a_known_key_does_not_excuse_a_wrong_secret(
    db: Database, project: Project, keys: Mapping[str, KeyPair]
) -> None:
    ring, pair = KeyRing(db), keys["server"]
    for _ in range(2):
        for secret in (pair.secret[:-1], pair.secret + "x", pair.secret.upper(), keys["client"].secret):
            assert not await is_let_in(ring, KeyPair("server", pair.app_id, secret))
        assert await is_let_in(ring, pair)


@pytest.mark.parametrize(
    ("app_id", "secret"),
    [
        (None, "secret"),
        ("", "secret"),
        ("id", None),
        ("id", ""),
        ("x" * 201, "secret"),
        ("id", "x" * 201),
        ("i\x00d", "secret"),
    ],
)
async def test_what_can_be_no_key_is_not_looked_up(
    db: Database, look_ups: list[str], app_id: str | None, secret: str | None
) -> None:
    with pytest.raises(ApiError, match="401 unauthorized"):
        await KeyRing(db).authenticate("server", app_id, secret)
    assert look_ups == []


async def test_strangers_are_not_remembered(
    db: Database, project: Project, keys: Mapping[str, KeyPair], look_ups: list[str]
) -> None:
    ring = KeyRing(db)
    for _ in range(3):
        assert not await is_let_in(ring, make_key_pair("server"))
    assert len(look_ups) == 3
    assert ring._known == {}
