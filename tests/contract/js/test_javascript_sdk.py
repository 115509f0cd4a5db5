"""The published JavaScript SDK takes the main path on a live server.

The SDK is installed by npm at test time, at the version that package.json pins, into a folder that is kept
between runs. It has no lock file: those name the addresses that somebody downloaded from.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from programs import PATIENCE_SECONDS
from servers import Server

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SCRIPT = HERE / "main_path.mjs"


@pytest.fixture(scope="session")
def sdk_folder() -> Path:
    """A folder with package.json and what it asks for. Skips where there is no Node.js or no npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the JavaScript SDK needs node and npm")
    pinned = (HERE / "package.json").read_bytes()
    version = hashlib.sha256(pinned).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("openvoucher-tests")) / f"javascript-sdk-{version}"
    if not (folder / "node_modules" / "@voucherify" / "sdk").is_dir():
        unfinished = folder.with_name(f"{folder.name}-{os.getpid()}")
        unfinished.mkdir(parents=True)
        (unfinished / "package.json").write_bytes(pinned)
        installed = subprocess.run(
            [npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=unfinished,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS * 2,
        )
        if installed.returncode != 0:
            shutil.rmtree(unfinished)
            pytest.skip(f"npm could not install the JavaScript SDK: {installed.stderr[-500:]}")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return folder


def test_the_javascript_sdk_takes_the_main_path(
    sdk_folder: Path, server: Server, home: Any, tmp_path: Path
) -> None:
    steps = re.findall(r"^  async '(.+)'\(\) \{$", SCRIPT.read_text("utf-8"), re.MULTILINE)
    (tmp_path / "package.json").write_bytes((sdk_folder / "package.json").read_bytes())
    (tmp_path / "node_modules").symlink_to(sdk_folder / "node_modules")
    pair = home.keys["server"]
    ran = subprocess.run(
        ["node", str(SCRIPT), server.address, pair.app_id, pair.secret, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ran.stdout.splitlines() == [f"passed {step}" for step in steps], ran.stderr
    assert ran.returncode == 0, ran.stderr
