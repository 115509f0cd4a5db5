import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openvoucher.cli.client.bodies import (
    BrokenInput,
    CsvFile,
    Sending,
    cut_ndjson,
    open_input,
    read_json_rows,
)
from openvoucher.cli.options import CommandFailed


def ignore(_sending: Sending) -> None:
    pass


# --- CSV --------------------------------------------------------------------------------------------


def test_a_csv_file_is_sent_as_it_is_with_its_length_told_before(tmp_path: Path) -> None:
    content = b'Code,note\nA,"1\n2"\n' + b"B,x\n" * 50_000
    (tmp_path / "my codes.csv").write_bytes(content)
    with open_input(str(tmp_path / "my codes.csv")) as file:
        body = CsvFile(file, "my codes.csv")
        sent = b"".join(body.pieces())
    assert body.size_bytes == len(sent)
    boundary = body.media_type.removeprefix("multipart/form-data; boundary=").encode()
    assert sent == (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="my codes.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n--" + boundary + b"--\r\n"
    )
    assert body.guessed_rows == 50_002 - 1 + 1


def test_a_csv_file_can_be_sent_again_from_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_bytes(b"Code\nA\n")
    with open_input(str(tmp_path / "codes.csv")) as file:
        body = CsvFile(file, "codes.csv")
        assert body.can_be_sent_again
        assert b"".join(body.pieces()) == b"".join(body.pieces())


@pytest.mark.parametrize("name", ['a"b.csv', "a\r\nX-Evil: 1.csv", "a\\b.csv", "Gutschein ä.csv"])
def test_no_file_name_ends_its_header(name: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"Code\n")
    with open_input(str(tmp_path / "x")) as file:
        head = next(CsvFile(file, name).pieces()).decode("ascii")
    lines = head.split("\r\n")
    assert [line.partition(":")[0] for line in lines[1:3]] == ["Content-Disposition", "Content-Type"]
    assert lines[3:] == ["", ""]
    assert lines[1].count('"') == 4


def test_of_a_pipe_the_length_is_not_known_and_it_is_sent_once() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as file:
        body = CsvFile(file, "codes.csv")
        assert (body.size_bytes, body.can_be_sent_again) == (None, False)
        os.write(writing, b"Code\nA\n")
        os.close(writing)
        assert b"".join(body.pieces()).count(b"Code\nA\n") == 1
    assert "Content-Length" not in Sending(body, ignore).headers()


def test_a_file_that_grows_is_sent_as_long_as_was_told(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_bytes(b"Code\nA\n")
    with open_input(str(path)) as file:
        body = CsvFile(file, "codes.csv")
        path.write_bytes(b"Code\nA\nB\n")
        sent = b"".join(body.pieces())
    assert len(sent) == body.size_bytes
    assert b"B\n" not in sent.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]


def test_a_file_that_shrinks_is_never_sent_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_bytes(b"Code\nA\nB\n")
    with open_input(str(path)) as file:
        sending = Sending(CsvFile(file, "codes.csv"), ignore)
        path.write_bytes(b"Code\n")
        with pytest.raises(CommandFailed, match="became shorter"):
            list(sending.pieces())
    assert not sending.is_complete


def test_an_upload_is_complete_when_its_last_piece_was_taken_and_not_before(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_bytes(b"Code\nA\n")
    with open_input(str(tmp_path / "codes.csv")) as file:
        sending = Sending(CsvFile(file, "codes.csv"), ignore)
        pieces = sending.pieces()
        states = [(sending.has_begun, sending.is_complete)]
        for _ in range(3):
            next(pieces)
            states.append((sending.has_begun, sending.is_complete))
        assert states == [(False, False)] + [(True, False)] * 3
        assert next(pieces, None) is None
    assert sending.is_complete
    assert sending.sent_bytes == sending.body.size_bytes


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=f"{tmp_path}/none.csv cannot be read: No such file"):
        open_input(str(tmp_path / "none.csv"))


# --- JSON -------------------------------------------------------------------------------------------


def test_a_json_array_is_sent_as_it_is() -> None:
    data = b' [{"code": "A", "metadata": {"n": 12345678901234567890}},\n {"active": true}, {"code": 5}] '
    body = read_json_rows(data)
    assert b"".join(body.pieces()) == data
    assert (body.codes, body.rows, body.size_bytes) == (["A", "", ""], 3, len(data))


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"code":"A"}\n{"code":"B"}\n', b"[1]", b"[{}", b"\xff", b"Code\nA\n"]
)
def test_what_is_no_json_array_of_objects_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenInput, match="The file is not a JSON array of objects"):
        read_json_rows(data)


# --- NDJSON -----------------------------------------------------------------------------------------

VALUES = st.dictionaries(
    st.sampled_from(["code", "active", "metadata"]),
    st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.lists(st.text(max_size=3), max_size=2)),
    max_size=3,
)


@given(
    st.lists(st.tuples(VALUES, st.sampled_from(["\n", "\r\n", "\n\n", " \n"])), max_size=30),
    st.integers(1, 7),
    st.integers(300, 600),
)
def test_the_arrays_hold_the_rows_of_all_lines_once_in_their_order(
    items: list[tuple[dict[str, Any], str]], most_rows: int, most_bytes: int
) -> None:
    lines = [
        line
        for row, ending in items
        for line in (json.dumps(row) + ending).encode().splitlines(keepends=True)
    ]
    rows = [row for row, _ in items]
    assume(all(len(json.dumps(row)) <= most_bytes - 2 for row in rows))
    bodies = list(cut_ndjson(lines, most_rows=most_rows, most_bytes=most_bytes))
    assert [row for body in bodies for row in json.loads(b"".join(body.pieces()))] == rows
    assert [json.loads(lines[number - 1]) for body in bodies for number in body.lines] == rows
    for body in bodies:
        assert 1 <= body.rows <= most_rows
        assert body.size_bytes <= most_bytes
    whole = sum(map(len, lines))
    assert (
        0
        <= whole - sum(body.source_bytes for body in bodies)
        <= sum(map(len, lines)) - sum(len(line) for line in lines if line.strip())
    )


def test_codes_and_lines_are_kept_for_what_fails() -> None:
    (first, second) = cut_ndjson(
        [b'\xef\xbb\xbf{"code":"A"}\n', b"\n", b'{"x":1}\n', b'{"code":"C"}'], most_rows=2
    )
    assert (first.codes, first.lines) == (["A", ""], [1, 3])
    assert (second.codes, second.lines) == (["C"], [4])


@pytest.mark.parametrize(
    "line", [b"[]\n", b"1\n", b'{"code":"B"\n', b'{"code":"B"} x\n', b"{'code':'B'}\n", b"\xff\n"]
)
def test_a_line_that_is_no_object_is_named_after_the_arrays_before_it(line: bytes) -> None:
    made = cut_ndjson([b'{"code":"A"}\n', b"\n", line, b'{"code":"C"}\n'], most_rows=1)
    with pytest.raises(BrokenInput, match=r"^Line 3 is not a JSON object"):
        list(made)


def test_the_rows_before_a_broken_line_are_there_if_their_array_was_full() -> None:
    made = cut_ndjson([b'{"code":"A"}\n', b'{"code":"B"}\n', b"oops\n"], most_rows=1)
    assert next(made).codes == ["A"]
    with pytest.raises(BrokenInput, match="Line 3"):
        next(made)


def test_a_line_that_fits_into_no_request_is_refused() -> None:
    with pytest.raises(BrokenInput, match="Line 1 is longer than a request may be: 20 bytes"):
        list(cut_ndjson([b'{"code":"AAAAAAAAAAAAAAA"}\n'], most_rows=1, most_bytes=20))
