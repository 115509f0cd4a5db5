"""The wire of OAuth: three forms in, two objects out."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from openvoucher.platform.db import Row

LIFETIME_SECONDS: Final = 900

# A scope is the first path segment after /v1/, or client_ and that after /client/v1/; `api` and
# `client_api` stand for all of either.
SCOPES: Final = frozenset(
    (
        "api",
        "assets",
        "async-actions",
        "campaigns",
        "categories",
        "client_api",
        "client_consents",
        "client_customers",
        "client_events",
        "client_promotions",
        "client_publish",
        "client_qualifications",
        "client_redeem",
        "client_redemptions",
        "client_validate",
        "client_validations",
        "client_vouchers",
        "consents",
        "customers",
        "events",
        "exports",
        "locations",
        "loyalties",
        "metadata-schemas",
        "orders",
        "product-collections",
        "products",
        "promotions",
        "publications",
        "qualifications",
        "redemptions",
        "referrals",
        "rewards",
        "segments",
        "skus",
        "task-results",
        "templates",
        "trash-bin",
        "validation-rules-assignments",
        "validation-rules",
        "validations",
        "vouchers",
    )
)


class TokenForm(msgspec.Struct):
    grant_type: str = ""
    scope: str = ""


class AccessTokenForm(msgspec.Struct):
    access_token: str = ""


class Token(msgspec.Struct, kw_only=True):
    """`expires_at` is in seconds since 1970; `expires_in` is the whole life, not what is left of it."""

    access_token: str
    client_id: str
    expires_at: int
    expires_in: int = LIFETIME_SECONDS
    scope: str
    token_type: Literal["Bearer"] = "Bearer"


class ActiveToken(Token, kw_only=True):
    active: Literal[True] = True


class InactiveToken(msgspec.Struct):
    active: Literal[False] = False


def show_token(access_token: str, *, client_id: str, scope: str, expires_at: datetime) -> Token:
    return Token(
        access_token=access_token, client_id=client_id, expires_at=int(expires_at.timestamp()), scope=scope
    )


def show_active_token(access_token: str, row: Row) -> ActiveToken:
    return ActiveToken(
        access_token=access_token,
        client_id=row["client_id"],
        expires_at=int(row["expires_at"].timestamp()),
        scope=row["scope"],
    )
