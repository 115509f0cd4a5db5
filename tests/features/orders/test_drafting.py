"""Orders before and after a change, without a database."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.features.orders.drafting import draft_order, list_values
from openvoucher.features.orders.items import Goods, make_item, price_item
from openvoucher.features.orders.reading import SentOrder, read_order
from openvoucher.features.orders.records import OrderRecord, read_record
from openvoucher.features.orders.schemas import OrderBody
from openvoucher.features.products.schemas import ResolvedItem
from openvoucher.wire.ids import new_id

few = settings(max_examples=40)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)

names = st.sampled_from(["vase", "rose", "pot"])
money = st.integers(0, 10_000)
metadata = st.dictionaries(st.sampled_from("ab"), st.none() | st.booleans() | st.integers(0, 2) | names)


def optional(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


products = optional(id=names, source_id=names, name=names, price=money, metadata=metadata)
skus = optional(id=names, source_id=names, sku=names, price=money, metadata=metadata)
items = optional(
    product_id=names,
    sku_id=names,
    source_id=names,
    related_object=st.sampled_from(["product", "sku"]),
    quantity=st.integers(1, 9),
    price=money,
    amount=money,
    discount_amount=money,
    product=products,
    sku=skus,
    metadata=metadata,
)
bodies = optional(
    source_id=names,
    status=st.sampled_from(["CREATED", "PAID", "CANCELED", "FULFILLED"]),
    amount=money,
    initial_amount=money,
    discount_amount=money,
    items=st.lists(items, max_size=4),
    metadata=metadata,
    created_at=st.just("2020-01-01"),
).map(lambda body: read_order(msgspec.convert(body, OrderBody)))


def describe(sent: SentOrder) -> list[Goods] | None:
    """Its items, none of which the catalogue knows."""
    if sent.items is None:
        return None
    nothing = ResolvedItem()
    return [(make_item(item, nothing), price_item(item, nothing, ".items[0]")) for item in sent.items]


def draft(sent: SentOrder, before: OrderRecord | None = None, *, now: datetime = LATER) -> OrderRecord:
    return draft_order(sent, describe(sent), before, customer_id=None, referrer_id=None, now=now)


def store_and_load(order: OrderRecord) -> OrderRecord:
    values = list_values(order)
    return read_record({**values, "items": msgspec.json.decode(values["items"])})


@few
@given(bodies)
def test_what_is_stored_is_all_of_an_order(sent: SentOrder) -> None:
    order = draft_order(sent, describe(sent), None, customer_id=new_id(), referrer_id=new_id(), now=NOW)
    assert store_and_load(order) == order


@few
@given(bodies, bodies)
def test_the_same_change_made_again_changes_nothing(first: SentOrder, second: SentOrder) -> None:
    once = draft(second, draft(first, now=NOW))
    twice = draft(second, once, now=LATER + timedelta(hours=1))
    assert twice == once
    assert repr(twice) == repr(once)


@few
@given(bodies)
def test_no_change_is_no_change(sent: SentOrder) -> None:
    order = draft(sent, now=NOW)
    assert draft(read_order(OrderBody()), order) == order


@few
@given(bodies, bodies)
def test_a_change_keeps_who_it_is_and_says_when_it_came(first: SentOrder, second: SentOrder) -> None:
    before = draft(first, now=NOW)
    after = draft(second, before)
    assert after.id == before.id
    assert after.updated_at == (LATER if dataclasses.replace(after, updated_at=None) != before else None)


@few
@given(bodies, bodies)
def test_items_and_their_lines_stay_side_by_side(first: SentOrder, second: SentOrder) -> None:
    order = draft(second, draft(first, now=NOW))
    wanted = second.items if second.items is not None else first.items or ()
    assert len(order.items) == len(order.amounts.lines) == len(wanted)
    for item, line, sent in zip(order.items, order.amounts.lines, wanted, strict=True):
        assert (item.source_id, item.metadata) == (sent.body.source_id, sent.body.metadata)
        assert (line.quantity, line.initial_quantity) == (sent.quantity, sent.quantity)
    assert len({item.id for item in order.items}) == len(order.items)


@few
@given(bodies, bodies)
def test_discounts_that_nobody_sends_stay(first: SentOrder, second: SentOrder) -> None:
    before = draft(first, now=NOW)
    silent = dataclasses.replace(
        second,
        discount_amount=None,
        items=second.items
        and tuple(dataclasses.replace(item, discount_amount=None) for item in second.items),
    )
    after = draft(silent, before)
    assert after.amounts.discount_amount == before.amounts.discount_amount
    # Of lines at most: with a line goes what was taken off it.
    assert after.amounts.items_discount_amount <= before.amounts.items_discount_amount
