"""The wire of assets, and the ids that stand in their addresses."""

import base64
import binascii
import urllib.parse
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Meta

from openvoucher.platform.call import Project

AssetKind = Literal["qr", "barcode"]

# Official clients show ids that start U2FsdGVkX1, which is this text in base64.
_MARK = b"Salted__"


class Asset(msgspec.Struct):
    id: str
    url: str


class Assets(msgspec.Struct):
    qr: Asset
    barcode: Asset


class AssetQuery(msgspec.Struct, kw_only=True):
    size: Annotated[int, Meta(ge=1, le=100)] | None = None
    format: Literal["png", "svg"] = "png"


def show_assets(project: Project, voucher_id: UUID, base_url: str) -> Assets:
    return Assets(
        qr=_show(project, "qr", voucher_id, base_url), barcode=_show(project, "barcode", voucher_id, base_url)
    )


def _show(project: Project, kind: AssetKind, voucher_id: UUID, base_url: str) -> Asset:
    # SIV is deterministic: one voucher, one address. The kind is authenticated with it.
    sealed = AESSIV(project.asset_key).encrypt(voucher_id.bytes, [kind.encode()])
    asset_id = base64.b64encode(_MARK + project.uid.bytes + sealed).decode()
    return Asset(asset_id, f"{base_url}/api/v1/assets/{kind}/{urllib.parse.quote(asset_id, safe='')}")


def read_project_uid(asset_id: str) -> UUID | None:
    """Whose asset it is; None for a text that is no asset id."""
    try:
        data = base64.b64decode(asset_id, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != len(_MARK) + 16 + 32 or not data.startswith(_MARK):
        return None
    # The last character has bits to spare: without this a voucher would have several addresses.
    if base64.b64encode(data).decode() != asset_id:
        return None
    return UUID(bytes=data[len(_MARK) : len(_MARK) + 16])


def read_voucher_id(project: Project, kind: AssetKind, asset_id: str) -> UUID | None:
    """The voucher of an asset id of this project; None if it was not made by `show_assets`."""
    sealed = base64.b64decode(asset_id)[len(_MARK) + 16 :]
    try:
        return UUID(bytes=AESSIV(project.asset_key).decrypt(sealed, [kind.encode()]))
    except InvalidTag:
        return None
