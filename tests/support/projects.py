"""Further projects on one database, to see that nobody sees another's data."""

import os
from datetime import UTC, datetime

from openvoucher.features.projects import store
from openvoucher.features.projects.service import KeyPair, add_key_pair, get_project
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.wire.ids import new_id

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def make_other_project(db: Database, pair: KeyPair) -> Project:
    async with db.transaction() as connection:
        project_id = await store.insert_project(
            connection, uid=new_id(), name="other", asset_key=os.urandom(64), now=NOW
        )
        other = await get_project(connection, project_id)
        await add_key_pair(connection, other, pair, now=NOW)
        return other
