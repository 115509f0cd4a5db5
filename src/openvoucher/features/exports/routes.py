"""Operations on exports."""

from openvoucher.features.exports import service
from openvoucher.features.exports.schemas import (
    Export,
    ExportCreate,
    ExportList,
    ExportListQuery,
    ExportQuery,
    ParametersBody,
)
from openvoucher.platform.http.operations import Operation

OPERATIONS: list[Operation] = [
    Operation(
        method="POST",
        path="/v1/exports",
        run=service.create_export,
        summary="Have a CSV file written of all objects of a kind",
        body=ExportCreate,
        answer=Export,
    ),
    Operation(
        method="GET",
        path="/v1/exports",
        run=service.list_exports,
        summary="List exports, newest first",
        query=ExportListQuery,
        answer=ExportList,
    ),
    Operation(
        method="GET",
        path="/v1/exports/{export_id}",
        run=service.get_export,
        summary="Get an export, or download its file",
        query=ExportQuery,
        link_token="token",
        answer=Export,
    ),
    Operation(
        method="DELETE",
        path="/v1/exports/{export_id}",
        run=service.delete_export,
        summary="Delete an export with its file",
        status=204,
    ),
    Operation(
        method="POST",
        path="/v1/orders/export",
        run=service.export_orders,
        summary="Have a CSV file written of all orders",
        body=ParametersBody,
        body_optional=True,
        answer=Export,
    ),
]
