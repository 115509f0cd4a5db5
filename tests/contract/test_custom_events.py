"""Custom events and their schemas, driven by the official client."""

from collections.abc import Iterator
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, read_refusal
from servers import Server

pytestmark = pytest.mark.slow

ORIGIN = "https://shop.example"


@pytest.fixture
def page_sdk(server: Server, home: Any) -> Iterator[Sdk]:
    """The SDK with the client key of the project."""
    pair = home.keys["client"]
    client = Sdk(server.address, {"X-Client-Application-Id": pair.app_id, "X-Client-Token": pair.secret})
    yield client
    client.close()


def event_body(event: str = "cart_abandoned", **fields: Any) -> voucherify.EventsCreateRequestBody:
    body = {"event": event, "customer": {"source_id": "ann", "name": "Ann"}, **fields}
    return voucherify.EventsCreateRequestBody.model_validate(body)


def schema_body(
    name: str, properties: dict[str, Any]
) -> voucherify.ManagementProjectsCustomEventSchemasCreateRequestBody:
    return voucherify.ManagementProjectsCustomEventSchemasCreateRequestBody.model_validate(
        {"name": name, "schema": {"properties": properties}}
    )


# --- events ------------------------------------------------------------------------------------------


def test_an_event_is_told_with_its_customer(sdk: Sdk) -> None:
    metadata = {"date": "2026-12-01", "flag": True, "number": 1}

    tracked = sdk.events.track_custom_event(event_body(metadata=metadata))

    assert list(sdk.raw) == ["object", "type", "customer", "referral", "loyalty", "metadata"]
    assert (tracked.object, tracked.type, tracked.metadata) == ("event", "cart_abandoned", metadata)
    assert (tracked.customer.source_id, tracked.customer.name) == ("ann", "Ann")
    assert (tracked.referral, tracked.loyalty) == (None, None)
    assert sdk.customers.get_customer("ann").id == tracked.customer.id
    again = sdk.events.track_custom_event(event_body())
    assert again.customer.id == tracked.customer.id
    assert "metadata" not in sdk.raw


def test_an_event_is_told_with_a_bearer(sdk: Sdk, server: Server) -> None:
    form = {"grant_type": "client_credentials", "scope": "events"}
    token = sdk.send("POST", "/v1/oauth/token", form=form).body["access_token"]
    bearer = Sdk(server.address, {"Authorization": f"Bearer {token}"})
    try:
        assert bearer.events.track_custom_event(event_body()).type == "cart_abandoned"
    finally:
        bearer.close()


def test_an_event_names_a_referral_code_and_a_loyalty_card(sdk: Sdk) -> None:
    sdk.vouchers.create_voucher(
        "FRIEND", voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(discount_voucher())
    )
    voucher_id = sdk.raw["id"]
    bob = sdk.customers.create_customer(voucherify.CustomersCreateRequestBody(source_id="bob"))

    sdk.events.track_custom_event(
        event_body(referral={"code": "FRIEND", "referrer_id": "bob"}, loyalty={"code": "FRIEND"})
    )

    assert sdk.raw["referral"] == {"code": "FRIEND", "id": voucher_id, "referrer_id": bob.id}
    assert sdk.raw["loyalty"] == {"code": "FRIEND"}


@pytest.mark.parametrize(
    ("fields", "resource_type", "sent"),
    [
        ({"customer": {"id": "registered_10055"}}, "customer", "registered_10055"),
        ({"referral": {"code": "NONE"}}, "voucher", "NONE"),
        ({"loyalty": {"code": "NONE"}}, "voucher", "NONE"),
    ],
)
def test_what_an_event_names_must_be_there(
    sdk: Sdk, fields: dict[str, Any], resource_type: str, sent: str
) -> None:
    with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
        sdk.events.track_custom_event(event_body(**fields))

    assert read_refusal(refusal.value) == {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": f"Cannot find {resource_type} with id {sent}",
        "resource_id": sent,
        "resource_type": resource_type,
    }
    assert sdk.customers.list_customers().total == 0


def test_a_referral_without_a_code_is_refused(sdk: Sdk) -> None:
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.events.track_custom_event(event_body(referral={"referrer_id": "bob"}))

    assert read_refusal(refusal.value) == {
        "code": 400,
        "key": "invalid_payload",
        "message": "Invalid payload",
        "details": "Property .referral should have required property 'code'",
    }


# --- schemas -----------------------------------------------------------------------------------------


def test_a_management_key_keeps_the_schemas_of_events(management_sdk: Sdk, home: Any) -> None:
    management = management_sdk.management
    published = {"type": "boolean", "optional": True}
    made = management.create_custom_event_schema(home.id, schema_body("review", {"published": published}))
    assert list(management_sdk.raw) == ["id", "name", "schema", "created_at", "object"]
    assert (made.name, made.object, made.updated_at) == ("review", "custom-event-schema", None)
    assert management_sdk.raw["schema"] == {"properties": {"published": published}}
    fetched = management.get_custom_event_schema(home.id, str(made.id))
    assert (fetched.id, fetched.created_at) == (made.id, made.created_at)

    stars = {"type": "number", "optional": False}
    changed = management.update_custom_event_schema(
        home.id,
        str(made.id),
        voucherify.ManagementProjectsCustomEventSchemasUpdateRequestBody.model_validate(
            {"schema": {"properties": {"stars": stars, "published": {**published, "deleted": True}}}}
        ),
    )
    assert changed.updated_at is not None
    assert management_sdk.raw["schema"] == {
        "properties": {"published": {**published, "deleted": True}, "stars": stars}
    }

    management.create_custom_event_schema(home.id, schema_body("sign-up", {}))
    listed = management.list_custom_event_schemas(home.id)
    assert (listed.object, listed.data_ref, listed.total) == ("list", "data", 2)
    assert [each.name for each in listed.data or []] == ["sign-up", "review"]

    with pytest.raises(voucherify.ApiException) as refusal:
        management.create_custom_event_schema(home.id, schema_body("sign-up", {}))
    assert read_refusal(refusal.value) == {
        "code": 409,
        "key": "duplicate_found",
        "message": "Duplicated resource found",
        "details": "Duplicated custom_event_schema exists with name sign-up",
        "resource_id": "sign-up",
        "resource_type": "custom_event_schema",
    }

    management.delete_custom_event_schema(home.id, str(made.id))
    assert management_sdk.last.status == 204
    with pytest.raises(voucherify.exceptions.NotFoundException) as missing:
        management.get_custom_event_schema(home.id, str(made.id))
    assert read_refusal(missing.value)["resource_type"] == "custom_event_schema"


def test_events_are_held_against_their_schema(sdk: Sdk, management_sdk: Sdk, home: Any) -> None:
    stars = {"stars": {"type": "number", "optional": False}}
    management_sdk.management.create_custom_event_schema(home.id, schema_body("review", stars))

    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.events.track_custom_event(event_body("review", metadata={"stars": "five"}))

    assert read_refusal(refusal.value) == {
        "code": 400,
        "key": "metadata_validation_failed",
        "message": "Metadata validation failed",
        "details": "stars: must be a number, property is required (actual value is 'five')",
    }
    assert sdk.events.track_custom_event(event_body("review", metadata={"stars": 5})).type == "review"


# --- web pages -----------------------------------------------------------------------------------------


def client_body(**fields: Any) -> voucherify.ClientEventsCreateRequestBody:
    body = {"event": "visit", "customer": {"source_id": "ann"}, **fields}
    return voucherify.ClientEventsCreateRequestBody.model_validate(body)


def allow(management_sdk: Sdk, project_id: str, **settings: Any) -> None:
    body = voucherify.ManagementProjectsUpdateRequestBody.model_validate(settings)
    management_sdk.management.update_project(project_id, body)


def test_a_page_tells_events_once_the_project_trusts_it(
    sdk: Sdk, page_sdk: Sdk, management_sdk: Sdk, home: Any
) -> None:
    client_side = voucherify.ClientSideApi(page_sdk.client)
    with pytest.raises(voucherify.exceptions.UnauthorizedException) as refusal:
        client_side.track_custom_event_client_side(ORIGIN, client_body())
    assert read_refusal(refusal.value) == {"code": 401, "key": "unauthorized", "message": "Unauthorized"}

    allow(management_sdk, home.id, client_trusted_domains=["*.example"])
    with pytest.raises(voucherify.exceptions.ForbiddenException) as off:
        client_side.track_custom_event_client_side(ORIGIN, client_body())
    assert read_refusal(off.value)["key"] == "forbidden"

    allow(management_sdk, home.id, client_loyalty_events_enabled=True)
    tracked = client_side.track_custom_event_client_side(ORIGIN, client_body(metadata={"page": 1}))
    assert (tracked.type, tracked.metadata, tracked.referral, tracked.loyalty) == (
        "visit",
        {"page": 1},
        None,
        None,
    )
    assert page_sdk.last.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert sdk.customers.get_customer("ann").id == tracked.customer.id
    with pytest.raises(voucherify.exceptions.UnauthorizedException):
        client_side.track_custom_event_client_side("https://shop.evil", client_body())


def test_keys_stay_on_their_side(sdk: Sdk, page_sdk: Sdk, management_sdk: Sdk, home: Any) -> None:
    allow(management_sdk, home.id, client_trusted_domains=["*"], client_loyalty_events_enabled=True)

    with pytest.raises(voucherify.exceptions.UnauthorizedException):
        page_sdk.events.track_custom_event(event_body())
    with pytest.raises(voucherify.exceptions.UnauthorizedException):
        voucherify.ClientSideApi(sdk.client).track_custom_event_client_side(ORIGIN, client_body())
    assert sdk.customers.list_customers().total == 0
