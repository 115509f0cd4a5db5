"""A project that the tests of a module share, with one event loop for all of them."""

from dataclasses import dataclass

import httpx

from openvoucher.platform.call import Call
from openvoucher.platform.db import Database


@dataclass(frozen=True)
class SharedProject:
    """`other_client` is another project's on the same database. `call` is at noon of 1 March 2026."""

    client: httpx.AsyncClient
    other_client: httpx.AsyncClient
    db: Database
    call: Call
