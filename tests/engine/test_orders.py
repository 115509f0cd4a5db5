"""The contract's worked numbers, and the laws behind them. Amounts are cents."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.engine.orders import (
    MAX_AMOUNT,
    AmountTooLarge,
    Line,
    Order,
    discount_lines,
    discount_order,
    make_order,
    percent_of,
    price_line,
    read_percent,
    round_half_up,
    split_proportionally,
    sum_lines,
)

amounts = st.integers(0, 10**12)
lines = st.builds(
    price_line,
    quantity=st.integers(1, 1000),
    amount=st.none() | amounts,
    prices=st.lists(st.none() | st.integers(0, 10**9), max_size=3),
)
orders = st.builds(
    make_order,
    st.lists(lines, max_size=6),
    amount=st.none() | amounts,
    discount_amount=st.integers(0, 10**6),
)


# --- where amounts come from ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "amount", "prices", "price_and_amount"),
    [
        (2, None, (10000,), (10000, 20000)),
        # The given amount wins, the price is shown all the same.
        (2, 15000, (10000,), (10000, 15000)),
        (1, 900, (), (None, 900)),
        (3, None, (), (None, None)),
        (3, None, (None, None), (None, None)),
        # The request's price, then the SKU's, then the product's.
        (1, None, (5, 6, 7), (5, 5)),
        (2, None, (None, 6, 7), (6, 12)),
        (2, None, (None, None, 7), (7, 14)),
        # Nothing at all is a price, too.
        (2, None, (0, 6), (0, 0)),
        (1, 0, (6,), (6, 0)),
    ],
)
def test_the_first_known_price_counts_and_a_given_amount_more(
    quantity: int,
    amount: int | None,
    prices: Sequence[int | None],
    price_and_amount: tuple[int | None, int | None],
) -> None:
    line = price_line(quantity=quantity, amount=amount, prices=prices)
    assert (line.price, line.amount) == price_and_amount
    assert (line.quantity, line.initial_quantity) == (quantity, quantity)
    assert line.initial_amount == line.subtotal_amount == line.amount
    assert (line.discount_amount, line.discount_quantity) == (0, 0)


@pytest.mark.parametrize(
    ("line_amounts", "given_amount", "amount"),
    [
        ((), 60000, 60000),
        ((20000,), None, 20000),
        ((120000, 1700), None, 121700),
        ((3300, 3400), 6000, 6000),
        ((3300, 3400), 0, 0),
        # What is not known does not count, and where nothing is known there is no amount.
        ((None, 3400), None, 3400),
        ((None, None), None, None),
        ((None,), 20000, 20000),
        ((), None, None),
    ],
)
def test_a_given_amount_stands_else_the_lines_are_summed(
    line_amounts: Sequence[int | None], given_amount: int | None, amount: int | None
) -> None:
    order = make_order([price_line(amount=each) for each in line_amounts], amount=given_amount)
    assert (order.amount, order.initial_amount, order.total_amount) == (amount, amount, amount)
    assert tuple(line.amount for line in order.lines) == tuple(line_amounts)
    assert (order.items_discount_amount, order.total_discount_amount) == (0, 0)


def test_an_initial_amount_can_be_given() -> None:
    order = make_order([price_line(amount=500)], initial_amount=400)
    assert (order.amount, order.initial_amount) == (500, 400)


def test_price_times_quantity_beyond_the_bound_is_refused() -> None:
    assert price_line(quantity=2, prices=[MAX_AMOUNT // 2]).amount == MAX_AMOUNT
    with pytest.raises(AmountTooLarge):
        price_line(quantity=2, prices=[MAX_AMOUNT // 2 + 1])


def test_a_sum_beyond_the_bound_is_refused() -> None:
    assert sum_lines([price_line(amount=MAX_AMOUNT - 1), price_line(amount=1)]) == MAX_AMOUNT
    with pytest.raises(AmountTooLarge):
        make_order([price_line(amount=MAX_AMOUNT), price_line(amount=1)])


def test_lines_beyond_the_bound_are_no_matter_beside_a_given_amount() -> None:
    order = make_order([price_line(amount=MAX_AMOUNT), price_line(amount=MAX_AMOUNT)], amount=1)
    assert order.amount == 1


# --- what discounts leave ------------------------------------------------------------------------------


def test_discounts_of_the_order_run_down_its_total() -> None:
    order = make_order([], amount=200000)
    after_gift = discount_order(order, 100)
    after_percent = discount_order(after_gift, percent_of(after_gift.total_amount or 0, 20))
    after_amount = discount_order(after_percent, 8000)
    assert [
        (each.discount_amount, each.total_discount_amount, each.total_amount)
        for each in (after_gift, after_percent, after_amount)
    ] == [(100, 100, 199900), (40080, 40080, 159920), (48080, 48080, 151920)]
    assert order.discount_amount == 0


def test_earlier_discounts_leave_less_to_take() -> None:
    order = discount_order(make_order([], amount=10000, discount_amount=9200), 1000)
    assert (order.discount_amount, order.total_amount) == (10000, 0)


def test_the_total_stops_at_zero_where_lines_are_worth_more_than_the_order() -> None:
    order = discount_lines(make_order([price_line(amount=50070)], amount=15100), [25035])
    assert order.lines[0].subtotal_amount == 25035
    assert (order.items_discount_amount, order.total_discount_amount) == (25035, 25035)
    assert order.total_amount == 0


def test_a_discount_of_the_order_does_not_lower_what_a_line_can_lose() -> None:
    order = discount_order(make_order([price_line(amount=1000)]), 900)
    order = discount_lines(order, [700])
    assert order.lines[0].subtotal_amount == 300
    assert (order.discount_amount, order.items_discount_amount, order.total_amount) == (900, 700, 0)


def test_lines_and_the_order_are_discounted_side_by_side() -> None:
    # The contract's order of roses, a vase and shipping: 10 % of the lines, then 1243 off the order.
    order = make_order([price_line(amount=amount) for amount in (700, 500, 1500)])
    order = discount_lines(order, [percent_of(line.amount or 0, 10) for line in order.lines])
    order = discount_order(order, 1243)
    assert [line.subtotal_amount for line in order.lines] == [630, 450, 1350]
    assert (order.amount, order.items_discount_amount, order.discount_amount) == (2700, 270, 1243)
    assert (order.total_discount_amount, order.total_amount) == (1513, 1187)


def test_a_line_loses_at_most_what_is_left_of_it() -> None:
    order = make_order([price_line(amount=300, discount_amount=250), price_line()])
    assert [line.discount_amount for line in discount_lines(order, [100, 100]).lines] == [300, 0]


def test_a_discount_that_callers_bring_can_be_more_than_there_is() -> None:
    order = make_order([price_line(amount=100, discount_amount=150)], discount_amount=20)
    assert (order.lines[0].subtotal_amount, order.total_amount) == (0, 0)
    assert (order.items_discount_amount, order.total_discount_amount) == (150, 170)
    assert discount_order(order, 5) == order


def test_an_order_without_a_known_amount_has_nothing_to_take() -> None:
    order = make_order([price_line(quantity=2)])
    assert (order.amount, order.total_amount) == (None, None)
    assert discount_order(order, 100) == order


def test_each_line_is_given_its_discount() -> None:
    with pytest.raises(ValueError, match="zip"):
        discount_lines(make_order([price_line(amount=1), price_line(amount=1)]), [1])


@given(orders, st.lists(st.integers(0, 10**12), min_size=6, max_size=6), st.integers(0, 10**12))
def test_totals_are_never_negative_and_add_up(order: Order, off_lines: list[int], off_order: int) -> None:
    after = discount_order(discount_lines(order, off_lines[: len(order.lines)]), off_order)
    assert after.total_discount_amount == after.discount_amount + sum(
        line.discount_amount for line in after.lines
    )
    for line in after.lines:
        assert line.subtotal_amount is None or line.subtotal_amount >= 0
        if line.amount is not None:
            assert line.discount_amount <= line.amount
            assert line.subtotal_amount == line.amount - line.discount_amount
    if after.amount is None:
        assert after.total_amount is None
    else:
        assert after.total_amount == max(after.amount - after.total_discount_amount, 0)


@given(orders)
def test_taking_nothing_changes_nothing(order: Order) -> None:
    assert discount_order(order, 0) == order
    assert discount_lines(order, [0] * len(order.lines)) == order


@given(orders, st.integers(0, 10**12), st.integers(0, 10**12))
def test_two_discounts_of_an_order_take_what_one_of_both_would(order: Order, one: int, other: int) -> None:
    assert discount_order(discount_order(order, one), other) == discount_order(order, one + other)


@given(st.data(), st.lists(lines, max_size=6))
def test_the_sequence_of_lines_does_not_matter(data: st.DataObject, some: list[Line]) -> None:
    order, mixed = make_order(some), make_order(data.draw(st.permutations(some)))
    assert (mixed.amount, mixed.items_discount_amount) == (order.amount, order.items_discount_amount)


# --- rounding ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "percent", "part"),
    [
        (11499, 10, 1150),
        (3330, 15, 500),
        (15105, 10, 1511),
        (15104, 10, 1510),
        (15106, 10, 1511),
        (10000, 10, 1000),
        (9000, 20, 1800),
        (10000, 0, 0),
        (10000, 100, 10000),
        (0, 50, 0),
        (1, 50, 1),
        (1000, 12.3, 123),
        (100, 0.5, 1),
        # In binary 1.05 is a bit more than written, 1.15 a bit less; as written both are halves.
        (1000, 1.05, 11),
        (1000, 1.15, 12),
        (MAX_AMOUNT, 100, MAX_AMOUNT),
        (MAX_AMOUNT, 99.99, 9006298534815518),
    ],
)
def test_a_percentage_is_rounded_half_up_once(amount: int, percent: int | float, part: int) -> None:
    assert percent_of(amount, read_percent(percent)) == part


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (Fraction(3021, 2), 1511),
        (Fraction(1, 3), 0),
        (Fraction(2, 3), 1),
        (Fraction(1, 2), 1),
        (Fraction(-1, 2), 0),
        (Fraction(-3, 2), -1),
        (Fraction(-2, 3), -1),
        (Fraction(7), 7),
    ],
)
def test_halves_go_up(value: Fraction, rounded: int) -> None:
    assert round_half_up(value) == rounded


@given(st.fractions())
def test_rounding_moves_by_half_at_most(value: Fraction) -> None:
    assert -Fraction(1, 2) < round_half_up(value) - value <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (300, [3300, 3400], [148, 152]),
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [3333, 3333, 3333], [34, 33, 33]),
        (1000, [3333, 3333, 3334], [333, 333, 334]),
        (101, [1, 1, 1], [34, 34, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (0, [5, 6], [0, 0]),
        (10, [], []),
        (10, [0, 0], [0, 0]),
        (10, [0, 7, 0], [0, 10, 0]),
        (7, [7], [7]),
        # More than there is: everybody's share grows.
        (30, [5, 10], [10, 20]),
        # The larger fraction comes before the earlier line.
        (1, [1, 2], [0, 1]),
    ],
)
def test_an_amount_is_split_by_largest_remainder(amount: int, weights: list[int], shares: list[int]) -> None:
    assert split_proportionally(amount, weights) == shares


weight_lists = st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any)


@given(st.integers(0, 10**10), weight_lists)
def test_shares_sum_up_and_are_never_a_cent_off(amount: int, weights: list[int]) -> None:
    shares = split_proportionally(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount * weight, sum(weights))) < 1


@given(st.data(), weight_lists)
def test_no_share_is_larger_than_its_line(data: st.DataObject, weights: list[int]) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    shares = split_proportionally(amount, weights)
    assert all(share <= weight for share, weight in zip(shares, weights, strict=True))


@given(st.integers(0, 10**10), weight_lists)
def test_who_weighs_more_gets_no_less(amount: int, weights: list[int]) -> None:
    shares = split_proportionally(amount, weights)
    ordered = sorted(zip(weights, shares, strict=True))
    assert [share for _, share in ordered] == sorted(shares)
