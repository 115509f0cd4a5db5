"""SQL of code generation."""

from uuid import UUID

from openvoucher.platform.db import Connection


async def begin_generation(connection: Connection, project_id: int, campaign_id: UUID) -> None:
    await connection.execute(
        "update campaign set generations = generations + 1, generation_failed = false"
        " where project_id = $1 and id = $2",
        project_id,
        campaign_id,
    )


async def end_generation(connection: Connection, project_id: int, campaign_id: UUID, *, failed: bool) -> None:
    """The campaign counts as created once no generation is left."""
    await connection.execute(
        "update campaign set generations = greatest(generations - 1, 0),"
        " generation_failed = generation_failed or $3,"
        " creation_status = case"
        "   when creation_status <> 'IN_PROGRESS' or generations > 1 then creation_status"
        "   when generation_failed or $3 then 'FAILED' else 'DONE' end"
        " where project_id = $1 and id = $2",
        project_id,
        campaign_id,
        failed,
    )
