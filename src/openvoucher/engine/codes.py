"""Code patterns: which codes a pattern allows, and random codes drawn from it.

A pattern is text in which every `#` stands for one character of a charset. All randomness comes in as a
function that returns the given number of random bytes; production passes a cryptographic one, because a
code is a secret worth money.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, islice, product, repeat

RandomBytes = Callable[[int], bytes]

DEFAULT_CHARSET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DEFAULT_LENGTH = 8
MAX_HASHES = 128
MAX_CODE_LENGTH = 500
MAX_LISTED_CAPACITY = 1 << 24
"""Largest space that `draw_missing` works on: it keeps one byte for each possible code."""

_LIKE_ESCAPES = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


class InvalidCodeConfig(ValueError):
    """A code configuration from which no codes can be made; `reason` can be shown to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CodePattern:
    """What codes look like: `prefix`, then `pattern` with its `#` filled from `charset`, then `postfix`.

    A `#` is a placeholder in `pattern` only; in the prefix, the postfix and the charset it is an ordinary
    character. Made by `make_code_pattern`, which guarantees that the charset has no duplicates: with one,
    codes would not be uniform and `capacity` would be too large.
    """

    pattern: str
    charset: str
    prefix: str
    postfix: str

    @property
    def hashes(self) -> int:
        """How many characters of a code are random."""
        return self.pattern.count("#")

    @property
    def capacity(self) -> int:
        """How many different codes exist, those in use included. Exact, however large."""
        return int(len(self.charset) ** self.hashes)

    @property
    def full_pattern(self) -> str:
        """Prefix, pattern and postfix as one text, as long as each code.

        Not to be parsed again: a `#` of the prefix or postfix looks like a placeholder in it.
        """
        return self.prefix + self.pattern + self.postfix

    @property
    def literal_prefix(self) -> str:
        """What every code begins with: all text in front of the first random character."""
        return self.prefix + self.pattern.partition("#")[0] + ("" if self.hashes else self.postfix)


def make_code_pattern(
    *, length: int | None, charset: str | None, pattern: str | None, prefix: str | None, postfix: str | None
) -> CodePattern:
    """The pattern that a `code_config` describes; None stands for "not given".

    `length` counts the random characters and matters only without a pattern. An empty pattern, prefix or
    postfix is the same as none. Duplicates in the charset count once.

    Raises InvalidCodeConfig.
    """
    if charset == "":
        raise InvalidCodeConfig("charset must have at least one character")
    given = {"charset": charset, "pattern": pattern, "prefix": prefix, "postfix": postfix}
    for name, text in given.items():
        _refuse_unstorable_text(name, text or "")
    if not pattern:
        length = DEFAULT_LENGTH if length is None else length
        if not 1 <= length <= MAX_HASHES:
            raise InvalidCodeConfig(f"length must be between 1 and {MAX_HASHES}")
        pattern = "#" * length
    made = CodePattern(
        pattern=pattern,
        charset="".join(dict.fromkeys(charset or DEFAULT_CHARSET)),
        prefix=prefix or "",
        postfix=postfix or "",
    )
    if made.hashes > MAX_HASHES:
        raise InvalidCodeConfig(f"pattern must have at most {MAX_HASHES} # characters")
    if len(made.full_pattern) > MAX_CODE_LENGTH:
        raise InvalidCodeConfig(f"codes must have at most {MAX_CODE_LENGTH} characters")
    return made


def _refuse_unstorable_text(name: str, text: str) -> None:
    # PostgreSQL text holds neither NUL nor lone surrogates; other control characters break CSV files and
    # cannot be typed in by a customer.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise InvalidCodeConfig(f"{name} must not contain control characters")


def draw_codes(pattern: CodePattern, count: int, random_bytes: RandomBytes) -> list[str]:
    """`count` codes, each drawn uniformly and independently of the others: two of them may be equal."""
    return _draw_codes(pattern, count, random_bytes, ())


def draw_codes_of_part(pattern: CodePattern, part: range, whole: int, random_bytes: RandomBytes) -> list[str]:
    """As many codes as `part` has numbers below `whole`, from that part of the space: parts that follow
    one another give codes that follow one another.

    Drawn part by part, the codes of a large job lie side by side in an index, as if all had been drawn and
    sorted first, and nothing has to be kept. Each part of the space gets its share of the codes, to within
    one in `_LEADS` of a part, and within a part they are uniform. Two of them may be equal. Where the space
    is too small to be cut so finely, the codes come from all of it.
    """
    base, count = len(pattern.charset), len(part)
    wanted = -(-whole // max(count, 1)) * _LEADS
    depth = next((depth for depth in range(1, pattern.hashes + 1) if base**depth >= wanted), None)
    if depth is None or not count or pattern.capacity < _ROOM * whole:
        return draw_codes(pattern, count, random_bytes)
    first, last = (place * base**depth // whole for place in (part.start, part.stop))
    digits = _draw_digits(last - first, count, random_bytes)
    symbols = sorted(pattern.charset)
    columns = []
    for power in range(depth - 1, -1, -1):
        # The symbol in this column, for each lead of the part.
        column = [symbols[lead // base**power % base] for lead in range(first, last)]
        columns.append("".join([column[digit] for digit in digits]))
    return _draw_codes(pattern, count, random_bytes, columns)


# A part is made of at least so many beginnings of codes, so that its borders, which are whole beginnings, are
# fine enough; and a space has at least so many codes for each that is drawn, so that parts are not used up.
_LEADS = 128
_ROOM = 100


def _draw_codes(
    pattern: CodePattern, count: int, random_bytes: RandomBytes, leads: Sequence[str]
) -> list[str]:
    """`leads`: the characters of the first `#`, of the second …, one for each code; the others are drawn."""
    text = pattern.full_pattern + pattern.charset
    if max(text) <= "\xff" and len(pattern.charset) <= 256:
        return _draw_latin_codes(pattern, count, random_bytes, leads)
    return _draw_any_codes(pattern, count, random_bytes, leads)


def _draw_latin_codes(
    pattern: CodePattern, count: int, random_bytes: RandomBytes, leads: Sequence[str]
) -> list[str]:
    # One byte is one character here, so all codes are written column by column into a single buffer. No
    # Python code runs per character; that is what makes this path fast.
    symbols = "".join(leads).encode("latin-1") + _draw_symbols(
        pattern.charset.encode("latin-1"), count * (pattern.hashes - len(leads)), random_bytes
    )
    width = len(pattern.full_pattern)
    buffer = bytearray(pattern.full_pattern.encode("latin-1") * count)
    places = (place for place, character in enumerate(pattern.pattern) if character == "#")
    for column, place in enumerate(places):
        buffer[len(pattern.prefix) + place :: width] = symbols[column * count : (column + 1) * count]
    text = buffer.decode("latin-1")
    return [text[start : start + width] for start in range(0, len(text), width)]


def _draw_any_codes(
    pattern: CodePattern, count: int, random_bytes: RandomBytes, leads: Sequence[str]
) -> list[str]:
    digits = iter(_draw_digits(len(pattern.charset), count * (pattern.hashes - len(leads)), random_bytes))
    given = iter(leads)
    columns: list[Sequence[str] | Iterator[str]] = [repeat(pattern.prefix, count)]
    for character in pattern.pattern:
        if character == "#":
            lead = next(given, None)
            columns.append(lead or [pattern.charset[digit] for digit in islice(digits, count)])
        else:
            columns.append(repeat(character, count))
    columns.append(repeat(pattern.postfix, count))
    return ["".join(pieces) for pieces in zip(*columns, strict=True)]


def _draw_symbols(symbols: bytes, count: int, random_bytes: RandomBytes) -> bytes:
    # Bytes at or above the largest multiple of len(symbols) are dropped: mapped as well, they would make the
    # first symbols more likely than the others.
    accepted = 256 - 256 % len(symbols)
    table = (symbols * 256)[:256]
    rejected = bytes(range(accepted, 256))
    drawn = bytearray()
    while (missing := count - len(drawn)) > 0:
        drawn += random_bytes(missing * 256 // accepted + 16).translate(table, rejected)
    return bytes(drawn[:count])


def _draw_digits(base: int, count: int, random_bytes: RandomBytes) -> Sequence[int]:
    """`count` independent uniform integers from 0 to `base` - 1."""
    if base <= 256:
        return _draw_symbols(bytes(range(base)), count, random_bytes)
    width = ((base - 1).bit_length() + 7) // 8
    accepted = 256**width - 256**width % base
    digits: list[int] = []
    while (missing := count - len(digits)) > 0:
        block = random_bytes(width * missing)
        numbers = (int.from_bytes(block[at : at + width], "big") for at in range(0, len(block), width))
        digits += [number % base for number in numbers if number < accepted]
    return digits


def enumerate_codes(pattern: CodePattern) -> Iterator[str]:
    """Every code once, in the order of the charset with the last `#` running fastest. For small spaces."""
    choices = [pattern.charset if character == "#" else character for character in pattern.pattern]
    for characters in product(*choices):
        yield pattern.prefix + "".join(characters) + pattern.postfix


def matches(pattern: CodePattern, code: str) -> bool:
    """Whether the pattern can produce exactly this code; letter case counts."""
    return _locate_code(pattern, _map_digits(pattern), code) is not None


def like_pattern(pattern: CodePattern) -> str:
    r"""A pattern for SQL's LIKE (escape character `\`) that every code of the pattern satisfies.

    Wider than the pattern itself, as LIKE knows no charset: check what it finds with `matches`.
    """
    middle = pattern.pattern.translate(_LIKE_ESCAPES).replace("#", "_")
    return pattern.prefix.translate(_LIKE_ESCAPES) + middle + pattern.postfix.translate(_LIKE_ESCAPES)


def draw_missing(
    pattern: CodePattern, taken: Collection[str], count: int, random_bytes: RandomBytes
) -> list[str]:
    """Up to `count` different codes that are not in `taken`, in random order.

    Every set of free codes, in every order, is equally likely. Fewer than `count` come back only when no more
    are free, and then all of them do. Codes in `taken` that the pattern cannot produce are ignored. Meant for
    spaces that are nearly used up, where drawing blindly would meet taken codes most of the time.

    Raises ValueError for a pattern with more than MAX_LISTED_CAPACITY codes.
    """
    if pattern.capacity > MAX_LISTED_CAPACITY:
        raise ValueError(f"a space of {pattern.capacity} codes is too large to list")
    digits = _map_digits(pattern)
    free = bytearray(b"\x01") * pattern.capacity
    for code in taken:
        index = _locate_code(pattern, digits, code)
        if index is not None:
            free[index] = 0
    ranks = _draw_ranks(free.count(1), count, random_bytes)
    free_indexes = compress(range(pattern.capacity), free)
    index_by_rank: dict[int, int] = {}
    passed = 0
    for rank in sorted(ranks):
        index_by_rank[rank] = next(islice(free_indexes, rank - passed, None))
        passed = rank + 1
    return [_build_code(pattern, index_by_rank[rank]) for rank in ranks]


def _draw_ranks(size: int, count: int, random_bytes: RandomBytes) -> list[int]:
    """`count` (at most `size`) different integers below `size` in random order: a Fisher-Yates shuffle that
    stops early and stores only the places whose content has moved."""
    moved: dict[int, int] = {}
    ranks: list[int] = []
    for last in range(size - 1, max(size - count, 0) - 1, -1):
        place = _draw_digits(last + 1, 1, random_bytes)[0]
        ranks.append(moved.get(place, place))
        moved[place] = moved.pop(last, last)
    return ranks


def _map_digits(pattern: CodePattern) -> dict[str, int]:
    return {character: digit for digit, character in enumerate(pattern.charset)}


def _locate_code(pattern: CodePattern, digits: Mapping[str, int], code: str) -> int | None:
    """The place of a code in `enumerate_codes`, or None when the pattern cannot produce it."""
    if len(code) != len(pattern.full_pattern):
        return None
    if not (code.startswith(pattern.prefix) and code.endswith(pattern.postfix)):
        return None
    index = 0
    middle = code[len(pattern.prefix) : len(pattern.prefix) + len(pattern.pattern)]
    for wanted, found in zip(pattern.pattern, middle, strict=True):
        if wanted == "#":
            digit = digits.get(found)
            if digit is None:
                return None
            index = index * len(digits) + digit
        elif wanted != found:
            return None
    return index


def _build_code(pattern: CodePattern, index: int) -> str:
    """The code at a place in `enumerate_codes`: the inverse of `_locate_code`."""
    characters = list(pattern.pattern)
    for place in range(len(characters) - 1, -1, -1):
        if characters[place] == "#":
            index, digit = divmod(index, len(pattern.charset))
            characters[place] = pattern.charset[digit]
    return pattern.prefix + "".join(characters) + pattern.postfix
