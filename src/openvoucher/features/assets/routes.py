"""Operations on assets."""

from openvoucher.features.assets import service
from openvoucher.features.assets.schemas import AssetQuery
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/assets/qr/{asset_id}",
        run=service.get_qr,
        summary="The QR code of a voucher, as its address stands in the voucher",
        access="public",
        query=AssetQuery,
        media_type="image/png",
    ),
    Operation(
        method="GET",
        path="/api/v1/assets/barcode/{asset_id}",
        run=service.get_barcode,
        summary="The Code 128 barcode of a voucher, as its address stands in the voucher",
        access="public",
        query=AssetQuery,
        media_type="image/png",
    ),
]
