"""Ids: version 7, sortable by time, a prefix on the wire."""

import bisect
import functools
import itertools
import operator
import time
from unittest.mock import patch
from uuid import UUID

import pytest

from openvoucher.wire.ids import IdBatch, new_id, new_request_id, parse_id, show_id

SOME = UUID("0197c2a4-0000-7000-8000-0000000000ff")


def test_a_new_id_is_a_version_7_uuid_of_this_moment() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_of_one_process_ascend_however_quickly_they_are_made() -> None:
    made = [new_id() for _ in range(20_000)]
    assert all(one < other for one, other in itertools.pairwise(made))


# --- ids of a bulk insert ---------------------------------------------------------------------------


def list_ids(batch: IdBatch) -> list[UUID]:
    return [UUID(bytes=batch.shared + number.to_bytes(4, "big")) for number in range(batch.count)]


@pytest.mark.parametrize("count", [1, 2, 4096, 10_000])
def test_ids_of_a_batch_are_version_7_and_ascend_from_its_first_to_its_last(count: int) -> None:
    before = time.time_ns() // 1_000_000
    batch = IdBatch(count)
    after = time.time_ns() // 1_000_000
    made = list_ids(batch)
    assert len(made) == count
    assert all(one < other for one, other in itertools.pairwise(made))
    assert (batch.first, batch.last) == (made[0], made[-1])
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in made)
    assert all(before <= one.int >> 80 <= after for one in made)


def test_the_largest_batch_still_has_ids_of_version_7() -> None:
    batch = IdBatch(IdBatch.MOST)
    assert batch.last.int - batch.first.int == 2**32 - 1
    assert (batch.last.version, batch.last.variant) == (7, "specified in RFC 4122")
    assert batch.last.bytes[:12] == batch.first.bytes[:12] == batch.shared


@pytest.mark.parametrize("count", [-1, 0, 2**32 + 1])
def test_a_batch_of_none_or_of_too_many_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"a batch has 1 to 4294967296 ids, not {count}"):
        IdBatch(count)


def test_no_id_of_anybody_else_lies_within_a_batch() -> None:
    batches, others = [], []
    for _ in range(2000):
        # Of the same moment: only chance tells them apart.
        batches.append(IdBatch(IdBatch.MOST))
        others.append(new_id())
    batches.sort(key=lambda batch: batch.first)
    assert all(one.last < other.first for one, other in itertools.pairwise(batches))
    firsts = [batch.first for batch in batches]
    for other in others:
        place = bisect.bisect_right(firsts, other)
        assert place == 0 or other > batches[place - 1].last


def test_what_a_batch_shares_has_forty_two_random_bits() -> None:
    with patch.object(time, "time_ns", return_value=1_750_000_000_123_456_789):
        shared = [int.from_bytes(IdBatch(1).shared, "big") for _ in range(4000)]
    always_set = functools.reduce(operator.and_, shared)
    ever_set = functools.reduce(operator.or_, shared)
    # The milliseconds, the version and the variant, each in its place; any other bit is as often set as not.
    fixed = 1_750_000_000_123 << 48 | 0x7 << 44 | 0b10 << 30
    assert always_set == fixed
    assert ever_set ^ always_set == 0xFFF << 32 | (1 << 30) - 1
    for bit in (place for place in range(96) if (ever_set ^ always_set) >> place & 1):
        assert 1700 < sum(one >> bit & 1 for one in shared) < 2300


# --- on the wire ------------------------------------------------------------------------------------


def test_the_wire_shows_prefix_and_hex_and_reads_it_back() -> None:
    assert show_id("camp", SOME) == "camp_0197c2a40000700080000000000000ff"
    assert parse_id("camp", "camp_0197c2a40000700080000000000000ff") == SOME


@pytest.mark.parametrize(
    "text",
    [
        "",
        "camp",
        "camp_",
        "v_0197c2a40000700080000000000000ff",
        "camp_0197c2a400007000800000000000ff",
        "camp_0197C2A40000700080000000000000FF",
        "camp_0197c2a4-0000-7000-8000-0000000000ff",
        "camp_0197c2a40000700080000000000000ff\n",
        "CAMP_0197c2a40000700080000000000000ff",
    ],
)
def test_any_other_text_is_no_id(text: str) -> None:
    assert parse_id("camp", text) is None


def test_a_request_id_starts_with_the_milliseconds_since_the_wire_s_epoch() -> None:
    before = time.time_ns() // 1_000_000 - 1_462_320_000_000
    made = new_request_id()
    assert len(made) == 20
    assert made.startswith("v-")
    assert before <= int(made[2:], 16) >> 30 <= time.time_ns() // 1_000_000 - 1_462_320_000_000
