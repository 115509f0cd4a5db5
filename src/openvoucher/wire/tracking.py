"""Tracking ids: what a web page knows a customer by, instead of the id that the shop knows.

`track_` and the customer's source id, encrypted for one project: the same customer is called otherwise
each time, and a page can neither read the id behind it nor make one up.
"""

import base64
import binascii
import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from openvoucher.wire.errors import ambiguous_tracking_id

_PREFIX: Final = "track_"
_NONCE_BYTES: Final = 12
_LONGEST: Final = 10_000


def make_tracking_id(project_key: bytes, identity: str) -> str:
    """`identity`: the source id of a customer, or the id of one without. Never the same twice."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + _cipher(project_key).encrypt(nonce, identity.encode(), None)
    return _PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read_tracking_id(project_key: bytes, text: str) -> str | None:
    """The identity behind a tracking id of this project; None for every other text."""
    if not text.startswith(_PREFIX) or len(text) > _LONGEST:
        return None
    encoded = text.removeprefix(_PREFIX)
    try:
        sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        return _cipher(project_key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None).decode()
    except (binascii.Error, ValueError, InvalidTag):
        return None


def read_identity(project_key: bytes, *sent: str | None) -> str | None:
    """Who is meant where a source id or a tracking id may stand; None: nobody was named.

    What only looks like a tracking id is a source id. Raises ambiguous_tracking_id for two who differ.
    """
    named = [text for text in sent if text]
    found = [read_tracking_id(project_key, text) or text for text in named]
    for other, identity in zip(named, found, strict=True):
        if identity != found[0]:
            raise ambiguous_tracking_id(named[0], other)
    return found[0] if found else None


def _cipher(project_key: bytes) -> AESGCM:
    # A key of its own, so that nothing else that the project encrypts can be passed off as a tracking id.
    return AESGCM(hashlib.sha256(b"tracking id" + project_key).digest())
