"""Rules of what a JSON value holds: which fields always stand in it, which only when set, of which type.

Client libraries read an absent field, a null and a value of another type as the same nothing, so a parsed
model cannot tell whether an answer keeps its form. These rules look at the answer itself.

A rule is a function of a value and its path to the violations, one line each.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Rule = Callable[[Any, str], list[str]]


def find_violations(value: Any, rule: Rule) -> list[str]:
    return rule(value, "$")


def read_json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError for 10.0: whole numbers print without a fraction."""

    def read_number(literal: str) -> float:
        number = float(literal)
        if number.is_integer():
            raise ValueError(f"the whole number {literal} is printed with a fraction")
        return number

    return json.loads(text, parse_float=read_number)


def _expect(what: str, holds: Callable[[Any], bool]) -> Rule:
    def rule(value: Any, path: str) -> list[str]:
        return [] if holds(value) else [f"{path} must be {what}, is {_show(value)}"]

    return rule


def _show(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else text[:100] + "…"


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


anything = _expect("anything", lambda value: True)
text = _expect("text", lambda value: isinstance(value, str))
boolean = _expect("boolean", lambda value: isinstance(value, bool))
integer = _expect("integer", _is_integer)
count = _expect("integer from 0", lambda value: _is_integer(value) and value >= 0)
number = _expect("number", lambda value: _is_integer(value) or isinstance(value, float))


def matching(pattern: str, what: str) -> Rule:
    return _expect(what, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def an_id(prefix: str) -> Rule:
    """Clients take ids for opaque, but some look at the prefix."""
    return matching(f"{prefix}_[0-9A-Za-z]{{16,40}}", f"an id {prefix}_…")


def exactly(*values: Any) -> Rule:
    def is_one(value: Any) -> bool:
        return any(type(value) is type(each) and value == each for each in values)

    return _expect(" or ".join(json.dumps(each) for each in values), is_one)


def nullable(rule: Rule) -> Rule:
    return lambda value, path: [] if value is None else rule(value, path)


def list_of(rule: Rule) -> Rule:
    def check(value: Any, path: str) -> list[str]:
        if not isinstance(value, list):
            return [f"{path} must be an array, is {_show(value)}"]
        return [line for index, item in enumerate(value) for line in rule(item, f"{path}[{index}]")]

    return check


def map_of(rule: Rule) -> Rule:
    def check(value: Any, path: str) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path} must be an object, is {_show(value)}"]
        return [line for name, item in value.items() for line in rule(item, f"{path}.{name}")]

    return check


def fields(always: Mapping[str, Rule], when_set: Mapping[str, Rule] | None = None) -> Rule:
    """An object with all fields of `always`, those of `when_set` that are not null, and no others."""
    rules = {**(when_set or {}), **always}

    def check(value: Any, path: str) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path} must be an object, is {_show(value)}"]
        missing = [f"{path}.{name} is missing" for name in always if name not in value]
        unknown = [f"{path}.{name} does not belong there" for name in value if name not in rules]
        wrong = [
            line
            for name, item in value.items()
            if name in rules
            for line in rules[name](item, f"{path}.{name}")
        ]
        return missing + unknown + wrong

    return check


def depending(choose: Callable[[dict[str, Any]], Rule]) -> Rule:
    """The rule that the object itself decides, for instance by its type."""

    def check(value: Any, path: str) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path} must be an object, is {_show(value)}"]
        return choose(value)(value, path)

    return check


def both(*rules: Rule) -> Rule:
    return lambda value, path: [line for rule in rules for line in rule(value, path)]


def agreeing(what: str, holds: Callable[[Any], bool]) -> Rule:
    """Fields that must fit each other; not asked of a value that lacks one of them."""

    def check(value: Any, path: str) -> list[str]:
        try:
            return [] if holds(value) else [f"{path}: {what}"]
        except (KeyError, TypeError, ValueError):
            return []

    return check


def read_instant(value: str) -> datetime:
    return datetime.fromisoformat(value)


_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
instant = matching(_INSTANT, "an instant with milliseconds and Z")
duration = matching(r"P(?=.)(\d+[YMWD])*(T(\d+[HMS])+)?", "an ISO 8601 duration")
time_of_day = matching(r"[0-2]\d:[0-5]\d", "a time HH:mm")
