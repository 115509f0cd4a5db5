"""Metadata of many vouchers changed at once."""

import csv
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher

pytestmark = pytest.mark.slow


@pytest.fixture
def three(sdk: Sdk) -> None:
    """A and B without a campaign, C in one; each with metadata."""
    sdk.make_campaign("Spring", metadata={"season": "spring"})
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Spring", "C")
    for code in ("A", "B"):
        sdk.vouchers.create_voucher(
            code,
            voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(
                {**discount_voucher(), "metadata": {"a": 1, "b": code}}
            ),
        )


def read_report(action: dict[str, Any]) -> list[dict[str, str]]:
    """The rows of the report that the action links to; the link needs no keys."""
    (link,) = action["result"]["reports"]
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - the server's own link
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        return [*csv.DictReader(answer.read().decode().splitlines())]


@pytest.mark.usefixtures("three")
def test_each_voucher_gets_its_own_metadata(sdk: Sdk) -> None:
    accepted = sdk.vouchers.update_vouchers_in_bulk(
        [
            voucherify.VouchersUpdateInBulkItemRequestBody(code="A", metadata={"b": 2, "c": [1]}),
            voucherify.VouchersUpdateInBulkItemRequestBody(code="C", metadata={"own": True}),
        ]
    )
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["status"], action["operation_status"]) == (
        "VOUCHERS.BULK_UPDATE",
        "DONE",
        "SUCCESS",
    )
    result = action["result"]
    assert (result["done_count"], result["failed_count"], result["errors"]) == (2, 0, [])
    until = datetime.fromisoformat(result["reports_available_till"])
    assert timedelta(days=6) < until - datetime.now(UTC) <= timedelta(days=7)
    assert read_report(action) == [
        {"code": "A", "found": "true", "updated": "true"},
        {"code": "C", "found": "true", "updated": "true"},
    ]
    assert sdk.vouchers.get_voucher("A").metadata == {"a": 1, "b": 2, "c": [1]}
    assert sdk.vouchers.get_voucher("B").metadata == {"a": 1, "b": "B"}
    changed = sdk.vouchers.get_voucher("C")
    assert changed.metadata == {"season": "spring", "own": True}
    assert changed.updated_at is not None


@pytest.mark.usefixtures("three")
def test_unknown_codes_are_told_and_not_made(sdk: Sdk) -> None:
    accepted = sdk.vouchers.update_vouchers_in_bulk(
        [
            voucherify.VouchersUpdateInBulkItemRequestBody(code="UNKNOWN", metadata={"x": 1}),
            voucherify.VouchersUpdateInBulkItemRequestBody(code="A", metadata={"x": 1}),
        ]
    )
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["status"], action["operation_status"]) == ("DONE", "FAILED")
    result = action["result"]
    assert (result["done_count"], result["failed_count"]) == (1, 1)
    assert result["errors"] == [
        {
            "message": "Resource not found",
            "details": "Cannot find voucher with id UNKNOWN",
            "key": "not_found",
            "code": "UNKNOWN",
        }
    ]
    assert read_report(action) == [
        {"code": "UNKNOWN", "found": "false", "updated": "false"},
        {"code": "A", "found": "true", "updated": "true"},
    ]
    assert sdk.vouchers.list_vouchers().total == 3


@pytest.mark.usefixtures("three")
def test_metadata_that_does_not_fit_changes_nothing(sdk: Sdk) -> None:
    sdk.send(
        "POST",
        "/v1/metadata-schemas",
        {"related_object": "voucher", "properties": {"rank": {"type": "number"}}},
    )
    accepted = sdk.vouchers.update_vouchers_in_bulk(
        [
            voucherify.VouchersUpdateInBulkItemRequestBody(code="A", metadata={"rank": "x", "b": 9}),
            voucherify.VouchersUpdateInBulkItemRequestBody(code="B", metadata={"rank": 4}),
        ]
    )
    result = sdk.wait_for_action(accepted.async_action_id)["result"]
    assert result["errors"] == [
        {
            "message": "Metadata validation failed",
            "details": "rank: must be a number (actual value is 'x')",
            "key": "metadata_validation_failed",
            "code": "A",
        }
    ]
    assert sdk.vouchers.get_voucher("A").metadata == {"a": 1, "b": "A"}
    assert sdk.vouchers.get_voucher("B").metadata == {"a": 1, "b": "B", "rank": 4}


@pytest.mark.usefixtures("three")
def test_many_vouchers_get_the_same_metadata(sdk: Sdk) -> None:
    accepted = sdk.vouchers.update_vouchers_metadata_in_bulk(
        voucherify.VouchersMetadataUpdateInBulkRequestBody(
            codes=["A", "UNKNOWN", "C"], metadata={"a": None, "new": "x"}
        )
    )
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["operation_status"]) == ("VOUCHERS.METADATA_UPDATE", "FAILED")
    result = action["result"]
    assert (result["done_count"], result["failed_count"]) == (2, 1)
    assert [(each["code"], each["key"]) for each in result["errors"]] == [("UNKNOWN", "not_found")]
    assert sdk.vouchers.get_voucher("A").metadata == {"a": None, "b": "A", "new": "x"}
    assert sdk.vouchers.get_voucher("B").metadata == {"a": 1, "b": "B"}
    assert sdk.vouchers.get_voucher("C").metadata == {"season": "spring", "a": None, "new": "x"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/vouchers/bulk/async", {"code": "A", "metadata": {}}),
        ("/v1/vouchers/bulk/async", [{"metadata": {"a": 1}}]),
        ("/v1/vouchers/bulk/async", [{"code": "A"}]),
        ("/v1/vouchers/metadata/async", {"codes": ["A"]}),
        ("/v1/vouchers/metadata/async", {"metadata": {"a": 1}}),
    ],
)
def test_a_body_of_another_form_is_refused(sdk: Sdk, path: str, body: Any) -> None:
    answer = sdk.send("POST", path, body)
    assert (answer.status, answer.body["key"]) == (400, "invalid_payload")
    assert sdk.actions.list_async_actions().async_actions == []


def test_the_link_of_a_report_cannot_be_guessed(sdk: Sdk) -> None:
    accepted = sdk.vouchers.update_vouchers_in_bulk(
        [voucherify.VouchersUpdateInBulkItemRequestBody(code="A", metadata={"x": 1})]
    )
    action = sdk.wait_for_action(accepted.async_action_id)
    (link,) = action["result"]["reports"]
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(link[:-1] + ("A" if link[-1] != "A" else "B"))  # noqa: S310
    assert refusal.value.code == 401
    refusal.value.close()
