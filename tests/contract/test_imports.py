"""Codes imported as JSON and as CSV, into campaigns and without one."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card, read_refusal

pytestmark = pytest.mark.slow


def rows(*sent: dict[str, Any]) -> list[voucherify.CampaignsImportVoucherItem]:
    return [voucherify.CampaignsImportVoucherItem.model_validate(row) for row in sent]


def standalone_rows(*sent: dict[str, Any]) -> list[voucherify.VouchersImportCreateItemRequestBody]:
    return [voucherify.VouchersImportCreateItemRequestBody.model_validate(row) for row in sent]


def imported(done: int, *failed: dict[str, Any]) -> dict[str, Any]:
    return {
        "message": f"{done} voucher(s) imported successfully, {len(failed)} failed.",
        "failed": list(failed),
        "done_count": done,
        "failed_count": len(failed),
        "reports": [ANY],
        "reports_available_till": ANY,
    }


def define_number(sdk: Sdk, key: str) -> None:
    """A metadata schema of vouchers in which `key` is a number."""
    answer = sdk.send(
        "POST", "/v1/metadata-schemas", {"related_object": "voucher", "properties": {key: {"type": "number"}}}
    )
    assert answer.status == 200, answer.body


# --- JSON ------------------------------------------------------------------------------------------


def test_json_rows_inherit_from_their_campaign_and_override_it(sdk: Sdk) -> None:
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Own", hierarchy=0))
    campaign_id = sdk.make_campaign(
        "Spring",
        metadata={"season": "spring", "kept": 1},
        expiration_date="2030-01-01",
        voucher=discount_voucher(redemption={"quantity": 1}),
    )
    accepted = sdk.campaigns.import_vouchers_to_campaign(
        "Spring",
        rows(
            {"code": "PLAIN"},
            {
                "code": "OWN/é",
                "category": "Own",
                "redemption": {"quantity": 5, "redeemed_quantity": 3},
                "metadata": {"season": "summer"},
                "additional_info": "for Ann",
                "active": False,
                "start_date": "2026-01-01T00:00:00Z",
                "expiration_date": "2027-01-01T00:00:00Z",
                "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
                "validity_day_of_week": [1],
            },
        ),
    )
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["status"]) == ("CAMPAIGN.VOUCHERS_IMPORT", "DONE")
    assert action["result"] == imported(2)
    assert sdk.campaigns.get_campaign(campaign_id).vouchers_count == 2

    plain = sdk.vouchers.get_voucher("PLAIN")
    assert (plain.campaign_id, plain.active) == (campaign_id, True)
    assert plain.metadata == {"season": "spring", "kept": 1}
    assert plain.expiration_date == datetime(2030, 1, 1, tzinfo=UTC)
    assert plain.redemption is not None
    assert plain.redemption.quantity == 1
    own = sdk.vouchers.get_voucher("OWN/é")
    assert (own.category, own.additional_info, own.active) == ("Own", "for Ann", False)
    assert own.metadata == {"season": "summer", "kept": 1}
    assert own.start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert own.validity_timeframe is not None
    assert (own.validity_timeframe.interval, own.validity_day_of_week) == ("P2D", [1])
    assert own.redemption is not None
    # What was redeemed elsewhere counts in CSV files only.
    assert (own.redemption.quantity, own.redemption.redeemed_quantity) == (5, 0)


def test_json_rows_bring_the_amount_of_a_card(sdk: Sdk) -> None:
    sdk.make_campaign("Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(1000))
    sdk.make_campaign("Points", campaign_type="LOYALTY_PROGRAM", voucher=loyalty_card(10))
    for name, sent in (
        ("Gifts", rows({"code": "G-1"}, {"code": "G-2", "gift": {"amount": 2500}})),
        ("Points", rows({"code": "P-1"}, {"code": "P-2", "loyalty_card": {"points": 77}})),
    ):
        accepted = sdk.campaigns.import_vouchers_to_campaign(name, sent)
        assert sdk.wait_for_action(accepted.async_action_id)["result"] == imported(2)
    amounts = {}
    for code in ("G-1", "G-2", "P-1", "P-2"):
        sdk.vouchers.get_voucher(code)
        amounts[code] = sdk.raw["gift"] or sdk.raw["loyalty_card"]
    assert amounts == {
        "G-1": {"amount": 1000, "balance": 1000, "effect": "APPLY_TO_ORDER"},
        "G-2": {"amount": 2500, "balance": 2500, "effect": "APPLY_TO_ORDER"},
        "P-1": {"points": 10, "balance": 10},
        "P-2": {"points": 77, "balance": 77},
    }


def test_json_rows_make_vouchers_without_a_campaign(sdk: Sdk) -> None:
    accepted = sdk.vouchers.import_vouchers(
        standalone_rows(
            {"code": "D", **discount_voucher(), "metadata": {"a": 1}, "redemption": {"quantity": 2}},
            {"code": "G", **gift_voucher(500), "active": False, "additional_info": "x"},
        )
    )
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["result"]) == ("VOUCHERS.IMPORT", imported(2))
    discount = sdk.vouchers.get_voucher("D")
    assert (discount.campaign, discount.campaign_id, discount.active) == (None, None, True)
    assert discount.metadata == {"a": 1}
    assert discount.redemption is not None
    assert discount.redemption.quantity == 2
    gift = sdk.vouchers.get_voucher("G")
    assert sdk.raw["gift"] == {"amount": 500, "balance": 500, "effect": "APPLY_TO_ORDER"}
    assert sdk.raw["redemption"]["quantity"] is None
    assert (gift.active, gift.additional_info) == (False, "x")


def test_rows_that_fail_in_the_background_leave_the_others(sdk: Sdk) -> None:
    define_number(sdk, "rank")
    sdk.make_campaign("Spring")
    sent = [
        {"code": "GOOD", "metadata": {"rank": 5}},
        {"code": "BAD-RANK", "metadata": {"rank": "five"}},
        {"code": "BAD-DATE", "start_date": "soon"},
        {"code": "BAD-CATEGORY", "category": "No such category"},
    ]
    answer = sdk.send("POST", "/v1/campaigns/Spring/import", sent)
    assert answer.status == 202
    result = sdk.wait_for_action(answer.body["async_action_id"])["result"]
    assert (result["done_count"], result["failed_count"]) == (1, 3)
    reasons = {row["code"]: row["reason"] for row in result["failed"]}
    assert list(reasons) == ["BAD-RANK", "BAD-DATE", "BAD-CATEGORY"]
    assert reasons["BAD-RANK"] == "rank: must be a number (actual value is 'five')"
    assert sdk.vouchers.list_vouchers(campaign="Spring").total == 1


def test_a_row_without_a_code_refuses_all(sdk: Sdk) -> None:
    sdk.make_campaign("Spring")
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.campaigns.import_vouchers_to_campaign(
            "Spring", rows({"code": "A"}, {"active": True}, {"code": "B"})
        )
    assert read_refusal(refusal.value) == {
        "code": 400,
        "key": "invalid_voucher",
        "message": "Invalid Voucher",
        "details": "Found 1 voucher(s) without 'code' value",
    }
    assert sdk.vouchers.list_vouchers().total == 0
    assert [each.type for each in sdk.actions.list_async_actions().async_actions or []] == []


@pytest.mark.parametrize("standalone", [False, True])
def test_codes_that_are_taken_or_repeated_refuse_all(sdk: Sdk, standalone: bool) -> None:
    sdk.make_campaign("Spring")
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Spring", "TAKEN-1")
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Spring", "TAKEN-2")
    path = "/v1/vouchers/import" if standalone else "/v1/campaigns/Spring/import"
    more = discount_voucher() if standalone else {}

    def send(*codes: str) -> Any:
        return sdk.send("POST", path, [{"code": code, **more} for code in codes])

    answer = send("A", "TAKEN-1", "B", "TAKEN-2")
    assert (answer.status, answer.body["key"], answer.body["message"]) == (
        400,
        "duplicate_key",
        "Duplicate codes",
    )
    assert answer.body["details"] == "2 voucher codes(s) already exist."
    assert send("A", "B", "A").body["key"] == "duplicate_key"
    assert sdk.vouchers.list_vouchers().total == 2


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"code": "A"}, "Payload must be array"),
        ([{"code": "A", "redemption": {"quantity": "x"}}], ",null"),
        ([{"code": 5}], None),
        (["A"], None),
    ],
)
def test_a_body_of_another_form_is_refused(sdk: Sdk, body: Any, details: str | None) -> None:
    sdk.make_campaign("Spring")
    answer = sdk.send("POST", "/v1/campaigns/Spring/import", body)
    assert (answer.status, answer.body["key"]) == (400, "invalid_payload")
    assert (details or "") in answer.body["details"]
    assert sdk.vouchers.list_vouchers().total == 0


# --- CSV -------------------------------------------------------------------------------------------


def test_a_csv_file_fills_a_campaign(sdk: Sdk) -> None:
    define_number(sdk, "rank")
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Own", hierarchy=0))
    campaign_id = sdk.make_campaign("Spring", metadata={"season": "spring"}, expiration_date="2030-01-01")
    file = (
        "\ufeffcode , CATEGORY,Active,Start Date,rank,colour,Redeemed Quantity\r\n"
        "A,,,,,,\r\n"
        '"B,1",Own,false,2026-05-01,7.5,red,2\r\n'
        "\r\n"
        "C,,TRUE,,seven,,\r\n"
        ",,,,,blue,\r\n"
    )
    accepted = sdk.campaigns.import_vouchers_to_campaign_using_csv("Spring", file=file.encode())
    assert sdk.last.status == 200
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["status"]) == ("CAMPAIGN.VOUCHERS_IMPORT_CSV", "DONE")
    assert action["result"] == imported(
        2,
        {"code": "C", "row": 3, "reason": "rank: must be a number (actual value is 'seven')"},
        {"code": "", "row": 4, "reason": "Code is required"},
    )
    assert sdk.campaigns.get_campaign(campaign_id).vouchers_count == 2
    first = sdk.vouchers.get_voucher("A")
    assert (first.active, first.category, first.metadata) == (True, None, {"season": "spring"})
    assert first.expiration_date == datetime(2030, 1, 1, tzinfo=UTC)
    second = sdk.vouchers.get_voucher("B,1")
    assert (second.active, second.category) == (False, "Own")
    assert second.metadata == {"season": "spring", "rank": 7.5, "colour": "red"}
    assert second.start_date == datetime(2026, 5, 1, tzinfo=UTC)
    assert second.redemption is not None
    assert second.redemption.redeemed_quantity == 2


def test_codes_that_come_again_change_only_whether_they_are_active_and_their_category(sdk: Sdk) -> None:
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Own", hierarchy=0))
    campaign_id = sdk.make_campaign("Spring")
    for file in (b"Code,colour\nA,red\n", b"Code,colour,Active,Category\nA,blue,FALSE,Own\n"):
        accepted = sdk.campaigns.import_vouchers_to_campaign_using_csv(campaign_id, file=file)
        assert sdk.wait_for_action(accepted.async_action_id)["result"] == imported(1)
    voucher = sdk.vouchers.get_voucher("A")
    assert (voucher.active, voucher.category, voucher.metadata) == (False, "Own", {"colour": "red"})
    assert sdk.campaigns.get_campaign(campaign_id).vouchers_count == 1


def test_codes_of_another_owner_fail(sdk: Sdk) -> None:
    sdk.make_campaign("Spring")
    sdk.make_campaign("Summer")
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Summer", "SUMMERS")
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Spring", "BINNED")
    sdk.vouchers.delete_voucher("BINNED")
    accepted = sdk.campaigns.import_vouchers_to_campaign_using_csv(
        "Spring", file=b"Code\nSUMMERS\nNEW\nBINNED\n"
    )
    assert sdk.wait_for_action(accepted.async_action_id)["result"] == imported(
        1,
        {"code": "SUMMERS", "row": 1, "reason": "Duplicated voucher exists with id SUMMERS"},
        {"code": "BINNED", "row": 3, "reason": "Duplicated voucher exists with id BINNED"},
    )
    assert sdk.vouchers.get_voucher("SUMMERS").campaign == "Summer"


def test_the_money_of_a_csv_file_is_in_major_units(sdk: Sdk) -> None:
    sdk.make_campaign("Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(500))
    sdk.make_campaign("Points", campaign_type="LOYALTY_PROGRAM", voucher=loyalty_card(10))
    for name, file in (
        ("Gifts", b"Code,Gift Amount,Redeemed Amount\nG-1,1000.00,300.00\nG-2,10.5,\nG-3,,\n"),
        ("Points", b"Code,Loyalty Points\nP-1,70\nP-2,\n"),
    ):
        accepted = sdk.campaigns.import_vouchers_to_campaign_using_csv(name, file=file)
        assert sdk.wait_for_action(accepted.async_action_id)["result"]["failed"] == []
    seen = {}
    for code in ("G-1", "G-2", "G-3", "P-1", "P-2"):
        sdk.vouchers.get_voucher(code)
        card = sdk.raw["gift"] or sdk.raw["loyalty_card"]
        seen[code] = (card.get("amount", card.get("points")), card["balance"])
    assert seen == {
        "G-1": (100000, 70000),
        "G-2": (1050, 1050),
        "G-3": (500, 500),
        "P-1": (70, 70),
        "P-2": (10, 10),
    }


STANDALONE_CSV = """\
Code,Voucher Type,Value,Discount Type,Discount Effect,Category,Start Date,Expiration Date,\
Redemption Limit,Redeemed Quantity,Redeemed Amount,Active,Additional Info,colour
AMOUNT,DISCOUNT_VOUCHER,10.50,AMOUNT,APPLY_TO_ORDER,Own,2026-01-01,2030-01-01,5,2,,FALSE,for Ann,red
PERCENT,DISCOUNT_VOUCHER,12.5,PERCENT,,,,,,,,,,
FIXED,DISCOUNT_VOUCHER,7,FIXED,,,,,,,,,,
GIFT,GIFT_VOUCHER,100,,,,,,,,25.00,TRUE,,
NOTYPE,,10,AMOUNT,,,,,,,,,,
CARD,LOYALTY_CARD,10,,,,,,,,,,,
"""


def test_a_csv_file_makes_vouchers_without_a_campaign(sdk: Sdk) -> None:
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Own", hierarchy=0))
    accepted = sdk.vouchers.import_vouchers_using_csv(file=STANDALONE_CSV.encode(), webhooks_enable=True)
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["status"]) == ("VOUCHERS.IMPORT_CSV", "DONE")
    result = action["result"]
    assert (result["done_count"], result["failed_count"]) == (4, 2)
    assert [(row["code"], row["row"]) for row in result["failed"]] == [("NOTYPE", 5), ("CARD", 6)]
    assert result["failed"][0]["reason"] == "Voucher Type is required"

    amount = sdk.vouchers.get_voucher("AMOUNT")
    assert sdk.raw["discount"] == {"type": "AMOUNT", "amount_off": 1050, "effect": "APPLY_TO_ORDER"}
    assert (amount.category, amount.active, amount.additional_info) == ("Own", False, "for Ann")
    assert (amount.metadata, amount.campaign) == ({"colour": "red"}, None)
    assert amount.start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert amount.expiration_date == datetime(2030, 1, 1, tzinfo=UTC)
    assert amount.redemption is not None
    assert (amount.redemption.quantity, amount.redemption.redeemed_quantity) == (5, 2)
    percent = sdk.vouchers.get_voucher("PERCENT")
    assert sdk.raw["discount"] == {"type": "PERCENT", "percent_off": 12.5}
    assert (percent.active, percent.metadata) == (True, {})
    assert sdk.raw["redemption"]["quantity"] is None
    sdk.vouchers.get_voucher("FIXED")
    assert sdk.raw["discount"] == {"type": "FIXED", "fixed_amount": 700}
    sdk.vouchers.get_voucher("GIFT")
    assert sdk.raw["gift"] == {"amount": 10000, "balance": 7500, "effect": "APPLY_TO_ORDER"}
    assert sdk.raw["redemption"]["redeemed_amount"] == 2500


def test_standalone_codes_that_come_again_are_updated(sdk: Sdk) -> None:
    for file in (
        b"Code,Voucher Type,Value,Discount Type,colour\nA,DISCOUNT_VOUCHER,10,PERCENT,red\n",
        b"Code,Voucher Type,Value,Discount Type,size\nA,DISCOUNT_VOUCHER,20,PERCENT,xl\n",
    ):
        accepted = sdk.vouchers.import_vouchers_using_csv(file=file)
        assert sdk.wait_for_action(accepted.async_action_id)["result"] == imported(1)
    voucher = sdk.vouchers.get_voucher("A")
    assert voucher.discount is not None
    assert voucher.discount.percent_off == 20
    assert voucher.metadata == {"colour": "red", "size": "xl"}
    assert sdk.vouchers.list_vouchers().total == 1


def test_an_upload_without_a_file_is_refused(sdk: Sdk) -> None:
    sdk.make_campaign("Spring")
    calls: list[Any] = [
        lambda: sdk.campaigns.import_vouchers_to_campaign_using_csv("Spring"),
        lambda: sdk.vouchers.import_vouchers_using_csv(),
    ]
    for call in calls:
        with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
            call()
        assert read_refusal(refusal.value) == {
            "code": 400,
            "key": "invalid_payload",
            "message": "Invalid payload",
            "details": "Payload should have required property 'file'",
        }
    assert sdk.actions.list_async_actions().async_actions == []
