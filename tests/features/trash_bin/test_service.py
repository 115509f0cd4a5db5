"""The bin: what comes into it, what it reserves, and how it is emptied."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from builders import a_campaign, a_refusal, a_voucher, is_taken, not_there, read_refusal
from database_views import count_more_rows, count_rows, holding_locks, wait_for_waiting_statements
from openvoucher.features.trash_bin import store
from openvoucher.features.trash_bin.schemas import PREFIXES
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.platform.jobs.worker import Worker

EMPTY = {"object": "list", "data_ref": "data", "data": [], "total": 0, "has_more": False}
NO_ENTRY = "tbe_" + "0" * 32


async def fill(client: httpx.AsyncClient, *codes: str) -> None:
    """The campaign Spring and vouchers without a campaign, all of them in the bin."""
    await client.post("/v1/campaigns", json=a_campaign())
    await client.delete("/v1/campaigns/Spring")
    for code in codes:
        await client.post(f"/v1/vouchers/{code}", json=a_voucher())
        assert (await client.delete(f"/v1/vouchers/{code}")).status_code == 204


async def read_bin(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/trash-bin", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def list_names(client: httpx.AsyncClient, **query: Any) -> list[str]:
    return [entry["resource_name"] for entry in (await read_bin(client, **query))["data"]]


# --- what comes in ---------------------------------------------------------------------------------


async def test_the_bin_starts_empty(client: httpx.AsyncClient) -> None:
    assert await read_bin(client) == EMPTY


async def test_each_deletion_makes_one_entry_and_a_campaigns_codes_make_none(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    campaign = (await client.post("/v1/campaigns", json=a_campaign(vouchers_count=3))).json()
    await worker.run_until_idle()
    other = (await client.post("/v1/campaigns", json=a_campaign(name="Other"))).json()
    in_campaign = (await client.post("/v1/campaigns/Other/vouchers/IN%20OTHER")).json()
    alone = (await client.post("/v1/vouchers/ALONE", json=a_voucher())).json()
    await client.delete(f"/v1/campaigns/{campaign['id']}")
    await client.delete("/v1/vouchers/IN%20OTHER")
    await client.delete(f"/v1/vouchers/{alone['id']}")
    await worker.run_until_idle()

    listed = await read_bin(client)
    entries = listed.pop("data")
    assert listed == {"object": "list", "data_ref": "data", "total": 3, "has_more": False}
    for entry in entries:
        assert re.fullmatch(r"tbe_[0-9a-f]{32}", entry.pop("id"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("created_at"))
    shared = {"deleted_by_user_id": None, "resource_parent_id": None}
    voucher = {**shared, "resource_type": "voucher", "object": "voucher"}
    assert entries == [
        {**voucher, "resource_id": alone["id"], "resource_name": "ALONE"},
        {
            **voucher,
            "resource_id": in_campaign["id"],
            "resource_name": "IN OTHER",
            "resource_parent_id": other["id"],
        },
        {
            **shared,
            "resource_id": campaign["id"],
            "resource_name": "Spring",
            "resource_type": "campaign",
            "object": "campaign",
        },
    ]


async def test_with_force_nothing_comes_into_the_bin(client: httpx.AsyncClient, worker: Worker) -> None:
    await client.post("/v1/campaigns", json=a_campaign())
    await client.post("/v1/vouchers/ALONE", json=a_voucher())
    assert (await client.delete("/v1/campaigns/Spring?force=true")).status_code == 202
    assert (await client.delete("/v1/vouchers/ALONE?force=true")).status_code == 204
    await worker.run_until_idle()
    assert await read_bin(client) == EMPTY


# --- lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "names"),
    [("-id", ["C", "B", "A", "Spring"]), ("id", ["Spring", "A", "B", "C"])],
)
async def test_pages_follow_a_cursor(client: httpx.AsyncClient, order: str, names: list[str]) -> None:
    await fill(client, "A", "B", "C")
    assert await list_names(client, order=order) == names
    first = await read_bin(client, order=order, limit=3)
    assert [entry["resource_name"] for entry in first["data"]] == names[:3]
    assert (first["total"], first["has_more"]) == (3, True)
    assert first["more_starting_after"] == first["data"][-1]["id"]
    query = {"order": order, "limit": 3, "starting_after_id": first["more_starting_after"]}
    last = await read_bin(client, **query)
    assert [entry["resource_name"] for entry in last["data"]] == names[3:]
    assert (last["total"], last["has_more"]) == (1, False)
    assert "more_starting_after" not in last
    query["starting_after_id"] = last["data"][-1]["id"]
    assert await read_bin(client, **query) == EMPTY


async def test_a_page_that_is_just_full_has_no_more(client: httpx.AsyncClient) -> None:
    await fill(client, "A")
    assert (await read_bin(client, limit=2))["has_more"] is False


async def test_the_newest_come_first_unless_said_otherwise(client: httpx.AsyncClient) -> None:
    await fill(client, *(f"CODE {number}" for number in range(10)))
    listed = await read_bin(client)
    names = [entry["resource_name"] for entry in listed["data"]]
    assert names == [f"CODE {number}" for number in range(9, -1, -1)]
    assert (listed["total"], listed["has_more"]) == (10, True)


async def test_filters(client: httpx.AsyncClient) -> None:
    await fill(client, "A", "AB")
    entries = {entry["resource_name"]: entry for entry in (await read_bin(client))["data"]}
    for query, names in (
        ({"filters[resource_type][conditions][$is]": "campaign"}, ["Spring"]),
        ({"filters[resource_type][conditions][$in][0]": "voucher"}, ["AB", "A"]),
        ({"filters[resource_name][conditions][$is]": "A"}, ["A"]),
        ({"filters[resource_name][conditions][$starts_with]": "a"}, ["AB", "A"]),
        ({"filters[id][conditions][$is]": entries["AB"]["id"]}, ["AB"]),
        ({"filters[resource_id][conditions][$is]": entries["A"]["resource_id"]}, ["A"]),
        ({"filters[resource_id][conditions][$is]": entries["Spring"]["resource_id"]}, ["Spring"]),
        ({"filters[resource_id][conditions][$starts_with]": "camp_"}, ["Spring"]),
        (
            {
                "filters[junction]": "or",
                "filters[resource_name][conditions][$is]": "A",
                "filters[resource_type][conditions][$is]": "campaign",
            },
            ["A", "Spring"],
        ),
        (
            {
                "filters[junction]": "or",
                "filters[resource_name][conditions][$is]": "A",
                "filters[resource_type][conditions][$is]": "campaign",
                "starting_after_id": entries["A"]["id"],
            },
            ["Spring"],
        ),
    ):
        assert await list_names(client, **query) == names


async def test_a_resource_is_filtered_by_the_id_that_is_shown(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    """Products and SKUs, which there are none of yet, too."""
    async with db.connection() as connection:
        await connection.execute(
            "insert into bin_entry (project_id, id, resource_type, resource_id, resource_name, created_at)"
            " select $1, gen_random_uuid(), kind, gen_random_uuid(), kind, now()"
            " from unnest($2::text[]) as kind",
            project.id,
            list(PREFIXES),
        )
    entries = (await read_bin(client))["data"]
    assert {entry["resource_type"] for entry in entries} == {"campaign", "voucher", "product", "sku"}
    for entry in entries:
        assert re.fullmatch(rf"{PREFIXES[entry['resource_type']]}_[0-9a-f]{{32}}", entry["resource_id"])
        query = {"filters[resource_id][conditions][$is]": entry["resource_id"]}
        assert await list_names(client, **query) == [entry["resource_type"]]


async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient) -> None:
    for query, details in (
        ({"limit": 0}, "Property .limit must be >= 1"),
        ({"limit": 101}, "Property .limit must be <= 100"),
        ({"order": "created_at"}, "Property .order must be equal to one of the allowed values [ id, -id ]"),
        ({"starting_after_id": "tbe_1"}, "Property .starting_after_id must be an id of a bin entry"),
        ({"filters[colour][conditions][$is]": "red"}, "Property .filters.colour is not allowed"),
    ):
        answer = await client.get("/v1/trash-bin", params=query)
        assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


async def test_another_projects_bin_is_its_own(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database
) -> None:
    await fill(client, "A")
    assert await read_bin(other_client) == EMPTY
    (newest, *_) = (await read_bin(client))["data"]
    before = await count_rows(db)
    answer = await other_client.delete(f"/v1/trash-bin/{newest['id']}")
    assert read_refusal(answer) == not_there("bin_entry", newest["id"])
    assert await count_more_rows(db, before) == {}


# --- emptying it -----------------------------------------------------------------------------------


async def empty(client: httpx.AsyncClient, name: str) -> None:
    """Remove the resource of this name from the bin."""
    (entry,) = [each for each in (await read_bin(client, limit=100))["data"] if each["resource_name"] == name]
    answer = await client.delete(f"/v1/trash-bin/{entry['id']}")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_voucher_is_removed_with_its_postings_and_its_code_is_free(
    client: httpx.AsyncClient, db: Database
) -> None:
    await client.post("/v1/vouchers/BYSTANDER", json=a_voucher())
    before = await count_rows(db)
    await client.post("/v1/vouchers/CARD", json=a_voucher("GIFT_VOUCHER"))
    await client.post("/v1/vouchers/CARD/balance", json={"amount": 5})
    await client.delete("/v1/vouchers/CARD")
    answer = await client.post("/v1/vouchers/CARD", json=a_voucher())
    assert read_refusal(answer) == is_taken("voucher", "id", "CARD")
    assert await count_more_rows(db, before) == {"bin_entry": 1, "voucher": 1, "voucher_transaction": 1}
    await empty(client, "CARD")
    assert await count_more_rows(db, before) == {}
    answer = await client.get("/v1/vouchers/CARD")
    assert read_refusal(answer) == not_there("voucher", "CARD")
    assert (await client.post("/v1/vouchers/CARD", json=a_voucher())).status_code == 200


async def test_a_campaigns_voucher_is_not_uncounted_twice(client: httpx.AsyncClient) -> None:
    await client.post("/v1/campaigns", json=a_campaign())
    for code in ("A", "B"):
        await client.post(f"/v1/campaigns/Spring/vouchers/{code}")
    await client.delete("/v1/vouchers/A")
    before = (await client.get("/v1/campaigns/Spring/summary")).json()
    assert (before["vouchers_created"], before["vouchers_deleted"]) == (2, 1)
    await empty(client, "A")
    assert (await client.get("/v1/campaigns/Spring/summary")).json() == before
    assert before["campaign"]["vouchers_count"] == 1


async def test_a_campaigns_name_is_free_at_once_and_its_codes_when_the_action_has_run(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    before = await count_rows(db)
    await client.post("/v1/campaigns", json=a_campaign(campaign_type="GIFT_VOUCHERS", vouchers_count=2))
    await worker.run_until_idle()
    for code in ("A-CODE", "IN-THE-BIN"):
        await client.post(f"/v1/campaigns/Spring/vouchers/{code}")
    await client.post("/v1/vouchers/A-CODE/balance", json={"amount": 5})
    await client.delete("/v1/vouchers/IN-THE-BIN")
    await client.delete("/v1/campaigns/Spring")
    await worker.run_until_idle()
    answer = await client.post("/v1/campaigns", json=a_campaign())
    assert read_refusal(answer) == is_taken("campaign", "name", "Spring")

    await empty(client, "Spring")
    assert await list_names(client) == ["IN-THE-BIN"]
    again = await client.post("/v1/campaigns", json=a_campaign())
    assert again.status_code == 200
    answer = await client.post("/v1/campaigns/Spring/vouchers/A-CODE")
    assert read_refusal(answer) == is_taken("voucher", "id", "A-CODE")

    await worker.run_until_idle()
    (action,) = (await client.get("/v1/async-actions?limit=1")).json()["async_actions"]
    action = (await client.get(f"/v1/async-actions/{action['id']}")).json()
    assert (action["type"], action["status"]) == ("CAMPAIGN.VOUCHERS_DELETE", "DONE")
    assert action["result"] == {"message": "Deleted 3 vouchers.", "done_count": 3}
    # The entry of its voucher went with it; the new campaign and its name are untouched.
    assert await read_bin(client) == EMPTY
    rows = await count_more_rows(db, before)
    left = {name: count for name, count in rows.items() if not name.startswith(("job", "async"))}
    assert left == {"campaign": 1, "campaign_revision": 1}
    assert (await client.get("/v1/campaigns/Spring")).json() == again.json()
    assert (await client.post("/v1/campaigns/Spring/vouchers/A-CODE")).status_code == 200


async def test_the_same_name_can_lie_in_the_bin_again(client: httpx.AsyncClient, worker: Worker) -> None:
    for _ in range(2):
        await fill(client, "A")
        assert sorted(await list_names(client)) == ["A", "Spring"]
        await empty(client, "A")
        await empty(client, "Spring")
    await worker.run_until_idle()
    assert await read_bin(client) == EMPTY


async def test_an_entry_that_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    for sent in (NO_ENTRY, "tbe_1", "camp_" + "0" * 32, "Spring"):
        answer = await client.delete(f"/v1/trash-bin/{sent}")
        assert read_refusal(answer) == not_there("bin_entry", sent)


@pytest.mark.parametrize("name", ["Spring", "A"])
async def test_of_two_that_empty_the_bin_at_once_one_finds_nothing(
    client: httpx.AsyncClient, db: Database, name: str
) -> None:
    await fill(client, "A")
    (entry,) = [each for each in (await read_bin(client))["data"] if each["resource_name"] == name]
    before = await count_rows(db)
    path = f"/v1/trash-bin/{entry['id']}"
    async with asyncio.TaskGroup() as group, holding_locks(db, "select 1 from bin_entry for update"):
        tasks = [group.create_task(client.delete(path)) for _ in range(2)]
        await wait_for_waiting_statements(db, 2)
    done, refused = sorted((task.result() for task in tasks), key=lambda answer: answer.status_code)
    assert done.status_code == 204
    assert read_refusal(refused) == not_there("bin_entry", entry["id"])
    gone = {"bin_entry": -1}
    started = {"async_action": 1, "job": 1} if name == "Spring" else {"voucher": -1}
    assert await count_more_rows(db, before) == {**gone, **started}


async def test_twin_that_looks_before_it_deletes_empties_twice(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_have_looked = asyncio.Barrier(2)

    async def look_then_delete(connection: Connection, project_id: int, entry_id: Any) -> Row | None:
        row = await connection.fetchrow("select * from bin_entry where id = $1", entry_id)
        await both_have_looked.wait()
        await connection.execute("delete from bin_entry where id = $1", entry_id)
        return row

    monkeypatch.setattr(store, "delete_entry", look_then_delete)
    await fill(client)
    (entry,) = (await read_bin(client))["data"]
    before = await count_rows(db)
    path = f"/v1/trash-bin/{entry['id']}"
    answers = await asyncio.gather(client.delete(path), client.delete(path))
    assert [answer.status_code for answer in answers] == [204, 204]
    assert await count_more_rows(db, before) == {"bin_entry": -1, "async_action": 2, "job": 2}
