"""The wire of imports, and the form that rows of all imports take before they are stored."""

import dataclasses
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.features.terms.schemas import (
    Discount,
    Points,
    Quantity,
    Text,
    Validity,
    VoucherType,
)

# An empty code is told from one that is too long: it counts as missing.
ImportedCode = Annotated[str, Meta(max_length=500)]


class ImportQuery(msgspec.Struct):
    dry_run: bool = False


class ImportedRedemption(msgspec.Struct, kw_only=True):
    quantity: Quantity | None | UnsetType = UNSET


class ImportedGift(msgspec.Struct, kw_only=True, omit_defaults=True):
    amount: int
    effect: str | None = None


class ImportedPoints(msgspec.Struct, kw_only=True):
    points: Points


class CampaignCode(Validity, kw_only=True, omit_defaults=True):
    """A code of a JSON import into a campaign; what is absent it inherits."""

    code: ImportedCode | None = None
    active: bool | None = None
    additional_info: Text | None | UnsetType = UNSET
    redemption: ImportedRedemption | None = None
    gift: ImportedGift | None = None
    loyalty_card: ImportedPoints | None = None


class StandaloneCode(CampaignCode, kw_only=True, omit_defaults=True):
    """A code of a JSON import without a campaign."""

    type: VoucherType | None = None
    discount: Discount | None = None


class RowRefused(Exception):
    """The row cannot be stored; the text is its reason."""


@dataclasses.dataclass(slots=True)
class ImportRow:
    """A row that could be read. `own`: terms by wire name. `category`: name or id as it was sent.
    Amounts are minor units or points. None: the row does not say."""

    number: int
    code: str
    type: str | None = None
    active: bool | None = None
    own: dict[str, Any] = dataclasses.field(default_factory=dict)
    category: str | None = None
    spent: int | None = None
    redeemed_quantity: int = 0
