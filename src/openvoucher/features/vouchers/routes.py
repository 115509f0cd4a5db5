"""Operations on vouchers."""

from openvoucher.features.vouchers import service
from openvoucher.features.vouchers.schemas import (
    ForceQuery,
    Voucher,
    VoucherCreate,
    VoucherList,
    VoucherQuery,
    VoucherUpdate,
)
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="GET",
        path="/v1/vouchers",
        run=service.list_vouchers,
        summary="List vouchers",
        query=VoucherQuery,
        answer=VoucherList,
    ),
    Operation(
        method="POST",
        path="/v1/vouchers",
        run=service.create_random_voucher,
        summary="Create a voucher with a random code",
        body=VoucherCreate,
        answer=Voucher,
    ),
    Operation(
        method="POST",
        path="/v1/vouchers/{code}",
        run=service.create_voucher,
        summary="Create a voucher with this code",
        body=VoucherCreate,
        answer=Voucher,
    ),
    Operation(
        method="GET",
        path="/v1/vouchers/{code}",
        run=service.get_voucher,
        summary="Get a voucher by code or id",
        answer=Voucher,
    ),
    Operation(
        method="PUT",
        path="/v1/vouchers/{code}",
        run=service.update_voucher,
        summary="Change a voucher: what is sent, and nothing else",
        body=VoucherUpdate,
        answer=Voucher,
    ),
    Operation(
        method="DELETE",
        path="/v1/vouchers/{code}",
        run=service.delete_voucher,
        summary="Put a voucher into the bin, or remove it for good",
        query=ForceQuery,
        status=204,
    ),
    Operation(
        method="POST",
        path="/v1/vouchers/{code}/enable",
        run=service.enable_voucher,
        summary="Enable a voucher",
        answer=Voucher,
    ),
    Operation(
        method="POST",
        path="/v1/vouchers/{code}/disable",
        run=service.disable_voucher,
        summary="Disable a voucher",
        answer=Voucher,
    ),
]
