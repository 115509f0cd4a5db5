"""The vouchers that a customer holds, with what they are worth at this moment."""

from typing import Final

from openvoucher.features.customers import holders
from openvoucher.features.customers.redeemable_schemas import (
    CustomerRedeemableList,
    RedeemableQuery,
    find_status,
    show_customer_redeemable,
)
from openvoucher.features.customers.service import find_customer
from openvoucher.features.vouchers.batches import list_rows
from openvoucher.features.vouchers.schemas import show_voucher
from openvoucher.features.vouchers.service import load_categories_of
from openvoucher.platform.call import Call
from openvoucher.platform.db.conditions import Column, ColumnFactory, Params, compile_filters
from openvoucher.wire.errors import invalid_query_params
from openvoucher.wire.filters import parse_filters
from openvoucher.wire.ids import parse_id, show_id

_COLUMNS: Final[dict[str, Column | ColumnFactory]] = {
    "id": Column("h.id", "id", prefix="rh"),
    "created_at": Column("h.created_at", "instant"),
    "redeemable_id": Column("h.voucher_id", "id", prefix="v"),
    "redeemable_object": Column("'voucher'::text", "text"),
    "holder_role": Column("h.role", "text"),
    "campaign_id": Column("h.campaign_id", "id", prefix="camp"),
    "campaign_type": Column("c.campaign_type::text", "text"),
    "voucher_type": Column("v.type::text", "text"),
}


async def list_customer_redeemables(
    call: Call, customer_id: str, query: RedeemableQuery
) -> CustomerRedeemableList:
    async with call.db.connection() as connection:
        customer = await find_customer(connection, call.project.id, customer_id)
        params = Params(call.project.id)
        where = f"h.customer_id = {params.add(customer['id'])}"
        if query.filters is not None:
            filters = parse_filters(query.filters, source="query")
            compiled = compile_filters(
                filters, _COLUMNS, params, now=call.now, timezone=call.project.timezone
            )
            where += f" and {compiled}"
        total = await holders.count_holders(connection, where=where, params=params)
        ascending = query.order == "id"
        paging = "true"
        if query.starting_after_id is not None:
            after = parse_id("rh", query.starting_after_id)
            if after is None:
                raise invalid_query_params("Property .starting_after_id must be an id of a redeemable holder")
            paging = f"h.id {'>' if ascending else '<'} {params.add(after)}"
        rows = await holders.list_holders(
            connection, where=where, params=params, paging=paging, ascending=ascending, limit=query.limit + 1
        )
        page = rows[: query.limit]
        vouchers = await list_rows(connection, call.project.id, [row["voucher_id"] for row in page])
        categories = await load_categories_of(connection, call, [*vouchers.values()])
    data = []
    for row in page:
        # One that was deleted between the two queries is left out.
        if voucher := vouchers.get(row["voucher_id"]):
            status = find_status(voucher, campaign_active=row["campaign_active"], now=call.now)
            shown = show_voucher(voucher, categories, call, in_list=True)
            data.append(show_customer_redeemable(row, shown, status))
    listed = CustomerRedeemableList(data=data, total=total, has_more=len(rows) > query.limit)
    if listed.has_more:
        listed.more_starting_after = show_id("rh", page[-1]["id"])
    return listed
