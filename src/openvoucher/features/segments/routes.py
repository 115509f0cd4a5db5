"""Operations on segments."""

from openvoucher.features.segments import service
from openvoucher.features.segments.schemas import (
    Segment,
    SegmentActivityList,
    SegmentActivityQuery,
    SegmentCreate,
    SegmentList,
    SegmentQuery,
    SegmentUpdate,
)
from openvoucher.platform.http.operations import Operation

OPERATIONS: list[Operation] = [
    Operation(
        method="POST",
        path="/v1/segments",
        run=service.create_segment,
        summary="Create a segment of listed customers, or of those who match a filter",
        body=SegmentCreate,
        answer=Segment,
    ),
    Operation(
        method="GET",
        path="/v1/segments",
        run=service.list_segments,
        summary="List segments",
        query=SegmentQuery,
        answer=SegmentList,
    ),
    Operation(
        method="GET",
        path="/v1/segments/{segment_id}",
        run=service.get_segment,
        summary="Get a segment",
        answer=Segment,
    ),
    Operation(
        method="PUT",
        path="/v1/segments/{segment_id}",
        run=service.update_segment,
        summary="Rename a segment, or change the filter of a passive one",
        body=SegmentUpdate,
        answer=Segment,
    ),
    Operation(
        method="DELETE",
        path="/v1/segments/{segment_id}",
        run=service.delete_segment,
        summary="Delete a segment; its customers stay",
        status=204,
    ),
    Operation(
        method="GET",
        path="/v1/segments/{segment_id}/activities",
        run=service.list_segment_activities,
        summary="List what was done to a segment",
        query=SegmentActivityQuery,
        answer=SegmentActivityList,
    ),
]
