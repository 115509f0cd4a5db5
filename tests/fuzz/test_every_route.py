"""Whatever is sent to whatever route: never a fault of ours, never an answer that was not announced.

The table of operations says which routes there are, what they take and what they answer; nothing in
here knows one of them by name, except what it takes to have something there to work on.
"""

import itertools
import os
import time
import types
import typing
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hostile_values import TELLING_TEXTS, bodies_of, forms_of, queries_of, texts, uploads, weighted
from openvoucher.app import OPERATIONS
from openvoucher.features.projects.schemas import CLIENT_FEATURES
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from openvoucher.platform.http.operations import Operation
from openvoucher.wire.ids import show_id

pytestmark = pytest.mark.slow

# Of each route. More find more: FUZZ_EXAMPLES=1000 takes half an hour.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "30"))
# Nothing here is large enough to take a second; a multiple of that is a loop or a lock.
SLOWEST_SECONDS = 10.0

# Made anew before the requests to each route, # being the number of the round, @ the project: (method, path,
# body). The ids, codes and names of the answers are then among what is sent.
FIRST_OBJECTS: tuple[tuple[str, str, Any], ...] = (
    (
        "PUT",
        "/management/v1/projects/@",
        {
            "timezone": "UTC",
            "client_trusted_domains": ["*"],
            **{f"client_{feature}_enabled": True for feature in CLIENT_FEATURES},
        },
    ),
    ("POST", "/v1/categories", {"name": "Spring #", "hierarchy": 1}),
    (
        "POST",
        "/v1/metadata-schemas",
        {"related_object": "nested_#", "properties": {"colour": {"type": "string", "optional": True}}},
    ),
    (
        "POST",
        "/v1/campaigns",
        {
            "name": "Gifts #",
            "campaign_type": "GIFT_VOUCHERS",
            "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 1000}},
        },
    ),
    (
        "POST",
        "/v1/campaigns",
        {
            "name": "Percents #",
            "category": "Spring #",
            "voucher": {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}},
        },
    ),
    ("POST", "/v1/campaigns/Gifts%20#/vouchers/GIFT-#", {}),
    ("POST", "/v1/vouchers/GIFT-#/balance", {"amount": 5}),
    (
        "POST",
        "/v1/vouchers/AMOUNT-#",
        {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 100}},
    ),
    (
        "POST",
        "/v1/vouchers/BINNED-#",
        {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 100}},
    ),
    ("DELETE", "/v1/vouchers/BINNED-#", None),
    ("POST", "/v1/customers", {"source_id": "ann-#", "name": "Ann", "metadata": {"colour": "red"}}),
    (
        "POST",
        "/v1/segments",
        {"name": "Reds #", "type": "passive", "filter": {"name": {"conditions": {"$is": ["Ann"]}}}},
    ),
    ("POST", "/v1/segments", {"name": "Few #", "type": "static", "customers": [{"source_id": "ann-#"}]}),
    ("POST", "/v1/products", {"source_id": "shirt-#", "name": "Shirt", "price": 1000}),
    ("POST", "/v1/products/shirt-#/skus", {"source_id": "red-shirt-#", "sku": "Red", "price": 1100}),
    (
        "POST",
        "/v1/product-collections",
        {
            "name": "Clothes #",
            "type": "AUTO_UPDATE",
            "filter": {"junction": "and", "name": {"conditions": {"$is": ["Shirt"]}}},
        },
    ),
    (
        "POST",
        "/v1/orders",
        {
            "source_id": "order-#",
            "customer": {"source_id": "ann-#"},
            "items": [{"source_id": "shirt-#", "related_object": "product", "quantity": 2}],
        },
    ),
    ("POST", "/v1/publications", {"customer": {"source_id": "ann-#"}, "campaign": "Gifts #"}),
    ("POST", "/v1/exports", {"exported_object": "customer"}),
    (
        "POST",
        "/management/v1/projects/@/custom-event-schemas",
        {"name": "visit #", "schema": {"properties": {"colour": {"type": "string", "optional": True}}}},
    ),
    ("POST", "/v1/vouchers/metadata/async", {"codes": ["AMOUNT-#"], "metadata": {"colour": "red"}}),
    ("GET", "/v1/async-actions?limit=1", None),
    ("GET", "/v1/trash-bin?limit=1", None),
)

# What stands in front of a parameter in some path.
RESOURCES = {
    resource
    for row in OPERATIONS
    for resource, segment in itertools.pairwise(row.path.split("/"))
    if segment.startswith("{")
}

_DISCOUNT = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10.5}}
_GIFT = {"type": "GIFT_VOUCHER", "gift": {"amount": 1000}}
_CARD = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 5}}

# Bodies by operation that do something, to start from; without them most requests end at the first rule.
EXAMPLES_OF_BODIES: dict[str, Sequence[Any]] = {
    "issue_token": ({"grant_type": "client_credentials", "scope": "api"},),
    "create_campaign": (
        {"voucher": _DISCOUNT},
        {"campaign_type": "GIFT_VOUCHERS", "voucher": _GIFT},
        {"campaign_type": "LOYALTY_PROGRAM", "voucher": _CARD, "vouchers_count": 10},
        {"campaign_type": "PROMOTION"},
    ),
    "create_voucher": (_DISCOUNT, _GIFT, _CARD),
    "create_random_voucher": (_DISCOUNT, _GIFT, _CARD),
    "update_voucher_balance": ({"amount": 5}, {"amount": -5}, {"amount": "5"}),
    "import_vouchers": ([{"code": "IMPORTED", **_DISCOUNT}], [{"code": "CARD", **_CARD}, {"code": "CARD"}]),
    "import_vouchers_to_campaign": (
        [{"code": "IMPORTED"}, {"code": "OTHER", "metadata": {"colour": "red"}}],
    ),
    "create_metadata_schema": ({"properties": {"size": {"type": "number", "optional": True}}},),
    "create_customer": ({"source_id": "ann"}, {"source_id": "ann", "name": None, "birthdate": "2000-02-29"}),
    "update_customers_in_bulk": ([{"source_id": "ann", "metadata": {"colour": "red"}}],),
    "create_segment": (
        {"type": "static", "customers": ["ann"]},
        {"type": "passive", "filter": {"metadata.colour": {"conditions": {"$is": ["red"]}}}},
        {"type": "auto-update", "filter": {"summary.orders.total_count": {"conditions": {"$more_than": 1}}}},
    ),
    "create_product": ({"source_id": "shirt", "price": 1000, "attributes": ["colour"]},),
    "create_sku": ({"source_id": "red-shirt", "price": 1100, "attributes": {"colour": "red"}},),
    "create_product_collection": (
        {"type": "AUTO_UPDATE", "filter": {"price": {"conditions": {"$more_than": [100]}}}},
    ),
    "create_order": (
        {"customer": {"source_id": "ann"}, "items": [{"product_id": "shirt", "quantity": 1, "price": 5}]},
        {"amount": 1000, "status": "PAID", "customer": "ann"},
    ),
    "import_orders": ([{"source_id": "imported", "amount": 1000, "status": "PAID"}],),
    "create_publication": ({"customer": "ann", "campaign": {"name": "Gifts 0", "count": 2}},),
    "create_export": (
        {"exported_object": "voucher", "parameters": {"fields": ["code"], "order": "-code"}},
        {"exported_object": "order"},
    ),
    "track_custom_event": ({"event": "visit", "customer": {"source_id": "ann"}, "metadata": {"a": 1}},),
    "track_client_event": ({"event": "visit", "customer": {"source_id": "ann"}},),
    "create_event_schema": (
        {"name": "visit", "schema": {"properties": {"a": {"type": "number", "optional": True}}}},
    ),
    "update_project": ({"client_trusted_domains": ["*.shop.example"], "timezone": "Europe/Paris"},),
    "create_project_metadata_schema": ({"properties": {"size": {"type": "number", "optional": True}}},),
}

# Operations whose refusal has no body, as the contract wants it.
WITHOUT_BODY = {"revoke_token": 404}

ERROR_FIELDS = {
    "code": int,
    "key": str,
    "message": str,
    "details": str,
    "request_id": str,
    "resource_id": str,
    "resource_type": str,
    "related_object_ids": list,
    "related_object_type": str,
    "related_object_total": int,
    "row": int,
}
FRAMEWORK_FIELDS = {"statusCode": int, "error": str, "message": str}


# Names by where they fit into a path: what stands behind /vouchers/ is the name of a voucher.
Known = dict[str, list[str]]


async def make_objects(
    client: httpx.AsyncClient, project: Project, keys: dict[str, KeyPair], number: int
) -> Known:
    """Ids, codes and names of what was made. What stands in the way by then is left out."""
    found: Known = defaultdict(list)
    found["projects"].append(show_id("proj", project.uid))
    for method, template, body in FIRST_OBJECTS:
        content = b"" if body is None else msgspec.json.encode(body).replace(b"#", b"%d" % number)
        path = template.replace("#", str(number)).replace("@", found["projects"][0])
        headers = {"Content-Type": "application/json", **manage(keys["management"])}
        answer = await client.request(method, path, content=content, headers=headers)
        assert answer.status_code < 300 or number > 0, (path, answer.text)
        if answer.status_code < 300 and answer.content:
            segments = [segment for segment in path.partition("?")[0].split("/") if segment in RESOURCES]
            collect_names(answer.json(), (segments or ["elsewhere"])[-1], found)
    return found


def collect_names(node: Any, place: str, found: Known) -> None:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "async_action_id":
                found["async-actions"].append(value)
            elif name in ("id", "code", "name", "related_object", "source_id") and isinstance(value, str):
                found[place].append(value)
            else:
                collect_names(value, name if isinstance(value, dict) else place, found)
    elif isinstance(node, list):
        for value in node:
            collect_names(value, place, found)


def headers_of(row: Operation, keys: dict[str, KeyPair]) -> dict[str, str]:
    """Those that a client with the server key lacks."""
    headers = manage(keys["management"]) if row.access == "management" else {}
    if row.access == "client":
        pair = keys["client"]
        headers = {"X-Client-Application-Id": pair.app_id, "X-Client-Token": pair.secret}
        headers["Origin"] = "https://shop.example"
    return headers


def manage(pair: KeyPair) -> dict[str, str]:
    return {"X-Management-Id": pair.app_id, "X-Management-Token": pair.secret}


@st.composite
def requests_of(draw: Any, row: Operation, known: Known) -> dict[str, Any]:
    """What httpx sends: a target, content and its type."""
    everything = [name for names in known.values() for name in names]
    any_name = st.sampled_from(everything) | texts.filter(bool)
    segments = row.path.split("/")
    for index, segment in enumerate(segments):
        if segment.startswith("{"):
            fitting = known.get(row.path.split("/")[index - 1])
            name = draw(weighted((7, st.sampled_from(fitting)), (3, any_name)) if fitting else any_name)
            # A client would take away the segments "." and "..".
            segments[index] = urllib.parse.quote(name, safe="").replace(".", "%2E")
    target = "/".join(segments)
    if row.query is not None:
        target += "?" + draw(queries_of(row.query, everything))
    sent: dict[str, Any] = {"method": row.method, "url": target}
    if row.body is not None:
        bodies = bodies_of(row.body, everything, EXAMPLES_OF_BODIES.get(row.name, ()))
        sent |= {"content": draw(bodies), "headers": {"Content-Type": "application/json"}}
    elif row.form is not None:
        content_type = "application/x-www-form-urlencoded"
        forms = forms_of(row.form, everything, EXAMPLES_OF_BODIES.get(row.name, ()))
        sent |= {"content": draw(forms), "headers": {"Content-Type": content_type}}
    elif row.upload:
        content_type, content = draw(uploads(everything))
        sent |= {"content": content, "headers": {"Content-Type": content_type}}
    return sent


def draw_requests(row: Operation, known: Known) -> list[dict[str, Any]]:
    """The same ones for the same `known`."""
    drawn: list[dict[str, Any]] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        # They are sent later: a replay would find other things on the server.
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(sent=requests_of(row, known))
    def draw(sent: dict[str, Any]) -> None:
        drawn.append(sent)

    draw()
    return drawn


async def test_no_request_is_answered_by_a_fault_or_by_what_was_not_announced(
    client: httpx.AsyncClient, project: Project, keys: dict[str, KeyPair], subtests: pytest.Subtests
) -> None:
    statuses: dict[str, Counter[int]] = {}
    for number, row in enumerate(OPERATIONS):
        route = f"{row.method} {row.path}"
        seen = statuses[route] = Counter()
        with subtests.test(route=route):
            for sent in draw_requests(row, await make_objects(client, project, keys, number)):
                headers = {**headers_of(row, keys), **sent.pop("headers", {})}
                started = time.monotonic()
                answer = await client.request(**sent, headers=headers)
                assert time.monotonic() - started < SLOWEST_SECONDS, sent
                seen[answer.status_code] += 1
                try:
                    check_answer(row, answer)
                except AssertionError as error:
                    raise AssertionError(f"{sent}\n{answer.status_code} {answer.text[:2000]}") from error

    for route, seen in statuses.items():
        print(f"{route}: {dict(seen)}")
    # Every route was there; where something can be varied it was, and not all of it fell at the first fence.
    assert [route for route, seen in statuses.items() if not seen or {*seen} == {405}] == []
    assert sum(seen.total() for seen in statuses.values()) > 20 * len(OPERATIONS)
    answered = [route for route, seen in statuses.items() if any(status < 300 for status in seen)]
    assert len(answered) > len(OPERATIONS) * 3 / 4


def check_answer(row: Operation, answer: httpx.Response) -> None:
    status = answer.status_code
    assert status < 500 or status in row.answers
    assert answer.headers["X-Request-Id"].startswith("v-")
    if status >= 400 and status not in row.answers:
        check_refusal(row, answer)
        return
    assert status in {row.status, *row.answers}
    model = row.answers.get(status, row.answer)
    if status in (204, 302):
        assert answer.content == b""
    elif row.media_type != "application/json":
        assert not answer.headers["Content-Type"].startswith("application/json")
    elif model is None:
        assert answer.json() == {}
    else:
        assert fits(answer.content, model), f"not a {model}"


def check_refusal(row: Operation, answer: httpx.Response) -> None:
    if WITHOUT_BODY.get(row.name) == answer.status_code and answer.content == b"":
        return
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    body = answer.json()
    fields = FRAMEWORK_FIELDS if "statusCode" in body else ERROR_FIELDS
    assert body.keys() <= fields.keys()
    assert all(isinstance(value, fields[name]) for name, value in body.items())
    assert body.get("statusCode", body.get("code")) == answer.status_code
    assert body["message"]
    if "request_id" in body:
        assert body["request_id"] == answer.headers["X-Request-Id"]


def fits(content: bytes, model: Any) -> bool:
    """Whether it can be read as the type; of a union of Structs, as one of them."""
    is_union = typing.get_origin(model) in (typing.Union, types.UnionType)
    for member in typing.get_args(model) if is_union else (model,):
        try:
            msgspec.json.decode(content, type=member)
        except msgspec.ValidationError:
            continue
        return True
    return False


def test_the_known_texts_are_texts_that_can_be_sent() -> None:
    for text in TELLING_TEXTS:
        assert text.encode().decode() == text
        assert "\0" not in text


ROW = next(row for row in OPERATIONS if row.name == "get_health")
NAMED = {"X-Request-Id": "v-1", "Content-Type": "application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (500, {"code": 500, "message": "Internal error"}, NAMED),
        (503, {"code": 503, "message": "Service unavailable"}, NAMED),
        (201, {"status": "ok"}, NAMED),
        (200, {"status": 5}, NAMED),
        (200, {}, NAMED),
        (400, {}, NAMED),
        (400, {"code": 404, "message": "Not Found"}, NAMED),
        (400, {"code": 400, "message": "Invalid payload", "traceback": "…"}, NAMED),
        (400, {"code": 400, "message": "Invalid payload", "request_id": "v-2"}, NAMED),
        (400, {"code": 400, "message": "Invalid payload"}, {**NAMED, "Content-Type": "text/plain"}),
        (200, {"status": "ok"}, {"Content-Type": "application/json"}),
    ],
)
def test_an_answer_that_should_not_be_is_noticed(status: int, body: Any, headers: dict[str, str]) -> None:
    answer = httpx.Response(status, content=msgspec.json.encode(body), headers=headers)

    with pytest.raises((AssertionError, KeyError)):
        check_answer(ROW, answer)


def test_an_answer_that_was_announced_is_not_noticed() -> None:
    check_answer(ROW, httpx.Response(200, content=b'{"status":"ok"}', headers=NAMED))
    check_answer(ROW, httpx.Response(400, content=b'{"code":400,"message":"No"}', headers=NAMED))
