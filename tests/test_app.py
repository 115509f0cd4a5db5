"""Who is let in where, by key pair and by bearer; and that nothing of a secret is left behind."""

import base64
import hashlib
import logging
import traceback
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from builders import a_voucher, read_refusal
from calls import NOW
from openvoucher.app import JOB_KINDS, OPERATIONS, make_app, make_worker
from openvoucher.features.projects import service as projects
from openvoucher.features.projects.schemas import CLIENT_FEATURES
from openvoucher.features.projects.service import KeyPair, make_key_pair
from openvoucher.features.trash_bin.service import removers
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.http.operations import Operation
from openvoucher.settings import Settings
from openvoucher.wire.ids import show_id
from projects import make_other_project

UNAUTHORIZED = '{"code":401,"key":"unauthorized","message":"Unauthorized"}'
NO_PERMISSION = (
    '{"code":403,"key":"missing_required_permission","message":"Missing permission",'
    '"details":"User does not have a required permission to perform this operation."}'
)
HEADERS = {
    "server": ("X-App-Id", "X-App-Token"),
    "client": ("X-Client-Application-Id", "X-Client-Token"),
    "management": ("X-Management-Id", "X-Management-Token"),
}
ACCESS_KEYS = {"server": "server", "client": "client", "keys only": "server", "management": "management"}
# The scope that stands for all, by the access that takes bearers.
EVERY_SCOPE = {"server": "api", "client": "client_api"}
ORIGIN = {"Origin": "https://shop.example"}


@pytest.fixture
async def visitor(db: Database, project: Project, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client without keys, on an application that knows nobody yet."""
    transport = httpx.ASGITransport(app=make_app(db, settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield http


def present(pair: KeyPair, *, headers_of: str | None = None) -> dict[str, str]:
    """The headers of a pair, or the pair in the headers of another kind."""
    id_header, token_header = HEADERS[headers_of or pair.kind]
    return {id_header: pair.app_id, token_header: pair.secret}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def issue(visitor: httpx.AsyncClient, pair: KeyPair, scope: str) -> str:
    form = {"grant_type": "client_credentials", "scope": scope}
    answer = await visitor.post("/v1/oauth/token", data=form, headers=present(pair))
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


async def knock(visitor: httpx.AsyncClient, headers: Any, path: str = "/v1/vouchers") -> str:
    """What is answered: 200, or the exact body of the refusal."""
    answer = await visitor.get(path, headers=headers)
    if answer.status_code == 200:
        return "200"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert f'"code":{answer.status_code},' in answer.text
    return answer.text


async def call_operation(
    visitor: httpx.AsyncClient, operation: Operation, headers: dict[str, str]
) -> httpx.Response:
    path = operation.path
    for name in operation.parameters:
        path = path.replace(f"{{{name}}}", "x")
    # Only what clients may do asks where the page is from.
    return await visitor.request(operation.method, path, headers={**ORIGIN, **headers})


async def trust_pages(db: Database) -> None:
    """The project lets all pages do everything."""
    await execute(
        db, "update project set client_trusted_domains = $1, client_features = $2", ["*"], [*CLIENT_FEATURES]
    )


async def execute(db: Database, sql: str, *arguments: object) -> None:
    async with db.connection() as connection:
        await connection.execute(sql, *arguments)


# --- key pairs -----------------------------------------------------------------------------------------


async def test_a_pair_opens_its_own_side_and_no_other(
    visitor: httpx.AsyncClient, project: Project, keys: dict[str, KeyPair]
) -> None:
    sides = {
        "server": "/v1/vouchers",
        "management": f"/management/v1/projects/{show_id('proj', project.uid)}/metadata-schemas",
    }
    for side, path in sides.items():
        for pair in keys.values():
            for headers_of in HEADERS:
                told = await knock(visitor, present(pair, headers_of=headers_of), path)
                is_right = side == pair.kind == headers_of
                assert told == ("200" if is_right else UNAUTHORIZED), (side, pair.kind, headers_of)


async def test_whoever_lacks_a_good_pair_is_told_no_reason(
    visitor: httpx.AsyncClient, keys: dict[str, KeyPair]
) -> None:
    good, other = keys["server"], make_key_pair("server")
    id_header, token_header = HEADERS["server"]

    def pair(app_id: Any, secret: Any) -> dict[Any, Any]:
        return {id_header: app_id, token_header: secret}

    refused: dict[str, Any] = {
        "nothing": {},
        "only an id": {id_header: good.app_id},
        "only a secret": {token_header: good.secret},
        "empty": pair("", ""),
        "an empty secret": pair(good.app_id, ""),
        "a wrong secret": pair(good.app_id, other.secret),
        "a secret cut short": pair(good.app_id, good.secret[:-1]),
        "a secret with more behind it": pair(good.app_id, good.secret + "x"),
        "a secret in capitals": pair(good.app_id, good.secret.upper()),
        "the hash of the secret": pair(good.app_id, hashlib.sha256(good.secret.encode()).hexdigest()),
        "an unknown id": pair(other.app_id, good.secret),
        "an unknown pair": present(other),
        "id and secret swapped": pair(good.secret, good.app_id),
        "an id of 201 characters": pair("x" * 201, good.secret),
        "an id of 100,000 characters": pair("x" * 100_000, good.secret),
        "a secret of 100,000 characters": pair(good.app_id, good.secret + "x" * 100_000),
        "NUL in the id": pair(b"\x00", good.secret),
        "NUL behind the id": pair(good.app_id.encode() + b"\x00", good.secret),
        "NUL behind the secret": pair(good.app_id, good.secret.encode() + b"\x00"),
        "no ASCII": pair("é".encode("latin-1"), "ü".encode()),
        "no UTF-8": pair(b"\xff\xfe", b"\xed\xa0\x80"),
        "SQL": pair("' or true --", "' or true --"),
        "Basic": {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()},
        "the pair as Basic": {"Authorization": f"Basic {good.app_id}:{good.secret}"},
        "the secret as a bearer": bearer(good.secret),
        "a bearer of nothing": {"Authorization": "Bearer"},
        # The bearer counts, though the pair beside it is good.
        "a wrong bearer with a good pair": {**present(good), **bearer("x" * 50)},
    }
    # Before the application knows the good key, and after.
    for _ in range(2):
        for description, headers in refused.items():
            assert await knock(visitor, headers) == UNAUTHORIZED, description
        assert await knock(visitor, present(good)) == "200"


@pytest.mark.parametrize("spell", [str.upper, str.lower, str.title, str.swapcase])
async def test_header_names_are_read_in_any_case(
    visitor: httpx.AsyncClient, keys: dict[str, KeyPair], spell: Any
) -> None:
    headers = {spell(name): value for name, value in present(keys["server"]).items()}
    assert await knock(visitor, headers) == "200"


async def test_a_blocked_key_stops_within_five_seconds(
    visitor: httpx.AsyncClient, db: Database, keys: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(projects, "time", SimpleNamespace(monotonic=lambda: now[0]))
    headers = present(keys["server"])
    assert await knock(visitor, headers) == "200"
    await execute(db, "update api_key set active = false where kind = 'server'")
    now[0] += 5
    assert await knock(visitor, headers) == "200"
    now[0] += 0.001
    assert await knock(visitor, headers) == UNAUTHORIZED
    await execute(db, "update api_key set active = true where kind = 'server'")
    assert await knock(visitor, headers) == "200"


async def test_keys_of_two_projects_open_two_projects(
    visitor: httpx.AsyncClient, db: Database, project: Project, keys: dict[str, KeyPair]
) -> None:
    theirs, their_management = make_key_pair("server"), make_key_pair("management")
    other = await make_other_project(db, theirs)
    async with db.connection() as connection:
        await projects.add_key_pair(connection, other, their_management, now=NOW)
    answer = await visitor.post("/v1/vouchers/MINE", json=a_voucher(), headers=present(keys["server"]))
    assert answer.status_code == 200
    for pair, codes in ((keys["server"], ["MINE"]), (theirs, [])):
        listed = (await visitor.get("/v1/vouchers", headers=present(pair))).json()["vouchers"]
        assert [voucher["code"] for voucher in listed] == codes
    for pair, own in ((keys["management"], project), (their_management, other)):
        for each in (project, other):
            path = f"/management/v1/projects/{show_id('proj', each.uid)}/metadata-schemas"
            answer = await visitor.get(path, headers=present(pair))
            assert answer.status_code == (200 if each == own else 404)


# --- every operation -----------------------------------------------------------------------------------


async def test_every_operation_wants_its_key_and_a_public_one_none(
    visitor: httpx.AsyncClient, db: Database, project: Project, keys: dict[str, KeyPair]
) -> None:
    await trust_pages(db)
    seen = set()
    for operation in OPERATIONS:
        seen.add(operation.access)
        if operation.access == "public":
            answers = [
                await call_operation(visitor, operation, each) for each in ({}, present(keys["server"]))
            ]
            assert answers[0].status_code == answers[1].status_code, operation.name
            continue
        wanted = ACCESS_KEYS[operation.access]
        wrong: list[dict[str, str]] = [{}, bearer("x" * 50)]
        wrong += [present(pair) for pair in keys.values() if pair.kind != wanted]
        wrong += [present(pair, headers_of=wanted) for pair in keys.values() if pair.kind != wanted]
        for headers in wrong:
            answer = await call_operation(visitor, operation, headers)
            assert (answer.status_code, answer.text) == (401, UNAUTHORIZED), (operation.name, headers)
        answer = await call_operation(visitor, operation, present(keys[wanted]))
        assert answer.status_code not in (401, 403), operation.name
    assert seen == {"server", "client", "keys only", "management", "public"}


async def test_a_bearer_needs_the_scope_of_each_operation_and_opens_nothing_else(
    visitor: httpx.AsyncClient, db: Database, project: Project, keys: dict[str, KeyPair]
) -> None:
    await trust_pages(db)
    pair = keys["server"]
    scopes = sorted({operation.scope for operation in OPERATIONS if operation.access in EVERY_SCOPE})
    tokens = {scope: await issue(visitor, pair, scope) for scope in (*scopes, *EVERY_SCOPE.values())}
    others = {scope: await issue(visitor, pair, " ".join({*scopes} - {scope})) for scope in scopes}
    for operation in OPERATIONS:
        if operation.access == "public":
            continue
        if operation.access not in EVERY_SCOPE:
            answer = await call_operation(visitor, operation, bearer(tokens["api"]))
            assert (answer.status_code, answer.text) == (401, UNAUTHORIZED), operation.name
            continue
        side = operation.access
        head, _, resource = operation.path.partition("/v1/")
        assert head == ("/client" if side == "client" else "")
        prefix = "client_" if side == "client" else ""
        assert operation.scope == prefix + resource.partition("/")[0]
        for token in (tokens[operation.scope], tokens[EVERY_SCOPE[side]]):
            answer = await call_operation(visitor, operation, bearer(token))
            assert answer.status_code not in (401, 403), operation.name
        of_the_other_side = [tokens[scope] for access, scope in EVERY_SCOPE.items() if access != side]
        for token in (others[operation.scope], *of_the_other_side):
            answer = await call_operation(visitor, operation, bearer(token))
            assert (answer.status_code, answer.text) == (403, NO_PERMISSION), operation.name


# --- bearers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
async def test_a_bearer_is_the_key_that_asked_for_it(
    visitor: httpx.AsyncClient, keys: dict[str, KeyPair], scheme: str
) -> None:
    token = await issue(visitor, keys["server"], "vouchers")
    headers = {"Authorization": scheme + token}
    assert (await visitor.post("/v1/vouchers/A", json=a_voucher(), headers=headers)).status_code == 200
    mine = (await visitor.get("/v1/vouchers/A", headers=present(keys["server"]))).json()
    assert (await visitor.get("/v1/vouchers/A", headers=headers)).json() == mine


async def test_the_bearer_of_a_blocked_key_stops_at_once(
    visitor: httpx.AsyncClient, db: Database, keys: dict[str, KeyPair]
) -> None:
    headers = bearer(await issue(visitor, keys["server"], "vouchers"))
    assert await knock(visitor, headers) == "200"
    await execute(db, "update api_key set active = false where kind = 'server'")
    assert await knock(visitor, headers) == UNAUTHORIZED
    # The pair is still known for a moment.
    assert await knock(visitor, present(keys["server"])) == "200"


async def test_a_revoked_bearer_stops_at_once(visitor: httpx.AsyncClient, keys: dict[str, KeyPair]) -> None:
    token, pair = await issue(visitor, keys["server"], "vouchers"), present(keys["server"])
    form = {"access_token": token}
    assert (await visitor.post("/v1/oauth/token/revoke", data=form, headers=pair)).status_code == 204
    assert await knock(visitor, bearer(token)) == UNAUTHORIZED


# --- nothing is left behind ------------------------------------------------------------------------------


async def dump_database(db: Database) -> str:
    """Every value of every column of every table; bytes as they are and as PostgreSQL prints them."""
    pieces = []
    async with db.connection() as connection:
        tables = await connection.fetch("select relname from pg_stat_user_tables order by relname")
        for (table,) in tables:
            for row in await connection.fetch(f"select t.*, t::text as printed from {table} t"):
                for value in row.values():
                    pieces.append(value.decode("latin-1") if isinstance(value, bytes) else str(value))
    return "\n".join(pieces)


def spellings(secret: str) -> set[str]:
    raw = secret.encode()
    encoded = base64.b64encode(raw).decode().rstrip("=")
    # Of base64, what stands in the middle is the same at every third place only.
    shifted = (base64.b64encode(b"x" * shift + raw).decode()[4:-4] for shift in (1, 2))
    return {secret, secret[8:], raw.hex(), encoded, *shifted}


async def test_no_secret_stands_in_a_table_or_a_log_line(
    visitor: httpx.AsyncClient,
    db: Database,
    settings: Settings,
    keys: dict[str, KeyPair],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = keys["server"]
    token = await issue(visitor, server, "api")
    wrong = make_key_pair("server")
    guessed = KeyPair("server", server.app_id, wrong.secret)
    for pair in (*keys.values(), wrong, guessed):
        await knock(visitor, present(pair))
        await knock(visitor, bearer(pair.secret))
    for headers in (present(server), bearer(token)):
        await visitor.post("/v1/vouchers", json=a_voucher(), headers=headers)
        await visitor.post(
            "/v1/campaigns", json={"name": "x", "vouchers_count": 2, "voucher": a_voucher()}, headers=headers
        )
        await visitor.post("/v1/oauth/introspect", data={"access_token": token}, headers=headers)
    await make_worker(db, settings).run_until_idle()
    stored = await dump_database(db)
    await execute(db, "drop table category")
    assert (await visitor.get("/v1/categories", headers=present(server))).status_code == 500
    logged = "\n".join(
        f"{record.getMessage()} {record.__dict__}"
        + ("".join(traceback.format_exception(*record.exc_info)) if record.exc_info else "")
        for record in caplog.records
    )
    # What may be there is there: the search would find a secret.
    assert server.app_id in stored
    assert hashlib.sha256(server.secret.encode()).digest().decode("latin-1") in stored
    assert hashlib.sha256(token.encode()).hexdigest() in stored
    assert "GET /v1/categories failed" in logged
    assert "UndefinedTableError" in logged
    for secret in (*(pair.secret for pair in keys.values()), wrong.secret, token):
        for spelling in spellings(secret):
            assert spelling not in stored
            assert spelling not in logged


# --- the composition -------------------------------------------------------------------------------------


def test_every_row_is_there_once() -> None:
    rows = [(operation.method, operation.path) for operation in OPERATIONS]
    assert len({*rows}) == len(rows)
    names = [operation.name for operation in OPERATIONS]
    assert len({*names}) == len(names)
    kinds = [kind.name for kind in JOB_KINDS]
    assert len({*kinds}) == len(kinds)


def test_what_lies_in_the_bin_can_be_removed() -> None:
    assert {*removers} == {"campaign", "voucher", "product", "sku"}


async def test_a_refusal_after_the_door_has_a_request_id(
    visitor: httpx.AsyncClient, keys: dict[str, KeyPair]
) -> None:
    answer = await visitor.get("/v1/vouchers/none", headers=present(keys["server"]))
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert read_refusal(answer)["key"] == "not_found"
