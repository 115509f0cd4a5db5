"""How the rows of a file are cut into portions whose codes lie side by side."""

import tracemalloc
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from random import Random
from typing import Literal, TypeAlias
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.features.code_imports import portions as module
from openvoucher.features.code_imports.portions import Portion, PortionCutter, decode_portion

Order: TypeAlias = Literal["code", "file", "group"]
Row: TypeAlias = tuple[int, list[str]]
ORDERS: tuple[Order, ...] = ("code", "file", "group")

orders = pytest.mark.parametrize("order", ORDERS)


def cut(
    batches: Iterable[list[Row]], rows_per_portion: int, order: Order, column: int | None = 0
) -> list[Portion]:
    cutter = PortionCutter(column, rows_per_portion, order=order)
    made = [portion for batch in batches for portion in cutter.add(batch)]
    return [*made, *cutter.finish()]


def codes_of(portion: Portion, column: int = 0) -> list[str]:
    return [cells[column] for _, _, cells in decode_portion(portion.data)]


def random_rows(count: int, seed: int = 1) -> list[Row]:
    draw = Random(seed)
    return [(number + 2, [f"{draw.randrange(10**8):08}", "x"]) for number in range(count)]


_CELLS = st.lists(
    st.one_of(
        st.sampled_from(["A", " A ", "B", "ü", "日", "😀", "", "\x00bad", "A\x00"]),
        st.text("AB1", max_size=4),
    ),
    max_size=3,
)


@settings(deadline=None, max_examples=300)
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(1, 2**40), _CELLS), max_size=12), max_size=8),
    rows_per_portion=st.integers(1, 12),
    order=st.sampled_from(ORDERS),
    column=st.sampled_from([None, 0, 1, 5]),
    sample=st.integers(1, 30),
    sample_bytes=st.integers(1, 300),
    held=st.integers(1, 300),
    longest=st.integers(1, 200),
    places=st.integers(1, 6),
)
def test_every_row_is_in_one_portion_with_its_number_and_line_and_those_of_a_code_keep_their_order(
    batches: list[list[Row]],
    rows_per_portion: int,
    order: Order,
    column: int | None,
    sample: int,
    sample_bytes: int,
    held: int,
    longest: int,
    places: int,
) -> None:
    with (
        patch.object(module, "_SAMPLE_ROWS", sample),
        patch.object(module, "_SAMPLE_BYTES", sample_bytes),
        patch.object(module, "_MAX_HELD_BYTES", held),
        patch.object(module, "_MAX_PORTION_BYTES", longest),
        patch.object(module, "_MOST_RANGES", places),
        patch.object(module, "_LEAST_HELD_BYTES", held),
        patch.object(module, "_GROUPS", places),
    ):
        cutter = PortionCutter(column, rows_per_portion, order=order)
        made = [portion for batch in batches for portion in cutter.add(batch)]
        made += cutter.finish()
    sent = [(number, line, cells) for number, (line, cells) in enumerate(chain.from_iterable(batches), 1)]
    cut_rows = [row for portion in made for row in decode_portion(portion.data)]
    assert sorted((number, line, tuple(cells)) for number, line, cells in cut_rows) == [
        (number, line, tuple(cells)) for number, line, cells in sent
    ]
    assert [portion.rows for portion in made] == [len(decode_portion(portion.data)) for portion in made]
    assert all(1 <= portion.rows <= rows_per_portion for portion in made)
    assert all(0 <= portion.bucket < cutter.buckets for portion in made)
    numbers: dict[str, list[int]] = defaultdict(list)
    buckets: dict[str, set[int]] = defaultdict(set)
    for portion in made:
        for number, _, cells in decode_portion(portion.data):
            if column is not None and column < len(cells) and cells[column].strip():
                numbers[cells[column].strip()].append(number)
                buckets[cells[column].strip()].add(portion.bucket)
    assert all(found == sorted(found) for found in numbers.values())
    if order == "group":
        assert all(len(found) == 1 for found in buckets.values())
    if order == "file":
        assert [number for number, _, _ in cut_rows] == [number for number, _, _ in sent]


@orders
def test_portions_are_as_long_as_they_may_be(order: Order) -> None:
    made = cut([random_rows(100)], 30, order)
    assert [portion.rows for portion in made] == [30, 30, 30, 10]


@orders
@pytest.mark.parametrize("files", [1, 40])
def test_a_portion_of_long_rows_is_cut_early(order: Order, files: int) -> None:
    rows: list[Row] = [(number, [f"{number * 7 % 40:02}", "x" * 1_000_000]) for number in range(files)]
    made = cut([[row] for row in rows], 1000, order)
    assert sum(portion.rows for portion in made) == files
    assert max(len(portion.data) for portion in made) < 4 * 1024 * 1024 + 1_001_000
    assert all(portion.rows <= 5 for portion in made)


def test_a_short_file_comes_out_in_the_order_of_its_codes() -> None:
    made = cut([random_rows(16_000)], 1000, "code")
    codes = [code for portion in made for code in codes_of(portion)]
    assert codes == sorted(codes)
    assert len(made) == 16


def test_rows_without_a_code_are_no_obstacle() -> None:
    rows: list[Row] = [(2, ["x", "B"]), (3, []), (4, ["y"]), (5, ["z", "A"])]
    (portion,) = cut([rows], 10, "code", column=1)
    assert decode_portion(portion.data) == [(2, 3, []), (3, 4, ["y"]), (4, 5, ["z", "A"]), (1, 2, ["x", "B"])]


def test_a_portion_of_a_long_file_spans_about_a_128th_of_its_codes() -> None:
    rows = random_rows(200_000)
    made = cut((rows[start : start + 700] for start in range(0, len(rows), 700)), 500, "code")
    assert sum(portion.rows for portion in made) == 200_000
    order = sorted(cells[0] for _, cells in rows)
    spans = []
    for portion in made:
        codes = codes_of(portion)
        spans.append((bisect_left(order, max(codes)) - bisect_left(order, min(codes))) / len(order))
    full = [span for portion, span in zip(made, spans, strict=True) if portion.rows == 500]
    assert len(full) > 300
    # The borders are those of a sample: a range may be a bit wider than a 128th.
    assert sorted(full)[len(full) // 2] == pytest.approx(1 / 128, rel=0.25)
    assert max(full) < 2 / 128
    # At the end what is left of neighbouring ranges is put together.
    assert len(made) - len(full) < 128


@pytest.mark.parametrize("order", ["code", "file"])
def test_portions_stay_full_however_much_has_passed(order: Order) -> None:
    rows = [(line, [cells[0], "x" * 1000]) for line, cells in random_rows(60_000)]
    made = cut([rows], 100, order)
    # 60 MB: more than is held at any time.
    assert sum(portion.rows == 100 for portion in made) > 500


def test_codes_that_ascend_through_the_file_stay_neighbours() -> None:
    rows: list[Row] = [(number, [f"{number:08}"]) for number in range(60_000)]
    made = cut([rows], 1000, "code")
    assert sum(portion.rows for portion in made) == 60_000
    assert sum(portion.rows >= 990 for portion in made) > 40


@orders
def test_a_file_of_one_code_stays_in_its_order(order: Order) -> None:
    rows: list[Row] = [(number, ["SAME", f"{number}"]) for number in range(40_000)]
    made = cut([rows], 3000, order)
    numbers = [number for portion in made for number, _, _ in decode_portion(portion.data)]
    assert numbers == list(range(1, 40_001))
    assert order == "code" or len({portion.bucket for portion in made}) == 1


def test_rows_without_a_code_do_not_gather_in_one_group() -> None:
    rows: list[Row] = [(number, ["x" * 10]) for number in range(40_000)]
    for column in (None, 3):
        made = cut([rows], 5000, "group", column=column)
        by_bucket: dict[int, int] = defaultdict(int)
        for portion in made:
            by_bucket[portion.bucket] += portion.rows
        assert max(by_bucket.values()) < 200


def test_groups_of_a_long_file_are_small() -> None:
    made = cut([random_rows(100_000)], 5000, "group")
    by_bucket: dict[int, int] = defaultdict(int)
    for portion in made:
        by_bucket[portion.bucket] += portion.rows
    assert len(by_bucket) == 1024
    assert max(by_bucket.values()) < 200


@pytest.mark.slow
@orders
@pytest.mark.parametrize("length", [20, 2000])
def test_what_is_held_is_bounded_whatever_the_file_is(order: Order, length: int) -> None:
    def batches() -> Iterator[list[Row]]:
        draw = Random(3)
        for start in range(0, 60_000_000, length * 100):
            yield [(start, [f"{draw.randrange(10**9)}", "x" * length]) for _ in range(100)]

    cutter = PortionCutter(0, 50_000, order=order)
    rows = 0
    tracemalloc.start()
    try:
        for batch in batches() if length > 100 else _some(batches(), 1000):
            for portion in cutter.add(batch):
                rows += portion.rows
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    rows += sum(portion.rows for portion in cutter.finish())
    assert rows == (30_000 if length > 100 else 100_000)
    # 24 MiB are held at most, and buffers that grow are larger than what is in them; one more portion is
    # given out.
    assert peak < 48_000_000


def _some(batches: Iterator[list[Row]], count: int) -> Iterator[list[Row]]:
    for _ in range(count):
        yield next(batches)


@orders
def test_no_rows_are_no_portions(order: Order) -> None:
    assert cut([], 10, order) == []
    assert cut([[]], 10, order) == []


def test_uploads_at_the_same_time_share_what_may_be_held() -> None:
    rows = [(number, [f"{line[0]}", "x" * 1000]) for number, line in random_rows(3000)]
    alone = PortionCutter(0, 100_000, order="code")
    assert alone.add(rows) == []
    others = [PortionCutter(0, 100_000, order="code") for _ in range(11)]
    held = 0
    for cutter in others:
        for _ in range(3):
            passed = sum(len(portion.data) for portion in cutter.add(rows))
            held += sum(len(row[1][1]) for row in rows) - passed
    assert held < 12 * module._LEAST_HELD_BYTES + 12 * module._MAX_PORTION_BYTES


def test_rows_that_are_long_come_in_portions_that_are_large_all_the_same() -> None:
    rows = [(number, [code, "x" * 1000]) for number, (code, _) in random_rows(60_000)]
    made = cut([rows[start : start + 500] for start in range(0, len(rows), 500)], 5_000, "code")
    sizes = sorted(portion.rows for portion in made)
    assert sum(sizes) == 60_000
    assert sizes[len(sizes) // 2] > 2_000
