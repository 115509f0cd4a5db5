"""Whatever is sent to whatever route: never a fault of ours, never an answer that was not announced.

The table of operations says which routes there are, what they take and what they answer; nothing in
here knows one of them by name, except what it takes to have something there to work on.
"""

import os
import time
import types
import typing
import urllib.parse
from typing import Any

import httpx
import msgspec
import pytest
from hostile_values import TELLING_TEXTS, bodies_of, forms_of, queries_of, texts, uploads
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from openvoucher.app import OPERATIONS
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.http.operations import Operation

pytestmark = pytest.mark.slow

# Of each route. More find more: FUZZ_EXAMPLES=1000 takes half an hour.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
# Nothing here is large enough to take a second; a multiple of that is a loop or a lock.
SLOWEST_SECONDS = 10.0

# What stands on the server before the first hostile call: (method, path, body). The answers' ids, codes
# and names are then among what is sent.
FIRST_OBJECTS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/v1/categories", {"name": "Spring", "hierarchy": 1}),
    (
        "POST",
        "/v1/metadata-schemas",
        {"related_object": "voucher", "properties": {"colour": {"type": "string", "optional": True}}},
    ),
    (
        "POST",
        "/v1/campaigns",
        {
            "name": "Gifts",
            "campaign_type": "GIFT_VOUCHERS",
            "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 1000}},
        },
    ),
    (
        "POST",
        "/v1/campaigns",
        {
            "name": "Percents",
            "category": "Spring",
            "voucher": {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}},
        },
    ),
    ("POST", "/v1/campaigns/Gifts/vouchers/GIFT-1", {}),
    ("POST", "/v1/vouchers/GIFT-1/balance", {"amount": 5}),
    (
        "POST",
        "/v1/vouchers/AMOUNT-1",
        {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 100}},
    ),
    (
        "POST",
        "/v1/vouchers/BINNED",
        {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 100}},
    ),
    ("DELETE", "/v1/vouchers/BINNED", None),
    ("POST", "/v1/vouchers/metadata/async", {"codes": ["AMOUNT-1"], "metadata": {"colour": "red"}}),
    ("GET", "/v1/async-actions", None),
    ("GET", "/v1/trash-bin", None),
)

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
}
FRAMEWORK_FIELDS = {"statusCode": int, "error": str, "message": str}


@pytest.fixture
async def known(client: httpx.AsyncClient) -> tuple[str, ...]:
    """Ids, codes and names of what stands on the server."""
    found: set[str] = set()
    for method, path, body in FIRST_OBJECTS:
        answer = await client.request(method, path, json=body)
        assert answer.status_code < 300, (path, answer.text)
        if answer.content:
            collect_names(answer.json(), found)
    return tuple(sorted(found))


def collect_names(node: Any, found: set[str]) -> None:
    if isinstance(node, dict):
        for name, value in node.items():
            if isinstance(value, str) and (name in ("code", "name") or name.endswith("id")) and value:
                found.add(value)
            collect_names(value, found)
    elif isinstance(node, list):
        for value in node:
            collect_names(value, found)


def headers_of(row: Operation, keys: dict[str, KeyPair]) -> dict[str, str]:
    if row.access == "management":
        pair = keys["management"]
        return {"X-Management-Id": pair.app_id, "X-Management-Token": pair.secret}
    return {}


@st.composite
def requests_of(draw: Any, row: Operation, known: tuple[str, ...]) -> dict[str, Any]:
    """What httpx sends: a target, content and its type."""
    words = st.sampled_from(known) | st.sampled_from(known) | texts.filter(bool)
    target = row.path
    for name in row.parameters:
        target = target.replace(f"{{{name}}}", urllib.parse.quote(draw(words), safe=""))
    if row.query is not None:
        target += "?" + draw(queries_of(row.query, known))
    sent: dict[str, Any] = {"method": row.method, "url": target}
    if row.body is not None:
        sent |= {"content": draw(bodies_of(row.body, known)), "headers": {"Content-Type": "application/json"}}
    elif row.form is not None:
        content_type = "application/x-www-form-urlencoded"
        sent |= {"content": draw(forms_of(row.form, known)), "headers": {"Content-Type": content_type}}
    elif row.upload:
        content_type, content = draw(uploads(known))
        sent |= {"content": content, "headers": {"Content-Type": content_type}}
    return sent


@pytest.mark.parametrize("row", OPERATIONS, ids=[f"{row.method} {row.path}" for row in OPERATIONS])
async def test_no_request_is_answered_by_a_fault_or_by_what_was_not_announced(
    row: Operation, client: httpx.AsyncClient, known: tuple[str, ...], keys: dict[str, KeyPair]
) -> None:
    statuses: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        # A failing request is short as it is, and replaying it changes what stands on the server.
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(sent=requests_of(row, known))
    def collect(sent: dict[str, Any]) -> None:
        requests.append(sent)

    requests: list[dict[str, Any]] = []
    collect()
    for sent in requests:
        headers = {**headers_of(row, keys), **sent.pop("headers", {})}
        started = time.monotonic()
        answer = await client.request(**sent, headers=headers)
        assert time.monotonic() - started < SLOWEST_SECONDS, sent
        statuses.append(answer.status_code)
        try:
            check_answer(row, answer)
        except AssertionError as error:
            raise AssertionError(f"{sent}\n{answer.status_code} {answer.text[:2000]}") from error

    # Every route was there, and not all of what was sent to it fell at the first fence.
    simple = row.body is row.form is row.query is None and not row.parameters and not row.upload
    assert len(statuses) >= (1 if simple else EXAMPLES // 2)
    assert 405 not in statuses or {*statuses} != {405}


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
