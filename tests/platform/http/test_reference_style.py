"""Style and script stand on their own."""

import re

from openvoucher.platform.http.reference_style import SCRIPT, STYLE


def test_nothing_is_loaded_from_anywhere() -> None:
    for forbidden in ("url(", "@import", "http:", "https:", "//cdn", "fetch(", "import(", "XMLHttpRequest"):
        assert forbidden not in STYLE + SCRIPT


def test_nothing_ends_the_element_it_stands_in() -> None:
    assert "</" not in STYLE + SCRIPT
    assert "<!--" not in STYLE + SCRIPT


def test_every_colour_that_is_used_is_defined_and_both_schemes_set_what_differs() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    light_names, dark_names = ({*re.findall(r"(--[\w-]+):", scheme)} for scheme in (light, dark))

    assert {*re.findall(r"var\((--[\w-]+)\)", STYLE)} == light_names
    assert light_names - dark_names == {"--panel-text", "--panel-quiet"}
    assert dark_names <= light_names


def test_text_never_becomes_markup() -> None:
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert sink not in SCRIPT
