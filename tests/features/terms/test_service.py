"""Terms of requests, read into what is stored."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET

from builders import CHARSET, DEFAULT_CODE_CONFIG, a_refusal, not_there
from openvoucher.features.categories.schemas import CategoryBody
from openvoucher.features.categories.service import create_category
from openvoucher.features.metadata_schemas.schemas import CreateSchemaBody
from openvoucher.features.metadata_schemas.service import create_metadata_schema
from openvoucher.features.terms.schemas import CodeConfig, Discount, Gift, Labels, Validity
from openvoucher.features.terms.service import (
    category_of,
    check_object_metadata,
    check_validity,
    read_category,
    read_code_config,
    read_date,
    read_discount,
    read_gift,
    read_instant,
    read_validity,
    resolve_terms,
)
from openvoucher.platform.call import Call
from openvoucher.wire.errors import ApiError

EFFECTS = {
    "AMOUNT": [
        "APPLY_TO_ORDER",
        "APPLY_TO_ITEMS",
        "APPLY_TO_ITEMS_PROPORTIONALLY",
        "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
        "APPLY_TO_ITEMS_BY_QUANTITY",
    ],
    "PERCENT": ["APPLY_TO_ORDER", "APPLY_TO_ITEMS"],
    "FIXED": ["APPLY_TO_ORDER", "APPLY_TO_ITEMS"],
    "UNIT": ["ADD_MISSING_ITEMS", "ADD_NEW_ITEMS", "ADD_SAME_ITEMS", "ADD_MANY_ITEMS"],
}
NEEDED: dict[str, dict[str, Any]] = {
    "AMOUNT": {"amount_off": 500},
    "PERCENT": {"percent_off": 10},
    "FIXED": {"fixed_amount": 500},
    "UNIT": {"unit_type": "prod_1", "units": [{"unit_type": "prod_2"}]},
}


def refusal_of(error: pytest.ExceptionInfo[ApiError]) -> dict[str, Any]:
    body = error.value.body("v-0")
    assert body.pop("request_id") == "v-0"
    return body


def a_discount(**fields: Any) -> Discount:
    return msgspec.convert(fields, Discount)


# --- discounts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"type": "AMOUNT", "amount_off": 500}, {"type": "AMOUNT", "amount_off": 500}),
        (
            {"type": "AMOUNT", "amount_off": 0, "aggregated_amount_limit": 10, "effect": "APPLY_TO_ITEMS"},
            {"type": "AMOUNT", "amount_off": 0, "aggregated_amount_limit": 10, "effect": "APPLY_TO_ITEMS"},
        ),
        ({"type": "PERCENT", "percent_off": 10.0}, {"type": "PERCENT", "percent_off": 10}),
        ({"type": "PERCENT", "percent_off": 12.5}, {"type": "PERCENT", "percent_off": 12.5}),
        (
            {"type": "PERCENT", "percent_off": 100, "amount_limit": 5000},
            {"type": "PERCENT", "percent_off": 100, "amount_limit": 5000},
        ),
        ({"type": "FIXED", "fixed_amount": 700}, {"type": "FIXED", "fixed_amount": 700}),
        (
            {"type": "UNIT", "unit_type": "prod_5h1pp1ng", "unit_off": 1},
            {"type": "UNIT", "unit_type": "prod_5h1pp1ng", "unit_off": 1},
        ),
        ({"type": "UNIT", "unit_type": "prod_1"}, {"type": "UNIT", "unit_type": "prod_1"}),
        (
            {
                "type": "UNIT",
                "effect": "ADD_MANY_ITEMS",
                "units": [
                    {"unit_type": "prod_1", "unit_off": 1, "effect": "ADD_NEW_ITEMS"},
                    {"unit_type": "sku_2", "unit_off": 2, "effect": "ADD_MISSING_ITEMS"},
                ],
            },
            {
                "type": "UNIT",
                "effect": "ADD_MANY_ITEMS",
                "units": [
                    {"unit_type": "prod_1", "unit_off": 1, "effect": "ADD_NEW_ITEMS"},
                    {"unit_type": "sku_2", "unit_off": 2, "effect": "ADD_MISSING_ITEMS"},
                ],
            },
        ),
        (
            {"type": "AMOUNT", "amount_off_formula": "5*2"},
            {"type": "AMOUNT", "amount_off_formula": "5*2", "is_dynamic": True},
        ),
        (
            {"type": "PERCENT", "percent_off": 5, "percent_off_formula": "5*2", "is_dynamic": False},
            {"type": "PERCENT", "percent_off": 5, "percent_off_formula": "5*2", "is_dynamic": True},
        ),
        # What nobody set, and what nobody knows, is not shown.
        (
            {"type": "AMOUNT", "amount_off": 5, "effect": None, "percent_off": None, "colour": "red"},
            {"type": "AMOUNT", "amount_off": 5},
        ),
    ],
)
def test_a_discount_is_kept_as_it_was_sent(sent: dict[str, Any], stored: dict[str, Any]) -> None:
    assert read_discount(a_discount(**sent)) == stored
    # (1 == 1.0 == True in Python.)
    assert repr(read_discount(a_discount(**sent)).get("percent_off")) == repr(stored.get("percent_off"))


@pytest.mark.parametrize(("type", "effect"), [(type, each) for type in EFFECTS for each in EFFECTS[type]])
def test_each_type_has_its_effects(type: str, effect: str) -> None:
    assert read_discount(a_discount(type=type, effect=effect, **NEEDED[type]))["effect"] == effect


@pytest.mark.parametrize(
    ("type", "effect"),
    [
        (type, effect)
        for type in EFFECTS
        # Sorted: test processes must agree on the order.
        for effect in sorted({each for others in EFFECTS.values() for each in others} - {*EFFECTS[type]})
    ],
)
def test_the_effects_of_other_types_are_refused(type: str, effect: str) -> None:
    with pytest.raises(ApiError) as error:
        read_discount(a_discount(type=type, effect=effect, **NEEDED[type]))
    allowed = ", ".join(EFFECTS[type])
    details = f"Property .discount.effect must be equal to one of the allowed values [ {allowed} ]"
    assert refusal_of(error) == a_refusal(400, "invalid_payload", details)


@pytest.mark.parametrize(
    ("sent", "missing"),
    [
        ({"type": "AMOUNT", "percent_off": 10}, "amount_off"),
        ({"type": "PERCENT", "amount_off": 10}, "percent_off"),
        ({"type": "FIXED"}, "fixed_amount"),
        ({"type": "UNIT", "unit_off": 1}, "unit_type"),
        ({"type": "UNIT", "unit_type": ""}, "unit_type"),
        ({"type": "UNIT", "effect": "ADD_MANY_ITEMS", "unit_type": "prod_1"}, "units"),
        ({"type": "UNIT", "effect": "ADD_MANY_ITEMS", "units": []}, "units"),
    ],
)
def test_a_discount_needs_what_its_type_needs(sent: dict[str, Any], missing: str) -> None:
    with pytest.raises(ApiError) as error:
        read_discount(a_discount(**sent), path=".voucher.discount")
    details = f"Property .voucher.discount must have required property '{missing}'"
    assert refusal_of(error) == a_refusal(400, "invalid_payload", details)


# --- gifts -----------------------------------------------------------------------------------------


def test_a_gift_says_what_it_applies_to() -> None:
    assert read_gift(Gift(amount=1)) == {"amount": 1, "effect": "APPLY_TO_ORDER"}
    gift = {"amount": 2**53, "effect": "APPLY_TO_ITEMS"}
    assert read_gift(msgspec.convert(gift, Gift)) == gift


@pytest.mark.parametrize("amount", [0, -1, 2**53 + 1])
def test_a_gift_is_worth_something_that_every_client_can_hold(amount: int) -> None:
    with pytest.raises(ApiError) as error:
        read_gift(Gift(amount=amount))
    details = "Property 'gift.amount' must be greater than zero"
    if amount > 0:
        details = "Property 'gift.amount' must not be greater than 9007199254740992"
    assert refusal_of(error) == a_refusal(400, "invalid_gift", details)


# --- validity --------------------------------------------------------------------------------------


def test_what_was_not_sent_is_not_stored_and_a_null_is() -> None:
    assert read_validity(Validity()) == {}
    nulls: dict[str, Any] = dict.fromkeys(
        (
            "start_date",
            "expiration_date",
            "validity_timeframe",
            "validity_day_of_week",
            "validity_hours",
        )
    )
    assert read_validity(Validity(**nulls)) == nulls


def test_validity_is_stored_as_the_wire_shows_it() -> None:
    sent = {
        "start_date": "2026-03-01T01:00:00+01:00",
        "expiration_date": "2026-05-31",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "validity_day_of_week": [0, 6],
        "validity_hours": {"daily": [{"start_time": "16:00", "days_of_week": [5]}]},
        "category": "not of validity",
        "metadata": {"a": 1},
    }
    assert read_validity(msgspec.convert(sent, Validity)) == {
        "start_date": "2026-03-01T00:00:00.000Z",
        "expiration_date": "2026-05-31T00:00:00.000Z",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "validity_day_of_week": [0, 6],
        "validity_hours": {"daily": [{"start_time": "16:00", "days_of_week": [5]}]},
    }


@pytest.mark.parametrize(
    ("sent", "details"),
    [
        (
            {"start_date": "1 March"},
            "Property .start_date cannot be recognized as a ISO-8601 compliant date",
        ),
        (
            {"expiration_date": "2026-02-29"},
            "Property .expiration_date cannot be recognized as a ISO-8601 compliant date",
        ),
        ({"expiration_date": "0001-01-01"}, "Property .expiration_date must be between the years 2 and 9999"),
        (
            {"validity_timeframe": {"interval": "P2D", "duration": "PT0S"}},
            "Property .validity_timeframe.duration must be longer than zero",
        ),
        (
            {"validity_timeframe": {"interval": "1 day", "duration": "P1D"}},
            "Property .validity_timeframe.interval must be an ISO 8601 duration such as P1D or PT2H30M",
        ),
        (
            {"validity_hours": {"daily": [{"start_time": "9:00", "days_of_week": [1]}]}},
            "Property .validity_hours.daily[0].start_time must be a time from 00:00 to 23:59, written HH:mm",
        ),
        (
            {
                "validity_hours": {
                    "daily": [{"start_time": "22:00", "expiration_time": "06:00", "days_of_week": [1]}]
                }
            },
            "Property .validity_hours.daily[0].expiration_time must be later than start_time on the same day",
        ),
        (
            {
                "validity_hours": {
                    "daily": [
                        {"start_time": "09:00", "expiration_time": "12:00", "days_of_week": [1, 2]},
                        {"start_time": "11:00", "expiration_time": "13:00", "days_of_week": [2]},
                    ]
                }
            },
            "Property .validity_hours.daily[1] must not overlap validity_hours.daily[0]",
        ),
    ],
)
def test_a_limit_that_makes_no_sense_by_itself_is_refused(sent: dict[str, Any], details: str) -> None:
    with pytest.raises(ApiError) as error:
        read_validity(msgspec.convert(sent, Validity))
    assert refusal_of(error) == a_refusal(400, "invalid_payload", details)


def test_limits_are_held_together_only_when_all_of_them_are_known() -> None:
    """An update that sends one of them is read before it is laid over what is stored."""
    window = {"interval": "P2D", "duration": "P1D"}
    sent = read_validity(msgspec.convert({"validity_timeframe": window}, Validity))
    check_validity({"start_date": "2026-03-01T00:00:00.000Z", **sent})
    with pytest.raises(ApiError) as error:
        check_validity(sent)
    details = "Property .validity_timeframe needs a start_date"
    assert refusal_of(error) == a_refusal(400, "invalid_payload", details)


@pytest.mark.parametrize(
    ("start", "end", "fits"),
    [
        ("2026-03-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z", True),
        ("2026-03-01T00:00:00.001Z", "2026-03-01T00:00:00.000Z", False),
        (None, "2026-03-01T00:00:00.000Z", True),
        ("2026-03-01T00:00:00.000Z", None, True),
    ],
)
def test_the_end_is_not_before_the_start(start: str | None, end: str | None, fits: bool) -> None:
    terms = {"start_date": start, "expiration_date": end}
    if fits:
        check_validity(terms)
        return
    with pytest.raises(ApiError) as error:
        check_validity(terms)
    details = "Property .expiration_date must not be before start_date"
    assert refusal_of(error) == a_refusal(400, "invalid_payload", details)


def test_dates_are_read_and_stored_alike() -> None:
    assert read_date("2026-03-01T13:00:00.1239+01:00", "start_date") == "2026-03-01T12:00:00.123Z"
    assert read_date("", "start_date") is None
    stored = read_instant("2026-03-01T12:00:00.123Z")
    assert stored == datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
    assert read_instant(None) is None


# --- code config -----------------------------------------------------------------------------------

STORED = {"length": 4, "charset": "01", "pattern": "A-####", "prefix": "<", "postfix": ">"}


@pytest.mark.parametrize(
    ("sent", "inherited", "shown"),
    [
        (None, None, DEFAULT_CODE_CONFIG),
        (None, {}, DEFAULT_CODE_CONFIG),
        (None, STORED, STORED),
        ({}, STORED, STORED),
        ({"charset": "ab"}, STORED, {**STORED, "charset": "ab"}),
        ({"pattern": "B-##"}, STORED, {**STORED, "pattern": "B-##", "length": 2}),
        ({"length": 3}, STORED, {**STORED, "pattern": "###", "length": 3}),
        ({"length": 3, "pattern": "B-##"}, STORED, {**STORED, "pattern": "B-##", "length": 2}),
        ({"prefix": "["}, STORED, {**STORED, "prefix": "["}),
        (
            {"prefix": "", "postfix": ""},
            STORED,
            {"length": 4, "charset": "01", "pattern": "A-####"},
        ),
        (dict.fromkeys(STORED), STORED, STORED),
        ({"length": 2}, None, {"length": 2, "charset": CHARSET, "pattern": "##"}),
    ],
)
def test_what_a_code_config_leaves_out_is_inherited(
    sent: dict[str, Any] | None, inherited: dict[str, Any] | None, shown: dict[str, Any]
) -> None:
    config = None if sent is None else msgspec.convert(sent, CodeConfig)
    read, pattern = read_code_config(config, inherited=inherited)
    assert read == shown
    assert (pattern.pattern, pattern.charset, pattern.hashes) == (
        shown["pattern"],
        shown["charset"],
        shown["length"],
    )
    assert (pattern.prefix, pattern.postfix) == (shown.get("prefix", ""), shown.get("postfix", ""))


@pytest.mark.parametrize(
    ("sent", "details"),
    [
        ({"charset": ""}, "charset must have at least one character"),
        ({"pattern": "#" * 129}, "pattern must have at most 128 # characters"),
        ({"prefix": "x" * 493}, "codes must have at most 500 characters"),
        ({"pattern": "A\t##"}, "pattern must not contain control characters"),
    ],
)
def test_a_code_config_without_codes_is_refused(sent: dict[str, Any], details: str) -> None:
    with pytest.raises(ApiError) as error:
        read_code_config(msgspec.convert(sent, CodeConfig))
    assert refusal_of(error) == a_refusal(400, "invalid_code_config", details)


# --- categories, metadata, what a row comes to -----------------------------------------------------


async def test_a_category_is_stored_by_its_id_however_it_was_sent(call: Call) -> None:
    spring = await create_category(call, CategoryBody(name="Spring", hierarchy=1))
    summer = await create_category(call, CategoryBody(name="Summer", hierarchy=1))
    hex_of_spring = spring.id.removeprefix("cat_")
    async with call.db.connection() as connection:
        for sent, stored in (
            (Labels(), UNSET),
            (Labels(category="Spring"), hex_of_spring),
            (Labels(category_id=spring.id), hex_of_spring),
            (Labels(category=summer.name, category_id=spring.id), hex_of_spring),
            (Labels(category="Spring", category_id=None), hex_of_spring),
            (Labels(category="Spring", category_id=""), hex_of_spring),
            (Labels(category=None), None),
            (Labels(category_id=None), None),
            (Labels(category="", category_id=None), None),
        ):
            assert await read_category(connection, call.project.id, sent) == stored
        for labels, missing in (
            (Labels(category="Autumn"), "Autumn"),
            (Labels(category="Spring", category_id="cat_1"), "cat_1"),
        ):
            with pytest.raises(ApiError) as error:
                await read_category(connection, call.project.id, labels)
            assert refusal_of(error) == not_there("category", missing)
    assert category_of({"category_id": hex_of_spring}) == UUID(hex_of_spring)
    assert category_of({"category_id": None}) is None
    assert category_of({}) is None


async def test_metadata_is_checked_where_there_is_a_schema(call: Call) -> None:
    properties = {"colour": {"type": "string", "optional": False}}
    body = msgspec.convert({"related_object": "voucher", "properties": properties}, CreateSchemaBody)
    await create_metadata_schema(call, body)
    details = "colour: must be a string, property is required (actual value is '{}')"
    async with call.db.connection() as connection:

        async def check(related_object: str, metadata: dict[str, Any], *, partial: bool) -> None:
            await check_object_metadata(
                connection, call.project.id, related_object, metadata, partial=partial
            )

        await check("campaign", {}, partial=False)
        await check("voucher", {"colour": "red", "size": 1}, partial=False)
        await check("voucher", {"size": 1}, partial=True)
        for metadata, partial, shown in (({}, False, "undefined"), ({"colour": 5}, True, "5")):
            with pytest.raises(ApiError) as error:
                await check("voucher", metadata, partial=partial)
            refusal = a_refusal(400, "metadata_validation_failed", details.format(shown))
            assert refusal_of(error) == refusal


@pytest.mark.parametrize(
    ("row", "terms"),
    [
        (
            {"inherited": None, "sent": None, "own": {"gift": 1}, "own_revision": 0},
            {"gift": 1, "metadata": {}},
        ),
        (
            {"inherited": {"gift": 1, "metadata": {"a": 1}}, "sent": {}, "own": None, "own_revision": 1},
            {"gift": 1, "metadata": {"a": 1}},
        ),
        (
            {
                "inherited": {"gift": 1, "start_date": "campaign's"},
                "sent": {"start_date": 3},
                "own": {"gift": 2, "start_date": "own", "metadata": {"b": 1}},
                "own_revision": 2,
            },
            {"gift": 2, "start_date": "campaign's", "metadata": {"b": 1}},
        ),
    ],
)
def test_the_terms_of_a_row_are_its_own_over_those_of_its_campaign(
    row: dict[str, Any], terms: dict[str, Any]
) -> None:
    assert resolve_terms(row) == terms
