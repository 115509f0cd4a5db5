"""A disk that can be filled: a file system of its own, in memory, of a few hundred megabytes."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_PIECE_BYTES = 1024 * 1024


class SmallDisk:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, *, but_bytes: int = 0) -> None:
        """Until not one byte more can be written, or only so many."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (_PIECE_BYTES, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
            file.truncate(file.tell() - but_bytes)

    def make_room(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Skips where this process may not mount one."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux mounts a disk that can be filled")
    with tempfile.TemporaryDirectory(prefix="ov-disk-", ignore_cleanup_errors=True) as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=300m,mode=755", "tmpfs", folder]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"no disk that can be filled: {mounted.stderr.strip()}")
        try:
            yield SmallDisk(Path(folder))
        finally:
            # What still runs on it, if a test went wrong, does not keep it.
            subprocess.run(["umount", "--lazy", folder], check=True)
