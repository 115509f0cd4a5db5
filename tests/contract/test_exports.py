"""Exports with the official SDK: asked for, waited for, downloaded, deleted."""

import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import voucherify

from programs import wait_until
from sdk_client import Sdk, discount_voucher, gift_voucher, read_refusal
from servers import Server

pytestmark = pytest.mark.slow

UNKNOWN = "exp_" + "0" * 32


@pytest.fixture
def files(server: Server) -> Iterator[voucherify.ExportsApi]:
    """The SDK without any key, for what links open."""
    client = voucherify.ApiClient(voucherify.Configuration(host=server.address))
    yield voucherify.ExportsApi(client)
    client.rest_client.pool_manager.clear()


def create(sdk: Sdk, exported_object: str, **parameters: Any) -> str:
    body: dict[str, Any] = {"exported_object": exported_object}
    if parameters:
        body["parameters"] = parameters
    export = sdk.exports.create_export(voucherify.ExportsCreateRequestBody.model_validate(body))
    assert (sdk.last.status, sdk.raw["status"]) == (200, "SCHEDULED")
    assert export.exported_object == exported_object
    return str(export.id)


def wait_for(sdk: Sdk, export_id: str) -> dict[str, Any]:
    """The raw export, once it is done."""

    def look() -> Any:
        sdk.exports.get_export(export_id)
        assert sdk.raw["status"] != "ERROR"
        return sdk.raw if sdk.raw["status"] == "DONE" else None

    export: dict[str, Any] = wait_until(look, f"the end of {export_id}")
    return export


def read_token(export: dict[str, Any]) -> str:
    (token,) = parse_qs(urlsplit(str(export["result"]["url"])).query)["token"]
    return token


def download(sdk: Sdk, files: voucherify.ExportsApi, export_id: str) -> str:
    text = files.download_export(export_id, read_token(wait_for(sdk, export_id)))
    assert isinstance(text, str)
    return text


@pytest.fixture
def four(sdk: Sdk) -> None:
    """A, B and the gift card G without a campaign, C in one."""
    sdk.make_campaign("Spring", metadata={"season": "spring"})
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Spring", "C")
    for code, body in (
        ("A", discount_voucher(metadata={"season": "own"})),
        ("B", discount_voucher(discount={"type": "AMOUNT", "amount_off": 1050})),
        ("G", gift_voucher(200_000)),
    ):
        sdk.vouchers.create_voucher(
            code, voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(body)
        )


@pytest.mark.usefixtures("four")
def test_vouchers_are_exported_with_the_usual_columns(sdk: Sdk, files: voucherify.ExportsApi) -> None:
    export_id = create(sdk, "voucher")
    assert sdk.raw["parameters"] == {}
    assert download(sdk, files, export_id) == (
        "Code,Voucher Type,Value,Discount Type\n"
        "G,GIFT_VOUCHER,2000.00,\n"
        "B,DISCOUNT_VOUCHER,10.50,AMOUNT\n"
        "A,DISCOUNT_VOUCHER,10,PERCENT\n"
        "C,DISCOUNT_VOUCHER,10,PERCENT\n"
    )


@pytest.mark.usefixtures("four")
def test_columns_rows_and_their_order_can_be_chosen(sdk: Sdk, files: voucherify.ExportsApi) -> None:
    campaign_id = sdk.vouchers.get_voucher("C").campaign_id
    filters = {"discount_type": {"conditions": {"$is": "PERCENT"}}, "junction": "and"}
    # Keys of metadata are not among the fields that the SDK's model knows.
    body = {
        "exported_object": "voucher",
        "parameters": {
            "order": "code",
            "fields": ["campaign", "metadata.season", "code"],
            "filters": filters,
        },
    }
    export = sdk.send("POST", "/v1/exports", body).body
    assert export["parameters"] == body["parameters"]

    def look() -> Any:
        # Nor can the model read them.
        answer = sdk.send("GET", f"/v1/exports/{export['id']}").body
        return answer if answer["status"] == "DONE" else None

    token = read_token(wait_until(look, "the end of the export"))
    assert files.download_export(export["id"], token) == "Campaign,season,Code\n,own,A\nSpring,spring,C\n"
    export_id = create(sdk, "voucher", fields=["code"], campaign_id=campaign_id)
    assert download(sdk, files, export_id) == "Code\nC\n"


@pytest.mark.parametrize(
    ("exported_object", "titles"),
    [
        ("voucher", "Code,Voucher Type,Value,Discount Type"),
        ("redemption", "ID,Object,Voucher Code,Customer ID,Date,Result"),
        ("customer", "Name,Source ID"),
        ("publication", "Voucher Code,Customer ID,Date,Channel"),
        ("order", "ID,Source ID,Status"),
        ("points_expiration", "ID,Campaign ID,Voucher ID,Status,Expires At,Points"),
        ("voucher_transactions", "ID,Type,Source ID,Reason,Source,Balance,Amount,Creation date"),
        ("product", "ID,Name,Price,Image URL,Source ID,Attributes,Creation Date"),
        ("sku", "ID,SKU,Product ID,Currency,Price,Image URL,Source ID,Attributes,Creation Date"),
    ],
)
def test_everything_that_the_sdk_knows_can_be_exported(
    sdk: Sdk, files: voucherify.ExportsApi, exported_object: str, titles: str
) -> None:
    assert download(sdk, files, create(sdk, exported_object)) == f"{titles}\n"


def test_exports_are_listed_and_deleted(sdk: Sdk, files: voucherify.ExportsApi) -> None:
    ids = [create(sdk, name) for name in ("voucher", "customer", "order")]
    done = wait_for(sdk, ids[0])
    for export_id in ids[1:]:
        wait_for(sdk, export_id)
    listed = sdk.exports.list_exports(limit=2, page=1, order=voucherify.ParameterOrderListExports.CREATED_AT)
    assert ([each.id for each in listed.exports or []], listed.total) == (ids[:2], 3)
    assert sdk.raw["exports"][0] == done
    sdk.exports.list_exports()
    assert [each["id"] for each in sdk.raw["exports"]] == ids[::-1]
    sdk.exports.delete_export(ids[0])
    assert sdk.last.status == 204
    assert sdk.exports.list_exports().total == 2
    for gone in (lambda: sdk.exports.get_export(ids[0]), lambda: sdk.exports.delete_export(ids[0])):
        with pytest.raises(voucherify.ApiException) as refusal:
            gone()
        assert read_refusal(refusal.value)["details"] == f"Cannot find export with id {ids[0]}"
    with pytest.raises(voucherify.ApiException) as refusal:
        files.download_export(ids[0], read_token(done))
    assert refusal.value.status == 401


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_file_is_opened_by_its_own_token_only(sdk: Sdk, files: voucherify.ExportsApi, token: str) -> None:
    export_id = create(sdk, "voucher")
    wait_for(sdk, export_id)
    for sent in (export_id, UNKNOWN):
        with pytest.raises(voucherify.ApiException) as refusal:
            files.download_export(sent, token)
        assert (refusal.value.status, read_refusal(refusal.value)["key"]) == (401, "unauthorized")


def test_the_link_is_all_that_a_browser_needs(sdk: Sdk) -> None:
    link = wait_for(sdk, create(sdk, "order"))["result"]["url"]
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - the server's own link
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Length"] == "20"
        assert answer.read() == b"ID,Source ID,Status\n"
    request = urllib.request.Request(link, method="HEAD")  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert (answer.headers["Content-Length"], answer.read()) == ("20", b"")


def test_an_unknown_field_is_refused(sdk: Sdk) -> None:
    body = {"exported_object": "points_expiration", "parameters": {"fields": ["colour"]}}
    answer = sdk.send("POST", "/v1/exports", body)
    assert (answer.status, answer.body["key"], answer.body["message"], answer.body["details"]) == (
        400,
        "invalid_export_fields",
        "Invalid Export",
        "Unsupported field used. Allowed fields: id, campaign_id, voucher_id, points, status, expires_at",
    )
    assert sdk.exports.list_exports().total == 0


def test_orders_are_exported_at_their_own_address(sdk: Sdk, files: voucherify.ExportsApi) -> None:
    parameters = {
        "fields": ["source_id", "status"],
        "order": "-updated_at",
        "filters": {"amount": {"conditions": {"$more_than": 100000}}},
    }
    sdk.orders.create_order_export(
        voucherify.OrdersExportCreateRequestBody.model_validate({"parameters": parameters})
    )
    assert (sdk.raw["exported_object"], sdk.raw["parameters"]) == ("order", parameters)
    assert download(sdk, files, sdk.raw["id"]) == "Source ID,Status\n"
    sdk.orders.create_order_export(voucherify.OrdersExportCreateRequestBody())
    assert sdk.raw["parameters"] == {}


@pytest.mark.usefixtures("four")
def test_the_transactions_of_a_card_are_exported(sdk: Sdk, files: voucherify.ExportsApi) -> None:
    sdk.vouchers.update_voucher_balance(
        "G", voucherify.VouchersBalanceUpdateRequestBody(amount=50, source_id="s")
    )
    sdk.vouchers.export_voucher_transactions(
        "G",
        voucherify.VouchersTransactionsExportCreateRequestBody.model_validate(
            {"parameters": {"order": "-created_at", "fields": ["type", "amount", "source_id"]}}
        ),
    )
    assert sdk.raw["exported_object"] == "voucher_transactions"
    assert sdk.raw["parameters"] == {
        "order": "-created_at",
        "fields": ["type", "amount", "source_id"],
        "filters": {"voucher_id": {"conditions": {"$in": ["G"]}}},
    }
    assert download(sdk, files, sdk.raw["id"]) == "Type,Amount,Source ID\nCREDITS_ADDITION,0.50,s\n"


def test_the_transactions_of_a_campaign_are_exported(sdk: Sdk, files: voucherify.ExportsApi) -> None:
    campaign_id = sdk.make_campaign("Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(1000))
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Gifts", "G")
    sdk.vouchers.update_voucher_balance("G", voucherify.VouchersBalanceUpdateRequestBody(amount=-50))
    # The SDK's model of the answer takes ids of one character only.
    sdk.campaigns.export_campaign_transactions_without_preload_content(
        campaign_id,
        voucherify.CampaignsTransactionsExportCreateRequestBody.model_validate(
            {
                "parameters": {
                    "fields": ["type", "balance"],
                    # The SDK's model leaves out the level of the conditions, and takes one date.
                    "filters": {"created_at": {"$after": "2024-10-01T00:00:00Z"}},
                }
            }
        ),
    )
    assert sdk.raw["parameters"]["filters"] == {
        "junction": "AND",
        "created_at": {"$after": "2024-10-01T00:00:00+00:00"},
        "campaign_id": {"conditions": {"$in": [campaign_id]}},
    }
    assert download(sdk, files, sdk.raw["id"]) == "Type,Balance\nCREDITS_REMOVAL,9.50\n"


def test_a_bearer_exports_as_a_key_does(server: Server, sdk: Sdk, files: voucherify.ExportsApi) -> None:
    form = {"grant_type": "client_credentials", "scope": "exports"}
    token = sdk.send("POST", "/v1/oauth/token", form=form).body["access_token"]
    bearer = Sdk(server.address, {"Authorization": f"Bearer {token}"})
    assert download(bearer, files, create(bearer, "customer")) == "Name,Source ID\n"
    bearer.close()


def test_another_project_finds_nothing(sdk: Sdk, other_sdk: Sdk) -> None:
    export_id = create(sdk, "voucher")
    assert other_sdk.exports.list_exports().total == 0
    for method in ("GET", "DELETE"):
        assert other_sdk.send(method, f"/v1/exports/{export_id}").status == 404
    assert wait_for(sdk, export_id)["id"] == export_id
