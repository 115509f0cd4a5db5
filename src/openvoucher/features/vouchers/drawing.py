"""Random codes for vouchers that are made one at a time."""

import os
from collections.abc import AsyncIterator

from openvoucher.engine.codes import CodePattern, draw_codes, draw_missing, like_pattern
from openvoucher.features.vouchers import store
from openvoucher.platform.db import Connection

# Up to this many possible codes those in use are looked at, and drawn around.
SMALL_SPACE = 100_000
# Draws of one random code; with less than half of the space in use all fail once in a million.
_DRAWS = 20


async def draw_candidates(
    connection: Connection, project_id: int, pattern: CodePattern
) -> AsyncIterator[str]:
    """Codes to try one after the other, most of which nobody has. In a small space, however full it
    is, the last ones are free unless somebody takes them meanwhile."""
    for code in draw_codes(pattern, _DRAWS, os.urandom):
        yield code
    if pattern.capacity <= SMALL_SPACE:
        taken = await store.list_codes_like(connection, project_id, like_pattern(pattern))
        for code in draw_missing(pattern, taken, _DRAWS, os.urandom):
            yield code
