"""The form of every answer of the wire: which fields stand in it always, which only when they are set.

Vouchers print their nulls; campaigns, categories and errors leave them out, all but a campaign's
`category_id`. Which answer has which form is said in ANSWERS, by method, path and status.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import custom_event_answers
import customer_answers
import export_answers
import order_answers
import product_answers
import product_collection_answers
import publication_answers
import segment_answers
from action_answers import accepted, action, action_in_list
from answer_parts import category, listing, request_id
from campaign_answers import campaign, campaign_in_list, summary
from field_rules import (
    Rule,
    boolean,
    count,
    depending,
    exactly,
    fields,
    find_violations,
    list_of,
    matching,
    text,
)
from project_answers import (
    bin_list,
    introspection,
    managed_project,
    managed_schema,
    metadata_schema,
    token,
)
from voucher_answers import balance, no_transactions, transactions, voucher, voucher_in_list

_OAUTH_KEYS: Final = ("invalid_grant_type", "invalid_scope", "missing_parameters")


def _choose_error(value: dict[str, Any], status: int) -> Rule:
    """Refusals by key or permission and those of OAuth have no request id."""
    key = value.get("key")
    shared: dict[str, Rule] = {"code": exactly(status), "key": text, "message": text}
    if status == 401:
        return fields(
            {"code": exactly(401), "message": exactly("Unauthorized"), "key": exactly("unauthorized")}
        )
    if key in _OAUTH_KEYS:
        return fields(shared)
    if key == "missing_required_permission":
        return fields({**shared, "details": text})
    if status == 404 and key is None:
        # Of projects alone.
        cannot = matching(r"Cannot find project with id .*", "that a project cannot be found")
        return fields({"code": exactly(404), "message": exactly("Resource not found"), "details": cannot})
    named: dict[str, Rule] = {"details": text, "resource_id": text, "resource_type": text}
    if key in ("not_found", "duplicate_found", "resource_protected"):
        return fields({**shared, "request_id": request_id, **named})
    if key == "resource_in_use":
        by = {"related_object_ids": list_of(text), "related_object_type": text, "related_object_total": count}
        return fields({**shared, "request_id": request_id, **named, **by})
    return fields({**shared, "request_id": request_id}, {"details": text})


NOTHING: Final = "an empty body"
empty_object = exactly({})
ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("POST", "/v1/campaigns", 200): campaign,
    ("GET", "/v1/campaigns", 200): listing("campaigns", campaign_in_list, total=count),
    ("GET", "/v1/campaigns/*", 200): campaign,
    ("PUT", "/v1/campaigns/*", 200): campaign,
    ("DELETE", "/v1/campaigns/*", 202): accepted,
    ("POST", "/v1/campaigns/*/enable", 200): empty_object,
    ("POST", "/v1/campaigns/*/disable", 200): empty_object,
    ("GET", "/v1/campaigns/*/summary", 200): summary,
    ("POST", "/v1/campaigns/*/vouchers", 200): voucher,
    ("POST", "/v1/campaigns/*/vouchers", 202): accepted,
    ("POST", "/v1/campaigns/*/vouchers/*", 200): voucher,
    ("POST", "/v1/campaigns/*/import", 202): accepted,
    ("POST", "/v1/campaigns/*/importCSV", 200): accepted,
    ("GET", "/v1/campaigns/*/transactions", 200): depending(
        lambda value: no_transactions if "total" in value else transactions
    ),
    ("GET", "/v1/vouchers", 200): listing("vouchers", voucher_in_list, total=count),
    ("POST", "/v1/vouchers", 200): voucher,
    ("POST", "/v1/vouchers/import", 202): accepted,
    ("POST", "/v1/vouchers/importCSV", 202): accepted,
    ("POST", "/v1/vouchers/bulk/async", 202): accepted,
    ("POST", "/v1/vouchers/metadata/async", 202): accepted,
    ("POST", "/v1/vouchers/*", 200): voucher,
    ("GET", "/v1/vouchers/*", 200): voucher,
    ("PUT", "/v1/vouchers/*", 200): voucher,
    ("DELETE", "/v1/vouchers/*", 204): NOTHING,
    ("POST", "/v1/vouchers/*/enable", 200): voucher,
    ("POST", "/v1/vouchers/*/disable", 200): voucher,
    ("POST", "/v1/vouchers/*/balance", 200): balance,
    ("GET", "/v1/vouchers/*/transactions", 200): transactions,
    ("GET", "/v1/async-actions", 200): listing("async_actions", action_in_list, has_more=boolean),
    ("GET", "/v1/async-actions/*", 200): action,
    ("POST", "/v1/async-actions/*/cancel", 202): action,
    ("GET", "/v1/categories", 200): listing("data", category, total=count),
    ("POST", "/v1/categories", 200): category,
    ("GET", "/v1/categories/*", 200): category,
    ("PUT", "/v1/categories/*", 200): category,
    ("DELETE", "/v1/categories/*", 204): NOTHING,
    ("GET", "/v1/metadata-schemas", 200): listing("schemas", metadata_schema, total=count),
    ("POST", "/v1/metadata-schemas", 200): metadata_schema,
    ("GET", "/v1/metadata-schemas/*", 200): metadata_schema,
    ("PUT", "/v1/metadata-schemas/*", 200): metadata_schema,
    ("DELETE", "/v1/metadata-schemas/*", 204): NOTHING,
    ("GET", "/management/v1/projects", 200): listing("data", managed_project, total=count),
    ("GET", "/management/v1/projects/*", 200): managed_project,
    ("PUT", "/management/v1/projects/*", 200): managed_project,
    ("GET", "/management/v1/projects/*/metadata-schemas", 200): listing("data", managed_schema, total=count),
    ("POST", "/management/v1/projects/*/metadata-schemas", 200): managed_schema,
    ("GET", "/management/v1/projects/*/metadata-schemas/*", 200): managed_schema,
    ("PUT", "/management/v1/projects/*/metadata-schemas/*", 200): managed_schema,
    ("DELETE", "/management/v1/projects/*/metadata-schemas/*", 204): NOTHING,
    ("GET", "/v1/trash-bin", 200): bin_list,
    ("DELETE", "/v1/trash-bin/*", 204): NOTHING,
    ("POST", "/v1/oauth/token", 200): token,
    ("POST", "/v1/oauth/introspect", 200): introspection,
    ("POST", "/v1/oauth/token/revoke", 204): NOTHING,
    ("POST", "/v1/oauth/token/revoke", 404): NOTHING,
    **customer_answers.ANSWERS,
    **segment_answers.ANSWERS,
    **product_answers.ANSWERS,
    **product_collection_answers.ANSWERS,
    **order_answers.ANSWERS,
    **custom_event_answers.ANSWERS,
    **publication_answers.ANSWERS,
    **export_answers.ANSWERS,
}


def find_rule(method: str, path: str, status: int) -> Rule | str:
    """The form of an answer, by the path as it was sent. Raises LookupError where none is written down."""
    for (known_method, template, known_status), rule in ANSWERS.items():
        pattern = re.escape(template).replace(r"\*", "[^/]+")
        if (method, status) == (known_method, known_status) and re.fullmatch(pattern, path):
            return rule
    if status >= 400:
        return depending(lambda value: _choose_error(value, status))
    raise LookupError(f"no form is written down for {status} of {method} {path}")


def find_faults(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer; `body` is its JSON, None where it has no body."""
    rule = find_rule(method, path, status)
    if isinstance(rule, str):
        return [] if body is None else ["$ must not be there"]
    return find_violations(body, rule)
