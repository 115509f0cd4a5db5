"""Customers one by one and in lists, with the official client. (Bulk and activity: files of their own.)"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import voucherify
from voucherify.models.parameter_order_list_customers import ParameterOrderListCustomers

from programs import wait_until
from sdk_client import Sdk, gift_voucher, read_refusal
from servers import Server

pytestmark = pytest.mark.slow

NOTHING_DONE = {
    "summary": {
        "redemptions": {
            "total_redeemed": 0,
            "total_failed": 0,
            "total_succeeded": 0,
            "total_rolled_back": 0,
            "total_rollback_failed": 0,
            "total_rollback_succeeded": 0,
            "gift": {"redeemed_amount": 0, "amount_to_go": 0},
            "loyalty_card": {"redeemed_points": 0, "points_to_go": 0},
        },
        "orders": {"total_amount": 0, "total_count": 0, "average_amount": 0, "last_order_amount": 0},
    },
    "loyalty": {"points": 0, "referred_customers": 0, "campaigns": {}},
    "referrals": {"total": 0, "campaigns": []},
}
ANN: dict[str, Any] = {
    "source_id": "ann",
    "name": "Ann Smith",
    "description": "A frequent customer",
    "email": "ann.smith@email.com",
    "phone": "+1 933 222 3333",
    "birthdate": "2022-01-01",
    "birthday": "2022-01-02",
    "address": {
        "city": "New York",
        "country": "United States",
        "line_1": "123 Main St.",
        "line_2": "APT 3 BLG 4",
        "postal_code": "10001",
        "state": "NY",
    },
    "metadata": {"lang": "en", "test": True},
}


def create(sdk: Sdk, **fields: Any) -> dict[str, Any]:
    """The raw customer."""
    body = voucherify.CustomersCreateRequestBody.model_validate(fields)
    sdk.customers.create_customer(body)
    customer: dict[str, Any] = sdk.raw
    return customer


def name_all(listed: Any) -> list[str]:
    return [str(customer.source_id) for customer in listed.customers]


# --- one by one -------------------------------------------------------------------------------------


def test_a_customer_comes_back_as_it_was_sent(sdk: Sdk) -> None:
    created = create(sdk, **ANN)
    assert created == {
        "id": created["id"],
        **ANN,
        **NOTHING_DONE,
        "system_metadata": {},
        "created_at": created["created_at"],
        "object": "customer",
    }
    for name in (created["id"], "ann"):
        customer = sdk.customers.get_customer(name)
        assert sdk.raw == {**created, "assets": {}}
        assert (customer.id, customer.name, customer.birthdate) == (
            created["id"],
            "Ann Smith",
            date(2022, 1, 1),
        )
        assert customer.summary is not None
        assert customer.summary.redemptions is not None
        assert customer.summary.redemptions.total_redeemed == 0


def test_a_customer_without_anything_has_an_empty_address(sdk: Sdk) -> None:
    created = create(sdk)
    assert created == {
        "id": created["id"],
        "source_id": None,
        "address": None,
        **NOTHING_DONE,
        "system_metadata": {},
        "created_at": created["created_at"],
        "object": "customer",
    }
    assert sdk.customers.get_customer(created["id"]).source_id is None


def test_a_known_customer_is_changed_by_a_creation(sdk: Sdk) -> None:
    created = create(sdk, **ANN)
    changed = create(sdk, source_id="ann", name="Anna", metadata={"test": False, "new": 1})
    assert changed == {
        **created,
        "name": "Anna",
        "metadata": {"lang": "en", "test": False, "new": 1},
        "updated_at": changed["updated_at"],
    }
    assert create(sdk, id=created["id"], name="Anna") == changed
    assert sdk.customers.list_customers().total == 1


def test_an_update_clears_what_is_null_and_leaves_what_is_absent(sdk: Sdk) -> None:
    created = create(sdk, **ANN)
    body = voucherify.CustomersUpdateRequestBody.model_validate(
        {"name": "Anna", "phone": None, "metadata": {"test": None}}
    )
    updated = sdk.customers.update_customer("ann", body)
    assert sdk.raw == {
        **created,
        "name": "Anna",
        "phone": None,
        "metadata": {"lang": "en", "test": None},
        "updated_at": sdk.raw["updated_at"],
    }
    assert (updated.name, updated.phone, updated.email) == ("Anna", None, "ann.smith@email.com")
    assert updated.updated_at is not None
    assert abs(updated.updated_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_deleted_customer_is_gone_and_its_source_id_free(sdk: Sdk) -> None:
    created = create(sdk, **ANN)
    sdk.customers.delete_customer("ann")
    assert sdk.last.status == 204
    assert create(sdk, source_id="ann")["id"] != created["id"]
    for call in (sdk.customers.get_customer, sdk.customers.delete_customer):
        with pytest.raises(voucherify.exceptions.NotFoundException):
            call(created["id"])
    assert sdk.customers.list_customers().total == 1


def test_a_permanent_deletion_takes_all_and_counts_it(sdk: Sdk) -> None:
    created = create(sdk, **ANN)
    sdk.send("POST", "/v1/orders", {"source_id": "o1", "status": "PAID", "customer": {"source_id": "ann"}})
    assert sdk.last.status == 200, sdk.raw
    sdk.customers.list_customer_activity("ann")

    def look() -> Any:
        sdk.customers.list_customer_activity("ann")
        return len(sdk.raw["data"]) >= 3

    wait_until(look, "the activities of ann")
    deletion = sdk.customers.customer_permanently_deletion("ann")
    assert sdk.raw["object"] == "pernament_deletion"
    assert (deletion.related_object, deletion.related_object_id) == ("customer", created["id"])
    assert deletion.status == "DONE"
    counts = sdk.raw["data_json"]
    assert (counts["orders"], counts["customer"], counts["segments"], counts["daily_events"]) == (1, 1, 0, 0)
    assert counts["order_events"] >= 1
    assert counts["customer_events"] >= 1
    with pytest.raises(voucherify.exceptions.NotFoundException):
        sdk.customers.get_customer(created["id"])
    assert sdk.send("GET", "/v1/orders").body["total"] == 0


def test_who_is_not_there_is_not_found(sdk: Sdk, other_sdk: Sdk) -> None:
    theirs = create(other_sdk, source_id="ann")
    calls: list[Any] = [
        sdk.customers.get_customer,
        lambda name: sdk.customers.update_customer(name, voucherify.CustomersUpdateRequestBody(name="x")),
        sdk.customers.delete_customer,
        sdk.customers.customer_permanently_deletion,
        sdk.customers.list_customer_redeemables,
        sdk.customers.list_customer_activity,
    ]
    for name in ("ann", theirs["id"], "cust_" + "0" * 32):
        for call in calls:
            with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
                call(name)
            assert read_refusal(refusal.value) == {
                "code": 404,
                "key": "not_found",
                "message": "Resource not found",
                "details": f"Cannot find customer with id {name}",
                "resource_id": name,
                "resource_type": "customer",
            }
    other_sdk.customers.get_customer("ann")
    assert other_sdk.raw == {**theirs, "assets": {}}


def test_metadata_follow_their_schema(sdk: Sdk) -> None:
    sdk.send(
        "POST",
        "/v1/metadata-schemas",
        {
            "related_object": "customer",
            "properties": {"ImageURL": {"type": "image_url", "optional": True}},
        },
    )
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        create(sdk, source_id="ann", metadata={"ImageURL": "http.com"})
    assert read_refusal(refusal.value) == {
        "code": 400,
        "key": "metadata_validation_failed",
        "message": "Metadata validation failed",
        "details": "ImageURL: must be a URL pointing to JPG/JPEG or PNG resource"
        " (actual value is 'http.com')",
    }
    assert sdk.customers.list_customers().total == 0


# --- lists ------------------------------------------------------------------------------------------


@pytest.fixture
def three(sdk: Sdk) -> list[dict[str, Any]]:
    """ann, bob, cid in the order of their creation; bob was changed."""
    made = [
        create(sdk, **ANN),
        create(sdk, source_id="bob", name="Bob", email="bob@email.com", address={"city": "Paris"}),
        create(sdk, source_id="cid"),
    ]
    made[1] = create(sdk, source_id="bob", phone="1")
    return made


def read_time(customer: dict[str, Any], field: str = "created_at") -> datetime:
    return datetime.fromisoformat(customer[field])


def test_a_list_shows_the_newest_first_page_by_page(sdk: Sdk, three: list[dict[str, Any]]) -> None:
    listed = sdk.customers.list_customers()
    assert sdk.raw == {
        "object": "list",
        "data_ref": "customers",
        "customers": three[::-1],
        "total": 3,
    }
    assert listed.total == 3
    pages = [name_all(sdk.customers.list_customers(limit=2, page=page)) for page in (1, 2, 3)]
    assert pages == [["cid", "bob"], ["ann"], []]


def test_a_list_is_narrowed_by_what_customers_are(sdk: Sdk, three: list[dict[str, Any]]) -> None:
    ann, bob, cid = three
    day = timedelta(days=1)
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({"email": "ANN.smith@email.com"}, ["ann"]),
        ({"city": "paris"}, ["bob"]),
        ({"name": "ann smith"}, ["ann"]),
        ({"name": "Ann"}, []),
        ({"created_at_after": read_time(ann) - day}, ["cid", "bob", "ann"]),
        ({"created_at_after": read_time(cid) + day}, []),
        ({"created_at_before": read_time(cid) + day}, ["cid", "bob", "ann"]),
        ({"created_at_before": read_time(ann)}, []),
        ({"updated_at_after": read_time(bob, "updated_at") - day}, ["bob"]),
        ({"updated_at_before": read_time(bob, "updated_at") + day}, ["bob"]),
        ({"updated_at_before": read_time(bob, "updated_at") - day}, []),
    ]
    for query, names in asked:
        listed = sdk.customers.list_customers(**query)
        assert (name_all(listed), listed.total) == (names, len(names)), query


@pytest.mark.usefixtures("three")
def test_a_list_has_the_order_that_was_asked_for(sdk: Sdk) -> None:
    orders = {
        ParameterOrderListCustomers.CREATED_AT: ["ann", "bob", "cid"],
        ParameterOrderListCustomers.MINUS_CREATED_AT: ["cid", "bob", "ann"],
        ParameterOrderListCustomers.UPDATED_AT: ["ann", "cid", "bob"],
        ParameterOrderListCustomers.MINUS_UPDATED_AT: ["bob", "cid", "ann"],
        ParameterOrderListCustomers.SOURCE_ID: ["ann", "bob", "cid"],
        ParameterOrderListCustomers.MINUS_SOURCE_ID: ["cid", "bob", "ann"],
    }
    assert {*orders} == {*ParameterOrderListCustomers}
    for order, names in orders.items():
        assert name_all(sdk.customers.list_customers(order=order)) == names, order


@pytest.mark.usefixtures("three")
def test_filters_find_by_source_id_phone_and_metadata(sdk: Sdk) -> None:
    for field, condition, value, names in (
        ("source_id", "$starts_with", "b", ["bob"]),
        ("phone", "$contains", "933", ["ann"]),
        ("metadata.lang", "$is", "en", ["ann"]),
        ("metadata.lang", "$is_unknown", "true", ["cid", "bob"]),
    ):
        answer = sdk.send("GET", "/v1/customers", query={f"filters[{field}][conditions][{condition}]": value})
        assert [customer["source_id"] for customer in answer.body["customers"]] == names, field


@pytest.mark.parametrize("order", ["created_at", "-created_at", None])
def test_a_scroll_visits_everybody_once(sdk: Sdk, order: str | None) -> None:
    names = [create(sdk, source_id=f"customer {number}")["source_id"] for number in range(7)]
    cursor = datetime(1970, 1, 1, tzinfo=UTC) if order == "created_at" else datetime(2200, 1, 1, tzinfo=UTC)
    seen: list[str] = []
    has_more: bool | None = True
    while has_more:
        listed = sdk.customers.list_customers(
            limit=3, starting_after=cursor, order=ParameterOrderListCustomers(order) if order else None
        )
        assert listed.total == 7
        page = listed.customers or []
        seen += name_all(listed)
        has_more = listed.has_more
        if page and page[-1].created_at:
            cursor = page[-1].created_at
    assert seen == (names if order == "created_at" else names[::-1])


def test_the_members_of_a_segment_of_any_type_are_listed(sdk: Sdk, three: list[dict[str, Any]]) -> None:
    paris = {"junction": "and", "address.city": {"conditions": {"$is": ["Paris"]}}}
    segments = {
        type: sdk.segments.create_segment(
            voucherify.SegmentsCreateRequestBody.model_validate({"name": type, "type": type, **fields})
        ).id
        for type, fields in (
            ("static", {"customers": [three[0]["id"], three[2]["id"]]}),
            ("passive", {"filter": paris}),
            ("auto-update", {"filter": paris}),
        )
    }

    def list_members(type: str) -> list[str]:
        return name_all(sdk.customers.list_customers(segment_id=segments[type]))

    assert list_members("static") == ["cid", "ann"]
    assert list_members("passive") == ["bob"]
    wait_until(lambda: list_members("auto-update") == ["bob"], "the evaluation of the segment")
    listed = sdk.customers.list_customer_segments("bob")
    assert {str(segment.name) for segment in listed.data or []} == {"passive", "auto-update"}
    assert listed.total == 2
    assert sdk.customers.list_customer_segments("ann").total == 1
    # Who is not there is nobody of whom anything is known.
    assert sdk.customers.list_customer_segments("nobody").total == 0
    with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
        sdk.customers.list_customers(segment_id="seg_" + "0" * 32)
    assert read_refusal(refusal.value)["resource_type"] == "segment"


# --- what others say of them ------------------------------------------------------------------------


def test_orders_and_cards_show_in_the_summary(sdk: Sdk) -> None:
    create(sdk, source_id="ann")
    for amount in (200_000, 3_900):
        body = {"status": "PAID", "amount": amount, "customer": {"source_id": "ann"}}
        assert sdk.send("POST", "/v1/orders", body).status == 200
        last_order = sdk.raw
    sdk.make_campaign("Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(5_000), vouchers_count=1)
    body = {"campaign": {"name": "Gifts"}, "customer": {"source_id": "ann"}}
    assert sdk.send("POST", "/v1/publications", body).status == 200, sdk.raw
    summary = sdk.customers.get_customer("ann").summary
    assert summary is not None
    assert sdk.raw["summary"]["orders"] == {
        "total_amount": 203_900,
        "total_count": 2,
        "average_amount": 101_950,
        "last_order_amount": 3_900,
        "last_order_date": last_order["created_at"],
    }
    assert sdk.raw["summary"]["redemptions"]["gift"] == {"redeemed_amount": 0, "amount_to_go": 5_000}


def test_consents_are_answered_and_not_kept(sdk: Sdk) -> None:
    create(sdk, source_id="ann")
    assert sdk.send("GET", "/v1/consents").status == 200
    assert sdk.send("PUT", "/v1/customers/ann/consents", {"unsubscribed": True}).status == 204
    assert sdk.send("PUT", "/v1/customers/nobody/consents", {"unsubscribed": True}).status == 404


# --- with a token -----------------------------------------------------------------------------------


@pytest.fixture
def bearer(sdk: Sdk, server: Server) -> Iterator[Sdk]:
    """The SDK with a token that is for customers alone."""
    form = {"grant_type": "client_credentials", "scope": "customers"}
    token = sdk.send("POST", "/v1/oauth/token", form=form).body["access_token"]
    client = Sdk(server.address, {"Authorization": f"Bearer {token}"})
    yield client
    client.close()


def test_a_token_for_customers_does_what_the_keys_do(sdk: Sdk, bearer: Sdk) -> None:
    created = create(bearer, **ANN)
    assert bearer.customers.get_customer("ann").id == created["id"]
    bearer.customers.update_customer("ann", voucherify.CustomersUpdateRequestBody(name="Anna"))
    assert bearer.customers.list_customers().total == 1
    assert bearer.customers.list_customer_segments("ann").total == 0
    bearer.customers.delete_customer("ann")
    assert sdk.customers.list_customers().total == 0
    with pytest.raises(voucherify.exceptions.ForbiddenException):
        bearer.vouchers.list_vouchers()
