"""Segments with the official client: making them, who is in them, and what is told of entering."""

from collections.abc import Iterator
from typing import Any

import pytest
import voucherify

from programs import wait_until
from sdk_client import Sdk, read_refusal
from servers import Server

pytestmark = pytest.mark.slow

PARIS = {"junction": "and", "address.city": {"conditions": {"$in": ["Paris"]}}}
NOT_PARIS = {"address.city": {"conditions": {"$is_not": "Paris"}}}
UNKNOWN = "seg_" + "0" * 32


def create(sdk: Sdk, **fields: Any) -> dict[str, Any]:
    """The raw segment."""
    sdk.segments.create_segment(voucherify.SegmentsCreateRequestBody.model_validate(fields))
    segment: dict[str, Any] = sdk.raw
    return segment


def add_customer(sdk: Sdk, name: str, **fields: Any) -> str:
    body = voucherify.CustomersCreateRequestBody.model_validate({"source_id": name, **fields})
    return str(sdk.customers.create_customer(body).id)


def list_members(sdk: Sdk, segment: dict[str, Any]) -> list[str]:
    listed = sdk.customers.list_customers(segment_id=segment["id"], limit=100)
    return sorted(str(customer.source_id) for customer in listed.customers or [])


def list_segments_of(sdk: Sdk, customer: str) -> list[str]:
    listed = sdk.customers.list_customer_segments(customer)
    assert listed.total == len(listed.data or [])
    return sorted(str(segment.name) for segment in listed.data or [])


@pytest.fixture
def three(sdk: Sdk) -> list[str]:
    """Ann in Paris, Bob in Lyon, Eve nowhere; their ids."""
    return [
        add_customer(sdk, "ann", address={"city": "Paris"}),
        add_customer(sdk, "bob", address={"city": "Lyon"}),
        add_customer(sdk, "eve"),
    ]


# --- create, read, change, delete ----------------------------------------------------------------------


def test_a_static_segment_has_the_customers_it_names(sdk: Sdk, three: list[str]) -> None:
    segment = create(sdk, name="Few", type="static", customers=three[:2])
    assert (segment["name"], segment["type"], segment["filter"]) == ("Few", "static", None)
    assert list_members(sdk, segment) == ["ann", "bob"]
    sdk.customers.update_customer("ann", voucherify.CustomersUpdateRequestBody(name="Anna"))
    assert list_members(sdk, segment) == ["ann", "bob"]
    assert sdk.segments.get_segment(segment["id"]).name == "Few"
    assert sdk.raw == segment


@pytest.mark.usefixtures("three")
def test_customers_may_be_named_as_objects(sdk: Sdk) -> None:
    body = {"name": "Few", "type": "static", "customers": [{"source_id": "eve"}, {"source_id": "ann"}]}
    segment = sdk.send("POST", "/v1/segments", body).body
    assert list_members(sdk, segment) == ["ann", "eve"]


@pytest.mark.usefixtures("three")
def test_an_unknown_customer_makes_no_segment(sdk: Sdk) -> None:
    with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
        create(sdk, name="Few", type="static", customers=["cust_unknown"])
    assert read_refusal(refusal.value)["details"] == "Cannot find customer with id cust_unknown"
    assert sdk.send("GET", "/v1/segments").body["total"] == 0


@pytest.mark.usefixtures("three")
def test_a_passive_segment_is_what_its_rule_says_now(sdk: Sdk) -> None:
    segment = create(sdk, name="Paris", type="passive", filter=PARIS)
    assert segment["filter"] == PARIS
    assert list_members(sdk, segment) == ["ann"]
    sdk.customers.update_customer("bob", voucherify.CustomersUpdateRequestBody(address={"city": "Paris"}))  # type: ignore[arg-type]
    assert list_members(sdk, segment) == ["ann", "bob"]
    changed = sdk.send("PUT", f"/v1/segments/{segment['id']}", {"name": "Not Paris", "filter": NOT_PARIS})
    assert (changed.body["name"], changed.body["filter"]) == ("Not Paris", NOT_PARIS)
    assert list_members(sdk, segment) == ["eve"]
    listed = sdk.send("GET", f"/v1/segments/{segment['id']}/activities").body["data"]
    assert [each["type"] for each in listed] == [
        "segment.updated",
        "segment.filters_updated",
        "segment.created",
    ]


@pytest.mark.usefixtures("three")
def test_a_filter_without_a_type_makes_an_auto_update_segment(sdk: Sdk) -> None:
    segment = create(sdk, name="Not Paris", filter=NOT_PARIS)
    assert segment["type"] == "auto-update"
    wait_until(lambda: list_members(sdk, segment) == ["bob", "eve"], "the first evaluation")


def test_a_deleted_segment_is_not_found(sdk: Sdk, three: list[str]) -> None:
    segment = create(sdk, name="Few", type="static", customers=three)
    sdk.segments.delete_segment(segment["id"])
    for read in (
        lambda: sdk.segments.get_segment(segment["id"]),
        lambda: sdk.customers.list_customers(segment_id=segment["id"]),
    ):
        with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
            read()
        assert read_refusal(refusal.value) == {
            "code": 404,
            "key": "not_found",
            "message": "Resource not found",
            "details": f"Cannot find segment with id {segment['id']}",
            "resource_id": segment["id"],
            "resource_type": "segment",
        }
    assert list_segments_of(sdk, "ann") == []
    assert sdk.customers.list_customers().total == 3


def test_a_wrong_filter_is_refused(sdk: Sdk) -> None:
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        create(sdk, name="X", type="passive", filter={"junction": "xor"})
    assert read_refusal(refusal.value)["key"] == "invalid_payload"


def test_segments_are_listed_with_filters(sdk: Sdk, three: list[str]) -> None:
    few = create(sdk, name="Few", type="static", customers=three)
    paris = create(sdk, name="Paris", type="passive", filter=PARIS)
    assert sdk.send("GET", "/v1/segments").body["data"] == [paris, few]
    query = {"filters[type][conditions][$is]": "static"}
    assert sdk.send("GET", "/v1/segments", query=query).body["data"] == [few]
    assert sdk.send("GET", "/v1/segments", query={"ids": paris["id"]}).body["data"] == [paris]
    query = {"order": "created_at", "limit": "1", "starting_after": "1970-01-01T00:00:00Z"}
    scrolled = sdk.send("GET", "/v1/segments", query=query).body
    assert (scrolled["data"], scrolled["has_more"]) == ([few], True)


# --- entering and leaving --------------------------------------------------------------------------------


@pytest.mark.usefixtures("three")
def test_whoever_comes_to_match_enters_and_who_ceases_to_leaves(sdk: Sdk) -> None:
    segment = create(sdk, name="Paris", type="auto-update", filter=PARIS)
    wait_until(lambda: list_members(sdk, segment) == ["ann"], "the first evaluation")
    for name, city in (("bob", "Paris"), ("ann", "Lyon")):
        body = {"address": {"city": city}}
        sdk.customers.update_customer(name, voucherify.CustomersUpdateRequestBody.model_validate(body))
    wait_until(lambda: list_members(sdk, segment) == ["bob"], "the change of the members")

    def list_told(name: str) -> list[Any]:
        told = sdk.send("GET", f"/v1/customers/{name}/activity").body["data"]
        return [each for each in told if each["type"].startswith("customer.segment.")]

    wait_until(lambda: list_told("bob") and list_told("ann"), "the activity")
    (entered,) = list_told("bob")
    (left,) = list_told("ann")
    assert (entered["type"], left["type"]) == ("customer.segment.entered", "customer.segment.left")
    payload = entered["data"]["data"]
    assert payload["segment"] == {"id": segment["id"], "name": "Paris", "object": "segment"}
    assert payload["customer"]["source_id"] == "bob"
    assert payload["customer"]["address"]["city"] == "Paris"


@pytest.mark.usefixtures("three")
def test_the_segments_of_a_customer_are_listed(sdk: Sdk) -> None:
    kept = create(sdk, name="Not Paris", type="auto-update", filter=NOT_PARIS)
    create(sdk, name="In Paris", type="passive", filter=PARIS)
    create(sdk, name="Of many orders", type="passive", filter=_more("summary.orders.total_count", 5))
    create(sdk, name="Of few orders", type="passive", filter=_less("summary.orders.total_count", 5))
    wait_until(lambda: list_members(sdk, kept) == ["bob", "eve"], "the first evaluation")
    assert list_segments_of(sdk, "ann") == ["In Paris", "Of few orders"]
    assert list_segments_of(sdk, "eve") == ["Not Paris", "Of few orders"]
    # Nobody knows her; she is what whoever is not in Paris is.
    assert list_segments_of(sdk, "unknown") == ["Not Paris", "Of few orders"]


def test_a_deleted_customer_is_in_no_segment(sdk: Sdk, three: list[str]) -> None:
    static = create(sdk, name="Few", type="static", customers=three)
    kept = create(sdk, name="Paris", type="auto-update", filter=PARIS)
    wait_until(lambda: list_members(sdk, kept) == ["ann"], "the first evaluation")
    sdk.customers.delete_customer("ann")
    assert list_members(sdk, static) == ["bob", "eve"]
    assert list_members(sdk, kept) == []


def _more(field: str, number: int) -> dict[str, Any]:
    return {field: {"conditions": {"$more_than": [number]}}}


def _less(field: str, number: int) -> dict[str, Any]:
    return {field: {"conditions": {"$less_than": [number]}}}


# --- whose they are --------------------------------------------------------------------------------------


def test_another_project_does_not_find_it(sdk: Sdk, other_sdk: Sdk, three: list[str]) -> None:
    segment = create(sdk, name="Few", type="static", customers=three)
    with pytest.raises(voucherify.exceptions.NotFoundException):
        other_sdk.segments.get_segment(segment["id"])
    with pytest.raises(voucherify.exceptions.NotFoundException):
        other_sdk.segments.delete_segment(segment["id"])
    with pytest.raises(voucherify.exceptions.NotFoundException):
        create(other_sdk, name="Stolen", type="static", customers=three)
    assert list_members(sdk, segment) == ["ann", "bob", "eve"]


@pytest.fixture
def bearer(sdk: Sdk, server: Server) -> Iterator[Sdk]:
    """The SDK with a token that is for segments alone."""
    form = {"grant_type": "client_credentials", "scope": "segments"}
    token = sdk.send("POST", "/v1/oauth/token", form=form).body["access_token"]
    client = Sdk(server.address, {"Authorization": f"Bearer {token}"})
    yield client
    client.close()


def test_a_token_for_segments_does_what_the_keys_do(sdk: Sdk, bearer: Sdk) -> None:
    segment = create(bearer, name="Paris", type="passive", filter=PARIS)
    assert bearer.segments.get_segment(segment["id"]).id == segment["id"]
    assert bearer.send("GET", "/v1/segments").body["total"] == 1
    renamed = bearer.send("PUT", f"/v1/segments/{segment['id']}", {"name": "City of light"})
    assert renamed.body["name"] == "City of light"
    assert bearer.send("GET", f"/v1/segments/{segment['id']}/activities").status == 200
    bearer.segments.delete_segment(segment["id"])
    assert sdk.send("GET", f"/v1/segments/{segment['id']}").status == 404
    with pytest.raises(voucherify.exceptions.ForbiddenException):
        bearer.customers.list_customers()
