"""The rules that hold all other contract tests together find what they are to find."""

import copy
from typing import Any

import pytest

from answer_parts import metadata
from field_rules import find_violations, read_json
from wire_answers import find_faults, find_rule

pytestmark = pytest.mark.slow

CATEGORY = {
    "id": "cat_0123456789abcdef01",
    "name": "Spring",
    "hierarchy": 0,
    "created_at": "2026-03-01T12:00:00.000Z",
    "object": "category",
}
CAMPAIGN: dict[str, Any] = {
    "id": "camp_0123456789abcdef01",
    "name": "Spring",
    "campaign_type": "DISCOUNT_COUPONS",
    "type": "STATIC",
    "voucher": {
        "type": "DISCOUNT_VOUCHER",
        "discount": {"type": "PERCENT", "percent_off": 10},
        "redemption": {"quantity": None},
        "code_config": {"length": 8, "charset": "ab", "pattern": "########"},
        "is_referral_code": False,
    },
    "auto_join": False,
    "join_once": False,
    "use_voucher_metadata_schema": True,
    "vouchers_count": 0,
    "active": True,
    "metadata": {},
    "created_at": "2026-03-01T12:00:00.000Z",
    "creation_status": "DONE",
    "vouchers_generation_status": "DONE",
    "protected": False,
    "validation_rules_assignments": {"object": "list", "data_ref": "data", "data": [], "total": 0},
    "category_id": None,
    "categories": [],
    "object": "campaign",
}
ACTION: dict[str, Any] = {
    "id": "aa_0123456789abcdef01",
    "type": "VOUCHERS.IMPORT",
    "status": "DONE",
    "result": {
        "message": "done",
        "failed": [],
        "done_count": 1,
        "failed_count": 0,
        "reports": ["http://localhost/report"],
        "reports_available_till": "2026-03-08T12:00:01.500Z",
    },
    "created_at": "2026-03-01T12:00:00.000Z",
    "updated_at": "2026-03-01T12:00:01.500Z",
    "request_id": "v-0123456789abcdef01",
    "progress": 100,
    "processing_time": 1500,
    "done_count": 1,
    "failed_count": 0,
    "total_count": 1,
    "rows_per_second": 1.5,
    "seconds_left": None,
    "started_at": "2026-03-01T12:00:01.000Z",
    "dry_run": False,
    "cancelled": False,
    "object": "async_action",
}
ERROR: dict[str, Any] = {
    "code": 404,
    "key": "not_found",
    "message": "Resource not found",
    "details": "Cannot find voucher with id X",
    "request_id": "v-0123456789abcdef01",
    "resource_id": "X",
    "resource_type": "voucher",
}

GONE = object()
BROKEN: list[Any] = [
    ("GET", "/v1/categories/x", 200, CATEGORY, "name", GONE, "$.name is missing"),
    ("GET", "/v1/categories/x", 200, CATEGORY, "colour", "red", "$.colour does not belong there"),
    ("GET", "/v1/categories/x", 200, CATEGORY, "updated_at", None, "$.updated_at must be an instant"),
    ("GET", "/v1/categories/x", 200, CATEGORY, "hierarchy", "0", "$.hierarchy must be integer"),
    ("GET", "/v1/categories/x", 200, CATEGORY, "hierarchy", True, "$.hierarchy must be integer"),
    ("GET", "/v1/categories/x", 200, CATEGORY, "created_at", "2026-03-01T12:00:00Z", "$.created_at must be"),
    ("GET", "/v1/categories/x", 200, CATEGORY, "id", "c_0123456789abcdef01", "$.id must be an id cat_"),
    ("GET", "/v1/campaigns/x", 200, CAMPAIGN, "description", None, "$.description must be text"),
    ("GET", "/v1/campaigns/x", 200, CAMPAIGN, "category_id", GONE, "$.category_id is missing"),
    ("GET", "/v1/campaigns/x", 200, CAMPAIGN, "campaign_type", "GIFT_VOUCHERS", "$.voucher.gift is missing"),
    ("GET", "/v1/campaigns/x", 200, CAMPAIGN, "campaign_type", "PROMOTION", "$.promotion is missing"),
    ("GET", "/v1/campaigns/x", 200, CAMPAIGN, "category", "Spring", "must name the same"),
    ("GET", "/v1/async-actions/x", 200, ACTION, "progress", 99, "$.progress must be 100"),
    ("GET", "/v1/async-actions/x", 200, ACTION, "processing_time", 1400, "must be updated_at - created_at"),
    ("GET", "/v1/async-actions/x", 200, ACTION, "operation_status", "SUCCESS", "does not belong there"),
    ("GET", "/v1/async-actions/x", 200, ACTION, "seconds_left", 1, "$.seconds_left must be null"),
    ("GET", "/v1/async-actions/x", 200, ACTION, "cancelled", GONE, "$.cancelled is missing"),
    ("GET", "/v1/async-actions/x", 200, ACTION, "result", None, "$.result must be an object"),
    ("GET", "/v1/vouchers/X", 404, ERROR, "resource_type", GONE, "$.resource_type is missing"),
    ("GET", "/v1/vouchers/X", 404, ERROR, "details", None, "$.details must be text"),
    ("GET", "/v1/vouchers/X", 404, ERROR, "code", 400, "$.code must be 404"),
]


@pytest.mark.parametrize(
    ("method", "path", "status", "good"),
    [case[:4] for case in BROKEN if case[4] in ("name", "description", "progress", "code")],
)
def test_a_good_answer_has_no_faults(method: str, path: str, status: int, good: dict[str, Any]) -> None:
    assert find_faults(method, path, status, good) == []


@pytest.mark.parametrize(("method", "path", "status", "good", "field", "value", "expected"), BROKEN)
def test_a_broken_answer_is_found(
    method: str, path: str, status: int, good: dict[str, Any], field: str, value: Any, expected: str
) -> None:
    broken = copy.deepcopy(good)
    if value is GONE:
        del broken[field]
    else:
        broken[field] = value
    faults = find_faults(method, path, status, broken)
    assert any(expected in fault for fault in faults), faults


def test_an_item_of_a_list_is_found_by_its_place() -> None:
    item = {name: value for name, value in CAMPAIGN.items() if name != "validation_rules_assignments"}
    answer = {"object": "list", "data_ref": "campaigns", "campaigns": [item, {**item, "name": 5}], "total": 2}
    assert find_faults("GET", "/v1/campaigns", 200, answer) == ["$.campaigns[1].name must be text, is 5"]
    answer["campaigns"] = [CAMPAIGN]
    assert find_faults("GET", "/v1/campaigns", 200, answer) == [
        "$.campaigns[0].validation_rules_assignments does not belong there"
    ]


def test_a_cursor_stands_where_there_is_more_and_nowhere_else() -> None:
    entry = {
        "id": "tbe_0123456789abcdef01",
        "created_at": "2026-03-01T12:00:00.000Z",
        "deleted_by_user_id": None,
        "resource_id": "camp_0123456789abcdef01",
        "resource_type": "campaign",
        "resource_name": "Spring",
        "resource_parent_id": None,
        "object": "campaign",
    }
    whole = {"object": "list", "data_ref": "data", "data": [entry], "total": 1, "has_more": False}
    assert find_faults("GET", "/v1/trash-bin", 200, whole) == []
    more = {**whole, "has_more": True}
    assert find_faults("GET", "/v1/trash-bin", 200, more) == ["$.more_starting_after is missing"]
    assert find_faults("GET", "/v1/trash-bin", 200, {**more, "more_starting_after": entry["id"]}) == []
    assert find_faults("GET", "/v1/trash-bin", 200, {**more, "more_starting_after": "x"}) == [
        "$: more_starting_after must be the id of the last item"
    ]


def test_a_body_where_none_belongs_is_found() -> None:
    assert find_faults("DELETE", "/v1/vouchers/A", 204, None) == []
    assert find_faults("DELETE", "/v1/vouchers/A", 204, {}) == ["$ must not be there"]
    assert find_faults("POST", "/v1/campaigns/A/enable", 200, {}) == []
    assert find_faults("POST", "/v1/campaigns/A/enable", 200, {"active": True}) != []


def test_an_answer_without_a_written_form_is_no_good_answer() -> None:
    with pytest.raises(LookupError, match="201 of POST /v1/campaigns"):
        find_rule("POST", "/v1/campaigns", 201)
    with pytest.raises(LookupError):
        find_rule("GET", "/v1/rewards", 200)


def test_a_whole_number_with_a_fraction_is_found() -> None:
    assert read_json('{"percent_off": 12.5, "amount_off": 10}') == {"percent_off": 12.5, "amount_off": 10}
    with pytest.raises(ValueError, match=r"10\.0 is printed with a fraction"):
        read_json('{"percent_off": 10.0}')


def test_a_rule_of_anything_takes_null() -> None:
    assert find_violations({"a": None, "b": [1, {}]}, metadata) == []
    assert find_violations([], metadata) == ["$ must be an object, is []"]
