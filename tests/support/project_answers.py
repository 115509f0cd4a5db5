"""The form of what belongs to the project: the bin, metadata schemas, tokens of OAuth."""

from collections.abc import Mapping
from typing import Any, Final

from answer_parts import cursor_listing
from field_rules import (
    Rule,
    agreeing,
    an_id,
    anything,
    boolean,
    both,
    count,
    depending,
    exactly,
    fields,
    instant,
    integer,
    list_of,
    map_of,
    matching,
    nullable,
    number,
    text,
)

# By type of what lies in the bin: prefixes of its id and of its parent's, and whether it always has one.
_BINNED: Final = {
    "campaign": ("camp", None, False),
    "voucher": ("v", "camp", False),
    "product": ("prod", None, False),
    "sku": ("sku", "prod", True),
}


def _choose_bin_entry(value: dict[str, Any]) -> Rule:
    kind = value.get("resource_type")
    prefix, parent, always = _BINNED.get(str(kind), _BINNED["campaign"])
    parent_rule = an_id(parent) if parent else exactly(None)
    return fields(
        {
            "id": an_id("tbe"),
            "created_at": instant,
            "deleted_by_user_id": exactly(None),
            "resource_id": an_id(prefix),
            "resource_type": exactly(*_BINNED),
            "resource_name": text,
            "resource_parent_id": parent_rule if always else nullable(parent_rule),
            "object": exactly(kind),
        }
    )


bin_entry = depending(_choose_bin_entry)
bin_list = both(
    cursor_listing("data", bin_entry, total=count),
    agreeing("total must be the entries of this page", lambda value: value["total"] == len(value["data"])),
)


def _definition(object_type: str, lengths: tuple[str, ...]) -> Rule:
    return fields(
        {
            "type": exactly(
                "string", "number", "object", "date", "datetime", "geopoint", "boolean", "image_url"
            ),
            "array": boolean,
            "optional": boolean,
            object_type: nullable(text),
        },
        {
            "eq": list_of(anything),
            "ne": list_of(number),
            **dict.fromkeys(("lt", "lte", "gt", "gte"), number),
            **dict.fromkeys(lengths, count),
            "deleted": exactly(True),
        },
    )


def _schema(definition: Rule) -> Rule:
    return fields(
        {
            "id": an_id("ms"),
            "related_object": text,
            "properties": map_of(definition),
            "allow_defined_only": boolean,
            "created_at": instant,
            "updated_at": nullable(instant),
            "object": exactly("metadata_schema"),
        }
    )


metadata_schema = _schema(_definition("objectType", ("minLength", "maxLength", "exactLength")))
managed_schema = _schema(_definition("object_type", ("min_length", "max_length", "exact_length")))

_usage = fields({"value": count, "emails": list_of(text), "in_app": boolean, "enabled": boolean})
_callout = fields({"email": boolean, "emails": list_of(text), "in_app": boolean})
managed_project = fields(
    {
        "id": an_id("proj"),
        "name": text,
        "currency": matching(r"[A-Z]{3}", "a currency"),
        "timezone": text,
        "cluster_id": exactly("eu1"),
        "api_version": exactly("v2018-08-01"),
        "case_sensitive_codes": exactly(True),
        "client_trusted_domains": list_of(text),
        "client_redeem_enabled": boolean,
        "client_publish_enabled": boolean,
        "client_list_vouchers_enabled": boolean,
        "client_create_customer_enabled": boolean,
        "client_loyalty_events_enabled": boolean,
        "client_set_voucher_expiration_date_enabled": boolean,
        "api_usage_notifications": fields(
            dict.fromkeys(
                ("messages", "api_calls", "cycle_calls", "redemptions", "webhook_calls", "bulk_api_calls"),
                _usage,
            )
        ),
        "webhooks_callout_notifications": fields({"webhooks": _callout, "distributions": _callout}),
        "is_sandbox": exactly(False),
        "webhook_version": exactly("v2024-01-01"),
    },
    {
        "description": text,
        "dial_code": text,
        "default_code_config": fields({"charset": nullable(text)}),
    },
)

_token: Final[Mapping[str, Rule]] = {
    "access_token": matching(r"[0-9A-Za-z]{50}", "a token"),
    "client_id": matching(r"[0-9A-Za-z]{21}", "a client id"),
    "expires_at": integer,
    "expires_in": exactly(900),
    "scope": text,
    "token_type": exactly("Bearer"),
}
token = fields(_token)


def _choose_introspection(value: dict[str, Any]) -> Rule:
    if value.get("active") is False:
        return fields({"active": exactly(False)})
    return fields({**_token, "active": exactly(True)})


introspection = depending(_choose_introspection)
