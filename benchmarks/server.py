"""`openvoucher serve`, and more workers, as processes of their own."""

import asyncio
import contextlib
import dataclasses
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import psutil

import openvoucher
from openvoucher.platform.embedded_postgres import database_url as embedded_url

_SOURCE: Final = Path(openvoucher.__file__).parents[1]
_PATIENCE_SECONDS: Final = 60.0
_MEGABYTE: Final = 1_000_000

KEYS: Final = {
    "OPENVOUCHER_APP_ID": "bench-app",
    "OPENVOUCHER_APP_TOKEN": "bench-app-secret",
    "OPENVOUCHER_CLIENT_ID": "bench-client",
    "OPENVOUCHER_CLIENT_TOKEN": "bench-client-secret",
    "OPENVOUCHER_MANAGEMENT_ID": "bench-management",
    "OPENVOUCHER_MANAGEMENT_TOKEN": "bench-management-secret",
}


class ProgramFailed(Exception):
    """A process ended, or did not say in time what it says when all is well."""


class Program:
    """`python -m openvoucher …`, running."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.lines: list[str] = []
        self._process = process
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait_for(self, pattern: str) -> re.Match[str]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    self._news.clear()
                    for line in self.lines:
                        if match := re.search(pattern, line):
                            return match
                    if self._reading.done():
                        break
                    await self._news.wait()
        except TimeoutError:
            pass
        raise ProgramFailed("\n".join([f"no line like {pattern!r} in:", *self.lines]))

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _PATIENCE_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(line.decode().rstrip("\n"))
            self._news.set()
        self._news.set()


@contextlib.asynccontextmanager
async def running(*arguments: str, **environment: str) -> AsyncIterator[Program]:
    """A command of ours, stopped in the end."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("OPENVOUCHER_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "openvoucher",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**kept, "PYTHONPATH": str(_SOURCE), **environment},
        # Ctrl-C is for this process; it stops the others in order.
        start_new_session=True,
    )
    program = Program(process)
    try:
        yield program
    finally:
        await asyncio.shield(program.stop())


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    program: Program
    data_dir: Path
    address: str

    @property
    def database_url(self) -> str:
        """What `openvoucher database-url` prints."""
        return embedded_url(self.data_dir)

    def find_processes(self) -> dict[str, list[psutil.Process]]:
        """All processes of the tree by what they do: parent, API, worker, PostgreSQL."""
        found: dict[str, list[psutil.Process]] = {
            "parent": [psutil.Process(self.program.pid)],
            "API": [],
            "worker": [],
            "PostgreSQL": [],
        }
        for process in found["parent"][0].children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                command = process.cmdline()
                role = {"_api": "API", "_work": "worker"}.get(command[-1] if command else "", "PostgreSQL")
                found[role].append(process)
        return found


@contextlib.asynccontextmanager
async def serving(data_dir: Path, environment: Mapping[str, str]) -> AsyncIterator[Server]:
    """`openvoucher serve`, ready, with known keys and otherwise default settings."""
    arguments = ("serve", "--data-dir", str(data_dir), "--port", "0")
    async with running(*arguments, **KEYS, **environment) as program:
        ready = await program.wait_for(r"OpenVoucher is ready on (http://\S+)")
        yield Server(program, data_dir, ready[1])


@contextlib.asynccontextmanager
async def another_worker(server: Server) -> AsyncIterator[Program]:
    async with running("worker", "--data-dir", str(server.data_dir)) as program:
        await program.wait_for("ready for bulk work")
        yield program


def read_cpu_seconds(processes: Mapping[str, list[psutil.Process]]) -> dict[str, float]:
    """CPU time by role, that of ended children of living ones (PostgreSQL's backends) included."""
    return {
        role: sum(_read_cpu_seconds(process, with_ended=role == "PostgreSQL") for process in of_role)
        for role, of_role in processes.items()
    }


def _read_cpu_seconds(process: psutil.Process, *, with_ended: bool) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    ended: float = times.children_user + times.children_system if with_ended else 0.0
    own: float = times.user + times.system
    return own + ended


class MemoryWatch:
    """The largest resident size of each API and worker process seen, in MB."""

    _EVERY_SECONDS: Final = 0.02

    def __init__(self, server: Server) -> None:
        processes = server.find_processes()
        self._watched = [(role, process) for role in ("API", "worker") for process in processes[role]]
        self.start = self._read()
        self.most = dict(self.start)

    async def __aenter__(self) -> "MemoryWatch":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            for role, size in self._read().items():
                self.most[role] = max(self.most[role], size)
            await asyncio.sleep(self._EVERY_SECONDS)

    def _read(self) -> dict[str, float]:
        sizes: dict[str, float] = {}
        for role, process in self._watched:
            sizes[role] = max(sizes.get(role, 0.0), process.memory_info().rss / _MEGABYTE)
        return sizes
