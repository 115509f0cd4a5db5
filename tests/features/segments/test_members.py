"""Members of auto-update segments: what an event does to them, and what is told of it."""

import dataclasses
from typing import Any
from uuid import UUID

import httpx
import pytest

from calls import NOW
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.segments import members, store
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.wire.ids import new_id, show_id
from segment_people import People, Spy, create_segment, read_outbox

PARIS = {"address.city": {"conditions": {"$is": "Paris"}}}
NOT_PARIS = {"address.city": {"conditions": {"$is_not": "Paris"}}}
IN_PARIS, IN_LYON = {"city": "Paris"}, {"city": "Lyon"}


@pytest.fixture
async def paris(client: httpx.AsyncClient, people: People, worker: Worker) -> str:
    """The segment of Paris. Ann is there and in it, Bob is not."""
    await people.add("ann", address=IN_PARIS)
    await people.add("bob")
    segment_id = await create_segment(client, name="Paris", type="auto-update", filter=PARIS)
    await worker.run_until_idle()
    return segment_id


async def test_who_was_there_before_is_a_member_without_entering(
    people: People, paris: str, spy: Spy
) -> None:
    assert await people.list_members(paris) == ["ann"]
    assert spy.events == []


async def test_who_comes_to_match_enters_and_who_ceases_to_leaves(
    people: People, paris: str, spy: Spy
) -> None:
    await people.change("bob", address=IN_PARIS)
    await read_outbox(people.db)
    assert await people.list_members(paris) == ["ann", "bob"]
    await people.change("ann", address=IN_LYON)
    await read_outbox(people.db)
    assert await people.list_members(paris) == ["bob"]
    assert spy.list_changes(people) == ["+bob Paris", "-ann Paris"]


async def test_an_entering_tells_of_segment_and_customer_and_of_what_caused_it(
    people: People, paris: str, spy: Spy
) -> None:
    await people.change("bob", address=IN_PARIS)
    await read_outbox(people.db)
    cause, entered = spy.events
    assert (cause.type, entered.type) == ("customer.updated", "customer.segment.entered")
    assert entered.customer_id == people.ids["bob"]
    assert entered.data == {"segment": {"id": paris, "name": "Paris", "object": "segment"}}
    assert entered.group_id == people.call.request_id
    assert entered.source == {
        "channel": "API",
        "user": None,
        "api_key": {"name": None, "app_id": people.call.caller.app_id},
    }


async def test_nothing_is_told_where_nothing_changes(people: People, paris: str, spy: Spy) -> None:
    for _ in range(2):
        await people.change("ann", name="Ann", address={**IN_PARIS, "state": "IDF"})
        await people.change("bob", name="Bob")
        await read_outbox(people.db)
    assert [event.type for event in spy.events] == ["customer.updated"] * 4
    assert await people.list_members(paris) == ["ann"]


async def test_of_many_events_in_one_batch_the_end_counts(people: People, paris: str, spy: Spy) -> None:
    await people.change("bob", address=IN_PARIS)
    await people.change("bob", address=IN_LYON)
    await people.change("ann", address=IN_LYON)
    await people.change("ann", address=IN_PARIS)
    await read_outbox(people.db)
    assert spy.list_changes(people) == []
    assert await people.list_members(paris) == ["ann"]


async def test_a_new_customer_enters_what_fits(
    client: httpx.AsyncClient, people: People, paris: str, spy: Spy
) -> None:
    customer_id = await people.add("eve", address=IN_PARIS)
    await people.tell(NewEvent(type="customer.created", customer_id=customer_id))
    await read_outbox(people.db)
    assert spy.list_changes(people) == ["+eve Paris"]
    assert await people.list_members(paris) == ["ann", "eve"]


@pytest.mark.parametrize("spelled", [lambda ids: [uid.hex for uid in ids], lambda ids: [str(u) for u in ids]])
async def test_bulk_work_names_its_customers_together(
    people: People, paris: str, spy: Spy, spelled: Any
) -> None:
    eve, dan = await people.add("eve", address=IN_PARIS), await people.add("dan", address=IN_PARIS)
    await people.add("unsaid", address=IN_PARIS)
    ids = spelled([eve, dan, people.ids["bob"], new_id()])
    await people.tell(NewEvent(type="customers.changed", data={"customer_ids": ids}))
    await read_outbox(people.db)
    assert sorted(spy.list_changes(people)) == ["+dan Paris", "+eve Paris"]
    assert await people.list_members(paris) == ["ann", "dan", "eve"]


async def add_many(people: People) -> list[str]:
    """Five, told of by one event; their names."""
    names = [f"c{number}" for number in range(5)]
    ids = [(await people.add(name, address=IN_PARIS)).hex for name in names]
    await people.tell(NewEvent(type="customers.changed", data={"customer_ids": ids}))
    return names


async def test_more_customers_than_a_statement_takes_are_all_looked_at(
    people: People, paris: str, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "_MOST_CUSTOMERS", 2)
    names = await add_many(people)
    await read_outbox(people.db)
    assert sorted(spy.list_changes(people)) == [f"+{name} Paris" for name in names]


async def test_many_customers_of_one_event_are_the_work_of_a_job_that_leaves_nothing(
    people: People, paris: str, worker: Worker, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "_MOST_CUSTOMERS", 2)
    monkeypatch.setattr(members, "_MOST_AT_ONCE", 4)
    names = await add_many(people)
    await read_outbox(people.db)
    assert await people.list_members(paris) == ["ann"]
    assert await worker.run_until_idle() == 3
    assert await people.list_members(paris) == ["ann", *names]
    assert sorted(spy.list_changes(people)) == [f"+{name} Paris" for name in names]
    told = {(event.group_id, event.source["channel"]) for event in spy.events}
    assert told == {(people.call.request_id, "API")}
    jobs = "select count(*) from job where project_id = $1 and kind = 'segment_refresh'"
    assert await people.fetch(jobs, people.project_id) == [(0,)]


async def test_a_job_that_fails_says_who_was_left_out(
    people: People,
    paris: str,
    worker: Worker,
    spy: Spy,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(members, "_MOST_AT_ONCE", 4)
    await add_many(people)
    await read_outbox(people.db)
    await people.fetch("update job set tries = 8, position = 2 where kind = 'segment_refresh' returning 1")
    await worker.run_until_idle()
    assert "the segments of 3 customers were not refreshed" in caplog.text
    assert await people.list_members(paris) == ["ann"]


async def test_without_segments_to_keep_no_job_is_made(
    people: People, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "_MOST_AT_ONCE", 4)
    await add_many(people)
    await read_outbox(people.db)
    jobs = "select count(*) from job where project_id = $1"
    assert await people.fetch(jobs, people.project_id) == [(0,)]


async def test_more_parameters_than_a_statement_takes_are_split(
    client: httpx.AsyncClient, people: People, paris: str, worker: Worker, spy: Spy, monkeypatch: Any
) -> None:
    await create_segment(client, name="Not Paris", type="auto-update", filter=NOT_PARIS)
    await worker.run_until_idle()
    monkeypatch.setattr(members, "_MOST_PARAMETERS", 3)
    await people.change("ann", address=IN_LYON)
    await read_outbox(people.db)
    assert sorted(spy.list_changes(people)) == ["+ann Not Paris", "-ann Paris"]


async def test_each_change_is_told_under_the_request_that_caused_it(
    people: People, paris: str, spy: Spy
) -> None:
    await people.change("bob", address=IN_PARIS)
    people.call = dataclasses.replace(people.call, request_id="v-0000000000000000bb")
    await people.change("ann", address=IN_LYON)
    await read_outbox(people.db)
    told = {event.type: event.group_id for event in spy.events if "segment" in event.type}
    assert told == {
        "customer.segment.entered": "v-0000000000000000aa",
        "customer.segment.left": "v-0000000000000000bb",
    }


# --- what else a filter can ask ----------------------------------------------------------------------


async def test_orders_and_events_count_as_soon_as_they_are_told(
    client: httpx.AsyncClient, people: People, worker: Worker, spy: Spy
) -> None:
    ann = await people.add("ann")
    for name, field in (("Buyers", "summary.orders.total_count"), ("Loud", "events.shout.count")):
        filter = {field: {"conditions": {"$more_than": 0}}}
        await create_segment(client, name=name, type="auto-update", filter=filter)
    await worker.run_until_idle()
    await people.insert("shop_order", customer_id=ann, status="PAID", total_amount=5)
    await people.tell(NewEvent(type="customer.order.paid", customer_id=ann))
    await people.insert("custom_event", customer_id=ann, name="shout")
    await people.tell(NewEvent(type="customer.custom_event", customer_id=ann))
    await read_outbox(people.db)
    assert sorted(spy.list_changes(people)) == ["+ann Buyers", "+ann Loud"]


async def test_an_event_of_who_was_referred_is_one_of_who_referred(
    client: httpx.AsyncClient, people: People, worker: Worker, spy: Spy
) -> None:
    ann, bob = await people.add("ann"), await people.add("bob")
    filter = {"loyalty.referred_customers": {"conditions": {"$more_than": 0}}}
    await create_segment(client, name="Friends", type="auto-update", filter=filter)
    await worker.run_until_idle()
    voucher_id = new_id()
    for customer_id, role in ((ann, "REFERRER"), (bob, "REFEREE")):
        await people.insert("redeemable_holder", voucher_id=voucher_id, customer_id=customer_id, role=role)
    await people.tell(NewEvent(type="customer.referred", customer_id=bob))
    await read_outbox(people.db)
    assert spy.list_changes(people) == ["+ann Friends"]


# --- who is not to be touched --------------------------------------------------------------------------


async def test_a_customer_who_is_gone_is_in_no_segment_and_nothing_is_told(
    people: People, paris: str, spy: Spy
) -> None:
    await people.change("ann", deleted_at=NOW)
    await read_outbox(people.db)
    assert await people.list_members(paris) == []
    await people.add("eve", address=IN_PARIS)
    await people.change("eve", name="Eve")
    await read_outbox(people.db)
    await people.fetch("delete from customer where id = $1 returning 1", people.ids["eve"])
    await people.tell(NewEvent(type="customers.changed", data={"customer_ids": [people.ids["eve"].hex]}))
    await read_outbox(people.db)
    assert await people.list_members(paris) == []
    assert spy.list_changes(people) == ["+eve Paris"]


async def test_static_and_passive_segments_tell_nothing(
    client: httpx.AsyncClient, people: People, paris: str, spy: Spy
) -> None:
    ann = show_id("cust", people.ids["ann"])
    static = await create_segment(client, name="Few", customers=[ann])
    passive = await create_segment(client, name="Passive", type="passive", filter=PARIS)
    await people.change("ann", address=IN_LYON)
    await read_outbox(people.db)
    assert spy.list_changes(people) == ["-ann Paris"]
    assert await people.list_members(static) == ["ann"]
    assert await people.list_members(passive) == []


async def test_another_projects_segments_are_not_entered(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, people: People, worker: Worker, spy: Spy
) -> None:
    await people.add("ann")
    other = await create_segment(other_client, name="Other", type="auto-update", filter={})
    mine = await create_segment(client, name="Mine", type="auto-update", filter=PARIS)
    await worker.run_until_idle()
    await people.change("ann", address=IN_PARIS)
    # Named by another project's event, too: ids alone give nobody away.
    await people.fetch(
        "insert into outbox (project_id, id, type, customer_id, data, source, group_id, created_at)"
        " select id, gen_random_uuid(), 'customer.updated', $2, '{}', '{}', 'v', now() from project"
        " where id <> $1 returning 1",
        people.project_id,
        people.ids["ann"],
    )
    await read_outbox(people.db)
    assert spy.list_changes(people) == ["+ann Mine"]
    assert await people.list_members(mine) == ["ann"]
    counted = await people.fetch(
        "select count(*) from segment_member where segment_id = $1", UUID(hex=other.removeprefix("seg_"))
    )
    assert counted == [(0,)]


async def test_a_filter_that_cannot_be_read_any_more_holds_up_no_other(
    client: httpx.AsyncClient, people: People, paris: str, spy: Spy, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await create_segment(client, name="Broken", type="auto-update", filter=PARIS)
    await people.fetch(
        "update segment set filter = $2 where project_id = $1 and name = 'Broken' returning 1",
        people.project_id,
        {"abolished": {"conditions": {"$is": 1}}},
    )
    await people.change("bob", address=IN_PARIS)
    await read_outbox(people.db)
    assert spy.list_changes(people) == ["+bob Paris"]
    assert await people.list_members(broken) == []
    assert "Property .filter.abolished is not allowed" in caplog.text


async def test_without_segments_to_keep_an_event_costs_one_look(
    people: People, db: Database, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("nobody has members to write")

    monkeypatch.setattr(store, "write_members", refuse)
    await people.add("ann")
    await people.change("ann", name="Ann")
    await read_outbox(db)
    assert [event.type for event in spy.events] == ["customer.updated"]


async def test_its_own_events_are_no_reason_to_look_again(
    people: People, paris: str, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    lock = store.lock_auto_update_segments

    async def look(*arguments: Any) -> Any:
        looks.append(1)
        return await lock(*arguments)

    monkeypatch.setattr(store, "lock_auto_update_segments", look)
    await people.change("bob", address=IN_PARIS)
    await read_outbox(people.db)
    assert spy.list_changes(people) == ["+bob Paris"]
    assert len(looks) == 1
