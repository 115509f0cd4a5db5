"""The ids that stand in the addresses of assets: they name a voucher to us and tell nothing to others."""

import base64
import os
import re
from urllib.parse import quote, unquote
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.features.assets.schemas import (
    Asset,
    AssetKind,
    read_project_uid,
    read_voucher_id,
    show_assets,
)
from openvoucher.platform.call import Project
from openvoucher.wire.ids import new_id

VOUCHER = new_id()


def make_project(uid: UUID | None = None) -> Project:
    return Project(
        id=1,
        uid=uid or new_id(),
        name="p",
        timezone=ZoneInfo("UTC"),
        currency="EUR",
        asset_key=os.urandom(64),
    )


PROJECT = make_project()


def make_ids(voucher_id: UUID = VOUCHER, project: Project = PROJECT) -> tuple[str, str]:
    assets = show_assets(project, voucher_id, "http://test")
    return assets.qr.id, assets.barcode.id


def test_an_asset_id_looks_as_official_clients_know_it() -> None:
    for asset_id in make_ids():
        assert re.fullmatch(r"U2FsdGVkX1[A-Za-z0-9+/]{65}=", asset_id)


def test_the_address_is_the_id_percent_encoded_below_the_address_of_the_server() -> None:
    for number in range(50):
        assets = show_assets(PROJECT, UUID(int=number), "https://shop.example/api")
        for kind, asset in (("qr", assets.qr), ("barcode", assets.barcode)):
            encoded = quote(asset.id, safe="")
            assert asset == Asset(asset.id, f"https://shop.example/api/api/v1/assets/{kind}/{encoded}")
            assert unquote(encoded) == asset.id
            assert re.fullmatch(r"[A-Za-z0-9%]+", encoded)


def test_a_voucher_has_one_id_for_its_qr_code_and_one_for_its_barcode_for_ever() -> None:
    assert make_ids() == make_ids()
    assert len({*make_ids()}) == 2


def test_no_two_vouchers_projects_or_kinds_share_an_id() -> None:
    other_key = make_project(PROJECT.uid)
    ids = [*make_ids(), *make_ids(new_id()), *make_ids(project=make_project()), *make_ids(project=other_key)]
    assert len({*ids}) == len(ids)


def test_an_id_tells_the_project_and_hides_the_voucher() -> None:
    for asset_id in make_ids():
        plain = base64.b64decode(asset_id)
        assert read_project_uid(asset_id) == PROJECT.uid
        assert VOUCHER.bytes not in plain
        assert VOUCHER.hex.encode() not in plain
        # Vouchers made together begin with the same bytes; their ids have nothing in common.
        neighbour = base64.b64decode(make_ids(UUID(int=VOUCHER.int + 1))[0])
        assert plain[:24] == neighbour[:24]
        assert all(plain[at : at + 4] not in neighbour[24:] for at in range(24, len(plain) - 3))


def test_only_the_project_reads_the_voucher_and_only_as_the_kind_that_it_is() -> None:
    kinds: tuple[AssetKind, AssetKind] = ("qr", "barcode")
    for kind, other, asset_id in zip(kinds, kinds[::-1], make_ids(), strict=True):
        assert read_voucher_id(PROJECT, kind, asset_id) == VOUCHER
        assert read_voucher_id(PROJECT, other, asset_id) is None
        assert read_voucher_id(make_project(PROJECT.uid), kind, asset_id) is None


def test_no_changed_byte_goes_unnoticed() -> None:
    plain = base64.b64decode(make_ids()[0])
    for place in range(len(plain)):
        changed = bytearray(plain)
        changed[place] ^= 1
        asset_id = base64.b64encode(changed).decode()
        uid = read_project_uid(asset_id)
        assert uid != PROJECT.uid or read_voucher_id(PROJECT, "qr", asset_id) is None


def test_no_changed_character_goes_unnoticed() -> None:
    sound = make_ids()[0]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for place in range(len(sound)):
        for character in alphabet:
            changed = sound[:place] + character + sound[place + 1 :]
            if changed != sound and read_project_uid(changed) == PROJECT.uid:
                assert read_voucher_id(PROJECT, "qr", changed) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda _: "SPRING",
        lambda _: "U2FsdGVkX1",
        lambda sound: sound[:-1],
        lambda sound: sound + "=",
        lambda sound: sound + "AAAA",
        lambda sound: sound[4:],
        lambda sound: " " + sound,
        lambda sound: sound + "\n",
        lambda sound: sound.replace("U2Fs", "U2FS", 1),
        lambda sound: "é" + sound[1:],
        lambda sound: quote(sound, safe=""),
        lambda sound: base64.urlsafe_b64encode(base64.b64decode(sound)).decode().replace("=", ""),
        lambda sound: base64.b64encode(sound.encode()).decode(),
    ],
)
def test_what_is_no_asset_id_is_nobodys(spoil: object) -> None:
    assert callable(spoil)
    # One with characters that the url-safe alphabet spells differently.
    assert read_project_uid(spoil(make_ids()[0])) is None


@given(st.text() | st.binary().map(lambda data: base64.b64encode(b"Salted__" + data).decode()))
def test_any_text_can_be_read(text: str) -> None:
    uid = read_project_uid(text)
    assert uid is None or read_voucher_id(PROJECT, "qr", text) is None
