"""Segments over HTTP: making, listing, changing and deleting them."""

import dataclasses
import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from builders import a_refusal, not_there, read_refusal
from calls import NOW
from database_views import count_more_rows, count_rows
from openvoucher.features.segments.schemas import SegmentCreate
from openvoucher.features.segments.service import create_segment, list_customer_segments, member_condition
from openvoucher.platform.call import Call, Project
from openvoucher.platform.db import Database
from openvoucher.platform.db.conditions import Params
from openvoucher.wire.errors import ApiError
from openvoucher.wire.ids import show_id
from segment_people import People
from segment_people import create_segment as create

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "seg_" + "0" * 32
PARIS = {"junction": "and", "address.city": {"conditions": {"$is": "Paris"}}}
NOT_PARIS = {"address.city": {"conditions": {"$is_not": "Paris"}}}


async def add_three(people: People) -> dict[str, str]:
    """Ann in Paris, Bob in Lyon, Eve nowhere; their ids."""
    for name, address in (("ann", {"city": "Paris"}), ("bob", {"city": "Lyon"}), ("eve", None)):
        await people.add(name, address=address)
    return {name: show_id("cust", customer_id) for name, customer_id in people.ids.items()}


# --- create ------------------------------------------------------------------------------------------


async def test_a_static_segment_has_whom_it_names(client: httpx.AsyncClient, people: People) -> None:
    ids = await add_three(people)
    body = {"name": "Few", "type": "static", "customers": [ids["ann"], {"id": ids["bob"]}]}
    answer = await client.post("/v1/segments", json=body)
    segment = answer.json()
    assert answer.status_code == 200
    assert list(segment) == ["id", "name", "created_at", "type", "filter", "object"]
    assert re.fullmatch(r"seg_[0-9a-f]{32}", segment["id"])
    assert INSTANT.fullmatch(segment["created_at"])
    assert (segment["name"], segment["type"], segment["filter"]) == ("Few", "static", None)
    assert segment["object"] == "segment"
    assert await people.list_members(segment["id"]) == ["ann", "bob"]


async def test_customers_are_named_by_id_or_source_id(client: httpx.AsyncClient, people: People) -> None:
    ids = await add_three(people)
    customers = ["ann", {"source_id": "bob"}, {"id": ids["bob"], "source_id": "eve"}, ids["ann"]]
    segment_id = await create(client, name="Few", customers=customers)
    # The id counts where both are sent, and nobody is twice in it.
    assert await people.list_members(segment_id) == ["ann", "bob"]


async def test_a_static_segment_may_be_empty(client: httpx.AsyncClient, people: People) -> None:
    empty: list[Any] = [[], None]
    for customers in empty:
        segment_id = await create(client, name="None", type="static", customers=customers)
        assert await people.list_members(segment_id) == []


@pytest.mark.parametrize(
    ("customers", "missing"),
    [
        (["ann", "nobody"], "nobody"),
        ([{"source_id": "nobody"}], "nobody"),
        (["cust_" + "0" * 32, "ann"], "cust_" + "0" * 32),
        ([{"id": "cust_1"}], "cust_1"),
        (["gone"], "gone"),
    ],
)
async def test_a_customer_that_is_not_there_is_refused_and_nothing_made(
    client: httpx.AsyncClient, people: People, db: Database, customers: list[Any], missing: str
) -> None:
    await add_three(people)
    await people.add("gone", deleted_at=NOW)
    before = await count_rows(db)
    answer = await client.post("/v1/segments", json={"name": "Few", "type": "static", "customers": customers})
    assert read_refusal(answer) == not_there("customer", missing)
    assert await count_more_rows(db, before) == {}


async def test_another_projects_customers_are_not_there(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, people: People
) -> None:
    ids = await add_three(people)
    for name in ("ann", ids["ann"]):
        answer = await other_client.post("/v1/segments", json={"name": "Few", "customers": [name]})
        assert read_refusal(answer) == not_there("customer", name)


@pytest.mark.parametrize(
    ("sent", "type"),
    [
        ({"type": "auto-update"}, "auto-update"),
        ({"type": "passive"}, "passive"),
        # Older clients name no type; the official Python client prints its nulls.
        ({}, "auto-update"),
        ({"type": None, "customers": None}, "auto-update"),
        ({"customers": ["nobody"]}, "auto-update"),
        ({"type": "passive", "customers": ["nobody"]}, "passive"),
    ],
)
async def test_a_segment_by_rule_shows_its_filter_as_it_was_sent(
    client: httpx.AsyncClient, sent: dict[str, Any], type: str
) -> None:
    filter = {
        "junction": "and",
        "birthdate": {"conditions": {"$next_month": [True]}},
        "address.country": {"conditions": {"$is": "Poland"}},
        "metadata.club_level": {"conditions": {"$in": ["Gold", "Silver"]}},
    }
    answer = await client.post("/v1/segments", json={"name": "Club", "filter": filter, **sent})
    segment = answer.json()
    assert answer.status_code == 200
    assert (segment["name"], segment["type"], segment["filter"]) == ("Club", type, filter)
    assert list(segment) == ["id", "name", "created_at", "type", "filter", "object"]
    assert (await client.get(f"/v1/segments/{segment['id']}")).json() == segment


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"type": "passive", "filter": {}}, "Payload must have required property 'name'"),
        ({"name": "", "type": "static"}, "Property .name must NOT have fewer than 1 characters"),
        ({"name": 5, "type": "static"}, "Property .name must be string"),
        ({"name": "X"}, "Payload must have required property 'type'"),
        ({"name": "X", "type": "passive"}, "Payload must have required property 'filter'"),
        (
            {"name": "X", "type": "auto-update", "filter": None},
            "Payload must have required property 'filter'",
        ),
        (
            {"name": "X", "type": "active", "filter": {}},
            "Property .type must be equal to one of the allowed values [ static, auto-update, passive ]",
        ),
        (
            {"name": "X", "type": "passive", "filter": {"junction": "xor"}},
            "Property .filter has wrong `junction` property. It must be one of: and, or",
        ),
        ({"name": "X", "type": "passive", "filter": []}, "Property .filter must be object,null"),
        ({"name": "X", "customers": [{}]}, "Property .customers[0] must have required property 'id'"),
        (
            {"name": "X", "customers": ["a"] * 20_001},
            "Property .customers must NOT have more than 20000 items",
        ),
    ],
)
async def test_a_wrong_body_makes_nothing(
    client: httpx.AsyncClient, db: Database, body: dict[str, Any], problem: str
) -> None:
    before = await count_rows(db)
    answer = await client.post("/v1/segments", json=body)
    assert read_refusal(answer) == a_refusal(400, "invalid_payload", problem)
    assert await count_more_rows(db, before) == {}


async def test_a_project_has_a_hundred_segments_by_rule_at_most(call: Call, people: People) -> None:
    for number in range(100):
        type: Any = "passive" if number % 2 else "auto-update"
        await create_segment(call, SegmentCreate(name=f"{number}", type=type, filter={}))
    for type in ("passive", "auto-update"):
        with pytest.raises(ApiError) as refusal:
            await create_segment(call, SegmentCreate(name="one more", type=type, filter={}))
        assert (refusal.value.status, refusal.value.key) == (400, "invalid_payload")
    await create_segment(call, SegmentCreate(name="static", type="static"))
    counted = await people.fetch("select count(*) from segment where project_id = $1", people.project_id)
    assert counted == [(101,)]


# --- list and get ------------------------------------------------------------------------------------


@pytest.fixture
async def shelf(call: Call) -> dict[str, str]:
    """Passive and static segments in turn, one a day, the last one now; ids by name."""
    ids = {}
    for day, (name, type) in enumerate(
        (("A", "passive"), ("B", "static"), ("C", "passive"), ("D", "static"))
    ):
        at = dataclasses.replace(call, now=NOW - timedelta(days=3 - day))
        body: Any = SegmentCreate(name=name, type=type, filter=PARIS if type == "passive" else None)  # type: ignore[arg-type]
        ids[name] = (await create_segment(at, body)).id
    return ids


async def list_names(client: httpx.AsyncClient, **query: Any) -> str:
    answer = await client.get("/v1/segments", params=query)
    assert answer.status_code == 200, answer.text
    return "".join(segment["name"] for segment in answer.json()["data"])


async def test_segments_are_listed_newest_first(client: httpx.AsyncClient, shelf: dict[str, str]) -> None:
    body = (await client.get("/v1/segments")).json()
    first = (await client.get(f"/v1/segments/{shelf['D']}")).json()
    assert [segment["name"] for segment in body["data"]] == ["D", "C", "B", "A"]
    assert body["data"][0] == first
    assert {**body, "data": []} == {"object": "list", "data_ref": "data", "data": [], "total": 4}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"order": "created_at"}, "ABCD"),
        ({"order": "-created_at"}, "DCBA"),
        ({"limit": 2}, "DC"),
        ({"limit": 2, "page": 2}, "BA"),
        ({"limit": 2, "page": 3}, ""),
        ({"filters[type][conditions][$is]": "static"}, "DB"),
        ({"filters[name][conditions][$in][0]": "A", "filters[name][conditions][$in][1]": "D"}, "DA"),
        ({"filters[created_at][conditions][$after]": "2026-02-28T11:00:00Z"}, "DC"),
        (
            {
                "filters[junction]": "or",
                "filters[type][conditions][$is]": "passive",
                "filters[name][conditions][$is]": "D",
            },
            "DCA",
        ),
        ({"start_date": "2026-02-28T12:00:00.000Z"}, "DC"),
        ({"end_date": "2026-02-27T12:00:00.000Z"}, "BA"),
        ({"start_date": "2026-02-27", "end_date": "2026-03-01"}, "CB"),
        ({"starting_after": "2026-02-28T12:00:00.000Z"}, "BA"),
        ({"starting_after": "2026-02-27T12:00:00.000Z", "order": "created_at"}, "CD"),
    ],
)
@pytest.mark.usefixtures("shelf")
async def test_a_list_can_be_narrowed(client: httpx.AsyncClient, query: dict[str, Any], names: str) -> None:
    assert await list_names(client, **query) == names


async def test_a_list_has_named_segments(client: httpx.AsyncClient, shelf: dict[str, str]) -> None:
    ids = [shelf["A"], shelf["C"], UNKNOWN, "nonsense"]
    assert await list_names(client, ids=",".join(ids)) == "CA"
    assert await list_names(client, **{"ids[]": ids}) == "CA"
    assert await list_names(client, **{"filters[id][conditions][$is]": shelf["B"]}) == "B"


async def test_a_scrolled_list_says_whether_there_is_more(
    client: httpx.AsyncClient, shelf: dict[str, str]
) -> None:
    query: dict[str, Any] = {"order": "created_at", "limit": 3, "starting_after": "1970-01-01T00:00:00Z"}
    first = (await client.get("/v1/segments", params=query)).json()
    assert [segment["name"] for segment in first["data"]] == ["A", "B", "C"]
    assert first["has_more"] is True
    query["starting_after"] = first["data"][-1]["created_at"]
    last = (await client.get("/v1/segments", params=query)).json()
    assert [segment["name"] for segment in last["data"]] == ["D"]
    assert last["has_more"] is False


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"limit": 101}, "Property .limit must be <= 100"),
        ({"order": "name"}, None),
        ({"start_date": "soon"}, "Property .start_date cannot be recognized as a ISO-8601 compliant date"),
        ({"ids[a]": "1"}, "Property .ids must be array"),
        ({"filters[customers][conditions][$is]": "x"}, "Property .filters.customers is not allowed"),
    ],
)
async def test_a_wrong_query_is_refused(
    client: httpx.AsyncClient, query: dict[str, Any], problem: str | None
) -> None:
    answer = await client.get("/v1/segments", params=query)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_query_params")
    assert problem is None or answer.json()["details"] == problem


async def test_another_project_sees_nothing_of_it(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, shelf: dict[str, str]
) -> None:
    path = f"/v1/segments/{shelf['A']}"
    before = (await client.get(path)).json()
    for answer in (
        await other_client.get(path),
        await other_client.put(path, json={"name": "stolen"}),
        await other_client.delete(path),
        await other_client.get(path + "/activities"),
    ):
        assert read_refusal(answer) == not_there("segment", shelf["A"])
    assert await list_names(other_client) == ""
    assert (await client.get(path)).json() == before


@pytest.mark.parametrize("sent", [UNKNOWN, "seg_1", "A", "cust_" + "0" * 32])
@pytest.mark.usefixtures("shelf")
async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, sent: str) -> None:
    path = f"/v1/segments/{sent}"
    for answer in (
        await client.get(path),
        await client.put(path, json={"name": "new"}),
        await client.delete(path),
        await client.get(path + "/activities"),
    ):
        assert read_refusal(answer) == not_there("segment", sent)


# --- change and delete ---------------------------------------------------------------------------------


async def test_a_passive_segment_takes_a_new_name_and_filter(client: httpx.AsyncClient) -> None:
    segment_id = await create(client, name="Paris", type="passive", filter=PARIS)
    made = (await client.get(f"/v1/segments/{segment_id}")).json()
    body = {"name": "Not Paris", "filter": NOT_PARIS}
    updated = (await client.put(f"/v1/segments/{segment_id}", json=body)).json()
    assert list(updated) == ["id", "name", "created_at", "updated_at", "type", "filter", "object"]
    assert INSTANT.fullmatch(updated["updated_at"])
    assert updated == {**made, **body, "updated_at": updated["updated_at"]}
    assert (await client.get(f"/v1/segments/{segment_id}")).json() == updated


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": "Paris", "filter": PARIS}, {"type": "static"}])
async def test_an_update_without_anything_new_changes_nothing(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    segment_id = await create(client, name="Paris", type="passive", filter=PARIS)
    made = (await client.get(f"/v1/segments/{segment_id}")).json()
    assert (await client.put(f"/v1/segments/{segment_id}", json=body)).json() == made
    activities = (await client.get(f"/v1/segments/{segment_id}/activities")).json()
    assert [activity["type"] for activity in activities["data"]] == ["segment.created"]


@pytest.mark.parametrize("sent", [{"type": "auto-update", "filter": PARIS}, {"type": "static"}])
async def test_any_segment_takes_a_new_name_but_only_a_passive_one_a_filter(
    client: httpx.AsyncClient, sent: dict[str, Any]
) -> None:
    segment_id = await create(client, name="Old", **sent)
    renamed = await client.put(f"/v1/segments/{segment_id}", json={"name": "New"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "New")
    refused = await client.put(f"/v1/segments/{segment_id}", json={"name": "X", "filter": NOT_PARIS})
    problem = "Property .filter can be changed for passive segments only"
    assert read_refusal(refused) == a_refusal(400, "invalid_payload", problem)
    assert (await client.get(f"/v1/segments/{segment_id}")).json() == renamed.json()


async def test_a_new_filter_is_checked(client: httpx.AsyncClient) -> None:
    segment_id = await create(client, name="Paris", type="passive", filter=PARIS)
    answer = await client.put(f"/v1/segments/{segment_id}", json={"filter": {"junction": "xor"}})
    problem = "Property .filter has wrong `junction` property. It must be one of: and, or"
    assert read_refusal(answer) == a_refusal(400, "invalid_payload", problem)


async def test_a_deleted_segment_is_gone_with_its_members_and_the_customers_stay(
    client: httpx.AsyncClient, people: People
) -> None:
    ids = await add_three(people)
    segment_id = await create(client, name="Few", customers=[ids["ann"]])
    answer = await client.delete(f"/v1/segments/{segment_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert read_refusal(await client.get(f"/v1/segments/{segment_id}")) == not_there("segment", segment_id)
    assert read_refusal(await client.delete(f"/v1/segments/{segment_id}")) == not_there("segment", segment_id)
    of_project = "select count(*) from {} where project_id = $1"
    for table, count in (("segment_member", 0), ("segment_activity", 0), ("customer", 3)):
        assert await people.fetch(of_project.format(table), people.project_id) == [(count,)]


# --- activities ------------------------------------------------------------------------------------------


async def test_activities_tell_what_was_done(client: httpx.AsyncClient) -> None:
    segment_id = await create(client, name="Paris", type="passive", filter=PARIS)
    made = (await client.get(f"/v1/segments/{segment_id}")).json()
    await client.put(f"/v1/segments/{segment_id}", json={"filter": NOT_PARIS})
    updated = (await client.put(f"/v1/segments/{segment_id}", json={"name": "Not Paris"})).json()
    body = (await client.get(f"/v1/segments/{segment_id}/activities")).json()
    assert {**body, "data": []} == {"object": "list", "data_ref": "data", "data": [], "has_more": False}
    types = [activity["type"] for activity in body["data"]]
    assert types == ["segment.updated", "segment.filters_updated", "segment.created"]
    last, first = body["data"][0], body["data"][-1]
    assert list(first) == ["id", "type", "data", "created_at", "group_id"]
    assert re.fullmatch(r"evseg_[0-9a-f]{32}", first["id"])
    assert re.fullmatch(r"v-[0-9a-f]{18}", first["group_id"])
    assert first["data"]["data"] == {"segment": made}
    assert last["data"]["data"] == {"segment": updated}
    source = first["data"]["event_source"]
    assert (source["channel"], source["user"]) == ("API", None)


async def test_activities_have_pages_and_filters(client: httpx.AsyncClient) -> None:
    segment_id = await create(client, name="0", type="passive", filter=PARIS)
    for number in range(1, 4):
        await client.put(f"/v1/segments/{segment_id}", json={"name": f"{number}"})

    async def list_activities(**query: Any) -> tuple[str, dict[str, Any]]:
        body = (await client.get(f"/v1/segments/{segment_id}/activities", params=query)).json()
        names = [activity["data"]["data"]["segment"]["name"] for activity in body["data"]]
        return "".join(names), body

    names, body = await list_activities(limit=3)
    assert (names, body["has_more"], body["more_starting_after"]) == ("321", True, body["data"][2]["id"])
    names, body = await list_activities(limit=3, starting_after_id=body["more_starting_after"])
    assert (names, body["has_more"], "more_starting_after" in body) == ("0", False, False)
    first = body["data"][0]
    assert (await list_activities(order="created_at"))[0] == "0123"
    assert (await list_activities(order="id", starting_after_id=first["id"]))[0] == "123"
    assert (await list_activities(type="segment.created"))[0] == "0"
    assert (await list_activities(type="created"))[0] == "0"
    assert (await list_activities(category="ACTION"))[0] == "3210"
    assert (await list_activities(category="EFFECT"))[0] == ""
    assert (await list_activities(end_date="2020-01-01"))[0] == ""
    assert (await list_activities(start_date="2020-01-01"))[0] == "3210"
    assert (await list_activities(starting_after="2020-01-01"))[0] == ""
    refused = await client.get(f"/v1/segments/{segment_id}/activities", params={"starting_after_id": "x"})
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_query_params")


# --- for other features ------------------------------------------------------------------------------------


async def list_by_condition(people: People, project: Project, segment_id: str) -> list[str]:
    params = Params(project.id)
    async with people.db.connection() as connection:
        condition = await member_condition(connection, project, segment_id, params, now=NOW)
        rows = await connection.fetch(
            f"select c.source_id from customer c where c.project_id = $1 and {condition} order by 1",
            *params.values,
        )
    return [row[0] for row in rows]


async def test_members_are_a_condition_whatever_the_segment_is(
    client: httpx.AsyncClient, people: People, project: Project
) -> None:
    ids = await add_three(people)
    static = await create(client, name="Few", customers=[ids["eve"], ids["bob"]])
    assert await list_by_condition(people, project, static) == ["bob", "eve"]
    passive = await create(client, name="Paris", type="passive", filter=PARIS)
    assert await list_by_condition(people, project, passive) == ["ann"]
    await people.change("ann", address={"city": "Rome"})
    assert await list_by_condition(people, project, passive) == []
    # What is kept counts, not what would match.
    kept = await create(client, name="Kept", type="auto-update", filter=NOT_PARIS)
    assert await list_by_condition(people, project, kept) == []
    with pytest.raises(ApiError) as refusal:
        await list_by_condition(people, project, "seg_x")
    assert (refusal.value.status, refusal.value.resource_id) == (404, "seg_x")


async def test_a_customers_segments_are_those_kept_and_the_passive_ones_that_fit(
    client: httpx.AsyncClient, call: Call, people: People
) -> None:
    ids = await add_three(people)
    await create(client, name="Few", customers=[ids["ann"]])
    await create(client, name="Paris", type="passive", filter=PARIS)
    await create(client, name="Not Paris", type="passive", filter=NOT_PARIS)
    await create(client, name="Kept", type="auto-update", filter=NOT_PARIS)

    async def list_segments(name: str | None) -> list[str]:
        customer: Any = None if name is None else {"id": people.ids[name]}
        return [segment.name for segment in await list_customer_segments(call, customer)]

    assert await list_segments("ann") == ["Paris", "Few"]
    assert await list_segments("eve") == ["Not Paris"]
    # Of somebody whom nobody knows only what she is not is known.
    assert await list_segments(None) == ["Kept", "Not Paris"]


async def test_whoever_nobody_knows_has_neither_dates_nor_orders(call: Call) -> None:
    for name, field, operator in (
        ("never", "created_at", "$is_unknown"),
        ("new", "created_at", "$less_than"),
        ("poor", "summary.orders.total_amount", "$less_than"),
        ("rich", "summary.orders.total_amount", "$more_than"),
        ("silent", "events.a.count", "$is_unknown"),
        ("lonely", "loyalty.referred_customers", "$less_than"),
        ("nobody's", "system_metadata.source", "$is_not"),
        ("tagged", "metadata.a", "$has_value"),
        ("cardless", "loyalty_points.campaigns.A.points", "$is_unknown"),
    ):
        filter = {field: {"conditions": {operator: 1}}}
        await create_segment(call, SegmentCreate(name=name, type="passive", filter=filter))
    found = [segment.name for segment in await list_customer_segments(call, None)]
    assert sorted(found) == ["cardless", "lonely", "never", "nobody's", "poor", "silent"]


async def test_days_are_those_of_the_project(
    client: httpx.AsyncClient, people: People, project: Project
) -> None:
    late = NOW.replace(hour=23, minute=30)
    await people.add("ann", created_at=late)
    filter = {"created_at": {"conditions": {"$is": "2026-03-02"}}}
    segment_id = await create(client, name="Monday", type="passive", filter=filter)
    assert await list_by_condition(people, project, segment_id) == []
    warsaw = dataclasses.replace(project, timezone=ZoneInfo("Europe/Warsaw"))
    assert await list_by_condition(people, warsaw, segment_id) == ["ann"]
