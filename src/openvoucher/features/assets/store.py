"""SQL of assets."""

from uuid import UUID

from openvoucher.platform.db import Connection


async def find_code(connection: Connection, project_id: int, voucher_id: UUID) -> str | None:
    """The code of a voucher that is not in the bin, nor its campaign."""
    code: str | None = await connection.fetchval(
        "select v.code from voucher v"
        " left join campaign c on c.project_id = v.project_id and c.id = v.campaign_id"
        " where v.project_id = $1 and v.id = $2 and v.deleted_at is null and c.deleted_at is null",
        project_id,
        voucher_id,
    )
    return code
