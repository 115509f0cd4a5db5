"""What a customer shows of orders, cards and referrals."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import a_campaign
from openvoucher.features.customers import store
from openvoucher.wire.ids import new_id, show_id
from shared_project import SharedProject

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


class Shop:
    """Makes customers and what they have."""

    def __init__(self, shared: SharedProject, code: str) -> None:
        self._shared = shared
        self._code = code

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._shared.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def _insert(self, table: str, **values: Any) -> UUID:
        row_id = new_id()
        values = {"project_id": self._shared.call.project.id, "id": row_id, "created_at": NOON, **values}
        places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        async with self._shared.db.connection() as connection:
            await connection.execute(
                f"insert into {table} ({', '.join(values)}) values ({places})", *values.values()
            )
        return row_id

    async def make_customer(self, name: str = "") -> UUID:
        customer = await self._post("/v1/customers", {"source_id": self._code + name})
        return UUID(hex=customer["id"].removeprefix("cust_"))

    async def order(self, customer: UUID, status: str, total_amount: int | None, *, day: int = 1) -> None:
        await self._insert(
            "shop_order",
            customer_id=customer,
            status=status,
            total_amount=total_amount,
            created_at=NOON + timedelta(days=day - 1),
        )

    async def make_campaign(self, name: str, campaign_type: str, **voucher: Any) -> tuple[str, str]:
        """(id, name): names are unique."""
        body = a_campaign(name=f"{self._code} {name}", campaign_type=campaign_type, voucher=voucher or None)
        campaign = await self._post("/v1/campaigns", body)
        return campaign["id"], campaign["name"]

    async def make_code(self, campaign: tuple[str, str]) -> dict[str, Any]:
        return await self._post(f"/v1/campaigns/{campaign[0]}/vouchers", {})

    async def make_voucher(self, **body: Any) -> dict[str, Any]:
        return await self._post("/v1/vouchers", body)

    async def assign(
        self, voucher: dict[str, Any], customer: UUID, role: str = "OWNER", **values: Any
    ) -> UUID:
        campaign_id = voucher["campaign_id"]
        return await self._insert(
            "redeemable_holder",
            voucher_id=UUID(hex=voucher["id"].removeprefix("v_")),
            customer_id=customer,
            campaign_id=campaign_id and UUID(hex=campaign_id.removeprefix("camp_")),
            role=role,
            **values,
        )

    async def show(self, customer: UUID) -> dict[str, Any]:
        """As it is got alone, which is how it is listed."""
        answer = await self._shared.client.get(f"/v1/customers/{show_id('cust', customer)}")
        alone: dict[str, Any] = answer.json()
        listed = (
            await self._shared.client.get("/v1/customers", params={"source_id": alone["source_id"]})
        ).json()["customers"]
        alone.pop("assets")
        assert listed == [alone]
        return alone


@pytest.fixture
def shop(shared_project: SharedProject, code: str) -> Shop:
    return Shop(shared_project, code)


# --- orders --------------------------------------------------------------------------------------------


async def test_paid_and_fulfilled_orders_are_summed_up(shop: Shop) -> None:
    ann = await shop.make_customer()
    await shop.order(ann, "PAID", 200_000, day=1)
    await shop.order(ann, "FULFILLED", 3_900, day=2)
    await shop.order(ann, "CREATED", 5, day=3)
    await shop.order(ann, "CANCELED", 7, day=4)
    assert (await shop.show(ann))["summary"]["orders"] == {
        "total_amount": 203_900,
        "total_count": 2,
        "average_amount": 101_950,
        "last_order_amount": 3_900,
        "last_order_date": "2026-03-02T12:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("amounts", "total", "average"),
    [([1, 2], 3, 2), ([1, 1, 2], 4, 1), ([None], 0, 0), ([None, 10], 10, 5)],
)
async def test_an_average_is_a_whole_amount_and_an_unknown_amount_is_none(
    shop: Shop, amounts: list[int | None], total: int, average: int
) -> None:
    ann = await shop.make_customer()
    for day, amount in enumerate(amounts, 1):
        await shop.order(ann, "PAID", amount, day=day)
    orders = (await shop.show(ann))["summary"]["orders"]
    assert (orders["total_amount"], orders["average_amount"]) == (total, average)
    assert (orders["total_count"], orders["last_order_amount"]) == (len(amounts), amounts[-1] or 0)


async def test_of_two_orders_of_one_moment_the_later_id_is_the_last_one(shop: Shop) -> None:
    ann = await shop.make_customer()
    for amount in (1, 2, 3):
        await shop.order(ann, "PAID", amount)
    assert (await shop.show(ann))["summary"]["orders"]["last_order_amount"] == 3


async def test_a_change_of_status_shows_at_once(shop: Shop, shared_project: SharedProject) -> None:
    ann = await shop.make_customer()
    await shop.order(ann, "PAID", 100)
    async with shared_project.db.connection() as connection:
        await connection.execute("update shop_order set status = 'CANCELED' where customer_id = $1", ann)
    assert (await shop.show(ann))["summary"]["orders"] == {
        "total_amount": 0,
        "total_count": 0,
        "average_amount": 0,
        "last_order_amount": 0,
    }


# --- cards -----------------------------------------------------------------------------------------------


async def test_what_is_left_on_the_cards_that_a_customer_holds_adds_up(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    ann, bob = await shop.make_customer("a"), await shop.make_customer("b")
    gifts = await shop.make_campaign("Gifts", "GIFT_VOUCHERS")
    summer = await shop.make_campaign("Summer", "LOYALTY_PROGRAM")
    winter = await shop.make_campaign("Winter", "LOYALTY_PROGRAM", loyalty_card={"points": 0})
    for campaign, count in ((gifts, 2), (summer, 2), (winter, 1)):
        for _ in range(count):
            await shop.assign(await shop.make_code(campaign), ann)
    # With a ledger, and without a campaign.
    opened = await shop.make_code(gifts)
    await shop.assign(opened, ann)
    answer = await client.post(f"/v1/vouchers/{opened['id']}/balance", json={"amount": -9_999})
    assert answer.status_code == 200
    await shop.assign(await shop.make_voucher(type="GIFT_VOUCHER", gift={"amount": 50}), ann)
    await shop.assign(await shop.make_code(gifts), bob)

    shown = await shop.show(ann)
    redemptions = shown["summary"]["redemptions"]
    assert redemptions["gift"] == {"redeemed_amount": 0, "amount_to_go": 20_000 + 1 + 50}
    assert redemptions["loyalty_card"] == {"redeemed_points": 0, "points_to_go": 600}
    assert shown["loyalty"] == {
        "points": 600,
        "referred_customers": 0,
        "campaigns": {
            summer[1]: {"points": 600, "referred_customers": 0},
            winter[1]: {"points": 0, "referred_customers": 0},
        },
    }
    assert (await shop.show(bob))["summary"]["redemptions"]["gift"]["amount_to_go"] == 10_000


async def test_a_card_holds_what_its_campaign_says_now_until_its_ledger_begins(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    ann = await shop.make_customer()
    gifts = await shop.make_campaign("Gifts", "GIFT_VOUCHERS")
    inheriting, opened = await shop.make_code(gifts), await shop.make_code(gifts)
    await client.post(f"/v1/vouchers/{opened['id']}/balance", json={"amount": 1})
    for voucher in (inheriting, opened):
        await shop.assign(voucher, ann)
    changed = {"gift": {"amount": 500}}
    assert (await client.put(f"/v1/campaigns/{gifts[0]}", json=changed)).status_code == 200
    gift = (await shop.show(ann))["summary"]["redemptions"]["gift"]
    assert gift["amount_to_go"] == 500 + 10_001


async def test_cards_in_the_bin_do_not_count(shop: Shop, client: httpx.AsyncClient) -> None:
    ann = await shop.make_customer()
    gifts = await shop.make_campaign("Gifts", "GIFT_VOUCHERS")
    vouchers = [await shop.make_code(gifts) for _ in range(2)]
    for voucher in vouchers:
        await shop.assign(voucher, ann)
    await client.delete(f"/v1/vouchers/{vouchers[0]['id']}")
    assert (await shop.show(ann))["summary"]["redemptions"]["gift"]["amount_to_go"] == 10_000


async def test_coupons_are_no_cards(shop: Shop) -> None:
    ann = await shop.make_customer()
    coupons = await shop.make_campaign("Coupons", "DISCOUNT_COUPONS")
    await shop.assign(await shop.make_code(coupons), ann)
    assert (await shop.show(ann))["loyalty"] == {"points": 0, "referred_customers": 0, "campaigns": {}}


# --- referrals -------------------------------------------------------------------------------------------


async def test_a_referral_shows_on_both_sides(shop: Shop) -> None:
    ann, bob, cid = [await shop.make_customer(name) for name in "abc"]
    spring = await shop.make_campaign("Spring", "REFERRAL_PROGRAM")
    autumn = await shop.make_campaign("Autumn", "REFERRAL_PROGRAM")
    codes = [await shop.make_code(spring), await shop.make_code(autumn)]
    for voucher in codes:
        await shop.assign(voucher, ann, "REFERRER")
    redemption = {"related_object_id": "r_1", "related_object_type": "redemption"}
    await shop.assign(codes[0], bob, "REFEREE", metadata=redemption)
    await shop.assign(codes[0], cid, "REFEREE", metadata=redemption)
    holder = await shop.assign(codes[1], bob, "REFEREE", created_at=NOON + timedelta(days=1))

    # Who was referred twice is one customer.
    assert (await shop.show(ann))["loyalty"] == {
        "points": 0,
        "referred_customers": 2,
        "campaigns": {
            autumn[1]: {"points": 0, "referred_customers": 1},
            spring[1]: {"points": 0, "referred_customers": 2},
        },
    }
    referrer = show_id("cust", ann)
    assert (await shop.show(bob))["referrals"] == {
        "total": 2,
        "campaigns": [
            {
                "campaign_id": spring[0],
                "referrer_id": referrer,
                **redemption,
                "date": "2026-03-01T12:00:00.000Z",
            },
            {
                "campaign_id": autumn[0],
                "referrer_id": referrer,
                "related_object_id": show_id("rh", holder),
                "related_object_type": "redeemable_holder",
                "date": "2026-03-02T12:00:00.000Z",
            },
        ],
    }
    assert (await shop.show(bob))["loyalty"]["campaigns"] == {}
    assert (await shop.show(ann))["referrals"] == {"total": 0, "campaigns": []}


async def test_a_referral_code_shows_its_campaign_before_anybody_was_referred(shop: Shop) -> None:
    ann = await shop.make_customer()
    spring = await shop.make_campaign("Spring", "REFERRAL_PROGRAM")
    await shop.assign(await shop.make_code(spring), ann, "REFERRER")
    assert (await shop.show(ann))["loyalty"]["campaigns"] == {
        spring[1]: {"points": 0, "referred_customers": 0}
    }


# --- what it costs ---------------------------------------------------------------------------------------


async def test_a_page_costs_as_many_queries_as_one_customer(
    shop: Shop, client: httpx.AsyncClient, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[str] = []

    def count(name: str) -> Callable[..., Any]:
        asked = getattr(store, name)

        async def ask(*arguments: Any) -> Any:
            queries.append(name)
            return await asked(*arguments)

        return ask

    names = ("sum_orders", "sum_holdings", "count_referees", "list_referrals")
    spring = await shop.make_campaign("Spring", "REFERRAL_PROGRAM")
    for number in range(5):
        customer, friend = [await shop.make_customer(f"-{side}-{number}") for side in "ab"]
        voucher = await shop.make_code(spring)
        await shop.assign(voucher, customer, "REFERRER")
        await shop.assign(voucher, friend, "REFEREE")
    for name in names:
        monkeypatch.setattr(store, name, count(name))
    starting = {"filters[source_id][conditions][$starts_with]": f"{code}-"}
    assert len((await client.get("/v1/customers", params=starting)).json()["customers"]) == 10
    assert queries == [*names]
