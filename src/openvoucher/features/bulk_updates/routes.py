"""Operations that change many vouchers."""

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.bulk_updates import service
from openvoucher.features.bulk_updates.schemas import SharedMetadata, VoucherMetadata
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="POST",
        path="/v1/vouchers/bulk/async",
        run=service.update_vouchers_in_bulk,
        summary="Set metadata of many vouchers, each its own",
        body=list[VoucherMetadata],
        large_body=True,
        answer=AcceptedAction,
        status=202,
    ),
    Operation(
        method="POST",
        path="/v1/vouchers/metadata/async",
        run=service.update_vouchers_metadata_in_bulk,
        summary="Set the same metadata of many vouchers",
        body=SharedMetadata,
        large_body=True,
        answer=AcceptedAction,
        status=202,
    ),
]
