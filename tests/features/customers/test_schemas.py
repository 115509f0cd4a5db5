"""How other bodies refer to a customer, and what is shown of one."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET

from openvoucher.features.customers.schemas import (
    Computed,
    CustomerBody,
    CustomerReference,
    read_customer_reference,
    show_customer,
    show_simple_customer,
)

ID = "cust_" + "0f" * 16
ROW: dict[str, Any] = {
    "id": UUID(hex="0f" * 16),
    "source_id": None,
    "name": None,
    "description": None,
    "email": None,
    "phone": None,
    "birthday": None,
    "birthdate": None,
    "address": None,
    "metadata": None,
    "system_metadata": {},
    "cleared": [],
    "created_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
    "updated_at": None,
}


@pytest.mark.parametrize("sent", [None, "", {}, {"id": None}, {"source_id": ""}, {"metadata": {}}])
def test_nobody_is_meant_by_nothing(sent: Any) -> None:
    assert read_customer_reference(msgspec.convert(sent, CustomerReference)) is None


def test_nobody_is_meant_by_what_is_absent() -> None:
    assert read_customer_reference(UNSET) is None


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (ID, CustomerBody(id=ID)),
        ("ann@example.com", CustomerBody(source_id="ann@example.com")),
        # Not an id of ours: the prefix alone says nothing.
        ("cust_ann", CustomerBody(source_id="cust_ann")),
        ({"id": ID, "source_id": "ann"}, CustomerBody(id=ID, source_id="ann")),
        ({"name": "Ann", "object": "customer"}, CustomerBody(name="Ann")),
        ({"metadata": {"a": 1}}, CustomerBody(metadata={"a": 1})),
    ],
)
def test_a_customer_is_meant_by_id_source_id_or_object(sent: Any, body: CustomerBody) -> None:
    assert read_customer_reference(msgspec.convert(sent, CustomerReference)) == body


def test_what_was_never_set_is_left_out() -> None:
    shown = msgspec.to_builtins(show_customer(ROW, Computed()))
    assert list(shown) == [
        "id",
        "source_id",
        "address",
        "summary",
        "loyalty",
        "referrals",
        "system_metadata",
        "created_at",
        "object",
    ]
    assert (shown["source_id"], shown["address"]) == (None, None)


def test_what_was_cleared_is_null() -> None:
    cleared = ["birthday", "birthdate", "description", "email", "metadata", "name", "phone"]
    shown = msgspec.to_builtins(show_customer({**ROW, "cleared": cleared}, Computed()))
    assert {name: shown[name] for name in cleared} == dict.fromkeys(cleared)


def test_the_simple_form_prints_its_nulls() -> None:
    assert msgspec.to_builtins(show_simple_customer(ROW)) == {
        "id": ID,
        "name": None,
        "email": None,
        "source_id": None,
        "metadata": {},
        "object": "customer",
    }
