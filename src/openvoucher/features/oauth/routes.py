"""Operations of OAuth. They take the key pair itself: a token cannot beget tokens."""

from openvoucher.features.oauth import service
from openvoucher.features.oauth.schemas import (
    AccessTokenForm,
    ActiveToken,
    InactiveToken,
    Token,
    TokenForm,
)
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="POST",
        path="/v1/oauth/token",
        run=service.issue_token,
        summary="Issue a bearer token that lives 15 minutes",
        access="keys only",
        form=TokenForm,
        answer=Token,
    ),
    Operation(
        method="POST",
        path="/v1/oauth/introspect",
        run=service.introspect_token,
        summary="Tell whether a token is active and what it may do",
        access="keys only",
        form=AccessTokenForm,
        answer=ActiveToken | InactiveToken,
    ),
    Operation(
        method="POST",
        path="/v1/oauth/token/revoke",
        run=service.revoke_token,
        summary="Revoke a token",
        access="keys only",
        form=AccessTokenForm,
        status=204,
    ),
]
