"""The query string as a tree, in every spelling that official clients use.

`filters[code][conditions][$in][0]=A`, `[filters][code]…`, brackets percent-encoded or not, a name
repeated, `ids[]=a`: all of them name a path, and a path is a path. Values stay text; which type
they have is known to whoever reads the tree.
"""

import re
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from openvoucher.wire.errors import invalid_query_params

MAX_PARAMETERS: Final = 1000
MAX_DEPTH: Final = 8

_SEGMENT = re.compile(r"\[([^\[\]]*)\]")
# Nine digits hold any honest index; more of them are a name, so that int() is never fed a novel.
_INDEX = re.compile(r"[0-9]{1,9}")
# Official Python clients put a list into the query as Python prints it: ids=['a', 'b'].
_QUOTED = re.compile(r"""'[^'\\]*'|"[^"\\]*\"""")
_PRINTED_LIST = re.compile(rf"\[(?:{_QUOTED.pattern})(?:, ?(?:{_QUOTED.pattern}))*\]")


class _Node:
    """What was said about one path: values put right here, and what lies below it."""

    __slots__ = ("appended", "children", "values")

    def __init__(self) -> None:
        self.values: list[str] = []
        self.children: dict[str, _Node] = {}
        self.appended: list[_Node] = []

    def below(self, segment: str) -> "_Node":
        if segment == "":
            node = _Node()
            self.appended.append(node)
            return node
        return self.children.setdefault(segment, _Node())

    def put(self, value: str) -> None:
        if not _PRINTED_LIST.fullmatch(value):
            self.values.append(value)
            return
        for quoted in _QUOTED.findall(value):
            self.below("").values.append(quoted[1:-1])

    def build(self) -> Any:
        indexed = bool(self.children) and all(_INDEX.fullmatch(name) for name in self.children)
        items: list[Any] = list(self.values)
        if indexed:
            ordered = sorted(self.children.items(), key=lambda child: int(child[0]))
            items += [node.build() for _, node in ordered]
        elif self.children:
            items.append({name: node.build() for name, node in self.children.items()})
        items += [node.build() for node in self.appended]
        is_list = indexed or self.appended or len(items) > 1
        return items if is_list else items[0]


def parse_query(query_string: str) -> dict[str, Any]:
    """The parameters of a query string (without its `?`) as nested dicts, lists and strings.

    A name given once is a string, given again or with `[]` or `[0]` a list: indexes order the list
    and gaps close, so `[999999999]` costs one entry. A path that is given both a value and
    properties becomes a list of both, which no schema takes for either. A value that is a list of
    strings as Python or JSON print it is that list. Of a name with crooked
    brackets the sound part leads and the rest is one last segment: nothing that a caller meant as
    a filter is dropped in silence. A parameter without a name is skipped.

    Raises `invalid_query_params` for more than 1,000 parameters, more than 8 levels, text that is
    not UTF-8, and NUL, which no text column can hold.
    """
    if query_string.count("&") >= MAX_PARAMETERS:
        raise invalid_query_params(f"Query must NOT have more than {MAX_PARAMETERS} parameters")
    root = _Node()
    for part in query_string.split("&"):
        name, _, value = part.partition("=")
        path = _split_name(_decode(name))
        if path[0] == "":
            continue
        if len(path) > MAX_DEPTH:
            raise invalid_query_params(f"Query must NOT be nested deeper than {MAX_DEPTH} levels")
        node = root
        for segment in path:
            node = node.below(segment)
        node.put(_decode(value))
    return {name: node.build() for name, node in root.children.items()}


def _split_name(name: str) -> list[str]:
    first = name.find("[")
    if first == -1:
        return [name]
    path = [name[:first]] if first > 0 else []
    position = first
    while match := _SEGMENT.match(name, position):
        path.append(match[1])
        position = match.end()
    if position < len(name):
        path.append(name[position:])
    return path


def _decode(text: str) -> str:
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeError:
        raise invalid_query_params("Query must be percent-encoded UTF-8") from None
    if "\0" in decoded:
        raise invalid_query_params("Query must NOT contain NUL characters")
    return decoded
