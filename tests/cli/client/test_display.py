import io

import pytest

from openvoucher.cli.client.display import (
    Display,
    Progress,
    describe_progress,
    draw_bar,
    show_bytes,
    show_duration,
    show_text,
)

HALF = Progress("Importing", 0.456, "456 of 1,000 rows", "23,400 rows/s", 83.0, 3)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("progress", "columns", "drawn"),
    [
        (Progress("Sending", 0.0), 30, "Sending [---------------]  0 %"),
        (Progress("Sending", 0.999), 30, "Sending [#############-]  99 %"),
        (Progress("Sending", 1.0), 30, "Sending [#############]  100 %"),
        (Progress("Sending", None, "12.3 MB"), 30, "Sending  12.3 MB"),
        (
            HALF,
            200,
            "Importing [#############-----------------]  "
            "45 %  456 of 1,000 rows  23,400 rows/s  1 min 23 s left  3 failed",
        ),
        (HALF, 30, "Importing [##---]  45 %  456 o"),
    ],
)
def test_a_bar_says_all_it_has_room_for(progress: Progress, columns: int, drawn: str) -> None:
    assert draw_bar(progress, columns) == drawn
    assert len(drawn) <= columns


def test_a_log_line_says_all() -> None:
    assert describe_progress(HALF) == (
        "Importing: 45 %, 456 of 1,000 rows, 23,400 rows/s, 1 min 23 s left, 3 failed"
    )
    assert describe_progress(Progress("Waiting")) == "Waiting"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1.0, "0 s"),
        (0.1, "1 s"),
        (59.0, "59 s"),
        (59.1, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3600, "1 h 00 min"),
        (47 * 3600 + 3599, "47 h 59 min"),
        (48 * 3600, "2 d 00 h"),
    ],
)
def test_durations_are_rounded_up(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 kB"), (812_400, "812 kB"), (12_345_678, "12.3 MB"), (1.2e9, "1.2 GB")]
)
def test_bytes_are_shown_in_units_of_a_thousand(count: float, shown: str) -> None:
    assert show_bytes(count) == shown


def test_a_terminal_gets_one_line_that_is_drawn_over_ten_times_a_second_at_most() -> None:
    stream, clock = io.StringIO(), Clock()
    display = Display(stream, is_terminal=True, clock=clock, columns=lambda: 20)
    for step in range(5):
        clock.now = 100 + step / 16
        display.show(Progress("A", None, f"{step}"))
    assert stream.getvalue() == "\r\x1b[KA  0\r\x1b[KA  2\r\x1b[KA  4"


def test_elsewhere_there_is_a_line_every_five_seconds_and_none_for_what_is_short() -> None:
    stream, clock = io.StringIO(), Clock()
    display = Display(stream, is_terminal=False, clock=clock)
    for second in range(12):
        clock.now = 100 + second
        display.show(Progress("A", None, f"{second}"))
    assert stream.getvalue() == "A: 5\nA: 10\n"


def test_a_message_takes_the_place_of_the_bar_and_stays() -> None:
    stream, clock = io.StringIO(), Clock()
    display = Display(stream, is_terminal=True, clock=clock, columns=lambda: 20)
    display.show(Progress("A"))
    display.say("lost")
    display.show(Progress("A"))
    display.clear()
    display.clear()
    assert stream.getvalue() == "\r\x1b[KA  \r\x1b[Klost\n\r\x1b[KA  \r\x1b[K"


def test_a_reader_that_has_gone_does_not_stop_the_work() -> None:
    stream = io.StringIO()
    display = Display(stream, is_terminal=True)
    stream.close()
    display.show(Progress("A"))
    display.say("B")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Grüße, 50 %", "Grüße, 50 %"), ("a\x1b[2Jb\r\n", "a\\x1b[2Jb\\r\\n"), ("\u202e", "\\u202e")],
)
def test_what_others_wrote_moves_no_cursor(text: str, shown: str) -> None:
    assert show_text(text) == shown
