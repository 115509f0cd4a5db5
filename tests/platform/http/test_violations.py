"""Each violation that msgspec reports, in the contract's words."""

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from openvoucher.platform.http.violations import describe_violation


class Unit(enum.Enum):
    CENT = "cent"
    POINT = "point"


class Redeemable(msgspec.Struct):
    id: str
    kind: Literal["voucher", "promotion_tier"] = "voucher"
    quantity: Annotated[int, Meta(ge=1)] | None = None


class Percent(msgspec.Struct, tag_field="type", tag="PERCENT"):
    percent_off: Annotated[float, Meta(ge=0, le=100)]


class Amount(msgspec.Struct, tag_field="type", tag="AMOUNT"):
    amount_off: int


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    a: int = 0


class Holder(msgspec.Struct, kw_only=True):
    initial_quantity: int = 1

    def __post_init__(self) -> None:
        if self.initial_quantity < 1:
            raise ValueError("cannot be lower than 1")
        if self.initial_quantity > 1000:
            raise ValueError("More than a thousand")


class Redemption(msgspec.Struct, kw_only=True):
    quantity: int | float | None = None


class Body(msgspec.Struct, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=3)]
    code: Annotated[str, Meta(pattern=r"^[a-z]`+ - at \d$")] = ""
    count: int = 0
    price: Annotated[float, Meta(ge=0, lt=1.5)] = 0
    limit: Annotated[int, Meta(gt=0, le=30)] = 1
    step: Annotated[int, Meta(multiple_of=5)] = 5
    active: bool = False
    description: str | None = None
    order: Redeemable | None = None
    redemption: Redemption | UnsetType = UNSET
    redeemables: Annotated[list[Redeemable], Meta(min_length=1, max_length=2)] | UnsetType = UNSET
    trigger: Literal["ALL", "SPECIFIC"] | None | UnsetType = UNSET
    tries: Literal[1, 2] = 1
    unit: Unit = Unit.CENT
    metadata: dict[str, Any] = {}
    colours: dict[str, Literal["red", "blue"]] = {}
    by_number: dict[int, int] = {}
    by_day: dict[Literal["mon", "tue"], int] = {}
    few: Annotated[dict[str, int], Meta(max_length=1)] = {}
    pair: tuple[int, Literal["x"]] = (1, "x")
    either: int | str | None = None
    starts_at: datetime.datetime | None = None
    aware_at: Annotated[datetime.datetime, Meta(tz=True)] | None = None
    day: datetime.date | None = None
    uid: uuid.UUID | None = None
    rate: decimal.Decimal | None = None
    image: bytes | None = None
    discount: Percent | Amount | None = None
    strict: Strict | None = None
    holder: Holder | None = None
    odd_name: int = msgspec.field(name="odd-name", default=1)


def describe(json: str, model: Any = Body, **options: Any) -> str:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(json, type=model)
    return describe_violation(caught.value, model, **options)


@pytest.mark.parametrize(
    ("json", "details"),
    [
        # the root
        ("{}", "Payload must have required property 'name'"),
        ("[]", "Payload must be object"),
        ("5", "Payload must be object"),
        ("null", "Payload must be object"),
        # types
        ('{"name": 5}', "Property .name must be string"),
        ('{"count": "1"}', "Property .count must be number"),
        ('{"count": 1.5}', "Property .count must be integer"),
        ('{"count": null}', "Property .count must be number"),
        ('{"price": "1"}', "Property .price must be number"),
        ('{"active": "true"}', "Property .active must be boolean"),
        ('{"description": 5}', "Property .description must be string,null"),
        ('{"order": 5}', "Property .order must be object,null"),
        ('{"redeemables": {}}', "Property .redeemables must be array"),
        ('{"metadata": []}', "Property .metadata must be object"),
        ('{"redemption": {"quantity": "1"}}', "Property .redemption.quantity must be number,null"),
        ('{"either": []}', "Property .either must be number,string,null"),
        ('{"trigger": 5}', "Property .trigger must be string,null"),
        ('{"odd-name": "a"}', "Property .odd-name must be number"),
        # what is missing, what is too much
        ('{"order": {}}', "Property .order must have required property 'id'"),
        (
            '{"redeemables": [{"id": "a"}, {}]}',
            "Property .redeemables[1] must have required property 'id'",
        ),
        ('{"strict": {"b": 1}}', "Property .strict must NOT have additional properties"),
        # bounds
        ('{"limit": 31}', "Property .limit must be <= 30"),
        ('{"limit": 0}', "Property .limit must be >= 1"),
        ('{"price": -1}', "Property .price must be >= 0"),
        ('{"price": 1.5}', "Property .price must be < 1.5"),
        ('{"step": 3}', "Property .step must be multiple of 5"),
        (
            '{"redeemables": [{"id": "a", "quantity": 0}]}',
            "Property .redeemables[0].quantity must be >= 1",
        ),
        ('{"count": ' + "1" * 5000 + "}", "Property .count must be a number within range"),
        ('{"price": 1e400}', "Property .price must be a number within range"),
        # lengths
        ('{"name": ""}', "Property .name must NOT have fewer than 1 characters"),
        ('{"name": "abcd"}', "Property .name must NOT have more than 3 characters"),
        ('{"redeemables": []}', "Property .redeemables must NOT have fewer than 1 items"),
        (
            '{"redeemables": [{"id": "a"}, {"id": "a"}, {"id": "a"}]}',
            "Property .redeemables must NOT have more than 2 items",
        ),
        ('{"few": {"a": 1, "b": 2}}', "Property .few must NOT have more than 1 properties"),
        ('{"pair": [1]}', "Property .pair must have exactly 2 items"),
        # enumerations
        (
            '{"trigger": "SOME"}',
            "Property .trigger must be equal to one of the allowed values [ ALL, SPECIFIC ]",
        ),
        ('{"tries": 3}', "Property .tries must be equal to one of the allowed values [ 1, 2 ]"),
        ('{"unit": "mile"}', "Property .unit must be equal to one of the allowed values [ cent, point ]"),
        (
            '{"redeemables": [{"id": "a"}, {"id": "b", "kind": "x"}]}',
            "Property .redeemables[1].kind must be equal to one of the allowed values"
            " [ voucher, promotion_tier ]",
        ),
        ('{"pair": [1, "y"]}', "Property .pair[1] must be equal to one of the allowed values [ x ]"),
        (
            '{"colours": {"wall": "green"}}',
            "Property .colours.* must be equal to one of the allowed values [ red, blue ]",
        ),
        (
            '{"by_day": {"sun": 1}}',
            "Property .by_day has a key that must be equal to one of the allowed values [ mon, tue ]",
        ),
        ('{"by_number": {"a": 1}}', "Property .by_number has a key that must be number"),
        ('{"by_number": {"1": "a"}}', "Property .by_number.* must be number"),
        # tagged unions
        ('{"discount": {}}', "Property .discount must have required property 'type'"),
        (
            '{"discount": {"type": "UNIT"}}',
            "Property .discount.type must be equal to one of the allowed values [ PERCENT, AMOUNT ]",
        ),
        ('{"discount": {"type": 5}}', "Property .discount.type must be string"),
        (
            '{"discount": {"type": "PERCENT", "percent_off": 101}}',
            "Property .discount.percent_off must be <= 100",
        ),
        # formats
        ('{"starts_at": "soon"}', "Property .starts_at cannot be recognized as a ISO-8601 compliant date"),
        (
            '{"aware_at": "2026-01-01T00:00:00"}',
            "Property .aware_at cannot be recognized as a ISO-8601 compliant date",
        ),
        ('{"day": "2026-13-01"}', "Property .day cannot be recognized as a ISO-8601 compliant date"),
        ('{"uid": "x"}', 'Property .uid must match format "uuid"'),
        ('{"rate": "x"}', 'Property .rate must match format "decimal"'),
        ('{"image": "!"}', 'Property .image must match format "byte"'),
        ('{"code": "A"}', r'Property .code must match pattern "^[a-z]`+ - at \d$"'),
        # what a model says itself
        ('{"holder": {"initial_quantity": 0}}', "Property .holder cannot be lower than 1"),
        ('{"holder": {"initial_quantity": 2000}}', "Property .holder: More than a thousand"),
    ],
)
def test_a_violation_is_told_in_the_words_of_the_contract(json: str, details: str) -> None:
    if '"name"' not in json and json.startswith("{") and json != "{}":
        json = '{"name": "a", ' + json[1:]

    assert describe(json) == details


def test_in_a_list_at_the_root_the_index_comes_first() -> None:
    assert describe('[{"id": "a"}, {"id": 5}]', list[Redeemable]) == "Property [1].id must be string"
    assert describe("{}", list[Redeemable]) == "Payload must be array"


def test_sentences_about_a_query_say_query() -> None:
    assert describe("{}", Redeemable, noun="Query") == "Query must have required property 'id'"


def test_every_entry_of_a_long_tuple_has_the_one_type() -> None:
    assert describe('["a", "c"]', tuple[Literal["a", "b"], ...]) == (
        "Property [1] must be equal to one of the allowed values [ a, b ]"
    )


def test_a_violation_that_nobody_foresaw_is_told_as_msgspec_tells_it() -> None:
    error = msgspec.ValidationError("Something new of a later version - at `$.a[0]`")

    assert describe_violation(error, Body) == "Property .a[0]: Something new of a later version"
