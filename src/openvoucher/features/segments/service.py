"""Segments: made, listed, changed and deleted by callers; asked for members by other features."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET

from openvoucher.features.outbox.service import show_source
from openvoucher.features.segments import store
from openvoucher.features.segments.criteria import compile_criteria_of_all, read_criteria, select_matching
from openvoucher.features.segments.evaluation import start_evaluation
from openvoucher.features.segments.listing import compile_activity_query, compile_query
from openvoucher.features.segments.members import find_matching
from openvoucher.features.segments.schemas import (
    ActivityType,
    CustomerName,
    Segment,
    SegmentActivityList,
    SegmentActivityQuery,
    SegmentCreate,
    SegmentList,
    SegmentQuery,
    SegmentType,
    SegmentUpdate,
    SimpleSegment,
    show_segment,
    show_segment_activity,
    show_simple_segment,
)
from openvoucher.platform.call import Call, Project
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import Params
from openvoucher.wire.errors import invalid_payload, not_found
from openvoucher.wire.ids import new_id, parse_id

# The contract's: auto-update and passive ones of a project, together.
_MOST_RULES: Final = 100


# --- for callers -----------------------------------------------------------------------------------


async def create_segment(call: Call, body: SegmentCreate) -> Segment:
    """A static one has its members at once, an auto-update one when its first evaluation has ended."""
    type = _choose_type(body)
    segment_id = new_id()
    values: dict[str, Any] = {
        "project_id": call.project.id,
        "id": segment_id,
        "name": body.name,
        "type": type,
        "created_at": call.now,
    }
    if type != "static":
        if body.filter is None:
            raise invalid_payload("Payload must have required property 'filter'")
        read_criteria(body.filter)
        values["filter"] = body.filter
    async with call.db.transaction() as connection:
        if type != "static" and await store.count_rules(connection, call.project.id) >= _MOST_RULES:
            raise invalid_payload(
                f"A project can have {_MOST_RULES} segments of the types auto-update and passive"
            )
        row = await store.insert_segment(connection, values)
        if type == "static":
            members = await _find_customers(connection, call.project.id, body.customers or [])
            await store.insert_members(connection, call.project.id, segment_id, members, now=call.now)
        elif type == "auto-update":
            # Whom it finds was there before the segment was: nobody enters.
            await start_evaluation(connection, call.project.id, segment_id, told=False, now=call.now)
        await _record_activity(connection, call, "segment.created", row)
    return show_segment(row)


async def list_segments(call: Call, query: SegmentQuery) -> SegmentList:
    offset = query.offset()
    compiled = compile_query(call, query)
    order = "s.created_at, s.id" if compiled.ascending else "s.created_at desc, s.id desc"
    async with call.db.connection() as connection:
        rows = await store.list_segments(
            connection,
            where=compiled.where,
            parameters=compiled.parameters,
            order=order,
            limit=query.limit + 1,
            offset=offset,
        )
        total = await store.count_segments(connection, where=compiled.where, parameters=compiled.parameters)
    return SegmentList(
        data=[show_segment(row) for row in rows[: query.limit]],
        total=total,
        has_more=UNSET if query.starting_after is None else len(rows) > query.limit,
    )


async def get_segment(call: Call, segment_id: str) -> Segment:
    async with call.db.connection() as connection:
        return show_segment(await _find_segment(connection, call.project.id, segment_id))


async def update_segment(call: Call, segment_id: str, body: SegmentUpdate) -> Segment:
    """A new name for any segment, a new filter for a passive one. Nothing new, nothing is written."""
    if body.filter is not None:
        read_criteria(body.filter)
    async with call.db.transaction() as connection:
        row = await _find_segment(connection, call.project.id, segment_id, lock=True)
        name = row["name"] if body.name is None else body.name
        filter = row["filter"] if body.filter is None else body.filter
        if filter != row["filter"] and row["type"] != "passive":
            raise invalid_payload("Property .filter can be changed for passive segments only")
        if (name, filter) == (row["name"], row["filter"]):
            return show_segment(row)
        updated = await store.update_segment(
            connection, call.project.id, row["id"], name=name, filter=filter, now=call.now
        )
        if filter != row["filter"]:
            await _record_activity(connection, call, "segment.filters_updated", updated)
        if name != row["name"]:
            await _record_activity(connection, call, "segment.updated", updated)
    return show_segment(updated)


async def delete_segment(call: Call, segment_id: str) -> None:
    """Its members are in one segment less; none of them leaves."""
    uid = parse_id("seg", segment_id)
    async with call.db.transaction() as connection:
        if uid is None or not await store.delete_segment(connection, call.project.id, uid):
            raise not_found("segment", segment_id)


async def list_segment_activities(
    call: Call, segment_id: str, query: SegmentActivityQuery
) -> SegmentActivityList:
    async with call.db.connection() as connection:
        segment = await _find_segment(connection, call.project.id, segment_id)
        compiled = compile_activity_query(call, segment["id"], query)
        rows = await store.list_activity(
            connection,
            where=compiled.where,
            parameters=compiled.parameters,
            ascending=compiled.ascending,
            limit=query.limit + 1,
        )
    page = [show_segment_activity(row) for row in rows[: query.limit]]
    listed = SegmentActivityList(data=page, has_more=len(rows) > query.limit)
    if listed.has_more:
        listed.more_starting_after = page[-1].id
    return listed


def _choose_type(body: SegmentCreate) -> SegmentType:
    """Older bodies have no type: a filter makes an auto-update segment, customers a static one."""
    if body.type is not None:
        return body.type
    if body.filter is not None:
        return "auto-update"
    if body.customers is not None:
        return "static"
    raise invalid_payload("Payload must have required property 'type'")


async def _find_customers(
    connection: Connection, project_id: int, sent: Sequence[CustomerName | str]
) -> list[UUID]:
    """Each once. Raises not_found for the first that is not there."""
    ids: dict[str, UUID] = {}
    source_ids: dict[str, None] = {}
    for place, customer in enumerate(sent):
        name = customer if isinstance(customer, str) else customer.id
        if name is not None and (customer_id := parse_id("cust", name)):
            ids[name] = customer_id
        elif isinstance(customer, str):
            source_ids[customer] = None
        elif name is not None:
            raise not_found("customer", name)
        elif customer.source_id is not None:
            source_ids[customer.source_id] = None
        else:
            raise invalid_payload(f"Property .customers[{place}] must have required property 'id'")
    rows = await store.lock_customers(connection, project_id, [*ids.values()], [*source_ids])
    found = {row["id"] for row in rows}
    by_source_id = {row["source_id"] for row in rows}
    for name, customer_id in ids.items():
        if customer_id not in found:
            raise not_found("customer", name)
    for source_id in source_ids:
        if source_id not in by_source_id:
            raise not_found("customer", source_id)
    return sorted(found)


async def _find_segment(connection: Connection, project_id: int, sent: str, *, lock: bool = False) -> Row:
    segment_id = parse_id("seg", sent)
    row = segment_id and await store.find_segment(connection, project_id, segment_id, lock=lock)
    if not row:
        raise not_found("segment", sent)
    return row


async def _record_activity(connection: Connection, call: Call, type: ActivityType, segment: Row) -> None:
    await store.insert_activity(
        connection,
        {
            "project_id": call.project.id,
            "id": new_id(),
            "segment_id": segment["id"],
            "type": type,
            "data": {"segment": msgspec.to_builtins(show_segment(segment))},
            "source": show_source(call.channel, app_id=call.caller.app_id),
            "group_id": call.request_id,
            "created_at": call.now,
        },
    )


# --- for other features ----------------------------------------------------------------------------


async def member_condition(
    connection: Connection, project: Project, segment_id: str, params: Params, *, now: datetime
) -> str:
    """Being in a segment as a condition on the customer `c`, with its values added to `params`.

    Of an auto-update segment it is the kept membership, of a passive one the rule itself: current to
    the statement. Raises not_found with what was sent.
    """
    segment = await _find_segment(connection, project.id, segment_id)
    if segment["type"] == "passive":
        criteria = read_criteria(segment["filter"])
        return compile_criteria_of_all(
            criteria, params, project_id=project.id, now=now, timezone=project.timezone
        )
    return store.is_member(params.add(segment["id"]))


async def member_selection(
    connection: Connection, project: Project, segment_id: str, params: Params, *, now: datetime
) -> str | None:
    """The members of a passive segment as what a `select ... from` goes on with, called `c`: a statement
    about nobody else needs not look for them among all customers. None for segments of other types, whose
    members an index has. Raises not_found with what was sent.
    """
    segment = await _find_segment(connection, project.id, segment_id)
    if segment["type"] != "passive":
        return None
    criteria = read_criteria(segment["filter"])
    return select_matching(criteria, params, project_id=project.id, now=now, timezone=project.timezone)


async def forget_points_of_campaign(connection: Connection, project_id: int, *, now: datetime) -> None:
    """A campaign of cards is gone: who is in a segment because of its points is decided anew for everybody.
    (Of single cards their holders' events tell.)"""
    await store.ask_for_evaluation(connection, project_id, asking_for="loyalty_points.campaigns.", now=now)


async def list_customer_segments(call: Call, customer: Row | None) -> list[SimpleSegment]:
    """Segments that a customer is in, the newest first. None: nobody knows the customer, and the segments
    by rule are asked about somebody without any value (whom "not Paris" fits)."""
    async with call.db.connection() as connection:
        if customer is None:
            kept: list[Row] = []
            rules = await store.list_rules(connection, call.project.id, ["passive", "auto-update"])
        else:
            kept = await store.list_memberships(connection, call.project.id, customer["id"])
            rules = await store.list_rules(connection, call.project.id, ["passive"])
        matching = await find_matching(
            connection,
            call.project,
            rules,
            customer_id=None if customer is None else customer["id"],
            now=call.now,
        )
    segments = [*kept, *(row for row in rules if row["id"] in matching)]
    return [show_simple_segment(row) for row in sorted(segments, key=lambda row: row["id"], reverse=True)]
