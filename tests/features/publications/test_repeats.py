"""Publications that are asked for again: by those who join once, and by source id."""

from typing import Any

import httpx
import pytest

from builders import read_refusal
from database_views import read_row_versions
from openvoucher.platform.db import Database
from publishing import (
    JOINED,
    TOO_MANY,
    a_publishing_refusal,
    already_published,
    list_publications,
    make_campaign,
    publish,
    read_voucher,
    send,
)
from shared_project import SharedProject


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


def is_used(source_id: str) -> dict[str, Any]:
    return a_publishing_refusal(
        "duplicate_source_id", f"Publication with source_id: '{source_id}' already exists"
    )


async def read_everything(db: Database) -> dict[str, list[tuple[str, str]]]:
    """Every row with its version, of all tables that a publication writes."""
    tables = (
        "campaign",
        "campaign_day",
        "customer",
        "outbox",
        "publication",
        "publication_pool",
        "publication_voucher",
        "redeemable_holder",
        "voucher",
    )
    return {table: sorted(await read_row_versions(db, table)) for table in tables}


# --- joining once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["campaign", "request", "loyalty"])
async def test_who_can_join_once_gets_the_publication_that_was_there(
    client: httpx.AsyncClient, db: Database, code: str, whose: str
) -> None:
    fields: dict[str, Any] = {
        "campaign": {"join_once": True},
        "loyalty": {"campaign_type": "LOYALTY_PROGRAM"},
    }
    await make_campaign(client, code, 3, **fields.get(whose, {}))
    join_once = True if whose == "request" else None
    first = await publish(client, "ann", campaign=code, join_once=join_once, metadata={"mail": 1})
    before = await read_everything(db)
    again = await publish(client, "ann", campaign=code, join_once=join_once, metadata={"mail": 2})
    assert again == first
    assert await read_everything(db) == before
    assert (await publish(client, "bob", campaign=code, join_once=join_once))["id"] != first["id"]


async def test_without_it_each_publication_is_another_code(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 3)
    codes = [
        (await publish(client, "ann", campaign=code, join_once=join_once))["voucher"]["code"]
        for join_once in (None, False)
    ]
    assert codes == [f"{code}-0", f"{code}-1"]
    # The first of them is what the customer has got.
    assert (await publish(client, "ann", campaign=code, join_once=True))["voucher"]["code"] == f"{code}-0"


async def test_a_request_cannot_join_twice_what_the_campaign_allows_once(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 2, join_once=True)
    first = await publish(client, "ann", campaign=code)
    assert await publish(client, "ann", campaign=code, join_once=False) == first


async def test_the_voucher_that_a_member_has_is_shown_and_another_is_refused(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 2, join_once=True)
    first = await publish(client, "ann", campaign=code)
    assert await publish(client, "ann", voucher=f"{code}-0") == first
    answer = await send(client, "ann", voucher=f"{code}-1")
    assert read_refusal(answer) == JOINED
    listed = await list_publications(client, campaign=code, result="FAILURE")
    assert [(each["failure_code"], each["failure_message"]) for each in listed["publications"]] == [
        (JOINED["key"], JOINED["message"])
    ]
    assert (await read_voucher(client, f"{code}-1"))["publish"]["count"] == 0


async def test_several_codes_of_a_campaign_that_is_joined_once_are_too_many(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 3, join_once=True)
    answer = await send(client, "ann", campaign={"name": code, "count": 2})
    assert read_refusal(answer) == TOO_MANY
    assert (await list_publications(client, campaign=code))["total"] == 0


async def test_who_joined_with_several_codes_sees_all_of_them(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 3)
    first = await publish(client, "ann", campaign={"name": code, "count": 2})
    assert await publish(client, "ann", campaign=code, join_once=True) == first


@pytest.mark.parametrize("force", ["false", "true"])
async def test_a_member_whose_code_was_deleted_gets_another(
    client: httpx.AsyncClient, code: str, force: str
) -> None:
    await make_campaign(client, code, 2, join_once=True)
    await publish(client, "ann", campaign=code)
    await client.delete(f"/v1/vouchers/{code}-0", params={"force": force})
    assert (await publish(client, "ann", campaign=code))["voucher"]["code"] == f"{code}-1"


async def test_a_standalone_campaign_is_never_joined_once(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, type="STANDALONE", voucher={"code": f"{code}-ALL"}, join_once=True)
    first = await publish(client, "ann", campaign=code, join_once=True)
    second = await publish(client, "ann", campaign=code, join_once=True)
    assert first["id"] != second["id"]
    answer = await send(client, "ann", campaign={"name": code, "count": 2})
    assert read_refusal(answer) == TOO_MANY


# --- a unique code -------------------------------------------------------------------------------------


@pytest.mark.parametrize("customer", ["ann", "bob"])
async def test_a_unique_code_is_published_once(client: httpx.AsyncClient, code: str, customer: str) -> None:
    await make_campaign(client, code, 1)
    made = await publish(client, "ann", campaign=code)
    answer = await send(client, customer, voucher=f"{code}-0")
    assert read_refusal(answer) == already_published(made["voucher"]["id"])
    voucher = await read_voucher(client, f"{code}-0")
    assert (voucher["publish"]["count"], voucher["holder_id"]) == (1, made["customer_id"])


# --- source ids ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("customer", ["ann", "bob", "somebody new"])
async def test_the_same_source_id_is_the_same_publication_whoever_asks(
    client: httpx.AsyncClient, db: Database, code: str, customer: str
) -> None:
    await make_campaign(client, code, 2)
    await client.post("/v1/customers", json={"source_id": "bob"})
    first = await publish(client, "ann", campaign=code, source_id=f"mail-{code}")
    assert first["source_id"] == f"mail-{code}"
    before = await read_everything(db)
    sent = {"source_id": f"{customer}", "name": "changed"}
    again = await publish(client, sent, campaign=code, source_id=f"mail-{code}")
    assert again == first
    assert await read_everything(db) == before


async def test_a_source_id_of_a_given_voucher_is_that_voucher_s(client: httpx.AsyncClient, code: str) -> None:
    made = await make_campaign(client, code, 2)
    first = await publish(client, "ann", voucher=f"{code}-0", source_id=code)
    same = [{"voucher": f"{code}-0"}, {"voucher": first["voucher"]["id"]}, {"campaign": made["id"]}]
    for target in same:
        assert await publish(client, "ann", source_id=code, **target) == first
    answer = await send(client, "ann", voucher=f"{code}-1", source_id=code)
    assert read_refusal(answer) == is_used(code)


async def test_a_source_id_is_not_used_for_another_campaign(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 1)
    await make_campaign(client, f"{code}B", 1)
    await publish(client, "ann", campaign=code, source_id=code)
    answer = await send(client, "ann", campaign=f"{code}B", source_id=code)
    assert read_refusal(answer) == is_used(code)
    assert (await read_voucher(client, f"{code}B-0"))["publish"]["count"] == 0
    # A refusal of what was asked, not of a code: it is no failed publication.
    assert (await list_publications(client, campaign=f"{code}B"))["total"] == 0


async def test_a_failed_publication_leaves_its_source_id_free(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code)
    assert (await send(client, "ann", campaign=code, source_id=code)).status_code == 400
    await client.post(f"/v1/campaigns/{code}/vouchers/{code}-0", json={})
    made = await publish(client, "ann", campaign=code, source_id=code)
    listed = (await list_publications(client, source_id=code))["publications"]
    assert [(each["id"] == made["id"], each["result"]) for each in listed] == [
        (True, "SUCCESS"),
        (False, "FAILURE"),
    ]


async def test_under_a_source_id_there_is_one_code(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 2)
    answer = await send(client, "ann", campaign={"name": code, "count": 2}, source_id=code)
    assert read_refusal(answer) == TOO_MANY


async def test_two_projects_do_not_share_source_ids(shared_project: SharedProject, code: str) -> None:
    made = []
    for client in (shared_project.client, shared_project.other_client):
        await make_campaign(client, code, 1)
        made.append(await publish(client, "ann", campaign=code, source_id=code))
    assert made[0]["id"] != made[1]["id"]


async def test_a_publication_whose_voucher_is_gone_still_tells_its_code(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 1)
    first = await publish(client, "ann", campaign=code, source_id=code)
    await client.delete(f"/v1/vouchers/{code}-0?force=true")
    again = await publish(client, "ann", campaign=code, source_id=code)
    assert (again["id"], again["vouchers"], again["vouchers_id"]) == (
        first["id"],
        [f"{code}-0"],
        first["vouchers_id"],
    )
    assert "voucher" not in again


async def test_a_code_for_many_names_its_first_holder(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, type="STANDALONE", voucher={"code_config": {"pattern": f"{code}-ALL"}})
    first = await publish(client, "ann", campaign=code)
    second = await publish(client, "bob", campaign=code)
    assert first["customer_id"] != second["customer_id"]
    assert first["vouchers_id"] == second["vouchers_id"]
    voucher = await read_voucher(client, first["voucher"]["code"])
    assert (voucher["publish"]["count"], voucher["holder_id"]) == (2, first["customer_id"])
    assert second["voucher"]["holder_id"] == first["customer_id"]


async def test_looking_at_the_link_publishes_nothing(client: httpx.AsyncClient, code: str) -> None:
    """Link checkers send HEAD."""
    await make_campaign(client, code, 1)
    params = {"campaign": code, "customer": "ann"}
    answer = await client.head("/v1/publications/create", params=params)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert (await read_voucher(client, f"{code}-0"))["publish"]["count"] == 0
    assert (await client.get("/v1/publications/create", params=params)).status_code == 200
