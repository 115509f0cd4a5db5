"""Settings of a project over HTTP, with its management key."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from openvoucher.features.projects import store
from openvoucher.features.projects.schemas import UpdateProjectBody
from openvoucher.features.projects.service import KeyPair, get_project, make_key_pair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.settings import Settings
from openvoucher.wire.ids import show_id
from project_clients import make_project_with_keys, open_client
from projects import make_other_project

FLAGS = [name for name in UpdateProjectBody.__struct_fields__ if name.endswith("_enabled")]
OFF = {"value": 80, "emails": [], "in_app": False, "enabled": False}
SILENT = {"email": False, "emails": [], "in_app": False}
COUNTERS = ("messages", "api_calls", "cycle_calls", "redemptions", "webhook_calls", "bulk_api_calls")


@pytest.fixture(scope="module")
def database_url(shared_database_url: str) -> str:
    """A database for all tests of this module, each with a project of its own."""
    return shared_database_url


@pytest.fixture
async def project(db: Database, keys: dict[str, KeyPair]) -> Project:
    return await make_project_with_keys(db, keys)


@pytest.fixture
async def management(
    db: Database, project: Project, settings: Settings, keys: dict[str, KeyPair]
) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(db, settings, keys["management"]) as http:
        yield http


@pytest.fixture
def path(project: Project) -> str:
    return f"/management/v1/projects/{show_id('proj', project.uid)}"


def untouched(project: Project) -> dict[str, Any]:
    """What is answered about a project that was never changed, in the order of the fields."""
    return {
        "id": show_id("proj", project.uid),
        "name": "other",
        "currency": "USD",
        "timezone": "UTC",
        "cluster_id": "eu1",
        "api_version": "v2018-08-01",
        "case_sensitive_codes": True,
        "client_trusted_domains": [],
        **dict.fromkeys(FLAGS, False),
        "api_usage_notifications": dict.fromkeys(COUNTERS, OFF),
        "webhooks_callout_notifications": {"webhooks": SILENT, "distributions": SILENT},
        "is_sandbox": False,
        "webhook_version": "v2024-01-01",
    }


def not_found(sent: str) -> dict[str, Any]:
    return {"code": 404, "message": "Resource not found", "details": f"Cannot find project with id {sent}"}


async def read(management: httpx.AsyncClient, path: str) -> Any:
    answer = await management.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- reading -----------------------------------------------------------------------------------------


async def test_a_new_project_lets_no_page_do_anything(
    management: httpx.AsyncClient, project: Project, path: str
) -> None:
    shown = await read(management, path)

    assert shown == untouched(project)
    assert list(shown) == list(untouched(project))
    assert len(FLAGS) == 6


async def test_the_list_has_the_project_of_the_key_and_no_other(
    management: httpx.AsyncClient, project: Project, db: Database
) -> None:
    await make_other_project(db, make_key_pair("server"))

    listed = await read(management, "/management/v1/projects")

    assert listed == {"object": "list", "data_ref": "data", "data": [untouched(project)], "total": 1}


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_another_project_answers_like_one_that_never_was(
    management: httpx.AsyncClient, db: Database, method: str
) -> None:
    other = await make_other_project(db, make_key_pair("server"))

    for sent in (show_id("proj", other.uid), "proj_" + "0" * 32, "other", "proj_"):
        answer = await management.request(method, f"/management/v1/projects/{sent}", json={"name": "Mine"})
        assert (answer.status_code, answer.json()) == (404, not_found(sent))

    async with db.connection() as connection:
        assert (await get_project(connection, other.id)).name == "other"


# --- changing ------------------------------------------------------------------------------------------


async def test_what_is_sent_is_changed_and_nothing_else(
    management: httpx.AsyncClient, project: Project, path: str, db: Database
) -> None:
    sent: dict[str, Any] = {
        "name": "Shop",
        "description": "For testing.",
        "timezone": "Etc/GMT+1",
        "currency": "EUR",
        "dial_code": "48",
        "client_trusted_domains": ["shop.example", "https://*.shop.example:8443", "*"],
        "client_redeem_enabled": True,
        "client_loyalty_events_enabled": True,
        "webhook_version": "v2024-01-01",
        "default_code_config": {"charset": "0123456789"},
    }

    answer = await management.put(path, json=sent)

    assert answer.status_code == 200, answer.text
    assert answer.json() == {**untouched(project), **sent}
    assert await read(management, path) == answer.json()
    async with db.connection() as connection:
        read_again = await get_project(connection, project.id)
    assert (read_again.name, str(read_again.timezone), read_again.currency) == ("Shop", "Etc/GMT+1", "EUR")
    assert read_again.client_trusted_domains == tuple(sent["client_trusted_domains"])
    assert read_again.client_features == {"redeem", "loyalty_events"}

    answer = await management.put(path, json={"client_redeem_enabled": False, "client_publish_enabled": True})

    expected = {**untouched(project), **sent, "client_redeem_enabled": False, "client_publish_enabled": True}
    assert answer.json() == expected


@pytest.mark.parametrize("flag", FLAGS)
async def test_each_switch_is_its_own(
    management: httpx.AsyncClient, project: Project, path: str, flag: str
) -> None:
    await management.put(path, json={flag: True})
    assert await read(management, path) == {**untouched(project), flag: True}
    await management.put(path, json={flag: None})
    assert await read(management, path) == {**untouched(project), flag: True}
    await management.put(path, json={flag: False})
    assert await read(management, path) == untouched(project)


async def test_null_clears_what_can_be_cleared_and_leaves_the_rest(
    management: httpx.AsyncClient, project: Project, path: str
) -> None:
    await management.put(
        path,
        json={
            "description": "x",
            "dial_code": "48",
            "default_code_config": {"charset": None},
            "client_trusted_domains": ["shop.example"],
        },
    )

    nulls = dict.fromkeys(UpdateProjectBody.__struct_fields__)
    answer = await management.put(path, json=nulls)

    assert answer.status_code == 200
    assert answer.json() == {**untouched(project), "client_trusted_domains": ["shop.example"]}


async def test_an_empty_list_of_domains_trusts_nobody_again(
    management: httpx.AsyncClient, project: Project, path: str
) -> None:
    await management.put(path, json={"client_trusted_domains": ["shop.example"]})
    await management.put(path, json={"client_trusted_domains": []})

    assert await read(management, path) == untouched(project)


async def test_a_notification_that_is_sent_replaces_that_one(
    management: httpx.AsyncClient, project: Project, path: str
) -> None:
    loud = {"value": 50, "emails": ["a@shop.example", "b@shop.example"], "in_app": True, "enabled": True}
    quiet = {**loud, "emails": ["c@shop.example"]}
    mail = {"email": True, "emails": ["a@shop.example"], "in_app": False}
    for part in ({"api_calls": loud, "messages": loud}, {"api_calls": quiet}):
        answer = await management.put(path, json={"api_usage_notifications": part})
        assert answer.status_code == 200, answer.text
    await management.put(path, json={"webhooks_callout_notifications": {"webhooks": mail}})

    shown = await read(management, path)

    assert shown["api_usage_notifications"] == {
        **dict.fromkeys(COUNTERS, OFF),
        "messages": loud,
        "api_calls": quiet,
    }
    assert shown["webhooks_callout_notifications"] == {"webhooks": mail, "distributions": SILENT}


async def test_what_was_fixed_at_the_creation_is_ignored(
    management: httpx.AsyncClient, project: Project, path: str
) -> None:
    fixed = {
        "id": "proj_1",
        "case_sensitive_codes": False,
        "cluster_id": "us1",
        "api_version": "v2017-04-20",
        "is_sandbox": True,
        "users": [{"id": "user_1", "role": "ADMIN"}],
    }

    answer = await management.put(path, json=fixed)

    assert (answer.status_code, answer.json()) == (200, untouched(project))


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"name": ""}, "Property .name must NOT have fewer than 1 characters"),
        ({"name": 5}, "Property .name must be string,null"),
        ({"name": "x" * 501}, "Property .name must NOT have more than 500 characters"),
        ({"timezone": "Mars/Olympus"}, "Property .timezone must be the name of an IANA time zone"),
        ({"timezone": "../etc/passwd"}, "Property .timezone must be the name of an IANA time zone"),
        ({"timezone": "/etc/passwd"}, "Property .timezone must be the name of an IANA time zone"),
        ({"timezone": "Europe"}, "Property .timezone must be the name of an IANA time zone"),
        ({"timezone": "zone.tab"}, "Property .timezone must be the name of an IANA time zone"),
        ({"timezone": ""}, "Property .timezone must be the name of an IANA time zone"),
        ({"currency": "eur"}, 'Property .currency must match pattern "^[A-Z]{3}$"'),
        ({"currency": "EURO"}, 'Property .currency must match pattern "^[A-Z]{3}$"'),
        (
            {"webhook_version": "v1"},
            "Property .webhook_version must be equal to one of the allowed values [ v2024-01-01 ]",
        ),
        ({"client_redeem_enabled": "yes"}, "Property .client_redeem_enabled must be boolean,null"),
        ({"client_trusted_domains": "*"}, "Property .client_trusted_domains must be array,null"),
        (
            {"client_trusted_domains": ["shop.example", "https://shop.example/checkout"]},
            "Property .client_trusted_domains[1] must be a host, an origin, or *",
        ),
        (
            {"api_usage_notifications": {"messages": {**OFF, "value": 91}}},
            "Property .api_usage_notifications.messages.value must be <= 90",
        ),
        (
            {"api_usage_notifications": {"messages": {"value": 50}}},
            "Property .api_usage_notifications.messages must have required property 'emails'",
        ),
        (
            {"webhooks_callout_notifications": {"webhooks": {"email": True, "in_app": True}}},
            "Property .webhooks_callout_notifications.webhooks must have required property 'emails'",
        ),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    management: httpx.AsyncClient, project: Project, path: str, body: dict[str, Any], details: str
) -> None:
    answer = await management.put(path, json={"description": "changed", **body})

    assert (answer.status_code, answer.json()) == (
        400,
        {
            "code": 400,
            "key": "invalid_payload",
            "message": "Invalid payload",
            "details": details,
            "request_id": answer.headers["X-Request-Id"],
        },
    )
    assert await read(management, path) == untouched(project)


@pytest.mark.parametrize("is_locked", [True, False])
async def test_two_updates_at_once_are_both_kept_thanks_to_the_lock(
    management: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    both = asyncio.Barrier(2)
    plain = store.get_settings

    async def read_together(connection: Connection, project_id: int, *, lock: bool = False) -> Row:
        if is_locked:
            await both.wait()
            return await plain(connection, project_id, lock=lock)
        row = await plain(connection, project_id)
        await both.wait()
        return row

    with monkeypatch.context() as patch:
        patch.setattr(store, "get_settings", read_together)
        await asyncio.gather(
            management.put(path, json={"client_redeem_enabled": True}),
            management.put(path, json={"dial_code": "48"}),
        )

    shown = await read(management, path)
    assert ((shown["client_redeem_enabled"], shown.get("dial_code")) == (True, "48")) == is_locked


# --- who may -------------------------------------------------------------------------------------------


async def test_other_keys_do_not_open_it(
    db: Database, settings: Settings, project: Project, path: str, keys: dict[str, KeyPair]
) -> None:
    for kind in ("server", "client"):
        async with open_client(db, settings, keys[kind]) as http:
            assert (await http.get(path)).status_code == 401
            assert (await http.put(path, json={"client_trusted_domains": ["*"]})).status_code == 401
            assert (await http.get("/management/v1/projects")).status_code == 401
    async with db.connection() as connection:
        assert (await get_project(connection, project.id)).client_trusted_domains == ()
