"""Projects, keys, and who calls."""

import dataclasses
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from openvoucher.features.projects import store
from openvoucher.platform.call import Call, Caller, Project
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.wire.errors import ApiError, unauthorized
from openvoucher.wire.ids import new_id, show_id

KeyKind = Literal["server", "client", "management"]
KINDS: tuple[KeyKind, ...] = ("server", "client", "management")

# A key that is blocked elsewhere works here for at most this long.
_KEY_CACHE_SECONDS = 5.0
_LONGEST_CREDENTIAL = 200


class KeyBelongsToAnotherProject(Exception):
    """A key that was given by name already serves another project of this database."""


@dataclasses.dataclass(frozen=True, slots=True)
class KeyPair:
    kind: KeyKind
    app_id: str
    secret: str = dataclasses.field(repr=False)


def make_key_pair(kind: KeyKind) -> KeyPair:
    """A new random pair: a UUID, and 256 bits behind a prefix that secret scanners can know."""
    prefix = {"server": "ov_sk_", "client": "ov_ck_", "management": "ov_mk_"}[kind]
    return KeyPair(kind, str(uuid4()), prefix + secrets.token_urlsafe(32))


async def set_up_first_project(
    db: Database,
    *,
    given: Mapping[KeyKind, KeyPair],
    now: datetime,
    keep: Callable[[Sequence[KeyPair]], object] = lambda _made: None,
) -> tuple[Project, list[KeyPair]]:
    """The first project, made if there is none, with its three key pairs.

    Pairs in `given` are stored at every start, the others are made once. Returns the pairs that
    were made now: their secrets cannot be read again. `keep` is given them before they are
    committed, so that a start that dies in between leaves no key that nobody knows. Any number of
    processes may do this at once. Raises KeyBelongsToAnotherProject.
    """
    async with db.transaction() as connection:
        await store.lock_first_start(connection)
        row = await store.find_first_project(connection)
        made: list[KeyPair] = []
        if row is None:
            await store.insert_project(
                connection, uid=new_id(), name="default", asset_key=os.urandom(64), now=now
            )
            row = await store.find_first_project(connection)
            made = [make_key_pair(kind) for kind in KINDS if kind not in given]
        assert row is not None  # noqa: S101 - inserted above, under the lock
        project = read_project(row)
        for pair in (*given.values(), *made):
            await add_key_pair(connection, project, pair, now=now)
        if made:
            keep(made)
        return project, made


async def add_key_pair(connection: Connection, project: Project, pair: KeyPair, *, now: datetime) -> None:
    """Raises KeyBelongsToAnotherProject."""
    stored = await store.upsert_key(
        connection,
        project_id=project.id,
        key_id=new_id(),
        kind=pair.kind,
        app_id=pair.app_id,
        secret_sha256=hash_secret(pair.secret),
        now=now,
    )
    if not stored:
        raise KeyBelongsToAnotherProject(f"The {pair.kind} key {pair.app_id} belongs to another project.")


def hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def read_project(row: Row) -> Project:
    return Project(
        id=row["id"],
        uid=row["uid"],
        name=row["name"],
        timezone=ZoneInfo(row["timezone"]),
        currency=row["currency"],
        asset_key=row["asset_key"],
        client_trusted_domains=tuple(row["client_trusted_domains"]),
        client_features=frozenset(row["client_features"]),
    )


async def get_project(connection: Connection, project_id: int) -> Project:
    """The project of a job. Raises LookupError."""
    row = await store.find_project(connection, project_id)
    if row is None:
        raise LookupError(f"project {project_id}")
    return read_project(row)


async def find_project_by_uid(connection: Connection, uid: UUID) -> Project | None:
    row = await store.find_project_by_uid(connection, uid)
    return read_project(row) if row else None


def check_own_project(call: Call, sent: str) -> None:
    """A management key manages the project it belongs to. Raises the 404 of the management API, which has
    no key."""
    if sent != show_id("proj", call.project.uid):
        details = f"Cannot find project with id {sent}"
        raise ApiError(404, None, "Resource not found", details, with_request_id=False)


class KeyRing:
    """Tells who calls by their key pair; remembers good keys for a few seconds.

    Not those of clients: what a project allows its pages is read with the key, and who takes a domain away
    or switches a feature off means at once.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[tuple[str, str], tuple[float, bytes, Caller]] = {}

    async def authenticate(self, kind: KeyKind, app_id: str | None, secret: str | None) -> Caller:
        """Raises unauthorized, the same for every reason."""
        if (
            not app_id
            or not secret
            or max(len(app_id), len(secret)) > _LONGEST_CREDENTIAL
            or "\x00" in app_id
        ):
            raise unauthorized()
        known = self._known.get((kind, app_id))
        if known is None or known[0] < time.monotonic():
            known = await self._look_up(kind, app_id)
        if known is None or not hmac.compare_digest(known[1], hash_secret(secret)):
            raise unauthorized()
        return known[2]

    async def _look_up(self, kind: KeyKind, app_id: str) -> tuple[float, bytes, Caller] | None:
        async with self._db.connection() as connection:
            row = await store.find_key(connection, kind, app_id)
        if row is None:
            self._known.pop((kind, app_id), None)
            return None
        caller = Caller(
            project=read_project(row), key_id=row["key_id"], kind=row["kind"], app_id=row["app_id"]
        )
        found = (time.monotonic() + _KEY_CACHE_SECONDS, row["secret_sha256"], caller)
        if kind != "client":
            self._known[(kind, app_id)] = found
        return found
