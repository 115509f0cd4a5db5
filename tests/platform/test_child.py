"""What a child says and hears; how it ends with its parent is in test_processes.py."""

import subprocess
import sys

import pytest

from openvoucher.platform.child import READY, Assignment, write_assignment
from openvoucher.settings import Settings
from programs import make_environment

ASSIGNMENT = Assignment(
    settings=Settings(port=1234, app_token="secret"),
    database_url="postgresql://user:password@host/db",
    drain_seconds=2.5,
    listener=7,
)


def run_child(program: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", f"from openvoucher.platform.child import *\n{program}"],
        input=given,
        capture_output=True,
        check=False,
        env=make_environment(),
        timeout=60,
    )


def test_an_assignment_arrives_as_it_was_given() -> None:
    done = run_child("print(repr(read_assignment()))", write_assignment(ASSIGNMENT))
    assert done.stdout.decode().strip() == repr(ASSIGNMENT)


@pytest.mark.parametrize("given", [b"", write_assignment(ASSIGNMENT)[:-1]])
def test_a_child_whose_parent_died_before_it_had_said_all_ends_quietly(given: bytes) -> None:
    done = run_child("read_assignment(); print('went on')", given)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_what_a_child_prints_after_its_report_goes_to_the_logs() -> None:
    done = run_child("report_ready(); print('by the way', flush=True)", b"")
    assert (done.stdout, done.stderr) == (READY, b"by the way\n")
