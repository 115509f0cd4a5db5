"""Operations on balances."""

from openvoucher.features.balances import service
from openvoucher.features.balances.schemas import (
    Balance,
    BalanceUpdate,
    TransactionList,
    TransactionQuery,
)
from openvoucher.features.exports.schemas import Export, ParametersBody
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="POST",
        path="/v1/vouchers/{code}/balance",
        run=service.update_voucher_balance,
        summary="Add to or remove from the balance of a gift or loyalty card",
        body=BalanceUpdate,
        answer=Balance,
    ),
    Operation(
        method="GET",
        path="/v1/vouchers/{code}/transactions",
        run=service.list_voucher_transactions,
        summary="List what was posted to a card",
        query=TransactionQuery,
        answer=TransactionList,
    ),
    Operation(
        method="GET",
        path="/v1/campaigns/{campaign_id}/transactions",
        run=service.list_campaign_transactions,
        summary="List what was posted to the cards of a campaign",
        query=TransactionQuery,
        answer=TransactionList,
    ),
    Operation(
        method="POST",
        path="/v1/vouchers/{code}/transactions/export",
        run=service.export_voucher_transactions,
        summary="Have a CSV file written of what was posted to a card",
        body=ParametersBody,
        body_optional=True,
        answer=Export,
    ),
    Operation(
        method="POST",
        path="/v1/campaigns/{campaign_id}/transactions/export",
        run=service.export_campaign_transactions,
        summary="Have a CSV file written of what was posted to the cards of a campaign",
        body=ParametersBody,
        body_optional=True,
        answer=Export,
    ),
]
