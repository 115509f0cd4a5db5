"""Draws the QR code or barcode of a voucher."""

from openvoucher.features.assets import store
from openvoucher.features.assets.schemas import AssetKind, AssetQuery, read_project_uid, read_voucher_id
from openvoucher.features.projects.service import find_project_by_uid
from openvoucher.platform.code_images import CodeNotDrawable, draw_barcode, draw_qr
from openvoucher.platform.db import Database
from openvoucher.platform.http.operations import Answer
from openvoucher.wire.errors import ApiError, not_found

_MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


async def get_qr(db: Database, asset_id: str, query: AssetQuery) -> Answer:
    code = await _find_code(db, "qr", asset_id)
    try:
        image = draw_qr(code, size=query.size or 10, format=query.format)
    except CodeNotDrawable as error:
        raise _not_drawable(error) from None
    return _answer(image, query)


async def get_barcode(db: Database, asset_id: str, query: AssetQuery) -> Answer:
    code = await _find_code(db, "barcode", asset_id)
    try:
        image = draw_barcode(code, size=query.size or 20, format=query.format)
    except CodeNotDrawable as error:
        raise _not_drawable(error) from None
    return _answer(image, query)


async def _find_code(db: Database, kind: AssetKind, asset_id: str) -> str:
    uid = read_project_uid(asset_id)
    if uid is not None:
        async with db.connection() as connection:
            project = await find_project_by_uid(connection, uid)
            voucher_id = read_voucher_id(project, kind, asset_id) if project else None
            if project and voucher_id:
                code = await store.find_code(connection, project.id, voucher_id)
                if code is not None:
                    return code
    raise not_found("asset", asset_id)


def _answer(image: bytes, query: AssetQuery) -> Answer:
    # Private: the picture is as good as the code.
    headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return Answer(image, media_type=_MEDIA_TYPES[query.format], headers=headers)


def _not_drawable(error: CodeNotDrawable) -> ApiError:
    return ApiError(400, "invalid_voucher", "Invalid Voucher", str(error))
