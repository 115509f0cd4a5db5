"""What a body changes on a customer: the same rules for one customer and for many."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec
from msgspec import UNSET

from openvoucher.features.customers.schemas import CustomerBody
from openvoucher.platform.db import Row
from openvoucher.wire.dates import parse_date, parse_instant
from openvoucher.wire.errors import invalid_payload

# All that a body can set, by the name that is both the wire's and the column's. `address` is null on the
# wire whether it was cleared or never set.
FIELDS: Final = (
    "name",
    "description",
    "email",
    "phone",
    "birthday",
    "birthdate",
    "address",
    "metadata",
)
_DATES: Final = ("birthday", "birthdate")
_MERGED: Final = ("address", "metadata")

_encode = msgspec.json.Encoder(order="deterministic").encode


def read_fields(body: CustomerBody) -> dict[str, Any]:
    """The fields that were sent, as their columns hold them. Raises invalid_payload."""
    sent: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(body, field)
        if value is UNSET:
            continue
        if field in _DATES and value is not None:
            value = _read_date(field, value)
        elif field == "address" and value is not None:
            value = msgspec.to_builtins(value)
        sent[field] = value
    return sent


def find_changes(row: Row | Mapping[str, Any] | None, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that `sent` (see `read_fields`) changes on a customer, with their new values; all that it
    sets on a new one (`row` None). Empty: nothing would change."""
    changes: dict[str, Any] = {}
    cleared = set(row["cleared"]) if row is not None else set()
    cleared_before = frozenset(cleared)
    for field, value in sent.items():
        stored = row[field] if row is not None else None
        if field in _MERGED and value is not None:
            value = {**(stored or {}), **value}
            if field == "address":
                value = value or None
        if value is not None:
            cleared.discard(field)
        elif field != "address":
            cleared.add(field)
        if _differ(stored, value):
            changes[field] = value
    if cleared != cleared_before:
        changes["cleared"] = sorted(cleared)
    return changes


def _differ(stored: Any, value: Any) -> bool:
    # As JSON: to Python true and 1 are the same.
    if isinstance(stored, dict) and isinstance(value, dict):
        return _encode(stored) != _encode(value)
    return bool(stored != value)


def _read_date(field: str, text: str) -> date | None:
    """A day, or the day of an instant; an empty text clears."""
    if text == "":
        return None
    try:
        return parse_date(text)
    except ValueError:
        pass
    try:
        return parse_instant(text).date()
    except ValueError:
        raise invalid_payload(
            f"Property .{field} cannot be recognized as a ISO-8601 compliant date"
        ) from None
