"""Campaigns over HTTP: made, read, enabled, deleted. (Changes: test_service_updates.py, races:
test_service_races.py.)"""

import re
from typing import Any

import httpx
import pytest

from builders import (
    DEFAULT_CODE_CONFIG,
    a_campaign,
    a_refusal,
    a_voucher,
    is_taken,
    not_there,
    read_refusal,
)
from database_views import count_more_rows, count_rows
from openvoucher.app import make_app, make_worker
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from shop import Shop

EMPTY_LIST = {"object": "list", "data_ref": "data", "data": [], "total": 0}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NO_SUCH_CATEGORY = "cat_" + "0" * 32


def shown(**changes: Any) -> dict[str, Any]:
    """A campaign of which nothing was said, without its id and date."""
    return {
        "name": "Spring",
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "voucher": voucher_block(discount={"type": "PERCENT", "percent_off": 10}),
        "auto_join": False,
        "join_once": False,
        "use_voucher_metadata_schema": True,
        "vouchers_count": 0,
        "active": True,
        "metadata": {},
        "creation_status": "DONE",
        "vouchers_generation_status": "DONE",
        "protected": False,
        "validation_rules_assignments": EMPTY_LIST,
        "category_id": None,
        "categories": [],
        "object": "campaign",
        **changes,
    }


def voucher_block(type: str = "DISCOUNT_VOUCHER", **changes: Any) -> dict[str, Any]:
    return {
        "type": type,
        "redemption": {"quantity": None},
        "code_config": DEFAULT_CODE_CONFIG,
        "is_referral_code": False,
        **changes,
    }


def without(campaign: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in campaign.items() if name not in names}


# --- creation --------------------------------------------------------------------------------------


async def test_a_campaign_is_in_progress_until_its_codes_are_there(
    client: httpx.AsyncClient, db: Database, settings: Settings
) -> None:
    # Two portions: two codes, then one.
    worker = make_worker(db, Settings(public_url=settings.public_url, portion_rows=2))
    answer = await client.post("/v1/campaigns", json=a_campaign(vouchers_count=3))
    assert answer.status_code == 200
    campaign = answer.json()
    assert re.fullmatch(r"camp_[0-9a-f]{32}", campaign["id"])
    assert INSTANT.fullmatch(campaign["created_at"])
    under_way = shown(creation_status="IN_PROGRESS", vouchers_generation_status="IN_PROGRESS")
    assert without(campaign, "id", "created_at") == under_way
    assert (await client.get("/v1/campaigns/Spring")).json() == campaign
    assert await read_actions(client) == [("CAMPAIGN.VOUCHERS_GENERATE", "ENQUEUED", 0)]

    assert await worker.run_next()
    assert (await client.get("/v1/campaigns/Spring")).json() == {**campaign, "vouchers_count": 2}
    assert await read_actions(client) == [("CAMPAIGN.VOUCHERS_GENERATE", "IN_PROGRESS", 66)]

    assert await worker.run_next()
    done = {"vouchers_count": 3, "creation_status": "DONE", "vouchers_generation_status": "DONE"}
    assert (await client.get("/v1/campaigns/Spring")).json() == {**campaign, **done}
    assert (await client.get(f"/v1/campaigns/{campaign['id']}")).json() == {**campaign, **done}
    assert await read_actions(client) == [("CAMPAIGN.VOUCHERS_GENERATE", "DONE", 100)]
    assert not await worker.run_next()


async def read_actions(client: httpx.AsyncClient) -> list[tuple[str, str, int]]:
    """Type, status and progress; the newest first."""
    actions = (await client.get("/v1/async-actions")).json()["async_actions"]
    return [(action["type"], action["status"], action["progress"]) for action in actions]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({}, shown(), id="discounts without codes"),
        pytest.param(
            {"campaign_type": "GIFT_VOUCHERS"},
            shown(
                campaign_type="GIFT_VOUCHERS",
                voucher=voucher_block("GIFT_VOUCHER", gift={"amount": 10_000, "effect": "APPLY_TO_ORDER"}),
            ),
            id="gift cards",
        ),
        pytest.param(
            {"campaign_type": "LOYALTY_PROGRAM"},
            shown(
                campaign_type="LOYALTY_PROGRAM",
                voucher=voucher_block("LOYALTY_CARD", loyalty_card={"points": 300}),
                join_once=True,
            ),
            id="loyalty cards",
        ),
        pytest.param(
            {
                "campaign_type": "REFERRAL_PROGRAM",
                "referral_program": {"conversion_event_type": "redemption"},
                "voucher": {"is_referral_code": True},
            },
            shown(
                campaign_type="REFERRAL_PROGRAM",
                voucher=voucher_block(discount={"type": "PERCENT", "percent_off": 10}, is_referral_code=True),
                referral_program={"conversion_event_type": "redemption"},
            ),
            id="referrals",
        ),
        pytest.param(
            {"campaign_type": "PROMOTION"},
            {
                **without(
                    shown(campaign_type="PROMOTION", type="STATIC"),
                    "voucher",
                    "vouchers_count",
                    "validation_rules_assignments",
                ),
                "promotion": {
                    "object": "list",
                    "data_ref": "tiers",
                    "tiers": [],
                    "total": 0,
                    "has_more": False,
                },
            },
            id="a promotion",
        ),
        pytest.param(
            {
                "description": "10 % off",
                "start_date": "2026-03-01",
                "expiration_date": "2026-05-31",
                "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
                "validity_day_of_week": [1],
                "validity_hours": {"daily": [{"start_time": "16:00", "days_of_week": [5]}]},
                "activity_duration_after_publishing": "P24D",
                "metadata": {"season": "Spring"},
                "voucher": {"redemption": {"quantity": 3}},
                "active": False,
            },
            shown(
                voucher=voucher_block(
                    discount={"type": "PERCENT", "percent_off": 10},
                    redemption={"quantity": 3},
                    start_date="2026-03-01T00:00:00.000Z",
                    expiration_date="2026-05-31T00:00:00.000Z",
                    validity_timeframe={"interval": "P2D", "duration": "P1D"},
                    validity_day_of_week=[1],
                ),
                description="10 % off",
                start_date="2026-03-01T00:00:00.000Z",
                expiration_date="2026-05-31T00:00:00.000Z",
                validity_timeframe={"interval": "P2D", "duration": "P1D"},
                validity_day_of_week=[1],
                validity_hours={"daily": [{"start_time": "16:00", "days_of_week": [5]}]},
                activity_duration_after_publishing="P24D",
                metadata={"season": "Spring"},
            ),
            id="discounts of which everything was said, and that cannot start disabled",
        ),
    ],
)
async def test_a_campaign_without_codes_is_done_at_once(
    shop: Shop, sent: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = await count_rows(shop.db)
    name = shop.name()
    answer = await shop.client.post("/v1/campaigns", json=a_campaign(**{**sent, "name": name}))
    assert answer.status_code == 200
    campaign = answer.json()
    assert without(campaign, "id", "created_at") == {**expected, "name": name}
    assert await shop.read(f"/v1/campaigns/{name}") == campaign
    assert await count_more_rows(shop.db, before) == {"campaign": 1, "campaign_revision": 1}


async def test_a_standalone_campaign_has_its_code_at_once(shop: Shop) -> None:
    before = await count_rows(shop.db)
    name = shop.name()
    body = a_campaign(name=name, type="STANDALONE", voucher={"code": "SUMMER 26"}, join_once=True)
    campaign = (await shop.client.post("/v1/campaigns", json=body)).json()
    expected = shown(name=name, type="STANDALONE", vouchers_count=1)
    assert without(campaign, "id", "created_at") == expected
    voucher = await shop.read("/v1/vouchers/SUMMER%2026")
    assert (voucher["campaign"], voucher["campaign_id"]) == (name, campaign["id"])
    rows = await count_more_rows(shop.db, before)
    assert rows == {"campaign": 1, "campaign_revision": 1, "campaign_day": 1, "voucher": 1}


async def test_a_standalone_campaign_without_a_code_gets_a_random_one(shop: Shop) -> None:
    campaign = await shop.make(
        type="STANDALONE", voucher={"code_config": {"prefix": "SUMMER-", "length": 3, "charset": "AB"}}
    )
    (voucher,) = (await shop.read(f"/v1/vouchers?campaign_id={campaign['id']}"))["vouchers"]
    assert re.fullmatch(r"SUMMER-[AB]{3}", voucher["code"])


@pytest.mark.parametrize("by", ["name", "id", "both"])
async def test_the_category_is_given_by_name_or_id_and_the_id_counts(shop: Shop, by: str) -> None:
    name = shop.name()
    answer = await shop.client.post("/v1/categories", json={"name": f"{name}'s", "hierarchy": 1})
    category = answer.json()
    sent = {
        "name": {"category": category["name"]},
        "id": {"category_id": category["id"]},
        "both": {"category_id": category["id"], "category": "no such category"},
    }[by]
    campaign = await shop.make(name=name, **sent)
    assert (campaign["category"], campaign["category_id"]) == (category["name"], category["id"])
    assert campaign["categories"] == [category]


async def test_a_deleted_category_is_shown_as_none(shop: Shop) -> None:
    answer = await shop.client.post("/v1/categories", json={"name": shop.name(), "hierarchy": 1})
    campaign = await shop.make(category_id=answer.json()["id"])
    assert (await shop.client.delete(f"/v1/categories/{answer.json()['id']}")).status_code == 204
    assert await shop.read(f"/v1/campaigns/{campaign['id']}") == {
        **without(campaign, "category"),
        "category_id": None,
        "categories": [],
    }


# --- refusals --------------------------------------------------------------------------------------

SMALL = {"code_config": {"pattern": "10-##", "charset": "0123456789"}}


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (
            {"name": None},
            a_refusal(400, "invalid_payload", "Property .name must be string"),
        ),
        (
            {"name": ""},
            a_refusal(400, "invalid_payload", "Property .name must NOT have fewer than 1 characters"),
        ),
        (
            {"campaign_type": "LUCKY_DRAW"},
            a_refusal(
                400,
                "invalid_payload",
                "Property .campaign_type must be equal to one of the allowed values [ DISCOUNT_COUPONS, "
                "GIFT_VOUCHERS, LOYALTY_PROGRAM, PROMOTION, REFERRAL_PROGRAM ]",
            ),
        ),
        (
            {"type": "DYNAMIC"},
            a_refusal(
                400,
                "invalid_payload",
                "Property .type must be equal to one of the allowed values "
                "[ AUTO_UPDATE, STATIC, STANDALONE ]",
            ),
        ),
        (
            {"vouchers_count": -1},
            a_refusal(400, "invalid_payload", "Property .vouchers_count must be >= 0"),
        ),
        (
            {"vouchers_count": 1.5},
            a_refusal(400, "invalid_payload", "Property .vouchers_count must be integer,null"),
        ),
        (
            {"voucher": {"redemption": {"quantity": 0}}},
            a_refusal(400, "invalid_payload", "Property .voucher.redemption.quantity must be >= 1"),
        ),
        (
            {"voucher": {"type": None}},
            a_refusal(400, "invalid_payload", "Property .voucher.type must be string"),
        ),
        (
            {"voucher": {"discount": {"type": "PERCENT", "percent_off": 101}}},
            a_refusal(400, "invalid_payload", "Property .voucher.discount.percent_off must be <= 100"),
        ),
        (
            {"voucher": {"discount": None}},
            a_refusal(
                400, "invalid_campaign", "Property 'discount' is required for DISCOUNT_COUPONS campaign"
            ),
        ),
        (
            {"campaign_type": "PROMOTION", "type": "STANDALONE"},
            a_refusal(400, "invalid_campaign", "PROMOTION campaign cannot be of type STANDALONE"),
        ),
        (
            {"validity_day_of_week": [7]},
            a_refusal(400, "invalid_payload", "Property .validity_day_of_week[0] must be <= 6"),
        ),
        (
            {"category": "no such category"},
            not_there("category", "no such category"),
        ),
        (
            {"category_id": NO_SUCH_CATEGORY},
            not_there("category", NO_SUCH_CATEGORY),
        ),
        (
            {"validation_rules": ["val_1"]},
            not_there("validation_rules", "val_1"),
        ),
        (
            {"voucher": SMALL, "vouchers_count": 101},
            a_refusal(
                400,
                "invalid_code_config",
                "Not possible to generate requested number of codes. 100 are possible.",
            ),
        ),
        (
            {"voucher": {"code_config": {"pattern": "SALE"}}, "vouchers_count": 2},
            a_refusal(
                400,
                "invalid_code_config",
                "Not possible to generate requested number of codes. 1 are possible.",
            ),
        ),
        (
            {"voucher": {"code_config": {"charset": ""}}},
            a_refusal(400, "invalid_code_config", "charset must have at least one character"),
        ),
    ],
)
async def test_a_refused_campaign_writes_nothing(
    shop: Shop, sent: dict[str, Any], refusal: dict[str, Any]
) -> None:
    before = await count_rows(shop.db)
    body = a_campaign(**{"name": shop.name(), "campaign_type": "DISCOUNT_COUPONS", **sent})
    assert read_refusal(await shop.client.post("/v1/campaigns", json=body)) == refusal
    assert await count_more_rows(shop.db, before) == {}


async def test_a_name_is_used_once(shop: Shop) -> None:
    campaign = await shop.make()
    before = await count_rows(shop.db)
    again = a_campaign(name=campaign["name"], campaign_type="GIFT_VOUCHERS", vouchers_count=5)
    answer = await shop.client.post("/v1/campaigns", json=again)
    assert read_refusal(answer) == is_taken("campaign", "name", campaign["name"])
    assert await count_more_rows(shop.db, before) == {}


async def test_a_standalone_campaign_whose_code_is_taken_is_not_made(shop: Shop) -> None:
    code = shop.name()
    await shop.client.post(f"/v1/vouchers/{code}", json=a_voucher())
    before = await count_rows(shop.db)
    body = a_campaign(name=shop.name(), type="STANDALONE", voucher={"code": code})
    answer = await shop.client.post("/v1/campaigns", json=body)
    assert read_refusal(answer) == is_taken("voucher", "id", code)
    assert await count_more_rows(shop.db, before) == {}


async def test_metadata_is_held_against_the_schema_that_the_flag_chooses(
    client: httpx.AsyncClient, db: Database
) -> None:
    for related_object, name in (("voucher", "colour"), ("campaign", "season")):
        properties = {name: {"type": "string", "optional": False}}
        body = {"related_object": related_object, "properties": properties}
        assert (await client.post("/v1/metadata-schemas", json=body)).status_code == 200
    before = await count_rows(db)
    for flag, name in ((True, "colour"), (False, "season")):
        body = a_campaign(use_voucher_metadata_schema=flag, metadata={name: 1})
        details = f"{name}: must be a string, property is required (actual value is '1')"
        refusal = a_refusal(400, "metadata_validation_failed", details)
        assert read_refusal(await client.post("/v1/campaigns", json=body)) == refusal
    assert await count_more_rows(db, before) == {}
    for flag, name in ((True, "colour"), (False, "season")):
        body = a_campaign(name=name, use_voucher_metadata_schema=flag, metadata={name: "text"})
        assert (await client.post("/v1/campaigns", json=body)).status_code == 200


async def test_a_campaign_over_the_limit_of_codes_is_refused(db: Database, client: httpx.AsyncClient) -> None:
    before = await count_rows(db)
    limited = Settings(max_codes_per_campaign=5)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=make_app(db, limited)),
        base_url="http://test",
        headers=client.headers,
    ) as limited_client:
        answer = await limited_client.post("/v1/campaigns", json=a_campaign(vouchers_count=6))
        refusal = a_refusal(400, "invalid_campaign_params", "A campaign can have at most 5 vouchers")
        assert read_refusal(answer) == refusal
        assert await count_more_rows(db, before) == {}
        answer = await limited_client.post("/v1/campaigns", json=a_campaign(vouchers_count=5))
        assert answer.status_code == 200


# --- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["50% off / für #1?&x=%2F", "camp_" + "0" * 32, "camp_", "../x", " "])
async def test_a_campaign_is_found_by_any_name(shop: Shop, name: str) -> None:
    answer = await shop.client.post("/v1/campaigns", json=a_campaign(name=name))
    path = "/v1/campaigns/" + "".join(f"%{byte:02X}" for byte in name.encode())
    assert await shop.read(path) == answer.json()


async def test_an_id_wins_over_a_campaign_that_is_called_so(shop: Shop) -> None:
    first = await shop.make()
    second = (await shop.client.post("/v1/campaigns", json=a_campaign(name=first["id"]))).json()
    assert (await shop.read(f"/v1/campaigns/{first['id']}"))["name"] == first["name"]
    assert (await shop.read(f"/v1/campaigns/{second['id']}"))["name"] == first["id"]


PATHS = [
    ("GET", ""),
    ("PUT", ""),
    ("DELETE", ""),
    ("POST", "/enable"),
    ("POST", "/disable"),
    ("GET", "/summary"),
    ("GET", "/transactions"),
    ("POST", "/vouchers"),
    ("POST", "/vouchers?vouchers_count=2"),
    ("POST", "/vouchers/A-CODE"),
    ("POST", "/import"),
]


async def ask(client: httpx.AsyncClient, method: str, campaign: str, path: str) -> httpx.Response:
    body: Any = [] if path == "/import" else {}
    json = body if method in ("PUT", "POST") else None
    return await client.request(method, f"/v1/campaigns/{campaign}{path}", json=json)


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("sent", ["Nothing", "camp_" + "f" * 32])
async def test_what_is_not_there_is_not_found(shop: Shop, method: str, path: str, sent: str) -> None:
    before = await count_rows(shop.db)
    assert read_refusal(await ask(shop.client, method, sent, path)) == not_there("campaign", sent)
    assert await count_more_rows(shop.db, before) == {}


async def test_another_projects_campaign_is_not_there_and_its_name_is_free(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database
) -> None:
    campaign = (await client.post("/v1/campaigns", json=a_campaign(name="Ours"))).json()
    before = await count_rows(db)
    for method, path in PATHS:
        for sent in ("Ours", campaign["id"]):
            answer = await ask(other_client, method, sent, path)
            assert read_refusal(answer) == not_there("campaign", sent)
    assert (await other_client.get("/v1/campaigns")).json()["total"] == 0
    assert await count_more_rows(db, before) == {}
    theirs = await other_client.post("/v1/campaigns", json=a_campaign(name="Ours"))
    assert theirs.status_code == 200
    assert theirs.json()["id"] != campaign["id"]


# --- the flag --------------------------------------------------------------------------------------


async def test_disabling_changes_the_flag_of_the_campaign_alone(shop: Shop) -> None:
    campaign = await shop.make()
    path = f"/v1/campaigns/{campaign['name']}"
    voucher = (await shop.client.post(f"{path}/vouchers")).json()
    campaign = await shop.read(path)

    answer = await shop.client.post(f"{path}/disable")
    assert (answer.status_code, answer.json()) == (200, {})
    disabled = await shop.read(path)
    assert INSTANT.fullmatch(disabled["updated_at"])
    assert disabled == {**campaign, "active": False, "updated_at": disabled["updated_at"]}
    assert await shop.read(f"/v1/vouchers/{voucher['code']}") == voucher

    answer = await shop.client.post(f"/v1/campaigns/{campaign['id']}/enable")
    assert (answer.status_code, answer.json()) == (200, {})
    enabled = await shop.read(path)
    assert enabled == {**campaign, "updated_at": enabled["updated_at"]}
    assert enabled["updated_at"] > disabled["updated_at"]


async def test_enabling_what_is_enabled_changes_nothing(shop: Shop) -> None:
    campaign = await shop.make()
    path = f"/v1/campaigns/{campaign['name']}"
    for _ in range(2):
        answer = await shop.client.post(f"{path}/enable")
        assert (answer.status_code, answer.json()) == (200, {})
    assert await shop.read(path) == campaign
    await shop.client.post(f"{path}/disable")
    disabled = await shop.read(path)
    await shop.client.post(f"{path}/disable")
    assert await shop.read(path) == disabled


# --- deletion --------------------------------------------------------------------------------------


async def make_deleted(
    client: httpx.AsyncClient, worker: Worker, *, force: bool, count: int = 3
) -> tuple[dict[str, Any], list[str], str]:
    """A campaign with codes, deleted, of which the action has not yet begun: (campaign, codes, action)."""
    campaign = (await client.post("/v1/campaigns", json=a_campaign(vouchers_count=count))).json()
    await worker.run_until_idle()
    codes = await list_codes(client)
    answer = await client.delete(f"/v1/campaigns/Spring?force={str(force).lower()}")
    assert answer.status_code == 202
    assert answer.json().keys() == {"async_action_id"}
    return campaign, codes, answer.json()["async_action_id"]


async def list_codes(client: httpx.AsyncClient) -> list[str]:
    vouchers = (await client.get("/v1/vouchers?limit=100")).json()
    assert vouchers["total"] == len(vouchers["vouchers"])
    return [voucher["code"] for voucher in vouchers["vouchers"]]


@pytest.mark.parametrize("force", [False, True])
async def test_a_deleted_campaign_is_gone_at_once(
    client: httpx.AsyncClient, worker: Worker, db: Database, force: bool
) -> None:
    campaign, codes, _ = await make_deleted(client, worker, force=force)
    before = await count_rows(db)
    for sent in ("Spring", campaign["id"]):
        for method, path in PATHS:
            answer = await ask(client, method, sent, path)
            assert read_refusal(answer) == not_there("campaign", sent)
    assert (await client.get("/v1/campaigns")).json()["total"] == 0
    assert await list_codes(client) == []
    for code in codes:
        for method in ("GET", "PUT", "DELETE"):
            answer = await client.request(method, f"/v1/vouchers/{code}", json={})
            assert read_refusal(answer) == not_there("voucher", code)
    assert await count_more_rows(db, before) == {}


async def test_in_the_bin_name_and_codes_stay_reserved(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    campaign, codes, action_id = await make_deleted(client, worker, force=False)
    await worker.run_until_idle()
    action = (await client.get(f"/v1/async-actions/{action_id}")).json()
    assert (action["type"], action["status"]) == ("CAMPAIGN.VOUCHERS_DELETE", "DONE")
    assert action["result"] == {"message": "Deleted 3 vouchers.", "done_count": 3}
    before = await count_rows(db)
    answer = await client.post("/v1/campaigns", json=a_campaign())
    assert read_refusal(answer) == is_taken("campaign", "name", "Spring")
    answer = await client.post(f"/v1/vouchers/{codes[0]}", json=a_voucher())
    assert read_refusal(answer) == is_taken("voucher", "id", codes[0])
    assert await count_more_rows(db, before) == {}
    (entry,) = (await client.get("/v1/trash-bin")).json()["data"]
    assert (entry["resource_type"], entry["resource_id"]) == ("campaign", campaign["id"])


async def test_with_force_the_name_is_free_at_once_and_the_codes_after_the_action(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    empty = await count_rows(db)
    _, codes, action_id = await make_deleted(client, worker, force=True)
    assert (await client.get("/v1/trash-bin")).json()["data"] == []
    answer = await client.post("/v1/campaigns", json=a_campaign(campaign_type="GIFT_VOUCHERS"))
    assert answer.status_code == 200

    await worker.run_until_idle()
    action = (await client.get(f"/v1/async-actions/{action_id}")).json()
    assert (action["type"], action["status"]) == ("CAMPAIGN.VOUCHERS_DELETE", "DONE")
    assert action["result"] == {"message": "Deleted 3 vouchers.", "done_count": 3}
    # What is left is the new campaign, and the record of what was done.
    rows = await count_more_rows(db, empty)
    assert {name: count for name, count in rows.items() if not name.startswith(("job", "async"))} == {
        "campaign": 1,
        "campaign_revision": 1,
    }
    assert (await client.get("/v1/campaigns/Spring")).json() == answer.json()
    assert (await client.post(f"/v1/vouchers/{codes[0]}", json=a_voucher())).status_code == 200


async def test_the_deletion_of_many_codes_goes_on_portion_by_portion(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    await client.post("/v1/vouchers/BYSTANDER", json=a_voucher())
    _, _, action_id = await make_deleted(client, worker, force=True, count=5)
    small = make_worker(db, Settings(portion_rows=2))
    left = []
    while await small.run_next():
        left.append((await count_rows(db))["voucher"])
    assert left == [4, 2, 1]
    action = (await client.get(f"/v1/async-actions/{action_id}")).json()
    assert action["result"] == {"message": "Deleted 5 vouchers.", "done_count": 5}
    assert await list_codes(client) == ["BYSTANDER"]


async def test_codes_in_the_bin_go_with_their_campaign_but_are_not_counted_again(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    await client.post("/v1/campaigns", json=a_campaign())
    for code in ("A", "B", "C"):
        await client.post(f"/v1/campaigns/Spring/vouchers/{code}")
    assert (await client.delete("/v1/vouchers/B")).status_code == 204
    assert (await client.get("/v1/campaigns/Spring")).json()["vouchers_count"] == 2
    action_id = (await client.delete("/v1/campaigns/Spring?force=true")).json()["async_action_id"]
    await worker.run_until_idle()
    action = (await client.get(f"/v1/async-actions/{action_id}")).json()
    assert action["result"] == {"message": "Deleted 2 vouchers.", "done_count": 2}
    rows = await count_rows(db)
    assert (rows["voucher"], rows["bin_entry"], rows["campaign_day"]) == (0, 0, 0)


@pytest.mark.parametrize("sent", ["maybe", "2"])
async def test_a_flag_that_is_none_deletes_nothing(shop: Shop, sent: str) -> None:
    campaign = await shop.make()
    answer = await shop.client.delete(f"/v1/campaigns/{campaign['id']}?force={sent}")
    refusal = a_refusal(400, "invalid_query_params", "Property .force must be boolean")
    assert read_refusal(answer) == refusal
    assert await shop.read(f"/v1/campaigns/{campaign['id']}") == campaign
