"""The form of answers about segments."""

from collections.abc import Mapping
from typing import Any, Final

from answer_parts import cursor_listing, listing, metadata
from field_rules import (
    Rule,
    an_id,
    boolean,
    count,
    depending,
    exactly,
    fields,
    instant,
    nullable,
    text,
)

NOTHING: Final = "an empty body"


def _choose_segment(value: dict[str, Any]) -> Rule:
    is_static = value.get("type") == "static"
    return fields(
        {
            "id": an_id("seg"),
            "name": text,
            "created_at": instant,
            "type": exactly("static", "auto-update", "passive"),
            "filter": exactly(None) if is_static else metadata,
            "object": exactly("segment"),
        },
        {"updated_at": instant},
    )


segment = depending(_choose_segment)
simple_segment = fields({"id": an_id("seg"), "name": text, "object": exactly("segment")})

activity = fields(
    {
        "id": an_id("evseg"),
        "type": exactly("segment.created", "segment.updated", "segment.activated", "segment.filters_updated"),
        "data": fields(
            {
                "data": fields({"segment": segment}),
                "event_source": fields(
                    {
                        "channel": text,
                        "user": nullable(metadata),
                        "api_key": nullable(fields({"name": nullable(text), "app_id": text})),
                    }
                ),
            }
        ),
        "created_at": instant,
        "group_id": text,
    }
)


def _choose_list(value: dict[str, Any]) -> Rule:
    scrolled = {"has_more": boolean} if "has_more" in value else {}
    return listing("data", segment, total=count, **scrolled)


ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("POST", "/v1/segments", 200): segment,
    ("GET", "/v1/segments", 200): depending(_choose_list),
    ("GET", "/v1/segments/*", 200): segment,
    ("PUT", "/v1/segments/*", 200): segment,
    ("DELETE", "/v1/segments/*", 204): NOTHING,
    ("GET", "/v1/segments/*/activities", 200): cursor_listing("data", activity),
}
