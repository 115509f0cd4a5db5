"""Codes handed to customers: what is answered, and what is different afterwards."""

import re
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from builders import a_shown_voucher, a_voucher, without_identity
from openvoucher.platform.db import Database
from openvoucher.wire.tracking import read_tracking_id
from publishing import add_code, list_publications, make_campaign, publish, read_voucher, send
from shared_project import SharedProject

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


async def read_campaign(db: Database, name: str) -> tuple[int, int]:
    """(codes, codes that keep their terms)"""
    async with db.connection() as connection:
        row = await connection.fetchrow(
            "select vouchers_count, bound_count from campaign where name = $1", name
        )
    assert row is not None
    return row[0], row[1]


async def read_events(db: Database, customer: str) -> list[tuple[str, Any]]:
    """(type, data) of the customer's events that nobody was told of yet."""
    async with db.connection() as connection:
        rows = await connection.fetch(
            "select o.type, o.data from outbox o join customer c on c.id = o.customer_id"
            " where c.source_id = $1 order by o.id",
            customer,
        )
    return [(row["type"], row["data"]) for row in rows]


# --- the answer --------------------------------------------------------------------------------------


async def test_a_code_of_a_campaign_is_published_with_the_voucher_in_full(
    client: httpx.AsyncClient, code: str
) -> None:
    campaign = await make_campaign(client, code, 1)
    customer = {"source_id": f"{code}-ann", "name": "Ann", "metadata": {"vip": True}}
    made = await publish(client, customer, campaign={"name": code}, metadata={"mail": 7}, channel="letter")
    assert list(made) == [
        "id",
        "object",
        "created_at",
        "customer_id",
        "tracking_id",
        "metadata",
        "channel",
        "source_id",
        "result",
        "customer",
        "voucher",
        "vouchers_id",
    ]
    voucher = made["voucher"]
    assert re.fullmatch(r"pub_[0-9a-f]{32}", made["id"])
    assert INSTANT.fullmatch(made["created_at"])
    assert {name: made[name] for name in list(made) if name not in ("id", "created_at", "voucher")} == {
        "object": "publication",
        "customer_id": made["customer"]["id"],
        "tracking_id": f"{code}-ann",
        "metadata": {"mail": 7},
        "channel": "letter",
        "source_id": None,
        "result": "SUCCESS",
        "customer": {
            "id": made["customer"]["id"],
            "name": "Ann",
            "email": None,
            "source_id": f"{code}-ann",
            "metadata": {"vip": True},
            "object": "customer",
        },
        "vouchers_id": [voucher["id"]],
    }
    assert voucher["updated_at"] == made["created_at"]
    shown = a_shown_voucher(
        f"{code}-0",
        campaign=code,
        campaign_id=campaign["id"],
        updated_at=made["created_at"],
        holder_id=made["customer_id"],
    )
    shown["publish"]["count"] = 1
    assert without_identity(voucher) == shown
    assert await read_voucher(client, f"{code}-0") == voucher


async def test_several_codes_are_one_publication(client: httpx.AsyncClient, db: Database, code: str) -> None:
    await make_campaign(client, code, 4)
    made = await publish(client, f"{code}-ann", campaign={"name": code, "count": 3})
    assert made["vouchers"] == [f"{code}-0", f"{code}-1", f"{code}-2"]
    assert "voucher" not in made
    vouchers = [await read_voucher(client, each) for each in made["vouchers"]]
    assert made["vouchers_id"] == [voucher["id"] for voucher in vouchers]
    assert {voucher["publish"]["count"] for voucher in vouchers} == {1}
    assert {voucher["holder_id"] for voucher in vouchers} == {made["customer_id"]}
    assert await read_campaign(db, code) == (4, 3)


async def test_codes_are_given_out_in_the_order_in_which_they_were_made(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 3)
    codes = [(await publish(client, f"{code}-{n}", campaign=code))["voucher"]["code"] for n in range(3)]
    assert codes == [f"{code}-0", f"{code}-1", f"{code}-2"]


@pytest.mark.parametrize("by", ["name", "id", "object with name", "object with id"])
async def test_a_campaign_is_called_by_name_or_id_as_text_or_object(
    client: httpx.AsyncClient, code: str, by: str
) -> None:
    made = await make_campaign(client, code, 1)
    called = made["name"] if by.endswith("name") else made["id"]
    sent = {"name": called} if by.startswith("object") else called
    assert (await publish(client, code, campaign=sent))["voucher"]["code"] == f"{code}-0"


@pytest.mark.parametrize("by", ["code", "id"])
async def test_a_given_voucher_is_published_by_code_or_id(
    client: httpx.AsyncClient, db: Database, code: str, by: str
) -> None:
    await make_campaign(client, code, 2)
    wanted = await read_voucher(client, f"{code}-1")
    made = await publish(client, code, voucher=wanted[by])
    assert made["voucher"]["code"] == f"{code}-1"
    assert await read_campaign(db, code) == (2, 1)


async def test_a_voucher_of_the_campaign_that_is_named_with_it_is_published(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 2)
    made = await publish(client, code, voucher=f"{code}-1", campaign={"name": code, "count": 2})
    assert made["voucher"]["code"] == f"{code}-1"
    assert made["vouchers_id"] == [made["voucher"]["id"]]


async def test_a_customer_may_be_a_plain_source_id_or_id(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 2)
    body = {"customer": f"{code}-ann", "campaign": code}
    made = (await client.post("/v1/publications", json=body)).json()
    assert made["customer"]["source_id"] == f"{code}-ann"
    again = (await client.post("/v1/publications", json={**body, "customer": made["customer_id"]})).json()
    assert again["customer_id"] == made["customer_id"]


async def test_a_customer_without_source_id_is_tracked_by_its_id_encrypted(
    client: httpx.AsyncClient, shared_project: SharedProject, code: str
) -> None:
    await make_campaign(client, code, 1)
    customer = (await client.post("/v1/customers", json={"name": "Ann"})).json()
    made = await publish(client, {"id": customer["id"]}, campaign=code)
    key = shared_project.call.project.asset_key
    assert made["customer"]["source_id"] is None
    assert read_tracking_id(key, made["tracking_id"]) == customer["id"]


async def test_the_channel_is_what_the_body_says_whatever_the_header(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 3)
    body = {"customer": code, "campaign": code}
    header = {"X-Voucherify-Channel": "Python-SDK"}
    sent = [
        await client.post("/v1/publications", json=body),
        await client.post("/v1/publications", json=body, headers=header),
        await client.post("/v1/publications", json={**body, "channel": "mine"}, headers=header),
    ]
    assert [answer.json()["channel"] for answer in sent] == ["API", "API", "mine"]


# --- what is different afterwards ----------------------------------------------------------------------


async def test_a_publication_emits_one_event_of_its_own_and_one_of_the_holder(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    campaign = await make_campaign(client, code, 1)
    made = await publish(client, f"{code}-ann", campaign=code)
    events = await read_events(db, f"{code}-ann")
    assert [type for type, _ in events] == [
        "customer.created",
        "customer.holder.assignment.created",
        "customer.publication.succeeded",
    ]
    data = events[-1][1]
    assert list(data) == ["campaign", "publication"]
    assert (data["campaign"]["id"], data["campaign"]["object"]) == (campaign["id"], "campaign")
    listed = (await list_publications(client, campaign=code))["publications"]
    assert [data["publication"]] == listed
    assert listed[0]["id"] == made["id"]


async def test_the_customer_holds_the_code(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 2)
    made = await publish(client, f"{code}-ann", campaign=code)
    held = (await client.get(f"/v1/customers/{code}-ann/redeemables")).json()
    assert [(each["redeemable_id"], each["holder_role"]) for each in held["data"]] == [
        (made["voucher"]["id"], "OWNER")
    ]
    listed = (await client.get("/v1/vouchers", params={"customer": f"{code}-ann"})).json()
    assert [voucher["code"] for voucher in listed["vouchers"]] == [f"{code}-0"]
    assert listed["vouchers"][0]["holder_id"] == made["customer_id"]


async def test_vouchers_are_found_by_holder_and_by_whom_they_were_published_for(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 2)
    made = await publish(client, f"{code}-ann", campaign=code)
    for field in ("holder_id", "published_for_customer_id"):
        for operator, found in (("$is", [f"{code}-0"]), ("$is_not", [f"{code}-1"])):
            params = {"campaign": code, f"filters[{field}][conditions][{operator}][0]": made["customer_id"]}
            listed = (await client.get("/v1/vouchers", params=params)).json()
            assert [voucher["code"] for voucher in listed["vouchers"]] == found, (field, operator)
        params = {"campaign": code, f"filters[{field}][conditions][$has_value]": ""}
        listed = (await client.get("/v1/vouchers", params=params)).json()
        assert [voucher["code"] for voucher in listed["vouchers"]] == [f"{code}-0"]


async def test_a_referral_code_makes_its_customer_a_referrer(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 1, campaign_type="REFERRAL_PROGRAM")
    made = await publish(client, f"{code}-ann", campaign=code)
    voucher = made["voucher"]
    assert voucher["is_referral_code"] is True
    assert voucher["referrer_id"] == voucher["holder_id"] == made["customer_id"]
    held = (await client.get(f"/v1/customers/{code}-ann/redeemables")).json()
    assert [each["holder_role"] for each in held["data"]] == ["REFERRER"]


async def test_the_summary_counts_publications_and_those_that_failed(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 3)
    await publish(client, code, campaign={"name": code, "count": 2})
    await publish(client, code, campaign=code)
    assert (await send(client, code, campaign=code)).status_code == 400
    summary = (await client.get(f"/v1/campaigns/{code}/summary")).json()
    assert [summary[name] for name in summary if name.startswith("publications")] == [3, 2, 1]


async def test_a_published_code_keeps_its_terms_when_the_campaign_changes(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    await make_campaign(client, code, 2)
    await publish(client, code, campaign=code)
    body = {"expiration_date": "2040-01-01T00:00:00.000Z", "metadata": {"new": True}}
    assert (await client.put(f"/v1/campaigns/{code}", json=body)).status_code == 200
    kept, followed = await read_voucher(client, f"{code}-0"), await read_voucher(client, f"{code}-1")
    assert (kept["expiration_date"], kept["metadata"]) == (None, {})
    assert (followed["expiration_date"], followed["metadata"]) == (body["expiration_date"], {"new": True})
    assert await read_campaign(db, code) == (2, 1)
    made = await publish(client, code, campaign=code)
    assert made["voucher"]["expiration_date"] == body["expiration_date"]
    assert await read_campaign(db, code) == (2, 2)


async def test_a_deleted_code_is_counted_neither_as_a_code_nor_as_bound(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    await make_campaign(client, code, 3)
    await publish(client, code, campaign={"name": code, "count": 2})
    await client.delete(f"/v1/vouchers/{code}-0")
    await client.delete(f"/v1/vouchers/{code}-1?force=true")
    assert await read_campaign(db, code) == (1, 0)


# --- how long a code is good for ---------------------------------------------------------------------


async def test_the_time_after_publication_replaces_the_campaign_s_dates(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(
        client,
        code,
        1,
        start_date="2050-01-01",
        expiration_date="2051-01-01",
        activity_duration_after_publishing="P7D",
    )
    before = await read_voucher(client, f"{code}-0")
    assert (before["start_date"], before["expiration_date"]) == (
        "2050-01-01T00:00:00.000Z",
        "2051-01-01T00:00:00.000Z",
    )
    made = await publish(client, code, campaign=code)
    voucher = made["voucher"]
    assert voucher["start_date"] == made["created_at"]
    assert voucher["expiration_date"][:10] == plus_days(made["created_at"], 7)
    assert voucher["expiration_date"][10:] == made["created_at"][10:]
    assert await read_voucher(client, f"{code}-0") == voucher


async def test_the_time_after_publication_leaves_what_else_the_code_has_of_its_own(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(
        client, code, activity_duration_after_publishing="PT1H", metadata={"colour": "red", "size": 1}
    )
    await add_code(client, code, f"{code}-0", metadata={"colour": "blue"}, additional_info="for Ann")
    # Replaces the code's own colour, which must not come back.
    await client.put(f"/v1/campaigns/{code}", json={"metadata": {"colour": "green"}})
    voucher = (await publish(client, code, campaign=code))["voucher"]
    assert voucher["metadata"] == {"colour": "green", "size": 1}
    assert voucher["additional_info"] == "for Ann"
    await client.put(f"/v1/campaigns/{code}", json={"metadata": {"colour": "black"}})
    assert await read_voucher(client, f"{code}-0") == voucher


async def test_an_expired_campaign_whose_codes_live_from_their_publication_is_no_obstacle(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(
        client, code, 1, expiration_date="2020-01-01", activity_duration_after_publishing="P1D"
    )
    voucher = (await publish(client, code, campaign=code))["voucher"]
    assert voucher["expiration_date"] > voucher["start_date"]


def plus_days(instant: str, days: int) -> str:
    return (date.fromisoformat(instant[:10]) + timedelta(days=days)).isoformat()


# --- which codes -------------------------------------------------------------------------------------


async def test_a_disabled_campaign_publishes_all_the_same(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 1)
    await client.post(f"/v1/campaigns/{code}/disable")
    assert (await publish(client, code, campaign=code))["voucher"]["code"] == f"{code}-0"


async def test_disabled_expired_deleted_and_used_codes_are_left_out(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    await make_campaign(client, code, 4)
    await client.post(f"/v1/vouchers/{code}-0/disable")
    await client.put(f"/v1/vouchers/{code}-1", json={"expiration_date": "2020-01-01"})
    await client.delete(f"/v1/vouchers/{code}-2")
    async with db.connection() as connection:
        # As a redemption leaves it.
        await connection.execute(
            "update voucher set redeemed_quantity = 1, revision = 1 where code = $1", f"{code}-3"
        )
        await connection.execute("update campaign set bound_count = 1 where name = $1", code)
    await add_code(client, code, f"{code}-4")
    assert (await publish(client, code, campaign=code))["voucher"]["code"] == f"{code}-4"
    assert (await send(client, code, campaign=code)).status_code == 400
    # Enabled again it is found, though others of a higher id were published.
    await client.post(f"/v1/vouchers/{code}-0/enable")
    assert (await publish(client, code, campaign=code))["voucher"]["code"] == f"{code}-0"


async def test_a_campaign_that_grows_gives_out_what_it_has_and_makes_the_rest(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    await make_campaign(
        client, code, 2, type="AUTO_UPDATE", voucher={"code_config": {"pattern": f"{code}-NEW-####"}}
    )
    made = await publish(client, code, campaign={"name": code, "count": 4})
    assert made["vouchers"][:2] == [f"{code}-0", f"{code}-1"]
    assert all(re.fullmatch(rf"{code}-NEW-\w{{4}}", each) for each in made["vouchers"][2:])
    vouchers = [await read_voucher(client, each) for each in made["vouchers"]]
    # A code that was made for it has not changed since.
    assert [voucher["updated_at"] for voucher in vouchers] == [made["created_at"]] * 2 + [None] * 2
    assert await read_campaign(db, code) == (4, 4)
    summary = (await client.get(f"/v1/campaigns/{code}/summary")).json()
    assert (summary["vouchers_created"], summary["publications"]) == (4, 1)


async def test_a_code_that_is_made_has_the_terms_of_its_campaign(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(
        client,
        code,
        campaign_type="GIFT_VOUCHERS",
        type="AUTO_UPDATE",
        metadata={"colour": "red"},
        activity_duration_after_publishing="P1D",
    )
    voucher = (await publish(client, code, campaign=code))["voucher"]
    assert (voucher["type"], voucher["gift"]["balance"], voucher["metadata"]) == (
        "GIFT_VOUCHER",
        10_000,
        {"colour": "red"},
    )
    assert voucher["updated_at"] is None
    assert voucher["expiration_date"] is not None
    summary = (await client.get(f"/v1/campaigns/{code}/summary")).json()
    assert (summary["vouchers_created"], summary["created_vouchers_amount"]) == (1, 10_000)


async def test_one_code_of_a_standalone_campaign_goes_to_everybody(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    await make_campaign(client, code, type="STANDALONE", voucher={"code": f"{code}-ALL"})
    made = [await publish(client, f"{code}-{name}", campaign=code) for name in ("ann", "bob", "ann")]
    assert [each["voucher"]["code"] for each in made] == [f"{code}-ALL"] * 3
    assert [each["voucher"]["publish"]["count"] for each in made] == [1, 2, 3]
    assert len({each["id"] for each in made}) == 3
    by_code = await publish(client, f"{code}-cid", voucher=f"{code}-ALL")
    assert by_code["voucher"]["publish"]["count"] == 4
    assert await read_campaign(db, code) == (1, 1)
    params = {"customer": f"{code}-ann"}
    listed = (await client.get("/v1/vouchers", params=params)).json()["vouchers"]
    assert [voucher["code"] for voucher in listed] == [f"{code}-ALL"]


async def test_a_voucher_without_a_campaign_goes_to_many(client: httpx.AsyncClient, code: str) -> None:
    await client.post(f"/v1/vouchers/{code}", json=a_voucher())
    made = [await publish(client, f"{code}-{name}", voucher=code) for name in ("ann", "bob")]
    assert [each["voucher"]["publish"]["count"] for each in made] == [1, 2]
    assert made[0]["voucher"]["campaign_id"] is None


async def test_an_id_of_another_project_is_unknown(shared_project: SharedProject, code: str) -> None:
    client, other = shared_project.client, shared_project.other_client
    campaign = await make_campaign(client, code, 1)
    voucher = await read_voucher(client, f"{code}-0")
    answers = [
        await send(other, code, campaign=campaign["id"]),
        await send(other, code, voucher=voucher["id"]),
        await send(other, code, voucher=f"{code}-0"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert (await list_publications(other))["total"] == 0
    assert (await read_voucher(client, f"{code}-0"))["publish"]["count"] == 0
