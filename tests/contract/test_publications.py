"""Publications, driven by the published SDK.

Following a link has a method in the SDK that writes its customer as Python prints an object, which nobody
can read: it is driven as the documents show it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import voucherify

from programs import wait_until
from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card, read_refusal
from servers import Server

pytestmark = pytest.mark.slow


def publish(sdk: Sdk, customer: str, join_once: bool | None = None, **fields: Any) -> Any:
    """The raw publication."""
    body = {"customer": {"source_id": customer}, **fields}
    made = sdk.publications.create_publication(
        join_once=join_once,
        publications_create_request_body=voucherify.PublicationsCreateRequestBody.model_validate(body),
    )
    # The SDK's model reads what was answered.
    assert (made.id, made.customer_id, made.result) == (
        sdk.raw["id"],
        sdk.raw["customer_id"],
        sdk.raw["result"],
    )
    return sdk.raw


def refuse(sdk: Sdk, customer: str, **fields: Any) -> dict[str, Any]:
    with pytest.raises(voucherify.ApiException) as refusal:
        publish(sdk, customer, **fields)
    return read_refusal(refusal.value)


def test_a_code_of_a_campaign_is_published(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=2)
    customer = {"source_id": "ann", "name": "Ann", "email": "ann@example.com", "metadata": {"vip": True}}
    made = sdk.publications.create_publication(
        publications_create_request_body=voucherify.PublicationsCreateRequestBody.model_validate(
            {
                "campaign": {"name": "Spring"},
                "customer": customer,
                "source_id": "mail-1",
                "metadata": {"number": 1},
            }
        )
    )
    raw = sdk.raw
    assert made.voucher is not None
    assert made.voucher.code in sdk.list_codes(campaign_id)
    assert raw["customer"] == {**customer, "id": raw["customer_id"], "object": "customer"}
    # The SDK reads no other channel, whatever it says of itself in its header.
    assert (raw["tracking_id"], raw["source_id"], raw["channel"]) == ("ann", "mail-1", "API")
    assert (raw["metadata"], raw["vouchers_id"]) == ({"number": 1}, [made.voucher.id])
    assert raw["voucher"]["holder_id"] == raw["customer_id"]
    assert raw["voucher"]["publish"]["count"] == 1
    sdk.vouchers.get_voucher(made.voucher.code)
    assert sdk.raw == raw["voucher"]


def test_several_codes_and_a_given_one_are_published(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=4)
    several = publish(sdk, "ann", campaign={"name": campaign_id, "count": 3})
    assert len(set(several["vouchers"])) == 3
    (left,) = set(sdk.list_codes(campaign_id)) - {*several["vouchers"]}
    assert publish(sdk, "bob", voucher=left)["voucher"]["code"] == left


def test_each_kind_of_voucher_is_published_and_listed(sdk: Sdk) -> None:
    kinds = {
        "DISCOUNT_COUPONS": discount_voucher(),
        "REFERRAL_PROGRAM": discount_voucher(),
        "GIFT_VOUCHERS": gift_voucher(1000),
        "LOYALTY_PROGRAM": loyalty_card(50),
    }
    for kind, block in kinds.items():
        program = {"referral_program": {"conversion_event_type": "redemption"}}
        more = program if kind == "REFERRAL_PROGRAM" else {}
        sdk.make_campaign(kind, campaign_type=kind, vouchers_count=1, voucher=block, **more)
        publish(sdk, "ann", campaign={"name": kind})
    sdk.make_campaign("ALL", type="STANDALONE", voucher=discount_voucher(code="FOR-ALL"))
    for customer in ("ann", "bob"):
        assert publish(sdk, customer, campaign={"name": "ALL"})["voucher"]["code"] == "FOR-ALL"
    listed = sdk.publications.list_publications(
        limit=100, order=voucherify.ParameterOrderListPublications.CREATED_AT
    )
    assert listed.total == 6
    assert [
        (each["voucher"]["campaign"], each["voucher"]["is_referral_code"]) for each in sdk.raw["publications"]
    ] == [*((kind, kind == "REFERRAL_PROGRAM") for kind in kinds), ("ALL", False), ("ALL", False)]


def test_a_campaign_that_grows_makes_a_code_for_each(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", type="AUTO_UPDATE")
    codes = {
        publish(sdk, f"customer-{number}", campaign={"name": "Spring"})["voucher"]["code"]
        for number in range(3)
    }
    assert sorted(codes) == sdk.list_codes(campaign_id)
    assert sdk.send("GET", f"/v1/campaigns/{campaign_id}").body["vouchers_count"] == 3
    summary = sdk.send("GET", f"/v1/campaigns/{campaign_id}/summary").body
    assert (summary["publications"], summary["vouchers_created"]) == (3, 3)


def test_the_customer_s_activity_tells_of_publications(sdk: Sdk) -> None:
    sdk.make_campaign("Spring", vouchers_count=1)
    made = publish(sdk, "ann", campaign={"name": "Spring"})
    refuse(sdk, "ann", campaign={"name": "Spring"})

    def look() -> Any:
        listed = sdk.send("GET", "/v1/customers/ann/activity").body["data"]
        found = {each["type"]: each["data"]["data"] for each in listed}
        return found if "customer.publication.failed" in found else None

    told = wait_until(look, "the customer's activity")
    assert told["customer.publication.succeeded"]["publication"]["id"] == made["id"]
    assert told["customer.publication.succeeded"]["customer"] == made["customer"]
    failure = told["customer.publication.failed"]["publication"]
    assert failure["failure_code"] == "no_voucher_suitable_for_publication"


def test_who_joins_once_and_who_repeats_a_source_id_gets_what_was_there(sdk: Sdk) -> None:
    sdk.make_campaign("Spring", vouchers_count=3)
    first = publish(sdk, "ann", campaign={"name": "Spring"}, source_id="mail-1")
    assert publish(sdk, "ann", join_once=True, campaign={"name": "Spring"}) == first
    assert publish(sdk, "bob", campaign={"name": "Spring"}, source_id="mail-1") == first
    assert publish(sdk, "ann", campaign={"name": "Spring"})["id"] != first["id"]


def test_refusals_have_the_contract_s_words(sdk: Sdk) -> None:
    sdk.make_campaign("Spring", vouchers_count=2, join_once=True)
    first = publish(sdk, "ann", campaign={"name": "Spring"}, source_id="mail-1")
    code, voucher_id = first["voucher"]["code"], first["voucher"]["id"]
    second = publish(sdk, "bob", campaign={"name": "Spring"})["voucher"]["code"]
    none = "no_voucher_suitable_for_publication"
    joined = "Voucher cannot be published. Customer already joined program."
    published = f"Voucher '{voucher_id}' has already been published"
    used = "Publication with source_id: 'mail-1' already exists"
    details: list[tuple[dict[str, Any], str, str, str]] = [
        ({"campaign": {"name": "Spring"}}, none, "Couldn't find any voucher suitable for publication",
         "Couldn't create new vouchers for publication"),
        ({"voucher": code}, "voucher_already_published", "Voucher already published", published),
        ({"voucher": second, "source_id": "mail-1"}, "duplicate_source_id", "Duplicate source_id", used),
        ({"campaign": {"name": "Spring", "count": 2}}, "too_many_vouchers_requested",
         "Too many vouchers requested", "Only up to 1 can be published"),
        ({}, "missing_vouchers", "Missing vouchers", "Either Campaign or Voucher is required"),
    ]  # fmt: skip
    for sent, key, message, detail in details:
        assert refuse(sdk, "cid", **sent) == {"code": 400, "key": key, "message": message, "details": detail}
    assert refuse(sdk, "ann", voucher=second) == {
        "code": 400,
        "key": "voucher_cannot_be_published",
        "message": "Voucher cannot be published",
        "details": joined,
    }
    assert refuse(sdk, "ann", campaign={"name": "1"}) == {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": "Cannot find campaign with id 1",
        "resource_id": "1",
        "resource_type": "campaign",
    }
    failed = sdk.publications.list_publications(result=voucherify.ParameterResultListPublications.FAILURE)
    assert [each.failure_code for each in failed.publications or []] == [
        "voucher_cannot_be_published",
        "voucher_already_published",
        none,
    ]


def test_a_link_publishes(sdk: Sdk) -> None:
    sdk.make_campaign("Spring", vouchers_count=3)
    path = "/v1/publications/create"
    query = {
        "campaign[name]": "Spring",
        "customer[source_id]": "ann",
        "customer[name]": "Ann",
        "metadata[mail]": "first",
        "source_id": "mail-1",
    }
    first = sdk.send("GET", path, query=query)
    assert (first.status, first.body["customer"]["name"]) == (200, "Ann")
    assert first.body["metadata"] == {"mail": "first"}
    assert sdk.send("GET", path, query=query).body == first.body
    plain = {"campaign": "Spring", "customer": "ann", "join_once": "true"}
    assert sdk.send("GET", path, query=plain).body == first.body
    refused = sdk.send("GET", path, query={"campaign": "Spring"})
    assert (refused.status, refused.body["details"]) == (
        400,
        "Query should have required property 'customer'",
    )


def test_the_client_s_own_link_publishes(sdk: Sdk) -> None:
    sdk.make_campaign("Spring", vouchers_count=3)
    made = sdk.publications.create_publication1(
        customer=voucherify.Customer(source_id="ann", name="O'Neil", metadata={"vip": True}),
        join_once=True,
        campaign=voucherify.CreatePublicationCampaign(name="Spring", count=1),
        source_id="mail-1",
    )
    assert made.customer is not None
    assert (made.customer.source_id, made.customer.name, made.result) == ("ann", "O'Neil", "SUCCESS")
    again = sdk.publications.create_publication1(
        customer=voucherify.Customer(source_id="ann"),
        campaign=voucherify.CreatePublicationCampaign(name="Spring"),
        source_id="mail-1",
    )
    assert again.id == made.id


def test_a_channel_of_one_s_own_is_kept(sdk: Sdk) -> None:
    sdk.make_campaign("Spring", vouchers_count=1)
    body = {"customer": "ann", "campaign": "Spring", "channel": "letter"}
    assert sdk.send("POST", "/v1/publications", body).body["channel"] == "letter"
    listed = sdk.publications.list_publications()
    assert [each.channel for each in listed.publications or []] == ["letter"]


def test_lists_are_filtered_by_all_parameters(sdk: Sdk) -> None:
    sdk.make_campaign("Spring", vouchers_count=2)
    sdk.make_campaign("Cards", campaign_type="LOYALTY_PROGRAM", vouchers_count=1, voucher=loyalty_card(50))
    spring = publish(sdk, "ann", campaign={"name": "Spring"}, source_id="mail-1")
    cards = publish(sdk, "bob", campaign={"name": "Cards"})
    api = sdk.publications
    cases: list[tuple[dict[str, Any], list[Any]]] = [
        ({}, [cards, spring]),
        ({"order": voucherify.ParameterOrderListPublications.MINUS_CREATED_AT}, [cards, spring]),
        ({"order": voucherify.ParameterOrderListPublications.TRACKING_ID}, [spring, cards]),
        ({"campaign": "Spring"}, [spring]),
        ({"customer": cards["customer_id"]}, [cards]),
        ({"voucher": spring["voucher"]["code"]}, [spring]),
        ({"result": voucherify.ParameterResultListPublications.SUCCESS}, [cards, spring]),
        ({"voucher_type": voucherify.ParameterVoucherTypeListPublications.LOYALTY}, [cards]),
        ({"is_referral_code": True}, []),
        ({"source_id": "mail-1"}, [spring]),
        ({"limit": 1, "page": 2}, [spring]),
    ]
    for parameters, found in cases:
        listed = api.list_publications(**parameters)
        assert [each.id for each in listed.publications or []] == [each["id"] for each in found], parameters
    query = {
        "filters[junction]": "OR",
        "filters[customer_id][conditions][$is][0]": cards["customer_id"],
        "filters[source_id][conditions][$is][0]": "mail-1",
    }
    assert sdk.send("GET", "/v1/publications", query=query).body["total"] == 2


def test_a_page_publishes_once_the_project_lets_it(
    server: Server, home: Any, sdk: Sdk, management_sdk: Sdk
) -> None:
    pair = home.keys["client"]
    keys = {"X-Client-Application-Id": pair.app_id, "X-Client-Token": pair.secret}
    page = Sdk(server.address, {**keys, "Origin": "https://shop.example"})
    sdk.make_campaign("Spring", vouchers_count=2)
    body = {"customer": {"source_id": "ann"}}
    path = "/client/v1/publish?campaign=Spring"
    try:
        management_sdk.management.update_project(
            home.id,
            voucherify.ManagementProjectsUpdateRequestBody.model_validate(
                {"client_trusted_domains": ["shop.example"], "client_publish_enabled": True}
            ),
        )
        made = page.send("POST", path, body).body
        assert (made["channel"], made["customer"]["source_id"]) == ("Voucherify.js", "ann")
        tracked = {"customer": {"source_id": made["tracking_id"]}}
        assert page.send("POST", f"{path}&join_once=true", tracked).body["id"] == made["id"]
    finally:
        page.close()
    listed = sdk.publications.list_publications()
    assert [each.id for each in listed.publications or []] == [made["id"]]


@pytest.fixture
def token_sdk(server: Server, sdk: Sdk) -> Iterator[Any]:
    """Makes an SDK with a token of a scope."""
    opened = []

    def open_with(scope: str) -> Sdk:
        form = {"grant_type": "client_credentials", "scope": scope}
        token = sdk.send("POST", "/v1/oauth/token", form=form).body["access_token"]
        opened.append(Sdk(server.address, {"Authorization": f"Bearer {token}"}))
        return opened[-1]

    yield open_with
    for each in opened:
        each.close()


@pytest.mark.parametrize("scope", ["api", "publications"])
def test_a_token_of_the_scope_publishes(sdk: Sdk, token_sdk: Any, scope: str) -> None:
    sdk.make_campaign("Spring", vouchers_count=1)
    client = token_sdk(scope)
    made = publish(client, "ann", campaign={"name": "Spring"})
    listed = client.publications.list_publications()
    assert [each.id for each in listed.publications] == [made["id"]]


def test_a_token_of_another_scope_does_not(sdk: Sdk, token_sdk: Any) -> None:
    sdk.make_campaign("Spring", vouchers_count=1)
    assert (
        refuse(token_sdk("vouchers"), "ann", campaign={"name": "Spring"})["key"]
        == "missing_required_permission"
    )
    assert sdk.send("GET", "/v1/publications").body["total"] == 0
