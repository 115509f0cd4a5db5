"""keys.env in the data folder: the secrets that were made here, for the operator's eyes.

The server itself never reads it, the database has only their hashes. Lines of NAME=value that a
shell, `docker --env-file` and systemd's EnvironmentFile all read.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from openvoucher.features.projects.service import KeyPair

FILE_NAME = "keys.env"
# Kind of key -> its two variables. The same variables give a server keys of one's own.
VARIABLES = {
    "server": ("OPENVOUCHER_APP_ID", "OPENVOUCHER_APP_TOKEN"),
    "client": ("OPENVOUCHER_CLIENT_ID", "OPENVOUCHER_CLIENT_TOKEN"),
    "management": ("OPENVOUCHER_MANAGEMENT_ID", "OPENVOUCHER_MANAGEMENT_TOKEN"),
}


def write_keys_file(data_dir: Path, pairs: Sequence[KeyPair]) -> Path:
    """Write the file, readable by its owner alone; an older one is kept beside it under a number.

    The file appears whole or not at all. Raises OSError.
    """
    path = data_dir / FILE_NAME
    text = "".join(
        f"{name}={value}\n"
        for pair in pairs
        for name, value in zip(VARIABLES[pair.kind], (pair.app_id, pair.secret), strict=True)
    )
    unfinished = path.with_name(f"{FILE_NAME}.new")
    unfinished.unlink(missing_ok=True)
    # O_EXCL: nobody else's file and no link is written to; the mode holds from the first byte on.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileNotFoundError):
        path.rename(_free_name(path))
    unfinished.rename(path)
    return path


def _free_name(path: Path) -> Path:
    number = 1
    while (older := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return older
