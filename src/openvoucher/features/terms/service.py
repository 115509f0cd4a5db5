"""Reads terms from requests into what is stored, and refuses those that cannot work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from openvoucher.engine.codes import CodePattern, InvalidCodeConfig, make_code_pattern
from openvoucher.engine.inheritance import effective_fields
from openvoucher.engine.periods import InvalidPeriod, make_period, validate_period
from openvoucher.features.categories.service import find_category
from openvoucher.features.metadata_schemas.service import load_custom_schemas, load_schema
from openvoucher.features.terms.schemas import (
    CodeConfig,
    Discount,
    DiscountUnit,
    Gift,
    Labels,
    Validity,
)
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.dates import format_instant, parse_instant
from openvoucher.wire.errors import invalid_code_config, invalid_gift, invalid_payload
from openvoucher.wire.metadata import check_metadata

_VALUE_FIELD: Final = {"AMOUNT": "amount_off", "PERCENT": "percent_off", "FIXED": "fixed_amount"}
_ORDER_EFFECTS: Final = ("APPLY_TO_ORDER", "APPLY_TO_ITEMS")
_EFFECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "AMOUNT": (
        *_ORDER_EFFECTS,
        "APPLY_TO_ITEMS_PROPORTIONALLY",
        "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
        "APPLY_TO_ITEMS_BY_QUANTITY",
    ),
    "PERCENT": _ORDER_EFFECTS,
    "FIXED": _ORDER_EFFECTS,
    "UNIT": ("ADD_MISSING_ITEMS", "ADD_NEW_ITEMS", "ADD_SAME_ITEMS", "ADD_MANY_ITEMS"),
}
VALIDITY_FIELDS: Final = (
    "start_date",
    "expiration_date",
    "validity_timeframe",
    "validity_day_of_week",
    "validity_hours",
)
_MOST_CREDITS: Final = 2**53


def read_discount(discount: Discount, *, path: str = ".discount") -> dict[str, Any]:
    """The discount as it is stored and shown: what was sent, whole numbers without a fraction.

    Raises invalid_payload when a field that its type needs is missing or its effect is another
    type's.
    """
    if discount.type == "UNIT":
        _check_units(discount, path)
    else:
        field = _VALUE_FIELD[discount.type]
        if getattr(discount, field) is None and getattr(discount, f"{field}_formula") is None:
            raise invalid_payload(f"Property {path} must have required property '{field}'")
    effects = _EFFECTS[discount.type]
    if discount.effect is not None and discount.effect not in effects:
        raise invalid_payload(
            f"Property {path}.effect must be equal to one of the allowed values [ {', '.join(effects)} ]"
        )
    stored: dict[str, Any] = msgspec.to_builtins(discount)
    if isinstance(discount.percent_off, float) and discount.percent_off.is_integer():
        stored["percent_off"] = int(discount.percent_off)
    if any(name.endswith("_formula") for name in stored):
        stored["is_dynamic"] = True
    return stored


def _check_units(discount: Discount, path: str) -> None:
    units: list[DiscountUnit] = discount.units or []
    if discount.effect == "ADD_MANY_ITEMS":
        if not units:
            raise invalid_payload(f"Property {path} must have required property 'units'")
    elif not discount.unit_type:
        raise invalid_payload(f"Property {path} must have required property 'unit_type'")


def read_gift(gift: Gift) -> dict[str, Any]:
    """Raises invalid_gift."""
    if gift.amount <= 0:
        raise invalid_gift("Property 'gift.amount' must be greater than zero")
    if gift.amount > _MOST_CREDITS:
        raise invalid_gift(f"Property 'gift.amount' must not be greater than {_MOST_CREDITS}")
    stored: dict[str, Any] = msgspec.to_builtins(gift)
    return stored


def read_validity(validity: Validity) -> dict[str, Any]:
    """The fields that were sent, as they are stored; null stays null. Raises invalid_payload."""
    sent: dict[str, Any] = {}
    for field in VALIDITY_FIELDS:
        value = getattr(validity, field)
        if value is UNSET:
            continue
        if field in ("start_date", "expiration_date") and value is not None:
            sent[field] = read_date(value, field)
        else:
            sent[field] = msgspec.to_builtins(value)
    if sent:
        _make(sent)
    return sent


def read_date(text: str, field: str) -> str | None:
    """A date of the wire in its stored form; an empty text clears. Raises invalid_payload."""
    if text == "":
        return None
    try:
        return format_instant(parse_instant(text))
    except ValueError:
        raise invalid_payload(
            f"Property .{field} cannot be recognized as a ISO-8601 compliant date"
        ) from None


def check_validity(terms: Mapping[str, Any]) -> None:
    """Raises invalid_payload if the limits that hold together contradict each other."""
    period = _make(terms)
    try:
        validate_period(period)
    except InvalidPeriod as error:
        raise invalid_payload(f"Property .{error.field} {error.reason}") from None


def _make(terms: Mapping[str, Any]) -> Any:
    try:
        return make_period(
            starts_at=read_instant(terms.get("start_date")),
            expires_at=read_instant(terms.get("expiration_date")),
            timeframe=terms.get("validity_timeframe"),
            days_of_week=terms.get("validity_day_of_week"),
            hours=terms.get("validity_hours"),
        )
    except InvalidPeriod as error:
        raise invalid_payload(f"Property .{error.field} {error.reason}") from None


def read_instant(stored: str | None) -> datetime | None:
    return parse_instant(stored) if stored else None


def read_code_config(
    config: CodeConfig | None, *, inherited: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], CodePattern]:
    """The code config as the wire shows it, and its pattern. Parts that are absent come from
    `inherited` (the campaign's); a length given alone replaces the inherited pattern.

    Raises invalid_code_config.
    """
    given: dict[str, Any] = msgspec.to_builtins(config) if config else {}
    merged = {**(inherited or {}), **given}
    if "length" in given and "pattern" not in given:
        merged.pop("pattern", None)
    try:
        pattern = make_code_pattern(
            length=merged.get("length"),
            charset=merged.get("charset"),
            pattern=merged.get("pattern"),
            prefix=merged.get("prefix"),
            postfix=merged.get("postfix"),
        )
    except InvalidCodeConfig as error:
        raise invalid_code_config(error.reason) from None
    shown = {"length": pattern.hashes, "charset": pattern.charset, "pattern": pattern.pattern}
    if pattern.prefix:
        shown["prefix"] = pattern.prefix
    if pattern.postfix:
        shown["postfix"] = pattern.postfix
    return shown, pattern


def resolve_terms(row: Row | Mapping[str, Any]) -> dict[str, Any]:
    """The effective terms of a voucher row that was read with its campaign's revision."""
    return effective_fields(row["inherited"] or {}, row["sent"] or {}, row["own"], row["own_revision"])


def category_of(terms: Mapping[str, Any]) -> UUID | None:
    stored = terms.get("category_id")
    return UUID(hex=stored) if stored else None


async def read_category(connection: Connection, project_id: int, labels: Labels) -> str | None | UnsetType:
    """The id to store for a category that was sent by name or id (the id counts where both were
    sent); None clears, UNSET: nothing was sent. Raises not_found."""
    category_id, name = labels.category_id, labels.category
    if isinstance(category_id, str) and category_id:
        category = await find_category(connection, project_id, category_id=category_id)
    elif isinstance(name, str) and name:
        category = await find_category(connection, project_id, name=name)
    elif category_id is UNSET and name is UNSET:
        return UNSET
    else:
        return None
    return category.id.removeprefix("cat_")


async def check_object_metadata(
    connection: Connection, project_id: int, related_object: str, metadata: dict[str, Any], *, partial: bool
) -> None:
    """Hold metadata against the project's schema of that object; `partial`: only what was sent.
    Raises metadata_validation_failed."""
    schema = await load_schema(connection, project_id, related_object)
    if schema is not None:
        custom = await load_custom_schemas(connection, project_id)
        check_metadata(metadata, schema, partial=partial, custom=custom)
