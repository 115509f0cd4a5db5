"""The whole life of a server as an ordinary user, who has a home and no rights beyond it."""

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from openvoucher.platform.embedded_postgres.account import Account
from openvoucher.platform.embedded_postgres.binaries import list_providers

RunAs = Callable[..., "subprocess.CompletedProcess[str]"]

LIFE = """
import json, signal
async def run(url, *statements):
    connection = await asyncpg.connect(url)
    for statement in statements[:-1]:
        await connection.execute(statement)
    value = await connection.fetchval(statements[-1])
    await connection.close()
    return value

data_dir = default_data_dir()
facts = {"uid": os.getuid(), "data_dir": str(data_dir)}
first = EmbeddedPostgres(data_dir)
url = first.start()
asyncio.run(run(url, "create table kept (n int)", "insert into kept values (1)", "select 1"))
first.stop()
second = EmbeddedPostgres(data_dir)
second.start()
facts["after a stop"] = asyncio.run(run(url, "insert into kept values (2)", "select count(*) from kept"))
postmaster = int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
os.kill(postmaster, signal.SIGKILL)
os.waitid(os.P_PID, postmaster, os.WEXITED | os.WNOWAIT)
facts["exit code"] = second.poll()
second.restart()
facts["after a kill"] = asyncio.run(run(url, "select count(*) from kept"))
try:
    EmbeddedPostgres(data_dir).start()
except DataFolderInUse as error:
    facts["second server"] = str(error)
second.stop()
facts["same url"] = database_url(data_dir) == url
print(json.dumps(facts))
"""


def test_an_ordinary_user_lives_a_servers_life(run_as: RunAs, nobody: Account, place: Path) -> None:
    wheel = next(list_providers(None)).bin_dir
    if nobody.run(["/bin/sh", "-c", 'test -x "$1"', "sh", wheel / "postgres"]).returncode != 0:
        pytest.skip(f"an ordinary user may not run the programs in {wheel}")
    home = place / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.uid, nobody.gid)
    mode_of_home = home.stat().st_mode

    lived = run_as("nobody", LIFE, HOME=str(home), XDG_DATA_HOME="")

    assert lived.stderr == ""
    facts = json.loads(lived.stdout)
    data_dir = Path(facts["data_dir"])
    assert facts.pop("second server").startswith("Another OpenVoucher server (process ")
    assert facts == {
        "uid": nobody.uid,
        "data_dir": str(data_dir),
        "after a stop": 2,
        "exit code": -9,
        "after a kill": 2,
        "same url": True,
    }
    assert data_dir.is_relative_to(home)
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert {path.stat().st_uid for path in data_dir.iterdir()} == {nobody.uid}
    assert home.stat().st_mode == mode_of_home
