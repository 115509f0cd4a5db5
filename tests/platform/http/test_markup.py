"""HTML from elements."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.platform.http.markup import Markup, element, join


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attributes))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


@pytest.mark.parametrize(
    ("made", "html"),
    [
        (element("p"), "<p></p>"),
        (element("p", "a ", element("b", "1 < 2")), "<p>a <b>1 &lt; 2</b></p>"),
        (element("p", class_="x y"), '<p class="x y"></p>'),
        (element("p", aria_label='"'), '<p aria-label="&quot;"></p>'),
        (element("details", open=True), "<details open></details>"),
        (element("details", open=False), "<details></details>"),
        (element("meta", charset="utf-8"), '<meta charset="utf-8">'),
        (join(["<a>", Markup("<b>")]), "&lt;a&gt;<b>"),
    ],
)
def test_an_element_is_written(made: Markup, html: str) -> None:
    assert made == html


@given(
    text=st.text(st.characters(exclude_characters="\r", codec="utf-8")),
    hostile=st.sampled_from(["", "</p><script>", '"><img onerror=', "'", "&lt;", "]]>", "<!--"]),
)
def test_a_text_is_only_ever_text(text: str, hostile: str) -> None:
    text += hostile

    page = read(element("p", text, title=text))

    assert page.tags == [("p", [("title", text)])]
    assert page.text == text
