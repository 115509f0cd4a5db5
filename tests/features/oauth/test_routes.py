"""OAuth over HTTP: the endpoints with their key pair, and bearers at work."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from openvoucher.features.oauth import store
from openvoucher.features.oauth.schemas import SCOPES
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database, Row

MISSING_PARAMETERS = {"code": 400, "key": "missing_parameters", "message": "Missing parameters"}
STRANGE_TOKENS = ["x" * 50, "unknown", "x" * 60_000, "ü" * 50, " "]


async def ask_token(client: httpx.AsyncClient, scope: str = "api") -> dict[str, Any]:
    answer = await client.post("/v1/oauth/token", data={"grant_type": "client_credentials", "scope": scope})
    assert answer.status_code == 200, answer.text
    token: dict[str, Any] = answer.json()
    return token


async def introspect(client: httpx.AsyncClient, access_token: str) -> httpx.Response:
    return await client.post("/v1/oauth/introspect", data={"access_token": access_token})


async def revoke(client: httpx.AsyncClient, access_token: str) -> httpx.Response:
    return await client.post("/v1/oauth/token/revoke", data={"access_token": access_token})


async def use(client: httpx.AsyncClient, access_token: str, path: str = "/v1/categories") -> httpx.Response:
    """A call with the bearer and no key pair."""
    request = client.build_request("GET", path, headers={"Authorization": f"Bearer {access_token}"})
    del request.headers["X-App-Id"], request.headers["X-App-Token"]
    return await client.send(request)


async def execute(db: Database, sql: str, *arguments: object) -> None:
    async with db.connection() as connection:
        await connection.execute(sql, *arguments)


# --- issue -----------------------------------------------------------------------------------------


async def test_a_token_is_fifty_random_characters_and_lives_fifteen_minutes(
    client: httpx.AsyncClient,
) -> None:
    before = datetime.now(UTC)
    answer = await client.post(
        "/v1/oauth/token", data={"grant_type": "client_credentials", "scope": "vouchers campaigns"}
    )
    after = datetime.now(UTC)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    token = answer.json()
    assert re.fullmatch(r"[0-9A-Za-z]{50}", token["access_token"])
    assert re.fullmatch(r"[0-9A-Za-z]{21}", token["client_id"])
    assert int(before.timestamp()) + 900 <= token["expires_at"] <= int(after.timestamp()) + 900
    assert token == {
        "access_token": token["access_token"],
        "client_id": token["client_id"],
        "expires_at": token["expires_at"],
        "expires_in": 900,
        "scope": "vouchers campaigns",
        "token_type": "Bearer",
    }


async def test_each_call_issues_another_token_to_the_same_client(client: httpx.AsyncClient) -> None:
    tokens = [await ask_token(client) for _ in range(3)]
    assert len({token["access_token"] for token in tokens}) == 3
    assert len({token["client_id"] for token in tokens}) == 1


async def test_another_key_is_another_client(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    assert (await ask_token(client))["client_id"] != (await ask_token(other_client))["client_id"]


async def test_every_scope_can_be_asked_for(client: httpx.AsyncClient) -> None:
    assert len(SCOPES) == 42
    scope = " ".join(sorted(SCOPES))
    assert (await ask_token(client, scope))["scope"] == scope


async def test_a_scope_counts_once_and_spaces_do_not_count(client: httpx.AsyncClient) -> None:
    token = await ask_token(client, " vouchers  campaigns vouchers ")
    assert token["scope"] == "vouchers campaigns"


REFUSED_FORMS = [
    ({}, "missing_parameters", "Missing parameters"),
    ({"grant_type": "client_credentials"}, "missing_parameters", "Missing parameters"),
    ({"grant_type": "client_credentials", "scope": ""}, "missing_parameters", "Missing parameters"),
    ({"scope": "api"}, "missing_parameters", "Missing parameters"),
    ({"grant_type": "password", "scope": "api"}, "invalid_grant_type", "Invalid grant_type"),
    ({"grant_type": "CLIENT_CREDENTIALS", "scope": "api"}, "invalid_grant_type", "Invalid grant_type"),
    (
        {"grant_type": "client_credentials", "scope": "vouchers,campaigns"},
        "invalid_scope",
        "Invalid scope: vouchers,campaigns",
    ),
    (
        {"grant_type": "client_credentials", "scope": "vouchers everything"},
        "invalid_scope",
        "Invalid scope: vouchers everything",
    ),
    ({"grant_type": "client_credentials", "scope": "API"}, "invalid_scope", "Invalid scope: API"),
    ({"grant_type": "client_credentials", "scope": " "}, "invalid_scope", "Invalid scope:  "),
    ({"grant_type": "client_credentials", "scope": "api\n"}, "invalid_scope", "Invalid scope: api\n"),
    ({"grant_type": "client_credentials", "scope": "ü"}, "invalid_scope", "Invalid scope: ü"),
]


async def test_a_wrong_form_issues_nothing(client: httpx.AsyncClient, db: Database) -> None:
    for form, key, message in REFUSED_FORMS:
        answer = await client.post("/v1/oauth/token", data=form)
        assert answer.status_code == 400
        assert answer.json() == {"code": 400, "key": key, "message": message}
        assert answer.headers["Cache-Control"] == "no-store"
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from oauth_token") == 0


async def test_a_body_that_is_no_form_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("/v1/oauth/token", "/v1/oauth/introspect", "/v1/oauth/token/revoke"):
        answer = await client.post(path, json={"grant_type": "client_credentials", "scope": "api"})
        assert answer.status_code == 415
        answer = await client.post(path)
        assert answer.json() == MISSING_PARAMETERS


# --- who may ask -------------------------------------------------------------------------------------


async def test_without_the_key_pair_nothing_is_told(client: httpx.AsyncClient) -> None:
    token = (await ask_token(client))["access_token"]
    pairs: list[dict[str, str]] = [
        {"X-App-Token": "wrong"},
        {"X-App-Id": "unknown"},
        {"X-App-Token": "", "Authorization": f"Bearer {token}"},
    ]
    for path in ("/v1/oauth/token", "/v1/oauth/introspect", "/v1/oauth/token/revoke"):
        for headers in pairs:
            answer = await client.post(
                path,
                headers=headers,
                data={"grant_type": "client_credentials", "scope": "api", "access_token": token},
            )
            assert answer.status_code == 401
            assert answer.json() == {"code": 401, "key": "unauthorized", "message": "Unauthorized"}
    assert (await introspect(client, token)).json()["active"] is True


async def test_a_key_that_is_blocked_after_it_was_let_in_gets_no_token(
    client: httpx.AsyncClient, db: Database
) -> None:
    await ask_token(client)
    # The key ring still knows the key for some seconds.
    await execute(db, "update api_key set active = false where kind = 'server'")
    answer = await client.post("/v1/oauth/token", data={"grant_type": "client_credentials", "scope": "api"})
    assert (answer.status_code, answer.json()["key"]) == (401, "unauthorized")
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from oauth_token") == 1


# --- introspect --------------------------------------------------------------------------------------


async def test_a_live_token_is_told_with_all_its_fields(client: httpx.AsyncClient) -> None:
    token = await ask_token(client, "vouchers campaigns")
    answer = await introspect(client, token["access_token"])
    assert (answer.status_code, answer.json()) == (200, {**token, "active": True})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_what_is_not_a_live_token_of_ones_own_looks_always_the_same(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database
) -> None:
    foreign = (await ask_token(other_client))["access_token"]
    revoked = (await ask_token(client))["access_token"]
    assert (await revoke(client, revoked)).status_code == 204
    expired = (await ask_token(client))["access_token"]
    await execute(
        db,
        "update oauth_token set expires_at = now() where project_id ="
        " (select min(id) from project) and token_sha256 = sha256($1)",
        expired.encode(),
    )
    answers = [await introspect(client, each) for each in (foreign, revoked, expired, *STRANGE_TOKENS)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"active":false}')}
    without_ids = [
        {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        for answer in answers
    ]
    assert all(headers == without_ids[0] for headers in without_ids)
    assert (await introspect(other_client, foreign)).json()["active"] is True


async def test_a_token_belongs_to_the_project_of_its_key_and_not_to_the_key(
    client: httpx.AsyncClient, db: Database
) -> None:
    token = (await ask_token(client))["access_token"]
    await execute(
        db,
        "insert into api_key (project_id, id, kind, app_id, secret_sha256, created_at)"
        " select id, gen_random_uuid(), 'server', 'second', sha256('secret'), now() from project",
    )
    second = {"X-App-Id": "second", "X-App-Token": "secret"}
    answer = await client.post("/v1/oauth/introspect", data={"access_token": token}, headers=second)
    assert answer.json()["active"] is True
    answer = await client.post("/v1/oauth/token/revoke", data={"access_token": token}, headers=second)
    assert answer.status_code == 204


async def test_without_a_token_there_is_nothing_to_tell(client: httpx.AsyncClient) -> None:
    for path in ("/v1/oauth/introspect", "/v1/oauth/token/revoke"):
        for form in ({}, {"access_token": ""}, {"token": "x"}):
            answer = await client.post(path, data=form)
            assert answer.status_code == 400
            assert answer.json() == {
                "code": 400,
                "key": "missing_parameters",
                "message": "Missing parameters",
            }


# --- revoke ------------------------------------------------------------------------------------------


async def test_a_revoked_token_stops_at_once(client: httpx.AsyncClient) -> None:
    token, kept = [(await ask_token(client))["access_token"] for _ in range(2)]
    assert (await use(client, token)).status_code == 200
    answer = await revoke(client, token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await use(client, token)).status_code == 401
    assert (await use(client, kept)).status_code == 200


async def test_what_cannot_be_revoked_is_not_found_and_told_nothing(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database
) -> None:
    foreign = (await ask_token(other_client))["access_token"]
    revoked = (await ask_token(client))["access_token"]
    assert (await revoke(client, revoked)).status_code == 204
    expired = (await ask_token(client))["access_token"]
    await execute(
        db, "update oauth_token set expires_at = now() where token_sha256 = sha256($1)", expired.encode()
    )
    for each in (foreign, revoked, expired, *STRANGE_TOKENS):
        answer = await revoke(client, each)
        assert (answer.status_code, answer.content) == (404, b"")
    assert (await use(other_client, foreign)).status_code == 200


async def test_of_eight_revocations_at_once_one_finds_the_token(client: httpx.AsyncClient) -> None:
    token = (await ask_token(client))["access_token"]
    answers = await asyncio.gather(*(revoke(client, token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 7


# --- a bearer at work --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("api", "/v1/categories", 200),
        ("categories", "/v1/categories", 200),
        ("vouchers categories", "/v1/categories/cat_1", 404),
        ("metadata-schemas", "/v1/metadata-schemas", 200),
        ("async-actions", "/v1/async-actions", 200),
        ("vouchers", "/v1/categories", 403),
        ("client_api", "/v1/categories", 403),
        ("categories", "/v1/metadata-schemas", 403),
    ],
)
async def test_a_bearer_opens_what_its_scopes_say(
    client: httpx.AsyncClient, scope: str, path: str, status: int
) -> None:
    token = (await ask_token(client, scope))["access_token"]
    answer = await use(client, token, path)
    assert answer.status_code == status
    if status == 403:
        assert answer.json() == {
            "code": 403,
            "key": "missing_required_permission",
            "message": "Missing permission",
            "details": "User does not have a required permission to perform this operation.",
        }


async def test_a_bearer_sees_the_project_of_its_key(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    await client.post("/v1/categories", json={"name": "Spring", "hierarchy": 1})
    mine, theirs = (await ask_token(client))["access_token"], (await ask_token(other_client))["access_token"]
    assert (await use(client, mine)).json()["total"] == 1
    assert (await use(client, theirs)).json()["total"] == 0


async def test_a_wrong_bearer_opens_nothing(client: httpx.AsyncClient, db: Database) -> None:
    expired = (await ask_token(client))["access_token"]
    await execute(db, "update oauth_token set expires_at = now()")
    for each in (expired, expired[:-1], expired.swapcase(), "x" * 50, "", "x" * 10_000):
        answer = await use(client, each)
        assert answer.status_code == 401
        assert answer.json() == {"code": 401, "key": "unauthorized", "message": "Unauthorized"}


async def test_a_token_is_never_worth_more_than_its_key(client: httpx.AsyncClient, db: Database) -> None:
    token = (await ask_token(client))["access_token"]
    assert (await use(client, token)).status_code == 200
    await execute(db, "update api_key set active = false where kind = 'server'")
    assert (await use(client, token)).status_code == 401
    assert (await introspect(client, token)).content == b'{"active":false}'
    await execute(db, "update api_key set active = true")
    assert (await use(client, token)).status_code == 200
    await execute(db, "delete from api_key where kind = 'server'")
    assert (await use(client, token)).status_code == 401


async def test_a_token_outlives_a_new_secret_of_its_key(client: httpx.AsyncClient, db: Database) -> None:
    token = (await ask_token(client))["access_token"]
    await execute(db, "update api_key set secret_sha256 = sha256('another')")
    assert (await use(client, token)).status_code == 200


async def test_a_bearer_is_no_management_key(client: httpx.AsyncClient, project: Project) -> None:
    token = (await ask_token(client))["access_token"]
    path = f"/management/v1/projects/proj_{project.uid.hex}/metadata-schemas"
    assert (await use(client, token, path)).status_code == 401


# --- what is kept ------------------------------------------------------------------------------------


async def test_of_a_token_only_its_hash_is_kept(client: httpx.AsyncClient, db: Database) -> None:
    token = (await ask_token(client))["access_token"]
    async with db.connection() as connection:
        row = await connection.fetchrow("select oauth_token::text as all_of_it from oauth_token")
        assert row is not None
        assert token not in row["all_of_it"]
        assert token.encode().hex() not in row["all_of_it"]
        assert await connection.fetchval("select token_sha256 = sha256($1) from oauth_token", token.encode())


async def fill(db: Database, count: int, life: timedelta) -> None:
    """Tokens of the first project that expire after `life`."""
    await execute(
        db,
        "insert into oauth_token"
        " (project_id, token_sha256, api_key_id, client_id, scope, expires_at, created_at)"
        " select project_id, gen_random_uuid()::text::bytea, id, 'x', 'api', $2, now()"
        " from api_key, generate_series(1, $1) where kind = 'server'"
        " and project_id = (select min(id) from project)",
        count,
        datetime.now(UTC) + life,
    )


async def test_the_thousandth_live_token_is_the_last(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database
) -> None:
    await fill(db, 999, timedelta(seconds=300))
    token = (await ask_token(client))["access_token"]
    answer = await client.post("/v1/oauth/token", data={"grant_type": "client_credentials", "scope": "api"})
    assert answer.status_code == 429
    assert answer.json() == {
        "code": 429,
        "key": "too_many_tokens",
        "message": "At most 1000 tokens of a project can be live",
    }
    assert 290 <= int(answer.headers["Retry-After"]) <= 300
    await ask_token(other_client)
    assert (await revoke(client, token)).status_code == 204
    await ask_token(client)


async def test_expired_tokens_make_room_and_are_removed(client: httpx.AsyncClient, db: Database) -> None:
    await fill(db, 1500, timedelta(0))
    await ask_token(client)
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from oauth_token") == 1


async def statuses_of_five_askers_for_the_last_three(client: httpx.AsyncClient, db: Database) -> list[int]:
    await fill(db, 997, timedelta(seconds=300))
    form = {"grant_type": "client_credentials", "scope": "api"}
    answers = await asyncio.gather(*(client.post("/v1/oauth/token", data=form) for _ in range(5)))
    return sorted(answer.status_code for answer in answers)


async def test_of_five_who_ask_for_the_last_three_tokens_at_once_three_get_one(
    client: httpx.AsyncClient, db: Database
) -> None:
    assert await statuses_of_five_askers_for_the_last_three(client, db) == [200] * 3 + [429] * 2


async def test_without_the_lock_all_five_get_one(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_has_counted = asyncio.Barrier(5)
    count_tokens = store.count_tokens

    async def lock_nothing(connection: Connection, project_id: int) -> None: ...

    async def count_and_wait(connection: Connection, project_id: int) -> Row:
        row = await count_tokens(connection, project_id)
        await everybody_has_counted.wait()
        return row

    monkeypatch.setattr(store, "lock_tokens", lock_nothing)
    monkeypatch.setattr(store, "count_tokens", count_and_wait)
    assert await statuses_of_five_askers_for_the_last_three(client, db) == [200] * 5
