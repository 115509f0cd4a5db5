"""What every use case is given: whose call it is, when it is, and the database."""

import dataclasses
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from openvoucher.platform.db import Database
from openvoucher.settings import Settings


@dataclasses.dataclass(frozen=True, slots=True)
class Project:
    """A tenant. `id` leads every table; `uid` is what the wire shows.

    `client_trusted_domains`: whose pages may call with client keys; `client_features`: what those may do
    beyond asking.
    """

    id: int
    uid: UUID
    name: str
    timezone: ZoneInfo
    currency: str
    asset_key: bytes
    client_trusted_domains: tuple[str, ...] = ()
    client_features: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key, its project, and what a token limits it to (None: nothing)."""

    project: Project
    key_id: UUID
    kind: str
    app_id: str
    scopes: frozenset[str] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One request of an authenticated caller.

    `now` is the only clock of a use case. `base_url` has no trailing slash.
    """

    caller: Caller
    db: Database
    settings: Settings
    now: datetime
    request_id: str
    channel: str
    base_url: str

    @property
    def project(self) -> Project:
        return self.caller.project
