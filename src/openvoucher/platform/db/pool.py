"""A small pool of asyncpg connections, last in first out, and transactions on them.

asyncpg's own pool sends a reset query at every release. Ours sends none, which is safe under three
house rules: no session state on pooled connections (only SET LOCAL and transaction-level locks),
LISTEN on a connection of its own, and a connection that may be in doubt is closed, not reused.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import msgspec

Row: TypeAlias = asyncpg.Record
if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:  # generic in the stubs only
    Connection = asyncpg.Connection

_SHUT_DOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # The driver lost track of the connection, as it can when the server ends it in mid-message.
    asyncpg.InternalClientError,
)
_GONE = (OSError, asyncpg.InterfaceError, *_SHUT_DOWN)


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or the connection broke. A running transaction was undone."""


class DatabaseFull(DatabaseUnavailable):
    """The database's disk has no room. What was to be written was undone."""


class StatementTimeout(Exception):
    """A statement took longer than the time-out and was undone."""


class CommitUnknown(Exception):
    """The connection broke while a transaction was being committed: it may have happened, or not."""


class TransactionConflict(Exception):
    """The server undid a transaction for another's sake (deadlock, serialization failure). Nothing of
    it happened; the whole of it can be done again."""


class Database:
    """The pool. `open_connection` gives a connection outside the pool (LISTEN, migrations)."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 10,
        application_name: str = "openvoucher",
        statement_timeout_seconds: int = 30,
    ) -> None:
        self.url = url
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(size)
        self._closed = False
        self._server_settings = {
            "application_name": application_name,
            "timezone": "UTC",
            "statement_timeout": f"{statement_timeout_seconds}s",
            # A process that stops in mid-transaction (lost network) must not hold its row locks for ever.
            "idle_in_transaction_session_timeout": "60s",
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        }

    async def open_connection(self) -> Connection:
        """A connection of one's own; the caller closes it. Raises DatabaseUnavailable."""
        try:
            connection: Connection = await asyncpg.connect(
                self.url, server_settings=self._server_settings, timeout=10
            )
            await connection.set_type_codec(
                "jsonb",
                schema="pg_catalog",
                encoder=_encode_jsonb,
                decoder=_decode_jsonb,
                format="binary",
            )
        except _GONE as error:
            raise DatabaseUnavailable(str(error) or type(error).__name__) from error
        return connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A pooled connection in autocommit mode."""
        async with self._slots:
            connection = self._take_idle() or await self.open_connection()
            try:
                yield connection
            except BaseException as error:
                # A transaction that its owner did not end: the connection is in doubt.
                if not connection.is_closed() and connection.is_in_transaction():
                    connection.terminate()
                if isinstance(error, asyncpg.DiskFullError):
                    raise DatabaseFull(str(error)) from error
                if isinstance(error, asyncpg.QueryCanceledError):
                    raise StatementTimeout(str(error)) from error
                if isinstance(error, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
                    raise TransactionConflict(str(error)) from error
                if isinstance(error, _SHUT_DOWN) or (connection.is_closed() and isinstance(error, _GONE)):
                    connection.terminate()
                    raise DatabaseUnavailable(str(error) or type(error).__name__) from error
                raise
            finally:
                self._give_back(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A pooled connection inside one READ COMMITTED transaction, committed at the end.

        Raises CommitUnknown if the connection broke in the COMMIT.
        """
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except BaseException:
                if not connection.is_closed():
                    await transaction.rollback()
                raise
            try:
                await transaction.commit()
            except _GONE as error:
                connection.terminate()
                raise CommitUnknown(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            try:
                await self._idle.pop().close(timeout=2)
            except _GONE:
                continue

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    def _give_back(self, connection: Connection) -> None:
        if connection.is_closed():
            return
        if self._closed:
            connection.terminate()
        else:
            self._idle.append(connection)


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + msgspec.json.encode(value)


def _decode_jsonb(data: bytes) -> Any:
    return msgspec.json.decode(data[1:])
