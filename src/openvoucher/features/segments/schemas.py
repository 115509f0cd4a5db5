"""The wire of segments."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import CursorQuery, PageQuery

# The contract's limit of a static segment.
MOST_CUSTOMERS: Final = 20_000

SegmentType = Literal["static", "auto-update", "passive"]
ActivityType = Literal["segment.created", "segment.updated", "segment.activated", "segment.filters_updated"]
Name = Annotated[str, Meta(min_length=1, max_length=500)]


class CustomerName(msgspec.Struct, kw_only=True):
    """A customer by id, or by source id where no id is given."""

    id: str | None = None
    source_id: str | None = None


class SegmentCreate(msgspec.Struct, kw_only=True):
    name: Name
    # Older clients leave it out; null is what the official Python client sends for "not set".
    type: SegmentType | None = None
    customers: Annotated[list[CustomerName | str], Meta(max_length=MOST_CUSTOMERS)] | None = None
    filter: dict[str, Any] | None = None


class SegmentUpdate(msgspec.Struct, kw_only=True):
    name: Name | None = None
    filter: dict[str, Any] | None = None


class SegmentQuery(PageQuery, kw_only=True):
    order: Literal["created_at", "-created_at"] | None = None
    filters: dict[str, Any] | None = None
    ids: list[str] | str | dict[str, Any] | None = None
    starting_after: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class SegmentActivityQuery(CursorQuery, kw_only=True):
    order: Literal["created_at", "-created_at", "id", "-id"] | None = None
    starting_after: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    type: str | None = None
    category: Literal["ACTION", "EFFECT"] | None = None


class SimpleSegment(msgspec.Struct, kw_only=True):
    id: str
    name: str
    object: Literal["segment"] = "segment"


class Segment(msgspec.Struct, kw_only=True):
    id: str
    name: str
    created_at: str
    updated_at: str | UnsetType = UNSET
    type: SegmentType
    filter: dict[str, Any] | None
    object: Literal["segment"] = "segment"


class SegmentList(msgspec.Struct, kw_only=True):
    """`has_more` only where the list was scrolled with `starting_after`."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Segment]
    total: int
    has_more: bool | UnsetType = UNSET


class SegmentActivity(msgspec.Struct, kw_only=True):
    """`data`: `{data: payload, event_source}`."""

    id: str
    type: ActivityType
    data: dict[str, Any]
    created_at: str
    group_id: str


class SegmentActivityList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[SegmentActivity]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET


def show_segment(row: Row) -> Segment:
    return Segment(
        id=show_id("seg", row["id"]),
        name=row["name"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else UNSET,
        type=row["type"],
        filter=row["filter"],
    )


def show_simple_segment(row: Row) -> SimpleSegment:
    return SimpleSegment(id=show_id("seg", row["id"]), name=row["name"])


def show_segment_activity(row: Row) -> SegmentActivity:
    return SegmentActivity(
        id=show_id("evseg", row["id"]),
        type=row["type"],
        data={"data": row["data"], "event_source": row["source"]},
        created_at=format_instant(row["created_at"]),
        group_id=row["group_id"],
    )
