"""Settings of a project, read and changed with its management key."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from openvoucher.features.projects import store
from openvoucher.features.projects.schemas import (
    CLIENT_FEATURES,
    ManagedProject,
    ManagedProjectList,
    UpdateProjectBody,
    show_managed_project,
)
from openvoucher.features.projects.service import check_own_project
from openvoucher.platform.call import Call
from openvoucher.platform.http.cross_origin import is_trusted_domain
from openvoucher.wire.errors import invalid_payload

# Kept and shown; nothing in this server acts on them.
_NOTIFICATIONS = ("api_usage_notifications", "webhooks_callout_notifications")


async def list_projects(call: Call) -> ManagedProjectList:
    """The one project of the key."""
    async with call.db.connection() as connection:
        row = await store.get_settings(connection, call.project.id)
    return ManagedProjectList(data=[show_managed_project(row)], total=1)


async def get_project(call: Call, project_id: str) -> ManagedProject:
    check_own_project(call, project_id)
    async with call.db.connection() as connection:
        return show_managed_project(await store.get_settings(connection, call.project.id))


async def update_project(call: Call, project_id: str, body: UpdateProjectBody) -> ManagedProject:
    """Changes what was sent. Of the lists of e-mail addresses and trusted domains the new one counts.

    Other processes follow within seconds, those who let client keys in at once.
    """
    check_own_project(call, project_id)
    _check_timezone(body.timezone)
    for index, domain in enumerate(body.client_trusted_domains or ()):
        if not is_trusted_domain(domain):
            raise invalid_payload(
                f"Property .client_trusted_domains[{index}] must be a host, an origin, or *"
            )
    async with call.db.transaction() as connection:
        # Of two updates at once the second adds to what the first one wrote.
        row = await store.get_settings(connection, call.project.id, lock=True)
        updated = await store.update_settings(
            connection,
            call.project.id,
            name=body.name or row["name"],
            description=row["description"] if body.description is UNSET else body.description,
            timezone=body.timezone or row["timezone"],
            currency=body.currency or row["currency"],
            client_trusted_domains=row["client_trusted_domains"]
            if body.client_trusted_domains is None
            else body.client_trusted_domains,
            client_features=[*_list_features(body, row["client_features"])],
            settings=_merge_settings(body, row["settings"]),
        )
    return show_managed_project(updated)


def _check_timezone(name: str | None) -> None:
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise invalid_payload("Property .timezone must be the name of an IANA time zone") from None


def _list_features(body: UpdateProjectBody, enabled: list[str]) -> Iterator[str]:
    for feature in CLIENT_FEATURES:
        sent: bool | None = getattr(body, f"client_{feature}_enabled")
        if sent or (sent is None and feature in enabled):
            yield feature


def _merge_settings(body: UpdateProjectBody, kept: dict[str, Any]) -> dict[str, Any]:
    merged = dict(kept)
    for name in ("dial_code", "default_code_config"):
        sent = getattr(body, name)
        if sent is None:
            merged.pop(name, None)
        elif sent is not UNSET:
            merged[name] = msgspec.to_builtins(sent)
    for name in _NOTIFICATIONS:
        sent = getattr(body, name)
        if sent is not None:
            parts = {key: part for key, part in msgspec.to_builtins(sent).items() if part is not None}
            merged[name] = {**merged.get(name, {}), **parts}
    return merged
