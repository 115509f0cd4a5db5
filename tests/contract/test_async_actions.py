"""Async actions: one by one, and as a list."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, read_refusal

pytestmark = pytest.mark.slow


def start_one_of_each(sdk: Sdk) -> dict[str, str]:
    """An action of each type, finished one after the other: ids by type, in this order."""
    ids: dict[str, str] = {}

    def note(action_id: Any) -> None:
        action = sdk.wait_for_action(action_id)
        ids[action["type"]] = action["id"]

    sdk.make_campaign("Spring", vouchers_count=2)
    (generation,) = sdk.actions.list_async_actions().async_actions or []
    note(generation.id)
    sdk.campaigns.update_campaign("Spring", voucherify.CampaignsUpdateRequestBody(validity_day_of_week=[1]))
    sdk.wait_for_campaign("Spring")
    newest, _ = sdk.actions.list_async_actions().async_actions or []
    note(newest.id)
    item = voucherify.CampaignsImportVoucherItem(code="A")
    note(sdk.campaigns.import_vouchers_to_campaign("Spring", [item]).async_action_id)
    note(sdk.campaigns.import_vouchers_to_campaign_using_csv("Spring", file=b"Code\nB\n").async_action_id)
    row = voucherify.VouchersImportCreateItemRequestBody.model_validate({"code": "C", **discount_voucher()})
    note(sdk.vouchers.import_vouchers([row]).async_action_id)
    file = b"Code,Voucher Type,Value,Discount Type\nD,DISCOUNT_VOUCHER,5,PERCENT\n"
    note(sdk.vouchers.import_vouchers_using_csv(file=file).async_action_id)
    change = voucherify.VouchersUpdateInBulkItemRequestBody(code="A", metadata={"x": 1})
    note(sdk.vouchers.update_vouchers_in_bulk([change]).async_action_id)
    changes = voucherify.VouchersMetadataUpdateInBulkRequestBody(codes=["A"], metadata={"x": 2})
    note(sdk.vouchers.update_vouchers_metadata_in_bulk(changes).async_action_id)
    note(sdk.campaigns.delete_campaign("Spring").async_action_id)
    return ids


IMPORTED = {
    "message": "1 voucher(s) imported successfully, 0 failed.",
    "failed": [],
    "done_count": 1,
    "failed_count": 0,
}
CHANGED = {"done_count": 1, "failed_count": 0, "errors": []}
RESULTS: dict[str, Any] = {
    "CAMPAIGN.VOUCHERS_GENERATE": {"message": "Generated 2 vouchers.", "done_count": 2},
    "CAMPAIGN.VOUCHERS_UPDATE": {"message": "Updated 2 vouchers.", "done_count": 2},
    "CAMPAIGN.VOUCHERS_IMPORT": IMPORTED,
    "CAMPAIGN.VOUCHERS_IMPORT_CSV": IMPORTED,
    "VOUCHERS.IMPORT": IMPORTED,
    "VOUCHERS.IMPORT_CSV": IMPORTED,
    "VOUCHERS.BULK_UPDATE": CHANGED,
    "VOUCHERS.METADATA_UPDATE": CHANGED,
    "CAMPAIGN.VOUCHERS_DELETE": {"message": "Deleted 4 vouchers.", "done_count": 4},
}


def test_every_type_is_listed_and_read(sdk: Sdk) -> None:
    before = datetime.now(UTC)
    ids = start_one_of_each(sdk)
    assert list(ids) == list(RESULTS)

    listed = sdk.actions.list_async_actions(limit=100)
    assert (listed.object, listed.data_ref, listed.has_more) == ("list", "async_actions", False)
    assert [each.type for each in listed.async_actions or []] == list(RESULTS)[::-1]
    in_list = {each["id"]: each for each in sdk.raw["async_actions"]}
    seen: dict[str, Any] = {}
    for action_type, action_id in ids.items():
        parsed = sdk.actions.get_async_action(action_id)
        raw = dict(sdk.raw)
        assert (parsed.type, parsed.status, parsed.progress) == (action_type, "DONE", 100)
        assert parsed.created_at is not None
        assert before - timedelta(seconds=1) < parsed.created_at < datetime.now(UTC)
        assert parsed.result == raw["result"]
        bulk = action_type in ("VOUCHERS.BULK_UPDATE", "VOUCHERS.METADATA_UPDATE")
        assert parsed.operation_status == ("SUCCESS" if bulk else None)
        result = raw.pop("result")
        assert raw.pop("processing_time") == parsed.processing_time
        assert raw == in_list[action_id]
        links = ("reports", "reports_available_till")
        seen[action_type] = {name: value for name, value in result.items() if name not in links}
    assert seen == RESULTS


def test_a_list_goes_on_before_the_date_of_its_last_item(sdk: Sdk) -> None:
    sdk.make_campaign("Spring")
    ids = [
        sdk.campaigns.import_vouchers_to_campaign_using_csv("Spring", file=b"Code\nA\n").async_action_id
        for _ in range(5)
    ]
    for action_id in ids:
        sdk.wait_for_action(action_id)
    first = sdk.actions.list_async_actions(limit=2)
    items = first.async_actions or []
    assert [each.id for each in items] == ids[:2:-1]
    assert first.has_more is True
    rest = sdk.actions.list_async_actions(limit=3, end_date=items[-1].created_at)
    assert [each.id for each in rest.async_actions or []] == ids[2::-1]
    assert rest.has_more is False
    whole = sdk.actions.list_async_actions()
    assert [each.id for each in whole.async_actions or []] == ids[::-1]


@pytest.mark.parametrize(
    ("query", "details"),
    [
        (
            {"end_date": "yesterday"},
            "Property .end_date cannot be recognized as a ISO-8601 compliant date",
        ),
        ({"limit": "101"}, "Property .limit must be <= 100"),
        ({"limit": "0"}, "Property .limit must be >= 1"),
    ],
)
def test_a_page_that_cannot_be_is_refused(sdk: Sdk, query: dict[str, str], details: str) -> None:
    answer = sdk.send("GET", "/v1/async-actions", query=query)
    assert (answer.status, answer.body["key"], answer.body["details"]) == (
        400,
        "invalid_query_params",
        details,
    )


def test_an_action_is_found_in_its_own_project_alone(sdk: Sdk, other_sdk: Sdk) -> None:
    sdk.make_campaign("Spring", vouchers_count=1)
    (action,) = sdk.actions.list_async_actions().async_actions or []
    assert other_sdk.actions.list_async_actions().async_actions == []
    for sent in (str(action.id), "aa_0ba518c55290c6fd62", "nonsense"):
        with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
            other_sdk.actions.get_async_action(sent)
        assert read_refusal(refusal.value) == {
            "code": 404,
            "key": "not_found",
            "message": "Resource not found",
            "details": f"Cannot find async_action with id {sent}",
            "resource_id": sent,
            "resource_type": "async_action",
        }


def test_a_cancelled_import_is_read_as_one_that_failed(sdk: Sdk) -> None:
    sdk.make_campaign("Spring")
    file = b"Code\n" + b"".join(b"C-%d\n" % number for number in range(100_000))
    action_id = sdk.campaigns.import_vouchers_to_campaign_using_csv("Spring", file=file).async_action_id
    answer = sdk.send("POST", f"/v1/async-actions/{action_id}/cancel")
    assert (answer.status, answer.body["id"], answer.body["cancelled"]) == (202, action_id, True)
    ended = sdk.wait_for_action(action_id)
    done = ended["done_count"]
    assert done < 100_000, "too quick: make the file larger"
    parsed = sdk.actions.get_async_action(str(action_id))
    assert (parsed.status, parsed.progress) == ("FAILED", ended["progress"])
    assert parsed.result is not None
    assert parsed.result["message"] == f"Cancelled after {done} of 100000 rows."
    refused = sdk.send("POST", f"/v1/async-actions/{action_id}/cancel")
    assert (refused.status, refused.body["key"]) == (400, "invalid_async_action")
    assert sdk.send("GET", "/v1/campaigns/Spring").body["vouchers_count"] == done


def test_how_fast_it_goes_is_there_for_those_who_look(sdk: Sdk) -> None:
    sdk.make_campaign("Spring")
    accepted = sdk.campaigns.import_vouchers_to_campaign_using_csv("Spring", file=b"Code\nA\nB\n")
    action = sdk.wait_for_action(accepted.async_action_id)
    fields = ("done_count", "failed_count", "total_count", "seconds_left", "dry_run", "cancelled")
    assert tuple(action[name] for name in fields) == (2, 0, 2, None, False, False)
    assert action["created_at"] <= action["started_at"] <= action["updated_at"]
    assert action["rows_per_second"] > 0
