"""OAuth: tokens are issued, looked at, revoked, and used."""

import hashlib
import math
import secrets
import string
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from openvoucher.features.oauth import store
from openvoucher.features.oauth.schemas import (
    LIFETIME_SECONDS,
    SCOPES,
    AccessTokenForm,
    InactiveToken,
    TokenForm,
    show_active_token,
    show_token,
)
from openvoucher.features.projects.service import read_project
from openvoucher.platform.call import Call, Caller
from openvoucher.platform.db import Database
from openvoucher.platform.http.operations import Answer
from openvoucher.wire.errors import ApiError, unauthorized

MAX_LIVE_TOKENS: Final = 1000

_ALPHABET: Final = string.ascii_letters + string.digits
# 62 ** 50 is about 2 ** 297: nobody meets a token by guessing, or another one's SHA-256 by trying.
_TOKEN_CHARACTERS: Final = 50
_CLIENT_ID_CHARACTERS: Final = 21

# RFC 6749, section 5.1: no cache on the way may keep what carries a token.
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


# --- for callers -----------------------------------------------------------------------------------


async def issue_token(call: Call, body: TokenForm) -> Answer:
    """A new bearer for the calling key; never the same twice.

    Raises missing_parameters, invalid_grant_type, invalid_scope, and too_many_tokens (429 with
    Retry-After: when the first live token expires).
    """
    if not body.grant_type or not body.scope:
        raise _missing_parameters()
    if body.grant_type != "client_credentials":
        raise _refuse(400, "invalid_grant_type", "Invalid grant_type")
    scope = _read_scope(body.scope)
    access_token = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_CHARACTERS))
    client_id = make_client_id(call.caller.key_id)
    # Whole seconds: what is told of the expiry is what is kept of it.
    expires_at = call.now.replace(microsecond=0) + timedelta(seconds=LIFETIME_SECONDS)
    async with call.db.transaction() as connection:
        await store.lock_tokens(connection, call.project.id)
        await store.delete_expired_tokens(connection, call.project.id, now=call.now)
        tokens = await store.count_tokens(connection, call.project.id)
        has_room = tokens["live"] < MAX_LIVE_TOKENS
        issued = has_room and await store.insert_token(
            connection,
            project_id=call.project.id,
            key_id=call.caller.key_id,
            token_sha256=_hash_token(access_token),
            client_id=client_id,
            scope=scope,
            expires_at=expires_at,
            now=call.now,
        )
    if not has_room:
        raise _too_many_tokens(tokens["first_expires_at"], call.now)
    if not issued:
        # The key was blocked after it had been let in.
        raise unauthorized()
    return _answer(show_token(access_token, client_id=client_id, scope=scope, expires_at=expires_at))


async def introspect_token(call: Call, body: AccessTokenForm) -> Answer:
    """What a token of the caller's project may do. Unknown, foreign, expired, revoked and a blocked
    key's: the same bytes, so that nothing can be told about a token that is not one's own."""
    if not body.access_token:
        raise _missing_parameters()
    token_sha256 = _hash_token(body.access_token)
    async with call.db.connection() as connection:
        row = await store.find_live_token(connection, call.project.id, token_sha256, now=call.now)
    return _answer(InactiveToken() if row is None else show_active_token(body.access_token, row))


async def revoke_token(call: Call, body: AccessTokenForm) -> Answer:
    """The token stops at once. One that is unknown, foreign, expired or revoked: 404 without a body."""
    if not body.access_token:
        raise _missing_parameters()
    token_sha256 = _hash_token(body.access_token)
    async with call.db.connection() as connection:
        revoked = await store.delete_token(connection, call.project.id, token_sha256, now=call.now)
    return Answer(b"", status=204 if revoked else 404, headers=_NO_STORE)


# --- for those who let callers in --------------------------------------------------------------------


async def authenticate_bearer(db: Database, token: str, *, now: datetime) -> Caller | None:
    """Who calls with this bearer; None if it opens nothing (any more).

    Asked of the database on every call: a token is never worth more than its key is at that moment.
    """
    if len(token) != _TOKEN_CHARACTERS:
        return None
    async with db.connection() as connection:
        row = await store.find_caller(connection, _hash_token(token), now=now)
    if row is None:
        return None
    return Caller(
        project=read_project(row),
        key_id=row["key_id"],
        kind=row["kind"],
        app_id=row["app_id"],
        scopes=frozenset(row["scope"].split(" ")),
    )


def make_client_id(key_id: UUID) -> str:
    """The key's public name in OAuth: 21 alphanumerics, the same in all tokens of a key."""
    number = int.from_bytes(hashlib.sha256(b"oauth client id" + key_id.bytes).digest(), "big")
    characters = []
    for _ in range(_CLIENT_ID_CHARACTERS):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)


def _read_scope(sent: str) -> str:
    """The scopes that were asked for, each once, in their order. Raises invalid_scope."""
    scopes = list(dict.fromkeys(filter(None, sent.split(" "))))
    if not scopes or not SCOPES.issuperset(scopes):
        raise _refuse(400, "invalid_scope", f"Invalid scope: {sent}")
    return " ".join(scopes)


def _hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _answer(body: msgspec.Struct) -> Answer:
    return Answer(body, headers=_NO_STORE)


def _missing_parameters() -> ApiError:
    return _refuse(400, "missing_parameters", "Missing parameters")


def _too_many_tokens(first_expires_at: datetime, now: datetime) -> ApiError:
    error = _refuse(429, "too_many_tokens", f"At most {MAX_LIVE_TOKENS} tokens of a project can be live")
    error.headers["Retry-After"] = str(max(1, math.ceil((first_expires_at - now).total_seconds())))
    return error


def _refuse(status: int, key: str, message: str) -> ApiError:
    """An error of OAuth: neither details nor request id."""
    return ApiError(status, key, message, with_request_id=False, headers=_NO_STORE)
