"""The form of answers about exports."""

from collections.abc import Mapping
from typing import Final

from answer_parts import listing
from field_rules import (
    Rule,
    agreeing,
    an_id,
    anything,
    both,
    count,
    exactly,
    fields,
    instant,
    map_of,
    matching,
    nullable,
    text,
)

_EXPORTED: Final = (
    "voucher",
    "redemption",
    "customer",
    "publication",
    "order",
    "points_expiration",
    "voucher_transactions",
    "product",
    "sku",
    "api_log",
)
_link: Final = matching(r"https?://.+/v1/exports/exp_\w+\?token=[\w-]{43}", "the link to a file")

export: Final = both(
    fields(
        {
            "id": an_id("exp"),
            "object": exactly("export"),
            "created_at": instant,
            "status": exactly("SCHEDULED", "IN_PROGRESS", "DONE", "ERROR"),
            "channel": text,
            "exported_object": exactly(*_EXPORTED),
            "parameters": map_of(anything),
            "result": nullable(fields({"url": _link})),
            "user_id": exactly(None),
        }
    ),
    agreeing(
        "there is a link when it is done, and no sooner",
        lambda value: (value["status"] == "DONE") == (value["result"] is not None),
    ),
)

ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("POST", "/v1/exports", 200): export,
    ("GET", "/v1/exports", 200): listing("exports", export, total=count),
    ("GET", "/v1/exports/*", 200): export,
    ("DELETE", "/v1/exports/*", 204): "an empty body",
    ("POST", "/v1/orders/export", 200): export,
    ("POST", "/v1/vouchers/*/transactions/export", 200): export,
    ("POST", "/v1/campaigns/*/transactions/export", 200): export,
}
