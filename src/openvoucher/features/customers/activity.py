"""Customer activity: written by the workers from the events of the outbox, read by callers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from openvoucher.features.customers.activity_schemas import (
    ACTIONS,
    ActivitiesList,
    ActivitiesQuery,
    Activity,
    ActivityList,
    ActivityQuery,
    make_payload,
    show_activity,
    shows_full_customer,
)
from openvoucher.features.customers.schemas import show_simple_customer
from openvoucher.features.customers.service import find_customer, load_customers, show_customers
from openvoucher.features.outbox.schemas import Event
from openvoucher.platform.call import Call, Project
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import Params
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.errors import invalid_query_params
from openvoucher.wire.ids import parse_id

# --- for callers -----------------------------------------------------------------------------------


async def list_customer_activity(call: Call, customer_id: str, query: ActivityQuery) -> ActivityList:
    page, has_more = await _list_page(call, customer_id, query, starting_after=None)
    listed = ActivityList(data=page, has_more=has_more)
    if has_more:
        listed.more_starting_after = page[-1].id
    return listed


async def list_customer_activities(call: Call, customer_id: str, query: ActivitiesQuery) -> ActivitiesList:
    """The same under the older path, with the older name of the list."""
    page, has_more = await _list_page(call, customer_id, query, starting_after=query.starting_after)
    listed = ActivitiesList(activities=page, has_more=has_more)
    if has_more:
        listed.more_starting_after = page[-1].id
    return listed


async def _list_page(
    call: Call, customer_id: str, query: ActivityQuery, *, starting_after: str | None
) -> tuple[list[Activity], bool]:
    params = Params(call.project.id)
    terms = _compile_query(query, params)
    ascending = query.order == "created_at"
    beyond = ">" if ascending else "<"
    if starting_after is not None:
        instant = _read_instant(starting_after, "starting_after")
        terms.append(f"a.created_at {beyond} {params.add(instant)}")
    if query.starting_after_id is not None:
        after = parse_id("evcus", query.starting_after_id)
        if after is None:
            raise invalid_query_params("Property .starting_after_id must be an id of a customer activity")
        terms.append(f"a.id {beyond} {params.add(after)}")
    async with call.db.connection() as connection:
        customer = await find_customer(connection, call.project.id, customer_id)
        terms.append(f"a.customer_id = {params.add(customer['id'])}")
        rows = await _list_activity(
            connection, where=" and ".join(terms), params=params, ascending=ascending, limit=query.limit + 1
        )
        page = [show_activity(row) for row in rows[: query.limit]]
        await _name_referrers(connection, call.project.id, page)
    return page, len(rows) > query.limit


async def _name_referrers(connection: Connection, project_id: int, page: Sequence[Activity]) -> None:
    """Who referred is kept by id alone, so that nothing is left of somebody who was deleted for good."""
    places = []
    for activity in page:
        payload = activity.data.data
        places += [place for place in (payload, payload.get("referral")) if place and place.get("referrer")]
    ids = {place["referrer"]["id"]: parse_id("cust", place["referrer"]["id"]) for place in places}
    rows = await load_customers(connection, project_id, [each for each in ids.values() if each])
    for place in places:
        uid = ids[place["referrer"]["id"]]
        row = rows.get(uid) if uid else None
        place["referrer"] = msgspec.to_builtins(show_simple_customer(row)) if row else None


def _compile_query(query: ActivityQuery, params: Params) -> list[str]:
    """Raises invalid_query_params."""
    terms = []
    if query.start_date is not None:
        terms.append(f"a.created_at >= {params.add(_read_instant(query.start_date, 'start_date'))}")
    if query.end_date is not None:
        terms.append(f"a.created_at <= {params.add(_read_instant(query.end_date, 'end_date'))}")
    if query.campaign_id is not None:
        # What is no id of a campaign is the id of none.
        terms.append(f"a.campaign_id = {params.add(parse_id('camp', query.campaign_id))}::uuid")
    if query.campaign_type is not None:
        terms.append(
            "exists (select 1 from campaign c"  # noqa: S608 - constants and placeholders
            " where c.project_id = a.project_id and c.id = a.campaign_id"
            f" and c.campaign_type = {params.add(query.campaign_type)})"
        )
    if query.category is not None:
        negation = "" if query.category == "ACTION" else "not "
        terms.append(f"{negation}a.type = any({params.add(ACTIONS)}::text[])")
    if query.type is not None:
        terms.append(f"a.type = {params.add(query.type)}")
    return terms


def _read_instant(text: str, name: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise invalid_query_params(
            f"Property .{name} cannot be recognized as a ISO-8601 compliant date"
        ) from None


# --- for the workers ---------------------------------------------------------------------------------


async def record_activity(
    connection: Connection, project: Project, events: Sequence[Event], now: datetime
) -> None:
    """A subscriber of the outbox: what concerns a customer becomes an activity of that customer.

    The row has the event's id and is written in the transaction that removes the event, so a batch that is
    told again after a crash leaves one row an event. A number of queries that does not depend on the batch.
    Of a customer who was deleted for good nothing is kept.
    """
    told = [
        (event, event.customer_id)
        for event in events
        if event.customer_id is not None and event.type.startswith("customer.")
    ]
    if not told:
        return
    rows = await _lock_customers(connection, project.id, {customer_id for _, customer_id in told})
    told = [(event, customer_id) for event, customer_id in told if customer_id in rows]
    wants_full = {
        customer_id
        for event, customer_id in told
        if shows_full_customer(event.type) and "customer" not in event.data
    }
    full = await _show_fully(connection, project, [rows[customer_id] for customer_id in wants_full])
    kept = []
    for event, customer_id in told:
        if shows_full_customer(event.type):
            customer = full.get(customer_id)
        else:
            customer = msgspec.to_builtins(show_simple_customer(rows[customer_id]))
        kept.append((event, make_payload(event.type, event.data, customer)))
    await _insert_activity(connection, project.id, kept)


async def _show_fully(connection: Connection, project: Project, rows: Sequence[Row]) -> dict[UUID, Any]:
    if not rows:
        return {}
    shown = await show_customers(connection, project, rows)
    return {row["id"]: msgspec.to_builtins(customer) for row, customer in zip(rows, shown, strict=True)}


# --- SQL -----------------------------------------------------------------------------------------------


async def _lock_customers(
    connection: Connection, project_id: int, customer_ids: set[UUID]
) -> dict[UUID, Row]:
    """Customers by id, deleted ones too. A deletion for good waits until the commit: else what is written
    here would outlive it."""
    rows = await connection.fetch(
        "select * from customer where project_id = $1 and id = any($2::uuid[]) order by id for key share",
        project_id,
        [*customer_ids],
    )
    return {row["id"]: row for row in rows}


async def _insert_activity(
    connection: Connection, project_id: int, activities: Sequence[tuple[Event, dict[str, Any]]]
) -> None:
    await connection.execute(
        "insert into customer_activity"
        " (project_id, id, customer_id, type, campaign_id, data, source, group_id, created_at)"
        " select $1, activity.* from unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::jsonb[],"
        " $7::jsonb[], $8::text[], $9::timestamptz[]) as activity",
        project_id,
        [event.id for event, _ in activities],
        [event.customer_id for event, _ in activities],
        [event.type for event, _ in activities],
        [event.campaign_id for event, _ in activities],
        [payload for _, payload in activities],
        [event.source for event, _ in activities],
        [event.group_id for event, _ in activities],
        [event.created_at for event, _ in activities],
    )


async def _list_activity(
    connection: Connection, *, where: str, params: Params, ascending: bool, limit: int
) -> list[Row]:
    return await connection.fetch(
        "select a.id, a.type, a.data, a.source, a.group_id,"  # noqa: S608 - constants and placeholders
        " a.created_at from customer_activity a"
        f" where a.project_id = $1 and {where} order by a.id {'asc' if ascending else 'desc'} limit {limit}",
        *params.values,
    )
