"""Customers from CSV files: what a row means, what it overwrites, why it is refused."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import a_refusal, read_refusal
from customers_in_bulk import CustomersInBulk, an_import, strip
from database_views import count_rows, read_row_versions
from openvoucher.features.customers.imports import find_overwrites
from shared_project import SharedProject

whatever_the_portions = pytest.mark.parametrize("bulk", [1, 2, 100], indirect=True)

BLANK: dict[str, Any] = {
    "name": None,
    "description": None,
    "email": None,
    "phone": None,
    "birthday": None,
    "birthdate": None,
    "address": None,
    "metadata": None,
    "cleared": [],
}


# --- what a row means ------------------------------------------------------------------------------------


async def test_all_columns_of_a_customer(bulk: CustomersInBulk) -> None:
    result = await bulk.import_csv(
        "Name,Email,Phone,Birthdate,Source_id,Address_line_1,Address_line_2,Address_Postal_Code,Address_City,"
        "Address_State,Address_Country,Description,favourite",
        "Ann,ann@example.com,+48 1,1990-02-28,ann,1 Main St.,Apt 3,10001,New York,NY,US,a friend,tea",
    )
    assert result == an_import(1)
    (ann,) = await bulk.read_all()
    assert {name: ann[name] for name in ("source_id", "system_metadata", "object")} == {
        "source_id": "ann",
        "system_metadata": {},
        "object": "customer",
    }
    assert "updated_at" not in ann
    assert "birthday" not in ann
    assert strip(ann) == {
        "name": "Ann",
        "description": "a friend",
        "email": "ann@example.com",
        "phone": "+48 1",
        "birthdate": "1990-02-28",
        "address": {
            "line_1": "1 Main St.",
            "line_2": "Apt 3",
            "postal_code": "10001",
            "city": "New York",
            "state": "NY",
            "country": "US",
        },
        "metadata": {"favourite": "tea"},
    }


@pytest.mark.parametrize(
    "header",
    [
        "Source_id,Name",
        "SOURCE_ID,NAME",
        "source_id,name",
        "Source ID,Name",
        " Source Id , name ",
        "Source_id,Name,",
    ],
)
async def test_the_case_of_headers_does_not_matter(bulk: CustomersInBulk, header: str) -> None:
    assert await bulk.import_csv(header, "ann,Ann") == an_import(1)
    assert await bulk.read() == {"ann": {"name": "Ann"}}


async def test_empty_cells_of_a_new_customer_set_nothing(bulk: CustomersInBulk) -> None:
    header = "Source_id,Name,Email,Birthdate,Address_City,colour"
    assert await bulk.import_csv(header, "ann,,,,,", "bob,Bob") == an_import(2)
    for customer in await bulk.read_all():
        # Not even as null, but for the address, which is always shown.
        assert customer.keys() & {"email", "birthdate", "metadata", "description"} == set()
        assert customer["address"] is None


async def test_cells_are_typed_by_the_schema(bulk: CustomersInBulk) -> None:
    await bulk.make_schema(
        vip={"type": "boolean"},
        points={"type": "number"},
        since={"type": "date"},
        tags={"type": "string", "array": True},
        plain={"type": "string"},
    )
    header = "Source_id,vip,points,since,tags,plain,free"
    result = await bulk.import_csv(header, 'ann,TRUE,1.50,2026-01-31,"a,b",7,7', "bob,null,,,,,")
    assert result == an_import(2)
    assert await bulk.read() == {
        "ann": {
            "metadata": {
                "vip": True,
                "points": 1.5,
                "since": "2026-01-31",
                "tags": ["a", "b"],
                "plain": "7",
                "free": "7",
            }
        },
        "bob": {},
    }


async def test_a_birthdate_may_be_an_instant_of_that_day(bulk: CustomersInBulk) -> None:
    await bulk.import_csv("Source_id,Birthdate", "ann,1990-02-28T23:59:59Z")
    assert await bulk.read() == {"ann": {"birthdate": "1990-02-28"}}


async def test_an_email_that_is_none_is_taken(bulk: CustomersInBulk) -> None:
    assert await bulk.import_csv("Source_id,Email", "ann,not an e-mail") == an_import(1)
    assert await bulk.read() == {"ann": {"email": "not an e-mail"}}


@whatever_the_portions
async def test_rows_without_a_source_id_make_new_customers_each_time(bulk: CustomersInBulk) -> None:
    for _ in range(2):
        assert await bulk.import_csv("Source_id,Name", ",Ann", ",Ann", "bob,Bob") == an_import(3)
    assert sorted((each["source_id"] or "", each["name"]) for each in await bulk.read_all()) == [
        ("", "Ann"),
        ("", "Ann"),
        ("", "Ann"),
        ("", "Ann"),
        ("bob", "Bob"),
    ]


async def test_rows_are_listed_in_the_order_of_the_file(bulk: CustomersInBulk) -> None:
    names = ["d", "a", "c", "b", "e"]
    await bulk.import_csv("Source_id,Name", *(f"{name},{name}" for name in names))
    assert [each["name"] for each in await bulk.read_all()] == names


# --- what is there already -------------------------------------------------------------------------------


async def test_what_the_file_has_columns_for_is_overwritten(bulk: CustomersInBulk) -> None:
    before = await bulk.make(
        "ann",
        name="Ann",
        phone="1",
        email="ann@example.com",
        birthday="1990-01-01",
        address={"city": "Rome", "line_1": "1 Via", "country": "IT"},
        metadata={"old": 1, "colour": "red"},
    )
    header = "Source_id,Name,Email,Address_City,Address_line_1,colour"
    assert await bulk.import_csv(header, "ann,Anna,,Paris,,blue") == an_import(1)
    (after,) = await bulk.read_all()
    assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
    assert after["updated_at"] > before["created_at"]
    # What was cleared is shown as null.
    assert after["email"] is None
    assert strip(after) == {
        "name": "Anna",
        "phone": "1",
        "birthday": "1990-01-01",
        "address": {"city": "Paris", "country": "IT"},
        "metadata": {"colour": "blue"},
    }


async def test_a_file_without_metadata_leaves_the_metadata(bulk: CustomersInBulk) -> None:
    await bulk.make("ann", metadata={"a": 1})
    await bulk.import_csv("Source_id,Name", "ann,Ann")
    assert await bulk.read() == {"ann": {"name": "Ann", "metadata": {"a": 1}}}


@whatever_the_portions
async def test_of_rows_about_one_customer_the_later_wins(bulk: CustomersInBulk) -> None:
    result = await bulk.import_csv(
        "Source_id,Name,a,b", "ann,First,1,1", "bob,Bob,,", "ann,Second,2,", "ann,Third,,3"
    )
    assert result == an_import(4)
    assert await bulk.read() == {
        "ann": {"name": "Third", "metadata": {"b": "3"}},
        "bob": {"name": "Bob"},
    }


async def test_a_customer_that_the_file_does_not_change_is_not_written(bulk: CustomersInBulk) -> None:
    await bulk.make("ann", name="Ann", metadata={"a": "1"})
    before = await read_row_versions(bulk.db, "customer")
    assert await bulk.import_csv("Source_id,Name,a,Email", "ann,Ann,1,") == an_import(1)
    assert await read_row_versions(bulk.db, "customer") == before
    assert bulk.events[1:] == []


async def test_a_customer_by_its_id(bulk: CustomersInBulk) -> None:
    ann, bob = await bulk.make("ann"), await bulk.make()
    unknown = "cust_" + "0" * 32
    result = await bulk.import_csv(
        "Id,Source_id,Name",
        # Nobody's source id changes.
        f"{ann['id']},other,Ann",
        f"{bob['id']},,Bob",
        # Another server's id: the source id counts.
        "cust_p1ufreYbVbwZ1x70nFkH9rF9,cid,Cid",
        f"{unknown},,Dan",
        "7,,Eve",
    )
    assert result == an_import(
        3,
        (4, unknown, f"Cannot find customer with id {unknown}"),
        (5, "7", "Cannot find customer with id 7"),
    )
    assert {each["name"]: (each["id"], each["source_id"]) for each in await bulk.read_all()}.items() >= {
        ("Ann", (ann["id"], "ann")),
        ("Bob", (bob["id"], None)),
    }
    assert await bulk.read() == {"ann": {"name": "Ann"}, None: {"name": "Bob"}, "cid": {"name": "Cid"}}


async def test_a_deleted_customer_is_not_found(bulk: CustomersInBulk) -> None:
    ann = await bulk.make("ann", name="Old")
    await bulk.client.delete("/v1/customers/ann")
    result = await bulk.import_csv("Id,Source_id,Phone", f"{ann['id']},,1", ",ann,2")
    assert result == an_import(1, (1, ann["id"], f"Cannot find customer with id {ann['id']}"))
    assert await bulk.read() == {"ann": {"phone": "2"}}


async def test_another_projects_customers_are_untouched(
    bulk: CustomersInBulk, shared_project: SharedProject
) -> None:
    other = shared_project.other_client
    theirs = (await other.post("/v1/customers", json={"source_id": "ann", "name": "Theirs"})).json()
    result = await bulk.import_csv("Id,Source_id,Name", f"{theirs['id']},,Mine", ",ann,Mine")
    assert result["failed_count"] == 1
    assert (await other.get("/v1/customers/ann")).json()["name"] == "Theirs"
    assert await bulk.read() == {"ann": {"name": "Mine"}}


@pytest.mark.parametrize(
    ("stored", "sent", "changes"),
    [
        ({}, {"name": None, "address": {"city": None}, "metadata": {}}, {}),
        ({"name": "A"}, {"name": "A"}, {}),
        ({"name": "A"}, {"name": None}, {"name": None, "cleared": ["name"]}),
        ({"cleared": ["name"]}, {"name": "B"}, {"name": "B", "cleared": []}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": True}}, {"metadata": {"a": True}}),
        ({"metadata": {"a": 1, "b": 2}}, {"metadata": {"b": 2, "a": 1}}, {}),
        ({"metadata": {"a": 1}}, {"metadata": {}}, {"metadata": {}}),
        ({"cleared": ["metadata"]}, {"metadata": {"a": 1}}, {"metadata": {"a": 1}, "cleared": []}),
        ({"address": {"city": "Rome"}}, {"address": {"city": None}}, {"address": None}),
    ],
)
def test_what_a_row_changes_on_a_customer(
    stored: dict[str, Any], sent: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert find_overwrites({**BLANK, **stored}, sent) == changes


# --- rows that are refused -------------------------------------------------------------------------------


@whatever_the_portions
async def test_a_row_that_cannot_be_taken_is_told_with_its_reason_and_changes_nothing(
    bulk: CustomersInBulk,
) -> None:
    await bulk.make_schema(rank={"type": "number"}, tier={"type": "string", "optional": False})
    await bulk.make("ann", name="Ann", metadata={"rank": 1, "tier": "gold"})
    long = "x" * 501
    result = await bulk.import_csv(
        "Source_id,Name,Birthdate,Email,rank,tier",
        "ann,New,1990-02-30,,2,gold",
        "ann,New,,,high,gold",
        "ann,New,,,2,",
        "bob,Bob,,,,",
        b"cid,\xff,,,,gold",
        "dan,\x00,,,,gold",
        f"{long},,,,,gold",
        f"eve,,,{long},,gold",
        "fay,Fay,,,3,iron",
    )
    missing = "tier: must be a string, property is required (actual value is 'undefined')"
    assert result == an_import(
        1,
        (1, "ann", "Invalid value for Birthdate: 1990-02-30"),
        (2, "ann", "rank: must be a number (actual value is 'high')"),
        (3, "ann", missing),
        (4, "bob", missing),
        (5, "", "the row is not UTF-8 text"),
        (6, "dan", "the row has the character U+0000"),
        (7, long[:500], "Invalid value for Source_id: longer than 500 characters"),
        (8, "eve", "Invalid value for Email: longer than 500 characters"),
    )
    assert await bulk.read() == {
        "ann": {"name": "Ann", "metadata": {"rank": 1, "tier": "gold"}},
        "fay": {"name": "Fay", "metadata": {"rank": 3, "tier": "iron"}},
    }


async def test_a_later_row_makes_the_customer_that_an_earlier_one_could_not(bulk: CustomersInBulk) -> None:
    await bulk.make_schema(rank={"type": "number"})
    result = await bulk.import_csv("Source_id,rank", "ann,x", "ann,1")
    assert result["failed_count"] == 1
    assert await bulk.read() == {"ann": {"metadata": {"rank": 1}}}


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("code,colour", ""),
        ("Source_id;Name", "; columns must be separated by commas, this file uses ;"),
        ("Source_id\tName", "; columns must be separated by commas, this file uses tabs"),
    ],
)
async def test_a_file_without_a_column_of_customers_makes_none(
    bulk: CustomersInBulk, header: str, hint: str
) -> None:
    result = await bulk.import_csv(header, "a,b")
    assert result == an_import(0, (1, "", f"The header names no column of customers{hint}"))
    assert await bulk.read_all() == []


async def test_an_empty_file_is_refused_and_leaves_nothing(bulk: CustomersInBulk) -> None:
    before = await count_rows(bulk.db)
    answer = await bulk.client.post("/v1/customers/importCSV", files={"file": ("c.csv", b"", "text/csv")})
    assert read_refusal(answer) == a_refusal(
        400, "invalid_payload", "The file is empty: its first line names the columns"
    )
    assert await count_rows(bulk.db) == before


async def test_a_file_with_nothing_but_a_header_is_done_at_once(bulk: CustomersInBulk) -> None:
    assert await bulk.import_csv("Source_id,Name") == an_import(0)
    assert await bulk.read_all() == []


# --- who hears of it -------------------------------------------------------------------------------------


async def test_one_event_of_a_portion_names_those_that_it_changed(bulk: CustomersInBulk) -> None:
    await bulk.make("same", name="Same")
    await bulk.worker.run_until_idle()
    bulk.events.clear()
    # Portions of two rows.
    await bulk.import_csv("Source_id,Name", "a,A", "same,Same", "b,B", "b,Bb", "same,Same")
    customers = {
        each["source_id"]: UUID(each["id"].removeprefix("cust_")).hex for each in await bulk.read_all()
    }
    assert [(event.type, event.customer_id, event.data) for event in bulk.events] == [
        ("customers.changed", None, {"customer_ids": [customers["a"]]}),
        ("customers.changed", None, {"customer_ids": [customers["b"]]}),
    ]
    assert bulk.events[0].source["channel"] == "API"
    assert bulk.events[0].group_id.startswith("v-")


async def test_the_customers_of_an_import_have_no_activity(bulk: CustomersInBulk) -> None:
    await bulk.import_csv("Source_id,Name", "ann,Ann")
    listed: httpx.Response = await bulk.client.get("/v1/customers/ann/activity")
    assert listed.json()["data"] == []
