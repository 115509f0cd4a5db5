"""What is in the wheel: an installed server needs its migrations as much as one in a checkout."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a copy of this tree, so that the build leaves nothing here."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for name in ("requirements", "src"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    build = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        "dist",
    ]
    subprocess.run([sys.executable, "-m", *build, "."], cwd=tree, check=True)
    (path,) = (tree / "dist").glob("openvoucher-*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: zipfile.ZipFile) -> None:
    source = ROOT / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "openvoucher").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected
    assert "openvoucher/py.typed" in expected
    assert any(name.startswith("openvoucher/migrations/0001") for name in expected)


@pytest.mark.slow
def test_the_wheel_asks_for_what_the_server_needs(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = wheel.read(name).decode()
    assert "Requires-Dist: falcon<5,>=4.4\n" in metadata
    assert 'Requires-Dist: uvloop; sys_platform != "win32"\n' in metadata
    assert "Requires-Python: >=3.11\n" in metadata
    assert "pytest" not in metadata
