"""Codes of a large job, drawn part by part of the space."""

import math
from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.engine.codes import (
    CodePattern,
    RandomBytes,
    draw_codes,
    draw_codes_of_part,
    make_code_pattern,
    matches,
)

DIGITS = "0123456789"
CHARSETS = [
    DIGITS,
    "zyxwvutsrq9876543210",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "10",
    # Beyond Latin-1, and not in order.
    "日€ßaЖ😀",
    "".join(chr(0x4E00 + place) for place in range(299, -1, -1)),
]


def make(pattern: str, charset: str, prefix: str = "", postfix: str = "") -> CodePattern:
    return make_code_pattern(length=None, charset=charset, pattern=pattern, prefix=prefix, postfix=postfix)


def seed_bytes(seed: int) -> RandomBytes:
    return Random(seed).randbytes


def zero_bytes(size: int) -> bytes:
    """With them the first code of a part is drawn, but for the order of the charset behind its beginning."""
    return bytes(size)


def cut(whole: int, size: int) -> list[range]:
    return [range(start, min(start + size, whole)) for start in range(0, whole, size)]


def place_of(pattern: CodePattern, code: str) -> int:
    """The place of a code among all codes in the order of an index, which is that of code points."""
    symbols = sorted(pattern.charset)
    place = 0
    middle = code[len(pattern.prefix) : len(pattern.prefix) + len(pattern.pattern)]
    for wanted, found in zip(pattern.pattern, middle, strict=True):
        if wanted == "#":
            place = place * len(symbols) + symbols.index(found)
    return place


def chi_square(counts: Counter[int], cells: range) -> float:
    """How far from even, in standard deviations of what chance makes of it."""
    assert set(counts) <= set(cells)
    expected = counts.total() / len(cells)
    found = sum((counts[cell] - expected) ** 2 / expected for cell in cells)
    freedom = len(cells) - 1
    return (found - freedom) / math.sqrt(2 * freedom)


@st.composite
def large_spaces(draw: st.DrawFn) -> tuple[CodePattern, int, int]:
    """(pattern, codes in all, codes of a part), where the space is large enough to be cut."""
    charset = draw(st.sampled_from(CHARSETS))
    whole = draw(st.integers(1, 3000))
    size = draw(st.integers(max(1, whole // 12), whole))
    # Enough for a hundred codes for each, and for 128 beginnings of a part, even the short one at the end.
    hashes = math.ceil(math.log(max(100 * whole, 128 * whole + 1), len(charset))) + draw(st.integers(0, 4))
    places = draw(st.lists(st.sampled_from("#-#ü#"), max_size=3))
    middle = "#" * hashes + "".join(places)
    return (
        make(middle, charset, draw(st.sampled_from(["", "P#", "日"])), draw(st.sampled_from(["", "#"]))),
        whole,
        size,
    )


@settings(deadline=None, max_examples=150)
@given(space=large_spaces(), seed=st.integers(0, 2**32))
def test_parts_that_follow_one_another_give_codes_that_follow_one_another(
    space: tuple[CodePattern, int, int], seed: int
) -> None:
    pattern, whole, size = space
    random_bytes = seed_bytes(seed)
    parts = cut(whole, size)
    drawn = [draw_codes_of_part(pattern, part, whole, random_bytes) for part in parts]
    assert [len(codes) for codes in drawn] == [len(part) for part in parts]
    assert all(matches(pattern, code) for codes in drawn for code in codes)
    assert all(max(one) < min(other) for one, other in pairwise(drawn))
    assert all(max(one).encode() < min(other).encode() for one, other in pairwise(drawn))


@settings(deadline=None, max_examples=150)
@given(space=large_spaces(), seed=st.integers(0, 2**32))
def test_parts_leave_nothing_out_and_have_their_share_of_the_space(
    space: tuple[CodePattern, int, int], seed: int
) -> None:
    pattern, whole, size = space
    parts = cut(whole, size)
    # What is drawn behind the beginning is taken off: it is at most one beginning of a part.
    starts = [place_of(pattern, draw_codes_of_part(pattern, part, whole, zero_bytes)[0]) for part in parts]
    borders = [*starts, pattern.capacity]
    assert borders[0] * 128 <= pattern.capacity
    for part, start, end in zip(parts, borders, borders[1:], strict=False):
        share = len(part) * pattern.capacity / whole
        assert abs((end - start) - share) <= share / 128 * 2
        for code in draw_codes_of_part(pattern, part, whole, seed_bytes(seed)):
            slack = share / 128
            assert start - slack <= place_of(pattern, code) < end + slack


@pytest.mark.parametrize("charset", [DIGITS, CHARSETS[1], "€" + DIGITS[:9], CHARSETS[-1]])
@pytest.mark.parametrize("part", [range(20_000), range(40_000, 60_000), range(80_000, 100_000)])
def test_within_a_part_codes_are_uniform(charset: str, part: range) -> None:
    pattern = make("########", charset)
    capacity, whole = pattern.capacity, 100_000
    first, last = (place * capacity // whole for place in (part.start, part.stop))
    places = [place_of(pattern, code) for code in draw_codes_of_part(pattern, part, whole, seed_bytes(7))]
    # Borders are those of beginnings: of the 128 or more of them all but one are in for certain.
    assert min(places) >= first - capacity // whole * len(part) // 128
    assert max(places) < last
    cells = Counter((place - first) * 100 // (last - first) for place in places)
    assert abs(chi_square(cells, range(100))) < 5
    # Neighbours: what the beginning leaves open is not the same, or the same few, within it.
    fine = Counter(place % len(charset) for place in places)
    assert abs(chi_square(fine, range(len(charset)))) < 5


def test_every_beginning_of_a_part_is_equally_likely_and_no_other_is_drawn() -> None:
    pattern, part = make("########", DIGITS, prefix="P-"), range(40_000, 60_000)
    codes = draw_codes_of_part(pattern, part, 100_000, seed_bytes(7))
    beginnings = Counter(int(code[2:5]) for code in codes)
    assert beginnings.keys() == {*range(400, 600)}
    assert abs(chi_square(beginnings, range(400, 600))) < 4


@pytest.mark.parametrize("charset", [DIGITS, CHARSETS[-1]])
def test_all_parts_together_are_a_uniform_draw_of_the_whole_space(charset: str) -> None:
    pattern, whole = make("#####", charset), 20_000
    if charset == DIGITS:
        pattern = make("#######", charset)
    random_bytes = seed_bytes(3)
    places: list[int] = []
    for part in cut(whole, 1000):
        places += [place_of(pattern, code) for code in draw_codes_of_part(pattern, part, whole, random_bytes)]
    assert len(places) == whole
    for cells in (20, 97):
        counts = Counter(place * cells // pattern.capacity for place in places)
        # Evener than chance would make it, as each part has as many as it is large; never less even.
        assert chi_square(counts, range(cells)) < 4
    twentieths = Counter(place * 20 // pattern.capacity for place in places)
    assert all(abs(count - 1000) <= 1000 / 128 + 1 for count in twentieths.values())


def test_two_draws_of_a_part_are_independent() -> None:
    pattern, part = make("########", DIGITS), range(1000, 2000)
    one, other = (draw_codes_of_part(pattern, part, 10_000, seed_bytes(seed)) for seed in (1, 2))
    assert len({*one} & {*other}) < 10
    assert one != sorted(one)


@pytest.mark.parametrize(
    ("pattern", "part", "whole"),
    [
        pytest.param(make("###", DIGITS), range(5), 11, id="less than a hundred codes for each"),
        pytest.param(make("###", DIGITS), range(1), 10, id="less than 128 beginnings for a part"),
        pytest.param(make("##", "日本"), range(2, 4), 4, id="as few as there are"),
        pytest.param(make("SALE", DIGITS), range(1), 1, id="one code"),
        pytest.param(make("####", "A"), range(3), 3, id="one character"),
    ],
)
def test_a_space_too_small_to_be_cut_is_drawn_from_as_a_whole(
    pattern: CodePattern, part: range, whole: int
) -> None:
    expected = draw_codes(pattern, len(part), seed_bytes(5))
    assert draw_codes_of_part(pattern, part, whole, seed_bytes(5)) == expected
    assert len(expected) == len(part)


def test_a_space_just_large_enough_is_cut() -> None:
    pattern = make("####", DIGITS)
    lower, upper = (
        draw_codes_of_part(pattern, part, 100, seed_bytes(5)) for part in (range(50), range(50, 100))
    )
    assert (len(lower), len(upper)) == (50, 50)
    assert max(lower) < "5000" <= min(upper)
    # One more, and there are not a hundred codes for each of them.
    assert max(draw_codes_of_part(pattern, range(50), 101, seed_bytes(5))) > "5000"


def test_nothing_is_drawn_for_an_empty_part() -> None:
    pattern = make("########", DIGITS)
    assert draw_codes_of_part(pattern, range(10, 10), 100, seed_bytes(1)) == []
