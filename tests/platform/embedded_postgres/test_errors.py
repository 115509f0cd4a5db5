from pathlib import Path

import pytest

from openvoucher.platform.embedded_postgres import DataFolderInUse


@pytest.mark.parametrize(
    ("pid", "host", "holder"),
    [
        (42, None, "server (process 42) is"),
        (7, "web-1", "server (process 7 on web-1) is"),
        (None, None, "server is"),
    ],
)
def test_the_holder_of_a_data_folder_is_named_as_far_as_it_is_known(
    pid: int | None, host: str | None, holder: str
) -> None:
    error = DataFolderInUse(Path("/data"), pid, host)
    assert str(error).startswith(f"Another OpenVoucher {holder} already running on the data folder /data. ")
    assert (error.pid, error.data_dir) == (pid, Path("/data"))
