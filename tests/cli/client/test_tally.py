from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openvoucher.cli.client.display import Progress
from openvoucher.cli.client.tally import Tally
from openvoucher.cli.client.watching import Action, read_action


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def an_action(id: str = "aa_1", status: str = "IN_PROGRESS", **fields: Any) -> Action:
    return read_action({"id": id, "type": "VOUCHERS.IMPORT", "status": status, **fields})


def one(rows: int | None, clock: Clock, *, is_guess: bool = False) -> Tally:
    tally = Tally("Importing", whole=1.0, clock=clock)
    tally.add("aa_1", weight=1.0, rows=rows, is_guess=is_guess)
    return tally


def test_what_the_server_counts_and_reckons_is_shown() -> None:
    told = an_action(
        progress=30, done_count=290, failed_count=20, total_count=1000, rows_per_second=155.4, seconds_left=5
    )
    assert one(None, Clock()).update(told) == Progress(
        "Importing", 0.31, "310 of 1,000 rows", "155 rows/s", 5, 20
    )


def test_without_the_extra_fields_rate_and_time_left_come_from_the_progress() -> None:
    clock = Clock()
    tally = one(1000, clock)
    assert tally.update(an_action(status="ENQUEUED", progress=0)).label == "Importing (waiting for its turn)"
    clock.now += 60
    assert tally.update(an_action(progress=20)) == Progress("Importing", 0.2, "200 of 1,000 rows")
    clock.now += 10
    # 300 rows in ten seconds; half of the whole is left, at three tenths in ten seconds.
    assert tally.update(an_action(progress=50)) == Progress(
        "Importing", 0.5, "500 of 1,000 rows", "30 rows/s", 0.5 * 10 / 0.3
    )


def test_rows_that_were_guessed_are_called_so_until_the_server_counts() -> None:
    clock = Clock()
    tally = one(1000, clock, is_guess=True)
    assert tally.update(an_action(progress=20)).amount == "about 200 of 1,000 rows"
    result = {"done_count": 998, "failed_count": 1}
    assert tally.update(an_action(status="DONE", progress=100, result=result)).amount == "999 of 1,000 rows"


def test_nothing_is_made_up_where_nothing_is_known() -> None:
    clock = Clock()
    tally = one(None, clock)
    tally.update(an_action(progress=10))
    clock.now += 10
    assert tally.update(an_action(progress=10)) == Progress("Importing", 0.1)


def test_several_actions_make_one_whole() -> None:
    clock = Clock()
    tally = Tally("Importing", whole=400, clock=clock)
    tally.add("aa_1", weight=100, rows=10)
    tally.update(an_action(progress=0))
    clock.now += 10
    tally.update(an_action(status="DONE", result={"done_count": 9, "failed_count": 1}))
    tally.add("aa_2", weight=100, rows=10)
    assert tally.update(an_action("aa_2", progress=50)) == Progress(
        "Importing", 0.375, "15 rows", "2 rows/s", 0.625 * 10 / 0.375, 1
    )


def test_of_a_pipe_the_fraction_is_not_known() -> None:
    tally = Tally("Importing", whole=None, clock=Clock())
    tally.add("aa_1", weight=100, rows=10)
    assert tally.update(an_action(progress=50)) == Progress("Importing", None, "5 rows")


@given(st.lists(st.integers(-10, 200), min_size=1, max_size=30))
def test_the_bar_never_goes_back_nor_beyond_its_end(told: list[int]) -> None:
    tally = one(10, Clock())
    shown = [tally.update(an_action(progress=progress)).fraction for progress in told]
    assert None not in shown
    assert shown == sorted(shown)  # type: ignore[type-var]
    assert all(fraction is not None and 0 <= fraction <= 1 for fraction in shown)
