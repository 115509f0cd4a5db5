"""What load balancers and process managers ask: is the process alive, can it serve."""

import asyncio

import msgspec

from openvoucher.platform.db import Database, DatabaseUnavailable
from openvoucher.platform.db.preparation import list_pending_migrations
from openvoucher.platform.http.operations import Answer, Operation

# Shorter than the time-outs of those who ask, so that they get the reason.
_ANSWER_WITHIN_SECONDS = 3.0


class Health(msgspec.Struct):
    status: str


class Readiness(msgspec.Struct, omit_defaults=True):
    status: str
    reason: str = ""


async def get_health(_db: Database) -> Health:
    """Alive as long as this answers. Asks nobody else: a database that is away is no reason to
    restart the API processes."""
    return Health("ok")


async def get_readiness(db: Database) -> Answer:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_SECONDS), db.connection() as connection:
            pending = await list_pending_migrations(connection)
    except DatabaseUnavailable:
        # The details are in the log: this address is open to everybody.
        return _not_ready("the database cannot be reached")
    except TimeoutError:
        return _not_ready(f"the database did not answer within {_ANSWER_WITHIN_SECONDS:g} s")
    if pending:
        return _not_ready(f"the database lacks the migrations {', '.join(pending)}")
    return Answer(Readiness("ready"))


def _not_ready(reason: str) -> Answer:
    return Answer(Readiness("not ready", reason), status=503)


OPERATIONS = [
    Operation(
        method="GET",
        path="/healthz",
        run=get_health,
        summary="Whether the process is alive",
        access="public",
        answer=Health,
    ),
    Operation(
        method="GET",
        path="/readyz",
        run=get_readiness,
        summary="Whether requests can be served: the database answers and has all migrations",
        access="public",
        answer=Readiness,
        answers={503: Readiness},
    ),
]
