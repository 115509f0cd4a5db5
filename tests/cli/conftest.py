"""A service without OpenVoucher's extras, and connections to it that break where a test says."""

import os
from collections.abc import Iterator

import pytest

from dropping_proxy import DroppingProxy, dropping_proxy
from openvoucher.cli.client import api, submission, watching
from original_service import KEYS, OriginalService, original_service


@pytest.fixture
def service() -> Iterator[OriginalService]:
    with original_service() as service:
        yield service


@pytest.fixture
def proxy(service: OriginalService, monkeypatch: pytest.MonkeyPatch) -> Iterator[DroppingProxy]:
    """Between the command and the service; nobody waits long for anything."""
    for name in list(os.environ):
        if name.startswith("OPENVOUCHER_"):
            monkeypatch.delenv(name)
    with dropping_proxy(service.address) as proxy:
        for name, value in {"OPENVOUCHER_URL": proxy.address, **KEYS}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(api, "_FIRST_PAUSE_SECONDS", 0.01)
        monkeypatch.setattr(watching, "_FIRST_LOOK_SECONDS", 0.01)
        monkeypatch.setattr(submission, "LOOK_FOR_SECONDS", 0.3)
        monkeypatch.setattr(submission, "_LOOK_EVERY_SECONDS", 0.05)
        yield proxy
