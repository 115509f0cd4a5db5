"""The summary of a campaign: the counters of its type, over all days or some."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import voucherify

from campaign_answers import SUMMARY_COUNTERS
from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card

pytestmark = pytest.mark.slow

SHARED = 11

CASES: list[Any] = [
    ("DISCOUNT_COUPONS", {"voucher": discount_voucher()}, {"vouchers_created": 3, "vouchers_deleted": 1}),
    (
        "GIFT_VOUCHERS",
        {"voucher": gift_voucher(1000)},
        {
            "vouchers_created": 3,
            "vouchers_deleted": 1,
            "created_vouchers_amount": 3000,
            "amount_deleted": 1000,
            "amount_added": 500,
            "amount_subtracted": 200,
        },
    ),
    (
        "LOYALTY_PROGRAM",
        {"voucher": loyalty_card(70)},
        {
            "vouchers_created": 3,
            "vouchers_deleted": 1,
            "created_vouchers_points": 210,
            "points_deleted": 70,
            "points_added": 500,
            "points_subtracted": 200,
        },
    ),
    (
        "REFERRAL_PROGRAM",
        {
            "voucher": discount_voucher(is_referral_code=True),
            "referral_program": {"conversion_event_type": "redemption"},
        },
        {"vouchers_created": 3, "vouchers_deleted": 1},
    ),
    ("PROMOTION", {}, {}),
]


@pytest.mark.parametrize(("campaign_type", "fields", "expected"), CASES)
def test_the_summary_counts_what_happened(
    sdk: Sdk, campaign_type: str, fields: dict[str, Any], expected: dict[str, int]
) -> None:
    codes = campaign_type != "PROMOTION"
    campaign_id = sdk.make_campaign(
        "Spring", campaign_type=campaign_type, **fields, **({"vouchers_count": 3} if codes else {})
    )
    if codes:
        kept, deleted, _ = sdk.list_codes(campaign_id)
        if campaign_type in ("GIFT_VOUCHERS", "LOYALTY_PROGRAM"):
            for amount in (500, -200):
                sdk.vouchers.update_voucher_balance(
                    kept, voucherify.VouchersBalanceUpdateRequestBody(amount=amount)
                )
        sdk.vouchers.delete_voucher(deleted, force=True)

    parsed = sdk.campaigns.get_campaign_summary("Spring")
    raw = sdk.raw
    counters = {name: value for name, value in raw.items() if name not in ("object", "campaign")}
    assert len(counters) == SHARED + len(SUMMARY_COUNTERS[campaign_type])
    assert {name: value for name, value in counters.items() if value} == expected
    assert {name: getattr(parsed, name) for name in counters} == counters
    assert parsed.campaign is not None
    assert (parsed.object, parsed.campaign.id) == ("campaign_summary", campaign_id)


def test_the_days_of_a_summary_are_both_included(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring", vouchers_count=2)
    created = sdk.campaigns.get_campaign(campaign_id).created_at
    assert created is not None
    today = created.astimezone(UTC).date()

    def count(start: date | None, end: date | None) -> int | None:
        return sdk.campaigns.get_campaign_summary(
            campaign_id, start_date=start, end_date=end
        ).vouchers_created

    day = timedelta(days=1)
    # The codes may have been made a moment after midnight.
    last = max(today, datetime.now(UTC).date())
    assert count(today, last) == 2
    assert count(None, last) == 2
    assert count(today, None) == 2
    assert count(None, today - day) == 0
    assert count(last + day, None) == 0


def test_a_day_that_is_none_is_refused(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring")
    answer = sdk.send("GET", f"/v1/campaigns/{campaign_id}/summary", query={"start_date": "soon"})
    assert (answer.status, answer.body["key"]) == (400, "invalid_query_params")
    assert answer.body["details"] == "Property .start_date cannot be recognized as a ISO-8601 compliant date"
