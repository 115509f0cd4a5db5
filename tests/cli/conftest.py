"""Real servers on data folders of their own."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from openvoucher.platform.embedded_postgres import EmbeddedPostgres


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder that does not exist yet; what a killed server left running on it is ended."""
    with tempfile.TemporaryDirectory(prefix="ov-cli-", ignore_cleanup_errors=True) as folder:
        # An embedded server of root's runs as another user, who must reach the folder.
        os.chmod(folder, 0o755)
        path = Path(folder) / "data"
        yield path
        if (path / "postgres" / "postmaster.pid").exists():
            leftover = EmbeddedPostgres(path)
            leftover.start()
            leftover.stop()
