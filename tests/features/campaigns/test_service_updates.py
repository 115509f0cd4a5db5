"""PUT of a campaign, and what its codes make of it."""

from typing import Any

import pytest

from builders import a_campaign, a_refusal, a_voucher, not_there, read_refusal
from database_views import count_more_rows, count_rows, read_row_versions
from openvoucher.app import make_worker
from openvoucher.settings import Settings
from shop import Shop

ABSENT = object()
WINDOW = {"interval": "P2D", "duration": "P1D"}
HOURS = {"daily": [{"start_time": "16:00", "expiration_time": "22:00", "days_of_week": [5, 6]}]}
REFERRAL = {
    "conversion_event_type": "custom_event",
    "custom_event": {"name": "signed up"},
    "referee_reward": {"type": "GIFT_VOUCHER", "amount": 500},
}
# Everything that an update can change is set.
FULL: dict[str, dict[str, Any]] = {
    "discounts": {
        "description": "10 % off",
        "start_date": "2026-03-01",
        "expiration_date": "2026-05-31",
        "validity_timeframe": WINDOW,
        "validity_day_of_week": [1],
        "validity_hours": HOURS,
        "activity_duration_after_publishing": "P24D",
        "join_once": True,
        "metadata": {"a": 1, "b": 2},
        "voucher": {"redemption": {"quantity": 3}},
    },
    "gift cards": {
        "campaign_type": "GIFT_VOUCHERS",
        "voucher": {"gift": {"amount": 700, "effect": "APPLY_TO_ITEMS"}},
    },
    "loyalty cards": {
        "campaign_type": "LOYALTY_PROGRAM",
        "loyalty_tiers_expiration": {"start_date": {"type": "IMMEDIATE"}},
    },
    "referrals": {"campaign_type": "REFERRAL_PROGRAM", "referral_program": REFERRAL},
    "a promotion": {"campaign_type": "PROMOTION", "start_date": "2026-03-01"},
    "one code": {"type": "STANDALONE"},
}


def apply(shown: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """What is shown after the changes; ABSENT takes a field away, `voucher` is changed within."""
    changed = {**shown, **changes}
    if "voucher" in changes:
        changed["voucher"] = apply(shown["voucher"], changes["voucher"])
    return {name: value for name, value in changed.items() if value is not ABSENT}


async def put(shop: Shop, campaign: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    answer = await shop.client.put(f"/v1/campaigns/{campaign['name']}", json=sent)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


# --- the campaign itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sent", "changes"),
    [
        (
            "discounts",
            {"start_date": "2026-03-05"},
            {
                "start_date": "2026-03-05T00:00:00.000Z",
                "voucher": {"start_date": "2026-03-05T00:00:00.000Z"},
            },
        ),
        (
            "discounts",
            {"expiration_date": "2026-06-30T23:59:59.999+02:00"},
            {
                "expiration_date": "2026-06-30T21:59:59.999Z",
                "voucher": {"expiration_date": "2026-06-30T21:59:59.999Z"},
            },
        ),
        (
            "discounts",
            {"validity_timeframe": {"interval": "P7D", "duration": "PT1H"}},
            {
                "validity_timeframe": {"interval": "P7D", "duration": "PT1H"},
                "voucher": {"validity_timeframe": {"interval": "P7D", "duration": "PT1H"}},
            },
        ),
        (
            "discounts",
            {"validity_day_of_week": [0, 6]},
            {"validity_day_of_week": [0, 6], "voucher": {"validity_day_of_week": [0, 6]}},
        ),
        (
            "discounts",
            {"validity_hours": {"daily": [{"start_time": "09:00", "days_of_week": [1]}]}},
            {"validity_hours": {"daily": [{"start_time": "09:00", "days_of_week": [1]}]}},
        ),
        ("discounts", {"description": "20 % off"}, {"description": "20 % off"}),
        (
            "discounts",
            {"activity_duration_after_publishing": "PT2H"},
            {"activity_duration_after_publishing": "PT2H"},
        ),
        ("discounts", {"join_once": False}, {"join_once": False}),
        ("discounts", {"type": "STATIC"}, {"type": "STATIC"}),
        (
            "discounts",
            {"default_voucher_redemption": {"quantity": 5}},
            {"voucher": {"redemption": {"quantity": 5}}},
        ),
        (
            "discounts",
            {"default_voucher_redemption": {"quantity": None}},
            {"voucher": {"redemption": {"quantity": None}}},
        ),
        (
            "discounts",
            {"discount": {"type": "PERCENT", "percent_off": 12.5, "amount_limit": 900}},
            {"voucher": {"discount": {"type": "PERCENT", "percent_off": 12.5, "amount_limit": 900}}},
        ),
        ("discounts", {"metadata": {"b": 3, "c": None}}, {"metadata": {"a": 1, "b": 3, "c": None}}),
        ("discounts", {"unset_metadata_fields": ["a", "nothing"]}, {"metadata": {"b": 2}}),
        (
            "discounts",
            {"metadata": {"a": 9, "c": 3}, "unset_metadata_fields": ["a", "b"]},
            {"metadata": {"a": 9, "c": 3}},
        ),
        (
            "gift cards",
            {"gift": {"amount": 500}},
            {"voucher": {"gift": {"amount": 500, "effect": "APPLY_TO_ORDER"}}},
        ),
        ("loyalty cards", {"auto_join": True}, {"auto_join": True}),
        (
            "loyalty cards",
            {"loyalty_tiers_expiration": {"start_date": {"type": "NEXT_PERIOD"}}},
            {"loyalty_tiers_expiration": {"start_date": {"type": "NEXT_PERIOD"}}},
        ),
        (
            "referrals",
            {"referral_program": {"referee_reward": {"type": "LOYALTY_CARD", "amount": 7}}},
            {"referral_program": {**REFERRAL, "referee_reward": {"type": "LOYALTY_CARD", "amount": 7}}},
        ),
        (
            "referrals",
            {"discount": {"type": "PERCENT", "percent_off": 20}},
            {"voucher": {"discount": {"type": "PERCENT", "percent_off": 20}}},
        ),
        ("a promotion", {"expiration_date": "2026-06-30"}, {"expiration_date": "2026-06-30T00:00:00.000Z"}),
        ("a promotion", {"metadata": {"a": 1}}, {"metadata": {"a": 1}}),
    ],
)
async def test_an_update_changes_what_it_sends_and_nothing_else(
    shop: Shop, kind: str, sent: dict[str, Any], changes: dict[str, Any]
) -> None:
    before = await shop.make(**FULL[kind])
    answer = await put(shop, before, sent)
    under_way = {"creation_status": "MODIFYING", "updated_at": answer["updated_at"]}
    assert answer == apply(before, {**changes, **under_way})
    await shop.worker.run_until_idle()
    done = {**under_way, "creation_status": "DONE"}
    assert await shop.read(f"/v1/campaigns/{before['id']}") == apply(before, {**changes, **done})


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("discounts", "expiration_date"),
        ("discounts", "validity_timeframe"),
        ("discounts", "validity_day_of_week"),
        ("discounts", "validity_hours"),
        ("discounts", "description"),
        ("discounts", "activity_duration_after_publishing"),
        ("loyalty cards", "loyalty_tiers_expiration"),
    ],
)
async def test_a_null_clears(shop: Shop, kind: str, field: str) -> None:
    before = await shop.make(**FULL[kind])
    answer = await put(shop, before, {field: None})
    block = {"voucher": {field: ABSENT}}
    under_way = {"creation_status": "MODIFYING", "updated_at": answer["updated_at"]}
    assert field in before
    assert answer == apply(before, {field: ABSENT, **block, **under_way})


async def test_the_start_is_cleared_together_with_what_hangs_on_it(shop: Shop) -> None:
    before = await shop.make(**FULL["discounts"])
    refused = await shop.client.put(f"/v1/campaigns/{before['id']}", json={"start_date": None})
    details = "Property .validity_timeframe needs a start_date"
    assert read_refusal(refused) == a_refusal(400, "invalid_payload", details)
    answer = await put(shop, before, {"start_date": "", "validity_timeframe": None})
    assert not answer.keys() & {"start_date", "validity_timeframe"}


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("discounts", {}),
        ("discounts", {"name": "Another", "campaign_type": "GIFT_VOUCHERS"}),
        ("discounts", {"voucher": {"code_config": {"pattern": "X##"}}, "code_config": {"pattern": "X##"}}),
        ("discounts", {"vouchers_count": 9, "active": False, "use_voucher_metadata_schema": False}),
        ("discounts", {"gift": {"amount": 5}, "auto_join": True}),
        ("discounts", {"loyalty_tiers_expiration": {"a": 1}, "referral_program": REFERRAL}),
        ("discounts", {"default_voucher_redemption": {}, "type": "AUTO_UPDATE"}),
        (
            "discounts",
            dict.fromkeys(
                ("metadata", "unset_metadata_fields", "join_once", "auto_join", "type", "discount", "gift")
            ),
        ),
        ("gift cards", {"discount": {"type": "PERCENT", "percent_off": 20}}),
        ("loyalty cards", {"join_once": False, "gift": {"amount": 5}}),
        ("referrals", {"referral_program": {"conversion_event_type": "redemption"}}),
        ("referrals", {"referral_program": {"custom_event": {"name": "bought"}}}),
        ("a promotion", {"type": "AUTO_UPDATE", "join_once": True}),
        ("a promotion", {"default_voucher_redemption": {"quantity": 2}}),
        ("a promotion", {"activity_duration_after_publishing": "P1D"}),
        ("one code", {"join_once": True, "type": "STANDALONE"}),
    ],
)
async def test_what_cannot_be_changed_is_ignored(shop: Shop, kind: str, sent: dict[str, Any]) -> None:
    before = await shop.make(**FULL[kind])
    rows = await count_rows(shop.db)
    answer = await put(shop, before, sent)
    under_way = {"creation_status": "MODIFYING", "updated_at": answer["updated_at"]}
    assert answer == {**before, **under_way}
    assert await count_more_rows(shop.db, rows) == {"async_action": 1, "job": 1}
    await shop.worker.run_until_idle()
    result = {"message": "Updated 0 vouchers.", "done_count": 0}
    assert (await shop.read_newest_action())["result"] == result


@pytest.mark.parametrize(
    ("kind", "sent", "refusal"),
    [
        (
            "discounts",
            {"discount": {"type": "AMOUNT", "amount_off": 100}},
            a_refusal(400, "invalid_campaign", "It is not possible to change Campaign discount type"),
        ),
        (
            "discounts",
            {"type": "STANDALONE"},
            a_refusal(
                400, "invalid_campaign", "It is not possible to change campaign type to or from STANDALONE"
            ),
        ),
        (
            "one code",
            {"type": "STATIC"},
            a_refusal(
                400, "invalid_campaign", "It is not possible to change campaign type to or from STANDALONE"
            ),
        ),
        (
            "discounts",
            {"expiration_date": "2026-02-28"},
            a_refusal(400, "invalid_payload", "Property .expiration_date must not be before start_date"),
        ),
        (
            "discounts",
            {"start_date": "2026-02-30"},
            a_refusal(
                400,
                "invalid_payload",
                "Property .start_date cannot be recognized as a ISO-8601 compliant date",
            ),
        ),
        (
            "gift cards",
            {"validity_timeframe": WINDOW},
            a_refusal(400, "invalid_payload", "Property .validity_timeframe needs a start_date"),
        ),
        (
            "gift cards",
            {"gift": {"amount": -1}},
            a_refusal(400, "invalid_gift", "Property 'gift.amount' must be greater than zero"),
        ),
        (
            "discounts",
            {"activity_duration_after_publishing": "24 days"},
            a_refusal(
                400,
                "invalid_payload",
                "Property .activity_duration_after_publishing must be an ISO 8601 duration such as P1D "
                "or PT2H30M",
            ),
        ),
        (
            "discounts",
            {"default_voucher_redemption": {"quantity": 0}},
            a_refusal(400, "invalid_payload", "Property .default_voucher_redemption.quantity must be >= 1"),
        ),
        (
            "discounts",
            {"discount": {"type": "PERCENT"}},
            a_refusal(400, "invalid_payload", "Property .discount must have required property 'percent_off'"),
        ),
        ("discounts", {"category": "no such one"}, not_there("category", "no such one")),
        ("discounts", {"category_id": "cat_1"}, not_there("category", "cat_1")),
        (
            "discounts",
            {"description": 5},
            a_refusal(400, "invalid_payload", "Property .description must be string,null"),
        ),
    ],
)
async def test_a_refused_update_changes_nothing(
    shop: Shop, kind: str, sent: dict[str, Any], refusal: dict[str, Any]
) -> None:
    campaign = await shop.make(**FULL[kind])
    before = await count_rows(shop.db)
    sent = {"metadata": {"z": 1}, "join_once": False, **sent}
    answer = await shop.client.put(f"/v1/campaigns/{campaign['id']}", json=sent)
    assert read_refusal(answer) == refusal
    assert await shop.read(f"/v1/campaigns/{campaign['id']}") == campaign
    assert await count_more_rows(shop.db, before) == {}


async def test_the_category_is_changed_by_name_or_id_and_cleared_by_null(shop: Shop) -> None:
    name = shop.name()
    spring, summer = [
        (await shop.client.post("/v1/categories", json={"name": f"{name} {season}", "hierarchy": 1})).json()
        for season in ("spring", "summer")
    ]
    campaign = await shop.make(name=name)
    for sent, category in (
        ({"category": spring["name"]}, spring),
        ({"category_id": summer["id"]}, summer),
        ({"category": summer["name"], "category_id": spring["id"]}, spring),
        ({"description": "of the same category"}, spring),
    ):
        answer = await put(shop, campaign, sent)
        assert (answer["category_id"], answer["categories"]) == (category["id"], [category])
        assert answer["category"] == category["name"]
    answer = await put(shop, campaign, {"category": None})
    assert (answer["category_id"], answer["categories"]) == (None, [])
    assert "category" not in answer


@pytest.mark.parametrize(("flag", "name"), [(True, "colour"), (False, "season")])
async def test_changed_metadata_is_held_against_the_schema_key_by_key(
    shop: Shop, flag: bool, name: str
) -> None:
    campaign = await shop.make(use_voucher_metadata_schema=flag)
    for related_object, field in (("voucher", "colour"), ("campaign", "season")):
        properties = {field: {"type": "string", "optional": False}}
        body = {"related_object": related_object, "properties": properties}
        await shop.client.post("/v1/metadata-schemas", json=body)
    try:
        path = f"/v1/campaigns/{campaign['id']}"
        answer = await shop.client.put(path, json={"metadata": {"other": 1, name: 5}})
        details = f"{name}: must be a string, property is required (actual value is '5')"
        assert read_refusal(answer) == a_refusal(400, "metadata_validation_failed", details)
        # A required key that is not sent is no reason to refuse a change of others.
        answer = await shop.client.put(path, json={"metadata": {"other": 1}})
        assert answer.json()["metadata"] == {"other": 1}
    finally:
        for related_object in ("voucher", "campaign"):
            await shop.client.delete(f"/v1/metadata-schemas/{related_object}")


async def test_the_type_goes_to_and_fro(shop: Shop) -> None:
    campaign = await shop.make()
    for type in ("STATIC", "AUTO_UPDATE", "STATIC"):
        assert (await put(shop, campaign, {"type": type}))["type"] == type


async def test_updated_at_is_the_moment_of_the_update_not_of_the_action(shop: Shop) -> None:
    campaign = await shop.make(vouchers_count=1)
    updated = await put(shop, campaign, {"description": "new"})
    assert updated["updated_at"] > campaign["created_at"]
    await shop.worker.run_until_idle()
    action = await shop.read_newest_action()
    assert action["type"] == "CAMPAIGN.VOUCHERS_UPDATE"
    assert action["created_at"] == updated["updated_at"]
    shown = await shop.read(f"/v1/campaigns/{campaign['id']}")
    assert (shown["updated_at"], shown["creation_status"]) == (updated["updated_at"], "DONE")


# --- statuses --------------------------------------------------------------------------------------


async def test_an_update_before_the_codes_are_there_leaves_the_campaign_in_progress(shop: Shop) -> None:
    name = shop.name()
    await shop.client.post("/v1/campaigns", json=a_campaign(name=name, vouchers_count=2))
    campaign = {"name": name}
    answer = await put(shop, campaign, {"description": "new"})
    statuses = (answer["creation_status"], answer["vouchers_generation_status"])
    assert statuses == ("MODIFYING", "IN_PROGRESS")
    seen = []
    while await shop.worker.run_next():
        shown = await shop.read(f"/v1/campaigns/{name}")
        statuses = (shown["creation_status"], shown["vouchers_generation_status"])
        seen.append((*statuses, shown["vouchers_count"]))
    assert seen in (
        [("IN_PROGRESS", "IN_PROGRESS", 0), ("DONE", "DONE", 2)],
        [("MODIFYING", "DONE", 2), ("DONE", "DONE", 2)],
    )


async def test_an_update_of_a_finished_campaign_ends_done_whatever_is_being_added(shop: Shop) -> None:
    campaign = await shop.make()
    path = f"/v1/campaigns/{campaign['name']}"
    await shop.client.post(f"{path}/vouchers?vouchers_count=4")
    await put(shop, campaign, {"description": "new"})
    # The lanes take turns, so the update is done when the first or the second code is made.
    worker = make_worker(shop.db, Settings(portion_rows=1))
    seen = []
    while await worker.run_next():
        shown = await shop.read(path)
        seen.append((shown["creation_status"], shown["vouchers_generation_status"]))
    assert len(seen) == 5
    assert seen[1:] == [("DONE", "IN_PROGRESS")] * 3 + [("DONE", "DONE")]


async def test_an_update_does_not_heal_a_campaign_whose_codes_could_not_be_made(shop: Shop) -> None:
    name = shop.name()
    config = {"pattern": f"{name}-#", "charset": "01"}
    body = a_campaign(name=name, vouchers_count=2, voucher={"code_config": config})
    assert (await shop.client.post("/v1/campaigns", json=body)).status_code == 200
    assert (await shop.client.post(f"/v1/vouchers/{name}-1", json=a_voucher())).status_code == 200
    await shop.worker.run_until_idle()
    assert (await shop.read(f"/v1/campaigns/{name}"))["creation_status"] == "FAILED"
    await put(shop, body, {"description": "new"})
    await shop.worker.run_until_idle()
    shown = await shop.read(f"/v1/campaigns/{name}")
    assert (shown["creation_status"], shown["vouchers_count"]) == ("FAILED", 1)


async def test_a_failed_addition_does_not_make_a_later_update_fail(shop: Shop) -> None:
    config = {"pattern": f"{shop.name()}-#", "charset": "01"}
    campaign = await shop.make(voucher={"code_config": config})
    path = f"/v1/campaigns/{campaign['name']}"
    accepted = await shop.client.post(f"{path}/vouchers?vouchers_count=2")
    assert accepted.status_code == 202
    for code in ("0", "1"):
        code = config["pattern"].replace("#", code)
        assert (await shop.client.post(f"{path}/vouchers/{code}")).status_code == 200
    await shop.worker.run_until_idle()
    shown = await shop.read(path)
    statuses = (shown["creation_status"], shown["vouchers_generation_status"])
    assert statuses == ("DONE", "FAILED")
    await put(shop, campaign, {"description": "new"})
    await shop.worker.run_until_idle()
    assert (await shop.read(path))["creation_status"] == "DONE"


# --- the codes -------------------------------------------------------------------------------------

OWN = {
    "start_date": "2026-03-02T00:00:00.000Z",
    "expiration_date": "2026-04-30T00:00:00.000Z",
    "redemption": {"quantity": 7},
    "additional_info": "for Ann",
    "metadata": {"a": "own", "own": "own"},
}


async def add(shop: Shop, campaign: dict[str, Any], **body: Any) -> str:
    """A new code with these overrides."""
    answer = await shop.client.post(f"/v1/campaigns/{campaign['name']}/vouchers", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["code"])


async def read_code(shop: Shop, code: str) -> dict[str, Any]:
    """What a code has, its limit in the place where requests have it."""
    voucher = await shop.read(f"/v1/vouchers/{code}")
    return {**voucher, "quantity": voucher["redemption"]["quantity"]}


async def import_used(shop: Shop, campaign: dict[str, Any], code: str) -> None:
    """A code that was redeemed before it came here."""
    file = {"file": ("codes.csv", f"Code,Redeemed Quantity\n{code},1")}
    answer = await shop.client.post(f"/v1/campaigns/{campaign['name']}/importCSV", files=file)
    assert answer.status_code == 200
    await shop.worker.run_until_idle()


@pytest.mark.parametrize(
    ("sent", "changes"),
    [
        ({"start_date": "2026-03-05"}, {"start_date": "2026-03-05T00:00:00.000Z"}),
        ({"expiration_date": None}, {"expiration_date": None}),
        ({"validity_timeframe": None}, {"validity_timeframe": None}),
        ({"validity_day_of_week": [0]}, {"validity_day_of_week": [0]}),
        ({"validity_hours": None}, {"validity_hours": ABSENT}),
        (
            {"discount": {"type": "PERCENT", "percent_off": 20}},
            {"discount": {"type": "PERCENT", "percent_off": 20}},
        ),
        ({"metadata": {"b": 3}}, {"metadata": {"a": 1, "b": 3}}),
        ({"unset_metadata_fields": ["a"]}, {"metadata": {"b": 2}}),
        ({"default_voucher_redemption": {"quantity": 9}}, {"quantity": 9}),
        ({"activity_duration_after_publishing": "PT2H"}, {}),
        ({"description": "new", "join_once": False, "type": "STATIC"}, {}),
    ],
)
async def test_codes_follow_their_campaign(shop: Shop, sent: dict[str, Any], changes: dict[str, Any]) -> None:
    campaign = await shop.make(**FULL["discounts"])
    code = await add(shop, campaign)
    before = await read_code(shop, code)
    await put(shop, campaign, sent)
    after = await read_code(shop, code)
    expected = apply(before, changes)
    expected["redemption"] = {**before["redemption"], "quantity": expected["quantity"]}
    assert after == expected
    assert after["updated_at"] is None


async def test_an_update_of_many_codes_writes_one_revision_and_touches_no_code(shop: Shop) -> None:
    campaign = await shop.make(**FULL["discounts"], vouchers_count=300)
    rows = await count_rows(shop.db)
    versions = await read_row_versions(shop.db, "voucher")
    await put(shop, campaign, {"expiration_date": "2027-12-31", "metadata": {"a": 5}})
    await shop.worker.run_until_idle()
    new_rows = {"campaign_revision": 1, "async_action": 1, "job": 1}
    assert await count_more_rows(shop.db, rows) == new_rows
    assert await read_row_versions(shop.db, "voucher") == versions
    result = {"message": "Updated 300 vouchers.", "done_count": 300}
    assert (await shop.read_newest_action())["result"] == result
    listed = await shop.read(f"/v1/vouchers?campaign_id={campaign['id']}&limit=100")
    assert (len(listed["vouchers"]), listed["total"]) == (100, 300)
    assert {voucher["expiration_date"] for voucher in listed["vouchers"]} == {"2027-12-31T00:00:00.000Z"}
    assert all(voucher["metadata"] == {"a": 5, "b": 2} for voucher in listed["vouchers"])


async def test_what_a_code_has_of_its_own_stands_until_an_update_sends_it(shop: Shop) -> None:
    campaign = await shop.make(**FULL["discounts"])
    code = await add(shop, campaign, **OWN)
    owned = await read_code(shop, code)
    own_values = {**OWN, "quantity": 7, "metadata": {"a": "own", "b": 2, "own": "own"}}
    del own_values["redemption"]
    assert {name: owned[name] for name in own_values} == own_values

    await put(shop, campaign, {"validity_day_of_week": [3], "metadata": {"b": 3}})
    expected = {**own_values, "metadata": {"a": "own", "b": 3, "own": "own"}}
    after = await read_code(shop, code)
    assert {name: after[name] for name in expected} == expected
    assert after["validity_day_of_week"] == [3]

    await put(
        shop,
        campaign,
        {
            "expiration_date": "2026-12-31",
            "metadata": {"a": 4},
            "default_voucher_redemption": {"quantity": 2},
            "unset_metadata_fields": ["own"],
        },
    )
    after = await read_code(shop, code)
    assert {name: after[name] for name in own_values} == {
        "start_date": OWN["start_date"],
        "expiration_date": "2026-12-31T00:00:00.000Z",
        "quantity": 2,
        "additional_info": "for Ann",
        "metadata": {"a": 4, "b": 3},
    }


async def test_what_an_update_replaced_does_not_come_back_with_the_next_change_of_the_code(
    shop: Shop,
) -> None:
    campaign = await shop.make(**FULL["discounts"])
    code = await add(shop, campaign, expiration_date="2026-04-30", metadata={"a": "own", "c": "own"})
    await put(shop, campaign, {"expiration_date": "2026-12-31", "metadata": {"a": 4}})
    answer = await shop.client.put(f"/v1/vouchers/{code}", json={"additional_info": "later"})
    assert answer.status_code == 200
    voucher = await read_code(shop, code)
    assert voucher["expiration_date"] == "2026-12-31T00:00:00.000Z"
    assert voucher["metadata"] == {"a": 4, "b": 2, "c": "own"}


async def test_the_later_write_wins(shop: Shop) -> None:
    campaign = await shop.make(**FULL["discounts"])
    code = await add(shop, campaign)
    for number in range(1, 4):
        await put(shop, campaign, {"metadata": {"a": number}, "expiration_date": f"2026-06-0{number}"})
        voucher = await read_code(shop, code)
        assert voucher["metadata"]["a"] == number
        assert voucher["expiration_date"] == f"2026-06-0{number}T00:00:00.000Z"
        sent = {"metadata": {"a": f"own {number}"}, "expiration_date": None}
        assert (await shop.client.put(f"/v1/vouchers/{code}", json=sent)).status_code == 200
        voucher = await read_code(shop, code)
        assert (voucher["metadata"]["a"], voucher["expiration_date"]) == (f"own {number}", None)


async def test_a_field_that_an_update_sends_unchanged_replaces_too(shop: Shop) -> None:
    campaign = await shop.make(**FULL["discounts"])
    code = await add(shop, campaign, expiration_date="2026-04-30")
    await put(shop, campaign, {"expiration_date": campaign["expiration_date"]})
    assert (await read_code(shop, code))["expiration_date"] == campaign["expiration_date"]


async def test_redeemed_codes_keep_what_they_had_when_the_others_change(shop: Shop) -> None:
    campaign = await shop.make(**FULL["discounts"], vouchers_count=2)
    used = f"{campaign['name']}-USED"
    await import_used(shop, campaign, used)
    before = await read_code(shop, used)
    sent = {
        "expiration_date": "2027-12-31",
        "metadata": {"a": 5},
        "default_voucher_redemption": {"quantity": 9},
        "discount": {"type": "PERCENT", "percent_off": 50},
    }
    await put(shop, campaign, sent)
    await shop.worker.run_until_idle()
    result = {"message": "Updated 2 vouchers.", "done_count": 2}
    assert (await shop.read_newest_action())["result"] == result
    assert await read_code(shop, used) == before

    # One that is used from now on keeps the terms of now.
    later = f"{campaign['name']}-USED-LATER"
    await import_used(shop, campaign, later)
    await put(shop, campaign, {"expiration_date": "2028-12-31"})
    await shop.worker.run_until_idle()
    assert (await shop.read_newest_action())["result"]["done_count"] == 2
    voucher = await read_code(shop, later)
    assert voucher["expiration_date"] == "2027-12-31T00:00:00.000Z"
    assert (voucher["quantity"], voucher["metadata"]) == (9, {"a": 5, "b": 2})
    assert await read_code(shop, used) == before
    listed = (await shop.read(f"/v1/vouchers?campaign_id={campaign['id']}"))["vouchers"]
    assert sorted(each["expiration_date"] for each in listed) == [
        before["expiration_date"],
        "2027-12-31T00:00:00.000Z",
        "2028-12-31T00:00:00.000Z",
        "2028-12-31T00:00:00.000Z",
    ]


async def test_a_redeemed_code_is_still_changed_by_itself(shop: Shop) -> None:
    campaign = await shop.make(**FULL["discounts"])
    used = f"{campaign['name']}-USED"
    await import_used(shop, campaign, used)
    await put(shop, campaign, {"expiration_date": "2027-12-31", "metadata": {"a": 5}})
    before = await read_code(shop, used)
    answer = await shop.client.put(f"/v1/vouchers/{used}", json={"metadata": {"c": 1}})
    after = await read_code(shop, used)
    expected = {"metadata": {"a": 1, "b": 2, "c": 1}, "updated_at": answer.json()["updated_at"]}
    assert after == {**before, **expected}
    await put(shop, campaign, {"metadata": {"c": 2}})
    assert await read_code(shop, used) == after


async def test_a_deleted_code_is_not_counted_as_changed(shop: Shop) -> None:
    campaign = await shop.make(vouchers_count=3)
    used = f"{campaign['name']}-USED"
    await import_used(shop, campaign, used)
    listed = (await shop.read(f"/v1/vouchers?campaign_id={campaign['id']}"))["vouchers"]
    unused = [each["code"] for each in listed if each["code"] != used]
    for code, force, left in ((unused[0], "false", 2), (unused[1], "true", 1), (used, "false", 1)):
        await shop.client.delete(f"/v1/vouchers/{code}?force={force}")
        await put(shop, campaign, {"metadata": {"left": left}})
        await shop.worker.run_until_idle()
        assert (await shop.read_newest_action())["result"]["done_count"] == left


async def test_metadata_of_a_campaign_with_a_schema_of_its_own_stays_with_it(shop: Shop) -> None:
    campaign = await shop.make(use_voucher_metadata_schema=False, metadata={"a": 1}, vouchers_count=1)
    code = await add(shop, campaign, metadata={"own": 1})
    before = await count_rows(shop.db)
    answer = await put(shop, campaign, {"metadata": {"b": 2}})
    assert answer["metadata"] == {"a": 1, "b": 2}
    assert await count_more_rows(shop.db, before) == {"async_action": 1, "job": 1}
    assert (await read_code(shop, code))["metadata"] == {"own": 1}
    await shop.worker.run_until_idle()
    assert (await shop.read_newest_action())["result"]["done_count"] == 0
    # Metadata that stays with the campaign does not stop its other terms from being passed on.
    await put(shop, campaign, {"metadata": {"c": 3}, "expiration_date": "2027-01-01"})
    voucher = await read_code(shop, code)
    assert (voucher["metadata"], voucher["expiration_date"]) == ({"own": 1}, "2027-01-01T00:00:00.000Z")


async def test_new_codes_start_with_the_terms_of_now(shop: Shop) -> None:
    campaign = await shop.make(**FULL["discounts"])
    await put(shop, campaign, {"expiration_date": "2027-12-31", "unset_metadata_fields": ["a"]})
    code = await add(shop, campaign, metadata={"a": "own"})
    voucher = await read_code(shop, code)
    assert voucher["expiration_date"] == "2027-12-31T00:00:00.000Z"
    assert voucher["metadata"] == {"a": "own", "b": 2}


async def test_gift_cards_show_the_changed_amount_until_something_is_posted_to_them(shop: Shop) -> None:
    campaign = await shop.make(campaign_type="GIFT_VOUCHERS", voucher={"gift": {"amount": 700}})
    untouched, adjusted = await add(shop, campaign), await add(shop, campaign)
    answer = await shop.client.post(f"/v1/vouchers/{adjusted}/balance", json={"amount": 50})
    assert answer.status_code == 200
    await put(shop, campaign, {"gift": {"amount": 900, "effect": "APPLY_TO_ITEMS"}})
    gift = (await read_code(shop, untouched))["gift"]
    assert gift == {"amount": 900, "balance": 900, "effect": "APPLY_TO_ITEMS"}
    gift = (await read_code(shop, adjusted))["gift"]
    assert gift == {"amount": 750, "balance": 750, "effect": "APPLY_TO_ITEMS"}
