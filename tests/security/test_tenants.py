"""An id of another project answers exactly like an id that never existed, for every operation.

The table of operations says which paths take ids. A new path parameter needs one function that makes
such an object (`MAKERS`); without it the test of its operation fails and says so.
"""

import dataclasses
import itertools
import re
import urllib.parse
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from openvoucher.app import OPERATIONS, make_worker
from openvoucher.features.projects.service import (
    KeyPair,
    add_key_pair,
    find_project_by_uid,
    make_key_pair,
)
from openvoucher.platform.db import Database
from openvoucher.platform.http.openapi import make_openapi
from openvoucher.platform.http.operations import Operation
from openvoucher.platform.http.reference_examples import make_example
from openvoucher.settings import Settings
from openvoucher.wire.ids import parse_id, show_id
from projects import NOW

pytestmark = pytest.mark.slow

_numbers = itertools.count(1)


@dataclasses.dataclass
class Tenant:
    """A project as its callers have it."""

    is_other: bool
    http: httpx.AsyncClient
    db: Database

    def make_name(self, what: str) -> str:
        """One that nothing else has."""
        return f"{what}-{'other' if self.is_other else 'own'}-{next(_numbers):03}"


@dataclasses.dataclass
class Made:
    """An object: all texts that name it in a path, and where its owner reads it."""

    names: list[str]
    read: str
    # What must stand for other parameters of a path with it.
    beside: dict[str, str] = dataclasses.field(default_factory=dict)


async def post(tenant: Tenant, path: str, body: Any) -> Any:
    answer = await tenant.http.post(path, json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()


async def make_campaign(tenant: Tenant) -> Made:
    body = {
        "name": tenant.make_name("Campaign"),
        "campaign_type": "GIFT_VOUCHERS",
        "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 1000}},
    }
    made = await post(tenant, "/v1/campaigns", body)
    return Made([made["id"], made["name"]], f"/v1/campaigns/{made['id']}")


async def make_voucher(tenant: Tenant) -> Made:
    body = {"type": "GIFT_VOUCHER", "gift": {"amount": 1000}}
    made = await post(tenant, f"/v1/vouchers/{tenant.make_name('CODE')}", body)
    return Made([made["id"], made["code"]], f"/v1/vouchers/{made['id']}")


async def make_category(tenant: Tenant) -> Made:
    made = await post(tenant, "/v1/categories", {"name": tenant.make_name("Category"), "hierarchy": 1})
    return Made([made["id"]], f"/v1/categories/{made['id']}")


async def make_metadata_schema(tenant: Tenant) -> Made:
    body = {"related_object": tenant.make_name("nested"), "properties": {}}
    made = await post(tenant, "/v1/metadata-schemas", body)
    return Made([made["id"], made["related_object"]], f"/v1/metadata-schemas/{made['id']}")


async def make_metadata_schema_by_id(tenant: Tenant) -> Made:
    made = await make_metadata_schema(tenant)
    return Made(made.names[:1], made.read)


async def make_async_action(tenant: Tenant) -> Made:
    body = {"codes": ["NONE"], "metadata": {}}
    made = await post(tenant, "/v1/vouchers/metadata/async", body)
    return Made([made["async_action_id"]], f"/v1/async-actions/{made['async_action_id']}")


async def make_ended_import(tenant: Tenant) -> Made:
    answer = await tenant.http.post("/v1/vouchers/importCSV", files={"file": ("codes.csv", b"Code\n")})
    await make_worker(tenant.db, Settings()).run_until_idle()
    action_id = answer.json()["async_action_id"]
    return Made([action_id], f"/v1/async-actions/{action_id}")


async def make_bin_entry(tenant: Tenant) -> Made:
    made = await make_voucher(tenant)
    await tenant.http.delete(made.read)
    entries = (await tenant.http.get("/v1/trash-bin")).json()["data"]
    return Made([entries[0]["id"]], "/v1/trash-bin")


async def make_customer(tenant: Tenant) -> Made:
    made = await post(tenant, "/v1/customers", {"source_id": tenant.make_name("customer")})
    return Made([made["id"], made["source_id"]], f"/v1/customers/{made['id']}")


async def make_segment(tenant: Tenant) -> Made:
    body = {"name": tenant.make_name("Segment"), "type": "passive", "filter": {"name": {"conditions": {}}}}
    made = await post(tenant, "/v1/segments", body)
    return Made([made["id"]], f"/v1/segments/{made['id']}")


async def make_product(tenant: Tenant) -> Made:
    made = await post(tenant, "/v1/products", {"source_id": tenant.make_name("product")})
    return Made([made["id"], made["source_id"]], f"/v1/products/{made['id']}")


async def make_sku(tenant: Tenant) -> Made:
    product = await make_product(tenant)
    made = await post(tenant, f"{product.read}/skus", {"source_id": tenant.make_name("sku")})
    return Made(
        [made["id"], made["source_id"]], f"/v1/skus/{made['id']}", beside={"product_id": product.names[0]}
    )


async def make_product_collection(tenant: Tenant) -> Made:
    product = await make_product(tenant)
    body = {
        "name": tenant.make_name("Collection"),
        "type": "STATIC",
        "products": [{"id": product.names[0], "object": "product"}],
    }
    made = await post(tenant, "/v1/product-collections", body)
    return Made([made["id"]], f"/v1/product-collections/{made['id']}")


async def make_order(tenant: Tenant) -> Made:
    made = await post(tenant, "/v1/orders", {"source_id": tenant.make_name("order"), "amount": 100})
    return Made([made["id"], made["source_id"]], f"/v1/orders/{made['id']}")


async def make_export(tenant: Tenant) -> Made:
    made = await post(tenant, "/v1/exports", {"exported_object": "voucher"})
    return Made([made["id"]], f"/v1/exports/{made['id']}")


async def make_custom_event_schema(tenant: Tenant) -> Made:
    [project] = (await find_project(tenant)).names
    path = f"/management/v1/projects/{project}/custom-event-schemas"
    made = await post(tenant, path, {"name": tenant.make_name("event"), "schema": {"properties": {}}})
    return Made([made["id"]], f"{path}/{made['id']}")


async def find_project(tenant: Tenant) -> Made:
    async with tenant.db.connection() as connection:
        uid = await connection.fetchval(
            "select uid from project where (name = 'other') = $1", tenant.is_other
        )
    return Made([show_id("proj", uid)], "/v1/campaigns")


# By name of the path parameter. A new one goes here.
MAKERS: dict[str, Callable[[Tenant], Awaitable[Made]]] = {
    "campaign_id": make_campaign,
    "code": make_voucher,
    "category_id": make_category,
    "resource": make_metadata_schema,
    "metadata_schema_id": make_metadata_schema_by_id,
    "async_action_id": make_async_action,
    "bin_entry_id": make_bin_entry,
    "project_id": find_project,
    "customer_id": make_customer,
    "segment_id": make_segment,
    "product_id": make_product,
    "sku_id": make_sku,
    "product_collection_id": make_product_collection,
    "order_id": make_order,
    "export_id": make_export,
    "custom_event_schema_id": make_custom_event_schema,
}

# By name of the operation, where it takes no other.
OTHER_MAKERS: dict[str, Callable[[Tenant], Awaitable[Made]]] = {"undo_async_action": make_ended_import}

# Bodies by operation where what the document shows is not enough to get past validation.
BODIES: dict[str, Any] = {
    "update_campaign": {"description": "new"},
    "add_vouchers_to_campaign": {},
    "add_voucher_with_code_to_campaign": {},
    "update_voucher": {"active": True},
    "create_voucher": {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 100}},
    "update_voucher_balance": {"amount": 1},
    "update_metadata_schema": {"properties": {}},
    "update_project_metadata_schema": {"properties": {}},
    "import_vouchers_to_campaign": [{"code": "IMPORTED"}],
    "export_voucher_transactions": {},
    "export_campaign_transactions": {},
}

# Where a path names what shall be made: a code of another project is as free here as any.
CREATING: dict[str, str] = {"create_voucher": "code", "add_voucher_with_code_to_campaign": "code"}

# What the contract answers about nobody, too: the segments in which a customer without anything would be.
NEVER_MISSED: dict[str, str] = {"list_customer_segments": "customer_id"}

# Reads that do something, or that show nobody's objects.
NO_LISTS = ("create_publication_by_query",)

# Addresses that are a secret themselves belong to whoever has them.
ROWS = [row for row in OPERATIONS if row.parameters and row.access != "public"]
LISTS = [
    row
    for row in OPERATIONS
    if row.method == "GET" and not row.parameters and row.access == "server" and row.name not in NO_LISTS
]

WIRE_ID = re.compile(r"\b[a-z]+_[0-9a-f]{32}\b")
ASSET_ID = re.compile(r"U2FsdGVk[\w%/+=]+")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def own(client: httpx.AsyncClient, db: Database, keys: dict[str, KeyPair]) -> Tenant:
    client.headers.update(manage(keys["management"]))
    return Tenant(is_other=False, http=client, db=db)


@pytest.fixture
async def other(other_client: httpx.AsyncClient, db: Database) -> Tenant:
    tenant = Tenant(is_other=True, http=other_client, db=db)
    pair = make_key_pair("management")
    async with db.transaction() as connection:
        uid = parse_id("proj", (await find_project(tenant)).names[0])
        project = uid and await find_project_by_uid(connection, uid)
        assert project
        await add_key_pair(connection, project, pair, now=NOW)
    other_client.headers.update(manage(pair))
    return tenant


def manage(pair: KeyPair) -> dict[str, str]:
    return {"X-Management-Id": pair.app_id, "X-Management-Token": pair.secret}


async def make_names(tenant: Tenant, parameters: list[str], which: int, make: Any = None) -> dict[str, str]:
    """What each parameter of a path can be, so that they go together."""
    names: dict[str, str] = {}
    for parameter in parameters:
        made = await (make or MAKERS[parameter])(tenant)
        names |= {name: text for name, text in made.beside.items() if name in parameters}
        names[parameter] = made.names[which]
    return names


def make_unknown(name: str) -> str:
    """A text of the same form that names nothing in any project."""
    if WIRE_ID.fullmatch(name):
        return f"{name.rpartition('_')[0]}_{uuid.uuid4().hex}"
    return f"{name[:-3]}zzz"


def make_request(row: Operation, names: dict[str, str], keys: dict[str, KeyPair]) -> dict[str, Any]:
    path = row.path
    for parameter, name in names.items():
        path = path.replace(f"{{{parameter}}}", urllib.parse.quote(name, safe=""))
    request: dict[str, Any] = {"method": row.method, "url": path}
    if row.access == "management":
        request["headers"] = manage(keys["management"])
    if row.upload:
        request["files"] = {"file": ("codes.csv", b"Code\nIMPORTED\n", "text/csv")}
    elif row.body is not None:
        request["json"] = BODIES[row.name] if row.name in BODIES else show_body(row)
    return request


def show_body(row: Operation) -> Any:
    document = make_openapi([row], version="1")
    [item] = document["paths"].values()
    schema = item[row.method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    return make_example(schema, document["components"]["schemas"], required_only=True)


def tell(answer: httpx.Response, sent: str) -> tuple[int, str, dict[str, str]]:
    """What a caller sees, without what differs from one call to the next."""
    text = answer.text.replace(sent, "<sent>").replace(urllib.parse.quote(sent, safe=""), "<sent>")
    text = text.replace(answer.headers["X-Request-Id"], "<request>")
    text = INSTANT.sub("<instant>", ASSET_ID.sub("<asset>", WIRE_ID.sub("<id>", text)))
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("x-request-id", "content-length")
    }
    return answer.status_code, text, headers


CASES = [(row, parameter) for row in ROWS for parameter in row.parameters]


@pytest.mark.parametrize(
    ("row", "parameter"), CASES, ids=[f"{row.method} {row.path} {parameter}" for row, parameter in CASES]
)
async def test_an_id_of_another_project_answers_like_one_that_never_existed(
    row: Operation, parameter: str, own: Tenant, other: Tenant, keys: dict[str, KeyPair]
) -> None:
    missing = {*row.parameters} - MAKERS.keys()
    assert not missing, f"MAKERS needs a function that makes what {missing} names"
    mine = await make_names(own, [name for name in row.parameters if name != parameter], 0)
    theirs = await MAKERS[parameter](other)
    before = (await other.http.get(theirs.read)).json()

    for name in theirs.names:
        unknown = make_unknown(name)
        of_theirs = await own.http.request(**make_request(row, {**mine, parameter: name}, keys))
        of_nobody = await own.http.request(**make_request(row, {**mine, parameter: unknown}, keys))

        assert tell(of_theirs, name) == tell(of_nobody, unknown)
        if parameter not in (CREATING.get(row.name), NEVER_MISSED.get(row.name)):
            assert of_theirs.status_code == 404

    assert (await other.http.get(theirs.read)).json() == before


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.method} {row.path}" for row in ROWS])
async def test_an_id_of_the_own_project_answers_otherwise(
    row: Operation, own: Tenant, keys: dict[str, KeyPair]
) -> None:
    """The control of the test above: there is something that the other project is not shown."""
    mine = await make_names(own, row.parameters, -1, OTHER_MAKERS.get(row.name))

    answer = await own.http.request(**make_request(row, mine, keys))

    if row.name in CREATING:
        assert answer.status_code == 409
    else:
        assert answer.status_code < 300, answer.text


@pytest.mark.parametrize("row", LISTS, ids=[row.path for row in LISTS])
async def test_lists_show_nothing_of_another_project(row: Operation, own: Tenant, other: Tenant) -> None:
    foreign = [
        name for make in MAKERS.values() if make is not find_project for name in (await make(other)).names
    ]

    answer = await own.http.get(row.path)

    assert answer.status_code == 200
    assert [name for name in foreign if name in answer.text] == []
    assert answer.json().get("total", 0) == 0
