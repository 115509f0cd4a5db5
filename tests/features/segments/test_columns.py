"""What filters mean: for each field and operator, who of three customers is found.

Today is noon of Sunday, 1 March 2026, in UTC.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from builders import a_campaign
from calls import NOW
from openvoucher.features.campaigns.schemas import CampaignCreate
from openvoucher.features.campaigns.service import create_campaign
from openvoucher.features.segments.criteria import compile_criteria, compile_criteria_of_all, read_criteria
from openvoucher.features.vouchers.schemas import VoucherCreate
from openvoucher.features.vouchers.service import create_voucher
from openvoucher.platform.db.conditions import Params
from openvoucher.wire.ids import new_id, parse_id
from segment_people import People
from shared_project import SharedProject

ALL = "ann bob eve"


def on(text: str) -> datetime:
    return datetime.fromisoformat(text + "Z")


@pytest.fixture(scope="module")
async def people(shared_project: SharedProject) -> People:
    """Ann has everything, Bob some of it and some otherwise, Eve nothing at all."""
    people = People(shared_project.db, shared_project.call)
    await people.add(
        "ann",
        name="Ann Lee",
        email="ann@shop.example",
        phone="+48 100",
        description="first",
        birthdate=date(1990, 4, 10),
        birthday=date(1990, 4, 11),
        address={"city": "Paris", "state": "IDF", "country": "France", "postal_code": "75001"},
        metadata={
            "vip": True,
            "age": 30,
            "level": "Gold",
            "tags": ["a", "b"],
            "joined": "2026-02-20",
            "seen": "2026-02-27T10:00:00Z",
            "shop": {"city": "Rome"},
        },
        system_metadata={"source": "shopify"},
        created_at=on("2026-02-20T12:00:00"),
        updated_at=on("2026-02-28T00:00:00"),
    )
    await people.add(
        "bob",
        name="Bob",
        email="Bob@other.example",
        birthdate=date(1985, 3, 1),
        address={"city": "Lyon", "country": "France"},
        # Imports without a schema keep numbers as text.
        metadata={"vip": False, "age": "41", "level": "Silver", "tags": ["b"]},
        created_at=on("2026-01-01T00:00:00"),
    )
    await people.add("eve", created_at=on("2025-03-01T12:00:00"))
    await people.add("gone", name="Ann Lee", deleted_at=NOW, created_at=NOW)
    await add_orders(people)
    for name, event in (("ann", "sign-up"), ("ann", "sign-up"), ("ann", "a.b"), ("bob", "sign-up")):
        await people.insert("custom_event", customer_id=people.ids[name], name=event)
    await add_cards(people)
    return people


async def add_orders(people: People) -> None:
    for name, status, amount, day in (
        ("ann", "FULFILLED", 200_000, "2026-02-25"),
        ("ann", "PAID", 3_900, "2026-02-01"),
        ("ann", "CREATED", 7, "2026-02-28"),
        ("ann", "CANCELED", 7, "2026-02-28"),
        ("bob", "CREATED", 100, "2026-02-28"),
        ("gone", "PAID", 5, "2026-02-28"),
    ):
        await people.insert(
            "shop_order",
            customer_id=people.ids[name],
            status=status,
            amount=amount,
            total_amount=amount,
            created_at=on(f"{day}T00:00:00"),
        )


async def add_cards(people: People) -> None:
    """Ann holds 55 points of "Tiers 2.0", 5 of them untouched; Bob holds none of his card. Ann referred
    Bob and Eve, Eve twice."""
    for name, type in (("Tiers 2.0", "LOYALTY_PROGRAM"), ("Friends", "REFERRAL_PROGRAM")):
        body = a_campaign(name=name, campaign_type=type)
        await create_campaign(people.call, msgspec.convert(body, CampaignCreate))
    vouchers = {
        code: await create_voucher(
            people.call,
            code,
            msgspec.convert({"type": type, "campaign": campaign, **more}, VoucherCreate),
        )
        for code, type, campaign, more in (
            ("CARD-A", "LOYALTY_CARD", "Tiers 2.0", {"loyalty_card": {"points": 5}}),
            ("CARD-B", "LOYALTY_CARD", "Tiers 2.0", {}),
            ("CARD-C", "LOYALTY_CARD", "Tiers 2.0", {}),
            ("FRIEND-1", "DISCOUNT_VOUCHER", "Friends", {}),
            ("FRIEND-2", "DISCOUNT_VOUCHER", "Friends", {}),
        )
    }
    await people.fetch(
        "update voucher set credited = points, balance = points, subtracted = 0, spent = 0"
        " from (values ('CARD-B', 50), ('CARD-C', 0)) as card (number, points) where code = number"
    )
    for name, role, code in (
        ("ann", "OWNER", "CARD-A"),
        ("ann", "OWNER", "CARD-B"),
        ("bob", "OWNER", "CARD-C"),
        ("eve", "REFEREE", "CARD-B"),
        ("ann", "REFERRER", "FRIEND-1"),
        ("ann", "REFERRER", "FRIEND-2"),
        ("bob", "REFEREE", "FRIEND-1"),
        ("eve", "REFEREE", "FRIEND-1"),
        ("eve", "REFEREE", "FRIEND-2"),
    ):
        await people.insert(
            "redeemable_holder",
            voucher_id=parse_id("v", vouchers[code].id),
            customer_id=people.ids[name],
            role=role,
        )


async def find(people: People, filter: dict[str, Any], *, now: datetime = NOW, together: bool = False) -> str:
    """Who matches. `together`: asked as one asks about all customers."""
    params = Params(people.project_id)
    zone = ZoneInfo("UTC")
    filters = read_criteria(filter)
    if together:
        condition = compile_criteria_of_all(
            filters, params, project_id=people.project_id, now=now, timezone=zone
        )
    else:
        condition = compile_criteria(filters, params, now=now, timezone=zone)
    rows = await people.fetch(
        "select c.source_id from customer c where c.project_id = $1 and c.deleted_at is null"
        f" and {condition} order by c.source_id",
        *params.values,
    )
    return " ".join(row[0] for row in rows)


TEXTS: list[tuple[str, str, Any, str]] = [
    ("name", "$is", "Ann Lee", "ann"),
    ("name", "$is", ["Ann Lee"], "ann"),
    ("name", "$is", "ann lee", ""),
    ("name", "$is_not", "Ann Lee", "bob eve"),
    ("name", "$in", ["Ann Lee", "Bob"], "ann bob"),
    ("name", "$not_in", ["Ann Lee", "Bob"], "eve"),
    ("name", "$has_value", True, "ann bob"),
    ("name", "$is_unknown", True, "eve"),
    ("name", "$starts_with", "an", "ann"),
    ("name", "$ends_with", "B", "bob"),
    ("name", "$contains", "n l", "ann"),
    ("name", "$contains", "%", ""),
    ("name", "$not_contain", "n l", "bob eve"),
    ("description", "$is", "first", "ann"),
    ("email", "$ends_with", ".example", "ann bob"),
    ("phone", "$starts_with", "+48", "ann"),
    ("source_id", "$in", ["eve", "bob"], "bob eve"),
    ("address.city", "$in", ["Paris", "Lyon"], "ann bob"),
    ("address.city", "$is_not", "Paris", "bob eve"),
    ("address.state", "$has_value", "", "ann"),
    ("address.country", "$is", "France", "ann bob"),
    ("address.postal_code", "$starts_with", "75", "ann"),
    ("address.line_1", "$is_unknown", True, ALL),
    ("system_metadata.source", "$is", "shopify", "ann"),
    ("system_metadata.source", "$is_not", "shopify", "bob eve"),
]
METADATA: list[tuple[str, str, Any, str]] = [
    ("metadata.level", "$in", ["Gold", "Silver"], "ann bob"),
    ("metadata.level", "$is_not", "Gold", "bob eve"),
    ("metadata.level", "$starts_with", "s", "bob"),
    ("metadata.vip", "$is", [True], "ann"),
    ("metadata.vip", "$is", False, "bob"),
    ("metadata.vip", "$is_not", [True], "bob eve"),
    ("metadata.vip", "$is_unknown", True, "eve"),
    ("metadata.age", "$is", 30, "ann"),
    ("metadata.age", "$in", [30, 41], "ann bob"),
    ("metadata.age", "$more_than", 30, "bob"),
    ("metadata.age", "$more_than_equal", 30, "ann bob"),
    ("metadata.age", "$less_than", [41], "ann"),
    ("metadata.age", "$less_than_equal", [41], "ann bob"),
    ("metadata.tags", "$contains", "a", "ann"),
    ("metadata.tags", "$in", ["b"], "ann bob"),
    ("metadata.tags", "$not_contain", "a", "bob eve"),
    ("metadata.tags", "$count", 1, "bob"),
    ("metadata.tags", "$count_more", 1, "ann"),
    ("metadata.tags", "$count_less", 1, "eve"),
    ("metadata.joined", "$after", "2026-02-19", "ann"),
    ("metadata.joined", "$before", "2026-02-20", ""),
    ("metadata.joined", "$more_than", 5, "ann"),
    ("metadata.joined", "$less_than", 5, ""),
    ("metadata.joined", "$last_month", True, "ann"),
    ("metadata.seen", "$less_than", 5, "ann"),
    ("metadata.shop.city", "$is", "Rome", "ann"),
]
NUMBERS: list[tuple[str, str, Any, str]] = [
    ("summary.orders.total_count", "$is", 2, "ann"),
    ("summary.orders.total_count", "$is", 0, "bob eve"),
    ("summary.orders.total_count", "$has_value", True, ALL),
    ("summary.orders.total_amount", "$more_than", 203_899, "ann"),
    ("summary.orders.total_amount", "$more_than", 203_900, ""),
    ("summary.orders.total_amount", "$less_than", 1, "bob eve"),
    ("summary.orders.total_amount", "$not_in", [203_900], "bob eve"),
    ("summary.orders.last_order_amount", "$is", 200_000, "ann"),
    ("summary.orders.last_order_amount", "$is", 0, "bob eve"),
    ("events.sign-up.count", "$more_than", 1, "ann"),
    ("events.sign-up.count", "$is", 1, "bob"),
    ("events.sign-up.count", "$less_than_equal", 1, "bob eve"),
    ("events.sign-up.count", "$is_not", 1, "ann eve"),
    ("events.sign-up.count", "$has_value", True, "ann bob"),
    ("events.sign-up.count", "$is_unknown", True, "eve"),
    ("events.a.b.count", "$is", 1, "ann"),
    ("events.unheard.count", "$is", 0, ALL),
    ("summary.redemptions.total_succeeded", "$is", 0, ALL),
    ("summary.redemptions.total_succeeded", "$more_than", 0, ""),
    ("summary.redemptions.gift.redeemed_amount", "$less_than", 1, ALL),
    ("loyalty.referred_customers", "$is", 2, "ann"),
    ("loyalty.referred_customers", "$less_than", 1, "bob eve"),
    ("loyalty_points.campaigns.Tiers 2.0.points", "$is", 55, "ann"),
    ("loyalty_points.campaigns.Tiers 2.0.points", "$less_than", 41, "bob"),
    ("loyalty_points.campaigns.Tiers 2.0.points", "$is_not", 55, "bob eve"),
    ("loyalty_points.campaigns.Tiers 2.0.points", "$is_unknown", True, "eve"),
    ("loyalty_points.campaigns.Nothing.points", "$has_value", True, ""),
]
DATES: list[tuple[str, str, Any, str]] = [
    ("created_at", "$after", ["2025-12-31T23:59:59.999Z"], "ann bob"),
    ("created_at", "$before", "2026-01-01", "eve"),
    ("created_at", "$less_than", [9], ""),
    ("created_at", "$less_than", [10], "ann"),
    ("created_at", "$more_than", [10], "bob eve"),
    ("created_at", "$more_than_equal", [9], ALL),
    ("created_at", "$is", "2026-01-01", "bob"),
    ("created_at", "$is", 9, "ann"),
    ("created_at", "$is_not", 9, "bob eve"),
    ("created_at", "$last_month", True, "ann"),
    ("created_at", "$last_year", True, "eve"),
    ("created_at", "$is_days_ago", 9, "ann"),
    ("created_at", "$today_md", True, "eve"),
    ("updated_at", "$has_value", True, "ann"),
    ("birthdate", "$is", "1985-03-01", "bob"),
    ("birthdate", "$before", "1990-01-01", "bob"),
    ("birthdate", "$next_month", [True], "ann"),
    ("birthdate", "$this_month", True, "bob"),
    ("birthdate", "$today", True, "bob"),
    ("birthdate", "$today_md", True, "bob"),
    ("birthdate", "$is_less_days_in_future_md", 41, "ann bob"),
    ("birthdate", "$is_month", [4], "ann"),
    ("birthdate", "$is_unknown", True, "eve"),
    ("birthday", "$next_month", True, "ann"),
    ("summary.orders.last_order_date", "$less_than", 5, "ann"),
    ("summary.orders.last_order_date", "$more_than", 5, ""),
    ("summary.orders.last_order_date", "$is", "2026-02-25", "ann"),
    ("summary.orders.last_order_date", "$is_unknown", True, "bob eve"),
]


@pytest.mark.parametrize(("field", "operator", "value", "found"), TEXTS + METADATA + NUMBERS + DATES)
async def test_a_condition_finds(people: People, field: str, operator: str, value: Any, found: str) -> None:
    filter = {field: {"conditions": {operator: value}}}
    assert await find(people, filter) == found
    assert await find(people, filter, together=True) == found


PARIS = {"address.city": {"conditions": {"$is": "Paris"}}}
BOB = {"name": {"conditions": {"$is": "Bob"}}}


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, ALL),
        ({"junction": "or"}, ALL),
        ({"junction": "and", **PARIS, **BOB}, ""),
        ({**PARIS, **BOB}, ""),
        ({"junction": "or", **PARIS, **BOB}, "ann bob"),
        ({"junction": "OR", **PARIS, **BOB}, "ann bob"),
        # Conditions of one field must all hold, whatever the junction.
        ({"junction": "or", "metadata.age": {"conditions": {"$more_than": 30, "$less_than": 50}}}, "bob"),
        ({"junction": "or", **PARIS, "summary.orders.total_count": {"conditions": {"$is": 0}}}, ALL),
        (
            {
                "events.sign-up.count": {"conditions": {"$more_than": 0}},
                "events.a.b.count": {"conditions": {"$is": 0}},
                "summary.orders.total_count": {"conditions": {"$is": 0}},
                "summary.orders.total_amount": {"conditions": {"$is": 0}},
            },
            "bob",
        ),
    ],
)
async def test_fields_are_joined_by_the_junction(people: People, filter: dict[str, Any], found: str) -> None:
    assert await find(people, filter) == found
    assert await find(people, filter, together=True) == found


async def test_days_are_counted_from_now(people: People) -> None:
    filter = {"created_at": {"conditions": {"$less_than": 30}}}
    assert await find(people, filter, now=on("2026-01-30T23:59:59")) == "bob"
    assert await find(people, filter, now=on("2026-01-31T00:00:00")) == ""


async def test_another_projects_orders_and_events_do_not_count(
    people: People, shared_project: SharedProject
) -> None:
    stranger = new_id()
    await people.fetch(
        "insert into custom_event (project_id, id, customer_id, name, created_at)"
        " select id, $2, $3, 'sign-up', now() from project where id <> $1 returning 1",
        people.project_id,
        stranger,
        people.ids["eve"],
    )
    for together in (False, True):
        filter = {"events.sign-up.count": {"conditions": {"$is": 0}}}
        assert await find(people, filter, together=together) == "eve"
