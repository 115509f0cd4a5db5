"""Campaigns over HTTP: made, read, enabled, deleted. (Updates: test_service_updates.py, races:
test_service_races.py.)"""

import re
from typing import Any

import httpx
import pytest
from builders import (
    DEFAULT_CODE_CONFIG,
    a_campaign,
    a_refusal,
    a_voucher,
    is_taken,
    not_there,
    read_refusal,
)
from conftest import Shop
from database_views import count_more_rows, count_rows

from openvoucher.app import make_app, make_worker
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings

EMPTY_LIST = {"object": "list", "data_ref": "data", "data": [], "total": 0}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
