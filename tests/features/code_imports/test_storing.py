"""Rows of imports become vouchers: duplicates, what is inherited, used values, metadata, the limit."""

from typing import Any

import httpx
import pytest

from builders import a_voucher
from importing import (
    A_REPORT,
    a_csv,
    a_result,
    count_codes,
    finish,
    import_csv,
    import_json,
    is_duplicate,
    make_campaign,
    make_category,
    make_voucher,
    read_rows,
    read_vouchers,
)
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker

whatever_the_portions = pytest.mark.parametrize(
    "settings",
    [{"portion_rows": 1}, {"portion_rows": 3}, {"portion_rows": 100}],
    ids=["portions of 1", "portions of 3", "one portion"],
    indirect=True,
)


# --- who has the code already ------------------------------------------------------------------------


@whatever_the_portions
async def test_duplicates_of_an_import_into_a_campaign(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
) -> None:
    for name in ("Food", "Drinks"):
        await make_category(client, name)
    for name in ("Spring", "Summer", "Doomed"):
        await make_campaign(client, name)
    await make_voucher(client, "HERE", "Spring")
    await make_voucher(client, "THERE", "Summer")
    await make_voucher(client, "ALONE")
    await make_voucher(client, "BINNED", "Spring")
    await client.delete("/v1/vouchers/BINNED")
    await make_voucher(client, "GONE", "Doomed")
    await client.delete("/v1/campaigns/Doomed")
    await make_voucher(other_client, "OTHERS")
    await worker.run_until_idle()

    file = a_csv(
        "Code,Active,Category,colour",
        "NEW,,Food,red",
        "HERE,false,Drinks,red",
        "THERE,false,Food,red",
        "ALONE,,,",
        "NEW,false,,blue",
        "BINNED,,,",
        ",true,,",
        "HERE,true,Nowhere,",
        "GONE,,,",
        "OTHERS,,,",
        "NEW,true,Drinks,",
        "THERE,,,",
    )
    result = await finish(client, worker, await import_csv(client, file, "Spring"))
    assert result == a_result(
        5,
        is_duplicate(3, "THERE"),
        is_duplicate(4, "ALONE"),
        is_duplicate(6, "BINNED"),
        (7, "", "Code is required"),
        (8, "HERE", "Cannot find category with id Nowhere"),
        is_duplicate(9, "GONE"),
        is_duplicate(12, "THERE"),
    )
    vouchers = await read_vouchers(client)
    shown = {
        code: (voucher["campaign"], voucher["active"], voucher["category"], voucher["metadata"])
        for code, voucher in vouchers.items()
    }
    assert shown == {
        # A later row of the file changes what an update changes: Active and Category.
        "NEW": ("Spring", True, "Drinks", {"colour": "red"}),
        "HERE": ("Spring", False, "Drinks", {}),
        "OTHERS": ("Spring", True, None, {}),
        "THERE": ("Summer", True, None, {}),
        "ALONE": (None, True, None, {}),
    }
    assert (await count_codes(client, "Spring"), await count_codes(client, "Summer")) == (3, 1)
    assert (await read_vouchers(other_client))["OTHERS"]["campaign"] is None


TYPE_DIFFERS = "The voucher has another type"
ENDS_BEFORE_START = "Property .expiration_date must not be before start_date"


@whatever_the_portions
async def test_duplicates_of_an_import_of_standalone_vouchers(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    await make_campaign(client)
    await make_category(client, "Food")
    amount = {"type": "AMOUNT", "amount_off": 100}
    metadata = {"a": "1", "b": "1"}
    old: dict[str, Any] = {
        "discount": amount,
        "metadata": metadata,
        "additional_info": "old",
        "redemption": {"quantity": 5},
    }
    await make_voucher(client, "OLD", **old)
    for code in ("CARD", "SPENT"):
        await make_voucher(client, code, type="GIFT_VOUCHER")
    await client.post("/v1/vouchers/SPENT/balance", json={"amount": 500})
    await make_voucher(client, "TAKEN", "Spring")
    await make_voucher(client, "BINNED", discount=amount)
    await client.delete("/v1/vouchers/BINNED")

    discount, gift = "DISCOUNT_VOUCHER,AMOUNT", "GIFT_VOUCHER,"
    file = a_csv(
        "Code,Voucher Type,Discount Type,Value,Redemption Limit,Redeemed Amount,Redeemed Quantity,Active,"
        "Additional Info,Category,Start Date,Expiration Date,a,c",
        f"NEW,{discount},10,3,,2,,first,,2026-01-01,2027-01-01,x,",
        f"OLD,{discount},20,,,9,false,,Food,,,x,y",
        f"NEW,{discount},30,7,,5,false,,,,2026-06-01,,z",
        f"NEW,{gift},5,,,,,,,,,,",
        "NEW,DISCOUNT_VOUCHER,PERCENT,5,,,,,,,,,,",
        f"NEW,{discount},40,,,,true,,,,2025-06-01,,",
        "OLD,DISCOUNT_VOUCHER,PERCENT,5,,,,,,,,,,",
        f"CARD,{gift},50,,,,,,,,,,",
        f"SPENT,{gift},50,,,,,aside,,,,,",
        f"FRESH,{gift},100,,30,,,,,,,,",
        f"FRESH,{gift},200,,50,,,,,,,,",
        f"TAKEN,{discount},1,,,,,,,,,,",
        f"BINNED,{discount},1,,,,,,,,,,",
        f"PLAIN,{gift},10,,,,,,,,,,",
        f"PLAIN,{gift},20,,5,,,,,,,,",
        f"OLD,{discount},30,,,,,,,2026-01-01,,,w",
        f"OLD,{discount},40,,,,,,,,2025-01-01,,w",
    )
    result = await finish(client, worker, await import_csv(client, file))
    assert result == a_result(
        10,
        (4, "NEW", TYPE_DIFFERS),
        (5, "NEW", TYPE_DIFFERS),
        (6, "NEW", ENDS_BEFORE_START),
        (7, "OLD", TYPE_DIFFERS),
        is_duplicate(12, "TAKEN"),
        is_duplicate(13, "BINNED"),
        (17, "OLD", ENDS_BEFORE_START),
    )
    vouchers = await read_vouchers(client)
    assert sorted(vouchers) == ["CARD", "FRESH", "NEW", "OLD", "PLAIN", "SPENT", "TAKEN"]

    def pick(code: str, *fields: str) -> list[Any]:
        voucher = vouchers[code]
        return [voucher[field] for field in fields]

    def redemption(code: str) -> tuple[int | None, int, int | None]:
        shown = vouchers[code]["redemption"]
        return shown["quantity"], shown["redeemed_quantity"], shown.get("redeemed_amount")

    changing = (
        "discount",
        "active",
        "additional_info",
        "category",
        "start_date",
        "expiration_date",
        "metadata",
    )
    assert pick("NEW", *changing) == [
        {"type": "AMOUNT", "amount_off": 3000},
        False,
        "first",
        None,
        "2026-01-01T00:00:00.000Z",
        "2026-06-01T00:00:00.000Z",
        {"a": "x", "c": "z"},
    ]
    # What was used before counts when the code is made, and never again.
    assert redemption("NEW") == (7, 2, None)
    assert pick("OLD", *changing) == [
        {"type": "AMOUNT", "amount_off": 3000},
        False,
        "old",
        "Food",
        "2026-01-01T00:00:00.000Z",
        None,
        {"a": "x", "b": "1", "c": "w"},
    ]
    assert redemption("OLD") == (None, 0, None)
    effect = {"effect": "APPLY_TO_ORDER"}
    assert pick("CARD", "gift") == [{"amount": 5000, "balance": 5000, **effect}]
    # Once something was posted or spent, a balance moves by postings only.
    assert pick("SPENT", "gift", "additional_info") == [
        {"amount": 10_500, "balance": 10_500, **effect},
        "aside",
    ]
    assert pick("FRESH", "gift") == [{"amount": 10_000, "balance": 7000, **effect}]
    assert redemption("FRESH") == (None, 0, 3000)
    assert pick("PLAIN", "gift") == [{"amount": 2000, "balance": 2000, **effect}]
    assert redemption("PLAIN") == (None, 0, 0)
    own = dict(await read_rows(db, project, "voucher", "code", "own->'gift'->'amount'"))
    assert (own["SPENT"], own["FRESH"], own["PLAIN"]) == (10_000, 10_000, 2000)
    assert await count_codes(client) == 1


async def test_a_file_without_a_column_leaves_its_field_as_it_is(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    limited: dict[str, Any] = {
        "redemption": {"quantity": 5},
        "start_date": "2026-01-01",
        "metadata": {"a": 1},
    }
    await make_voucher(client, "OLD", type="GIFT_VOUCHER", **limited)
    file = a_csv("Code,Voucher Type,Value", "OLD,GIFT_VOUCHER,1")
    assert await finish(client, worker, await import_csv(client, file)) == a_result(1)
    old = (await read_vouchers(client))["OLD"]
    assert (old["redemption"]["quantity"], old["start_date"], old["metadata"], old["gift"]["amount"]) == (
        5,
        "2026-01-01T00:00:00.000Z",
        {"a": 1},
        100,
    )


async def test_an_item_of_a_json_import_updates_nothing(client: httpx.AsyncClient, worker: Worker) -> None:
    await make_campaign(client)
    into_campaign = await import_json(client, [{"code": "A", "active": False}, {"code": "B"}], "Spring")
    alone = await import_json(client, [a_voucher(code="C", active=False), a_voucher(code="D")])
    # Taken after the request was checked: in the background these rows fail.
    await make_voucher(client, "A", "Spring")
    await make_voucher(client, "C")
    for action_id, taken in ((into_campaign, "A"), (alone, "C")):
        assert await finish(client, worker, action_id) == {
            "message": "1 voucher(s) imported successfully, 1 failed.",
            "failed": [{"code": taken, "reason": f"Duplicated voucher exists with id {taken}"}],
            "done_count": 1,
            "failed_count": 1,
            **A_REPORT,
        }
    assert {code: voucher["active"] for code, voucher in (await read_vouchers(client)).items()} == {
        "A": True,
        "B": True,
        "C": True,
        "D": True,
    }
    assert await count_codes(client) == 2


# --- what a code has of its campaign, and what of its own ----------------------------------------------


async def test_a_code_inherits_what_its_row_does_not_say(client: httpx.AsyncClient, worker: Worker) -> None:
    food, drinks = await make_category(client, "Food"), await make_category(client, "Drinks")
    campaign_id = await make_campaign(
        client,
        category="Food",
        start_date="2026-01-01",
        expiration_date="2030-01-01",
        metadata={"season": "spring", "colour": "red"},
        voucher={"redemption": {"quantity": 5}},
    )
    file = a_csv(
        "Code,Category,Start Date,Expiration Date,Redeemed Quantity,colour,size",
        "PLAIN,,,,,,",
        "OWN,Drinks,2026-02-01,2027-01-01,2,blue,L",
        f"BY-ID,{drinks},,,,,",
        "BACK,,2030-01-02,,,,",
        "NO-DAY,,2026-02-30,,,,",
    )
    assert await finish(client, worker, await import_csv(client, file, campaign_id)) == a_result(
        3,
        (4, "BACK", ENDS_BEFORE_START),
        (5, "NO-DAY", "Invalid value for Start Date: 2026-02-30"),
    )
    vouchers = await read_vouchers(client)
    plain, own = vouchers["PLAIN"], vouchers["OWN"]
    assert {name: plain[name] for name in ("type", "campaign", "campaign_id", "category_id", "discount")} == {
        "type": "DISCOUNT_VOUCHER",
        "campaign": "Spring",
        "campaign_id": campaign_id,
        "category_id": food,
        "discount": {"type": "PERCENT", "percent_off": 10},
    }
    assert (plain["start_date"], plain["expiration_date"]) == (
        "2026-01-01T00:00:00.000Z",
        "2030-01-01T00:00:00.000Z",
    )
    assert plain["metadata"] == {"season": "spring", "colour": "red"}
    assert (plain["redemption"]["quantity"], plain["redemption"]["redeemed_quantity"]) == (5, 0)
    assert (own["category"], vouchers["BY-ID"]["category"]) == ("Drinks", "Drinks")
    assert (own["start_date"], own["expiration_date"]) == (
        "2026-02-01T00:00:00.000Z",
        "2027-01-01T00:00:00.000Z",
    )
    assert own["metadata"] == {"season": "spring", "colour": "blue", "size": "L"}
    assert (own["redemption"]["quantity"], own["redemption"]["redeemed_quantity"]) == (5, 2)
    assert await count_codes(client) == 3


async def test_cards_that_were_used_before(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    await make_campaign(client, "Cards", campaign_type="GIFT_VOUCHERS", expiration_date="2030-01-01")
    file = a_csv(
        "Code,Gift Amount,Redeemed Amount,Redeemed Quantity",
        "PLAIN,,,",
        "OWN,1000.00,,",
        "USED,1000,300,2",
        "COUNTED,,0,1",
        "EMPTY,,100,",
        "OVER,,100.01,",
        "OVER-OWN,5,5.01,",
    )
    too_much = "Invalid value for Redeemed Amount: more than the card had"
    assert await finish(client, worker, await import_csv(client, file, "Cards")) == a_result(
        5, (6, "OVER", too_much), (7, "OVER-OWN", too_much)
    )

    async def read_cards() -> dict[str, tuple[int, int, int, int, str]]:
        return {
            code: (
                voucher["gift"]["amount"],
                voucher["gift"]["balance"],
                voucher["redemption"]["redeemed_amount"],
                voucher["redemption"]["redeemed_quantity"],
                voucher["expiration_date"][:4],
            )
            for code, voucher in (await read_vouchers(client)).items()
        }

    assert await read_cards() == {
        "PLAIN": (10_000, 10_000, 0, 0, "2030"),
        "OWN": (100_000, 100_000, 0, 0, "2030"),
        "USED": (100_000, 70_000, 30_000, 2, "2030"),
        "COUNTED": (10_000, 10_000, 0, 1, "2030"),
        "EMPTY": (10_000, 0, 10_000, 0, "2030"),
    }
    ledger = ("credited", "subtracted", "spent", "balance", "revision")
    assert await read_rows(db, project, "voucher", "code", *ledger) == [
        ("COUNTED", None, None, None, None, 1),
        ("EMPTY", 10_000, 0, 10_000, 0, 1),
        ("OWN", None, None, None, None, None),
        ("PLAIN", None, None, None, None, None),
        ("USED", 100_000, 0, 30_000, 70_000, 1),
    ]
    assert await read_rows(db, project, "voucher_transaction", "id") == []
    assert await read_rows(db, project, "campaign_day", "counter", "amount") == [
        ("created_vouchers_amount", 230_000),
        ("vouchers_created", 5),
    ]
    assert await read_rows(db, project, "campaign", "vouchers_count", "bound_count") == [(5, 3)]

    # A used card keeps what it promised; the others follow their campaign.
    answer = await client.put(
        "/v1/campaigns/Cards", json={"gift": {"amount": 20_000}, "expiration_date": "2031-01-01"}
    )
    assert answer.status_code == 200
    await worker.run_until_idle()
    assert await read_cards() == {
        "PLAIN": (20_000, 20_000, 0, 0, "2031"),
        "OWN": (20_000, 20_000, 0, 0, "2031"),
        "USED": (100_000, 70_000, 30_000, 2, "2030"),
        "COUNTED": (10_000, 10_000, 0, 1, "2030"),
        "EMPTY": (10_000, 0, 10_000, 0, "2030"),
    }
    balance = await client.post("/v1/vouchers/USED/balance", json={"amount": -70_000})
    assert balance.json()["balance"] == 0


@pytest.mark.parametrize("sent", [{"amount": 500}, {"amount": 500, "effect": None}])
async def test_a_card_with_an_amount_of_its_own_keeps_the_effect_of_its_campaign(
    client: httpx.AsyncClient, worker: Worker, sent: dict[str, Any]
) -> None:
    gift = {"amount": 10_000, "effect": "APPLY_TO_ITEMS"}
    await make_campaign(client, "Cards", campaign_type="GIFT_VOUCHERS", voucher={"gift": gift})
    await import_csv(client, a_csv("Code,Gift Amount", "CSV,5"), "Cards")
    other = {"amount": 500, "effect": "APPLY_TO_ORDER"}
    await import_json(client, [{"code": "JSON", "gift": sent}, {"code": "OTHER", "gift": other}], "Cards")
    await worker.run_until_idle()
    assert {code: voucher["gift"] for code, voucher in (await read_vouchers(client)).items()} == {
        "CSV": {"amount": 500, "balance": 500, "effect": "APPLY_TO_ITEMS"},
        "JSON": {"amount": 500, "balance": 500, "effect": "APPLY_TO_ITEMS"},
        "OTHER": {"amount": 500, "balance": 500, "effect": "APPLY_TO_ORDER"},
    }


async def test_points_of_loyalty_cards(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    rules = {"period_type": "MONTH", "period_value": 3}
    card = {"points": 300, "expiration_rules": rules}
    await make_campaign(client, "Club", campaign_type="LOYALTY_PROGRAM", voucher={"loyalty_card": card})
    file = a_csv("Code,Loyalty Points,Redeemed Amount", "PLAIN,,5", "OWN,250,", "NONE,0,")
    assert await finish(client, worker, await import_csv(client, file, "Club")) == a_result(3)
    assert {code: voucher["loyalty_card"] for code, voucher in (await read_vouchers(client)).items()} == {
        "PLAIN": {"points": 300, "balance": 300},
        "OWN": {"points": 250, "balance": 250},
        "NONE": {"points": 0, "balance": 0},
    }
    assert await read_rows(db, project, "campaign_day", "counter", "amount") == [
        ("created_vouchers_points", 550),
        ("vouchers_created", 3),
    ]
    assert await read_rows(db, project, "voucher", "code", "own") == [
        ("NONE", {"loyalty_card": {"points": 0, "expiration_rules": rules}}),
        ("OWN", {"loyalty_card": {"points": 250, "expiration_rules": rules}}),
        ("PLAIN", None),
    ]


async def test_a_code_that_comes_into_an_expired_campaign_is_not_active(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client, "Current", expiration_date="2100-01-01")
    await make_campaign(client, "Disabled")
    await client.post("/v1/campaigns/Disabled/disable")
    await make_campaign(client, "Expired", expiration_date="2020-01-01")
    for name in ("Current", "Disabled", "Expired"):
        file = a_csv("Code,Active", f"{name}-SILENT,", f"{name}-ON,TRUE", f"{name}-OFF,false")
        await import_csv(client, file, name)
        await import_json(
            client, [{"code": f"{name}-JSON"}, {"code": f"{name}-JSON-ON", "active": True}], name
        )
    alone = a_csv("Code,Voucher Type,Value,Expiration Date", "ALONE,GIFT_VOUCHER,1,2020-01-01")
    await import_csv(client, alone)
    await worker.run_until_idle()
    active = {code for code, voucher in (await read_vouchers(client)).items() if voucher["active"]}
    assert active == {
        "Current-SILENT",
        "Current-ON",
        "Current-JSON",
        "Current-JSON-ON",
        "Disabled-SILENT",
        "Disabled-ON",
        "Disabled-JSON",
        "Disabled-JSON-ON",
        "Expired-ON",
        "Expired-JSON-ON",
        "ALONE",
    }


# --- metadata ------------------------------------------------------------------------------------------


async def make_schema(client: httpx.AsyncClient) -> None:
    properties = {
        "unit": {"type": "number", "optional": False},
        "flag": {"type": "boolean"},
        "tags": {"type": "string", "array": True},
    }
    body = {"related_object": "voucher", "properties": properties, "allow_defined_only": True}
    answer = await client.post("/v1/metadata-schemas", json=body)
    assert answer.status_code == 200, answer.text


def unit_is(value: str) -> str:
    return f"unit: must be a number, property is required (actual value is '{value}')"


async def test_metadata_is_typed_by_the_schema_and_held_against_it(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client)
    await make_schema(client)
    file = a_csv(
        "Code,unit,flag,tags",
        'GOOD,7,true,"red, green"',
        "BARE,1.5,null,",
        "WORD,EUR,null,",
        "LACKS,,null,",
        "FLAG,1,,",
        "BOTH,EUR,2,",
        "GOOD,,null,",
        "GOOD,EUR,null,",
    )
    flag = "flag: must be a boolean (actual value is '{}')"
    assert await finish(client, worker, await import_csv(client, file, "Spring")) == a_result(
        3,
        (3, "WORD", unit_is("EUR")),
        (4, "LACKS", unit_is("undefined")),
        (5, "FLAG", flag.format("")),
        (6, "BOTH", f"{flag.format(2)}; {unit_is('EUR')}"),
        (8, "GOOD", unit_is("EUR")),
    )
    vouchers = await read_vouchers(client)
    assert {code: voucher["metadata"] for code, voucher in vouchers.items()} == {
        "GOOD": {"unit": 7, "flag": True, "tags": ["red", "green"]},
        "BARE": {"unit": 1.5},
    }
    file = a_csv("Code,unit,size", "MORE,1,L")
    assert await finish(client, worker, await import_csv(client, file, "Spring")) == a_result(
        0, (1, "MORE", "size: property is not allowed")
    )


async def test_metadata_that_the_campaign_has_need_not_be_repeated(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client, metadata={"unit": 3})
    await make_schema(client)
    await import_csv(client, a_csv("Code", "A"), "Spring")
    action_id = await import_json(client, [{"code": "B"}, {"code": "C", "metadata": {"unit": "x"}}], "Spring")
    result = await finish(client, worker, action_id)
    assert result["failed"] == [{"code": "C", "reason": unit_is("x")}]
    vouchers = await read_vouchers(client)
    assert {code: voucher["metadata"] for code, voucher in vouchers.items()} == {
        "A": {"unit": 3},
        "B": {"unit": 3},
    }


@whatever_the_portions
async def test_an_update_need_not_repeat_metadata_that_is_required(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_voucher(client, "OLD", type="GIFT_VOUCHER", metadata={"unit": 3})
    await make_schema(client)
    file = a_csv(
        "Code,Voucher Type,Value,unit,tags",
        "OLD,GIFT_VOUCHER,2,,red",
        "NEW,GIFT_VOUCHER,2,,red",
        "NEW,GIFT_VOUCHER,3,5,",
        "NEW,GIFT_VOUCHER,4,,blue",
        "OLD,GIFT_VOUCHER,5,x,",
    )
    assert await finish(client, worker, await import_csv(client, file)) == a_result(
        3, (2, "NEW", unit_is("undefined")), (5, "OLD", unit_is("x"))
    )
    vouchers = await read_vouchers(client)
    assert {code: (voucher["gift"]["amount"], voucher["metadata"]) for code, voucher in vouchers.items()} == {
        "OLD": (200, {"unit": 3, "tags": ["red"]}),
        "NEW": (400, {"unit": 5, "tags": ["blue"]}),
    }


# --- the limit of a campaign -----------------------------------------------------------------------------

LIMIT = "Campaign vouchers limit exceeded"
five_codes_at_most = pytest.mark.parametrize(
    "settings", [{"portion_rows": 3, "max_codes_per_campaign": 5}], indirect=True
)


@five_codes_at_most
async def test_the_first_rows_fill_the_campaign_and_the_others_fail(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client)
    await make_voucher(client, "OLD", "Spring")
    file = a_csv(
        "Code,Active", *(f"{code},false" for code in ("A", "B", "A", "C", "OLD", "D", "E", "F", "B", "E"))
    )
    assert await finish(client, worker, await import_csv(client, file, "Spring")) == a_result(
        7, (7, "E", LIMIT), (8, "F", LIMIT), (10, "E", LIMIT)
    )
    assert sorted(await read_vouchers(client)) == ["A", "B", "C", "D", "OLD"]
    assert await count_codes(client) == 5
    result = await finish(client, worker, await import_json(client, [{"code": "G"}], "Spring"))
    assert result["failed"] == [{"code": "G", "reason": LIMIT}]
    alone = a_csv("Code,Voucher Type,Value", *(f"ALONE-{number},GIFT_VOUCHER,1" for number in range(6)))
    assert await finish(client, worker, await import_csv(client, alone)) == a_result(6)
