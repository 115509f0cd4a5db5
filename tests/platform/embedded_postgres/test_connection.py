import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openvoucher.platform.embedded_postgres import EmbeddedPostgres
from openvoucher.platform.embedded_postgres.connection import ServerError, execute

RunSql = Callable[..., Awaitable[list[Any]]]


@pytest.fixture
def socket_path(running: EmbeddedPostgres, data_dir: Path) -> Path:
    return data_dir / "run" / ".s.PGSQL.5432"


async def test_a_statement_is_run_and_committed(
    socket_path: Path, running: EmbeddedPostgres, run_sql: RunSql
) -> None:
    execute(socket_path, "openvoucher", "openvoucher", "create table made_here as select 7 n")
    assert await run_sql(running.url, "select n from made_here") == [7]
    execute(socket_path, "openvoucher", "openvoucher", "drop table made_here")


@pytest.mark.parametrize(
    ("role", "database", "statement", "sqlstate"),
    [
        ("openvoucher", "nowhere", "select 1", "3D000"),
        ("stranger", "openvoucher", "select 1", "28000"),
        ("openvoucher", "openvoucher", "selec", "42601"),
        ("openvoucher", "openvoucher", "select 1 / 0", "22012"),
    ],
)
def test_what_postgresql_refuses_is_raised_with_its_code(
    socket_path: Path, role: str, database: str, statement: str, sqlstate: str
) -> None:
    with pytest.raises(ServerError) as refused:
        execute(socket_path, role, database, statement)
    assert refused.value.sqlstate == sqlstate


def test_nobody_listening_is_an_os_error(place: Path) -> None:
    with pytest.raises(FileNotFoundError):
        execute(place / "nothing", "openvoucher", "openvoucher", "select 1")


@pytest.fixture
def answering(place: Path) -> Iterator[Callable[[bytes], Path]]:
    """A server that answers the first message of a client with these bytes and hangs up."""
    threads: list[threading.Thread] = []
    listeners: list[socket.socket] = []

    def listen(answer: bytes) -> Path:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(place / "s"))
        listener.listen()
        listeners.append(listener)

        def serve() -> None:
            with listener.accept()[0] as link:
                link.recv(1000)
                link.sendall(answer)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return place / "s"

    yield listen
    for thread in threads:
        thread.join()
    for listener in listeners:
        listener.close()


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", 4 + len(body)) + body


def test_a_server_that_asks_for_a_password_is_not_waited_for(answering: Callable[[bytes], Path]) -> None:
    path = answering(message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"))
    with pytest.raises(ServerError, match="asks for a password"):
        execute(path, "openvoucher", "openvoucher", "select 1")


def test_a_server_that_hangs_up_in_the_middle_of_a_message_is_an_os_error(
    answering: Callable[[bytes], Path],
) -> None:
    path = answering(message(b"R", struct.pack("!i", 0)) + b"Z\0")
    with pytest.raises(ConnectionResetError):
        execute(path, "openvoucher", "openvoucher", "select 1")
