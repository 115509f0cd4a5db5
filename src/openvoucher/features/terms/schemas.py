"""The wire of terms: discount, gift, loyalty card, validity, redemption limit, code config."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

# Numbers that survive JavaScript clients.
_MOST = 2**53
Amount = Annotated[int, Meta(ge=0, le=_MOST)]
Quantity = Annotated[int, Meta(ge=1, le=_MOST)]
Points = Annotated[int, Meta(ge=0, le=_MOST)]
Text = Annotated[str, Meta(max_length=100_000)]
Metadata = dict[str, Any]

VoucherType = Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]

DiscountEffect = Literal[
    "APPLY_TO_ORDER",
    "APPLY_TO_ITEMS",
    "APPLY_TO_ITEMS_PROPORTIONALLY",
    "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
    "APPLY_TO_ITEMS_BY_QUANTITY",
    "ADD_MISSING_ITEMS",
    "ADD_NEW_ITEMS",
    "ADD_SAME_ITEMS",
    "ADD_MANY_ITEMS",
]


class DiscountUnit(msgspec.Struct, kw_only=True, omit_defaults=True):
    unit_type: str
    unit_off: Amount | None = None
    unit_off_formula: str | None = None
    effect: Literal["ADD_NEW_ITEMS", "ADD_MISSING_ITEMS"] | None = None


class Discount(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is taken off. Which fields are needed depends on `type`; amounts are minor units."""

    type: Literal["AMOUNT", "PERCENT", "FIXED", "UNIT"]
    percent_off: Annotated[float, Meta(ge=0, le=100)] | Annotated[int, Meta(ge=0, le=100)] | None = None
    percent_off_formula: str | None = None
    amount_limit: Amount | None = None
    amount_limit_formula: str | None = None
    aggregated_amount_limit: Amount | None = None
    amount_off: Amount | None = None
    amount_off_formula: str | None = None
    fixed_amount: Amount | None = None
    fixed_amount_formula: str | None = None
    unit_off: Amount | None = None
    unit_off_formula: str | None = None
    unit_type: str | None = None
    units: list[DiscountUnit] | None = None
    effect: DiscountEffect | None = None
    is_dynamic: bool | None = None


class Gift(msgspec.Struct, kw_only=True):
    """Credits of a gift card, in minor units."""

    amount: int
    effect: Literal["APPLY_TO_ORDER", "APPLY_TO_ITEMS"] | None = "APPLY_TO_ORDER"

    def __post_init__(self) -> None:
        # Official clients send what nobody set as null.
        self.effect = self.effect or "APPLY_TO_ORDER"


class ExpirationRules(msgspec.Struct, kw_only=True, omit_defaults=True):
    period_type: Literal["MONTH", "FIXED_DAY_OF_YEAR"] | None = None
    period_value: Annotated[int, Meta(ge=1, le=1200)] | None = None
    rounding_type: (
        Literal["END_OF_MONTH", "END_OF_QUARTER", "END_OF_HALF_YEAR", "END_OF_YEAR", "PARTICULAR_MONTH"]
        | None
    ) = None
    rounding_value: Annotated[int, Meta(ge=0, le=1200)] | None = None
    fixed_month: Annotated[int, Meta(ge=1, le=12)] | None = None
    fixed_day: Annotated[int, Meta(ge=1, le=31)] | None = None


class LoyaltyCard(msgspec.Struct, kw_only=True, omit_defaults=True):
    points: Points
    expiration_rules: ExpirationRules | None = None


class Timeframe(msgspec.Struct, kw_only=True):
    """Recurring windows from `start_date` on, as ISO 8601 durations."""

    interval: Annotated[str, Meta(max_length=100)]
    duration: Annotated[str, Meta(max_length=100)]


class DailyHours(msgspec.Struct, kw_only=True, omit_defaults=True):
    start_time: str | None = None
    expiration_time: str | None = None
    days_of_week: list[Annotated[int, Meta(ge=0, le=6)]]


class ValidityHours(msgspec.Struct, kw_only=True):
    daily: Annotated[list[DailyHours], Meta(max_length=100)]


class CodeConfig(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How codes are made: each # of the pattern is one random character of the charset."""

    length: Annotated[int, Meta(ge=1, le=128)] | None = None
    charset: Annotated[str, Meta(max_length=10_000)] | None = None
    pattern: Annotated[str, Meta(max_length=500)] | None = None
    prefix: Annotated[str, Meta(max_length=500)] | None = None
    postfix: Annotated[str, Meta(max_length=500)] | None = None


class RedemptionLimit(msgspec.Struct, kw_only=True):
    quantity: Quantity | None | UnsetType = UNSET


class Labels(msgspec.Struct, kw_only=True):
    """Category by name or id, and free metadata."""

    category: str | None | UnsetType = UNSET
    category_id: str | None | UnsetType = UNSET
    metadata: Metadata | None | UnsetType = UNSET


class Validity(Labels, kw_only=True):
    """When codes can be used; absent leaves as it is, null clears."""

    start_date: str | None | UnsetType = UNSET
    expiration_date: str | None | UnsetType = UNSET
    validity_timeframe: Timeframe | None | UnsetType = UNSET
    validity_day_of_week: list[Annotated[int, Meta(ge=0, le=6)]] | None | UnsetType = UNSET
    validity_hours: ValidityHours | None | UnsetType = UNSET


class EmptyList(msgspec.Struct, kw_only=True):
    """A nested list that nothing fills yet."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Any] = []
    total: int = 0
