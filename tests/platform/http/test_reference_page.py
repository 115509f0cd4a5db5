"""The page: complete, escaped, on its own."""

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from openvoucher.app import OPERATIONS
from openvoucher.platform.http.openapi import make_openapi
from openvoucher.platform.http.operations import Operation
from openvoucher.platform.http.reference_page import render_reference

VOID = {"meta", "link", "input"}


class Page(HTMLParser):
    """Elements by id, links, text, and whether every element that is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return make_openapi(OPERATIONS, version="1.2.3")


@pytest.fixture(scope="module")
def page(document: dict[str, Any]) -> Page:
    return Page(render_reference(document))


def test_every_element_is_closed_and_no_id_is_there_twice(page: Page) -> None:
    assert page.open == []
    assert len(page.ids) == len({*page.ids})


def test_every_operation_and_every_schema_has_its_place_in_page_and_navigation(
    document: dict[str, Any], page: Page
) -> None:
    places = {row.name for row in OPERATIONS} | {
        f"schema-{name}" for name in document["components"]["schemas"]
    }

    assert places <= {*page.ids}
    assert {f"#{place}" for place in places} <= {*page.links}
    for row in OPERATIONS:
        assert row.summary in page.text
        assert row.path in page.text


def test_every_link_stays_in_the_page_or_leads_to_the_document(page: Page) -> None:
    elsewhere = {link for link in page.links if not link.startswith("#")}

    assert elsewhere == {"openapi.json", "data:,"}
    assert {link.removeprefix("#") for link in page.links} - elsewhere <= {*page.ids}


def test_nothing_is_loaded_and_nothing_needs_a_rule_of_its_own(page: Page) -> None:
    assert not {"img", "iframe", "object", "embed", "form", "base"} & {*page.tags}
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert "src" not in page.attributes
    assert "style" not in page.attributes
    assert [name for name in page.attributes if name.startswith("on")] == []


class Hostile(msgspec.Struct):
    """</p><script>alert(1)</script>"""

    field: str = msgspec.field(name="<img src=x onerror=alert(2)>", default='"><b>')
    """`</code><svg onload=alert(3)>`"""


async def hostile_operation(call: Any, body: Hostile) -> None:
    """<iframe src="javascript:alert(4)">"""


def test_whatever_stands_in_the_document_is_text() -> None:
    row = Operation(
        method="POST",
        path="/v1/<u>",
        run=hostile_operation,
        summary='</a><object data="x">',
        body=Hostile,
        answer=Hostile,
    )
    html = render_reference(make_openapi([row], version="<i>", server_url='"><u>'))

    page = Page(html)

    assert not {"u", "i", "img", "svg", "iframe", "object"} & {*page.tags}
    assert page.tags.count("script") == 1
    assert page.open == []
    for text in (
        "</p><script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "</code><svg onload=alert(3)>",
        '<iframe src="javascript:alert(4)">',
        '</a><object data="x">',
        '"><u>/v1/<u>',
    ):
        assert text in page.text


def test_types_are_told_in_words() -> None:
    document = make_openapi(OPERATIONS[:1], version="1")
    document["components"]["schemas"]["Told"] = {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "minimum": 0, "maximum": 2**53},
            "b": {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 1000}, {"type": "null"}]},
            "c": {"type": "array", "items": {"type": "number", "maximum": 1.5}},
            "d": {"anyOf": [{"type": "number"}, {"type": "integer"}]},
            "e": {"enum": ["x", "y"]},
        },
        "required": ["e"],
    }

    text = re.sub(
        r"<[^>]+>", "", render_reference(document).partition('id="schema-Told"')[2].partition("</ul>")[0]
    )

    assert text.endswith(
        "e&quot;x&quot; or &quot;y&quot;required"
        "ainteger (at least 0)"
        "bstring (1 to 1,000 characters) or null"
        "carray of number (at most 1.5)"
        "dnumber"
    )
