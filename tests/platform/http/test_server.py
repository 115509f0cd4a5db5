"""Routing, the headers of all answers, and what callers are told when something is wrong."""

import contextlib
import http.client
import itertools
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from conftest_types import ToyServer
from toy_api import KEYS, LIMIT_BYTES, Asker, Diary, make_toy_app

from openvoucher.platform.http.operations import Operation
from openvoucher.platform.http.server import LINGER_BYTES, RawPath, make_http_app
from openvoucher.settings import Settings
