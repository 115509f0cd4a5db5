"""What a request to create a voucher keeps of its own, and which requests are refused."""

from typing import Any

import httpx
import pytest

from builders import (
    a_campaign,
    a_refusal,
    a_shown_voucher,
    a_voucher,
    not_there,
    read_refusal,
    without_identity,
)
from database_views import count_more_rows, count_rows
from openvoucher.platform.db import Database
from shared_project import SharedProject

CANNOT_GENERATE = "You can not generate vouchers for STANDALONE type campaign."


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def other_client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.other_client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


async def create(client: httpx.AsyncClient, path: str, /, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def create_campaign(client: httpx.AsyncClient, name: str, **changes: Any) -> dict[str, Any]:
    return await create(client, "/v1/campaigns", **a_campaign(name=name, **changes))


async def refuse(client: httpx.AsyncClient, db: Database, path: str, **body: Any) -> dict[str, Any]:
    """The refusal of a POST that must leave no row behind."""
    before = await count_rows(db)
    refusal = read_refusal(await client.post(path, json=body))
    assert await count_more_rows(db, before) == {}
    return refusal


# --- without a campaign ------------------------------------------------------------------------------

NOT_ISO = "cannot be recognized as a ISO-8601 compliant date"
SATURDAY = {"days_of_week": [6]}
REFUSED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"type": "DISCOUNT_VOUCHER"},
        a_refusal(400, "invalid_voucher", "Property 'discount' is required for DISCOUNT_VOUCHER"),
    ),
    (
        {"type": "DISCOUNT_VOUCHER", "gift": {"amount": 5}},
        a_refusal(400, "invalid_voucher", "Property 'discount' is required for DISCOUNT_VOUCHER"),
    ),
    (
        {"type": "GIFT_VOUCHER"},
        a_refusal(400, "invalid_voucher", "Property 'gift' is required for GIFT_VOUCHER"),
    ),
    (
        a_voucher("LOYALTY_CARD"),
        a_refusal(400, "invalid_voucher", "Property 'campaign' is required for LOYALTY_CARD"),
    ),
    (
        a_voucher("GIFT_VOUCHER", gift={"amount": 0}),
        a_refusal(400, "invalid_gift", "Property 'gift.amount' must be greater than zero"),
    ),
    (
        a_voucher("GIFT_VOUCHER", gift={"amount": -1}),
        a_refusal(400, "invalid_gift", "Property 'gift.amount' must be greater than zero"),
    ),
    (
        a_voucher("GIFT_VOUCHER", gift={"amount": 2**53 + 1}),
        a_refusal(400, "invalid_gift", "Property 'gift.amount' must not be greater than 9007199254740992"),
    ),
    (
        a_voucher(discount={"type": "AMOUNT", "percent_off": 5}),
        a_refusal(400, "invalid_payload", "Property .discount must have required property 'amount_off'"),
    ),
    (
        a_voucher(discount={"type": "PERCENT"}),
        a_refusal(400, "invalid_payload", "Property .discount must have required property 'percent_off'"),
    ),
    (
        a_voucher(discount={"type": "FIXED"}),
        a_refusal(400, "invalid_payload", "Property .discount must have required property 'fixed_amount'"),
    ),
    (
        a_voucher(discount={"type": "UNIT", "unit_off": 1}),
        a_refusal(400, "invalid_payload", "Property .discount must have required property 'unit_type'"),
    ),
    (
        a_voucher(discount={"type": "UNIT", "effect": "ADD_MANY_ITEMS", "unit_type": "prod_1"}),
        a_refusal(400, "invalid_payload", "Property .discount must have required property 'units'"),
    ),
    (
        a_voucher(discount={"type": "UNIT", "effect": "ADD_MANY_ITEMS", "units": []}),
        a_refusal(400, "invalid_payload", "Property .discount must have required property 'units'"),
    ),
    (
        a_voucher(discount={"type": "PERCENT", "percent_off": 101}),
        a_refusal(400, "invalid_payload", "Property .discount.percent_off must be <= 100"),
    ),
    (
        a_voucher(start_date="yesterday"),
        a_refusal(400, "invalid_payload", f"Property .start_date {NOT_ISO}"),
    ),
    (
        a_voucher(expiration_date="2026-02-30"),
        a_refusal(400, "invalid_payload", f"Property .expiration_date {NOT_ISO}"),
    ),
    (
        a_voucher(start_date="2026-01-02", expiration_date="2026-01-01"),
        a_refusal(400, "invalid_payload", "Property .expiration_date must not be before start_date"),
    ),
    (
        a_voucher(validity_timeframe={"interval": "P2D", "duration": "P1D"}),
        a_refusal(400, "invalid_payload", "Property .validity_timeframe needs a start_date"),
    ),
    (
        a_voucher(start_date="2026-01-01", validity_timeframe={"interval": "P2D", "duration": "PT0S"}),
        a_refusal(400, "invalid_payload", "Property .validity_timeframe.duration must be longer than zero"),
    ),
    (
        a_voucher(
            validity_hours={"daily": [{**SATURDAY, "start_time": "18:00", "expiration_time": "09:00"}]}
        ),
        a_refusal(
            400,
            "invalid_payload",
            "Property .validity_hours.daily[0].expiration_time must be later than start_time on the same day",
        ),
    ),
    (
        a_voucher(validity_hours={"daily": [SATURDAY, SATURDAY]}),
        a_refusal(
            400,
            "invalid_payload",
            "Property .validity_hours.daily[1] must not overlap validity_hours.daily[0]",
        ),
    ),
    (
        a_voucher(validity_day_of_week=[7]),
        a_refusal(400, "invalid_payload", "Property .validity_day_of_week[0] must be <= 6"),
    ),
    (
        a_voucher(redemption={"quantity": 0}),
        a_refusal(400, "invalid_payload", "Property .redemption.quantity must be >= 1"),
    ),
    (
        a_voucher(code_config={"pattern": "#" * 129}),
        a_refusal(400, "invalid_code_config", "pattern must have at most 128 # characters"),
    ),
    (
        a_voucher(code_config={"charset": ""}),
        a_refusal(400, "invalid_code_config", "charset must have at least one character"),
    ),
    (
        a_voucher(code_config={"prefix": "a\nb"}),
        a_refusal(400, "invalid_code_config", "prefix must not contain control characters"),
    ),
    (a_voucher(campaign="Nowhere"), not_there("campaign", "Nowhere")),
    (a_voucher(campaign_id="camp_" + "0" * 32), not_there("campaign", "camp_" + "0" * 32)),
    (a_voucher(category="Nowhere"), not_there("category", "Nowhere")),
    (a_voucher(category_id="cat_" + "0" * 32), not_there("category", "cat_" + "0" * 32)),
    (a_voucher(validation_rules=["val_1", "val_2"]), not_there("validation_rules", "val_1")),
    (
        a_voucher(code="a\x00b"),
        a_refusal(400, "invalid_payload", "Payload must not contain the character U+0000"),
    ),
]


@pytest.mark.parametrize(("body", "refusal"), REFUSED)
async def test_a_voucher_that_cannot_be_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, db: Database, code: str, body: dict[str, Any], refusal: dict[str, Any]
) -> None:
    assert await refuse(client, db, "/v1/vouchers", **body) == refusal
    if "code" not in body:
        assert await refuse(client, db, f"/v1/vouchers/{code}", **body) == refusal
        assert (await client.get(f"/v1/vouchers/{code}")).status_code == 404


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
async def test_a_body_that_is_no_json_is_refused_by_the_framework(
    client: httpx.AsyncClient, content: bytes
) -> None:
    answer = await client.post("/v1/vouchers", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"statusCode": 400, "error": "Bad Request", "message": "Invalid request payload JSON format"},
    )


async def test_metadata_follows_the_schema_of_vouchers(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    schema = {
        "related_object": "voucher",
        "allow_defined_only": True,
        "properties": {"size": {"type": "string", "optional": False, "eq": ["S", "L"]}},
    }
    made = await create(client, "/v1/metadata-schemas", **schema)
    try:
        rule = "size: must be a string, property is required, must be equal to one of S,L"
        assert await refuse(client, db, "/v1/vouchers", **a_voucher()) == a_refusal(
            400, "metadata_validation_failed", f"{rule} (actual value is 'undefined')"
        )
        sent = a_voucher(metadata={"size": "M", "more": 1})
        assert await refuse(client, db, "/v1/vouchers", **sent) == a_refusal(
            400,
            "metadata_validation_failed",
            f"{rule} (actual value is 'M'); more: property is not allowed",
        )
        campaign = await create_campaign(client, code, metadata={"size": "L"})
        inheriting = await create(client, f"/v1/vouchers/{code}", **a_voucher(campaign_id=campaign["id"]))
        assert inheriting["metadata"] == {"size": "L"}
        sent = a_voucher(campaign_id=campaign["id"], metadata={"size": None})
        assert (await refuse(client, db, "/v1/vouchers", **sent))["key"] == "metadata_validation_failed"
    finally:
        await client.delete(f"/v1/metadata-schemas/{made['id']}")


# --- in a campaign -----------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["campaign", "campaign_id"])
@pytest.mark.parametrize(
    ("campaign_type", "type", "referral"),
    [
        ("DISCOUNT_COUPONS", "DISCOUNT_VOUCHER", False),
        ("REFERRAL_PROGRAM", "DISCOUNT_VOUCHER", True),
        ("GIFT_VOUCHERS", "GIFT_VOUCHER", False),
        ("LOYALTY_PROGRAM", "LOYALTY_CARD", False),
    ],
)
async def test_a_voucher_of_a_campaign_inherits_what_it_does_not_say(
    client: httpx.AsyncClient, code: str, by: str, campaign_type: str, type: str, referral: bool
) -> None:
    category = await create(client, "/v1/categories", name=code, hierarchy=0)
    campaign = await create_campaign(
        client,
        code,
        campaign_type=campaign_type,
        voucher={"redemption": {"quantity": 5}, "code_config": {"pattern": f"{code}-####"}},
        category=code,
        start_date="2026-01-01",
        expiration_date="2026-12-31",
        validity_timeframe={"interval": "P2D", "duration": "P1D"},
        validity_day_of_week=[1],
        validity_hours={"daily": [SATURDAY]},
        metadata={"a": 1, "b": 1},
    )
    made = await create(
        client, "/v1/vouchers", type=type, **{by: campaign["name" if by == "campaign" else "id"]}
    )
    assert made["code"].startswith(f"{code}-")
    inherited = a_shown_voucher(
        made["code"],
        type,
        quantity=5,
        campaign=code,
        campaign_id=campaign["id"],
        category=code,
        category_id=category["id"],
        categories=[category],
        start_date="2026-01-01T00:00:00.000Z",
        expiration_date="2026-12-31T00:00:00.000Z",
        validity_timeframe={"interval": "P2D", "duration": "P1D"},
        validity_day_of_week=[1],
        validity_hours={"daily": [SATURDAY]},
        metadata={"a": 1, "b": 1},
        is_referral_code=referral,
    )
    assert without_identity(made) == inherited
    assert (await client.get(f"/v1/campaigns/{campaign['id']}")).json()["vouchers_count"] == 1


async def test_what_a_voucher_says_itself_counts(client: httpx.AsyncClient, code: str) -> None:
    campaign = await create_campaign(
        client,
        code,
        voucher={"redemption": {"quantity": 5}},
        start_date="2026-01-01",
        expiration_date="2026-12-31",
        validity_day_of_week=[1],
        metadata={"a": 1, "b": 1},
    )
    made = await create(
        client,
        f"/v1/vouchers/{code}",
        **a_voucher(
            campaign_id=campaign["id"],
            campaign="the id counts",
            discount={"type": "AMOUNT", "amount_off": 7},
            redemption={"quantity": None},
            start_date=None,
            expiration_date="",
            validity_day_of_week=None,
            metadata={"b": None, "c": 2},
            active=False,
            additional_info="for Ann",
        ),
    )
    assert without_identity(made) == a_shown_voucher(
        code,
        campaign=code,
        campaign_id=campaign["id"],
        discount={"type": "AMOUNT", "amount_off": 7},
        metadata={"a": 1, "b": None, "c": 2},
        active=False,
        additional_info="for Ann",
    )


async def test_cards_with_amounts_of_their_own(client: httpx.AsyncClient, code: str) -> None:
    gifts = await create_campaign(client, code, campaign_type="GIFT_VOUCHERS")
    own = a_voucher("GIFT_VOUCHER", campaign_id=gifts["id"], gift={"amount": 5, "effect": "APPLY_TO_ITEMS"})
    made = await create(client, f"/v1/vouchers/{code}", **own)
    assert made["gift"] == {"amount": 5, "balance": 5, "effect": "APPLY_TO_ITEMS"}
    points = await create_campaign(client, f"{code} points", campaign_type="LOYALTY_PROGRAM")
    own = a_voucher("LOYALTY_CARD", campaign_id=points["id"], loyalty_card={"points": 0})
    made = await create(client, f"/v1/vouchers/{code}-2", **own)
    assert made["loyalty_card"] == {"points": 0, "balance": 0}
    summary = (await client.get(f"/v1/campaigns/{gifts['id']}/summary")).json()
    assert (summary["vouchers_created"], summary["created_vouchers_amount"]) == (1, 5)
    summary = (await client.get(f"/v1/campaigns/{points['id']}/summary")).json()
    assert (summary["vouchers_created"], summary["created_vouchers_points"]) == (1, 0)


async def test_metadata_that_a_campaign_keeps_to_itself_is_not_inherited(
    client: httpx.AsyncClient, code: str
) -> None:
    campaign = await create_campaign(client, code, metadata={"a": 1}, use_voucher_metadata_schema=False)
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(campaign=campaign["name"]))
    assert made["metadata"] == {}


@pytest.mark.parametrize(
    ("campaign_type", "type"),
    [
        ("DISCOUNT_COUPONS", "GIFT_VOUCHER"),
        ("REFERRAL_PROGRAM", "LOYALTY_CARD"),
        ("GIFT_VOUCHERS", "DISCOUNT_VOUCHER"),
        ("LOYALTY_PROGRAM", "GIFT_VOUCHER"),
    ],
)
async def test_a_voucher_has_the_type_of_its_campaign(
    client: httpx.AsyncClient, db: Database, code: str, campaign_type: str, type: str
) -> None:
    campaign = await create_campaign(client, code, campaign_type=campaign_type)
    refusal = await refuse(client, db, f"/v1/vouchers/{code}", **a_voucher(type, campaign=campaign["id"]))
    assert refusal == a_refusal(
        400, "invalid_voucher", f"Voucher type {type} does not fit {campaign_type} campaign"
    )


async def test_a_promotion_has_no_vouchers(client: httpx.AsyncClient, db: Database, code: str) -> None:
    await create_campaign(client, code, campaign_type="PROMOTION")
    refusal = await refuse(client, db, "/v1/vouchers", **a_voucher(campaign=code))
    assert refusal == a_refusal(
        400, "invalid_campaign", "You can not generate vouchers for PROMOTION campaign."
    )


async def test_dates_must_fit_those_that_are_inherited(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    await create_campaign(client, code, start_date="2026-01-02")
    refusal = await refuse(
        client, db, "/v1/vouchers", **a_voucher(campaign=code, expiration_date="2026-01-01")
    )
    assert refusal == a_refusal(
        400, "invalid_payload", "Property .expiration_date must not be before start_date"
    )


async def test_a_standalone_campaign_takes_its_one_code_by_path_alone(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    campaign = await create_campaign(client, code, type="STANDALONE", voucher={"code": f"{code}-1"})
    joining = a_voucher(campaign=code)
    full = a_refusal(400, "invalid_campaign", CANNOT_GENERATE)
    assert await refuse(client, db, f"/v1/vouchers/{code}", **joining) == full
    await client.delete(f"/v1/vouchers/{code}-1", params={"force": "true"})
    assert await refuse(client, db, "/v1/vouchers", **joining) == full
    assert await refuse(client, db, "/v1/vouchers", **joining, code=code) == full
    made = await create(client, f"/v1/vouchers/{code}", **joining)
    assert (made["campaign"], made["campaign_id"]) == (code, campaign["id"])
    assert await refuse(client, db, f"/v1/vouchers/{code}-3", **joining) == full


async def test_a_campaign_in_the_bin_takes_no_vouchers(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    campaign = await create_campaign(client, code)
    assert (await client.delete(f"/v1/campaigns/{code}")).status_code == 202
    for sent in (code, campaign["id"]):
        refusal = await refuse(client, db, "/v1/vouchers", **a_voucher(campaign=sent))
        assert refusal == not_there("campaign", sent)


async def test_campaigns_and_categories_of_another_project_are_not_there(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database, code: str
) -> None:
    campaign = await create_campaign(client, code)
    category = await create(client, "/v1/categories", name=code, hierarchy=0)
    for field, type, sent in (
        ("campaign", "campaign", code),
        ("campaign_id", "campaign", campaign["id"]),
        ("category", "category", code),
        ("category_id", "category", category["id"]),
    ):
        refusal = await refuse(other_client, db, "/v1/vouchers", **a_voucher(**{field: sent}))
        assert refusal == not_there(type, sent)
