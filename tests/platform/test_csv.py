"""CSV that comes in pieces: the rows of the standard library's reader, however it was cut."""

import csv
import io
import itertools
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Literal
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.platform import csv as module
from openvoucher.platform.csv import BAD_ROW_PREFIX, MAX_RECORD_CHARACTERS, BrokenCsv, CsvRows

Row = list[str]
NOT_UTF8 = [f"{BAD_ROW_PREFIX}the row is not UTF-8 text"]
TOO_LONG = "is longer than 1048576 characters: is a quote not closed?"


def read_numbered(pieces: Iterable[bytes]) -> tuple[Row | None, list[tuple[int, Row]]]:
    """(header, the rows below it with the lines on which they begin)."""
    rows = CsvRows()
    read = [row for piece in pieces for row in rows.feed(piece)]
    read += rows.finish()
    return rows.header, read


def read_pieces(pieces: Iterable[bytes]) -> tuple[Row | None, list[Row]]:
    """(header, the rows below it)."""
    header, rows = read_numbered(pieces)
    return header, [row for _, row in rows]


def read(data: bytes) -> list[Row]:
    """The rows below the header."""
    return read_pieces([data])[1]


def refuse(pieces: Iterable[bytes]) -> str:
    with pytest.raises(BrokenCsv) as refusal:
        read_pieces(pieces)
    return str(refusal.value)


def cut(data: bytes, positions: Iterable[int]) -> list[bytes]:
    borders = [0, *sorted(position % (len(data) + 1) for position in positions), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(borders)]


def write_table(table: list[Row], *, ending: str, all_quoted: bool) -> str:
    file = io.StringIO(newline="")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    csv.writer(file, lineterminator=ending, quoting=quoting).writerows(table)
    return file.getvalue()


# --- whatever the table, wherever it is cut ------------------------------------------------------

_CELLS = st.text(
    st.one_of(
        st.sampled_from(list('",;\r\n\t \ufeff\u2028\x0b\x85ü€😀')),
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
    ),
    max_size=6,
)
_TABLES = st.lists(st.lists(_CELLS, min_size=1, max_size=4), max_size=8)
_CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@settings(deadline=None)
@given(
    table=_TABLES,
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    all_quoted=st.booleans(),
    bom=st.sampled_from(["", "\ufeff"]),
    last_ending=st.booleans(),
    cuts=_CUTS,
    step=st.integers(1, 40),
)
def test_a_table_cut_anywhere_gives_the_rows_of_csv_reader_and_their_lines(
    table: list[Row],
    ending: str,
    all_quoted: bool,
    bom: str,
    last_ending: bool,
    cuts: list[int],
    step: int,
) -> None:
    text = write_table(table, ending=ending, all_quoted=all_quoted)
    if not last_ending:
        text = text.removesuffix(ending)
    data = (bom + text).encode()
    decoded = data.decode("utf-8-sig")
    reader = csv.reader(io.StringIO(decoded, newline=""))
    rows, line = [], 1
    for row in reader:
        if any(row):
            rows.append((line, row))
        line = reader.line_num + 1
    if all_quoted:
        assert [row for _, row in rows] == [row for row in table if any(row)]
    with patch.object(module, "_STEP_BYTES", step):
        header, below = read_numbered(cut(data, cuts))
    assert header == (rows[0][1] if rows else None)
    assert below == rows[1:]


_PARTS = st.sampled_from(
    [b",", b'"', b"\r", b"\n", b"\r\n", b"a", b"\x00", b"\xff", b"\xe2", b"\x82\xac", b"\xef\xbb\xbf"]
)


@settings(deadline=None)
@given(parts=st.lists(_PARTS, max_size=60), cuts=_CUTS, step=st.integers(1, 20))
def test_what_is_no_table_gives_the_same_rows_or_the_same_refusal_wherever_it_is_cut(
    parts: list[bytes], cuts: list[int], step: int
) -> None:
    data = b"".join(parts)

    def outcome(pieces: list[bytes]) -> object:
        try:
            return read_numbered(pieces)
        except BrokenCsv as refusal:
            return str(refusal)

    # Short enough that some records are too long.
    with patch.object(module, "MAX_RECORD_CHARACTERS", 12):
        whole = outcome([data])
        with patch.object(module, "_STEP_BYTES", step):
            assert outcome(cut(data, cuts)) == whole


# --- what spreadsheets make of it ----------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"Code,Active\nA,1\nB,2\n", id="LF"),
        pytest.param(b"Code,Active\r\nA,1\r\nB,2\r\n", id="CRLF"),
        pytest.param(b"Code,Active\rA,1\rB,2\r", id="CR"),
        pytest.param(b"Code,Active\rA,1\nB,2\r\n", id="mixed"),
        pytest.param(b"Code,Active\nA,1\nB,2", id="no ending of the last line"),
        pytest.param(b"\xef\xbb\xbfCode,Active\r\nA,1\r\nB,2\r\n", id="byte order mark"),
        pytest.param(b'\xef\xbb\xbf"Code","Active"\n"A","1"\n"B","2"\n', id="quotes"),
        pytest.param(b'\n\r\n\rCode,Active\n\nA,1\n\n,\n""\nB,2\n,,,,\n\n', id="blank lines, empty rows"),
    ],
)
def test_a_file_is_read_whatever_its_line_endings_and_blank_lines(data: bytes) -> None:
    assert read_pieces([data]) == (["Code", "Active"], [["A", "1"], ["B", "2"]])


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (b'A,"x,y"', ["A", "x,y"]),
        (b'A,"say ""hi"""', ["A", 'say "hi"']),
        (b'A,"one\ntwo"', ["A", "one\ntwo"]),
        (b'A,"one\r\n\r\ntwo\rthree"', ["A", "one\r\n\r\ntwo\rthree"]),
        (b'A,5" screen', ["A", '5" screen']),
        (b"A, x ", ["A", " x "]),
        (b"A,", ["A", ""]),
        (b"A", ["A"]),
        (b"A,1,2,3", ["A", "1", "2", "3"]),
        (b" ,", [" ", ""]),
        (b"A,\x00", ["A", "\x00"]),
        (b"A,\xef\xbb\xbfx", ["A", "\ufeffx"]),
        ("A,ü€😀".encode(), ["A", "ü€😀"]),
        ("A,\u2028\x85\x0b".encode(), ["A", "\u2028\x85\x0b"]),
    ],
)
def test_cells(line: bytes, row: Row) -> None:
    assert read(b"Code,Info\n" + line + b"\nNEXT,1\n") == [row, ["NEXT", "1"]]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\n\r\n\n", b",,\n,\n", b'""\n'])
def test_a_file_without_a_filled_cell_has_no_header(data: bytes) -> None:
    header, rows = read_pieces([data])
    assert header is None or header == ["\udcef\udcbb"]
    assert rows == []


def test_a_header_alone_has_no_rows() -> None:
    assert read_pieces([b"Code,Active"]) == (["Code", "Active"], [])


# --- what cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param("Müller".encode("latin-1"), id="Latin-1"),
        pytest.param(b"\xe2\x82", id="the first bytes of a character"),
        pytest.param(b"\xed\xa0\x80", id="a surrogate"),
        pytest.param(b"\xc0\xaf", id="longer than needed"),
    ],
)
def test_what_is_not_utf8_fails_its_row_and_no_other(cell: bytes) -> None:
    data = b"Code,Name\nA,ok\nB," + cell + "\nC,ü\nD,".encode() + cell
    assert read(data) == [["A", "ok"], NOT_UTF8, ["C", "ü"], NOT_UTF8]


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b'Code\nA\n"B\nC\nD\n', "Row 2 has a quote that is not closed"),
        (b'Code\nA\nB,"', "Row 2 has a quote that is not closed"),
        (b'Code\nA\n\n,\nB,"x""', "Row 2 has a quote that is not closed"),
        (b'Code,"Active\nA,1\nB,2\n', "The header has a quote that is not closed"),
        ("Cöde\nA\n".encode("latin-1"), "The header is not UTF-8 text"),
        ("Code,Active\nA,1\n".encode("utf-16"), "The header is not UTF-8 text"),
        ("Code,Active\nA,1\n".encode("utf-16-le"), "The header has the character U+0000"),
        (b"Code\x00\nA\n", "The header has the character U+0000"),
    ],
)
def test_a_file_without_a_readable_header_or_with_an_open_quote_is_refused(data: bytes, refusal: str) -> None:
    assert refuse([data]) == refusal


def test_a_quote_that_is_closed_in_the_last_character_is_closed() -> None:
    assert read(b'Code\nA\n"B\n"') == [["A"], ["B\n"]]


@pytest.mark.parametrize(
    ("start", "filler", "end"),
    [
        pytest.param(b"", b"x", b"\n", id="one line"),
        pytest.param(b"", b"x", b"", id="the end of the file"),
        pytest.param(b"", "€".encode(), b"\n", id="characters, not bytes"),
        pytest.param(b"x," * 400_000, b"x", b"\n", id="many cells"),
        pytest.param(b'"' + b"sixteen letters\n" * 60_000, b"x", b'"\r\n', id="many lines"),
    ],
)
@pytest.mark.parametrize("piece_bytes", [10**7, 60_000])
def test_a_record_has_at_most_a_mebi_of_characters(
    start: bytes, filler: bytes, end: bytes, piece_bytes: int
) -> None:
    def pieces(length: int) -> Iterator[bytes]:
        data = b"Code\nA\n" + start + filler * (length - len(start + end)) + end
        for position in range(0, len(data), piece_bytes):
            yield data[position : position + piece_bytes]

    _, rows = read_pieces(pieces(MAX_RECORD_CHARACTERS))
    assert len(rows) == 2
    assert refuse(pieces(MAX_RECORD_CHARACTERS + 1)) == f"Row 2 {TOO_LONG}"


def test_an_open_quote_is_refused_long_before_the_end_of_a_large_file() -> None:
    fed = 0

    def pieces() -> Iterator[bytes]:
        nonlocal fed
        yield b'Code\nA\n"B\n'
        while fed < 100_000_000:
            fed += 100_000
            yield b"CODE-1234\n" * 10_000

    assert refuse(pieces()) == f"Row 2 {TOO_LONG}"
    assert fed < 2_000_000


def test_a_line_that_does_not_end_is_refused_long_before_the_end_of_a_large_file() -> None:
    fed = 0

    def pieces() -> Iterator[bytes]:
        nonlocal fed
        yield b"Code\nA\n"
        while fed < 100_000_000:
            fed += 100_000
            yield b"x" * 100_000

    assert refuse(pieces()) == f"Row 2 {TOO_LONG}"
    assert fed < 3_000_000


def test_a_header_that_does_not_end_is_named() -> None:
    assert refuse([b'"Code\n' + b"A\n" * 600_000]) == f"The header {TOO_LONG}"


# --- lines and memory -------------------------------------------------------------------------------


def test_a_row_is_told_by_the_line_on_which_it_begins() -> None:
    data = b'Code,Info\r\n\r\nA,1\n,\n"B","two\nlines"\nC,3\n\nD,"4"\rE,5'
    header, rows = read_numbered([data])
    assert header == ["Code", "Info"]
    assert [(line, row[0]) for line, row in rows] == [(3, "A"), (5, "B"), (7, "C"), (9, "D"), (10, "E")]


def test_what_comes_byte_by_byte_is_not_parsed_at_each_byte() -> None:
    data = b"Code\n" + b'"' + b"x\n" * 65_536 + b'"\n'
    with patch.object(module._Lines, "add", autospec=True, side_effect=module._Lines.add) as add:
        _, rows = read_pieces(data[index : index + 1] for index in range(len(data)))
    assert [len(row[0]) for row in rows] == [131_072]
    assert add.call_count == 3


def test_a_record_of_many_lines_is_not_parsed_anew_with_each_piece() -> None:
    lines = 1000
    data = b'Code\n"' + (b"x" * 999 + b"\n") * lines + b'"\n'
    with patch.object(module._Lines, "__next__", autospec=True, side_effect=module._Lines.__next__) as pull:
        _, rows = read_pieces(data[start : start + 65_536] for start in range(0, len(data), 65_536))
    assert [len(row[0]) for row in rows] == [1000 * lines]
    assert pull.call_count < 4 * lines


@pytest.mark.slow
def test_fifty_megabytes_are_read_in_ten_of_memory() -> None:
    row = b'CODE-%07d,true,"' + b"some words, " * 100 + b'"\n'
    size = rows = 0

    def pieces() -> Iterator[bytes]:
        nonlocal size
        yield b"Code,Active,Info\n"
        for number in itertools.count(0, 64):
            piece = b"".join(row % index for index in range(number, number + 64))
            yield piece
            size += len(piece)
            if size > 50_000_000:
                return

    reader = CsvRows()
    tracemalloc.start()
    try:
        for piece in pieces():
            rows += sum(1 for _ in reader.feed(piece))
        rows += sum(1 for _ in reader.finish())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows * len(row % 0) == size > 50_000_000
    assert peak < 10_000_000
