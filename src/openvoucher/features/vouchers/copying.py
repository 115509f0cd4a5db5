"""New vouchers as rows of a COPY."""

import dataclasses
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from openvoucher.features.vouchers.service import Campaign
from openvoucher.platform.db.copying import (
    NULL,
    UUID_LENGTH,
    encode_bool,
    encode_field_count,
    encode_int4,
    encode_int8,
    encode_jsonb,
    encode_moment,
    encode_text,
    encode_uuid,
    join_rows,
)
from openvoucher.wire.ids import IdBatch

# In the order of the table. What stands in neither list gets its default.
_PLAIN_COLUMNS: Final = (
    "id",
    "campaign_id",
    "created_at",
    "project_id",
    "own_revision",
    "type",
    "active",
    "code",
    "own",
)
_USED_COLUMNS: Final = (
    "redeemed_quantity",
    "credited",
    "subtracted",
    "spent",
    "balance",
    "revision",
    "brought_quantity",
    "brought_spent",
)
_pack_number = struct.Struct("!I").pack


@dataclasses.dataclass(slots=True)
class NewVoucher:
    """A code to insert. `spent` of a card opens its ledger with what was spent elsewhere; `amount` is
    then what it was credited with, in minor units or points."""

    code: str
    type: str
    own: dict[str, Any] | None = None
    active: bool = True
    redeemed_quantity: int = 0
    amount: int | None = None
    spent: int | None = None

    @property
    def bound(self) -> bool:
        """Used before: it keeps the terms of its revision."""
        return self.redeemed_quantity > 0 or bool(self.spent)


def encode_vouchers(
    project_id: int,
    campaign: Campaign | None,
    vouchers: Sequence[NewVoucher],
    ids: IdBatch,
    *,
    own_revision: int,
    now: datetime,
) -> tuple[tuple[str, ...], bytes]:
    """(columns, data) of a COPY in binary format. The ids are given out in the order of the vouchers."""
    used = any(voucher.redeemed_quantity or voucher.spent is not None for voucher in vouchers)
    columns = _PLAIN_COLUMNS + _USED_COLUMNS if used else _PLAIN_COLUMNS
    head = encode_field_count(len(columns)) + UUID_LENGTH + ids.shared
    constant = (
        encode_uuid(campaign.id if campaign else None)
        + encode_moment(now)
        + encode_int4(project_id)
        + encode_int4(own_revision)
    )
    # Few combinations of type, state and overrides occur; `own` is compared by identity, as generated
    # codes share one.
    middles: dict[tuple[str, bool], bytes] = {}
    overrides: dict[int, bytes] = {}
    rows: list[bytes] = []
    for number, voucher in enumerate(vouchers):
        kind = (voucher.type, voucher.active)
        middle = middles.get(kind)
        if middle is None:
            middle = constant + encode_text(voucher.type) + encode_bool(voucher.active)
            middles[kind] = middle
        own = NULL
        if voucher.own is not None:
            found = overrides.get(id(voucher.own))
            if found is None:
                found = overrides[id(voucher.own)] = encode_jsonb(voucher.own)
            own = found
        code = voucher.code.encode()
        rows += (head, _pack_number(number), middle, _pack_number(len(code)), code, own)
        if used:
            rows.append(_encode_use(campaign, voucher))
    return columns, join_rows(rows)


def _encode_use(campaign: Campaign | None, voucher: NewVoucher) -> bytes:
    credited = subtracted = balance = None
    if voucher.spent is not None and voucher.amount is not None:
        credited, subtracted, balance = voucher.amount, 0, voucher.amount - voucher.spent
    return (
        encode_int8(voucher.redeemed_quantity)
        + encode_int8(credited)
        + encode_int8(subtracted)
        + encode_int8(None if credited is None else voucher.spent)
        + encode_int8(balance)
        + encode_int4(campaign.revision if campaign and voucher.bound else None)
        + encode_int8(voucher.redeemed_quantity or None)
        + encode_int8(None if credited is None else voucher.spent)
    )
