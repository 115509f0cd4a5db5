"""Vouchers over HTTP: changed, switched off and on, deleted."""

import re
from typing import Any

import httpx
import pytest

from builders import a_campaign, a_refusal, a_voucher, is_taken, not_there, read_refusal
from database_views import count_more_rows, count_rows, read_row_versions
from openvoucher.features.vouchers.schemas import VoucherUpdate
from openvoucher.platform.db import Database
from shared_project import SharedProject

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HOURS = {"daily": [{"start_time": "08:00", "expiration_time": "12:00", "days_of_week": [0]}]}


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


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


async def update(client: httpx.AsyncClient, code: str, /, **body: Any) -> dict[str, Any]:
    """The changed voucher, which is also what is read afterwards."""
    answer = await client.put(f"/v1/vouchers/{code}", json=body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    assert INSTANT.fullmatch(changed["updated_at"])
    assert await read(client, code) == changed
    return changed


async def read(client: httpx.AsyncClient, code: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"/v1/vouchers/{code}")).json()
    return shown


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The fields that are different now, but for the time of change."""
    return {
        name: after.get(name)
        for name in {*before, *after} - {"updated_at"}
        if before.get(name) != after.get(name)
    }


# --- changed -----------------------------------------------------------------------------------------


async def test_nothing_sent_changes_nothing_but_the_time(client: httpx.AsyncClient, code: str) -> None:
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(metadata={"a": 1}, additional_info="x"))
    assert made["updated_at"] is None
    assert differences(made, await update(client, code)) == {}
    ignored = dict.fromkeys(("metadata", "active", "discount", "redemption"))
    assert differences(made, await update(client, made["id"], **ignored)) == {}


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        ({"start_date": "2026-01-01"}, {"start_date": "2026-01-01T00:00:00.000Z"}),
        (
            {"expiration_date": "2026-01-01T10:00:00.123456+02:00"},
            {"expiration_date": "2026-01-01T08:00:00.123Z"},
        ),
        (
            {"start_date": "2026-01-01", "validity_timeframe": {"interval": "P1D", "duration": "PT1H"}},
            {
                "start_date": "2026-01-01T00:00:00.000Z",
                "validity_timeframe": {"interval": "P1D", "duration": "PT1H"},
            },
        ),
        ({"validity_day_of_week": [6, 0]}, {"validity_day_of_week": [6, 0]}),
        ({"validity_hours": HOURS}, {"validity_hours": HOURS}),
        ({"active": False}, {"active": False}),
        ({"additional_info": "for Ann"}, {"additional_info": "for Ann"}),
        (
            {"discount": {"type": "PERCENT", "percent_off": 20, "amount_limit": 100}},
            {"discount": {"type": "PERCENT", "percent_off": 20, "amount_limit": 100}},
        ),
        ({"metadata": {"b": 3, "c": None}}, {"metadata": {"a": 1, "b": 3, "c": None}}),
        ({"metadata": {}}, {}),
    ],
)
async def test_what_is_sent_is_changed_and_nothing_else(
    client: httpx.AsyncClient, code: str, sent: dict[str, Any], changed: dict[str, Any]
) -> None:
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(metadata={"a": 1, "b": 2}))
    assert differences(made, await update(client, code, **sent)) == changed


CLEARED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"expiration_date": None}, {"expiration_date": None}),
    ({"expiration_date": ""}, {"expiration_date": None}),
    ({"validity_timeframe": None}, {"validity_timeframe": None}),
    ({"validity_timeframe": None, "start_date": None}, {"validity_timeframe": None, "start_date": None}),
    ({"validity_day_of_week": None}, {"validity_day_of_week": None}),
    ({"validity_hours": None}, {"validity_hours": None}),
    ({"additional_info": None}, {"additional_info": None}),
    ({"category": None}, {"category": None, "category_id": None, "categories": []}),
    ({"category_id": None}, {"category": None, "category_id": None, "categories": []}),
    ({"category": ""}, {"category": None, "category_id": None, "categories": []}),
]


@pytest.mark.parametrize(("sent", "changed"), CLEARED)
async def test_null_clears(
    client: httpx.AsyncClient, code: str, sent: dict[str, Any], changed: dict[str, Any]
) -> None:
    await create(client, "/v1/categories", name=code, hierarchy=0)
    everything = a_voucher(
        start_date="2026-01-01",
        expiration_date="2026-12-31",
        validity_timeframe={"interval": "P1D", "duration": "PT1H"},
        validity_day_of_week=[1],
        validity_hours=HOURS,
        additional_info="x",
        category=code,
    )
    made = await create(client, f"/v1/vouchers/{code}", **everything)
    after = await update(client, code, **sent)
    assert differences(made, after) == changed
    assert ("validity_hours" in after) == ("validity_hours" not in sent)


async def test_a_category_is_changed_by_name_or_id_and_the_id_counts(
    client: httpx.AsyncClient, code: str
) -> None:
    spring = await create(client, "/v1/categories", name=f"{code} spring", hierarchy=0)
    summer = await create(client, "/v1/categories", name=f"{code} summer", hierarchy=0)
    await create(client, f"/v1/vouchers/{code}", **a_voucher())
    for sent, category in (
        ({"category": spring["name"]}, spring),
        ({"category_id": summer["id"]}, summer),
        ({"category": summer["name"], "category_id": spring["id"]}, spring),
        ({"category": summer["name"], "category_id": None}, summer),
    ):
        changed = await update(client, code, **sent)
        shown = (changed["category"], changed["category_id"], changed["categories"])
        assert shown == (category["name"], category["id"], [category])


@pytest.mark.parametrize("quantity", [5, None])
async def test_how_often_a_code_can_be_redeemed_is_changed(
    client: httpx.AsyncClient, code: str, quantity: int | None
) -> None:
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(redemption={"quantity": 1}))
    assert differences(made, await update(client, code, redemption={})) == {}
    changed = await update(client, code, redemption={"quantity": quantity})
    assert differences(made, changed) == {"redemption": {**made["redemption"], "quantity": quantity}}


@pytest.mark.parametrize("type", ["GIFT_VOUCHER", "LOYALTY_CARD"])
async def test_what_cannot_be_changed_is_ignored(client: httpx.AsyncClient, code: str, type: str) -> None:
    kind = {"GIFT_VOUCHER": "GIFT_VOUCHERS", "LOYALTY_CARD": "LOYALTY_PROGRAM"}[type]
    await create_campaign(client, code, campaign_type=kind)
    made = await create(client, f"/v1/vouchers/{code}", type=type, campaign=code)
    sent: dict[str, Any] = {name: 5 for name in made if name not in VoucherUpdate.__struct_fields__}
    sent |= {
        "gift": {"amount": 1},
        "loyalty_card": {"points": 1},
        "campaign": None,
        "validation_rules": ["val_1"],
    }
    assert differences(made, await update(client, code, **sent)) == {}


async def test_a_whole_voucher_sent_back_changes_nothing(client: httpx.AsyncClient, code: str) -> None:
    await create_campaign(client, code, start_date="2026-01-01", metadata={"a": 1})
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(campaign=code))
    assert differences(made, await update(client, code, **made)) == {}


NOT_ISO = "cannot be recognized as a ISO-8601 compliant date"
REFUSED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"discount": {"type": "AMOUNT", "amount_off": 1}},
        a_refusal(400, "invalid_voucher", "It is not possible to change Voucher discount type"),
    ),
    (
        {"discount": {"type": "PERCENT"}},
        a_refusal(400, "invalid_payload", "Property .discount must have required property 'percent_off'"),
    ),
    (
        {"discount": {"type": "PERCENT", "percent_off": 1, "effect": "ADD_NEW_ITEMS"}},
        a_refusal(
            400,
            "invalid_payload",
            "Property .discount.effect must be equal to one of the allowed values"
            " [ APPLY_TO_ORDER, APPLY_TO_ITEMS ]",
        ),
    ),
    ({"start_date": "soon"}, a_refusal(400, "invalid_payload", f"Property .start_date {NOT_ISO}")),
    (
        {"expiration_date": "2025-12-31"},
        a_refusal(400, "invalid_payload", "Property .expiration_date must not be before start_date"),
    ),
    (
        {"start_date": None, "validity_timeframe": {"interval": "P1D", "duration": "P1D"}},
        a_refusal(400, "invalid_payload", "Property .validity_timeframe needs a start_date"),
    ),
    (
        {"redemption": {"quantity": 0}},
        a_refusal(400, "invalid_payload", "Property .redemption.quantity must be >= 1"),
    ),
    ({"metadata": [1]}, a_refusal(400, "invalid_payload", "Property .metadata must be object,null")),
    ({"category": "Nowhere"}, not_there("category", "Nowhere")),
    ({"category_id": "cat_1"}, not_there("category", "cat_1")),
]


@pytest.mark.parametrize(("sent", "refusal"), REFUSED)
async def test_a_change_that_cannot_be_is_refused_as_a_whole(
    client: httpx.AsyncClient, db: Database, code: str, sent: dict[str, Any], refusal: dict[str, Any]
) -> None:
    await create(client, f"/v1/vouchers/{code}", **a_voucher(start_date="2026-01-01"))
    before = await read_row_versions(db, "voucher")
    answer = await client.put(f"/v1/vouchers/{code}", json={"active": False, "additional_info": "x", **sent})
    assert read_refusal(answer) == refusal
    assert await read_row_versions(db, "voucher") == before


async def test_a_gift_card_has_no_discount_to_change(client: httpx.AsyncClient, code: str) -> None:
    await create(client, f"/v1/vouchers/{code}", **a_voucher("GIFT_VOUCHER"))
    answer = await client.put(f"/v1/vouchers/{code}", json={"discount": {"type": "AMOUNT", "amount_off": 1}})
    assert read_refusal(answer)["details"] == "It is not possible to change Voucher discount type"


async def test_only_the_metadata_that_is_sent_is_held_against_the_schema(
    client: httpx.AsyncClient, code: str
) -> None:
    await create(client, f"/v1/vouchers/{code}", **a_voucher(metadata={"old": "kept"}))
    properties = {"size": {"type": "number", "optional": False}, "old": {"type": "number"}}
    schema = await create(
        client,
        "/v1/metadata-schemas",
        related_object="voucher",
        properties=properties,
        allow_defined_only=True,
    )
    try:
        changed = await update(client, code, metadata={"size": 5})
        assert changed["metadata"] == {"old": "kept", "size": 5}
        for metadata, details in (
            ({"size": "5"}, "size: must be a number, property is required (actual value is '5')"),
            ({"size": None}, "size: must be a number, property is required (actual value is 'null')"),
            ({"more": 1}, "more: property is not allowed"),
        ):
            answer = await client.put(f"/v1/vouchers/{code}", json={"metadata": metadata})
            assert read_refusal(answer) == a_refusal(400, "metadata_validation_failed", details)
    finally:
        await client.delete(f"/v1/metadata-schemas/{schema['id']}")


async def test_of_a_code_and_its_campaign_the_later_change_counts(
    client: httpx.AsyncClient, code: str
) -> None:
    campaign = f"/v1/campaigns/{code}"
    await create_campaign(client, code, metadata={"a": 1, "b": 1}, start_date="2026-01-01")
    await create(client, f"/v1/vouchers/{code}", **a_voucher(campaign=code, discount=None))
    await update(client, code, start_date="2026-02-01", metadata={"a": 2})
    await client.put(campaign, json={"start_date": "2026-03-01", "metadata": {"a": 3, "b": 3}})
    shown = await read(client, code)
    assert (shown["start_date"], shown["metadata"]) == ("2026-03-01T00:00:00.000Z", {"a": 3, "b": 3})
    # What the campaign has replaced does not come back with the next change of the code.
    shown = await update(client, code, metadata={"b": 4})
    assert (shown["start_date"], shown["metadata"]) == ("2026-03-01T00:00:00.000Z", {"a": 3, "b": 4})


# --- switched --------------------------------------------------------------------------------------


async def test_a_voucher_is_switched_off_and_on_again(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher())
    off = (await client.post(f"/v1/vouchers/{code}/disable")).json()
    assert differences(made, off) == {"active": False}
    assert INSTANT.fullmatch(off["updated_at"])
    before = await read_row_versions(db, "voucher")
    assert (await client.post(f"/v1/vouchers/{made['id']}/disable")).json() == off
    assert await read_row_versions(db, "voucher") == before
    on = (await client.post(f"/v1/vouchers/{code}/enable", content=b"5")).json()
    assert differences(made, on) == {}
    assert await read(client, code) == on


@pytest.mark.parametrize("action", ["enable", "disable"])
async def test_only_what_is_there_is_switched(client: httpx.AsyncClient, action: str) -> None:
    answer = await client.post(f"/v1/vouchers/nowhere/{action}")
    assert read_refusal(answer) == not_there("voucher", "nowhere")


async def test_a_campaign_that_is_switched_off_leaves_its_codes_as_they_are(
    client: httpx.AsyncClient, code: str
) -> None:
    await create_campaign(client, code)
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(campaign=code))
    await client.post(f"/v1/campaigns/{code}/disable")
    assert await read(client, code) == made


# --- deleted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["code", "id"])
async def test_a_deleted_voucher_is_nowhere_but_in_the_bin_and_keeps_its_code(
    client: httpx.AsyncClient, db: Database, code: str, by: str
) -> None:
    campaign = await create_campaign(client, code)
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(campaign=code))
    before = await count_rows(db)
    answer = await client.delete(f"/v1/vouchers/{made[by]}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert await count_more_rows(db, before) == {"bin_entry": 1, "campaign_day": 1}
    for sent in (code, made["id"]):
        path = f"/v1/vouchers/{sent}"
        for answer in (
            await client.get(path),
            await client.put(path, json={}),
            await client.post(f"{path}/enable"),
            await client.post(f"{path}/disable"),
            await client.post(f"{path}/balance", json={"amount": 1}),
            await client.get(f"{path}/transactions"),
            await client.delete(path),
            await client.delete(path, params={"force": "true"}),
        ):
            assert read_refusal(answer) == not_there("voucher", sent)
    assert (await client.get("/v1/vouchers", params={"code": code})).json()["total"] == 0
    shown = (await client.get(f"/v1/campaigns/{code}")).json()
    assert shown["vouchers_count"] == 0
    summary = (await client.get(f"/v1/campaigns/{code}/summary")).json()
    assert (summary["vouchers_created"], summary["vouchers_deleted"]) == (1, 1)
    taken = is_taken("voucher", "id", code)
    assert read_refusal(await client.post(f"/v1/vouchers/{code}", json=a_voucher())) == taken
    (entry,) = (await client.get("/v1/trash-bin", params={"limit": 1})).json()["data"]
    assert {**entry, "id": None, "created_at": None} == {
        "id": None,
        "created_at": None,
        "deleted_by_user_id": None,
        "resource_id": made["id"],
        "resource_type": "voucher",
        "resource_name": code,
        "resource_parent_id": campaign["id"],
        "object": "voucher",
    }
    # Out of the bin the code is free, and nothing is counted a second time.
    assert (await client.delete(f"/v1/trash-bin/{entry['id']}")).status_code == 204
    assert (await client.get(f"/v1/campaigns/{code}/summary")).json() == summary
    again = await create(client, f"/v1/vouchers/{code}", **a_voucher())
    assert again["id"] != made["id"]


async def test_a_voucher_deleted_by_force_leaves_nothing_and_frees_its_code(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    await create_campaign(client, code, campaign_type="GIFT_VOUCHERS")
    before = await count_rows(db)
    await create(client, f"/v1/vouchers/{code}", **a_voucher("GIFT_VOUCHER", campaign=code))
    await client.post(f"/v1/vouchers/{code}/balance", json={"amount": 5})
    answer = await client.delete(f"/v1/vouchers/{code}", params={"force": "true"})
    assert (answer.status_code, answer.content) == (204, b"")
    # The counters of the campaign's day are history.
    assert {*await count_more_rows(db, before)} == {"campaign_day"}
    assert (await client.get(f"/v1/campaigns/{code}")).json()["vouchers_count"] == 0
    assert read_refusal(await client.get(f"/v1/vouchers/{code}")) == not_there("voucher", code)
    await create(client, f"/v1/vouchers/{code}", **a_voucher())


@pytest.mark.parametrize("force", ["maybe", "2"])
async def test_force_is_yes_or_no(client: httpx.AsyncClient, code: str, force: str) -> None:
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher())
    answer = await client.delete(f"/v1/vouchers/{code}", params={"force": force})
    assert read_refusal(answer) == a_refusal(400, "invalid_query_params", "Property .force must be boolean")
    assert await read(client, code) == made


async def test_codes_of_a_deleted_campaign_are_nowhere(client: httpx.AsyncClient, code: str) -> None:
    await create_campaign(client, code)
    made = await create(client, f"/v1/vouchers/{code}", **a_voucher(campaign=code))
    await client.delete(f"/v1/campaigns/{code}")
    for sent in (code, made["id"]):
        assert read_refusal(await client.get(f"/v1/vouchers/{sent}")) == not_there("voucher", sent)
    taken = is_taken("voucher", "id", code)
    assert read_refusal(await client.post(f"/v1/vouchers/{code}", json=a_voucher())) == taken
