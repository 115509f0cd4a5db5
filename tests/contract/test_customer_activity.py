"""What happened to a customer, and the vouchers that it holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import voucherify
from voucherify.models.parameter_activity_category import ParameterActivityCategory
from voucherify.models.parameter_campaign_type import ParameterCampaignType
from voucherify.models.parameter_customer_event import ParameterCustomerEvent
from voucherify.models.parameter_filters_list_customer_redeemables import (
    ParameterFiltersListCustomerRedeemables,
)
from voucherify.models.parameter_order_created_at import ParameterOrderCreatedAt
from voucherify.models.parameter_order_list_redeemables import ParameterOrderListRedeemables

from programs import wait_until
from sdk_client import Sdk, gift_voucher, read_refusal

pytestmark = pytest.mark.slow


def make_customer(sdk: Sdk, source_id: str = "ann", **fields: Any) -> str:
    """Its id."""
    sdk.customers.create_customer(
        voucherify.CustomersCreateRequestBody.model_validate({"source_id": source_id, **fields})
    )
    return str(sdk.raw["id"])


def wait_for_activity(sdk: Sdk, count: int, source_id: str = "ann", **query: Any) -> Any:
    """The raw activity, once it has come so far: it is written in the background."""

    def look() -> Any:
        sdk.customers.list_customer_activity(source_id, **query)
        return sdk.raw["data"] if len(sdk.raw["data"]) >= count else None

    return wait_until(look, f"{count} activities of {source_id}")


def publish(sdk: Sdk, **body: Any) -> None:
    answer = sdk.send("POST", "/v1/publications", {"customer": {"source_id": "ann"}, **body})
    assert answer.status == 200, answer.body


# --- activity ----------------------------------------------------------------------------------------------


def test_what_is_done_to_a_customer_becomes_its_activity(sdk: Sdk) -> None:
    customer_id = make_customer(sdk, name="Ann")
    request_id = sdk.last.headers["X-Request-Id"]
    created = sdk.raw
    sdk.customers.update_customer("ann", voucherify.CustomersUpdateRequestBody(name="Anna"))
    updated, was_created = wait_for_activity(sdk, 2)
    assert (updated["type"], was_created["type"]) == ("customer.updated", "customer.created")
    assert updated["data"]["data"]["customer"]["name"] == "Anna"
    assert was_created["group_id"] == request_id
    assert was_created["created_at"] == created["created_at"]
    assert was_created["data"]["data"]["customer"]["id"] == customer_id
    assert was_created["data"]["event_source"]["channel"] == "API"

    parsed = sdk.customers.list_customer_activity(customer_id)
    assert [each.type for each in parsed.data or []] == ["customer.updated", "customer.created"]
    assert (parsed.has_more, parsed.more_starting_after) == (False, None)
    assert "total" not in sdk.raw


def test_activity_is_paged_and_narrowed(sdk: Sdk) -> None:
    make_customer(sdk)
    sdk.customers.update_customer("ann", voucherify.CustomersUpdateRequestBody(name="Anna"))
    sdk.make_campaign("Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(1000), vouchers_count=1)
    publish(sdk, campaign="Gifts")
    types = [each["type"] for each in reversed(wait_for_activity(sdk, 4))]
    assert types[:2] == ["customer.created", "customer.updated"]
    assert {*types[2:]} == {"customer.holder.assignment.created", "customer.publication.succeeded"}

    first = sdk.customers.list_customer_activity("ann", limit=3, order=ParameterOrderCreatedAt.CREATED_AT)
    assert [each.type for each in first.data or []] == types[:3]
    assert first.has_more is True
    last = sdk.customers.list_customer_activity(
        "ann", order=ParameterOrderCreatedAt.CREATED_AT, starting_after_id=first.more_starting_after
    )
    assert ([each.type for each in last.data or []], last.has_more) == (types[3:], False)

    def find(**query: Any) -> list[str]:
        sdk.customers.list_customer_activity("ann", **query)
        return sorted(each["type"] for each in sdk.raw["data"])

    of_campaign = sorted(types[2:])
    assert find(campaign_type=ParameterCampaignType.GIFT_VOUCHERS) == of_campaign
    assert find(campaign_type=ParameterCampaignType.PROMOTION) == []
    campaign_id = sdk.send("GET", "/v1/campaigns/Gifts").body["id"]
    assert find(campaign_id=campaign_id) == of_campaign
    assert find(category=ParameterActivityCategory.EFFECT) == ["customer.holder.assignment.created"]
    assert len(find(category=ParameterActivityCategory.ACTION)) == 3
    assert find(type=ParameterCustomerEvent.CUSTOMER_DOT_UPDATED) == ["customer.updated"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert find(start_date=tomorrow) == []
    assert len(find(end_date=tomorrow)) == 4


def test_older_clients_ask_under_another_path(sdk: Sdk) -> None:
    make_customer(sdk)
    (activity,) = wait_for_activity(sdk, 1)
    older = sdk.send("GET", "/v1/customers/ann/activities").body
    assert (older["data_ref"], older["activities"]) == ("activities", [activity])


def test_what_is_done_in_bulk_is_no_activity(sdk: Sdk) -> None:
    accepted = sdk.customers.update_customers_in_bulk(
        [voucherify.CustomersUpdateInBulkRequestBody(source_id="bob", name="Bob")]
    )
    sdk.wait_for_action(accepted.async_action_id)
    make_customer(sdk)
    wait_for_activity(sdk, 1)
    assert sdk.customers.list_customer_activity("bob").data == []


def test_nobody_has_no_activity(sdk: Sdk, other_sdk: Sdk) -> None:
    make_customer(other_sdk, "theirs")
    for ask in (sdk.customers.list_customer_activity, sdk.customers.list_customer_redeemables):
        with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
            ask("theirs")
        assert read_refusal(refusal.value) == {
            "code": 404,
            "key": "not_found",
            "message": "Resource not found",
            "details": "Cannot find customer with id theirs",
            "resource_id": "theirs",
            "resource_type": "customer",
        }


# --- redeemables -------------------------------------------------------------------------------------------


def test_published_vouchers_are_the_customers_redeemables(sdk: Sdk) -> None:
    customer_id = make_customer(sdk)
    campaign_id = sdk.make_campaign(
        "Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(1000), vouchers_count=1
    )
    (code,) = sdk.list_codes(campaign_id)
    sdk.vouchers.create_voucher(
        "OWN",
        voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(
            {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}, "active": False}
        ),
    )
    publish(sdk, campaign="Gifts")
    publish(sdk, voucher="OWN")
    listed = sdk.customers.list_customer_redeemables("ann")
    raw = sdk.raw
    assert (listed.total, listed.has_more) == (2, False)
    own, gift = raw["data"]
    assert (own["campaign_id"], own["campaign_type"], own["voucher_type"]) == (None, None, "DISCOUNT_VOUCHER")
    assert (own["redeemable"]["status"], own["redeemable"]["voucher"]["code"]) == ("DISABLED", "OWN")
    assert (gift["campaign_id"], gift["campaign_type"], gift["voucher_type"]) == (
        campaign_id,
        "GIFT_VOUCHERS",
        "GIFT_VOUCHER",
    )
    assert (gift["customer_id"], gift["holder_role"]) == (customer_id, "OWNER")
    assert (gift["redeemable"]["status"], gift["redeemable"]["voucher"]["code"]) == ("ACTIVE", code)
    assert gift["redeemable"]["voucher"]["holder_id"] == customer_id

    sdk.send("POST", f"/v1/vouchers/{code}/balance", {"amount": -1000})
    only_gifts = ParameterFiltersListCustomerRedeemables.model_validate(
        {"voucher_type": {"conditions": {"$is": "GIFT_VOUCHER"}}}
    )
    sdk.customers.list_customer_redeemables("ann", filters=only_gifts)
    (gift,) = sdk.raw["data"]
    assert gift["redeemable"]["status"] == "NO_BALANCE"


def test_redeemables_are_paged_by_id(sdk: Sdk) -> None:
    make_customer(sdk)
    for code in ("A", "B", "C"):
        sdk.send(
            "POST",
            f"/v1/vouchers/{code}",
            {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}},
        )
        publish(sdk, voucher=code)
    order = ParameterOrderListRedeemables.ID
    first = sdk.customers.list_customer_redeemables("ann", limit=2, order=order)
    found = [each["redeemable"]["voucher"]["code"] for each in sdk.raw["data"]]
    second = sdk.customers.list_customer_redeemables(
        "ann", limit=2, order=order, starting_after_id=first.more_starting_after
    )
    found += [each["redeemable"]["voucher"]["code"] for each in sdk.raw["data"]]
    assert found == ["A", "B", "C"]
    assert [(each.total, each.has_more) for each in (first, second)] == [(3, True), (3, False)]
