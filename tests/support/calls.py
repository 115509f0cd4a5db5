"""Calls of use cases without HTTP, at a time that is set."""

from datetime import UTC, datetime
from typing import Final

from openvoucher.platform.call import Call, Caller, Project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from openvoucher.wire.ids import new_id

# A Sunday.
NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_call(db: Database, project: Project, *, now: datetime = NOW) -> Call:
    return Call(
        caller=Caller(project=project, key_id=new_id(), kind="server", app_id="test"),
        db=db,
        settings=Settings(public_url="http://test"),
        now=now,
        request_id="v-0000000000000000aa",
        channel="API",
        base_url="http://test",
    )
