"""Publications that many ask for at once, of two API processes with 64 connections to the database.

Each race has a twin without the guard, which must go wrong: a race that is never lost shows nothing.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from builders import a_campaign
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from programs import PATIENCE_SECONDS, Program, running

CLIENTS = 64
PROCESSES = 2
_SERVER = Path(__file__).with_name("racing_server.py")


@contextlib.contextmanager
def racing(database_url: str, *what: str) -> Iterator[list[str]]:
    """Two API processes on one database; their addresses. `what`: see racing_server.py."""
    with contextlib.ExitStack() as stack:
        programs = [
            stack.enter_context(start(database_url, CLIENTS // PROCESSES, *what)) for _ in range(PROCESSES)
        ]
        yield [find_address(program) for program in programs]


def start(database_url: str, pool_size: int, *what: str) -> contextlib.AbstractContextManager[Program]:
    return running([str(_SERVER), database_url, str(pool_size), *what])


def find_address(program: Program) -> str:
    return program.wait_for(r"ready on (http://\S+)")[1]


@pytest.fixture
def headers(project: Project, keys: dict[str, KeyPair]) -> dict[str, str]:
    del project  # must be there
    return {"X-App-Id": keys["server"].app_id, "X-App-Token": keys["server"].secret}


async def publish_at_once(
    addresses: Sequence[str],
    headers: dict[str, str],
    bodies: Sequence[dict[str, Any]],
    path: str = "/v1/publications",
) -> list[httpx.Response]:
    """One client for each body, on the processes in turn; the answers, successes first."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, limits=limits) as client:
        answers = await asyncio.gather(
            *(
                client.post(f"{addresses[number % len(addresses)]}{path}", json=body)
                for number, body in enumerate(bodies)
            )
        )
    return sorted(answers, key=lambda answer: answer.status_code)


async def make_campaign(client: httpx.AsyncClient, codes: int = 0, **fields: Any) -> None:
    """A campaign called Spring with so many codes."""
    answer = await client.post("/v1/campaigns", json=a_campaign(**{"type": "STATIC", **fields}))
    assert answer.status_code == 200, answer.text
    for number in range(codes):
        answer = await client.post(f"/v1/campaigns/Spring/vouchers/CODE-{number:03}", json={})
        assert answer.status_code == 200, answer.text


def a_publication(customer: str, **fields: Any) -> dict[str, Any]:
    return {"customer": {"source_id": customer}, "campaign": "Spring", **fields}


def read_codes(answers: Sequence[httpx.Response]) -> list[str]:
    codes: list[str] = []
    for answer in answers:
        body = answer.json()
        codes += body["vouchers"] if "vouchers" in body else [body["voucher"]["code"]]
    return codes


async def fetch(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(database_url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def find_faults(database_url: str) -> list[str]:
    """What does not agree: counters with what they count, codes with their publications and holders."""
    faults = []
    for what, sql in _LAWS.items():
        found = await fetch(database_url, sql)
        if found:
            faults.append(f"{what}: {found[:5]}")
    return faults


_LAWS = {
    "vouchers_count and bound_count": """
        select c.name, c.vouchers_count, c.bound_count, count(v.id), count(v.revision)
        from campaign c left join voucher v on v.campaign_id = c.id and v.deleted_at is null
        group by c.project_id, c.id
        having c.vouchers_count <> count(v.id) or c.bound_count <> count(v.revision)
    """,
    "published_count": """
        select v.code, v.published_count, count(pv.voucher_id)
        from voucher v left join publication_voucher pv on pv.voucher_id = v.id
        group by v.project_id, v.id, v.code, v.published_count
        having v.published_count <> count(pv.voucher_id)
    """,
    "a unique code has one holder, who is told by the voucher": """
        select v.code, v.holder_id, array_agg(h.customer_id)
        from voucher v join campaign c on c.id = v.campaign_id and c.type <> 'STANDALONE'
        left join redeemable_holder h on h.voucher_id = v.id
        group by v.project_id, v.id, v.code, v.holder_id, v.published_count
        having array_agg(h.customer_id) <> array[v.holder_id] and count(h.customer_id) + v.published_count > 0
    """,
    "published codes are bound, others are not": """
        select code from voucher where (published_count > 0) <> (revision is not null)
    """,
    "a success has codes, a failure has none": """
        select p.id, p.result from publication p
        where (p.result = 'SUCCESS')
        <> exists (select 1 from publication_voucher pv where pv.publication_id = p.id)
    """,
    "an event for each publication": """
        select p.id from publication p where not exists
        (select 1 from outbox o where o.type like 'customer.publication.%'
         and o.data #>> '{publication,id}' = 'pub_' || replace(p.id::text, '-', ''))
    """,
    "the summary of the day": """
        select c.name, told.counter, told.amount, counted.number from campaign c
        cross join lateral (values
          ('publications_succeeded',
           (select count(*) from publication p where p.campaign_id = c.id and p.result = 'SUCCESS')),
          ('publications_failed',
           (select count(*) from publication p where p.campaign_id = c.id and p.result = 'FAILURE')),
          ('publications', (select count(*) from publication p where p.campaign_id = c.id)),
          ('vouchers_created', (select count(*) from voucher v where v.campaign_id = c.id))
        ) as counted (counter, number)
        left join campaign_day told on told.campaign_id = c.id and told.counter = counted.counter
        where coalesce(told.amount, 0) <> counted.number
    """,
}


# --- a pool of codes ---------------------------------------------------------------------------------


async def drain(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str], *what: str
) -> list[httpx.Response]:
    """192 publications by 64 clients from a pool of 100 codes."""
    await make_campaign(client, codes=100)
    answers = []
    with racing(database_url, *what) as addresses:
        for turn in range(3):
            bodies = [a_publication(f"customer-{turn}-{number}") for number in range(CLIENTS)]
            answers += await publish_at_once(addresses, headers, bodies)
    return sorted(answers, key=lambda answer: answer.status_code)


async def test_of_a_pool_of_100_codes_192_customers_get_100_different_ones(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    answers = await drain(client, database_url, headers)
    assert Counter(answer.status_code for answer in answers) == {200: 100, 400: 92}
    assert sorted(read_codes(answers[:100])) == [f"CODE-{number:03}" for number in range(100)]
    assert {answer.json()["key"] for answer in answers[100:]} == {"no_voucher_suitable_for_publication"}
    assert await fetch(database_url, "select result, count(*) from publication group by 1 order by 1") == [
        ("FAILURE", 92),
        ("SUCCESS", 100),
    ]
    assert await find_faults(database_url) == []


async def test_twin_without_locks_on_codes_several_customers_get_the_same_one(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    answers = await drain(client, database_url, headers, "no-code-locks")
    codes = read_codes([answer for answer in answers if answer.status_code == 200])
    assert len(set(codes)) < len(codes)
    assert any(fault.startswith("a unique code has one holder") for fault in await find_faults(database_url))


async def test_publications_of_several_codes_share_a_pool_without_a_gap(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    await make_campaign(client, codes=100)
    counts = [number % 5 + 1 for number in range(CLIENTS)]
    bodies = [
        a_publication(f"customer-{number}", campaign={"name": "Spring", "count": count})
        for number, count in enumerate(counts)
    ]
    with racing(database_url) as addresses:
        answers = await publish_at_once(addresses, headers, bodies)
        # Whoever wanted more than were left got none, so a few may be there still, which one customer gets.
        codes = read_codes([answer for answer in answers if answer.status_code == 200])
        rest = [a_publication(f"late-{number}") for number in range(100 - len(codes))]
        answers += await publish_at_once(addresses, headers, rest)
    codes = read_codes([answer for answer in answers if answer.status_code == 200])
    assert sorted(codes) == [f"CODE-{number:03}" for number in range(100)]
    assert {answer.json()["key"] for answer in answers if answer.status_code != 200} == {
        "no_voucher_suitable_for_publication"
    }
    assert await find_faults(database_url) == []


# --- one customer ------------------------------------------------------------------------------------


async def join_at_once(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str], *what: str
) -> list[httpx.Response]:
    await make_campaign(client, codes=CLIENTS, join_once=True)
    assert (await client.post("/v1/customers", json={"source_id": "ann"})).status_code == 200
    with racing(database_url, *what) as addresses:
        return await publish_at_once(addresses, headers, [a_publication("ann")] * CLIENTS)


async def test_a_customer_who_joins_64_times_at_once_gets_one_code(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    answers = await join_at_once(client, database_url, headers)
    assert [answer.status_code for answer in answers] == [200] * CLIENTS
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert set(read_codes(answers)) == {"CODE-000"}
    assert await fetch(database_url, "select count(*) from publication") == [(1,)]
    assert await find_faults(database_url) == []


async def test_twin_without_the_customer_s_lock_the_customer_joins_many_times(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    answers = await join_at_once(client, database_url, headers, "no-customer-locks")
    assert len(set(read_codes([answer for answer in answers if answer.status_code == 200]))) > 1


async def test_a_customer_who_is_not_there_yet_joins_once_too(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    await make_campaign(client, codes=CLIENTS)
    with racing(database_url) as addresses:
        path = "/v1/publications?join_once=true"
        answers = await publish_at_once(addresses, headers, [a_publication("ann")] * CLIENTS, path)
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await fetch(database_url, "select count(*) from customer") == [(1,)]
    assert await find_faults(database_url) == []


# --- one source id -----------------------------------------------------------------------------------


async def repeat_at_once(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str], *what: str
) -> list[httpx.Response]:
    """64 customers under one source id."""
    await make_campaign(client, codes=CLIENTS)
    bodies = [a_publication(f"customer-{number}", source_id="mail-1") for number in range(CLIENTS)]
    with racing(database_url, *what) as addresses:
        return await publish_at_once(addresses, headers, bodies)


async def test_64_publications_of_one_source_id_are_one(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    answers = await repeat_at_once(client, database_url, headers)
    assert [answer.status_code for answer in answers] == [200] * CLIENTS
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(set(read_codes(answers))) == 1
    assert await fetch(database_url, "select count(*) from publication") == [(1,)]
    assert await fetch(database_url, "select count(*) from voucher where published_count > 0") == [(1,)]
    # Who came too late has left nothing behind.
    assert await fetch(database_url, "select count(*) from customer") == [(1,)]
    assert await find_faults(database_url) == []


async def test_twin_a_look_for_the_source_id_is_no_guard(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    await fetch(database_url, "drop index publication_source_id_is_unique")
    answers = await repeat_at_once(client, database_url, headers, "no-unique-source-ids")
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) > 1


# --- codes that are made -----------------------------------------------------------------------------


async def grow(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str], *what: str
) -> list[httpx.Response]:
    await make_campaign(client, type="AUTO_UPDATE")
    bodies = [a_publication(f"customer-{number}") for number in range(CLIENTS)]
    with racing(database_url, *what) as addresses:
        return await publish_at_once(addresses, headers, bodies)


async def test_of_an_empty_campaign_that_grows_everybody_gets_a_code_of_his_own(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    answers = await grow(client, database_url, headers)
    assert [answer.status_code for answer in answers] == [200] * CLIENTS
    assert len(set(read_codes(answers))) == CLIENTS
    assert await fetch(database_url, "select vouchers_count, bound_count from campaign") == [
        (CLIENTS, CLIENTS)
    ]
    assert await find_faults(database_url) == []


async def test_twin_counters_that_are_read_and_written_lose_codes(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    await grow(client, database_url, headers, "no-atomic-counters")
    faults = await find_faults(database_url)
    assert any(fault.startswith("vouchers_count and bound_count") for fault in faults)


async def test_who_asks_for_codes_of_a_small_space_at_once_gets_each_of_them_once(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    config = {"code_config": {"pattern": "##", "charset": "01234"}}
    await make_campaign(client, type="AUTO_UPDATE", voucher=config)
    bodies = [a_publication(f"customer-{number}") for number in range(CLIENTS)]
    with racing(database_url) as addresses:
        answers = await publish_at_once(addresses, headers, bodies)
    succeeded = [answer for answer in answers if answer.status_code == 200]
    assert sorted(read_codes(succeeded)) == [f"{tens}{ones}" for tens in range(5) for ones in range(5)]
    assert {answer.json()["key"] for answer in answers[25:]} == {"no_voucher_suitable_for_publication"}
    assert await find_faults(database_url) == []


# --- while the campaign changes ----------------------------------------------------------------------


async def publish_while_updating(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str], *what: str
) -> list[httpx.Response]:
    """64 publications, and ten updates of the campaign at the same time."""
    await make_campaign(client, codes=CLIENTS)
    bodies = [a_publication(f"customer-{number}") for number in range(CLIENTS)]

    async def update(address: str) -> list[int]:
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=PATIENCE_SECONDS) as http:
            answers = [
                await http.put("/v1/campaigns/Spring", json={"metadata": {"number": number}})
                for number in range(10)
            ]
        return [answer.status_code for answer in answers]

    with racing(database_url, *what) as addresses:
        answers, updates = await asyncio.gather(
            publish_at_once(addresses, headers, bodies), update(addresses[0])
        )
    assert [answer.status_code for answer in answers] == [200] * CLIENTS
    assert updates == [200] * 10
    return answers


async def compare_updates(database_url: str) -> tuple[list[Any], list[Any]]:
    """How many codes each update said it changes, and how many were bound to its terms or later ones."""
    changed = await fetch(
        database_url,
        "select (payload ->> 'changed')::integer from job where kind = 'campaign_update' order by id",
    )
    following = await fetch(
        database_url,
        "select (select count(*) from voucher v where v.revision >= r.revision)"
        " from campaign_revision r where r.revision > 1 order by r.revision",
    )
    return changed, following


async def test_codes_that_are_published_after_an_update_have_the_new_terms(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    answers = await publish_while_updating(client, database_url, headers)
    # What was told to the customer is what the code has kept.
    for answer in answers:
        told = answer.json()["voucher"]
        kept = (await client.get(f"/v1/vouchers/{told['code']}")).json()
        assert (kept["metadata"], kept["updated_at"]) == (told["metadata"], told["updated_at"])
    changed, following = await compare_updates(database_url)
    assert changed == following
    assert await find_faults(database_url) == []


async def test_twin_without_a_look_at_the_revision_codes_are_bound_to_terms_that_had_ended(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    await publish_while_updating(client, database_url, headers, "no-look-at-revisions")
    changed, following = await compare_updates(database_url)
    assert changed != following


# --- kill -9 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["STATIC", "AUTO_UPDATE"])
async def test_a_process_that_dies_inside_a_publication_leaves_nothing_of_it(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str], kind: str
) -> None:
    await make_campaign(client, codes=1 if kind == "STATIC" else 0, type=kind)
    await die_publishing(database_url, headers, "dies-before-commit")
    tables = (
        "publication",
        "publication_voucher",
        "redeemable_holder",
        "customer",
        "outbox",
        "publication_pool",
    )
    for table in tables:
        assert await fetch(database_url, f"select count(*) from {table}") == [(0,)], table
    assert await find_faults(database_url) == []
    # The code is free for the next one.
    answer = await client.post("/v1/publications", json=a_publication("ann"))
    assert answer.status_code == 200
    assert await find_faults(database_url) == []


async def test_twin_without_a_transaction_half_of_the_publication_is_left(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    await make_campaign(client, codes=1)
    await die_publishing(database_url, headers, "dies-without-transaction")
    assert await find_faults(database_url) != []


async def die_publishing(database_url: str, headers: dict[str, str], how: str) -> None:
    """Publish at a process that kills itself in the middle of it."""
    with start(database_url, 2, how) as program:
        async with httpx.AsyncClient(base_url=find_address(program), headers=headers) as http:
            with pytest.raises(httpx.TransportError):
                await http.post("/v1/publications", json=a_publication("ann"))
        assert program.wait() == -9
    await wait_for_the_dead(database_url)


async def wait_for_the_dead(database_url: str) -> None:
    """Until the database has noticed that they are gone."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await fetch(  # noqa: ASYNC110 - nobody tells of it
            database_url,
            "select pid from pg_stat_activity where datname = current_database()"
            " and application_name = 'openvoucher' and state <> 'idle'",
        ):
            await asyncio.sleep(0.01)


async def test_processes_killed_at_random_moments_lose_no_code_and_give_none_twice(
    client: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    """Customers publish until each has an answer; the process is killed again and again meanwhile."""
    await make_campaign(client, codes=40, join_once=True)
    moments = random.Random(20261122)
    answered: dict[str, str] = {}
    waiting = [f"customer-{number}" for number in range(40)]
    kills = 0
    async with asyncio.timeout(PATIENCE_SECONDS * 3):
        while waiting:
            with start(database_url, 8) as program:
                address = find_address(program)
                async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as http:
                    bodies = [http.post("/v1/publications", json=a_publication(name)) for name in waiting]
                    sent = asyncio.gather(*bodies, return_exceptions=True)
                    if kills < 5:
                        await asyncio.sleep(moments.uniform(0.01, 0.25))
                        program.process.kill()
                        kills += 1
                    for name, answer in zip(list(waiting), await sent, strict=True):
                        if isinstance(answer, httpx.Response):
                            assert answer.status_code == 200, answer.text
                            answered[name] = answer.json()["voucher"]["code"]
                            waiting.remove(name)
            await wait_for_the_dead(database_url)
    assert kills == 5
    # Each customer joined once, whether the answer of the first time came through or not.
    assert sorted(answered.values()) == [f"CODE-{number:03}" for number in range(40)]
    assert await find_faults(database_url) == []
