"""Draws the QR code or barcode of a voucher."""

import asyncio
from typing import Protocol

from openvoucher.features.assets import store
from openvoucher.features.assets.schemas import AssetKind, AssetQuery, read_project_uid, read_voucher_id
from openvoucher.features.projects.service import find_project_by_uid
from openvoucher.platform.code_images import CodeNotDrawable, ImageFormat, draw_barcode, draw_qr
from openvoucher.platform.db import Database
from openvoucher.platform.http.operations import Answer
from openvoucher.wire.errors import invalid_voucher, not_found

_MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


class DrawCode(Protocol):
    def __call__(self, text: str, *, size: int, format: ImageFormat) -> bytes: ...


async def get_qr(db: Database, asset_id: str, query: AssetQuery) -> Answer:
    return await _draw(draw_qr, await _find_code(db, "qr", asset_id), query, default_size=10)


async def get_barcode(db: Database, asset_id: str, query: AssetQuery) -> Answer:
    return await _draw(draw_barcode, await _find_code(db, "barcode", asset_id), query, default_size=20)


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


async def _draw(draw: DrawCode, code: str, query: AssetQuery, *, default_size: int) -> Answer:
    try:
        # In a thread: a long code takes long enough to be felt by all other calls of the process.
        image = await asyncio.to_thread(draw, code, size=query.size or default_size, format=query.format)
    except CodeNotDrawable as error:
        raise invalid_voucher(str(error)) from None
    # Private: the picture is as good as the code.
    headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return Answer(image, media_type=_MEDIA_TYPES[query.format], headers=headers)
