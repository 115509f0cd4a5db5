"""Operations on async actions."""

from openvoucher.features.async_actions import reports, service
from openvoucher.features.async_actions.schemas import (
    AsyncAction,
    AsyncActionList,
    AsyncActionQuery,
    ReportQuery,
)
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="GET",
        path="/v1/async-actions",
        run=service.list_async_actions,
        summary="List async actions, newest first",
        query=AsyncActionQuery,
        answer=AsyncActionList,
    ),
    Operation(
        method="GET",
        path="/v1/async-actions/{async_action_id}",
        run=service.get_async_action,
        summary="Get an async action with its progress and result",
        watchable=True,
        answer=AsyncAction,
    ),
    Operation(
        method="POST",
        path="/v1/async-actions/{async_action_id}/cancel",
        run=service.cancel_async_action,
        summary="Cancel an import, a generation or a bulk update",
        answer=AsyncAction,
        status=202,
    ),
    Operation(
        method="GET",
        path="/api/v1/reports/{async_action_id}",
        run=reports.download_report,
        summary="Download the report of an action (the address carries its own token)",
        access="public",
        query=ReportQuery,
        media_type="text/csv",
    ),
]
