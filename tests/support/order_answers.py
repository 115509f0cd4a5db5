"""The form of answers about orders. Zero discounts are left out, and so are amounts that nobody knows."""

from collections.abc import Mapping
from typing import Any, Final

from action_answers import accepted
from answer_parts import listing, metadata, request_id
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
    nullable,
    text,
)

# Callers' own ids stand in the same places.
_known_product = fields(
    {"id": text, "source_id": nullable(text), "name": nullable(text)}, {"price": count, "metadata": metadata}
)
_known_sku = fields(
    {"id": text, "source_id": nullable(text), "sku": nullable(text)}, {"price": count, "metadata": metadata}
)
_said_product = fields(
    {}, {"id": text, "source_id": text, "name": text, "price": count, "metadata": metadata}
)
_said_sku = fields({}, {"id": text, "source_id": text, "sku": text, "price": count, "metadata": metadata})
_brief_product = fields({}, {"name": nullable(text), "price": count})
_brief_sku = fields({}, {"sku": nullable(text), "price": count})

_positive = both(count, agreeing("must not be zero", lambda value: value > 0))


def _choose_part(known: Rule, said: Rule) -> Rule:
    return depending(lambda value: known if str(value.get("id", "")).startswith(("prod_", "sku_")) else said)


def _choose_item(value: dict[str, Any], *, in_list: bool) -> Rule:
    always: dict[str, Rule] = {
        "id": an_id("ordli"),
        "object": exactly("order_item"),
        "quantity": count,
    }
    if "amount" in value:
        # Known or not, both are.
        always |= {"amount": count, "subtotal_amount": count}
    when_set: dict[str, Rule] = {
        "source_id": text,
        "related_object": exactly("product", "sku"),
        "product_id": text,
        "sku_id": text,
        "discount_quantity": _positive,
        "discount_amount": _positive,
        "product": _brief_product if in_list else _choose_part(_known_product, _said_product),
        "sku": _brief_sku if in_list else _choose_part(_known_sku, _said_sku),
        "metadata": metadata,
    }
    if "amount" in value:
        when_set["price"] = count
    return both(
        fields(always, when_set),
        agreeing(
            "subtotal_amount must be what the discount leaves",
            lambda item: item["subtotal_amount"] == max(item["amount"] - item.get("discount_amount", 0), 0),
        ),
    )


def _choose_order(value: dict[str, Any], *, in_list: bool) -> Rule:
    always: dict[str, Rule] = {
        "id": an_id("ord"),
        "source_id": nullable(text),
        "created_at": instant,
        "updated_at": nullable(instant),
        "status": exactly("CREATED", "PAID", "CANCELED", "FULFILLED"),
        "metadata": metadata,
        "customer_id": nullable(an_id("cust")),
        "referrer_id": nullable(an_id("cust")),
        "object": exactly("order"),
    }
    for person in ("customer", "referrer"):
        if value.get(f"{person}_id"):
            always[person] = fields({"id": exactly(value[f"{person}_id"]), "object": exactly("customer")})
    if "amount" in value:
        always |= {"amount": count, "total_amount": count}
    when_set: dict[str, Rule] = {
        "initial_amount": count,
        "discount_amount": _positive,
        "items_discount_amount": _positive,
        "total_discount_amount": _positive,
        "items": list_of(depending(lambda item: _choose_item(item, in_list=in_list))),
    }
    return both(fields(always, when_set), *_AGREEMENTS)


def _sum_of_discounts(order: Mapping[str, Any]) -> int:
    return int(order.get("discount_amount", 0) + order.get("items_discount_amount", 0))


_AGREEMENTS: Final = (
    agreeing(
        "total_discount_amount must be the sum of both kinds",
        lambda order: order.get("total_discount_amount", 0) == _sum_of_discounts(order),
    ),
    agreeing(
        "items_discount_amount must be the sum of the lines",
        lambda order: (
            order.get("items_discount_amount", 0)
            == sum(item.get("discount_amount", 0) for item in order.get("items", []))
        ),
    ),
    agreeing(
        "total_amount must be what the discounts leave",
        lambda order: order["total_amount"] == max(order["amount"] - _sum_of_discounts(order), 0),
    ),
    agreeing("a list of items must not be empty", lambda order: len(order["items"]) > 0),
)

order: Final = depending(lambda value: _choose_order(value, in_list=False))
order_in_list: Final = depending(lambda value: _choose_order(value, in_list=True))

ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("GET", "/v1/orders", 200): listing("orders", order_in_list, total=count),
    ("POST", "/v1/orders", 200): order,
    ("GET", "/v1/orders/*", 200): order,
    ("PUT", "/v1/orders/*", 200): order,
    ("POST", "/v1/orders/import", 200): accepted,
    # Which of the orders it was stands beside the details.
    ("POST", "/v1/orders/import", 400): fields(
        {
            "code": exactly(400),
            "key": text,
            "message": text,
            "details": text,
            "request_id": request_id,
        },
        {"row": count},
    ),
}
