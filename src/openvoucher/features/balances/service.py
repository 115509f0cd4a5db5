"""Adjusts balances by hand, and lists what was posted."""

from typing import Any, Final
from uuid import UUID

from openvoucher.features.balances import store
from openvoucher.features.balances.export import TRANSACTIONS
from openvoucher.features.balances.schemas import (
    Balance,
    BalanceUpdate,
    RelatedVoucher,
    TransactionList,
    TransactionQuery,
    show_transaction,
)
from openvoucher.features.exports.schemas import Export, ExportParameters, ParametersBody
from openvoucher.features.exports.service import start_export
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_events
from openvoucher.features.vouchers.service import (
    add_to_campaign_day,
    find_balance,
    find_campaign,
    get_row,
    load_campaign,
    show_simple_campaign,
    show_voucher_by_id,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import Column, Params, compile_filters
from openvoucher.wire.errors import (
    gift_amount_exceeded,
    invalid_add_balance_params,
    invalid_amount,
    invalid_query_params,
    loyalty_card_points_exceeded,
    transactions_forbidden,
)
from openvoucher.wire.filters import parse_filters
from openvoucher.wire.ids import new_id, parse_id, show_id

# Within this no sum of two amounts overflows, and every client can hold it.
_MOST: Final = 2**53

_CARD_CAMPAIGNS: Final = ("GIFT_VOUCHERS", "LOYALTY_PROGRAM")

_COLUMNS: Final = {
    "id": Column("id", "id", prefix="vtx"),
    "voucher_id": Column("voucher_id", "id", prefix="v"),
    "created_at": Column("created_at", "instant"),
}


async def update_voucher_balance(call: Call, code: str, body: BalanceUpdate) -> Balance:
    amount = body.amount
    if isinstance(amount, bool) or not isinstance(amount, int) or amount == 0:
        raise invalid_amount("Amount has to be a whole number other than zero")
    if abs(amount) > _MOST:
        raise invalid_amount(f"Amount has to be between -{_MOST} and {_MOST}")
    async with call.db.transaction() as connection:
        row = await get_row(connection, call.project.id, code, lock=True)
        if row["type"] == "DISCOUNT_VOUCHER":
            raise invalid_add_balance_params("Balance of a DISCOUNT_VOUCHER cannot be changed")
        gift = row["type"] == "GIFT_VOUCHER"
        if row["balance"] is None:
            balance = credited = find_balance(row)
            await store.open_ledger(connection, call.project.id, row["id"], initial=balance)
        else:
            balance, credited = row["balance"], row["credited"]
        # What was removed is never taken off `credited`: without an end it would overflow one day.
        if credited + amount > _MOST:
            raise invalid_amount(f"A card cannot be credited with more than {_MOST}")
        posted = await store.post(connection, call.project.id, row["id"], amount=amount, now=call.now)
        if posted is None:
            raise _refusal(gift=gift, amount=amount, balance=balance)
        transaction = await _write_transaction(connection, call, row, body, gift=gift, posted=posted)
        adjusted = Balance(
            amount=amount,
            total=posted["total"],
            balance=posted["balance"],
            type="gift_voucher" if gift else "loyalty_card",
            operation_type="MANUAL",
            related_object=RelatedVoucher(id=show_id("v", row["id"])),
        )
        if row["holder_id"]:
            await _tell_holder(connection, call, row, adjusted, transaction)
        if row["campaign_id"]:
            unit, verb = ("amount" if gift else "points"), ("added" if amount > 0 else "subtracted")
            await add_to_campaign_day(connection, call, row["campaign_id"], {f"{unit}_{verb}": abs(amount)})
    return adjusted


async def list_voucher_transactions(call: Call, code: str, query: TransactionQuery) -> TransactionList:
    async with call.db.connection() as connection:
        row = await get_row(connection, call.project.id, code)
        return await _list(connection, call, query, "voucher_id", row["id"])


async def list_campaign_transactions(
    call: Call, campaign_id: str, query: TransactionQuery
) -> TransactionList:
    async with call.db.connection() as connection:
        campaign = await find_campaign(connection, call.project.id, campaign_id)
        if campaign.campaign_type not in _CARD_CAMPAIGNS:
            return TransactionList(data=[], total=0)
        return await _list(connection, call, query, "campaign_id", campaign.id)


async def export_voucher_transactions(call: Call, code: str, body: ParametersBody) -> Export:
    """All columns, unless some are named."""
    async with call.db.transaction() as connection:
        row = await get_row(connection, call.project.id, code)
        if row["type"] == "DISCOUNT_VOUCHER":
            raise transactions_forbidden()
        # The code as it was sent: that is what callers find in the export.
        return await _export(connection, call, body, "voucher_id", code)


async def export_campaign_transactions(call: Call, campaign_id: str, body: ParametersBody) -> Export:
    """All columns, unless some are named."""
    async with call.db.transaction() as connection:
        campaign = await find_campaign(connection, call.project.id, campaign_id)
        if campaign.campaign_type not in _CARD_CAMPAIGNS:
            raise transactions_forbidden()
        return await _export(connection, call, body, "campaign_id", show_id("camp", campaign.id))


async def _export(
    connection: Connection, call: Call, body: ParametersBody, owner: str, owner_id: str
) -> Export:
    parameters = (body.parameters or ExportParameters()).narrowed_to(owner, owner_id)
    return await start_export(
        connection, call, "voucher_transactions", parameters, default_fields=[*TRANSACTIONS.fields]
    )


def _refusal(*, gift: bool, amount: int, balance: int) -> Exception:
    details = f"The balance is {balance}, {-amount} cannot be removed"
    return gift_amount_exceeded(details) if gift else loyalty_card_points_exceeded(details)


async def _write_transaction(
    connection: Connection, call: Call, row: Row, body: BalanceUpdate, *, gift: bool, posted: Row
) -> Row:
    unit, verb = ("CREDITS" if gift else "POINTS"), ("ADDITION" if body.amount > 0 else "REMOVAL")
    values: dict[str, Any] = {
        "project_id": call.project.id,
        "id": new_id(),
        "voucher_id": row["id"],
        "campaign_id": row["campaign_id"],
        "type": f"{unit}_{verb}",
        "amount": body.amount,
        "total_after": posted["total"],
        "balance_after": posted["balance"],
        # Through the voucher endpoints the source is always the API.
        "source": "API",
        "source_id": body.source_id,
        "reason": body.reason,
        "created_at": call.now,
    }
    return await store.insert_transaction(connection, values)


async def _tell_holder(
    connection: Connection, call: Call, row: Row, balance: Balance, transaction: Row
) -> None:
    """What was added is an activity of the holder; a removal has none, but segments ask for points."""
    campaign = row["campaign_id"] and await load_campaign(connection, call.project.id, row["campaign_id"])
    name = "gift.balance_added" if row["type"] == "GIFT_VOUCHER" else "loyalty_card.points_added"
    event = NewEvent(type="customers.changed", data={"customer_ids": [row["holder_id"].hex]})
    if balance.amount > 0:
        event = NewEvent(
            type=f"customer.voucher.{name}",
            customer_id=row["holder_id"],
            campaign_id=row["campaign_id"],
            data={
                "campaign": show_simple_campaign(campaign) if campaign else None,
                "voucher": await show_voucher_by_id(connection, call, row["id"]),
                "balance": balance,
                "transaction": show_transaction(transaction),
            },
        )
    await emit_events(connection, call, event)


async def _list(
    connection: Connection, call: Call, query: TransactionQuery, owner: str, owner_id: UUID
) -> TransactionList:
    params = Params(call.project.id)
    where = f"{owner} = {params.add(owner_id)}"
    if query.filters is not None:
        filters = parse_filters(query.filters, source="query")
        compiled = compile_filters(filters, _COLUMNS, params, now=call.now, timezone=call.project.timezone)
        where += f" and {compiled}"
    ascending = query.order == "id"
    if query.starting_after_id is not None:
        after = parse_id("vtx", query.starting_after_id)
        if after is None:
            raise invalid_query_params("Property .starting_after_id must be an id of a transaction")
        where += f" and id {'>' if ascending else '<'} {params.add(after)}"
    rows = await store.list_transactions(
        connection, where=where, parameters=params.values, ascending=ascending, limit=query.limit + 1
    )
    data = [show_transaction(row) for row in rows[: query.limit]]
    listed = TransactionList(data=data, has_more=len(rows) > query.limit)
    if listed.has_more:
        listed.more_starting_after = data[-1].id
    return listed
