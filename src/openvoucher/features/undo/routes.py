"""Operations that undo."""

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.undo import service
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="POST",
        path="/v1/async-actions/{async_action_id}/undo",
        run=service.undo_async_action,
        summary="Remove the codes that an import or a generation made and that nobody has used since",
        answer=AcceptedAction,
        status=202,
    ),
]
