import os
from pathlib import Path

import pytest

from openvoucher.platform.embedded_postgres import DataFolderUnusable
from openvoucher.platform.embedded_postgres.log_file import limit_log, open_log, read_log_since


def write(path: Path, text: bytes) -> None:
    descriptor = open_log(path)
    os.write(descriptor, text)
    os.close(descriptor)


def test_the_log_is_appended_to_and_private(place: Path) -> None:
    log = place / "postgres.log"
    write(log, b"one\n")
    write(log, b"two\n")
    assert log.read_text() == "one\ntwo\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_log_beyond_its_limit_is_moved_aside_under_the_writers_hands(place: Path) -> None:
    log = place / "postgres.log"
    writer = open_log(log)
    os.write(writer, b"12345")
    limit_log(log, limit_bytes=5)
    assert [path.name for path in place.iterdir()] == ["postgres.log"]
    os.write(writer, b"6")
    limit_log(log, limit_bytes=5)
    os.write(writer, b"7")
    os.close(writer)
    assert ((place / "postgres.log.1").read_text(), log.read_text()) == ("123456", "7")
    write(log, b"890123")
    limit_log(log, limit_bytes=5)
    assert ((place / "postgres.log.1").read_text(), log.read_text()) == ("7890123", "")


def test_only_the_end_of_the_log_since_a_place_is_read(place: Path) -> None:
    log = place / "postgres.log"
    write(log, b"old\nnew\n")
    assert read_log_since(log, 4) == "new"
    write(log, b"x" * 5000 + b"end\n")
    assert len(read_log_since(log, 4)) == 1999
    assert read_log_since(log, 4).endswith("xend")


@pytest.mark.parametrize("action", [open_log, lambda path: read_log_since(path, 0)])
def test_a_symbolic_link_is_not_followed(place: Path, action: object) -> None:
    assert callable(action)
    (place / "secret").write_text("secret")
    (place / "postgres.log").symlink_to(place / "secret")
    with pytest.raises((DataFolderUnusable, OSError)):
        action(place / "postgres.log")


def test_what_is_moved_aside_does_not_follow_a_link_either(place: Path) -> None:
    write(place / "postgres.log", b"123456")
    (place / "precious").write_text("kept")
    (place / "postgres.log.1").symlink_to(place / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        limit_log(place / "postgres.log", limit_bytes=5)
    assert (place / "precious").read_text() == "kept"
