"""QR codes and Code 128 barcodes as PNG or SVG. The same text, size and format give the same bytes."""

import io
from collections.abc import Sequence
from typing import Final, Literal

import png
import segno
from barcode.codex import Code128

ImageFormat = Literal["png", "svg"]

MIN_SIZE: Final = 1
MAX_SIZE: Final = 100

# A reader needs this much white around the code (ISO/IEC 18004 and 15417), in modules.
_QR_QUIET_ZONE: Final = 4
_BARCODE_QUIET_ZONE: Final = 10

# At the default size of 20 a barcode has bars of 2 pixels and a height of 100.
_BARCODE_SIZE_OF_ONE_PIXEL: Final = 10
_BARCODE_HEIGHT_OF_ONE_SIZE: Final = 5

# Far more than any reader takes in at a pass; it bounds what one request can make us draw.
_LONGEST_BARCODE: Final = 256

_Rows = Sequence[Sequence[int]]


class _Barcode(Code128):  # type: ignore[misc]
    """The library takes two leading nines for a switch to the character set that it starts in, and
    leaves them out: a reader would see another code. Such a switch is never due at the start.
    """

    def _try_to_optimize(self, encoded: list[int]) -> list[int]:
        optimized: list[int] = encoded if encoded[1] == 99 else super()._try_to_optimize(encoded)
        return optimized


class CodeNotDrawable(ValueError):
    """This text does not fit into this kind of image: its message says why."""


def draw_qr(text: str, *, size: int, format: ImageFormat) -> bytes:
    """A QR code whose modules are `size` pixels wide (1 to 100), error correction M or better.

    What is not ASCII is encoded as UTF-8, which readers expect although the standard's default is
    Latin-1. Raises CodeNotDrawable for empty text and for more than a QR code of that correction
    level holds (about 2,300 bytes), ValueError for a size out of range.
    """
    _check_size(size)
    if text == "":
        raise CodeNotDrawable("An empty code cannot be drawn")
    try:
        code = segno.make_qr(text, error="m", encoding="utf-8")
    except UnicodeEncodeError:
        raise CodeNotDrawable("A QR code holds Unicode text only") from None
    except segno.DataOverflowError:
        raise CodeNotDrawable("The code is too long for a QR code") from None
    rows = [[*row] for row in code.matrix_iter(border=_QR_QUIET_ZONE)]
    if format == "png":
        return _draw_png(rows, column_pixels=size, row_pixels=size)
    return _draw_svg(rows, column_pixels=size, row_pixels=size)


def draw_barcode(text: str, *, size: int, format: ImageFormat) -> bytes:
    """A Code 128 barcode, `size` * 5 pixels high, with modules of at least one pixel (2 at size 20).

    Raises CodeNotDrawable for empty text, for more than 256 characters and for what is not ASCII,
    which Code 128 has no symbols for; ValueError for a size out of range.
    """
    _check_size(size)
    if text == "":
        raise CodeNotDrawable("An empty code cannot be drawn")
    if not text.isascii():
        raise CodeNotDrawable("A barcode holds ASCII characters only")
    if len(text) > _LONGEST_BARCODE:
        raise CodeNotDrawable("The code is too long for a barcode")
    modules = "".join(_Barcode(text).build())
    quiet = [0] * _BARCODE_QUIET_ZONE
    rows = [[*quiet, *map(int, modules), *quiet]]
    pixels = max(1, size // _BARCODE_SIZE_OF_ONE_PIXEL)
    height = size * _BARCODE_HEIGHT_OF_ONE_SIZE
    if format == "png":
        return _draw_png(rows, column_pixels=pixels, row_pixels=height)
    return _draw_svg(rows, column_pixels=pixels, row_pixels=height)


def _check_size(size: int) -> None:
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ValueError(f"a size is {MIN_SIZE} to {MAX_SIZE}")


def _draw_png(rows: _Rows, *, column_pixels: int, row_pixels: int) -> bytes:
    """One bit a pixel. Each row of modules is packed once and repeated."""
    width = len(rows[0]) * column_pixels
    padding = "0" * (-width % 8)
    packed = []
    for row in rows:
        bits = "".join("0" * column_pixels if module else "1" * column_pixels for module in row)
        packed += [int(bits + padding, 2).to_bytes((width + 7) // 8, "big")] * row_pixels
    image = io.BytesIO()
    png.Writer(width, len(packed), greyscale=True, bitdepth=1).write_packed(image, packed)
    return image.getvalue()


def _draw_svg(rows: _Rows, *, column_pixels: int, row_pixels: int) -> bytes:
    """One path over a white ground: a transparent code could not be read on a dark page."""
    width, height = len(rows[0]) * column_pixels, len(rows) * row_pixels
    bars = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x] == row[start]:
                x += 1
            if row[start]:
                bars.append(
                    f"M{start * column_pixels} {y * row_pixels}"
                    f"h{(x - start) * column_pixels}v{row_pixels}h-{(x - start) * column_pixels}z"
                )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{width}v{height}H0z"/><path d="{"".join(bars)}"/></svg>\n'
    ).encode()
