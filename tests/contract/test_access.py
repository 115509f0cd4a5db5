"""Who may call: keys, keys of others, OAuth tokens and their scopes."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, read_refusal

pytestmark = pytest.mark.slow

UNAUTHORIZED = {"code": 401, "message": "Unauthorized", "key": "unauthorized"}
MISSING_PERMISSION = {
    "code": 403,
    "key": "missing_required_permission",
    "message": "Missing permission",
    "details": "User does not have a required permission to perform this operation.",
}
FORM = "/v1/oauth/token"


@pytest.fixture
def open_client(server: Any) -> Iterator[Any]:
    """Makes an SDK with other headers."""
    opened: list[Sdk] = []

    def open_with(**headers: str) -> Sdk:
        client = Sdk(server.address, {name.replace("_", "-"): value for name, value in headers.items()})
        opened.append(client)
        return client

    yield open_with
    for client in opened:
        client.close()


def ask_everything(client: Sdk) -> Iterator[voucherify.ApiException]:
    """The refusal of each of a dozen calls."""
    calls: list[Any] = [
        lambda: client.campaigns.list_campaigns(),
        lambda: client.campaigns.get_campaign("Spring"),
        lambda: client.campaigns.create_campaign(voucherify.CampaignsCreateRequestBody(name="X")),
        lambda: client.campaigns.delete_campaign("Spring"),
        lambda: client.campaigns.import_vouchers_to_campaign_using_csv("Spring", file=b"Code\nA\n"),
        lambda: client.vouchers.list_vouchers(),
        lambda: client.vouchers.get_voucher("A"),
        lambda: client.vouchers.delete_voucher("A"),
        lambda: client.actions.list_async_actions(),
        lambda: client.categories.list_categories(),
        lambda: client.schemas.list_metadata_schemas(),
        lambda: client.bin.list_bin_entries(),
    ]
    for call in calls:
        with pytest.raises(voucherify.ApiException) as refusal:
            call()
        yield refusal.value


@pytest.mark.parametrize("case", ["none", "no token", "wrong token", "unknown id", "client key", "bearer"])
def test_a_call_without_good_keys_is_refused(sdk: Sdk, home: Any, open_client: Any, case: str) -> None:
    sdk.make_campaign("Spring")
    good, client_key = home.keys["server"], home.keys["client"]
    client = {
        "none": lambda: open_client(),
        "no token": lambda: open_client(X_App_Id=good.app_id),
        "wrong token": lambda: open_client(X_App_Id=good.app_id, X_App_Token=good.secret + "x"),
        "unknown id": lambda: open_client(X_App_Id="c5e1a7f0", X_App_Token=good.secret),
        "client key": lambda: open_client(X_App_Id=client_key.app_id, X_App_Token=client_key.secret),
        "bearer": lambda: open_client(Authorization="Bearer " + "a" * 50),
    }[case]()
    for refusal in ask_everything(client):
        assert isinstance(refusal, voucherify.exceptions.UnauthorizedException)
        assert read_refusal(refusal) == UNAUTHORIZED
        assert "request_id" not in str(refusal.body)
    assert sdk.campaigns.list_campaigns().total == 1


def test_a_server_key_is_none_of_management(
    sdk: Sdk, home: Any, management_sdk: Sdk, open_client: Any
) -> None:
    server_key, management_key = home.keys["server"], home.keys["management"]
    wrong = open_client(X_Management_Id=server_key.app_id, X_Management_Token=server_key.secret)
    with pytest.raises(voucherify.exceptions.UnauthorizedException):
        wrong.management.list_metadata_schemas1(home.id)
    turned = open_client(X_App_Id=management_key.app_id, X_App_Token=management_key.secret)
    with pytest.raises(voucherify.exceptions.UnauthorizedException):
        turned.campaigns.list_campaigns()
    assert management_sdk.management.list_metadata_schemas1(home.id).data == []
    assert sdk.campaigns.list_campaigns().total == 0


def test_keys_of_another_project_find_nothing(sdk: Sdk, other_sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=1, metadata={"secret": "x"})
    (code,) = sdk.list_codes(campaign_id)
    voucher = sdk.vouchers.get_voucher(code)
    category = sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Own", hierarchy=0))
    sdk.vouchers.create_voucher(
        "BINNED", voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(discount_voucher())
    )
    sdk.vouchers.delete_voucher("BINNED")
    (entry,) = sdk.bin.list_bin_entries().data or []
    before = (sdk.send("GET", "/v1/campaigns").body, sdk.send("GET", "/v1/vouchers").body)

    calls: list[Any] = [
        lambda: other_sdk.campaigns.get_campaign(campaign_id),
        lambda: other_sdk.campaigns.get_campaign("Spring"),
        lambda: other_sdk.campaigns.update_campaign(
            campaign_id, voucherify.CampaignsUpdateRequestBody(description="x")
        ),
        lambda: other_sdk.campaigns.delete_campaign(campaign_id, force=True),
        lambda: other_sdk.campaigns.add_vouchers_to_campaign(campaign_id),
        lambda: other_sdk.vouchers.get_voucher(code),
        lambda: other_sdk.vouchers.get_voucher(str(voucher.id)),
        lambda: other_sdk.vouchers.disable_voucher(str(voucher.id)),
        lambda: other_sdk.vouchers.delete_voucher(code, force=True),
        lambda: other_sdk.categories.get_category(str(category.id)),
        lambda: other_sdk.categories.delete_category(str(category.id)),
        lambda: other_sdk.bin.delete_bin_entry(str(entry.id)),
    ]
    for call in calls:
        with pytest.raises(voucherify.exceptions.NotFoundException):
            call()
    assert other_sdk.campaigns.list_campaigns().total == 0
    assert other_sdk.vouchers.list_vouchers().total == 0
    assert other_sdk.categories.list_categories().total == 0
    assert other_sdk.bin.list_bin_entries().total == 0
    assert (sdk.send("GET", "/v1/campaigns").body, sdk.send("GET", "/v1/vouchers").body) == before


# --- OAuth -------------------------------------------------------------------------------------------


def issue(sdk: Sdk, scope: str) -> Any:
    answer = sdk.send("POST", FORM, form={"grant_type": "client_credentials", "scope": scope})
    assert answer.status == 200, answer.body
    return answer.body


def test_a_token_does_what_the_keys_do(sdk: Sdk, open_client: Any) -> None:
    token = issue(sdk, "api")
    assert (token["scope"], token["expires_in"], token["token_type"]) == ("api", 900, "Bearer")
    assert abs(token["expires_at"] - (time.time() + 900)) < 60
    bearer = open_client(Authorization=f"Bearer {token['access_token']}")
    campaign_id = bearer.make_campaign("Spring", vouchers_count=2)
    assert sdk.campaigns.get_campaign(campaign_id).vouchers_count == 2
    (code, _) = bearer.list_codes(campaign_id)
    assert bearer.vouchers.disable_voucher(code).active is False
    assert sdk.vouchers.get_voucher(code).active is False
    bearer.wait_for_action(bearer.campaigns.delete_campaign(campaign_id).async_action_id)
    assert sdk.bin.list_bin_entries().total == 1


def test_a_token_does_what_its_scopes_say(sdk: Sdk, open_client: Any) -> None:
    sdk.make_campaign("Spring", vouchers_count=1)
    token = issue(sdk, "vouchers async-actions")
    bearer = open_client(Authorization=f"Bearer {token['access_token']}")
    assert bearer.vouchers.list_vouchers().total == 1
    assert len(bearer.actions.list_async_actions().async_actions) == 1
    calls: list[Any] = [
        lambda: bearer.campaigns.list_campaigns(),
        lambda: bearer.campaigns.delete_campaign("Spring"),
        lambda: bearer.campaigns.add_vouchers_to_campaign("Spring"),
        lambda: bearer.categories.list_categories(),
        lambda: bearer.bin.list_bin_entries(),
    ]
    for call in calls:
        with pytest.raises(voucherify.exceptions.ForbiddenException) as refusal:
            call()
        assert read_refusal(refusal.value) == MISSING_PERMISSION
        assert "request_id" not in str(refusal.value.body)
    assert sdk.campaigns.get_campaign("Spring").vouchers_count == 1


def test_a_revoked_token_opens_nothing(sdk: Sdk, open_client: Any) -> None:
    token = issue(sdk, "vouchers campaigns")
    form = {"access_token": token["access_token"]}
    bearer = open_client(Authorization=f"Bearer {token['access_token']}")
    assert bearer.vouchers.list_vouchers().total == 0
    introspected = sdk.send("POST", "/v1/oauth/introspect", form=form)
    assert introspected.body == {**token, "active": True}
    assert sdk.send("POST", "/v1/oauth/token/revoke", form=form).status == 204
    with pytest.raises(voucherify.exceptions.UnauthorizedException) as refusal:
        bearer.vouchers.list_vouchers()
    assert read_refusal(refusal.value) == UNAUTHORIZED
    assert sdk.send("POST", "/v1/oauth/introspect", form=form).body == {"active": False}
    assert sdk.send("POST", "/v1/oauth/token/revoke", form=form).status == 404


def test_the_token_of_another_project_is_unknown(sdk: Sdk, other_sdk: Sdk) -> None:
    form = {"access_token": issue(sdk, "api")["access_token"]}
    assert other_sdk.send("POST", "/v1/oauth/introspect", form=form).body == {"active": False}
    assert other_sdk.send("POST", "/v1/oauth/token/revoke", form=form).status == 404
    assert sdk.send("POST", "/v1/oauth/introspect", form=form).body["active"] is True


@pytest.mark.parametrize(
    ("path", "form", "key", "message"),
    [
        (
            FORM,
            {"grant_type": "password", "scope": "api"},
            "invalid_grant_type",
            "Invalid grant_type",
        ),
        (
            FORM,
            {"grant_type": "client_credentials", "scope": "vouchers,campaigns"},
            "invalid_scope",
            "Invalid scope: vouchers,campaigns",
        ),
        (
            FORM,
            {"grant_type": "client_credentials", "scope": "everything"},
            "invalid_scope",
            "Invalid scope: everything",
        ),
        (FORM, {"grant_type": "client_credentials"}, "missing_parameters", "Missing parameters"),
        (FORM, {"scope": "api"}, "missing_parameters", "Missing parameters"),
        ("/v1/oauth/introspect", {"other": "x"}, "missing_parameters", "Missing parameters"),
        ("/v1/oauth/token/revoke", {"other": "x"}, "missing_parameters", "Missing parameters"),
    ],
)
def test_a_form_that_lacks_something_is_refused(
    sdk: Sdk, path: str, form: dict[str, str], key: str, message: str
) -> None:
    answer = sdk.send("POST", path, form=form)
    assert answer.body == {"code": 400, "key": key, "message": message}


def test_a_token_begets_no_tokens(sdk: Sdk, open_client: Any) -> None:
    token = issue(sdk, "api")
    bearer = open_client(Authorization=f"Bearer {token['access_token']}")
    answer = bearer.send("POST", FORM, form={"grant_type": "client_credentials", "scope": "api"})
    assert (answer.status, answer.body) == (401, UNAUTHORIZED)
