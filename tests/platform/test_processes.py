"""The process tree with children that do nothing (support/process_tree.py)."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from openvoucher.platform import processes
from openvoucher.platform.processes import Supervisor
from openvoucher.platform.stop_signals import StopRequested, StopSignals
from programs import Program, kill_if_alive, running, wait_until

TREE = str(Path(__file__).parents[1] / "support" / "process_tree.py")


@contextmanager
def tree(*roles: dict[str, Any], drain_seconds: float = 20.0, **environment: str) -> Iterator[Program]:
    plan = json.dumps({"roles": roles, "drain_seconds": drain_seconds})
    with running([TREE, "parent", plan], **environment) as program:
        try:
            yield program
        finally:
            program.end()
            for line in program.lines:
                if match := re.search(r"child (\d+) works", line):
                    kill_if_alive(int(match[1]))


def role(behaviour: str, **more: Any) -> dict[str, Any]:
    return {"name": "API process", "behaviour": behaviour, **more}


def working_child(program: Program, count: int = 1) -> psutil.Process:
    return psutil.Process(int(program.wait_for(r"child (\d+) works", count)[1]))


def test_the_tree_is_ready_once_a_child_that_serves_is() -> None:
    with tree(role("good"), role("good", name="bulk worker", serves=False)) as program:
        program.wait_for("the tree is ready")
        program.wait_for(r"child \d+ works", 2)
        program.send(signal.SIGTERM)
        assert program.wait() == 0
        assert sum(line == "the tree is ready" for line in program.lines) == 1


def test_a_child_is_told_what_to_do_where_nobody_else_can_read_it() -> None:
    with tree(role("good"), OPENVOUCHER_APP_TOKEN="a secret of the parent") as program:
        assert program.wait_for("knows (.*) and listens")[1] == "postgresql://user:secret@host/db"
        child = working_child(program)
        assert "secret" not in " ".join(child.cmdline())
        assert "OPENVOUCHER_APP_TOKEN" in psutil.Process(program.pid).environ()
        assert not [name for name in child.environ() if name.startswith("OPENVOUCHER_")]


def test_a_child_that_was_killed_is_replaced() -> None:
    with tree(role("good")) as program:
        first = working_child(program)
        first.kill()
        second = working_child(program, 2)
        assert second.pid != first.pid
        program.wait_for(f"API process {first.pid} ended .killed by SIGKILL.; starting another$")
        assert sum(line == "the tree is ready" for line in program.lines) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_lets_the_children_finish_what_they_have_in_hand(number: signal.Signals) -> None:
    with tree(role("thorough", count=2)) as program:
        working_child(program, 2)
        program.send(number)
        assert program.wait() == 0
        assert program.output.count("has something in hand") == 2
        assert len(re.findall(r"child \d+ finished", program.output)) == 2
        assert program.lines[-1] == "the parent ended"
        first = next(line for line in program.lines if "has something in hand" in line)
        assert program.lines.index("nothing more is accepted") < program.lines.index(first)


def test_ctrl_c_in_a_terminal_reaches_the_parent_alone() -> None:
    with tree(role("good")) as program:
        child = working_child(program)
        assert os.getpgid(child.pid) != os.getpgid(program.pid)
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait() == 0
        assert f"child {child.pid} finished" in program.lines


def test_a_child_that_does_not_stop_is_killed_when_its_time_is_over() -> None:
    with tree(role("deaf"), drain_seconds=0.2) as program:
        child = working_child(program)
        program.send(signal.SIGTERM)
        assert program.wait() == 0
        program.wait_for(f"API process {child.pid} did not end in time")
        assert not child.is_running()


def test_a_second_signal_hurries() -> None:
    with tree(role("deaf"), drain_seconds=1000.0) as program:
        child = working_child(program)
        program.send(signal.SIGINT)
        program.wait_for("stopping")
        program.send(signal.SIGINT)
        assert program.wait() == 0
        assert not child.is_running()


@pytest.mark.slow
def test_a_server_whose_children_never_come_up_gives_up() -> None:
    with tree(role("dies"), role("good", name="bulk worker", serves=False)) as program:
        worker = working_child(program)
        assert program.wait() == 1
        program.wait_for(r"gave up: Each API process ends right after its start .exit code 3.")
        assert program.lines.count("dies") == 3
        assert not worker.is_running()


@pytest.mark.slow
def test_a_worker_that_never_comes_up_does_not_stop_the_server() -> None:
    with tree(role("good"), role("dies", name="bulk worker", serves=False)) as program:
        program.wait_for("the tree is ready")
        program.wait_for("dies", 3)
        program.wait_for(r"bulk worker \d+ ended .exit code 3.; starting another in 0.5 s")
        assert working_child(program).is_running()
        assert "gave up" not in program.output


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["good", "deaf"])
def test_children_end_by_themselves_when_the_parent_was_killed(behaviour: str) -> None:
    with tree(role(behaviour, count=2)) as program:
        children = [working_child(program, 1), working_child(program, 2)]
        program.process.kill()
        began = time.monotonic()
        psutil.wait_procs(children, timeout=30)
        assert time.monotonic() - began < 5
        assert [child.is_running() for child in children] == [False, False]


@pytest.mark.slow
def test_without_watching_the_parent_they_would_stay() -> None:
    with tree(role("careless"), role("good")) as program:
        children = {working_child(program, 1).pid, working_child(program, 2).pid}
        program.process.kill()
        gone = int(program.wait_for(r"child (\d+) lost its parent")[1])
        psutil.wait_procs([psutil.Process(gone)] if psutil.pid_exists(gone) else [], timeout=30)
        (careless,) = children - {gone}
        assert psutil.pid_exists(careless)
        kill_if_alive(careless)


# --- the database, which is watched like a child ---------------------------------------------------


class DatabaseThatDies:
    """Down until `restart` succeeds, which it does after `failures` attempts."""

    def __init__(self, signals: StopSignals, *, failures: int) -> None:
        self.restarts = 0
        self._signals = signals
        self._failures = failures
        self._runs = False

    def poll(self) -> int | None:
        return None if self._runs else -9

    def restart(self) -> None:
        self.restarts += 1
        if self.restarts <= self._failures:
            raise RuntimeError("the disk is full")
        self._runs = True
        self._signals.count = 1


def test_a_database_that_died_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    with StopSignals() as signals, caplog.at_level("INFO"):
        database = DatabaseThatDies(signals, failures=0)
        Supervisor([], signals=signals, database=database).run()
    assert database.restarts == 1
    assert caplog.messages == [
        "PostgreSQL ended (killed by SIGKILL); starting it again",
        "PostgreSQL answers again",
    ]


def test_a_database_that_does_not_start_is_tried_again_later(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_BACK_OFF_SECONDS", (0.0, 0.01, 0.02))
    with StopSignals() as signals, caplog.at_level("INFO"):
        database = DatabaseThatDies(signals, failures=3)
        Supervisor([], signals=signals, database=database).run()
    assert database.restarts == 4
    assert caplog.messages == [
        "PostgreSQL ended (killed by SIGKILL); starting it again",
        "PostgreSQL does not start, trying again in 0.01 s: the disk is full",
        "PostgreSQL does not start, trying again in 0.02 s: the disk is full",
        "PostgreSQL does not start, trying again in 0.02 s: the disk is full",
        "PostgreSQL answers again",
    ]


def test_a_stop_signal_breaks_off_a_long_start_of_the_database() -> None:
    class DatabaseThatReplaysItsLog:
        def poll(self) -> int | None:
            return -9

        def restart(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            wait_until(lambda: False, "the signal to interrupt this")

    with StopSignals() as signals, pytest.raises(StopRequested):
        Supervisor([], signals=signals, database=DatabaseThatReplaysItsLog()).run()


# --- when something is started again ---------------------------------------------------------------


def test_the_pause_grows_with_each_early_end_and_starts_anew_after_a_long_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    schedule = processes._Schedule()
    pauses = []
    for life_seconds in (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 31.0, 0.1):
        schedule.note_start()
        now += life_seconds
        pauses.append(schedule.note_end())
        assert schedule.pause_seconds() == pytest.approx(pauses[-1])
        assert schedule.is_due() == (pauses[-1] == 0)
        now += pauses[-1]
        assert schedule.is_due()
    assert pauses == [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 0.0, 0.5]
