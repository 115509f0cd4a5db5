"""SQL of segments and their members."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import Params

# First half of the advisory lock of who makes a segment by rule; the second is the project.
_LIMIT_LOCK: Final = 0x7365676D

# --- segments ----------------------------------------------------------------------------------------


async def insert_segment(connection: Connection, values: dict[str, Any]) -> Row:
    """`values` by column."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    row = await connection.fetchrow(
        f"insert into segment ({', '.join(values)}) values ({places}) returning *", *values.values()
    )
    assert row is not None  # noqa: S101 - an insert returns its row or raises
    return row


async def count_rules(connection: Connection, project_id: int) -> int:
    """How many segments by rule there are. Nobody else makes one until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock($1, $2)", _LIMIT_LOCK, project_id)
    count: int = await connection.fetchval(
        "select count(*) from segment where project_id = $1 and type <> 'static'", project_id
    )
    return count


async def find_segment(
    connection: Connection, project_id: int, segment_id: UUID, *, lock: bool = False
) -> Row | None:
    """`lock`: keep others from changing it, and its members, until the transaction ends."""
    return await connection.fetchrow(
        "select * from segment where project_id = $1 and id = $2" + (" for no key update" if lock else ""),
        project_id,
        segment_id,
    )


async def list_segments(
    connection: Connection, *, where: str, parameters: Sequence[object], order: str, limit: int, offset: int
) -> list[Row]:
    """`where` is compiled; its first parameter is the project."""
    return await connection.fetch(
        f"select * from segment s where s.project_id = $1{where} order by {order}"
        f" limit {limit} offset {offset}",
        *parameters,
    )


async def count_segments(connection: Connection, *, where: str, parameters: Sequence[object]) -> int:
    count: int = await connection.fetchval(
        f"select count(*) from segment s where s.project_id = $1{where}", *parameters
    )
    return count


async def update_segment(
    connection: Connection, project_id: int, segment_id: UUID, *, name: str, filter: Any, now: datetime
) -> Row:
    """Of a segment that the caller has locked."""
    row = await connection.fetchrow(
        "update segment set name = $3, filter = $4, updated_at = $5"
        " where project_id = $1 and id = $2 returning *",
        project_id,
        segment_id,
        name,
        filter,
        now,
    )
    assert row is not None  # noqa: S101 - nobody deletes a locked row
    return row


async def delete_segment(connection: Connection, project_id: int, segment_id: UUID) -> bool:
    """With its members and activity. False if it is not there."""
    row = await connection.fetchrow(
        "delete from segment where project_id = $1 and id = $2 returning evaluation_id",
        project_id,
        segment_id,
    )
    if row is not None and row["evaluation_id"] is not None:
        await _delete_ended_job(connection, project_id, row["evaluation_id"])
    return row is not None


# --- activity ------------------------------------------------------------------------------------------


async def insert_activity(connection: Connection, values: dict[str, Any]) -> None:
    """`values` by column."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await connection.execute(
        f"insert into segment_activity ({', '.join(values)}) values ({places})", *values.values()
    )


async def list_activity(
    connection: Connection, *, where: str, parameters: Sequence[object], ascending: bool, limit: int
) -> list[Row]:
    """`where` is compiled; its first parameter is the project."""
    direction = "asc" if ascending else "desc"
    return await connection.fetch(
        f"select * from segment_activity a where a.project_id = $1{where}"
        f" order by a.id {direction} limit {limit}",
        *parameters,
    )


# --- customers of a static segment -----------------------------------------------------------------------


async def lock_customers(
    connection: Connection, project_id: int, ids: Sequence[UUID], source_ids: Sequence[str]
) -> list[Row]:
    """Those of them that are there, (id, source_id): none is deleted until the transaction ends."""
    return await connection.fetch(
        "select c.id, c.source_id from customer c where c.project_id = $1 and c.deleted_at is null"
        " and c.id in (select unnest($2::uuid[]) union all select named.id from customer named"
        "   where named.project_id = $1 and named.source_id = any($3::text[]) and named.deleted_at is null)"
        " order by c.id for share",
        project_id,
        ids,
        source_ids,
    )


async def insert_members(
    connection: Connection, project_id: int, segment_id: UUID, customer_ids: Sequence[UUID], *, now: datetime
) -> None:
    await connection.execute(
        "insert into segment_member (project_id, segment_id, customer_id, entered_at)"
        " select $1, $2, unnest($3::uuid[]), $4",
        project_id,
        segment_id,
        customer_ids,
        now,
    )


# --- members of segments by rule ---------------------------------------------------------------------------


class Rule(NamedTuple):
    """`condition` is compiled over the customer `c`, with the parameters of the statement."""

    segment_id: UUID
    condition: str


# Whose membership a statement decides: {} is a customer's id. Behind the project ($1) and now ($2).
AMONG: Final = "{0} = any($3::uuid[])"
BETWEEN: Final = "{0} > $3::uuid and {0} <= $4::uuid"

# The full join is what keeps a portion linear: it can only be done by hashing or merging, whatever the
# planner takes the number of members for. Every look at members is limited to the customers asked about.
_WRITE_MEMBERS: Final = """
with verdict as materialized (
    select judged.segment_id, c.id as customer_id
    from customer c cross join lateral (values {rules}) as judged (segment_id, belongs)
    where c.project_id = $1 and {whose_customers} and c.deleted_at is null and judged.belongs
), held as materialized (
    select m.segment_id, m.customer_id from segment_member m where {members}
), changed as materialized (
    select segment_id, customer_id, held.customer_id is null as enters
    from verdict full join held using (segment_id, customer_id)
    where verdict.customer_id is null or held.customer_id is null
), gone as (
    delete from segment_member m using changed
    where {members} and not changed.enters
      and m.segment_id = changed.segment_id and m.customer_id = changed.customer_id
    returning m.segment_id, m.customer_id
), come as (
    insert into segment_member (project_id, segment_id, customer_id, entered_at)
    select $1, segment_id, customer_id, $2 from changed where enters
    on conflict do nothing
    returning segment_id, customer_id
)
select segment_id, customer_id, true as entered from come where {told}
union all
select segment_id, customer_id, false from gone
where {told} and exists (select 1 from customer c
    where c.project_id = $1 and c.id = gone.customer_id and c.deleted_at is null)
"""


async def write_members(
    connection: Connection, params: Params, rules: Sequence[Rule], *, whose: str, told: bool = True
) -> list[Row]:
    """Make the members of these segments, as far as the customers `whose` go, those who match.

    `params` begin with project, now and what `whose` (AMONG, BETWEEN) names. Returns who entered
    and who left, (segment_id, customer_id, entered), without the customers that are gone themselves;
    nobody where nobody is to be `told`. The caller holds the segments' rows.
    """
    values = ", ".join(f"({params.add(rule.segment_id)}::uuid, ({rule.condition}))" for rule in rules)
    segments = f"m.segment_id = any({params.add([rule.segment_id for rule in rules])}::uuid[])"
    sql = _WRITE_MEMBERS.format(
        rules=values,
        whose_customers=whose.format("c.id"),
        members=f"m.project_id = $1 and {segments} and {whose.format('m.customer_id')}",
        told="true" if told else "false",
    )
    return await connection.fetch(sql, *params.values)


async def lock_auto_update_segments(connection: Connection, project_id: int) -> list[Row]:
    """All that have members to keep, held until the transaction ends: others who write members wait."""
    return await connection.fetch(
        "select * from segment where project_id = $1 and type = 'auto-update' order by id for no key update",
        project_id,
    )


async def has_auto_update_segments(connection: Connection, project_id: int) -> bool:
    found: bool = await connection.fetchval(
        "select exists (select 1 from segment where project_id = $1 and type = 'auto-update')", project_id
    )
    return found


async def delete_job(connection: Connection, project_id: int, job_id: UUID) -> None:
    """In its own last portion: then nothing is left of it."""
    await connection.execute("delete from job where project_id = $1 and id = $2", project_id, job_id)


async def list_referrers(connection: Connection, project_id: int, referees: Sequence[UUID]) -> list[Row]:
    """(referee, referrer) for those of the customers who were referred."""
    return await connection.fetch(
        "select referee.customer_id as referee, referrer.customer_id as referrer"
        " from redeemable_holder referee join redeemable_holder referrer"
        "   on referrer.project_id = referee.project_id and referrer.voucher_id = referee.voucher_id"
        "   and referrer.role = 'REFERRER'"
        " where referee.project_id = $1 and referee.customer_id = any($2::uuid[])"
        "   and referee.role = 'REFEREE'",
        project_id,
        referees,
    )


# --- asking about customers -----------------------------------------------------------------------------

# Nobody: no value anywhere, no orders, no events.
_NOBODY: Final = (
    "(select * from jsonb_populate_record(null::customer,"
    " jsonb_build_object('project_id', $1::integer, 'system_metadata', jsonb_build_object()))) as c"
)


def is_member(segment: str) -> str:
    """A condition on the customer `c`; `segment` is a placeholder."""
    return (
        "exists (select 1 from segment_member m where m.project_id = c.project_id"
        f" and m.segment_id = {segment}::uuid and m.customer_id = c.id)"
    )


async def list_memberships(connection: Connection, project_id: int, customer_id: UUID) -> list[Row]:
    """The static and auto-update segments of a customer."""
    return await connection.fetch(
        "select s.* from segment_member m"
        " join segment s on s.project_id = m.project_id and s.id = m.segment_id"
        " where m.project_id = $1 and m.customer_id = $2",
        project_id,
        customer_id,
    )


async def list_rules(connection: Connection, project_id: int, types: Sequence[str]) -> list[Row]:
    """All segments of these types."""
    return await connection.fetch(
        "select * from segment where project_id = $1 and type = any($2::text[])", project_id, types
    )


async def ask_rules(
    connection: Connection, params: Params, rules: Sequence[Rule], *, customer_id: UUID | None
) -> set[UUID]:
    """Which of the rules a customer matches now; None: somebody of whom nothing is known. `params` begin
    with the project."""
    whom = "customer c where c.project_id = $1 and c.id = {}::uuid"
    source = _NOBODY if customer_id is None else whom.format(params.add(customer_id))
    row = await connection.fetchrow(
        f"select {', '.join(f'({rule.condition}) is true' for rule in rules)} from {source}", *params.values
    )
    return {rule.segment_id for rule, matches in zip(rules, row or (), strict=False) if matches}


# --- evaluation of all customers ---------------------------------------------------------------------------


async def find_due_segment(connection: Connection, *, now: datetime) -> Row | None:
    """A segment, of any project, that is to be evaluated: (project_id, id, evaluated_at), locked. None as
    well if another worker is just seeing to it."""
    return await connection.fetchrow(
        "select project_id, id, evaluated_at from segment where evaluate_after <= $1"
        " order by evaluate_after limit 1 for no key update skip locked",
        now,
    )


async def begin_evaluation(
    connection: Connection, project_id: int, segment_id: UUID, *, evaluation_id: UUID
) -> None:
    """Write down the job; that of the evaluation before goes, or there would be one more every time."""
    before = await connection.fetchval(
        "select evaluation_id from segment where project_id = $1 and id = $2", project_id, segment_id
    )
    await connection.execute(
        "update segment set evaluation_id = $3, evaluate_after = null where project_id = $1 and id = $2",
        project_id,
        segment_id,
        evaluation_id,
    )
    if before is not None:
        await _delete_ended_job(connection, project_id, before)


async def ask_for_evaluation(
    connection: Connection, project_id: int, *, asking_for: str, now: datetime
) -> None:
    """All auto-update segments are due whose filter has `asking_for` in it (empty: all)."""
    await connection.execute(
        "update segment set evaluate_after = $3 where project_id = $1 and type = 'auto-update'"
        " and strpos(filter::text, $2) > 0 and (evaluate_after is null or evaluate_after > $3)",
        project_id,
        asking_for,
        now,
    )


async def end_evaluation(
    connection: Connection,
    project_id: int,
    segment_id: UUID,
    *,
    evaluated_at: datetime | None,
    evaluate_after: datetime | None,
) -> None:
    """`evaluated_at` None: it was given up."""
    await connection.execute(
        "update segment set evaluated_at = coalesce($3, evaluated_at),"
        # Somebody may have asked for the next one since this one began.
        " evaluate_after = least(evaluate_after, $4)"
        " where project_id = $1 and id = $2",
        project_id,
        segment_id,
        evaluated_at,
        evaluate_after,
    )


async def find_last_of_portion(
    connection: Connection, project_id: int, *, after: UUID, size: int
) -> UUID | None:
    """The last of the `size` customers behind `after`; None where not more than those are left."""
    last: UUID | None = await connection.fetchval(
        "select id from customer where project_id = $1 and id > $2 order by id offset $3 - 1 limit 1",
        project_id,
        after,
        size,
    )
    return last


async def _delete_ended_job(connection: Connection, project_id: int, job_id: UUID) -> None:
    await connection.execute(
        "delete from job where project_id = $1 and id = $2 and state in ('done', 'failed')",
        project_id,
        job_id,
    )
