"""Campaigns changed, switched off and on, deleted."""

from datetime import UTC, datetime
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card, read_refusal

pytestmark = pytest.mark.slow


def update(**fields: Any) -> voucherify.CampaignsUpdateRequestBody:
    return voucherify.CampaignsUpdateRequestBody.model_validate(fields)


def last_action(sdk: Sdk, action_type: str) -> Any:
    """The newest async action of a type, finished."""
    for action in sdk.actions.list_async_actions(limit=100).async_actions or []:
        if action.type == action_type:
            return sdk.wait_for_action(action.id)
    raise AssertionError(f"no {action_type}")


def test_a_changed_campaign_changes_its_codes(sdk: Sdk) -> None:
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Sale", hierarchy=1))
    campaign_id = sdk.make_campaign(
        "Spring", vouchers_count=3, description="old", metadata={"season": "spring", "kept": 1}
    )
    before = sdk.send("GET", f"/v1/campaigns/{campaign_id}").body
    changed = sdk.campaigns.update_campaign(
        "Spring",
        update(
            description="new",
            start_date="2026-03-01T00:00:00Z",
            expiration_date="2030-03-01T00:00:00Z",
            category="Sale",
            type="AUTO_UPDATE",
            join_once=True,
            metadata={"season": "summer", "new": True},
            discount={"type": "PERCENT", "percent_off": 12.5},
            activity_duration_after_publishing="P7D",
            validity_day_of_week=[1],
        ),
    )
    raw = sdk.raw
    assert changed.creation_status == "MODIFYING"
    assert changed.updated_at is not None
    assert changed.created_at is not None
    assert changed.updated_at > changed.created_at
    assert (changed.description, changed.type, changed.join_once) == ("new", "AUTO_UPDATE", True)
    assert changed.start_date == datetime(2026, 3, 1, tzinfo=UTC)
    assert changed.metadata == {"season": "summer", "kept": 1, "new": True}
    assert raw["voucher"] == {
        **before["voucher"],
        "discount": {"type": "PERCENT", "percent_off": 12.5},
        "start_date": "2026-03-01T00:00:00.000Z",
        "expiration_date": "2030-03-01T00:00:00.000Z",
        "validity_day_of_week": [1],
    }
    unchanged = ("id", "name", "campaign_type", "created_at", "vouchers_count", "active", "auto_join")
    assert {name: raw[name] for name in unchanged} == {name: before[name] for name in unchanged}

    done = sdk.wait_for_campaign(campaign_id)
    assert {**raw, "creation_status": "DONE"} == done
    action = last_action(sdk, "CAMPAIGN.VOUCHERS_UPDATE")
    assert (action["status"], action["result"]) == (
        "DONE",
        {"message": "Updated 3 vouchers.", "done_count": 3},
    )
    for voucher in sdk.vouchers.list_vouchers(campaign_id=campaign_id).vouchers or []:
        assert voucher.discount is not None
        assert voucher.discount.percent_off == 12.5
        assert voucher.start_date == datetime(2026, 3, 1, tzinfo=UTC)
        assert voucher.metadata == {"season": "summer", "kept": 1, "new": True}
        assert (voucher.category, voucher.validity_day_of_week) == ("Sale", [1])


def test_what_is_not_sent_stays_and_null_clears(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign(
        "Spring",
        description="a text",
        expiration_date="2030-01-01",
        metadata={"a": 1, "b": 2},
        validity_day_of_week=[1],
    )
    sdk.campaigns.update_campaign(campaign_id, update(description=None))
    assert "description" not in sdk.raw
    assert sdk.raw["expiration_date"] == "2030-01-01T00:00:00.000Z"
    assert sdk.raw["metadata"] == {"a": 1, "b": 2}
    sdk.campaigns.update_campaign(
        campaign_id, update(expiration_date=None, unset_metadata_fields=["a"], metadata={"c": None})
    )
    done = sdk.wait_for_campaign(campaign_id)
    assert "expiration_date" not in done
    assert "expiration_date" not in done["voucher"]
    assert done["metadata"] == {"b": 2, "c": None}
    assert done["validity_day_of_week"] == [1]


def test_a_used_code_keeps_its_terms(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=2)
    sdk.campaigns.import_vouchers_to_campaign_using_csv(
        campaign_id, file=b"Code,Redeemed Quantity\nUSED,1\nUNUSED,0\n"
    )
    sdk.wait_for_action(sdk.raw["async_action_id"])
    sdk.campaigns.update_campaign(
        campaign_id, update(discount={"type": "PERCENT", "percent_off": 50}, metadata={"new": 1})
    )
    sdk.wait_for_campaign(campaign_id)
    assert last_action(sdk, "CAMPAIGN.VOUCHERS_UPDATE")["result"] == {
        "message": "Updated 3 vouchers.",
        "done_count": 3,
    }
    used = sdk.vouchers.get_voucher("USED")
    unused = sdk.vouchers.get_voucher("UNUSED")
    assert used.discount is not None
    assert unused.discount is not None
    assert (used.discount.percent_off, used.metadata) == (10, {})
    assert (unused.discount.percent_off, unused.metadata) == (50, {"new": 1})


def test_one_voucher_is_counted_in_the_plural(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("One", vouchers_count=1)
    sdk.campaigns.update_campaign(campaign_id, update(validity_day_of_week=[0]))
    action = last_action(sdk, "CAMPAIGN.VOUCHERS_UPDATE")
    assert action["result"] == {"message": "Updated 1 vouchers.", "done_count": 1}


def test_the_amount_of_gift_cards_is_changed(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign(
        "Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(1000), vouchers_count=1
    )
    sdk.campaigns.update_campaign(campaign_id, update(gift={"amount": 2500, "effect": "APPLY_TO_ITEMS"}))
    done = sdk.wait_for_campaign(campaign_id)
    assert done["voucher"]["gift"] == {"amount": 2500, "effect": "APPLY_TO_ITEMS"}
    (voucher,) = sdk.vouchers.list_vouchers(campaign_id=campaign_id).vouchers or []
    assert voucher.gift is not None
    assert (voucher.gift.amount, voucher.gift.balance, voucher.gift.effect) == (2500, 2500, "APPLY_TO_ITEMS")


def test_the_limit_of_unused_codes_is_changed(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=1)
    # A field that the SDK does not have.
    answer = sdk.send("PUT", f"/v1/campaigns/{campaign_id}", {"default_voucher_redemption": {"quantity": 4}})
    assert answer.body["voucher"]["redemption"] == {"quantity": 4}
    sdk.wait_for_campaign(campaign_id)
    (voucher,) = sdk.vouchers.list_vouchers(campaign_id=campaign_id).vouchers or []
    assert voucher.redemption is not None
    assert voucher.redemption.quantity == 4


def test_join_once_of_a_loyalty_program_stays(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign(
        "Points", campaign_type="LOYALTY_PROGRAM", type="AUTO_UPDATE", voucher=loyalty_card(5)
    )
    changed = sdk.campaigns.update_campaign(campaign_id, update(join_once=False, auto_join=True))
    assert (changed.join_once, changed.auto_join) == (True, True)


def test_a_promotion_is_changed(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Shipping", campaign_type="PROMOTION")
    changed = sdk.campaigns.update_campaign(campaign_id, update(description="free", metadata={"a": 1}))
    assert (changed.description, changed.metadata) == ("free", {"a": 1})
    assert sdk.wait_for_campaign(campaign_id)["creation_status"] == "DONE"


def test_the_campaign_that_was_read_can_be_sent_back(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=1, description="x", start_date="2026-01-01")
    before = sdk.send("GET", f"/v1/campaigns/{campaign_id}").body
    # With its name, its type, its codes: what cannot be changed is ignored.
    answer = sdk.send("PUT", f"/v1/campaigns/{campaign_id}", {**before, "name": "other", "voucher": None})
    assert answer.status == 200, answer.body
    done = sdk.wait_for_campaign(campaign_id)
    assert done.pop("updated_at") is not None
    assert done == before


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"discount": {"type": "AMOUNT", "amount_off": 100}}, "invalid_campaign"),
        ({"type": "STANDALONE"}, "invalid_campaign"),
        ({"discount": {"type": "PERCENT"}}, "invalid_payload"),
        ({"activity_duration_after_publishing": "a week"}, "invalid_payload"),
    ],
)
def test_a_change_that_cannot_be_changes_nothing(sdk: Sdk, fields: dict[str, Any], key: str) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=1)
    before = sdk.send("GET", f"/v1/campaigns/{campaign_id}").body
    # (The SDK refuses some of these itself.)
    answer = sdk.send("PUT", f"/v1/campaigns/{campaign_id}", {"description": "lost", **fields})
    assert (answer.status, answer.body["key"]) == (400, key)
    assert sdk.send("GET", f"/v1/campaigns/{campaign_id}").body == before


def test_disabling_and_enabling_change_the_flag_of_the_campaign_alone(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=1)
    (code,) = sdk.list_codes(campaign_id)
    for _ in range(2):
        assert sdk.campaigns.disable_campaign("Spring") == {}
        assert sdk.campaigns.get_campaign(campaign_id).active is False
        assert sdk.vouchers.get_voucher(code).active is True
    for _ in range(2):
        assert sdk.campaigns.enable_campaign(campaign_id) == {}
        assert sdk.campaigns.get_campaign(campaign_id).active is True


def test_a_deleted_campaign_lies_in_the_bin_with_its_codes(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=2)
    codes = sdk.list_codes(campaign_id)
    deleted = sdk.campaigns.delete_campaign("Spring")
    # Out of sight before the action is done.
    for sent in (campaign_id, "Spring"):
        with pytest.raises(voucherify.exceptions.NotFoundException):
            sdk.campaigns.get_campaign(sent)
    action = sdk.wait_for_action(deleted.async_action_id)
    assert (action["type"], action["status"], action["progress"]) == (
        "CAMPAIGN.VOUCHERS_DELETE",
        "DONE",
        100,
    )
    assert action["result"] == {"message": "Deleted 2 vouchers.", "done_count": 2}
    assert sdk.vouchers.list_vouchers().total == 0
    with pytest.raises(voucherify.exceptions.NotFoundException):
        sdk.vouchers.get_voucher(codes[0])

    # Name and codes stay reserved until the entry is removed from the bin.
    body = voucherify.CampaignsCreateRequestBody.model_validate(
        {"name": "Spring", "voucher": discount_voucher()}
    )
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.campaigns.create_campaign(body)
    assert refusal.value.status == 409
    voucher = voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(discount_voucher())
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.vouchers.create_voucher(codes[0], voucher)
    assert refusal.value.status == 409
    (entry,) = sdk.bin.list_bin_entries().data or []
    assert (entry.resource_id, entry.resource_name, entry.resource_type) == (
        campaign_id,
        "Spring",
        "campaign",
    )
    sdk.bin.delete_bin_entry(str(entry.id))
    last_action(sdk, "CAMPAIGN.VOUCHERS_DELETE")
    assert sdk.campaigns.create_campaign(body).name == "Spring"
    assert sdk.vouchers.create_voucher(codes[0], voucher).code == codes[0]


def test_a_campaign_that_is_deleted_by_force_leaves_nothing(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=3)
    codes = sdk.list_codes(campaign_id)
    deleted = sdk.campaigns.delete_campaign(campaign_id, force=True)
    action = sdk.wait_for_action(deleted.async_action_id)
    assert action["result"] == {"message": "Deleted 3 vouchers.", "done_count": 3}
    assert sdk.bin.list_bin_entries().data == []
    voucher = voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(discount_voucher())
    assert sdk.vouchers.create_voucher(codes[0], voucher).campaign is None
    assert sdk.make_campaign("Spring") != campaign_id


@pytest.mark.parametrize("sent", ["camp_unknown", "No such name", "camp_" + "0" * 32])
def test_an_unknown_campaign_is_not_found(sdk: Sdk, sent: str) -> None:
    calls: list[Any] = [
        lambda: sdk.campaigns.get_campaign(sent),
        lambda: sdk.campaigns.update_campaign(sent, update(description="x")),
        lambda: sdk.campaigns.delete_campaign(sent),
        lambda: sdk.campaigns.enable_campaign(sent),
        lambda: sdk.campaigns.disable_campaign(sent),
        lambda: sdk.campaigns.get_campaign_summary(sent),
        lambda: sdk.campaigns.list_campaign_transactions(sent),
        lambda: sdk.campaigns.add_vouchers_to_campaign(sent),
        lambda: sdk.campaigns.import_vouchers_to_campaign(
            sent, [voucherify.CampaignsImportVoucherItem(code="A")]
        ),
        lambda: sdk.campaigns.import_vouchers_to_campaign_using_csv(sent, file=b"Code\nA\n"),
    ]
    for call in calls:
        with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
            call()
        assert read_refusal(refusal.value) == {
            "code": 404,
            "key": "not_found",
            "message": "Resource not found",
            "details": f"Cannot find campaign with id {sent}",
            "resource_id": sent,
            "resource_type": "campaign",
        }
