"""The table `voucher` from the inside: the same rows before each measurement, and the bare COPY into it."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias
from uuid import UUID

import asyncpg

from benchmarks.api import WrongResult
from benchmarks.codes import make_codes
from benchmarks.files import COPY_COLUMNS, write_copy_file

CopyFormat: TypeAlias = Literal["text", "binary"]

_LOOK_EVERY_SECONDS: Final = 0.01

# What measurements leave behind. A campaign takes its revisions and counters with it, an action its rows.
_EMPTIED: Final = ("job", "async_action", "voucher", "voucher_transaction", "bin_entry", "campaign")
_KEPT: Final = ("campaign", "campaign_revision", "campaign_day")


class LimitFile:
    """A file for COPY, and the columns that stand in it."""

    def __init__(self, path: Path, columns: Sequence[str], rows: int, format: CopyFormat = "text") -> None:
        self.path = path
        self.columns = tuple(columns)
        self.rows = rows
        self.format = format


class VoucherTable:
    """To be used by one task at a time, and, but for what only reads, while the server has nothing to do.

    `reset` empties the tables of bulk work, copies the same base rows in again, and ends with a vacuum and a
    checkpoint: each measurement of either side finds the same pages, indexes, statistics and write-ahead log.
    """

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", project_id: int, folder: Path
    ) -> None:
        self.connection = connection
        self.project_id = project_id
        self._folder = folder
        self._base: LimitFile | None = None

    async def set_up(self, base_campaign: UUID, base_rows: int) -> None:
        superuser = await self.connection.fetchval(
            "select rolsuper from pg_roles where rolname = current_user"
        )
        assert superuser, "COPY from a file of the server needs a superuser"
        await self.connection.execute("create schema benchmark")
        for table in _KEPT:
            await self.connection.execute(f"create table benchmark.{table} (like public.{table})")
        await self.keep_campaign(base_campaign)
        self._base = self.write_rows("base.copy", base_campaign, 0, base_rows)

    def write_rows(self, name: str, campaign: UUID, start: int, count: int) -> LimitFile:
        """Rows that the server did not make: codes number `start` and on (benchmarks.codes)."""
        path = self._folder / name
        codes = make_codes(start, count)
        write_copy_file(path, codes, project_id=self.project_id, campaign=campaign, first_number=start)
        return LimitFile(path, COPY_COLUMNS, count)

    async def keep_campaign(self, campaign: UUID) -> None:
        """From now on it is there again, as it is now, after each `reset`."""
        for table in _KEPT:
            column = "id" if table == "campaign" else "campaign_id"
            await self.connection.execute(
                f"insert into benchmark.{table} select * from public.{table} where {column} = $1", campaign
            )

    async def reset(self) -> None:
        assert self._base is not None
        await self.connection.execute(f"truncate {', '.join(_EMPTIED)} cascade")
        for table in _KEPT:
            await self.connection.execute(f"insert into public.{table} select * from benchmark.{table}")
        await self.time_copy(self._base)
        await self.settle()

    async def settle(self) -> None:
        await self.connection.execute("vacuum (analyze)")
        await self.connection.execute("checkpoint")

    async def time_copy(self, file: LimitFile) -> float:
        """Seconds of a server-side COPY of the file, its commit included."""
        start = time.perf_counter()
        copied = await self.connection.execute(
            f"copy voucher ({', '.join(file.columns)}) from '{file.path}' with (format {file.format})"
        )
        seconds = time.perf_counter() - start
        if copied != f"COPY {file.rows}":
            raise WrongResult(f"{copied} rows, expected {file.rows}")
        return seconds

    async def read_log_bytes(self) -> float:
        """Bytes of write-ahead log since the server was made."""
        return float(await self.connection.fetchval("select pg_current_wal_lsn() - '0/0'::pg_lsn"))

    async def count(self, campaign: UUID) -> int:
        count: int = await self.connection.fetchval(
            "select count(*) from voucher where project_id = $1 and campaign_id = $2",
            self.project_id,
            campaign,
        )
        return count

    async def set_count(self, campaign: UUID, count: int) -> None:
        """What a campaign knows of codes that came in past it."""
        await self.connection.execute(
            "update campaign set vouchers_count = $3 where project_id = $1 and id = $2",
            self.project_id,
            campaign,
            count,
        )

    async def remove_codes(self, campaign: UUID) -> None:
        await self.connection.execute(
            "delete from voucher where project_id = $1 and campaign_id = $2", self.project_id, campaign
        )
        await self.settle()

    async def wait_until_begun(self, actions: Sequence[UUID]) -> None:
        """Until none of them waits for its first portion any more."""
        while True:
            if "ENQUEUED" not in await self.read_statuses(actions):
                return
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def read_statuses(self, actions: Iterable[UUID]) -> list[str]:
        rows = await self.connection.fetch(
            "select status from async_action where id = any($1)", list(actions)
        )
        return [row["status"] for row in rows]

    async def dump(
        self,
        name: str,
        campaign: UUID,
        *,
        codes: Iterable[str] | None = None,
        order: str = "md5(code)",
        format: CopyFormat = "text",
    ) -> LimitFile:
        """The rows of a campaign that the server has made, as a file for COPY: the very same rows.

        They stand in the order of `codes`, else in `order` (at random), and ids ascend as they do in bulk
        inserts. Columns in which every row has the default are left out: COPY need not read them either.
        """
        await self.connection.execute("create temp table place (number bigint, code text)")
        if codes is None:
            await self.connection.execute(
                f"insert into place select row_number() over (order by {order}), code"
                " from voucher where project_id = $1 and campaign_id = $2",
                self.project_id,
                campaign,
            )
        else:
            await self.connection.copy_records_to_table("place", records=enumerate(codes, 1))
        columns = await self._find_columns(campaign)
        shown = ", ".join("ids.id" if column == "id" else f"v.{column}" for column in columns)
        path = self._folder / name
        copied = await self.connection.copy_from_query(
            f"select {shown} from place p"
            " join voucher v on v.project_id = $1 and v.code = p.code"
            " join (select id, row_number() over (order by id) as number from voucher"
            "       where project_id = $1 and campaign_id = $2) ids on ids.number = p.number"
            " order by p.number",
            self.project_id,
            campaign,
            output=path,
            format=format,
        )
        path.chmod(0o644)
        rows = await self.count(campaign)
        await self.connection.execute("drop table place")
        if copied != f"COPY {rows}":
            raise WrongResult(f"{copied} rows of {rows} were written")
        return LimitFile(path, columns, rows, format)

    async def _find_columns(self, campaign: UUID) -> list[str]:
        listed = await self.connection.fetch(
            "select column_name, coalesce(column_default, 'null') as usual from information_schema.columns"
            " where table_schema = 'public' and table_name = 'voucher' and is_generated = 'NEVER'"
            " order by ordinal_position"
        )
        tests = ", ".join(
            f"bool_and({row['column_name']} is not distinct from ({row['usual']})) as {row['column_name']}"
            for row in listed
        )
        all_usual = await self.connection.fetchrow(
            f"select {tests} from voucher where project_id = $1 and campaign_id = $2",
            self.project_id,
            campaign,
        )
        assert all_usual is not None
        return [row["column_name"] for row in listed if not all_usual[row["column_name"]]]
