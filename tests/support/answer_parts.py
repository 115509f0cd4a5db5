"""The form of what several answers have in common: lists, categories, discounts, validity."""

from typing import Any, Final

from field_rules import (
    Rule,
    agreeing,
    an_id,
    anything,
    boolean,
    both,
    count,
    depending,
    duration,
    exactly,
    fields,
    instant,
    list_of,
    map_of,
    matching,
    number,
    text,
    time_of_day,
)

metadata = map_of(anything)
request_id = matching(r"v-[0-9a-f]{18}", "a request id")


def listing(name: str, item: Rule, **more: Rule) -> Rule:
    """A list whose array is called `name`; `more` fields beside it."""
    return fields(
        {"object": exactly("list"), "data_ref": exactly(name), name: list_of(item), **more},
    )


def cursor_listing(name: str, item: Rule, **more: Rule) -> Rule:
    """A list with a cursor: where it goes on is said exactly when there is more."""

    def choose(value: dict[str, Any]) -> Rule:
        further = {"more_starting_after": text} if value.get("has_more") is True else {}
        return listing(name, item, has_more=boolean, **further, **more)

    return both(
        depending(choose),
        agreeing(
            "more_starting_after must be the id of the last item",
            lambda value: not value["has_more"] or value["more_starting_after"] == value[name][-1]["id"],
        ),
    )


category = fields(
    {
        "id": an_id("cat"),
        "name": text,
        "hierarchy": count,
        "created_at": instant,
        "object": exactly("category"),
    },
    {"updated_at": instant},
)

_VALUES: Final = {"AMOUNT": "amount_off", "PERCENT": "percent_off", "FIXED": "fixed_amount"}
_EFFECTS: Final = exactly(
    "APPLY_TO_ORDER",
    "APPLY_TO_ITEMS",
    "APPLY_TO_ITEMS_PROPORTIONALLY",
    "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
    "APPLY_TO_ITEMS_BY_QUANTITY",
)


def _choose_discount(value: dict[str, Any]) -> Rule:
    kind = value.get("type")
    shared: dict[str, Rule] = {"is_dynamic": boolean}
    if kind == "UNIT" and value.get("effect") == "ADD_MANY_ITEMS":
        unit = fields(
            {"unit_type": text, "effect": exactly("ADD_NEW_ITEMS", "ADD_MISSING_ITEMS"), "unit_off": count},
            {"unit_off_formula": text},
        )
        return fields({"type": exactly("UNIT"), "effect": anything, "units": list_of(unit)}, shared)
    if kind == "UNIT":
        return fields(
            {"type": exactly("UNIT"), "unit_type": text},
            {
                "unit_off": count,
                "unit_off_formula": text,
                "effect": exactly("ADD_MISSING_ITEMS", "ADD_NEW_ITEMS", "ADD_SAME_ITEMS"),
                "product": anything,
                "sku": anything,
                **shared,
            },
        )
    value_field = _VALUES.get(str(kind), "amount_off")
    limits: dict[str, Rule] = {"aggregated_amount_limit": count}
    if kind == "PERCENT":
        limits["amount_limit"] = count
    return fields(
        {"type": exactly(*_VALUES), value_field: number},
        {f"{value_field}_formula": text, "effect": _EFFECTS, **limits, **shared},
    )


discount = depending(_choose_discount)
timeframe = fields({"interval": duration, "duration": duration})
days_of_week = list_of(exactly(*range(7)))
hours = fields(
    {
        "daily": list_of(
            fields(
                {"days_of_week": days_of_week}, {"start_time": time_of_day, "expiration_time": time_of_day}
            )
        )
    }
)

rule_assignment = fields(
    {
        "id": an_id("asgm"),
        "rule_id": an_id("val"),
        "related_object_id": text,
        "related_object_type": exactly("campaign", "voucher"),
        "created_at": instant,
        "object": exactly("validation_rules_assignment"),
    },
    {"updated_at": instant},
)
rule_assignments = listing("data", rule_assignment, total=count)
