"""The pool: connections reused, never in doubt, and a lost database said plainly."""

import asyncio

import asyncpg
import pytest

from openvoucher.platform.db import (
    CommitUnknown,
    Database,
    DatabaseUnavailable,
    StatementTimeout,
    TransactionConflict,
)


async def test_the_connection_that_came_back_last_is_given_out_first(db: Database) -> None:
    async with db.connection() as first, db.connection() as second:
        pass
    async with db.connection() as again:
        assert again in (first, second)
    async with db.connection() as once_more:
        assert once_more is again


async def test_no_more_connections_than_the_pool_has(database_url: str) -> None:
    db = Database(database_url, size=2)
    async with db.connection(), db.connection():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), db.connection():
                raise AssertionError("a third connection was given out")
    await db.close()


async def test_a_transaction_commits_at_its_end_and_is_undone_by_an_exception(db: Database) -> None:
    async with db.transaction() as connection:
        await connection.execute("create table kept (number integer)")
        await connection.execute("insert into kept values (1)")
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as connection:
            await connection.execute("insert into kept values (2)")
            _ = 1 / 0
    async with db.connection() as connection:
        assert await connection.fetchval("select array_agg(number) from kept") == [1]


async def test_a_connection_whose_transaction_was_left_open_is_not_given_out_again(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.connection() as left_open:
            await left_open.execute("begin")
            _ = 1 / 0
    assert left_open.is_closed()
    async with db.connection() as other:
        assert other is not left_open


async def test_a_cancelled_query_leaves_a_connection_that_works(db: Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), db.transaction() as connection:
            await connection.execute("select pg_sleep(60)")
    async with db.transaction() as connection:
        assert await connection.fetchval("select 1") == 1


async def test_a_killed_backend_is_said_to_be_unavailable_and_the_next_call_works(db: Database) -> None:
    async with db.connection() as victim:
        pid = await victim.fetchval("select pg_backend_pid()")
    admin = await db.open_connection()
    await admin.execute("select pg_terminate_backend($1)", pid)
    await admin.close()
    with pytest.raises(DatabaseUnavailable):
        # The pool may notice the loss before or while the query runs.
        async with db.connection() as connection:
            if connection is not victim:
                raise DatabaseUnavailable("noticed before")
            await connection.fetchval("select 1")
    async with db.connection() as connection:
        assert await connection.fetchval("select 1") == 1


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    db = Database("postgresql://nobody@127.0.0.1:1/none", size=1)
    with pytest.raises(DatabaseUnavailable):
        async with db.connection():
            raise AssertionError("connected")


async def test_the_victim_of_a_deadlock_is_told_that_nothing_happened(db: Database) -> None:
    async with db.transaction() as connection:
        await connection.execute("create table account (number integer primary key, balance integer)")
        await connection.execute("insert into account values (1, 0), (2, 0)")
    both_hold_one = asyncio.Barrier(2)

    async def change(first: int, second: int) -> None:
        async with db.transaction() as connection:
            await connection.execute("update account set balance = balance + 1 where number = $1", first)
            await both_hold_one.wait()
            await connection.execute("update account set balance = balance + 1 where number = $1", second)

    outcomes = await asyncio.gather(change(1, 2), change(2, 1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [TransactionConflict]
    async with db.connection() as connection:
        assert await connection.fetchval("select array_agg(balance) from account") == [1, 1]


async def test_jsonb_comes_and_goes_as_python_values(db: Database) -> None:
    value = {"text": "ü", "number": 1.5, "list": [1, None, True], "big": 12345678901234567890}
    async with db.connection() as connection:
        assert await connection.fetchval("select $1::jsonb", value) == value


async def test_a_statement_error_of_ours_stays_what_it_is(db: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with db.connection() as connection:
            await connection.execute("select * from no_such_table")


async def test_a_connection_lost_in_the_commit_leaves_the_outcome_open(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asyncpg.transaction import Transaction

    committed = Transaction.commit

    async def commit_and_lose_the_answer(self: Transaction) -> None:
        await committed(self)
        raise ConnectionResetError("the answer was lost")

    async with db.connection() as connection:
        await connection.execute("create table kept (number integer)")
    monkeypatch.setattr(Transaction, "commit", commit_and_lose_the_answer)
    with pytest.raises(CommitUnknown):
        async with db.transaction() as connection:
            await connection.execute("insert into kept values (1)")
    monkeypatch.undo()
    assert connection.is_closed()
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from kept") == 1


async def test_a_statement_over_its_time_is_said_to_be_so(database_url: str) -> None:
    db = Database(database_url, size=1, statement_timeout_seconds=1)
    with pytest.raises(StatementTimeout):
        async with db.connection() as connection:
            await connection.execute("select pg_sleep(30)")
    async with db.connection() as connection:
        assert await connection.fetchval("select 1") == 1
    await db.close()
