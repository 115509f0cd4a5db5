"""The summary: which counters a type has, what counts, and over which days."""

import dataclasses
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest

from builders import a_campaign, a_refusal, read_refusal
from openvoucher.app import JOB_KINDS
from openvoucher.features.campaigns.codes import add_voucher_with_code_to_campaign, add_vouchers_to_campaign
from openvoucher.features.campaigns.schemas import (
    AddVouchers,
    AddVouchersQuery,
    Campaign,
    CampaignCreate,
    SummaryQuery,
)
from openvoucher.features.campaigns.service import create_campaign, get_campaign_summary
from openvoucher.features.campaigns.summary import show_summary
from openvoucher.features.vouchers.schemas import ForceQuery
from openvoucher.features.vouchers.service import delete_voucher
from openvoucher.platform.call import Call
from openvoucher.platform.db import Database
from openvoucher.platform.jobs import Job, Run
from openvoucher.platform.jobs.worker import JobKind, Worker
from openvoucher.settings import Settings
from shop import Shop

EVERY = {
    "redemptions",
    "redemptions_succeeded",
    "redemptions_failed",
    "rollbacks",
    "rollbacks_succeeded",
    "rollbacks_failed",
    "validations",
    "validations_succeeded",
    "validations_failed",
    "orders_amount",
    "orders_rolledback_amount",
}
CODES = {
    "vouchers_created",
    "vouchers_deleted",
    "publications",
    "publications_succeeded",
    "publications_failed",
}
DISCOUNTS = {"discounted_amount", "rolledback_discounted_amount"}
COUNTERS = {
    "PROMOTION": EVERY | DISCOUNTS,
    "DISCOUNT_COUPONS": EVERY | CODES | DISCOUNTS,
    "REFERRAL_PROGRAM": EVERY | CODES | DISCOUNTS | {"referred_customers"},
    "GIFT_VOUCHERS": EVERY
    | CODES
    | {
        "created_vouchers_amount",
        "amount_added",
        "amount_deleted",
        "amount_redeemed",
        "amount_rolledback",
        "amount_subtracted",
    },
    "LOYALTY_PROGRAM": EVERY
    | CODES
    | {
        "created_vouchers_points",
        "points_deleted",
        "points_subtracted",
        "points_added",
        "points_rewarded",
        "points_redeemed",
        "points_rolledback",
        "points_expired",
        "points_transferred_out",
        "points_transferred_in",
        "pending_points_added",
        "pending_points_subtracted",
        "pending_points_activated",
        "pending_points_canceled",
    },
}


def a_shown_campaign(campaign_type: Any) -> Campaign:
    return Campaign(
        id="camp_1",
        name="Spring",
        campaign_type=campaign_type,
        type="STATIC",
        auto_join=False,
        join_once=False,
        use_voucher_metadata_schema=True,
        active=True,
        metadata={},
        created_at="2026-03-01T12:00:00.000Z",
        creation_status="DONE",
        vouchers_generation_status="DONE",
        category_id=None,
        categories=[],
    )


@pytest.mark.parametrize("campaign_type", sorted(COUNTERS))
def test_each_type_has_its_counters_and_they_start_at_zero(campaign_type: str) -> None:
    campaign = a_shown_campaign(campaign_type)
    summary = show_summary(campaign, {})
    assert summary.pop("object") == "campaign_summary"
    assert summary.pop("campaign") == msgspec.to_builtins(campaign)
    assert summary == dict.fromkeys(COUNTERS[campaign_type], 0)


def test_what_was_counted_is_shown_and_counters_of_other_types_are_not() -> None:
    sums = {"vouchers_created": 5, "created_vouchers_amount": 700, "points_added": 3}
    summary = show_summary(a_shown_campaign("GIFT_VOUCHERS"), sums)
    assert (summary["vouchers_created"], summary["created_vouchers_amount"]) == (5, 700)
    assert summary.keys() == {"object", "campaign"} | COUNTERS["GIFT_VOUCHERS"]


# --- what counts -----------------------------------------------------------------------------------


async def read_counters(shop: Shop, campaign: dict[str, Any]) -> dict[str, int]:
    """The counters that are not 0."""
    summary = await shop.read(f"/v1/campaigns/{campaign['name']}/summary")
    del summary["object"], summary["campaign"]
    return {name: count for name, count in summary.items() if count}


@pytest.mark.parametrize(
    ("campaign_type", "unit", "benefit"),
    [
        ("GIFT_VOUCHERS", "amount", {"gift": {"amount": 700}}),
        ("LOYALTY_PROGRAM", "points", {"loyalty_card": {"points": 700}}),
        ("DISCOUNT_COUPONS", None, {}),
    ],
)
async def test_codes_are_counted_on_every_way_that_they_come_and_go(
    shop: Shop, campaign_type: str, unit: str | None, benefit: dict[str, Any]
) -> None:
    campaign = await shop.make(campaign_type=campaign_type, vouchers_count=2, voucher=benefit)
    path = f"/v1/campaigns/{campaign['name']}/vouchers"
    code = shop.name()
    await shop.client.post(f"{path}?vouchers_count=3")
    await shop.client.post(path)
    await shop.client.post(f"{path}/{code}")
    await shop.worker.run_until_idle()
    expected = {"vouchers_created": 7}
    if unit:
        expected[f"created_vouchers_{unit}"] = 4900
    assert await read_counters(shop, campaign) == expected

    if unit:
        for amount in (50, 25, -30):
            answer = await shop.client.post(f"/v1/vouchers/{code}/balance", json={"amount": amount})
            assert answer.status_code == 200
        expected |= {f"{unit}_added": 75, f"{unit}_subtracted": 30}
    await shop.client.put(f"/v1/campaigns/{campaign['name']}", json={"metadata": {"a": 1}})
    assert (await shop.client.delete(f"/v1/vouchers/{code}")).status_code == 204
    expected["vouchers_deleted"] = 1
    if unit:
        # What was left on the card: 700 to start with and the three adjustments.
        expected[f"{unit}_deleted"] = 745
    assert await read_counters(shop, campaign) == expected


async def test_the_campaign_of_a_summary_is_shown_as_in_lists_without_categories(shop: Shop) -> None:
    name = shop.name()
    await shop.client.post("/v1/categories", json={"name": name, "hierarchy": 1})
    campaign = await shop.make(name=name, category=name)
    shown = (await shop.read(f"/v1/campaigns/{campaign['id']}/summary"))["campaign"]
    del campaign["validation_rules_assignments"]
    assert shown == {**campaign, "categories": []}
    assert shown["category"] == name


@pytest.mark.parametrize("field", ["start_date", "end_date"])
@pytest.mark.parametrize("text", ["2026-3-1", "2026-02-30", "2026-03-01T00:00:00Z", "today", ""])
async def test_days_that_are_none_are_refused(shop: Shop, field: str, text: str) -> None:
    campaign = await shop.make()
    answer = await shop.client.get(f"/v1/campaigns/{campaign['name']}/summary?{field}={text}")
    details = f"Property .{field} cannot be recognized as a ISO-8601 compliant date"
    assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


async def test_another_projects_codes_are_not_counted(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    for each, count in ((client, 1), (other_client, 2)):
        await each.post("/v1/campaigns", json=a_campaign())
        for number in range(count):
            await each.post(f"/v1/campaigns/Spring/vouchers/CODE-{number}")
        summary = (await each.get("/v1/campaigns/Spring/summary")).json()
        assert summary["vouchers_created"] == count


# --- over which days -------------------------------------------------------------------------------

AUCKLAND = ZoneInfo("Pacific/Auckland")


class WorkerAt(Worker):
    """A worker whose clock stands still."""

    def __init__(self, db: Database, kinds: list[JobKind], settings: Settings, now: datetime) -> None:
        super().__init__(db, kinds, settings)
        self._now = now

    def _run(self, connection: Any, job: Job) -> Run:
        return dataclasses.replace(super()._run(connection, job), now=self._now)


@pytest.fixture
async def call_of_auckland(call: Call) -> Call:
    """Thirteen hours ahead of UTC in March."""
    async with call.db.transaction() as connection:
        await connection.execute("update project set timezone = $1", AUCKLAND.key)
    project = dataclasses.replace(call.project, timezone=AUCKLAND)
    return dataclasses.replace(call, caller=dataclasses.replace(call.caller, project=project))


async def test_days_are_those_of_the_projects_time_zone_and_both_ends_are_included(
    call_of_auckland: Call,
) -> None:
    # The first and the last moment of 2 March in Auckland, and the moments around them.
    moments = [
        datetime(2026, 3, 1, 10, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 1, 11, 0, tzinfo=UTC),
        datetime(2026, 3, 2, 10, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 2, 11, 0, tzinfo=UTC),
    ]
    call = call_of_auckland
    await create_campaign(call, msgspec.convert(a_campaign(), CampaignCreate))
    for number, now in enumerate(moments):
        at = dataclasses.replace(call, now=now)
        # 1 to 4 codes, so that every set of moments has another sum or is none of days.
        for place in range(number + 1):
            await add_voucher_with_code_to_campaign(at, "Spring", f"{number}-{place}", AddVouchers())
    await delete_voucher(dataclasses.replace(call, now=moments[3]), "0-0", ForceQuery(force=True))

    async def count(**query: Any) -> tuple[int, int]:
        summary = await get_campaign_summary(call, "Spring", SummaryQuery(**query))
        return summary["vouchers_created"], summary["vouchers_deleted"]

    assert await count() == (10, 1)
    assert await count(start_date="2026-03-02", end_date="2026-03-02") == (5, 0)
    assert await count(start_date="2026-03-01", end_date="2026-03-01") == (1, 0)
    assert await count(start_date="2026-03-03", end_date="2026-03-03") == (4, 1)
    assert await count(start_date="2026-03-02") == (9, 1)
    assert await count(end_date="2026-03-02") == (6, 0)
    assert await count(start_date="2026-03-04") == (0, 0)
    assert await count(start_date="2026-03-03", end_date="2026-03-01") == (0, 0)


async def test_generated_codes_count_on_the_day_on_which_they_are_made(call_of_auckland: Call) -> None:
    call = call_of_auckland
    await create_campaign(call, msgspec.convert(a_campaign(), CampaignCreate))
    await add_vouchers_to_campaign(call, "Spring", AddVouchersQuery(vouchers_count=5), AddVouchers())
    settings = Settings(portion_rows=3)
    # In Auckland a day has begun in between.
    for hour in (10, 11):
        worker = WorkerAt(call.db, JOB_KINDS, settings, datetime(2026, 3, 1, hour, 30, tzinfo=UTC))
        assert await worker.run_next()
    async with call.db.connection() as connection:
        rows = await connection.fetch("select day::text, counter, amount from campaign_day order by day")
    assert [tuple(row) for row in rows] == [
        ("2026-03-01", "vouchers_created", 3),
        ("2026-03-02", "vouchers_created", 2),
    ]
