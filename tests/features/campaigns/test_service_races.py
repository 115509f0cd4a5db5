"""Requests at the same moment. Each race has a twin without the guard, which must go wrong."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

from builders import a_campaign, is_taken, not_there, read_refusal
from database_views import count_more_rows, count_rows, holding_locks, wait_for_waiting_statements
from openvoucher.features.campaigns import store
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs.worker import Worker

# What a campaign's row is locked by, so that all who want to change it queue up.
LOCK = "select 1 from campaign for no key update"


async def queue_up(db: Database, *requests: Awaitable[httpx.Response]) -> list[httpx.Response]:
    """Send requests in this order while the campaign is locked; let go when all of them wait for it."""
    async with holding_locks(db, LOCK), asyncio.TaskGroup() as group:
        tasks = []
        for count, request in enumerate(requests, 1):
            tasks.append(group.create_task(_answer(request)))
            await wait_for_waiting_statements(db, count)
        await _release(db)
    return [task.result() for task in tasks]
