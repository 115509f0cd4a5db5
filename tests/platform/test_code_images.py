import io
from xml.etree import ElementTree

import png
import pytest
import segno
from barcode.charsets import code128

from openvoucher.platform.code_images import CodeNotDrawable, ImageFormat, draw_barcode, draw_qr

# A finder pattern and the white around it: the corner of a QR code, where its reader starts.
FINDER = [
    "11111110",
    "10000010",
    "10111010",
    "10111010",
    "10111010",
    "10000010",
    "11111110",
    "00000000",
]


def read_png(image: bytes) -> list[str]:
    """Rows of pixels, 1 for black."""
    _, _, rows, _ = png.Reader(bytes=image).asDirect()
    return ["".join("0" if pixel else "1" for pixel in row) for row in rows]


def read_svg(image: bytes) -> list[str]:
    """The same of an SVG of ours: black rectangles `Mx yhwvhh-wz` on white."""
    root = ElementTree.fromstring(image)  # noqa: S314 - our own
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    assert root.attrib["viewBox"] == f"0 0 {width} {height}"
    ground, bars = root
    assert ground.attrib == {"fill": "#fff", "d": f"M0 0h{width}v{height}H0z"}
    pixels = [["0"] * width for _ in range(height)]
    for bar in bars.attrib["d"].removesuffix("z").split("z"):
        place, _, rest = bar.removeprefix("M").partition("h")
        x, y = map(int, place.split())
        bar_width, bar_height = map(int, rest.partition("h")[0].split("v"))
        for row in pixels[y : y + bar_height]:
            row[x : x + bar_width] = "1" * bar_width
    return ["".join(row) for row in pixels]


def read_code128(modules: str) -> str:
    """The text of a barcode's modules, by the standard's table; checks its start, checksum and stop."""
    assert modules.endswith("1100011101011")
    symbols = modules.removesuffix("1100011101011")
    values = [code128.CODES.index(symbols[start : start + 11]) for start in range(0, len(symbols), 11)]
    *values, checksum = values
    assert checksum == (values[0] + sum(place * value for place, value in enumerate(values))) % 103
    charset = {103: "A", 104: "B", 105: "C"}[values[0]]
    text = ""
    for value in values[1:]:
        if charset == "C" and value < 100:
            text += f"{value:02}"
        elif {"A": 101, "B": 100, "C": 99}[charset] != value and value in (99, 100, 101):
            charset = {99: "C", 100: "B", 101: "A"}[value]
        else:
            table = {"A": code128.A, "B": code128.B}[charset]
            text += next(character for character, number in table.items() if number == value)
    return text


def test_a_qr_code_has_finders_in_three_corners_within_four_white_modules() -> None:
    rows = read_png(draw_qr("SPRING-2026", size=1, format="png"))
    # Version 1 is 21 modules wide.
    assert {len(rows), *map(len, rows)} == {29}
    assert rows[:4] == rows[-4:] == ["0" * 29] * 4
    assert all(row.startswith("0000") and row.endswith("0000") for row in rows)
    code = [row[4:-4] for row in rows[4:-4]]
    assert [row[:8] for row in code[:8]] == FINDER
    assert [row[-8:][::-1] for row in code[:8]] == FINDER
    assert [row[:8] for row in code[-8:][::-1]] == FINDER
    assert [row[-7:] for row in code[-7:]] != [row[:7] for row in FINDER[:7]]


@pytest.mark.parametrize("text", ["SPRING-2026", "2026", "zażółć 日本 🎁", "\x01\n", "x" * 2331])
def test_another_text_is_another_qr_code(text: str) -> None:
    assert draw_qr(text, size=1, format="png") != draw_qr(text[:-1] + "!", size=1, format="png")


def test_a_qr_code_holds_the_utf_8_bytes_of_its_text() -> None:
    bytes_drawn = segno.make_qr("zażółć Ä".encode(), error="m").matrix_iter(border=4)
    rows = ["".join(map(str, row)) for row in bytes_drawn]
    assert read_png(draw_qr("zażółć Ä", size=1, format="png")) == rows
    latin_1 = segno.make_qr("Ä", error="m").matrix_iter(border=4)
    assert read_png(draw_qr("Ä", size=1, format="png")) != ["".join(map(str, row)) for row in latin_1]


def test_a_barcode_is_the_symbols_of_its_text_within_ten_white_modules() -> None:
    (modules,) = set(read_png(draw_barcode("A", size=1, format="png")))
    # Start B is 104 and A is 33, so that the checksum is 34, which is the symbol of B.
    start_b, letter, checksum, stop = "11010010000", "10100011000", "10001011000", "1100011101011"
    assert modules == "0" * 10 + start_b + letter + checksum + stop + "0" * 10


# The pair 99 at the start is what the library gets wrong; the other numbers are those of its switches.
NUMERIC = ["1", "12", "123", "1234", "9", "99", "990", "9912", "999999", "100", "101", "1001", "0" * 256]
MIXED = ["A", "SPR-aZ3k9QX", "a1234b", "a12345b", "99-FFF0", " ~", "x" * 256]
CONTROLS = ["\x00\x1f", "a\tb", "\t123456"]


@pytest.mark.parametrize("text", NUMERIC + MIXED + CONTROLS)
def test_a_barcode_reads_as_its_text(text: str) -> None:
    (modules,) = set(read_png(draw_barcode(text, size=1, format="png")))
    assert read_code128(modules.strip("0")) == text


@pytest.mark.parametrize(
    ("size", "width", "height"),
    [(1, 1, 5), (9, 1, 45), (10, 1, 50), (20, 2, 100), (55, 5, 275), (100, 10, 500)],
)
def test_the_size_of_a_barcode_is_its_height_in_fives_of_pixels(size: int, width: int, height: int) -> None:
    small = read_png(draw_barcode("AB", size=1, format="png"))
    rows = read_png(draw_barcode("AB", size=size, format="png"))
    assert rows == ["".join(module * width for module in small[0])] * height


@pytest.mark.parametrize("size", [2, 10, 100])
def test_the_size_of_a_qr_code_is_its_module_in_pixels(size: int) -> None:
    small = read_png(draw_qr("SPRING", size=1, format="png"))
    rows = read_png(draw_qr("SPRING", size=size, format="png"))
    assert rows == ["".join(module * size for module in row) for row in small for _ in range(size)]


@pytest.mark.parametrize("size", [1, 20])
@pytest.mark.parametrize("draw", [draw_qr, draw_barcode])
def test_both_formats_show_the_same_picture(draw, size: int) -> None:
    svg = draw("SPRING-2026", size=size, format="svg")
    assert read_svg(svg) == read_png(draw("SPRING-2026", size=size, format="png"))


@pytest.mark.parametrize("image_format", ["png", "svg"])
@pytest.mark.parametrize("draw", [draw_qr, draw_barcode])
def test_the_same_code_gives_the_same_bytes(draw, image_format: ImageFormat) -> None:
    first = draw("SPRING-2026", size=10, format=image_format)
    assert draw("SPRING-2026", size=10, format=image_format) == first
    assert draw("SPRING-2027", size=10, format=image_format) != first


def test_a_png_has_a_bit_for_a_pixel() -> None:
    _, _, _, info = png.Reader(file=io.BytesIO(draw_qr("SPRING", size=10, format="png"))).read()
    assert (info["bitdepth"], info["greyscale"], info["size"]) == (1, True, (290, 290))


@pytest.mark.parametrize(
    ("draw", "text", "reason"),
    [
        (draw_barcode, "", "An empty code cannot be drawn"),
        (draw_barcode, "zażółć", "A barcode holds ASCII characters only"),
        (draw_barcode, "\xf1", "A barcode holds ASCII characters only"),
        (draw_barcode, "٣", "A barcode holds ASCII characters only"),
        (draw_barcode, "\x80", "A barcode holds ASCII characters only"),
        (draw_barcode, "x" * 257, "The code is too long for a barcode"),
        (draw_qr, "", "An empty code cannot be drawn"),
        (draw_qr, "x" * 2332, "The code is too long for a QR code"),
        (draw_qr, "ż" * 1166, "The code is too long for a QR code"),
        (draw_qr, "\ud800", "A QR code holds Unicode text only"),
    ],
)
@pytest.mark.parametrize("image_format", ["png", "svg"])
def test_a_text_that_the_image_cannot_hold_is_refused(
    draw, text: str, reason: str, image_format: ImageFormat
) -> None:
    with pytest.raises(CodeNotDrawable) as refusal:
        draw(text, size=1, format=image_format)
    assert str(refusal.value) == reason


@pytest.mark.parametrize("size", [-1, 0, 101])
@pytest.mark.parametrize("draw", [draw_qr, draw_barcode])
def test_a_size_out_of_range_is_refused(draw, size: int) -> None:
    with pytest.raises(ValueError, match="a size is 1 to 100"):
        draw("SPRING", size=size, format="png")
