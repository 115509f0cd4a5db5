"""Vouchers over HTTP: made and read. (Changes and deletion: test_service_changes.py, races:
test_service_races.py, lists: test_listing.py.)"""

import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from builders import (
    a_refusal,
    a_shown_voucher,
    a_voucher,
    is_taken,
    not_there,
    read_refusal,
    without_identity,
)
from database_views import count_more_rows, count_rows
from openvoucher.features.vouchers.schemas import VoucherCreate
from openvoucher.platform.db import Database
from shared_project import SharedProject


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def other_client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.other_client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


async def create(client: httpx.AsyncClient, code: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await client.post(f"/v1/vouchers/{quote(code, safe='')}", json=body or a_voucher())
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def create_random(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post("/v1/vouchers", json=a_voucher(**changes))
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def refuse(client: httpx.AsyncClient, db: Database, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The refusal of a POST that must leave no row behind."""
    before = await count_rows(db)
    refusal = read_refusal(await client.post(path, json=body))
    assert await count_more_rows(db, before) == {}
    return refusal


# --- what was sent is what is there ----------------------------------------------------------------


@pytest.mark.parametrize("type", ["DISCOUNT_VOUCHER", "GIFT_VOUCHER"])
async def test_a_voucher_of_which_little_is_said(client: httpx.AsyncClient, code: str, type: str) -> None:
    made = await create(client, code, a_voucher(type))
    assert without_identity(made) == a_shown_voucher(code, type)
    assert re.fullmatch(r"v_[0-9a-f]{32}", made["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["created_at"])
    assert (await client.get(f"/v1/vouchers/{code}")).json() == made


async def test_a_voucher_of_which_all_is_said(client: httpx.AsyncClient, code: str) -> None:
    category = (await client.post("/v1/categories", json={"name": code, "hierarchy": 3})).json()
    hours = {"daily": [{"start_time": "08:00", "expiration_time": "12:00", "days_of_week": [0]}]}
    sent = a_voucher(
        category=code,
        # Dates in two spellings of the wire; both are told in one.
        start_date="2026-03-01",
        expiration_date="2030-05-31T23:59:59.9999+02:00",
        validity_timeframe={"interval": "P2D", "duration": "P1D"},
        validity_day_of_week=[0, 6],
        validity_hours=hours,
        active=False,
        additional_info="for Ann",
        metadata={"a": 1, "b": {"c": [True, None, 1.5]}, "": ""},
        redemption={"quantity": 3},
        # What a voucher does not have is not looked at.
        gift={"amount": 5},
        unknown=[{}],
        id="v_1",
    )
    made = await create(client, code, sent)
    assert without_identity(made) == a_shown_voucher(
        code,
        quantity=3,
        category=code,
        category_id=category["id"],
        categories=[category],
        start_date="2026-03-01T00:00:00.000Z",
        expiration_date="2030-05-31T21:59:59.999Z",
        validity_timeframe={"interval": "P2D", "duration": "P1D"},
        validity_day_of_week=[0, 6],
        validity_hours=hours,
        active=False,
        additional_info="for Ann",
        metadata={"a": 1, "b": {"c": [True, None, 1.5]}, "": ""},
    )
    assert (await client.get(f"/v1/vouchers/{made['id']}")).json() == made


async def test_nulls_are_as_good_as_nothing(client: httpx.AsyncClient, code: str) -> None:
    fields: dict[str, Any] = dict.fromkeys({*VoucherCreate.__struct_fields__} - {"type", "discount"})
    made = await create(client, code, {**a_voucher(), **fields})
    assert without_identity(made) == a_shown_voucher(code)


ORDER_EFFECTS = ["APPLY_TO_ORDER", "APPLY_TO_ITEMS"]
AMOUNT_EFFECTS = [
    *ORDER_EFFECTS,
    "APPLY_TO_ITEMS_PROPORTIONALLY",
    "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
    "APPLY_TO_ITEMS_BY_QUANTITY",
]
UNIT_EFFECTS = ["ADD_MISSING_ITEMS", "ADD_NEW_ITEMS", "ADD_SAME_ITEMS", "ADD_MANY_ITEMS"]
UNITS = [
    {"unit_type": "prod_1", "unit_off": 1, "effect": "ADD_NEW_ITEMS"},
    {"unit_type": "sku_2", "unit_off": 2, "effect": "ADD_MISSING_ITEMS"},
]


@pytest.mark.parametrize(
    ("discount", "effects"),
    [
        ({"type": "AMOUNT", "amount_off": 2000}, AMOUNT_EFFECTS),
        ({"type": "AMOUNT", "amount_off": 0, "aggregated_amount_limit": 2**53}, AMOUNT_EFFECTS),
        ({"type": "PERCENT", "percent_off": 12.5, "amount_limit": 5000}, ORDER_EFFECTS),
        ({"type": "PERCENT", "percent_off": 100, "aggregated_amount_limit": 1}, ORDER_EFFECTS),
        ({"type": "FIXED", "fixed_amount": 999}, ORDER_EFFECTS),
        ({"type": "UNIT", "unit_type": "prod_5h1pp1ng", "unit_off": 1, "units": UNITS}, UNIT_EFFECTS),
    ],
)
async def test_a_discount_comes_back_as_it_was_sent_with_the_effects_of_its_type(
    client: httpx.AsyncClient, discount: dict[str, Any], effects: list[str]
) -> None:
    assert (await create_random(client, discount=discount))["discount"] == discount
    for effect in {*AMOUNT_EFFECTS, *UNIT_EFFECTS}:
        sent = {**discount, "effect": effect}
        answer = await client.post("/v1/vouchers", json=a_voucher(discount=sent))
        if effect in effects:
            assert answer.json()["discount"] == sent
        else:
            allowed = ", ".join(effects)
            assert read_refusal(answer) == a_refusal(
                400,
                "invalid_payload",
                f"Property .discount.effect must be equal to one of the allowed values [ {allowed} ]",
            )


@pytest.mark.parametrize(
    ("discount", "shown"),
    [
        ({"type": "UNIT", "unit_type": "prod_1"}, {}),
        ({"type": "UNIT", "effect": "ADD_MANY_ITEMS", "units": UNITS}, {}),
        ({"type": "AMOUNT", "amount_off_formula": "1"}, {"is_dynamic": True}),
        ({"type": "PERCENT", "percent_off_formula": "1", "is_dynamic": False}, {"is_dynamic": True}),
        ({"type": "FIXED", "fixed_amount_formula": "1"}, {"is_dynamic": True}),
        ({"type": "UNIT", "unit_type": "prod_1", "unit_off_formula": "1"}, {"is_dynamic": True}),
    ],
)
async def test_a_discount_says_when_a_formula_makes_it(
    client: httpx.AsyncClient, discount: dict[str, Any], shown: dict[str, Any]
) -> None:
    assert (await create_random(client, discount=discount))["discount"] == {**discount, **shown}


async def test_a_whole_percentage_is_told_without_a_fraction(client: httpx.AsyncClient) -> None:
    content = b'{"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10.0}}'
    answer = await client.post("/v1/vouchers", content=content, headers={"Content-Type": "application/json"})
    assert '"discount":{"type":"PERCENT","percent_off":10}' in answer.text


@pytest.mark.parametrize("effect", ORDER_EFFECTS)
async def test_a_gift_card_is_shown_with_its_balance(
    client: httpx.AsyncClient, code: str, effect: str
) -> None:
    made = await create(client, code, a_voucher("GIFT_VOUCHER", gift={"amount": 2**53, "effect": effect}))
    assert made["gift"] == {"amount": 2**53, "balance": 2**53, "effect": effect}


# --- codes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a/b",
        "a b",
        "#1",
        "a@b.c",
        "100%",
        "%41",
        "a?b=c&d",
        "a+b",
        "a\\b",
        "zażółć 日本 🎁",
        "line\nbreak",
        "é" * 500,
        "🎁" * 500,
        ".",
        "x" * 500,
    ],
    ids=lambda text: text[:10].encode("unicode_escape").decode(),
)
async def test_a_code_is_decoded_once_and_kept_as_it_is(client: httpx.AsyncClient, text: str) -> None:
    path = f"/v1/vouchers/{quote(text, safe='').replace('.', '%2E')}"
    made = (await client.post(path, json=a_voucher())).json()
    assert made["code"] == text
    assert (await client.get(path)).json() == made
    assert (await client.get("/v1/vouchers", params={"code": text})).json()["total"] == 1
    assert read_refusal(await client.post(path, json=a_voucher())) == is_taken("voucher", "id", text)


@pytest.mark.parametrize("text", ["x" * 501, "🎁" * 501, "x" * 4000])
async def test_a_code_of_the_path_is_no_longer_than_one_of_the_body(
    client: httpx.AsyncClient, db: Database, text: str
) -> None:
    refusal = a_refusal(400, "invalid_payload", "Property .code must NOT have more than 500 characters")
    assert await refuse(client, db, f"/v1/vouchers/{quote(text)}", a_voucher()) == refusal
    assert await refuse(client, db, "/v1/vouchers", a_voucher(code=text)) == refusal
    assert read_refusal(await client.get(f"/v1/vouchers/{quote(text)}")) == not_there("voucher", text)


@pytest.mark.parametrize("sent", ["%00", "a%00b", "%FF", "%ED%A0%80"])
async def test_what_no_code_can_be_is_no_route(client: httpx.AsyncClient, sent: str) -> None:
    for answer in (
        await client.post(f"/v1/vouchers/{sent}", json=a_voucher()),
        await client.get(f"/v1/vouchers/{sent}"),
    ):
        assert answer.status_code == 404
        assert answer.json() == {"statusCode": 404, "error": "Not Found", "message": "Not Found"}


@pytest.mark.parametrize(
    ("fields", "pattern"),
    [
        ({}, r"[0-9A-Za-z]{8}"),
        ({"code_config": {}}, r"[0-9A-Za-z]{8}"),
        ({"code_config": {"length": 5, "charset": "01", "prefix": "a-", "postfix": "-z"}}, r"a-[01]{5}-z"),
        ({"code_config": {"pattern": "X##-#", "charset": "AB", "length": 99}}, r"X[AB]{2}-[AB]"),
    ],
)
async def test_a_random_code_follows_its_config(
    client: httpx.AsyncClient, fields: dict[str, Any], pattern: str
) -> None:
    made = await create_random(client, **fields)
    assert re.fullmatch(pattern, made["code"])
    assert without_identity(made) == a_shown_voucher(made["code"])


async def test_a_given_code_wins_over_the_config_and_the_path_over_it(
    client: httpx.AsyncClient, code: str
) -> None:
    config = {"pattern": "X#"}
    assert (await create_random(client, code=code, code_config=config))["code"] == code
    made = await create(client, f"{code}/path", a_voucher(code="body", code_config=config))
    assert made["code"] == f"{code}/path"


async def test_a_pattern_is_drawn_from_until_a_free_code_is_found(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    config = {"pattern": f"{code}-#", "charset": "AB"}
    # Twenty draws of one of two codes miss the free one once in a million.
    codes = {(await create_random(client, code_config=config))["code"] for _ in range(2)}
    assert codes == {f"{code}-A", f"{code}-B"}
    refusal = await refuse(client, db, "/v1/vouchers", a_voucher(code_config=config))
    assert refusal == a_refusal(
        400, "invalid_code_config", "Not possible to generate requested number of codes."
    )


async def test_a_code_is_used_once_whatever_the_type(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    made = await create(client, code)
    taken = is_taken("voucher", "id", code)
    assert await refuse(client, db, f"/v1/vouchers/{code}", a_voucher("GIFT_VOUCHER")) == taken
    assert await refuse(client, db, "/v1/vouchers", a_voucher(code=code)) == taken
    assert (await client.get(f"/v1/vouchers/{code}")).json() == made


async def test_codes_differ_by_case(client: httpx.AsyncClient, code: str) -> None:
    upper, lower = await create(client, code.upper()), await create(client, code.lower())
    assert (await client.get(f"/v1/vouchers/{code.lower()}")).json() == lower != upper


async def test_an_id_in_the_path_is_looked_up_before_a_code(client: httpx.AsyncClient, code: str) -> None:
    first = await create(client, code)
    second = await create(client, first["id"])
    assert second["code"] == first["id"]
    assert (await client.get(f"/v1/vouchers/{first['id']}")).json() == first
    assert (await client.delete(f"/v1/vouchers/{first['id']}")).status_code == 204
    assert (await client.get(f"/v1/vouchers/{first['id']}")).json() == second


@pytest.mark.parametrize("sent", ["v_" + "0" * 32, "v_", "camp_" + "0" * 32, "none", "no/ne", "%4E"])
async def test_what_is_not_there_is_named_as_it_was_sent(client: httpx.AsyncClient, sent: str) -> None:
    answer = await client.get(f"/v1/vouchers/{quote(sent, safe='')}")
    assert read_refusal(answer) == not_there("voucher", sent)


async def test_two_projects_have_the_same_code_and_do_not_see_each_other(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, code: str
) -> None:
    mine = await create(client, code)
    path = f"/v1/vouchers/{mine['id']}"
    for answer in (
        await other_client.get(f"/v1/vouchers/{code}"),
        await other_client.get(path),
        await other_client.put(path, json={"active": False}),
        await other_client.post(f"{path}/disable"),
        await other_client.delete(path),
    ):
        sent = code if answer.url.path.endswith(code) else mine["id"]
        assert read_refusal(answer) == not_there("voucher", sent)
    theirs = await create(other_client, code)
    assert theirs["id"] != mine["id"]
    assert (await client.get(f"/v1/vouchers/{code}")).json() == mine
