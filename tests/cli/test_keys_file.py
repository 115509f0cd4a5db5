import stat
import subprocess
from pathlib import Path

import pytest

from openvoucher.cli.keys_file import write_keys_file
from openvoucher.features.projects.service import KINDS, KeyPair, make_key_pair

PAIRS = [
    KeyPair("server", "app", "app-secret"),
    KeyPair("client", "client", "client-secret"),
    KeyPair("management", "management", "management-secret"),
]
CONTENT = """\
OPENVOUCHER_APP_ID=app
OPENVOUCHER_APP_TOKEN=app-secret
OPENVOUCHER_CLIENT_ID=client
OPENVOUCHER_CLIENT_TOKEN=client-secret
OPENVOUCHER_MANAGEMENT_ID=management
OPENVOUCHER_MANAGEMENT_TOKEN=management-secret
"""


def test_the_file_gives_the_variables_that_bring_the_same_keys_back(tmp_path: Path) -> None:
    path = write_keys_file(tmp_path, PAIRS)
    assert path == tmp_path / "keys.env"
    assert path.read_text("utf-8") == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["keys.env"]


def test_a_shell_reads_the_file(tmp_path: Path) -> None:
    pairs = [make_key_pair(kind) for kind in KINDS]
    path = write_keys_file(tmp_path, pairs)
    script = '. "$1"; printf "%s\\n" "$OPENVOUCHER_APP_TOKEN" "$OPENVOUCHER_MANAGEMENT_TOKEN"'
    shell = subprocess.run(["sh", "-c", script, "sh", path], capture_output=True, text=True, check=True)
    assert shell.stdout == f"{pairs[0].secret}\n{pairs[2].secret}\n"


def test_only_its_owner_reads_the_file_from_the_first_byte_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    monkeypatch.setattr(
        "os.fsync", lambda _: modes.append(stat.S_IMODE((tmp_path / "keys.env.new").stat().st_mode))
    )
    path = write_keys_file(tmp_path, PAIRS)
    assert modes == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_older_keys_are_kept_beside_the_new_ones(tmp_path: Path) -> None:
    for secret in ("first", "second", "third"):
        write_keys_file(tmp_path, [KeyPair("server", "app", secret)])
    kept = {path.name: path.read_text("utf-8").split("=")[-1].strip() for path in tmp_path.iterdir()}
    assert kept == {"keys.env": "third", "keys.env.1": "first", "keys.env.2": "second"}


def test_a_link_that_somebody_put_there_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keys.env.new").symlink_to(elsewhere)
    write_keys_file(tmp_path / "data", PAIRS)
    assert not elsewhere.exists()
    assert (tmp_path / "data" / "keys.env").read_text("utf-8") == CONTENT
