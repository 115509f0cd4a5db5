"""What a worker process does: portions of the queue, and the hourly cleaning."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from openvoucher.app import make_worker
from openvoucher.features.async_actions.service import clean_up
from openvoucher.platform.db import Database, DatabaseUnavailable
from openvoucher.settings import Settings

log = logging.getLogger("openvoucher.jobs")

_CLEAN_EVERY_SECONDS = 3600.0
_CLEAN_AGAIN_SECONDS = 60.0


async def work(url: str, settings: Settings, on_start: Callable[[Callable[[], None]], None]) -> None:
    """Work until told to stop. `on_start` is given the function that tells it, once the loop runs.

    The portion in hand is finished first.
    """
    db = Database(url, size=settings.pool_size, application_name="openvoucher worker")
    worker = make_worker(db, settings)
    cleaning = asyncio.create_task(clean_regularly(db))
    on_start(worker.stop)
    try:
        await worker.run()
    finally:
        cleaning.cancel()
        await asyncio.gather(cleaning, return_exceptions=True)
        await db.close()


async def clean_regularly(db: Database) -> None:
    """Remove what nobody waits for any more, now and every hour. All workers do, and any one is enough."""
    while True:
        pause_seconds = _CLEAN_EVERY_SECONDS
        try:
            uploads, actions = await clean_up(db, datetime.now(UTC))
            if uploads or actions:
                log.info("removed %d uploads never finished and %d actions long ended", uploads, actions)
        except DatabaseUnavailable:
            pause_seconds = _CLEAN_AGAIN_SECONDS
        except Exception:
            log.exception("the hourly cleaning failed")
        await asyncio.sleep(pause_seconds)
