"""The form of answers about custom events and their schemas."""

from collections.abc import Mapping
from typing import Final

from answer_parts import listing, metadata
from customer_answers import simple_customer
from field_rules import Rule, an_id, boolean, count, exactly, fields, instant, map_of, nullable, text

_NOTHING: Final = "an empty body"

_referral = fields({"code": text, "id": an_id("v"), "referrer_id": nullable(an_id("cust"))})


def _event(referral: Rule, loyalty: Rule) -> Rule:
    return fields(
        {
            "object": exactly("event"),
            "type": text,
            "customer": simple_customer,
            "referral": referral,
            "loyalty": loyalty,
        },
        {"metadata": metadata},
    )


event = _event(nullable(_referral), nullable(fields({"code": text})))
client_event = _event(exactly(None), exactly(None))

_property = fields(
    {"type": exactly("string", "number", "date", "datetime", "boolean"), "optional": boolean},
    {"deleted": exactly(True)},
)
event_schema = fields(
    {
        "id": an_id("ms"),
        "name": text,
        "schema": fields({"properties": map_of(_property)}),
        "created_at": instant,
        "object": exactly("custom-event-schema"),
    },
    {"updated_at": instant},
)

_SCHEMAS: Final = "/management/v1/projects/*/custom-event-schemas"

ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("POST", "/v1/events", 200): event,
    ("POST", "/client/v1/events", 200): client_event,
    ("GET", _SCHEMAS, 200): listing("data", event_schema, total=count),
    ("POST", _SCHEMAS, 200): event_schema,
    ("GET", f"{_SCHEMAS}/*", 200): event_schema,
    ("PUT", f"{_SCHEMAS}/*", 200): event_schema,
    ("DELETE", f"{_SCHEMAS}/*", 204): _NOTHING,
}
