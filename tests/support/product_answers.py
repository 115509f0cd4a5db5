"""The form of answers about products and SKUs: their nulls are printed."""

from collections.abc import Mapping
from typing import Any, Final

from action_answers import accepted
from answer_parts import listing, metadata
from field_rules import (
    Rule,
    agreeing,
    an_id,
    both,
    count,
    depending,
    exactly,
    fields,
    instant,
    list_of,
    matching,
    nullable,
    text,
)

_NOTHING: Final = "an empty body"
# The predefined one is shorter than all others.
product_id = matching(r"prod_[0-9A-Za-z]{8,40}", "an id prod_…")

PRODUCT_FIELDS: Final[Mapping[str, Rule]] = {
    "id": product_id,
    "source_id": nullable(text),
    "name": nullable(text),
    "price": nullable(count),
    "attributes": list_of(text),
    "metadata": metadata,
    "image_url": nullable(text),
    "created_at": instant,
    "updated_at": nullable(instant),
    "object": exactly("product"),
}
_SKU_FIELDS: Final[Mapping[str, Rule]] = {
    "id": an_id("sku"),
    "source_id": nullable(text),
    "product_id": product_id,
    "sku": nullable(text),
    "price": nullable(count),
    "currency": nullable(text),
    "attributes": metadata,
    "image_url": nullable(text),
    "metadata": metadata,
    "created_at": instant,
    "updated_at": nullable(instant),
    "object": exactly("sku"),
}
_PARENT: Final = ("id", "source_id", "name", "price", "attributes", "metadata", "object")

product = fields(PRODUCT_FIELDS)
sku = fields(_SKU_FIELDS)
sku_with_product = both(
    fields({**_SKU_FIELDS, "product": fields({name: PRODUCT_FIELDS[name] for name in _PARENT})}),
    agreeing(
        "product_id must be the product's id", lambda value: value["product_id"] == value["product"]["id"]
    ),
)
product_with_skus = both(
    fields({**PRODUCT_FIELDS, "skus": listing("data", sku, total=count)}),
    agreeing(
        "the SKUs must be the product's",
        lambda value: (
            all(each["product_id"] == value["id"] for each in value["skus"]["data"])
            and value["skus"]["total"] >= len(value["skus"]["data"])
        ),
    ),
)


def _choose(value: dict[str, Any]) -> Rule:
    return product_with_skus if "skus" in value else product


# Without its SKUs where they were not wanted.
product_as_wanted = depending(_choose)

ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("GET", "/v1/products", 200): listing("products", product_as_wanted, total=count),
    ("POST", "/v1/products", 200): product,
    ("POST", "/v1/products/bulk/async", 202): accepted,
    ("POST", "/v1/products/metadata/async", 202): accepted,
    ("POST", "/v1/products/importCSV", 200): accepted,
    ("GET", "/v1/products/*", 200): product_as_wanted,
    ("PUT", "/v1/products/*", 200): product,
    ("DELETE", "/v1/products/*", 204): _NOTHING,
    ("GET", "/v1/products/*/skus", 200): listing("skus", sku, total=count),
    ("POST", "/v1/products/*/skus", 200): sku,
    ("PUT", "/v1/products/*/skus/*", 200): sku,
    ("DELETE", "/v1/products/*/skus/*", 204): _NOTHING,
    ("POST", "/v1/skus/importCSV", 200): accepted,
    ("GET", "/v1/skus/*", 200): sku_with_product,
}
