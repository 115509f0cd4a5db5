"""Ids: version 7, sortable by time, a prefix on the wire."""

import itertools
import time
from uuid import UUID

import pytest

from openvoucher.wire.ids import new_id, new_ids, new_request_id, parse_id, show_id

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


@pytest.mark.parametrize("count", [0, 1, 4096, 10_000])
def test_many_ids_are_distinct_and_ascending(count: int) -> None:
    made = new_ids(count)
    assert len(set(made)) == count
    assert made == sorted(made)
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in made)


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
