"""The pictures of a voucher's code, at the addresses that stand in the voucher."""

import urllib.error
import urllib.parse
import urllib.request

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher
from servers import Server

pytestmark = pytest.mark.slow

PNG = b"\x89PNG\r\n\x1a\n"


def fetch(url: str) -> tuple[str, bytes]:
    """Type and content; without keys, as a mail program asks."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - the server's own link
        return answer.headers["Content-Type"], answer.read()


@pytest.fixture
def voucher(sdk: Sdk) -> voucherify.VouchersCreateResponseBody:
    return sdk.vouchers.create_voucher(
        "SPRING-26",
        voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(discount_voucher()),
    )


@pytest.mark.parametrize("kind", ["qr", "barcode"])
def test_the_address_is_the_id_and_shows_a_picture(
    sdk: Sdk, server: Server, voucher: voucherify.VouchersCreateResponseBody, kind: str
) -> None:
    assert voucher.assets is not None
    asset = getattr(voucher.assets, kind)
    assert asset.url == f"{server.address}/api/v1/assets/{kind}/{urllib.parse.quote(asset.id, safe='')}"
    assert "SPRING-26" not in asset.url
    media_type, plain = fetch(asset.url)
    assert (media_type, plain[:8]) == ("image/png", PNG)
    assert fetch(asset.url)[1] == plain
    sizes = {size: fetch(f"{asset.url}?size={size}")[1] for size in (1, 100)}
    assert sizes[1][:8] == sizes[100][:8] == PNG
    assert len(sizes[1]) < len(sizes[100])
    media_type, drawing = fetch(f"{asset.url}?format=svg&size=5")
    assert media_type == "image/svg+xml"
    assert b"<svg" in drawing
    # The address stays.
    (listed,) = sdk.vouchers.list_vouchers().vouchers or []
    assert listed.assets is not None
    assert getattr(listed.assets, kind).url == asset.url
    sdk.vouchers.disable_voucher("SPRING-26")
    assert sdk.raw["assets"][kind]["url"] == asset.url


@pytest.mark.usefixtures("voucher")
@pytest.mark.parametrize(
    ("query", "status"), [("size=0", 400), ("size=101", 400), ("size=x", 400), ("format=gif", 400)]
)
def test_a_picture_that_cannot_be_is_refused(
    voucher: voucherify.VouchersCreateResponseBody, query: str, status: int
) -> None:
    assert voucher.assets is not None
    assert voucher.assets.qr is not None
    with pytest.raises(urllib.error.HTTPError) as refusal:
        fetch(f"{voucher.assets.qr.url}?{query}")
    refusal.value.close()
    assert refusal.value.code == status


def test_an_address_that_was_not_given_shows_nothing(
    sdk: Sdk, server: Server, voucher: voucherify.VouchersCreateResponseBody
) -> None:
    assert voucher.assets is not None
    assert voucher.assets.qr is not None
    assert voucher.assets.barcode is not None
    sdk.vouchers.delete_voucher("SPRING-26")
    swapped = str(voucher.assets.qr.url).replace("/qr/", "/barcode/")
    for url in (
        f"{server.address}/api/v1/assets/qr/U2FsdGVkX1nonsense",
        f"{server.address}/api/v1/assets/qr/SPRING-26",
        swapped,
        str(voucher.assets.qr.url),
    ):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            fetch(url)
        refusal.value.close()
        assert refusal.value.code == 404, url
