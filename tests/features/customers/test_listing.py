"""The list of customers: filters, orders, pages, and the scroll that visits each once.

Each test names its customers after `code`, and asks for that name.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from builders import a_refusal, read_refusal
from openvoucher.wire.ids import new_id
from shared_project import SharedProject

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


async def insert(shared: SharedProject, name: str, *customers: Mapping[str, Any]) -> None:
    """Customers with this name; without a `created_at` one a minute, the first at noon of 1 March 2026."""
    async with shared.db.connection() as connection:
        for number, customer in enumerate(customers):
            values = {
                "project_id": shared.call.project.id,
                "id": new_id(),
                "name": name,
                "created_at": NOON + timedelta(minutes=number),
                **customer,
            }
            places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
            await connection.execute(
                f"insert into customer ({', '.join(values)}) values ({places})", *values.values()
            )


async def ask(client: httpx.AsyncClient, name: str, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/customers", params={"name": name, "limit": 100, **query})
    assert answer.status_code == 200, answer.text
    listed: dict[str, Any] = answer.json()
    return listed


def name_all(listed: Mapping[str, Any]) -> list[str | None]:
    return [customer["source_id"] for customer in listed["customers"]]


async def find(client: httpx.AsyncClient, name: str, **query: Any) -> list[str | None]:
    return name_all(await ask(client, name, **query))


# --- pages ---------------------------------------------------------------------------------------------


async def test_the_newest_come_first_ten_a_page(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    await insert(shared_project, code, *({"source_id": f"{code}-{number:02}"} for number in range(12)))
    newest_first = [f"{code}-{number:02}" for number in reversed(range(12))]
    answer = await client.get("/v1/customers", params={"name": code})
    listed = answer.json()
    assert list(listed) == ["object", "data_ref", "customers", "total"]
    assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "customers", 12)
    assert name_all(listed) == newest_first[:10]
    second = (await client.get("/v1/customers", params={"name": code, "page": 2})).json()
    assert (name_all(second), second["total"]) == (newest_first[10:], 12)
    third = (await client.get("/v1/customers", params={"name": code, "page": 3})).json()
    assert (third["customers"], third["total"]) == ([], 12)


async def test_a_customer_in_the_list_is_the_one_that_is_got_alone(
    client: httpx.AsyncClient, code: str
) -> None:
    body = {"source_id": code, "name": code, "metadata": {"a": 1}, "address": {"city": "Paris"}}
    created = (await client.post("/v1/customers", json=body)).json()
    assert (await ask(client, code))["customers"] == [created]


async def test_deleted_customers_and_those_of_other_projects_are_not_listed(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    await insert(shared_project, code, {"source_id": f"{code}-gone", "deleted_at": NOON}, {"source_id": code})
    await shared_project.other_client.post("/v1/customers", json={"source_id": code, "name": code})
    listed = await ask(client, code)
    assert (name_all(listed), listed["total"]) == ([code], 1)


async def test_all_are_counted_however_they_were_made(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    before = (await client.get("/v1/customers")).json()["total"]
    await insert(shared_project, code, {}, {}, {"deleted_at": NOON})
    assert (await client.get("/v1/customers")).json()["total"] == before + 2
    async with shared_project.db.connection() as connection:
        await connection.execute("update customer set phone = '1' where name = $1", code)
        await connection.execute("delete from customer where name = $1", code)
    assert (await client.get("/v1/customers")).json()["total"] == before
    assert (await shared_project.other_client.get("/v1/customers")).json()["total"] < before + 2


async def test_names_that_differ_far_from_their_beginning_are_not_the_same(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    long_name = code + "x" * 3000
    await insert(shared_project, long_name + "a", {"address": {"city": long_name + "b"}})
    assert len((await ask(client, long_name + "A", city=long_name + "B"))["customers"]) == 1
    assert (await ask(client, long_name + "b"))["customers"] == []
    assert (await ask(client, long_name + "a", city=long_name + "a"))["customers"] == []


# --- orders --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (None, "edcba"),
        ("-created_at", "edcba"),
        ("created_at", "abcde"),
        # Who was never changed stands behind all others, or in front of them.
        ("-updated_at", "bedca"),
        ("updated_at", "acdeb"),
        ("source_id", "abcde"),
        ("-source_id", "edcba"),
    ],
)
async def test_equals_have_an_order_too(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str, order: str | None, names: str
) -> None:
    changed = {"b": 3, "d": 2, "e": 2}
    await insert(
        shared_project,
        code,
        *(
            {
                "source_id": f"{code}-{name}",
                "created_at": NOON,
                "updated_at": NOON + timedelta(days=changed[name]) if name in changed else None,
            }
            for name in "abcde"
        ),
    )
    query = {"order": order} if order else {}
    expected = [f"{code}-{name}" for name in names]
    assert await find(client, code, **query) == expected
    pages = [await find(client, code, **query, limit=2, page=page) for page in (1, 2, 3)]
    assert [name for page in pages for name in page] == expected


async def test_those_without_a_source_id_stand_at_its_end(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    named = [{"source_id": f"{code}-{name}"} for name in "ba"]
    await insert(shared_project, code, *({"phone": str(number)} for number in range(5)), *named)
    for order, names, phones in (("source_id", "ab", "01234"), ("-source_id", "ba", "43210")):
        expected = [*(f"{code}-{name}" for name in names), *phones]
        for limit in (1, 2, 3, 4, 7):
            pages = [
                (await ask(client, code, order=order, limit=limit, page=page))["customers"]
                for page in range(1, 7 // limit + 3)
            ]
            shown = [customer["source_id"] or customer["phone"] for page in pages for customer in page]
            assert (limit, shown) == (limit, expected)
            assert {len(page) for page in pages} <= {limit, 7 % limit, 0}


async def test_an_order_that_does_not_exist_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/customers", params={"order": "name"})
    assert read_refusal(answer) == a_refusal(
        400,
        "invalid_query_params",
        "Property .order must be equal to one of the allowed values"
        " [ created_at, -created_at, updated_at, -updated_at, source_id, -source_id ]",
    )


# --- filters ---------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def three(shared_project: SharedProject, code: str) -> str:
    """`<code>-a`, `<code>-b`, `<code>-c`; only the first two have anything."""
    await insert(
        shared_project,
        code,
        {
            "source_id": f"{code}-a",
            "email": "Ann@X.com",
            "phone": "+1 933",
            "birthdate": date(1990, 2, 28),
            "address": {"city": "New York", "country": "US"},
            "metadata": {"rank": 1, "tags": ["x", "y"], "deep": {"key": "v"}},
            "updated_at": NOON,
        },
        {
            "source_id": f"{code}-b",
            "email": "bob@x.com",
            "address": {"city": "York"},
            "metadata": {"rank": 2},
            "updated_at": NOON + timedelta(days=1),
        },
        {"source_id": f"{code}-c"},
    )
    return code


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "abc"),
        ({"email": "ann@x.COM"}, "a"),
        ({"email": "ann"}, ""),
        ({"city": "new york"}, "a"),
        ({"city": "york"}, "b"),
        ({"phone": "+1 933"}, "a"),
        ({"created_at[after]": "2026-03-01T12:00:00.000Z"}, "bc"),
        ({"created_at[before]": "2026-03-01T12:01:00.000Z"}, "a"),
        ({"created_at[after]": "2026-03-01T12:00:00Z", "created_at[before]": "2026-03-01T12:02:00Z"}, "b"),
        ({"updated_at[after]": "2026-03-01"}, "ab"),
        ({"updated_at[before]": "2026-03-01T12:00:00.001Z"}, "a"),
        ({"filters[email][conditions][$ends_with]": "@x.com"}, "ab"),
        ({"filters[phone][conditions][$has_value]": "true"}, "a"),
        ({"filters[birthdate][conditions][$is]": "1990-02-28"}, "a"),
        ({"filters[address.city][conditions][$contains]": "york"}, "ab"),
        ({"filters[city][conditions][$is]": "York"}, "b"),
        ({"filters[metadata.rank][conditions][$more_than]": "1"}, "b"),
        ({"filters[metadata.rank][conditions][$is_unknown]": "true"}, "c"),
        ({"filters[metadata.tags][conditions][$is]": "y"}, "a"),
        ({"filters[metadata.deep.key][conditions][$is]": "v"}, "a"),
        ({"filters[created_at][conditions][$after]": "2026-03-01T12:01:00.000Z"}, "c"),
        ({"filters[updated_at][conditions][$is_unknown]": "true"}, "c"),
        (
            {
                "filters[metadata.rank][conditions][$is]": "1",
                "filters[city][conditions][$is]": "York",
                "filters[junction]": "OR",
            },
            "ab",
        ),
        # Those that only add up to nothing.
        ({"email": "ann@x.com", "city": "york"}, ""),
        # What nobody asked for is not refused.
        ({"cache": "123"}, "abc"),
        ({"email": ""}, "abc"),
    ],
)
async def test_a_filter_finds_who_meets_it(
    client: httpx.AsyncClient, three: str, query: dict[str, str], found: str
) -> None:
    answer = await client.get("/v1/customers", params={"name": three, "order": "created_at", **query})
    assert answer.status_code == 200, answer.text
    assert name_all(answer.json()) == [f"{three}-{name}" for name in found]
    assert answer.json()["total"] == len(found)


async def test_source_ids_are_found_whole_and_by_their_parts(client: httpx.AsyncClient, three: str) -> None:
    answer = await client.get("/v1/customers", params={"source_id": f"{three}-b"})
    assert name_all(answer.json()) == [f"{three}-b"]
    condition = {"filters[source_id][conditions][$starts_with]": f"{three}-"}
    answer = await client.get("/v1/customers", params={"order": "created_at", **condition})
    assert name_all(answer.json()) == [f"{three}-{name}" for name in "abc"]


async def test_names_are_compared_without_regard_to_case(client: httpx.AsyncClient, three: str) -> None:
    assert len((await ask(client, three.lower()))["customers"]) == 3


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ({"limit": "101"}, "Property .limit must be <= 100"),
        ({"page": "0"}, "Property .page must be >= 1"),
        (
            {"created_at[after]": "soon"},
            "Property .created_at.after cannot be recognized as a ISO-8601 compliant date",
        ),
        (
            {"starting_after": "soon"},
            "Property .starting_after cannot be recognized as a ISO-8601 compliant date",
        ),
        (
            {"starting_after": "2026-01-01", "order": "source_id"},
            "Property .starting_after needs an order by created_at or updated_at",
        ),
        ({"filters[shoe_size][conditions][$is]": "1"}, "Property .filters.shoe_size is not allowed"),
    ],
)
async def test_a_question_that_means_nothing_is_refused(
    client: httpx.AsyncClient, query: dict[str, str], details: str
) -> None:
    answer = await client.get("/v1/customers", params=query)
    assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


# --- scroll ----------------------------------------------------------------------------------------------

FIRST, LAST = "1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z"


async def scroll(client: httpx.AsyncClient, name: str, *, order: str, limit: int) -> list[list[str]]:
    """As official clients do it: from one end of time, each page after the last customer before it."""
    field = order.removeprefix("-")
    cursor = LAST if order.startswith("-") else FIRST
    pages: list[list[str]] = []
    has_more = True
    while has_more:
        listed = await ask(client, name, order=order, limit=limit, starting_after=cursor)
        pages.append([customer["source_id"] for customer in listed["customers"]])
        has_more = listed["has_more"]
        if listed["customers"]:
            cursor = listed["customers"][-1][field]
        assert len(pages) <= 100
    return pages


def at(offsets: Sequence[int], code: str, field: str = "created_at") -> list[dict[str, Any]]:
    """A customer for each of the offsets, which are microseconds after noon."""
    return [
        {"source_id": f"{code}-{number:02}", field: NOON + timedelta(microseconds=offset)}
        for number, offset in enumerate(offsets)
    ]


@pytest.mark.parametrize("order", ["created_at", "-created_at", "updated_at", "-updated_at"])
@pytest.mark.parametrize(
    ("offsets", "limit", "sizes"),
    [
        ([], 3, [0]),
        ([0, 1_000, 2_000], 3, [3]),
        ([0, 1_000, 2_000, 3_000], 3, [3, 1]),
        # A page does not end among those of one millisecond.
        ([0, 1_000, 2_000, 2_000, 2_500, 5_000], 3, {"created_at": [2, 3, 1], "-created_at": [1, 3, 2]}),
        # Those of one millisecond that fill more than a page come together.
        ([0, 0, 300, 999, 999], 2, [5]),
        (
            [0, 1_000, 1_000, 1_001, 1_002, 2_000],
            2,
            {"created_at": [1, 4, 1], "-created_at": [1, 4, 1]},
        ),
        ([1_000, 1_000, 1_000], 1, [3]),
        (range(0, 12_000, 1_000), 5, [5, 5, 2]),
    ],
)
async def test_a_scroll_visits_each_customer_once(
    shared_project: SharedProject,
    client: httpx.AsyncClient,
    code: str,
    order: str,
    offsets: Sequence[int],
    limit: int,
    sizes: Any,
) -> None:
    field = order.removeprefix("-")
    await insert(shared_project, code, *at(offsets, code, field))
    pages = await scroll(client, code, order=order, limit=limit)
    expected = [f"{code}-{number:02}" for number in range(len(offsets))]
    if order.startswith("-"):
        expected.reverse()
    assert [name for page in pages for name in page] == expected
    if isinstance(sizes, dict):
        sizes = sizes[order.replace("updated", "created")]
    assert [len(page) for page in pages] == sizes


async def test_a_scroll_says_whether_there_is_more_and_how_many_there_are(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    await insert(shared_project, code, *({"source_id": f"{code}-{name}"} for name in "abc"))
    listed = await ask(client, code, limit=2, starting_after=LAST)
    assert list(listed) == ["object", "data_ref", "customers", "total", "has_more"]
    assert (name_all(listed), listed["total"], listed["has_more"]) == ([f"{code}-c", f"{code}-b"], 3, True)
    rest = await ask(client, code, limit=2, starting_after=listed["customers"][-1]["created_at"])
    assert (name_all(rest), rest["total"], rest["has_more"]) == ([f"{code}-a"], 3, False)


async def test_without_an_order_a_scroll_goes_back_in_time(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    await insert(shared_project, code, *({"source_id": f"{code}-{name}"} for name in "abc"))
    listed = await ask(client, code, starting_after="2026-03-01T12:02:00.000Z")
    assert name_all(listed) == [f"{code}-b", f"{code}-a"]


async def test_a_scroll_by_change_leaves_out_who_was_never_changed(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    await insert(
        shared_project, code, {"source_id": f"{code}-never"}, {"source_id": code, "updated_at": NOON}
    )
    for order, cursor in (("updated_at", FIRST), ("-updated_at", LAST)):
        assert await find(client, code, order=order, starting_after=cursor) == [code]


async def test_a_scroll_heeds_the_filters(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    await insert(
        shared_project,
        code,
        *(
            {"source_id": f"{code}-{number}", "email": f"{number % 2}@x.com", "created_at": NOON}
            for number in range(6)
        ),
    )
    listed = await ask(client, code, limit=1, email="1@x.com", starting_after=LAST)
    assert name_all(listed) == [f"{code}-5", f"{code}-3", f"{code}-1"]
    assert (listed["total"], listed["has_more"]) == (3, False)
