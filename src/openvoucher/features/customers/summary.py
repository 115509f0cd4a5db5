"""What is worked out of other objects and shown with a customer: orders, cards, referrals.

A constant number of queries for any number of customers, and fewer where there is nothing to count.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from openvoucher.features.customers import store
from openvoucher.features.customers.schemas import (
    Computed,
    Loyalty,
    LoyaltyCampaign,
    OrderSummary,
    RedemptionSummary,
    Referral,
    Summary,
)
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id


async def compute_parts(
    connection: Connection, project_id: int, customer_ids: Sequence[UUID]
) -> dict[UUID, Computed]:
    """The computed parts of each customer."""
    parts = {
        customer_id: Computed(summary=Summary(redemptions=_count_redemptions(customer_id)))
        for customer_id in customer_ids
    }
    for row in await store.sum_orders(connection, project_id, customer_ids):
        parts[row["customer_id"]].summary.orders = _show_orders(row)
    holdings = await store.sum_holdings(connection, project_id, customer_ids)
    for row in holdings:
        _add_holding(parts[row["customer_id"]], row)
    if referrers := _with_role(holdings, "REFERRER"):
        for row in await store.count_referees(connection, project_id, referrers):
            _add_referees(parts[row["customer_id"]].loyalty, row)
    if referees := _with_role(holdings, "REFEREE"):
        _add_referrals(parts, await store.list_referrals(connection, project_id, referees))
    return parts


def _count_redemptions(customer_id: UUID) -> RedemptionSummary:
    # Nothing can be redeemed yet: all counters are zero until redemptions are summed up here.
    return RedemptionSummary()


def _show_orders(row: Row) -> OrderSummary:
    return OrderSummary(
        total_amount=row["total_amount"],
        total_count=row["total_count"],
        average_amount=row["average_amount"],
        last_order_amount=row["last_order_amount"],
        last_order_date=format_instant(row["last_order_date"]),
    )


def _add_holding(computed: Computed, row: Row) -> None:
    """Cards count whether a campaign made them or not; the points of a campaign stand under its name."""
    redemptions, loyalty = computed.summary.redemptions, computed.loyalty
    if row["role"] == "REFEREE":
        return
    if row["type"] == "GIFT_VOUCHER":
        redemptions.gift.amount_to_go += row["balance"]
    if row["type"] == "LOYALTY_CARD":
        redemptions.loyalty_card.points_to_go += row["balance"]
    if row["campaign_type"] in ("LOYALTY_PROGRAM", "REFERRAL_PROGRAM"):
        campaign = loyalty.campaigns.setdefault(row["campaign"], LoyaltyCampaign())
        campaign.points += row["balance"]
        loyalty.points += row["balance"]


def _add_referees(loyalty: Loyalty, row: Row) -> None:
    if row["overall"]:
        loyalty.referred_customers = row["referees"]
    elif row["campaign"] in loyalty.campaigns:
        loyalty.campaigns[row["campaign"]].referred_customers = row["referees"]


def _add_referrals(parts: Mapping[UUID, Computed], rows: Iterable[Row]) -> None:
    for row in rows:
        referrals = parts[row["customer_id"]].referrals
        # What made it a referral stands in the metadata of the holder.
        referrals.campaigns.append(
            Referral(
                campaign_id=show_id("camp", row["campaign_id"]) if row["campaign_id"] else None,
                referrer_id=show_id("cust", row["referrer_id"]),
                related_object_id=row["metadata"].get("related_object_id", show_id("rh", row["id"])),
                related_object_type=row["metadata"].get("related_object_type", "redeemable_holder"),
                date=format_instant(row["created_at"]),
            )
        )
        referrals.total += 1


def _with_role(holdings: Iterable[Row], role: str) -> list[UUID]:
    return [*{row["customer_id"] for row in holdings if row["role"] == role}]
