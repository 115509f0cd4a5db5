"""Operations that import codes."""

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.code_imports import service
from openvoucher.features.code_imports.schemas import CampaignCode, ImportQuery, StandaloneCode
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="POST",
        path="/v1/campaigns/{campaign_id}/import",
        run=service.import_vouchers_to_campaign,
        summary="Import codes into a campaign",
        body=list[CampaignCode],
        large_body=True,
        query=ImportQuery,
        answer=AcceptedAction,
        status=202,
    ),
    Operation(
        method="POST",
        path="/v1/campaigns/{campaign_id}/importCSV",
        run=service.import_vouchers_to_campaign_csv,
        summary="Import codes into a campaign from a CSV file of any size",
        upload=True,
        query=ImportQuery,
        answer=AcceptedAction,
    ),
    Operation(
        method="POST",
        path="/v1/vouchers/import",
        run=service.import_vouchers,
        summary="Import vouchers without a campaign",
        body=list[StandaloneCode],
        large_body=True,
        query=ImportQuery,
        answer=AcceptedAction,
        status=202,
    ),
    Operation(
        method="POST",
        path="/v1/vouchers/importCSV",
        run=service.import_vouchers_csv,
        summary="Import vouchers without a campaign from a CSV file of any size",
        upload=True,
        query=ImportQuery,
        answer=AcceptedAction,
        status=202,
    ),
]
