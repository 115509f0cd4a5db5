"""A shelf of vouchers that lists are made of, the same for all tests of a module."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from builders import a_campaign, a_voucher
from calls import NOW, make_call
from openvoucher.app import make_app
from openvoucher.features.campaigns.schemas import CampaignCreate, CampaignUpdate
from openvoucher.features.campaigns.service import (
    create_campaign,
    delete_campaign,
    disable_campaign,
    update_campaign,
)
from openvoucher.features.categories.schemas import CategoryBody
from openvoucher.features.categories.service import create_category
from openvoucher.features.projects.service import make_key_pair, set_up_first_project
from openvoucher.features.vouchers.schemas import ForceQuery, VoucherCreate, VoucherUpdate
from openvoucher.features.vouchers.service import create_voucher, delete_voucher, update_voucher
from openvoucher.platform.call import Call
from openvoucher.platform.db import Database
from projects import make_other_project
from shelf import Shelf

CATEGORIES = ("Spring", "Summer")
CAMPAIGNS: tuple[dict[str, Any], ...] = (
    # Over since a month.
    a_campaign(
        name="Sale",
        category="Spring",
        start_date="2026-01-01",
        expiration_date="2026-02-01",
        validity_day_of_week=[1, 2],
        validity_timeframe={"interval": "P2D", "duration": "P1D"},
        voucher={"redemption": {"quantity": 1}},
        metadata={"colour": "red", "size": 1, "deep": {"a": "x"}},
    ),
    a_campaign(name="Gifts", campaign_type="GIFT_VOUCHERS", start_date="2026-06-01"),
    a_campaign(name="Points", campaign_type="LOYALTY_PROGRAM"),
    # Disabled.
    a_campaign(name="Referrals", campaign_type="REFERRAL_PROGRAM"),
    # In the bin.
    a_campaign(name="Gone"),
)
# One a day, the first on 20 February.
VOUCHERS: dict[str, dict[str, Any]] = {
    # All is inherited.
    "SALE-1": {"type": "DISCOUNT_VOUCHER", "campaign": "Sale"},
    # All is its own.
    "SALE-2": {
        "type": "DISCOUNT_VOUCHER",
        "campaign": "Sale",
        "category": "Summer",
        "start_date": "2026-01-15",
        "expiration_date": "2026-12-31",
        "validity_day_of_week": [0],
        "validity_timeframe": {"interval": "P7D", "duration": "P1D"},
        "redemption": {"quantity": 5},
        "metadata": {"colour": "blue", "deep": {"a": "y"}, "late": "own"},
        "additional_info": "for Ann",
    },
    # All is taken away.
    "SALE-3": {
        "type": "DISCOUNT_VOUCHER",
        "campaign": "Sale",
        "category": None,
        "start_date": None,
        "expiration_date": None,
        "validity_day_of_week": None,
        "validity_timeframe": None,
        "redemption": {"quantity": None},
        "metadata": {"colour": None, "deep": None},
    },
    "GIFT-1": {"type": "GIFT_VOUCHER", "campaign": "Gifts"},
    "GIFT-2": a_voucher("GIFT_VOUCHER"),
    "CARD-1": {"type": "LOYALTY_CARD", "campaign": "Points"},
    "REF-1": {"type": "DISCOUNT_VOUCHER", "campaign": "Referrals"},
    "PLAIN-1": a_voucher(active=False, redemption={"quantity": 2}),
    "PLAIN-2": a_voucher(
        category="Spring",
        start_date="2026-02-01",
        # To the instant: it expires after this.
        expiration_date="2026-03-01T12:00:00Z",
        metadata={"colour": "Dark Red", "size": "10", "tags": ["a", "b"], "on": "2026-02-27", "a.b": 1},
    ),
    "BINNED": a_voucher(),
    "GONE-1": {"type": "DISCOUNT_VOUCHER", "campaign": "Gone"},
}
_USED = """
update voucher set redeemed_quantity = 2, credited = 10000, subtracted = 0, spent = 3000, balance = 7000
where code = 'GIFT-2';
update voucher set redeemed_quantity = 2, published_count = 2 where code = 'PLAIN-1';
"""


@pytest.fixture(scope="module")
async def shelf(shared_database_url: str) -> AsyncIterator[Shelf]:
    db = Database(shared_database_url, size=2)
    pair = make_key_pair("server")
    project, _ = await set_up_first_project(db, given={"server": pair}, now=NOW)
    call = make_call(db, project)
    other = await make_other_project(db, make_key_pair("server"))
    other_call = make_call(db, other)
    ids: dict[str, str] = {}
    for name in CATEGORIES:
        ids[name] = (await create_category(call, CategoryBody(name=name, hierarchy=0))).id
    for body in CAMPAIGNS:
        ids[body["name"]] = (await create_campaign(call, msgspec.convert(body, CampaignCreate))).id
    for day, (code, fields) in enumerate(VOUCHERS.items(), 20):
        # Finer than what is shown.
        made_at = NOW.replace(month=2, day=1, microsecond=500) + timedelta(days=day - 1)
        body = msgspec.convert(fields, VoucherCreate)
        ids[code] = (await create_voucher(_at(call, made_at), code, body)).id
    await create_voucher(other_call, "SALE-1", msgspec.convert(a_voucher(), VoucherCreate))
    await _change(call)
    headers = {"X-App-Id": pair.app_id, "X-App-Token": pair.secret}
    transport = httpx.ASGITransport(app=make_app(db, call.settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield Shelf(call, client, ids)
    await db.close()


async def _change(call: Call) -> None:
    # The campaign's value of `late` is later than SALE-2's and earlier than SALE-3's.
    await update_campaign(call, "Sale", CampaignUpdate(metadata={"late": "campaign"}))
    changed_at = NOW.replace(hour=10, microsecond=500)
    await update_voucher(_at(call, changed_at), "SALE-3", VoucherUpdate(metadata={"late": "last"}))
    await update_voucher(_at(call, NOW.replace(hour=11)), "PLAIN-2", VoucherUpdate())
    await disable_campaign(call, "Referrals")
    await delete_voucher(call, "BINNED", ForceQuery())
    await delete_campaign(call, "Gone", ForceQuery())
    async with call.db.connection() as connection:
        await connection.execute(_USED)


def _at(call: Call, now: Any) -> Call:
    return dataclasses.replace(call, now=now)
