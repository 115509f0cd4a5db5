"""Codes added to a campaign by callers: one, many, a given one."""

import asyncio
import re
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import a_campaign, a_refusal, a_voucher, is_taken, not_there, read_refusal
from database_views import count_more_rows, count_rows, holding_locks, wait_for_waiting_statements
from openvoucher.app import make_app, make_worker
from openvoucher.features.vouchers import store as vouchers_store
from openvoucher.features.vouchers.service import Campaign, find_campaign, insert_voucher
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.errors import ApiError
from shop import Shop

STANDALONE = a_refusal(400, "invalid_campaign", "You can not generate vouchers for STANDALONE type campaign.")
PROMOTION = a_refusal(400, "invalid_campaign", "You can not generate vouchers for PROMOTION campaign.")
TERMS: dict[str, Any] = {
    "start_date": "2026-03-01",
    "expiration_date": "2026-05-31",
    "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
    "validity_day_of_week": [1],
    "validity_hours": {"daily": [{"start_time": "16:00", "days_of_week": [5]}]},
    "metadata": {"a": 1, "b": 2},
    "voucher": {"redemption": {"quantity": 3}},
}
OWN: dict[str, Any] = {
    "start_date": "2026-03-02",
    "expiration_date": None,
    "redemption": {"quantity": 7},
    "additional_info": "for Ann",
    "metadata": {"a": "own", "own": True},
}


def inherited(campaign: dict[str, Any]) -> dict[str, Any]:
    """What a code of a campaign with TERMS shows, without what is its own."""
    return {
        "campaign": campaign["name"],
        "campaign_id": campaign["id"],
        "category": None,
        "category_id": None,
        "categories": [],
        "type": "DISCOUNT_VOUCHER",
        "discount": {"type": "PERCENT", "percent_off": 10},
        "gift": None,
        "loyalty_card": None,
        "start_date": "2026-03-01T00:00:00.000Z",
        "expiration_date": "2026-05-31T00:00:00.000Z",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "validity_day_of_week": [1],
        "validity_hours": {"daily": [{"start_time": "16:00", "days_of_week": [5]}]},
        "active": True,
        "additional_info": None,
        "metadata": {"a": 1, "b": 2},
        "is_referral_code": False,
        "updated_at": None,
        "validation_rules_assignments": {"object": "list", "data_ref": "data", "data": [], "total": 0},
        "object": "voucher",
    }


def of_its_own(voucher: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    """(what a voucher shows, without what every voucher has for itself; its limit)."""
    generated = ("id", "code", "assets", "created_at", "redemption", "publish")
    shown = {name: value for name, value in voucher.items() if name not in generated}
    return shown, voucher["redemption"]["quantity"]


# --- one -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?vouchers_count=1"])
@pytest.mark.parametrize("body", [None, {}, {"active": False, "discount": {"type": "AMOUNT"}, "gift": 1}])
async def test_one_code_is_there_with_the_answer_and_inherits_everything(
    shop: Shop, query: str, body: dict[str, Any] | None
) -> None:
    campaign = await shop.make(**TERMS)
    path = f"/v1/campaigns/{campaign['name']}"
    before = await count_rows(shop.db)
    answer = await shop.client.post(f"{path}/vouchers{query}", json=body)
    assert answer.status_code == 200
    voucher = answer.json()
    assert of_its_own(voucher) == (inherited(campaign), 3)
    assert re.fullmatch(r"[0-9a-zA-Z]{8}", voucher["code"])
    assert await shop.read(f"/v1/vouchers/{voucher['code']}") == voucher
    assert await count_more_rows(shop.db, before) == {"voucher": 1, "campaign_day": 1}
    assert await shop.read(path) == {**campaign, "vouchers_count": 1}


async def test_values_of_the_request_override_what_is_inherited(shop: Shop) -> None:
    campaign = await shop.make(**{**TERMS, "validity_timeframe": None})
    path = f"/v1/campaigns/{campaign['id']}/vouchers"
    name = campaign["name"]
    answer = await shop.client.post("/v1/categories", json={"name": name, "hierarchy": 1})
    category = answer.json()
    expected = {
        **inherited(campaign),
        "validity_timeframe": None,
        "start_date": "2026-03-02T00:00:00.000Z",
        "expiration_date": None,
        "additional_info": "for Ann",
        "metadata": {"a": "own", "b": 2, "own": True},
        "category": name,
        "category_id": category["id"],
        "categories": [category],
    }
    for target, labels in (
        (path, {"category": name}),
        (f"{path}/{name}-1", {"category_id": category["id"]}),
    ):
        voucher = (await shop.client.post(target, json={**OWN, **labels})).json()
        assert of_its_own(voucher) == (expected, 7)


@pytest.mark.parametrize(
    ("campaign_type", "shown"),
    [
        (
            "GIFT_VOUCHERS",
            {"gift": {"amount": 10_000, "balance": 10_000, "effect": "APPLY_TO_ORDER"}, "discount": None},
        ),
        ("LOYALTY_PROGRAM", {"loyalty_card": {"points": 300, "balance": 300}, "discount": None}),
        ("REFERRAL_PROGRAM", {"is_referral_code": True, "type": "DISCOUNT_VOUCHER"}),
    ],
)
async def test_the_code_is_of_the_campaigns_type(
    shop: Shop, campaign_type: str, shown: dict[str, Any]
) -> None:
    campaign = await shop.make(campaign_type=campaign_type)
    voucher = (await shop.client.post(f"/v1/campaigns/{campaign['name']}/vouchers")).json()
    assert {name: voucher[name] for name in shown} == shown
    assert voucher["type"] == campaign["voucher"]["type"]


async def test_a_given_code_wins_over_the_pattern(shop: Shop) -> None:
    campaign = await shop.make()
    path = f"/v1/campaigns/{campaign['name']}/vouchers"
    body = {"code": f"{campaign['name']} #1", "code_config": {"pattern": "X###"}}
    assert (await shop.client.post(path, json=body)).json()["code"] == body["code"]
    answer = await shop.client.post(f"{path}/%C3%9C%2F{campaign['name']}", json={"code": "not this"})
    assert answer.json()["code"] == f"Ü/{campaign['name']}"


@pytest.mark.parametrize(
    ("campaign_config", "sent", "pattern"),
    [
        ({"pattern": "SPR-##", "charset": "01"}, None, r"SPR-[01]{2}"),
        ({"pattern": "SPR-##", "charset": "01"}, {"charset": "ab"}, r"SPR-[ab]{2}"),
        ({"pattern": "SPR-##", "charset": "01"}, {"pattern": "X-###"}, r"X-[01]{3}"),
        ({"pattern": "SPR-##", "charset": "01"}, {"length": 4}, r"[01]{4}"),
        ({"pattern": "SPR-##", "charset": "01"}, {"prefix": "<", "postfix": ">"}, r"<SPR-[01]{2}>"),
        ({"length": 3, "charset": "01", "prefix": "<"}, {"length": 5}, r"<[01]{5}"),
        ({"length": 3, "charset": "01", "prefix": "<"}, {"prefix": ""}, r"[01]{3}"),
    ],
)
async def test_what_the_code_config_leaves_out_comes_from_the_campaign(
    shop: Shop, campaign_config: dict[str, Any], sent: dict[str, Any] | None, pattern: str
) -> None:
    """(No two of these make the same codes.)"""
    campaign = await shop.make(voucher={"code_config": campaign_config})
    path = f"/v1/campaigns/{campaign['name']}/vouchers"
    body = {"code_config": sent}
    one = (await shop.client.post(path, json=body)).json()["code"]
    await shop.client.post(f"{path}?vouchers_count=2", json=body)
    await shop.worker.run_until_idle()
    vouchers = (await shop.read(f"/v1/vouchers?campaign_id={campaign['id']}"))["vouchers"]
    codes = {voucher["code"] for voucher in vouchers}
    assert one in codes
    assert len(codes) == 3
    assert all(re.fullmatch(pattern, code) for code in codes)
    # The campaign keeps its own config.
    assert await shop.read(f"/v1/campaigns/{campaign['name']}") == {**campaign, "vouchers_count": 3}


async def test_the_last_codes_of_a_pattern_are_found_one_by_one(shop: Shop) -> None:
    campaign = await shop.make(voucher={"code_config": {"pattern": "LAST-###", "charset": "0123456789"}})
    path = f"/v1/campaigns/{campaign['name']}/vouchers"
    await shop.client.post(f"{path}?vouchers_count=998")
    await shop.worker.run_until_idle()
    codes = set()
    for _ in range(2):
        answer = await shop.client.post(path)
        assert answer.status_code == 200
        codes.add(answer.json()["code"])
    assert len(codes) == 2
    before = await count_rows(shop.db)
    refusal = a_refusal(400, "invalid_code_config", "Not possible to generate requested number of codes.")
    assert read_refusal(await shop.client.post(path)) == refusal
    assert await count_more_rows(shop.db, before) == {}


async def test_metadata_of_a_code_is_held_against_the_schema_together_with_what_it_inherits(
    client: httpx.AsyncClient, db: Database
) -> None:
    await client.post("/v1/campaigns", json=a_campaign(metadata={"colour": "red"}))
    properties = {
        "colour": {"type": "string", "optional": False},
        "size": {"type": "number", "optional": False},
    }
    body = {"related_object": "voucher", "properties": properties}
    assert (await client.post("/v1/metadata-schemas", json=body)).status_code == 200
    before = await count_rows(db)
    for path in ("", "?vouchers_count=2", "/A-CODE"):
        answer = await client.post(f"/v1/campaigns/Spring/vouchers{path}")
        details = "size: must be a number, property is required (actual value is 'undefined')"
        assert read_refusal(answer) == a_refusal(400, "metadata_validation_failed", details)
    assert await count_more_rows(db, before) == {}
    answer = await client.post("/v1/campaigns/Spring/vouchers/A-CODE", json={"metadata": {"size": 5}})
    assert answer.json()["metadata"] == {"colour": "red", "size": 5}


# --- many ------------------------------------------------------------------------------------------


async def test_many_codes_are_made_by_an_action_and_all_have_the_same_values(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    answer = await client.post("/v1/campaigns", json=a_campaign(**{**TERMS, "validity_timeframe": None}))
    campaign = answer.json()
    before = await count_rows(db)
    body = {**OWN, "code": "for one code only"}
    answer = await client.post("/v1/campaigns/Spring/vouchers?vouchers_count=12", json=body)
    assert answer.status_code == 202
    action_id = answer.json().pop("async_action_id")
    assert answer.json().keys() == {"async_action_id"}
    assert await count_more_rows(db, before) == {"async_action": 1, "job": 1}
    under_way = (await client.get("/v1/campaigns/Spring")).json()
    assert under_way == {**campaign, "vouchers_generation_status": "IN_PROGRESS"}

    await worker.run_until_idle()
    assert (await client.get("/v1/campaigns/Spring")).json() == {**campaign, "vouchers_count": 12}
    action = (await client.get(f"/v1/async-actions/{action_id}")).json()
    assert (action["type"], action["status"], action["progress"]) == (
        "CAMPAIGN.VOUCHERS_GENERATE",
        "DONE",
        100,
    )
    assert action["result"] == {"message": "Generated 12 vouchers.", "done_count": 12}
    vouchers = (await client.get("/v1/vouchers?limit=100")).json()["vouchers"]
    assert len({voucher["code"] for voucher in vouchers}) == 12
    expected = {
        **inherited(campaign),
        "validity_timeframe": None,
        "start_date": "2026-03-02T00:00:00.000Z",
        "expiration_date": None,
        "additional_info": "for Ann",
        "metadata": {"a": "own", "b": 2, "own": True},
    }
    del expected["validation_rules_assignments"]
    assert all(of_its_own(voucher) == (expected, 7) for voucher in vouchers)


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "details"),
    [
        ("0", "Property .vouchers_count must be >= 1"),
        ("-1", "Property .vouchers_count must be >= 1"),
        ("1.5", "Property .vouchers_count must be integer"),
        ("two", "Property .vouchers_count must be integer"),
        ("", "Property .vouchers_count must be integer"),
        ("1000000001", "Property .vouchers_count must be <= 1000000000"),
    ],
)
async def test_a_count_that_is_none_is_refused(shop: Shop, count: str, details: str) -> None:
    campaign = await shop.make()
    before = await count_rows(shop.db)
    path = f"/v1/campaigns/{campaign['name']}/vouchers?vouchers_count={count}"
    refusal = a_refusal(400, "invalid_query_params", details)
    assert read_refusal(await shop.client.post(path, json={})) == refusal
    assert await count_more_rows(shop.db, before) == {}


@pytest.mark.parametrize("path", ["", "?vouchers_count=2", "/A-CODE"])
@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (
            {"expiration_date": "2026-02-28"},
            a_refusal(400, "invalid_payload", "Property .expiration_date must not be before start_date"),
        ),
        (
            {"start_date": None},
            a_refusal(400, "invalid_payload", "Property .validity_timeframe needs a start_date"),
        ),
        (
            {"start_date": "soon"},
            a_refusal(
                400,
                "invalid_payload",
                "Property .start_date cannot be recognized as a ISO-8601 compliant date",
            ),
        ),
        (
            {"redemption": {"quantity": 0}},
            a_refusal(400, "invalid_payload", "Property .redemption.quantity must be >= 1"),
        ),
        ({"category": "no such category"}, not_there("category", "no such category")),
    ],
)
async def test_values_that_cannot_work_are_refused(
    shop: Shop, path: str, body: dict[str, Any], refusal: dict[str, Any]
) -> None:
    campaign = await shop.make(**TERMS)
    before = await count_rows(shop.db)
    answer = await shop.client.post(f"/v1/campaigns/{campaign['name']}/vouchers{path}", json=body)
    assert read_refusal(answer) == refusal
    assert await count_more_rows(shop.db, before) == {}


@pytest.mark.parametrize("path", ["", "?vouchers_count=2"])
async def test_a_code_config_that_cannot_work_is_refused(shop: Shop, path: str) -> None:
    campaign = await shop.make()
    before = await count_rows(shop.db)
    body = {"code_config": {"charset": ""}}
    answer = await shop.client.post(f"/v1/campaigns/{campaign['name']}/vouchers{path}", json=body)
    refusal = a_refusal(400, "invalid_code_config", "charset must have at least one character")
    assert read_refusal(answer) == refusal
    assert await count_more_rows(shop.db, before) == {}


async def test_more_codes_than_the_pattern_has_are_refused_with_the_number_that_is_possible(
    shop: Shop,
) -> None:
    config = {"pattern": "TEN-#", "charset": "0123456789"}
    campaign = await shop.make(vouchers_count=4, voucher={"code_config": config})
    path = f"/v1/campaigns/{campaign['name']}/vouchers?vouchers_count="
    before = await count_rows(shop.db)
    for count, body, possible in (
        (7, {}, 6),
        (11, {}, 10),
        (7, {"code_config": {"charset": "abcdef"}}, 6),
        (2, {"code_config": {"pattern": "SALE"}}, 1),
    ):
        details = f"Not possible to generate requested number of codes. {possible} are possible."
        answer = await shop.client.post(f"{path}{count}", json=body)
        assert read_refusal(answer) == a_refusal(400, "invalid_code_config", details)
    assert await count_more_rows(shop.db, before) == {}
    assert (await shop.client.post(f"{path}6", json={})).status_code == 202


@pytest.mark.parametrize(
    ("sent", "paths", "refusal"),
    [
        ({"type": "STANDALONE"}, ["", "?vouchers_count=2", "/A-CODE"], STANDALONE),
        ({"campaign_type": "PROMOTION"}, ["", "?vouchers_count=2", "/A-CODE"], PROMOTION),
    ],
)
async def test_campaigns_that_take_no_codes_refuse_them(
    shop: Shop, sent: dict[str, Any], paths: list[str], refusal: dict[str, Any]
) -> None:
    campaign = await shop.make(**sent)
    before = await count_rows(shop.db)
    for path in paths:
        answer = await shop.client.post(f"/v1/campaigns/{campaign['name']}/vouchers{path}", json={})
        assert read_refusal(answer) == refusal
    assert await count_more_rows(shop.db, before) == {}


async def test_a_standalone_campaign_that_lost_its_code_takes_a_given_one(shop: Shop) -> None:
    first, second = shop.name(), shop.name()
    campaign = await shop.make(type="STANDALONE", voucher={"code": first})
    path = f"/v1/campaigns/{campaign['name']}/vouchers"
    assert (await shop.client.delete(f"/v1/vouchers/{first}")).status_code == 204
    assert read_refusal(await shop.client.post(path, json={"code": second})) == STANDALONE
    assert (await shop.client.post(f"{path}/{second}")).status_code == 200
    assert read_refusal(await shop.client.post(f"{path}/{shop.name()}")) == STANDALONE
    assert await shop.read(f"/v1/campaigns/{campaign['name']}") == campaign


@pytest.mark.parametrize("taken_by", ["this campaign", "another campaign", "nobody's", "the bin"])
async def test_a_code_is_used_once_in_the_project(shop: Shop, taken_by: str) -> None:
    campaign, other = await shop.make(), await shop.make(campaign_type="GIFT_VOUCHERS")
    code = shop.name()
    path = f"/v1/campaigns/{campaign['name']}/vouchers"
    owner = {
        "this campaign": f"{path}/{code}",
        "another campaign": f"/v1/campaigns/{other['name']}/vouchers/{code}",
    }.get(taken_by, f"/v1/vouchers/{code}")
    body = a_voucher() if owner.startswith("/v1/vouchers") else {}
    assert (await shop.client.post(owner, json=body)).status_code == 200
    if taken_by == "the bin":
        assert (await shop.client.delete(f"/v1/vouchers/{code}")).status_code == 204
    before = await count_rows(shop.db)
    for answer in (
        await shop.client.post(f"{path}/{code}"),
        await shop.client.post(path, json={"code": code}),
    ):
        assert read_refusal(answer) == is_taken("voucher", "id", code)
    assert await count_more_rows(shop.db, before) == {}


async def test_another_project_may_have_the_same_code(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    for each in (client, other_client):
        await each.post("/v1/campaigns", json=a_campaign())
        assert (await each.post("/v1/campaigns/Spring/vouchers/A-CODE")).status_code == 200


async def test_the_limit_of_codes_holds_on_every_way(client: httpx.AsyncClient, db: Database) -> None:
    settings = Settings(max_codes_per_campaign=3)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=make_app(db, settings)),
        base_url="http://test",
        headers=client.headers,
    ) as limited:
        await limited.post("/v1/campaigns", json=a_campaign(vouchers_count=2))
        await make_worker(db, settings).run_until_idle()
        path = "/v1/campaigns/Spring/vouchers"
        refusal = a_refusal(400, "invalid_campaign_params", "A campaign can have at most 3 vouchers")
        assert read_refusal(await limited.post(f"{path}?vouchers_count=2")) == refusal
        assert (await limited.post(f"{path}/THIRD")).status_code == 200
        before = await count_rows(db)
        for sent, body in (
            (path, {}),
            (f"{path}/FOURTH", {}),
            ("/v1/vouchers/FOURTH", a_voucher(campaign="Spring")),
        ):
            assert read_refusal(await limited.post(sent, json=body)) == refusal
        assert await count_more_rows(db, before) == {}
        # What lies in the bin is no code of the campaign.
        assert (await limited.delete("/v1/vouchers/THIRD")).status_code == 204
        assert (await limited.post(f"{path}/FOURTH")).status_code == 200


# --- races -----------------------------------------------------------------------------------------


async def add_at_once(client: httpx.AsyncClient, *paths: str) -> list[int]:
    """Add codes to Spring at the same moment; the statuses."""
    await client.post("/v1/campaigns", json=a_campaign())
    requests = (client.post(f"/v1/campaigns/Spring/vouchers{path}") for path in paths)
    return [answer.status_code for answer in await asyncio.gather(*requests)]


async def read_counts(db: Database) -> tuple[int, int, int]:
    """(codes, the campaign's counter, the summary's counter)"""
    async with db.connection() as connection:
        row = await connection.fetchrow(
            "select (select count(*) from voucher), vouchers_count,"
            " (select sum(amount)::bigint from campaign_day where counter = 'vouchers_created') from campaign"
        )
    assert row is not None
    return tuple(row)


async def test_codes_added_at_once_are_all_counted(client: httpx.AsyncClient, db: Database) -> None:
    assert await add_at_once(client, *[""] * 20) == [200] * 20
    assert await read_counts(db) == (20, 20, 20)


async def test_twin_that_reads_the_counter_before_it_writes_it_loses_codes(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_have_read = asyncio.Barrier(5)

    async def read_then_write(
        connection: Connection, project_id: int, campaign_id: UUID, *, added: int, bound: int = 0
    ) -> int:
        count: int = await connection.fetchval("select vouchers_count from campaign")
        await all_have_read.wait()
        await connection.execute("update campaign set vouchers_count = $1", count + added)
        return count + added

    async def add_no_day(
        connection: Connection, project_id: int, campaign_id: UUID, day: date, counters: dict[str, int]
    ) -> None:
        """The counters of the day are a lock, too."""

    monkeypatch.setattr(vouchers_store, "count_new_vouchers", read_then_write)
    monkeypatch.setattr(vouchers_store, "add_to_day", add_no_day)
    assert await add_at_once(client, *[""] * 5) == [200] * 5
    assert (await read_counts(db))[:2] == (5, 1)


async def test_of_ten_requests_for_one_code_one_gets_it(client: httpx.AsyncClient, db: Database) -> None:
    assert sorted(await add_at_once(client, *["/A-CODE"] * 10)) == [200] + [409] * 9
    assert await read_counts(db) == (1, 1, 1)


async def test_twin_without_the_unique_index_gives_one_code_twice(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_have_looked = asyncio.Barrier(5)

    async def look_then_insert(connection: Connection, *, now: Any, **values: Any) -> bool:
        values |= {"id": values.pop("voucher_id"), "created_at": now}
        taken = await connection.fetchval("select true from voucher where code = $1", values["code"])
        await all_have_looked.wait()
        if not taken:
            places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
            sql = f"insert into voucher ({', '.join(values)}) values ({places})"
            await connection.execute(sql, *values.values())
        return not taken

    async with db.connection() as connection:
        await connection.execute("drop index voucher_code_is_unique")
    monkeypatch.setattr(vouchers_store, "insert_voucher", look_then_insert)
    assert await add_at_once(client, *["/A-CODE"] * 5) == [200] * 5
    assert await read_counts(db) == (5, 5, 5)


async def test_of_two_codes_for_a_standalone_campaign_at_once_one_is_added(
    client: httpx.AsyncClient, db: Database
) -> None:
    await client.post("/v1/campaigns", json=a_campaign(type="STANDALONE", voucher={"code": "OLD"}))
    await client.delete("/v1/vouchers/OLD?force=true")
    before = await count_rows(db)
    async with asyncio.TaskGroup() as group, holding_locks(db, "select 1 from campaign for no key update"):
        paths = ("/v1/campaigns/Spring/vouchers/ONE", "/v1/campaigns/Spring/vouchers/TWO")
        tasks = [group.create_task(client.post(path)) for path in paths]
        await wait_for_waiting_statements(db, 2)
    first, second = sorted((task.result() for task in tasks), key=lambda answer: answer.status_code)
    assert first.status_code == 200
    assert read_refusal(second) == STANDALONE
    assert (await count_more_rows(db, before)) == {"voucher": 1}
    assert (await client.get("/v1/campaigns/Spring")).json()["vouchers_count"] == 1


@pytest.mark.parametrize("force", ["false", "true"])
async def test_a_campaign_that_went_after_it_was_found_takes_no_code(
    call: Call, client: httpx.AsyncClient, worker: Worker, db: Database, force: str
) -> None:
    answer = await client.post("/v1/campaigns", json=a_campaign())
    async with db.transaction() as connection:
        campaign: Campaign = await find_campaign(connection, call.project.id, answer.json()["id"])
    await client.delete(f"/v1/campaigns/Spring?force={force}")
    await worker.run_until_idle()
    before = await count_rows(db)
    with pytest.raises(ApiError) as refusal:
        async with db.transaction() as connection:
            await insert_voucher(
                connection,
                call,
                campaign=campaign,
                type="DISCOUNT_VOUCHER",
                code="A-CODE",
                pattern=None,
                own=None,
            )
    body = refusal.value.body("v-0")
    del body["request_id"]
    assert body == not_there("campaign", "Spring")
    assert await count_more_rows(db, before) == {}
