"""Customers from files, and many of them changed at once."""

import csv
import urllib.request
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk

pytestmark = pytest.mark.slow

FILE = b"""Name,Email,Source_id,Birthdate,Address_City,tier,points
Ann,ann@example.com,ann,1990-01-02,Rome,gold,12
Bob,bob@example.com,bob,1990-02-30,,,
,,cid,,Paris,,many
"""


def read_report(action: dict[str, Any]) -> list[dict[str, str]]:
    (link,) = action["result"]["reports"]
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - the server's own link
        return [*csv.DictReader(answer.read().decode().splitlines())]


def define_points(sdk: Sdk) -> None:
    sdk.send(
        "POST",
        "/v1/metadata-schemas",
        {"related_object": "customer", "properties": {"points": {"type": "number"}}},
    )


def test_a_file_makes_customers_and_tells_what_it_could_not_take(sdk: Sdk) -> None:
    define_points(sdk)
    accepted = sdk.customers.import_customers_using_csv(file=FILE)
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["status"]) == ("CUSTOMERS.IMPORT_CSV", "DONE")
    result = action["result"]
    assert (result["done_count"], result["failed_count"]) == (1, 2)
    assert result["message"] == "1 customer(s) imported successfully, 2 failed."
    assert result["failed"] == [
        {"source_id": "bob", "row": 2, "reason": "Invalid value for Birthdate: 1990-02-30"},
        {"source_id": "cid", "row": 3, "reason": "points: must be a number (actual value is 'many')"},
    ]
    bob, cid = read_report(action)
    assert (bob["source_id"], bob["row"], bob["line"], bob["Name"]) == ("bob", "2", "3", "Bob")
    assert cid["reason"] == "points: must be a number (actual value is 'many')"

    ann = sdk.customers.get_customer("ann")
    assert (ann.name, ann.email, ann.metadata) == ("Ann", "ann@example.com", {"tier": "gold", "points": 12})
    assert sdk.raw["birthdate"] == "1990-01-02"
    assert sdk.raw["address"] == {"city": "Rome"}
    assert sdk.customers.list_customers().total == 1


def test_a_file_overwrites_metadata_where_a_request_merges_it(sdk: Sdk) -> None:
    sdk.customers.create_customer(
        voucherify.CustomersCreateRequestBody(source_id="ann", name="Ann", phone="1", metadata={"a": 1})
    )
    accepted = sdk.customers.import_customers_using_csv(file=b"Source_id,Name,b\nann,Anna,2\n")
    assert sdk.wait_for_action(accepted.async_action_id)["result"]["done_count"] == 1
    ann = sdk.customers.get_customer("ann")
    assert (ann.name, ann.phone, ann.metadata) == ("Anna", "1", {"b": "2"})

    accepted_update = sdk.customers.update_customers_in_bulk(
        [voucherify.CustomersUpdateInBulkRequestBody(source_id="ann", metadata={"c": True})]
    )
    sdk.wait_for_action(accepted_update.async_action_id)
    assert sdk.customers.get_customer("ann").metadata == {"b": "2", "c": True}


def test_a_bulk_update_makes_those_who_are_not_there_and_says_so(sdk: Sdk) -> None:
    define_points(sdk)
    sdk.customers.create_customer(
        voucherify.CustomersCreateRequestBody(source_id="ann", name="Ann", metadata={"a": 1})
    )
    accepted = sdk.customers.update_customers_in_bulk(
        [
            voucherify.CustomersUpdateInBulkRequestBody(source_id="ann", metadata={"points": 1}),
            voucherify.CustomersUpdateInBulkRequestBody(source_id="bob", name="Bob", email="bob@example.com"),
            voucherify.CustomersUpdateInBulkRequestBody(source_id="cid", metadata={"points": "many"}),
        ]
    )
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["operation_status"]) == ("CUSTOMERS.BULK_UPDATE", "FAILED")
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (2, 1)
    assert action["result"]["errors"] == [
        {
            "message": "Metadata validation failed",
            "details": "points: must be a number (actual value is 'many')",
            "key": "metadata_validation_failed",
            "source_id": "cid",
        }
    ]
    assert read_report(action) == [
        {"source_id": "ann", "found": "true", "updated": "true"},
        {"source_id": "bob", "found": "false", "updated": "true"},
        {"source_id": "cid", "found": "false", "updated": "false"},
    ]
    assert sdk.customers.get_customer("ann").metadata == {"a": 1, "points": 1}
    bob = sdk.customers.get_customer("bob")
    assert (bob.name, bob.email) == ("Bob", "bob@example.com")
    assert sdk.customers.list_customers().total == 2


def test_many_customers_get_the_same_metadata(sdk: Sdk) -> None:
    sdk.customers.create_customer(
        voucherify.CustomersCreateRequestBody(source_id="ann", metadata={"a": 1, "b": 1})
    )
    accepted = sdk.customers.update_customers_metadata_in_bulk(
        voucherify.CustomersMetadataUpdateInBulkRequestBody(
            source_ids=["ann", "bob"], metadata={"b": 2, "lang": "en"}
        )
    )
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["operation_status"]) == ("CUSTOMERS.METADATA_UPDATE", "SUCCESS")
    assert sdk.customers.get_customer("ann").metadata == {"a": 1, "b": 2, "lang": "en"}
    assert sdk.customers.get_customer("bob").metadata == {"b": 2, "lang": "en"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/customers/bulk/async", {"source_id": "ann"}),
        ("/v1/customers/bulk/async", [{"name": "Ann"}]),
        ("/v1/customers/bulk/async", [{"source_id": "ann", "birthdate": "yesterday"}]),
        ("/v1/customers/metadata/async", {"source_ids": ["ann"]}),
        ("/v1/customers/metadata/async", {"metadata": {"a": 1}}),
    ],
)
def test_a_body_of_another_form_is_refused(sdk: Sdk, path: str, body: Any) -> None:
    answer = sdk.send("POST", path, body)
    assert (answer.status, answer.body["key"]) == (400, "invalid_payload")
    assert sdk.customers.list_customers().total == 0


def test_an_upload_without_a_file_is_refused(sdk: Sdk) -> None:
    with pytest.raises(voucherify.exceptions.BadRequestException):
        sdk.customers.import_customers_using_csv()
    assert sdk.actions.list_async_actions().async_actions == []
