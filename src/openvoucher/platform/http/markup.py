"""HTML from elements: a text that is no markup is escaped, so that none can be forgotten."""

import html
from collections.abc import Iterable

_WITHOUT_CONTENT = frozenset({"input", "link", "meta"})


class Markup(str):
    """HTML. Every other text is escaped on its way into an element."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | bool) -> Markup:
    """`class_` is the attribute class; True is an attribute without a value, False none at all."""
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(value)}"')
        for name, value in attributes.items()
        if value is not False
    )
    if tag in _WITHOUT_CONTENT:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[str]) -> Markup:
    return Markup("".join(child if isinstance(child, Markup) else html.escape(child) for child in children))
