"""QR codes and barcodes over HTTP, which need no keys but the right address."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from builders import a_campaign, a_refusal, a_voucher, not_there, read_refusal
from openvoucher.features.assets import service
from openvoucher.features.assets.schemas import show_assets
from openvoucher.platform.call import Call
from openvoucher.platform.code_images import ImageFormat, draw_barcode, draw_qr
from openvoucher.wire.ids import new_id, parse_id
from shared_project import SharedProject

FORMATS: list[tuple[str, str, ImageFormat]] = [
    ("", "image/png", "png"),
    ("?format=png", "image/png", "png"),
    ("?format=svg", "image/svg+xml", "svg"),
]


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def other_client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.other_client


@pytest.fixture
def call(shared_project: SharedProject) -> Call:
    return shared_project.call


@pytest.fixture
async def public(client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Whoever has an address and no keys."""
    async with httpx.AsyncClient(transport=client._transport, base_url="http://test") as visitor:
        yield visitor


async def create(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def create_urls(client: httpx.AsyncClient, code: str) -> tuple[str, str]:
    """Addresses of the QR code and the barcode of a new voucher."""
    made = await create(client, f"/v1/vouchers/{quote(code, safe='')}", **a_voucher())
    return made["assets"]["qr"]["url"], made["assets"]["barcode"]["url"]


async def test_the_addresses_show_the_code_as_a_picture(
    client: httpx.AsyncClient, public: httpx.AsyncClient, code: str
) -> None:
    urls = await create_urls(client, code)
    for url, draw, size in zip(urls, (draw_qr, draw_barcode), (10, 20), strict=True):
        for parameters, media_type, format in FORMATS:
            answer = await public.get(url + parameters)
            assert answer.status_code == 200
            assert answer.content == draw(code, size=size, format=format)
            assert answer.headers["Content-Type"] == media_type
            # As good as the code: no cache on the way may keep it.
            assert answer.headers["Cache-Control"] == "private, max-age=86400"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("size", [1, 9, 55, 100])
async def test_a_picture_has_the_size_that_is_asked_for(
    client: httpx.AsyncClient, public: httpx.AsyncClient, code: str, size: int
) -> None:
    qr, barcode = await create_urls(client, code)
    assert (await public.get(f"{qr}?size={size}")).content == draw_qr(code, size=size, format="png")
    answer = await public.get(f"{barcode}?size={size}&format=svg")
    assert answer.content == draw_barcode(code, size=size, format="svg")


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("size=0", "Property .size must be >= 1"),
        ("size=-5", "Property .size must be >= 1"),
        ("size=101", "Property .size must be <= 100"),
        ("size=1.5", "Property .size must be integer,null"),
        ("size=big", "Property .size must be integer,null"),
        ("format=gif", "Property .format must be equal to one of the allowed values [ png, svg ]"),
        ("format=", "Property .format must be equal to one of the allowed values [ png, svg ]"),
    ],
)
async def test_a_picture_that_cannot_be_asked_for_is_refused(
    client: httpx.AsyncClient, public: httpx.AsyncClient, code: str, query: str, details: str
) -> None:
    for url in await create_urls(client, code):
        answer = await public.get(f"{url}?{query}")
        assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("text", "barcode_details"),
    [
        ("zażółć 🎁", "A barcode holds ASCII characters only"),
        ("x" * 257, "The code is too long for a barcode"),
        ("🎁" * 500, "A barcode holds ASCII characters only"),
        ("a/b c%d", None),
        ("99-FFF0", None),
    ],
    ids=["accents", "long", "longest", "slash", "nines"],
)
async def test_every_code_has_a_qr_code_and_not_every_one_a_barcode(
    client: httpx.AsyncClient, public: httpx.AsyncClient, text: str, barcode_details: str | None
) -> None:
    qr, barcode = await create_urls(client, text)
    assert (await public.get(f"{qr}?size=1")).content == draw_qr(text, size=1, format="png")
    answer = await public.get(barcode)
    if barcode_details is None:
        assert answer.content == draw_barcode(text, size=20, format="png")
    else:
        assert read_refusal(answer) == a_refusal(400, "invalid_voucher", barcode_details)


async def test_addresses_stay_and_differ_and_do_not_hold_the_code(
    client: httpx.AsyncClient, code: str
) -> None:
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher())
    other = await create(client, f"/v1/vouchers/{code}-2", **a_voucher())
    await client.put(f"/v1/vouchers/{code}", json={"active": False, "metadata": {"a": 1}})
    assert (await client.get(f"/v1/vouchers/{code}")).json()["assets"] == made["assets"]
    listed = (await client.get("/v1/vouchers", params={"code": code})).json()["vouchers"]
    assert listed[0]["assets"] == made["assets"]
    ids = [asset["id"] for voucher in (made, other) for asset in voucher["assets"].values()]
    assert len({*ids}) == 4
    for asset_id in ids:
        plain = base64.b64decode(asset_id)
        for secret in (code, code[::-1], made["id"], made["id"].removeprefix("v_"), other["id"]):
            assert secret not in asset_id
            assert secret.encode() not in plain
        assert bytes.fromhex(made["id"].removeprefix("v_")) not in plain


async def test_an_address_of_one_kind_is_none_of_the_other(
    client: httpx.AsyncClient, public: httpx.AsyncClient, code: str
) -> None:
    assets = (await create(client, f"/v1/vouchers/{code}", **a_voucher()))["assets"]
    for kind, other in (("qr", "barcode"), ("barcode", "qr")):
        answer = await public.get(assets[kind]["url"].replace(f"/{kind}/", f"/{other}/"))
        assert read_refusal(answer) == not_there("asset", assets[kind]["id"])


async def test_what_was_not_made_here_is_not_there(
    client: httpx.AsyncClient,
    other_client: httpx.AsyncClient,
    public: httpx.AsyncClient,
    call: Call,
    code: str,
) -> None:
    mine = (await create(client, f"/v1/vouchers/{code}", **a_voucher()))["assets"]["qr"]
    theirs = (await create(other_client, f"/v1/vouchers/{code}", **a_voucher()))["assets"]["qr"]
    my_bytes, their_bytes = base64.b64decode(mine["id"]), base64.b64decode(theirs["id"])
    # Eight bytes of mark, sixteen of the project, the rest is the sealed voucher.
    moved = base64.b64encode(my_bytes[:24] + their_bytes[24:]).decode()
    last = mine["id"][-2]
    for sent in (
        moved,
        "x" + mine["id"][1:],
        mine["id"][:50] + ("A" if mine["id"][50] != "A" else "B") + mine["id"][51:],
        # The last character has bits that decoding throws away.
        mine["id"][:-2] + chr(ord(last) + 1) + "=",
        mine["id"][:-1],
        code,
        "nothing",
        # Well made, of a voucher that is not there.
        show_assets(call.project, new_id(), "http://test").qr.id,
    ):
        answer = await public.get(f"/api/v1/assets/qr/{quote(sent, safe='')}")
        assert read_refusal(answer) == not_there("asset", sent)
    for asset in (mine, theirs):
        assert (await public.get(asset["url"])).status_code == 200


async def test_a_project_seals_only_vouchers_of_its_own(
    client: httpx.AsyncClient,
    other_client: httpx.AsyncClient,
    public: httpx.AsyncClient,
    call: Call,
    code: str,
) -> None:
    theirs = await create(other_client, f"/v1/vouchers/{code}", **a_voucher())
    voucher_id = parse_id("v", theirs["id"])
    assert voucher_id is not None
    forged = show_assets(call.project, voucher_id, "http://test").qr
    assert read_refusal(await public.get(forged.url)) == not_there("asset", forged.id)


@pytest.mark.parametrize("deleted", ["vouchers/{code}", "vouchers/{code}?force=true", "campaigns/{code}"])
async def test_a_deleted_voucher_has_no_pictures(
    client: httpx.AsyncClient, public: httpx.AsyncClient, code: str, deleted: str
) -> None:
    await create(client, "/v1/campaigns", **a_campaign(name=code))
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(campaign=code))
    assert (await client.delete(f"/v1/{deleted.format(code=code)}")).is_success
    for asset in made["assets"].values():
        assert read_refusal(await public.get(asset["url"])) == not_there("asset", asset["id"])


@pytest.mark.parametrize("kind", ["qr", "barcode"])
async def test_others_are_served_while_a_picture_is_drawn(
    client: httpx.AsyncClient,
    public: httpx.AsyncClient,
    code: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, others_were_served = threading.Event(), threading.Event()

    def draw_slowly(_text: str, *, size: int, format: str) -> bytes:
        begun.set()
        return b"served" if others_were_served.wait(10) else b"waited in vain"

    url = (await create(client, f"/v1/vouchers/{code}", **a_voucher()))["assets"][kind]["url"]
    monkeypatch.setattr(service, f"draw_{kind}", draw_slowly)
    async with asyncio.TaskGroup() as group:
        picture = group.create_task(public.get(url))
        await asyncio.to_thread(begun.wait, 10)
        assert (await client.get(f"/v1/vouchers/{code}")).status_code == 200
        others_were_served.set()
    assert picture.result().content == b"served"
