import re
from collections import Counter
from collections.abc import Iterable
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.engine.codes import (
    MAX_LISTED_CAPACITY,
    CodePattern,
    InvalidCodeConfig,
    RandomBytes,
    draw_codes,
    draw_missing,
    enumerate_codes,
    like_pattern,
    make_code_pattern,
    matches,
)

CHARACTERS_300 = "".join(chr(0x4E00 + place) for place in range(300))


def make(
    pattern: str | None = None,
    charset: str | None = None,
    prefix: str | None = None,
    postfix: str | None = None,
    length: int | None = None,
) -> CodePattern:
    return make_code_pattern(length=length, charset=charset, pattern=pattern, prefix=prefix, postfix=postfix)


def seed_bytes(seed: int) -> RandomBytes:
    return Random(seed).randbytes


def replay_bytes(*blocks: bytes) -> RandomBytes:
    """A source that answers the first call with the first block, and so on; a further call fails."""
    remaining = iter(blocks)
    return lambda size: next(remaining)


def refuse_bytes(size: int) -> bytes:
    raise AssertionError("no randomness is needed here")


def sum_chi_squares(counts: Counter[str], cells: Iterable[str], shares: dict[str, float]) -> float:
    total = sum(counts.values())
    return sum((counts[cell] - total * shares[cell]) ** 2 / (total * shares[cell]) for cell in cells)


def chi_square(counts: Counter[str], cells: Iterable[str]) -> float:
    cells = list(cells)
    assert set(counts) <= set(cells)
    return sum_chi_squares(counts, cells, dict.fromkeys(cells, 1 / len(cells)))


# --- configuration ---


def test_without_any_setting_a_code_has_eight_characters_from_62() -> None:
    assert make() == CodePattern(
        pattern="########",
        charset="0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        prefix="",
        postfix="",
    )


def test_length_sets_the_number_of_random_characters() -> None:
    assert make(length=3).pattern == "###"


@pytest.mark.parametrize("length", [5, 0, -1, 999])
def test_a_pattern_overrides_the_length_whatever_it_is(length: int) -> None:
    made = make(pattern="10OFF-##", length=length)

    assert (made.pattern, made.hashes) == ("10OFF-##", 2)


def test_duplicates_in_the_charset_count_once_and_the_order_stays() -> None:
    made = make(pattern="##", charset="banana")

    assert made.charset == "ban"
    assert made.capacity == 9


def test_an_empty_pattern_prefix_or_postfix_is_the_same_as_none() -> None:
    assert make(pattern="", prefix="", postfix="", length=2) == make(length=2)


@pytest.mark.parametrize(
    ("pattern", "charset", "capacity"),
    [
        ("10-##", "0123456789", 100),
        ("PROMO-####", None, 14_776_336),
        ("########", None, 218_340_105_584_896),
        ("SALE", None, 1),
        ("#", "x", 1),
        ("#" * 128, "0123456789", 10**128),
    ],
)
def test_the_capacity_is_exact(pattern: str, charset: str | None, capacity: int) -> None:
    assert make(pattern=pattern, charset=charset).capacity == capacity


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"charset": ""}, "charset must have at least one character"),
        ({"charset": "", "pattern": "SALE"}, "charset must have at least one character"),
        ({"length": 0}, "length must be between 1 and 128"),
        ({"length": -1}, "length must be between 1 and 128"),
        ({"length": 129}, "length must be between 1 and 128"),
        ({"pattern": "#" * 129}, "pattern must have at most 128 # characters"),
        ({"pattern": "x" * 501}, "codes must have at most 500 characters"),
        ({"prefix": "x" * 400, "postfix": "y" * 93}, "codes must have at most 500 characters"),
        ({"charset": "ab\x00"}, "charset must not contain control characters"),
        ({"pattern": "##\n"}, "pattern must not contain control characters"),
        ({"prefix": "a\tb"}, "prefix must not contain control characters"),
        ({"postfix": "\x7f"}, "postfix must not contain control characters"),
        ({"postfix": "\x85"}, "postfix must not contain control characters"),
        ({"charset": "ab\ud800"}, "charset must not contain control characters"),
    ],
)
def test_a_config_that_cannot_make_codes_is_refused(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidCodeConfig) as refusal:
        make(**config)

    assert refusal.value.reason == str(refusal.value) == reason


@pytest.mark.parametrize(
    ("config", "code_length"),
    [
        ({"length": 1}, 1),
        ({"length": 128}, 128),
        ({"pattern": "#" * 128 + "-"}, 129),
        ({"prefix": "x" * 400, "postfix": "y" * 92}, 500),
    ],
)
def test_the_bounds_themselves_are_allowed(config: dict[str, Any], code_length: int) -> None:
    [code] = draw_codes(make(**config), 1, seed_bytes(1))

    assert len(code) == code_length


@pytest.mark.parametrize(
    ("pattern", "prefix", "postfix", "literal", "like"),
    [
        ("10OFF-##", None, None, "10OFF-", "10OFF-__"),
        ("##-##", None, None, "", "__-__"),
        ("##", "A", "Z", "A", "A__Z"),
        ("SALE", "A-", "-Z", "A-SALE-Z", "A-SALE-Z"),
        ("A#B", "#1 ", "#", "#1 A", "#1 A_B#"),
        ("50%_#", "a_", "\\%", "a_50%_", r"a\_50\%\__\\\%"),
    ],
)
def test_what_all_codes_share_is_told_for_index_lookups(
    pattern: str, prefix: str | None, postfix: str | None, literal: str, like: str
) -> None:
    made = make(pattern=pattern, prefix=prefix, postfix=postfix)

    assert (made.literal_prefix, like_pattern(made)) == (literal, like)


def test_the_full_pattern_is_all_three_parts() -> None:
    assert make(pattern="A#", prefix="<", postfix=">").full_pattern == "<A#>"


# --- drawing ---


def test_bytes_past_the_largest_multiple_are_dropped() -> None:
    # 255 = 85 * 3 is the first byte that would favour "a".
    blocks = replay_bytes(bytes([255, 0, 254, 255, 1, 3]))

    assert draw_codes(make(pattern="#", charset="abc"), 4, blocks) == ["a", "c", "b", "a"]


def test_more_randomness_is_asked_for_when_too_much_was_dropped() -> None:
    blocks = replay_bytes(bytes([255] * 20), bytes([1]), bytes([2, 0]))

    assert draw_codes(make(pattern="x#", charset="abc"), 2, blocks) == ["xb", "xc"]


def test_two_bytes_are_read_for_each_character_of_a_charset_of_300() -> None:
    # 65,400 = 218 * 300 is the first number that would favour the first character.
    numbers = [65_400, 65_399, 300, 65_535, 1]
    blocks = replay_bytes(b"".join(number.to_bytes(2, "big") for number in numbers))

    codes = draw_codes(make(pattern="#", charset=CHARACTERS_300), 3, blocks)

    assert codes == [CHARACTERS_300[299], CHARACTERS_300[0], CHARACTERS_300[1]]


@pytest.mark.parametrize("charset", ["ab", "#-", "þÿ", "ÿĀ", "āĀ", "あい", "😀😁"])
@pytest.mark.parametrize("literal", ["", "x", "ÿ", "Ā", "✂"])
def test_charset_and_literals_may_be_of_any_alphabet(charset: str, literal: str) -> None:
    one, other = charset[0], charset[1]

    drawn = draw_codes(make("#", charset, prefix=literal), 3, replay_bytes(bytes([1, 0, 3])))

    assert drawn == [literal + other, literal + one, literal + other]


def test_each_code_takes_its_own_characters() -> None:
    assert draw_codes(make(pattern="#-#", charset="0123"), 2, replay_bytes(bytes([0, 1, 2, 3]))) == [
        "0-2",
        "1-3",
    ]


@pytest.mark.parametrize("prefix", ["#", "✂"])
def test_a_pattern_without_hashes_gives_its_one_code_without_randomness(prefix: str) -> None:
    assert draw_codes(make(pattern="SALE", prefix=prefix), 3, refuse_bytes) == [f"{prefix}SALE"] * 3


@pytest.mark.parametrize("charset", ["ab", "あい", CHARACTERS_300])
def test_no_codes_are_drawn_when_none_are_wanted(charset: str) -> None:
    assert draw_codes(make(charset=charset), 0, refuse_bytes) == []


def mix_texts(characters: str, max_size: int) -> st.SearchStrategy[str]:
    """Texts in which a character is as frequent as in `characters` (`st.text` would count it once)."""
    return st.lists(st.sampled_from(characters), min_size=1, max_size=max_size).map("".join)


literals = st.just("") | mix_texts("aZ0#%_\\.*[é #✂", 4)
charsets = st.one_of(
    st.sampled_from(["x", "01", "ab#", "éàü", "0123456789abcdef", "%_\\", "あいう", "a✂", "😀😁😂"]),
    st.just("".join(map(chr, range(0x21, 0x7F)))),
    st.just("".join(chr(0xA1 + place) for place in range(95)) + "".join(map(chr, range(0x21, 0x7F)))),
    st.just("".join(chr(0x100 + place) for place in range(256))),
    st.just(CHARACTERS_300),
    st.just("".join(chr(0x4E00 + place) for place in range(257))),
)
patterns = st.builds(
    lambda pattern, charset, prefix, postfix: make(pattern, charset, prefix, postfix),
    mix_texts("#########aZ-%_\\é✂", 12),
    charsets,
    literals,
    literals,
)


def compile_like(like: str) -> re.Pattern[str]:
    tokens = re.findall(r"\\.|.", like, re.DOTALL)
    return re.compile(
        "".join("." if token == "_" else ".*" if token == "%" else re.escape(token[-1]) for token in tokens),
        re.DOTALL,
    )


@settings(deadline=None)
@given(patterns, st.integers(0, 40), st.integers(0, 2**32))
def test_every_drawn_code_fits_its_pattern(pattern: CodePattern, count: int, seed: int) -> None:
    codes = draw_codes(pattern, count, seed_bytes(seed))

    assert len(codes) == count
    for code in codes:
        assert code.startswith(pattern.prefix)
        assert code.endswith(pattern.postfix)
        middle = code[len(pattern.prefix) : len(code) - len(pattern.postfix)]
        for wanted, found in zip(pattern.pattern, middle, strict=True):
            assert found in pattern.charset if wanted == "#" else found == wanted
        assert matches(pattern, code)
        assert code.startswith(pattern.literal_prefix)
        assert compile_like(like_pattern(pattern)).fullmatch(code)


@pytest.mark.parametrize(
    "charset",
    [
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        CHARACTERS_300[:62],
    ],
    ids=["one-byte characters", "wide characters"],
)
def test_every_character_is_equally_likely_at_every_place(charset: str) -> None:
    assert len(charset) == 62  # 256 is no multiple of it, so a plain remainder would be seen below

    codes = draw_codes(make(pattern="#-##", charset=charset), 60_000, seed_bytes(20))

    for place in (0, 2, 3):
        counts = Counter(code[place] for code in codes)
        assert chi_square(counts, charset) < 110  # 61 degrees of freedom: exceeded once in 8,000 fair runs


def test_both_parts_of_a_charset_of_40000_have_their_share() -> None:
    characters = "".join(chr(0x10000 + place) for place in range(40_000))
    cut = characters[65_536 % 40_000]

    codes = draw_codes(make(pattern="#", charset=characters), 20_000, seed_bytes(21))

    counts = Counter("low" if code < cut else "high" for code in codes)
    shares = {"low": 25_536 / 40_000, "high": 14_464 / 40_000}
    assert sum_chi_squares(counts, shares, shares) < 15.1  # 1 degree of freedom: once in 10,000


@pytest.mark.parametrize("charset", ["abcd", "あいうえ"])
def test_the_places_of_a_code_do_not_depend_on_each_other(charset: str) -> None:
    codes = draw_codes(make(pattern="##", charset=charset), 16_000, seed_bytes(22))

    cells = ["".join(pair) for pair in product(charset, charset)]
    assert chi_square(Counter(codes), cells) < 44.3  # 15 degrees of freedom: once in 10,000


# --- listing and matching ---


def test_codes_are_listed_in_the_order_of_the_charset() -> None:
    listed = list(enumerate_codes(make(pattern="#-#", charset="ba", prefix="<", postfix="#")))

    assert listed == ["<b-b#", "<b-a#", "<a-b#", "<a-a#"]


def test_a_pattern_without_hashes_lists_its_one_code() -> None:
    assert list(enumerate_codes(make(pattern="SALE"))) == ["SALE"]


small_patterns = st.builds(
    lambda pattern, charset, prefix, postfix: make(pattern, charset, prefix, postfix),
    mix_texts("##a-", 5),
    st.sampled_from(["x", "ab", "a#", "あいう"]),
    st.sampled_from(["", "a", "#", "aa"]),
    st.sampled_from(["", "a", "#", "-a"]),
)


@settings(deadline=None)
@given(small_patterns)
def test_listing_gives_exactly_as_many_different_codes_as_the_capacity(pattern: CodePattern) -> None:
    listed = list(enumerate_codes(pattern))

    assert len(listed) == len(set(listed)) == pattern.capacity


@settings(deadline=None)
@given(small_patterns, st.data())
def test_a_code_matches_exactly_when_it_is_listed(pattern: CodePattern, data: st.DataObject) -> None:
    listed = list(enumerate_codes(pattern))
    code = data.draw(st.sampled_from(listed))
    cut = data.draw(st.integers(0, len(code)))
    removed = data.draw(st.integers(0, 2))
    changed = code[:cut] + data.draw(st.text(alphabet="aあb#-x", max_size=2)) + code[cut + removed :]

    assert matches(pattern, code)
    assert matches(pattern, changed) == (changed in listed)


@pytest.mark.parametrize(
    ("code", "fits"),
    [
        ("10-07", True),
        ("10-7", False),
        ("10-077", False),
        ("10-0a", False),
        ("10_07", False),
        ("", False),
        ("10-0\u0667", False),  # an Arabic digit is no digit of the charset
    ],
)
def test_matching_is_exact(code: str, fits: bool) -> None:
    assert matches(make(pattern="10-##", charset="0123456789"), code) is fits


def test_matching_minds_prefix_postfix_and_letter_case() -> None:
    pattern = make(pattern="#", charset="ab", prefix="X", postfix="Y")

    assert [code for code in ("XaY", "XAY", "xaY", "Xay", "ZaY", "XaZ") if matches(pattern, code)] == ["XaY"]


def test_prefix_and_postfix_may_not_share_characters_of_a_code() -> None:
    assert not matches(make(pattern="#", charset="ab", prefix="aba", postfix="aba"), "ababa")


# --- what is left of a small space ---


def test_all_free_codes_come_back_when_more_are_wanted() -> None:
    pattern = make(pattern="10-##", charset="0123456789")
    taken = {code for code in enumerate_codes(pattern) if code not in ("10-03", "10-50", "10-99")}

    found = draw_missing(pattern, taken, 4, seed_bytes(30))

    assert sorted(found) == ["10-03", "10-50", "10-99"]


def test_a_full_space_has_no_codes_left() -> None:
    pattern = make(pattern="#", charset="ab")

    assert draw_missing(pattern, ["a", "b"], 1, refuse_bytes) == []


def test_a_literal_pattern_has_one_code_until_it_is_taken() -> None:
    assert draw_missing(make(pattern="SALE"), [], 5, seed_bytes(31)) == ["SALE"]
    assert draw_missing(make(pattern="SALE"), ["SALE"], 5, seed_bytes(31)) == []


def test_taken_codes_of_other_patterns_and_repeated_ones_do_not_count() -> None:
    pattern = make(pattern="A#", charset="012")

    found = draw_missing(pattern, ["A0", "A0", "B1", "A12", "A9", "a2"], 3, seed_bytes(32))

    assert sorted(found) == ["A1", "A2"]


@settings(deadline=None)
@given(small_patterns, st.data(), st.integers(0, 2**32))
def test_a_sample_has_different_free_codes_and_as_many_as_there_can_be(
    pattern: CodePattern, data: st.DataObject, seed: int
) -> None:
    listed = list(enumerate_codes(pattern))
    taken = data.draw(st.lists(st.sampled_from(listed), max_size=20))
    count = data.draw(st.integers(0, len(listed) + 2))

    found = draw_missing(pattern, taken, count, seed_bytes(seed))

    free = set(listed) - set(taken)
    assert set(found) <= free
    assert len(set(found)) == len(found) == min(count, len(free))


def test_every_ordered_sample_of_the_free_codes_is_equally_likely() -> None:
    pattern = make(pattern="##", charset="ab")
    source = seed_bytes(33)

    counts = Counter(" ".join(draw_missing(pattern, ["ab"], 2, source)) for _ in range(6_000))

    cells = ["aa ba", "aa bb", "ba aa", "ba bb", "bb aa", "bb ba"]
    assert chi_square(counts, cells) < 25.8  # 5 degrees of freedom: once in 10,000


def test_a_sample_from_more_than_256_codes_is_uniform_too() -> None:
    pattern = make(pattern="###", charset="0123456")
    taken = [code for code in enumerate_codes(pattern) if code.endswith("0")]
    source = seed_bytes(34)

    counts = Counter(code for _ in range(150) for code in draw_missing(pattern, taken, 100, source))

    # Each of the 294 free codes is in a sample with the chance 100 / 294. As codes of one sample differ, the
    # sum is smaller than chi-square with 293 degrees of freedom by the factor 194 / 294.
    free = [code for code in enumerate_codes(pattern) if not code.endswith("0")]
    assert 120 < chi_square(counts, free) < 270


def test_a_space_of_16_million_codes_is_still_listed() -> None:
    pattern = make(pattern="########", charset="01234567")
    assert pattern.capacity == MAX_LISTED_CAPACITY

    [found] = draw_missing(pattern, [], 1, seed_bytes(35))

    assert matches(pattern, found)


def test_a_space_too_large_to_list_is_refused() -> None:
    with pytest.raises(ValueError, match="a space of 43046721 codes is too large to list"):
        draw_missing(make(pattern="########", charset="012345678"), [], 1, refuse_bytes)
