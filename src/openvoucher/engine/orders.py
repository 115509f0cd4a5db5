"""The amounts of an order: of its lines, of the whole, and what discounts leave of them.

All money is integers in minor units (cents), all quantities are units. None is an amount or a price that
nobody knows: a line of an unknown product may be bought without either, and an order may be known by its
amount alone.

Two kinds of discounts are kept apart, as the contract does: those of a line lower the line, those of the
order lower nothing but the total. Nothing here decides which discounts there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

MAX_LINES = 500
MAX_AMOUNT = 2**53
"""Largest amount of a line or an order: up to here it survives clients that read numbers as doubles."""


class AmountTooLarge(ValueError):
    """Price times quantity, or the sum of the lines, is beyond MAX_AMOUNT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an order. `quantity` and `amount` are after effects that add units, `initial_…` before.

    `discount_amount`, `discount_quantity`: what all discounts so far have taken off, and off how many
    units.
    """

    quantity: int
    price: int | None
    amount: int | None
    initial_quantity: int
    initial_amount: int | None
    discount_amount: int = 0
    discount_quantity: int = 0

    @property
    def subtotal_amount(self) -> int | None:
        """What is left of the amount; never negative, also where a caller says that more was taken off."""
        return None if self.amount is None else max(self.amount - self.discount_amount, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. `amount` is not always the sum of its lines: callers may say it, and then theirs holds.

    `initial_amount`: before effects that add units. `discount_amount`: taken off the order as a whole so far.
    """

    lines: tuple[Line, ...]
    amount: int | None
    initial_amount: int | None
    discount_amount: int = 0

    @property
    def items_discount_amount(self) -> int:
        return sum(line.discount_amount for line in self.lines)

    @property
    def total_discount_amount(self) -> int:
        return self.discount_amount + self.items_discount_amount

    @property
    def total_amount(self) -> int | None:
        """What is to be paid; never negative: lines can be discounted by more than a smaller amount that the
        caller gave for the whole."""
        return None if self.amount is None else max(self.amount - self.total_discount_amount, 0)


# --- amounts -----------------------------------------------------------------------------------------


def price_line(
    *,
    quantity: int = 1,
    amount: int | None = None,
    prices: Sequence[int | None] = (),
    discount_amount: int = 0,
    discount_quantity: int = 0,
) -> Line:
    """A line as a request describes it.

    `prices`: of one unit, in the order in which they count (the request's, the SKU's, the product's); the
    first that is known holds. `amount`: of the whole line, stands against any price. Raises
    AmountTooLarge.
    """
    price = next((each for each in prices if each is not None), None)
    if amount is None and price is not None:
        amount = price * quantity
        if amount > MAX_AMOUNT:
            raise AmountTooLarge
    return Line(
        quantity=quantity,
        price=price,
        amount=amount,
        initial_quantity=quantity,
        initial_amount=amount,
        discount_amount=discount_amount,
        discount_quantity=discount_quantity,
    )


def sum_lines(lines: Sequence[Line]) -> int | None:
    """The sum of the amounts that are known; None if none is. Raises AmountTooLarge."""
    amounts = [line.amount for line in lines if line.amount is not None]
    if not amounts:
        return None
    total = sum(amounts)
    if total > MAX_AMOUNT:
        raise AmountTooLarge
    return total


def make_order(
    lines: Sequence[Line],
    *,
    amount: int | None = None,
    initial_amount: int | None = None,
    discount_amount: int = 0,
) -> Order:
    """An order of these lines. A given `amount` stands, else it is their sum; without a given
    `initial_amount` it is the amount. Raises AmountTooLarge."""
    amount = sum_lines(lines) if amount is None else amount
    return Order(
        lines=tuple(lines),
        amount=amount,
        initial_amount=amount if initial_amount is None else initial_amount,
        discount_amount=discount_amount,
    )


# --- discounts ---------------------------------------------------------------------------------------


def discount_order(order: Order, amount: int) -> Order:
    """Take an amount off the order as a whole: at most what is still to be paid, and nothing where that is
    not known."""
    taken = min(amount, order.total_amount or 0)
    return replace(order, discount_amount=order.discount_amount + taken)


def discount_lines(order: Order, amounts: Sequence[int]) -> Order:
    """Take an amount off each line (0: nothing): at most what is left of that line.

    Discounts of the order do not lower what a line can be discounted by; `total_amount` stops at 0.
    """
    lines = tuple(
        replace(line, discount_amount=line.discount_amount + min(amount, line.subtotal_amount or 0))
        for line, amount in zip(order.lines, amounts, strict=True)
    )
    return replace(order, lines=lines)


# --- rounding ----------------------------------------------------------------------------------------


def read_percent(percent: int | float) -> Fraction:
    """A percentage as it was written: 12.3 is 123/10, not the binary number beside it."""
    return Fraction(str(percent))


def percent_of(amount: int, percent: Fraction | int) -> int:
    """That part of an amount, rounded to a whole minor unit, halves up."""
    return round_half_up(amount * Fraction(percent) / 100)


def round_half_up(value: Fraction) -> int:
    """The nearest integer; of two that are equally near the larger one."""
    return int((2 * value.numerator + value.denominator) // (2 * value.denominator))


def split_proportionally(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount in shares as large as the weights (none negative), which sum up to exactly the amount.

    Each share is rounded down, and the units that are missing go to those that lost the largest fractions, of
    equal ones to the first (largest remainder). With an amount of at most the sum of the weights no share is
    larger than its weight. Without any weight nobody gets anything.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares, fractions = [], []
    for place, weight in enumerate(weights):
        share, fraction = divmod(amount * weight, whole)
        shares.append(share)
        fractions.append((-fraction, place))
    for _, place in sorted(fractions)[: amount - sum(shares)]:
        shares[place] += 1
    return shares
