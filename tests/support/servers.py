"""`openvoucher serve` as a real process tree."""

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from openvoucher.platform.embedded_postgres import database_url as embedded_url
from programs import PATIENCE_SECONDS, Program, running


class Server:
    """A server that is ready, with the keys that it made or was given."""

    def __init__(self, program: Program, data_dir: Path, database_url: str | None) -> None:
        self.program = program
        self.data_dir = data_dir
        self._given_url = database_url
        self.address = program.wait_for(r"OpenVoucher is ready on (http://\S+)")[1]

    @property
    def port(self) -> str:
        return self.address.rpartition(":")[2]

    @property
    def database_url(self) -> str:
        return self._given_url or embedded_url(self.data_dir)

    @property
    def keys(self) -> dict[str, str]:
        """The content of keys.env."""
        lines = (self.data_dir / "keys.env").read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def get(self, path: str, keys: dict[str, str] | None = None) -> httpx.Response:
        keys = keys or self.keys
        headers = {"X-App-Id": keys["OPENVOUCHER_APP_ID"], "X-App-Token": keys["OPENVOUCHER_APP_TOKEN"]}
        return httpx.get(self.address + path, headers=headers, timeout=PATIENCE_SECONDS)

    def answers(self, keys: dict[str, str] | None = None) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.get("/v1/async-actions", keys).status_code == 200
        return False

    def children(self, name: str) -> list[psutil.Process]:
        """The running ones that the log calls so ("API process", "bulk worker")."""
        pids = re.findall(rf"{name} (\d+) started", self.program.output)
        return [psutil.Process(int(pid)) for pid in pids if psutil.pid_exists(int(pid))]

    def postmaster(self) -> psutil.Process:
        pid = (self.data_dir / "postgres" / "postmaster.pid").read_text("utf-8").split("\n", 1)[0]
        return psutil.Process(int(pid))


@contextlib.contextmanager
def serving(data_dir: Path, *options: str, **environment: str) -> Iterator[Server]:
    """`openvoucher serve` on any free port, unless the options say which, ready to be asked."""
    port = () if "--port" in options else ("--port", "0")
    command = ["-m", "openvoucher", "serve", "--data-dir", str(data_dir), *port, *options]
    with running(command, **environment) as program:
        yield Server(program, data_dir, environment.get("OPENVOUCHER_DATABASE_URL"))


def read_curl(command: str) -> tuple[str, dict[str, str]]:
    """Address and headers of a curl command line, as a shell would take it."""
    words = shlex.split(command)
    assert words[0] == "curl"
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    return words[-1], headers
