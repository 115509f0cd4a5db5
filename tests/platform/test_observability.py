"""Logs for people and for machines."""

import json
import logging
from collections.abc import Iterator

import pytest

from openvoucher.platform.observability import request_id_of_context, set_up_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_have_the_request_id_the_fields_and_the_fault(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(level="INFO", format="json")
    token = request_id_of_context.set("v-1")
    try:
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            logging.getLogger("test").exception("it failed: %s", "so", extra={"duration_ms": 1.5})
    finally:
        request_id_of_context.reset(token)
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["message"], line["logger"]) == ("ERROR", "it failed: so", "test")
    assert (line["request_id"], line["duration_ms"]) == ("v-1", 1.5)
    assert "ZeroDivisionError" in line["exception"]


def test_text_lines_are_one_line_each_and_quiet_below_their_level(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(level="WARNING", format="text")
    logging.getLogger("test").info("not seen")
    logging.getLogger("test").warning("seen", extra={"job_id": 7})
    printed = capsys.readouterr().err
    assert printed.endswith("WARNING seen  job_id=7\n")
    assert printed.count("\n") == 1
