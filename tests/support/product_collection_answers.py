"""The form of answers about product collections: what was not set is left out."""

from collections.abc import Mapping
from typing import Any, Final

from answer_parts import listing, metadata
from field_rules import Rule, an_id, count, depending, exactly, fields, instant, list_of, matching, text
from product_answers import product, product_id, sku_with_product

_NOTHING: Final = "an empty body"


def _choose_item(value: dict[str, Any]) -> Rule:
    kind = value.get("object")
    if kind == "sku":
        return fields({"id": an_id("sku"), "product_id": product_id, "object": exactly("sku")})
    return fields({"id": product_id, "object": exactly("product")})


def _choose_collection(value: dict[str, Any], *, changed: bool = False) -> Rule:
    """The date of a change is left out until there was one."""
    is_static = value.get("type") == "STATIC"
    content: dict[str, Rule] = (
        {"products": list_of(depending(_choose_item))} if is_static else {"filter": metadata}
    )
    date: dict[str, Rule] = {"updated_at": instant}
    return fields(
        {
            "id": matching(r"pc_[0-9A-Za-z]{11,40}", "an id pc_…"),
            "name": text,
            "type": exactly("STATIC", "AUTO_UPDATE"),
            **content,
            **(date if changed else {}),
            "created_at": instant,
            "object": exactly("products_collection"),
        },
        date,
    )


def _choose_member(value: dict[str, Any]) -> Rule:
    return sku_with_product if value.get("object") == "sku" else product


collection = depending(_choose_collection)
changed_collection = depending(lambda value: _choose_collection(value, changed=True))
members = listing("data", depending(_choose_member), total=count)

ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("GET", "/v1/product-collections", 200): listing("data", collection, total=count),
    ("POST", "/v1/product-collections", 200): collection,
    ("GET", "/v1/product-collections/*", 200): collection,
    ("PUT", "/v1/product-collections/*", 200): changed_collection,
    ("DELETE", "/v1/product-collections/*", 204): _NOTHING,
    ("GET", "/v1/product-collections/*/products", 200): members,
}
