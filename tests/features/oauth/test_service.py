"""Tokens against a clock that is set."""

import dataclasses
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from openvoucher.features.oauth.schemas import AccessTokenForm, Token, TokenForm
from openvoucher.features.oauth.service import (
    authenticate_bearer,
    introspect_token,
    issue_token,
    make_client_id,
    revoke_token,
)
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Call, Caller

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EXPIRY = NOW + timedelta(seconds=900)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
async def keyed_call(call: Call, keys: dict[str, KeyPair]) -> Call:
    """A call of the project's server key, at NOW."""
    async with call.db.connection() as connection:
        key_id = await connection.fetchval(
            "select id from api_key where kind = 'server' and app_id = $1", keys["server"].app_id
        )
    return dataclasses.replace(call, caller=dataclasses.replace(call.caller, key_id=key_id), now=NOW)


async def issue(call: Call, scope: str = "api") -> Token:
    answer = await issue_token(call, TokenForm(grant_type="client_credentials", scope=scope))
    assert isinstance(answer.body, Token)
    return answer.body


def at(call: Call, now: datetime) -> Call:
    return dataclasses.replace(call, now=now)


async def test_a_bearer_is_the_key_in_all_but_its_scopes(keyed_call: Call, keys: dict[str, KeyPair]) -> None:
    token = await issue(keyed_call, "vouchers campaigns")
    caller = await authenticate_bearer(keyed_call.db, token.access_token, now=NOW)
    assert caller == Caller(
        project=keyed_call.project,
        key_id=keyed_call.caller.key_id,
        kind="server",
        app_id=keys["server"].app_id,
        scopes=frozenset({"vouchers", "campaigns"}),
    )


async def test_a_token_ends_at_the_second_that_was_told(keyed_call: Call) -> None:
    token = await issue(at(keyed_call, NOW + timedelta(milliseconds=999)))
    assert token.expires_at == int(EXPIRY.timestamp())
    form = AccessTokenForm(access_token=token.access_token)
    for now, is_live in ((EXPIRY - INSTANT, True), (EXPIRY, False), (EXPIRY + INSTANT, False)):
        caller = await authenticate_bearer(keyed_call.db, token.access_token, now=now)
        assert (caller is not None) is is_live
        answer = await introspect_token(at(keyed_call, now), form)
        assert answer.body.active is is_live
    assert (await revoke_token(at(keyed_call, EXPIRY), form)).status == 404
    assert (await revoke_token(at(keyed_call, EXPIRY - INSTANT), form)).status == 204


async def test_a_new_token_removes_those_that_expired_by_then(keyed_call: Call) -> None:
    await issue(keyed_call)
    await issue(at(keyed_call, NOW + timedelta(seconds=1)))
    async with keyed_call.db.connection() as connection:
        for now, left in ((EXPIRY - INSTANT, 3), (EXPIRY, 3), (EXPIRY + timedelta(seconds=1), 3)):
            await issue(at(keyed_call, now))
            assert await connection.fetchval("select count(*) from oauth_token") == left


def test_the_client_id_of_a_key_is_for_ever() -> None:
    assert make_client_id(UUID(int=1)) == "UTuStZoHhhHTWQSWFCeH3"
    assert make_client_id(UUID(int=2)) != make_client_id(UUID(int=1))
