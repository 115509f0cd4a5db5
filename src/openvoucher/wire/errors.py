"""The errors of the wire: one exception, one shape, one function for each key in use.

Every refusal is an `ApiError`. Its body has the contract's order (code, key, message, details,
request_id, resource_id, resource_type); a field with nothing to say is left out, never null.
"""

from collections.abc import Iterable, Mapping
from typing import Any


class ApiError(Exception):
    """A refusal that the caller is told of.

    `extra` are further fields of the body (`related_object_ids` …). With `framework` the body has
    the other shape of the contract: statusCode, error, message (malformed JSON, body too large,
    unknown route).
    """

    def __init__(
        self,
        status: int,
        key: str | None,
        message: str,
        details: str | None = None,
        *,
        resource_id: str | None = None,
        resource_type: str | None = None,
        with_request_id: bool = True,
        framework: bool = False,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {key or message}: {details or message}")
        self.status = status
        self.key = key
        self.message = message
        self.details = details
        self.resource_id = resource_id
        self.resource_type = resource_type
        self.with_request_id = with_request_id
        self.framework = framework
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> dict[str, Any]:
        if self.framework:
            return {"statusCode": self.status, "error": self.key, "message": self.message}
        body: dict[str, Any] = {"code": self.status}
        if self.key is not None:
            body["key"] = self.key
        body["message"] = self.message
        if self.details is not None:
            body["details"] = self.details
        if self.with_request_id:
            body["request_id"] = request_id
        if self.resource_id is not None:
            body["resource_id"] = self.resource_id
        if self.resource_type is not None:
            body["resource_type"] = self.resource_type
        body.update(self.extra)
        return body


# --- who may do what ---------------------------------------------------------------------------


def unauthorized() -> ApiError:
    return ApiError(401, "unauthorized", "Unauthorized", with_request_id=False)


def missing_permission() -> ApiError:
    return ApiError(
        403,
        "missing_required_permission",
        "Missing permission",
        "User does not have a required permission to perform this operation.",
        with_request_id=False,
    )


def client_feature_is_off(feature: str) -> ApiError:
    """The project does not let client keys do this."""
    details = f"The project's setting client_{feature}_enabled is off."
    return ApiError(403, "forbidden", "Forbidden", details)


# --- what was sent cannot be read --------------------------------------------------------------


def malformed_json() -> ApiError:
    return ApiError(400, "Bad Request", "Invalid request payload JSON format", framework=True)


def body_too_large(limit_bytes: int) -> ApiError:
    message = f"Payload content length greater than maximum allowed: {limit_bytes}"
    # The rest of the body is not read, so the connection cannot carry another request.
    return ApiError(413, "Request Entity Too Large", message, framework=True, headers={"Connection": "close"})


def unsupported_media_type() -> ApiError:
    return ApiError(415, "Unsupported Media Type", "Unsupported Media Type", framework=True)


def not_acceptable() -> ApiError:
    return ApiError(406, "Not Acceptable", "Answers are application/json", framework=True)


def unknown_route() -> ApiError:
    return ApiError(404, "Not Found", "Not Found", framework=True)


def method_not_allowed(method: str, allowed: Iterable[str]) -> ApiError:
    names = sorted(allowed)
    return ApiError(
        405,
        None,
        "HTTP Method Not Allowed",
        f"{method} is not supported by this endpoint. Did you mean {' or '.join(names)}?",
        with_request_id=False,
        headers={"Allow": ", ".join(names)},
    )


def invalid_payload(details: str) -> ApiError:
    return ApiError(400, "invalid_payload", "Invalid payload", details)


def invalid_query_params(details: str) -> ApiError:
    return ApiError(400, "invalid_query_params", "Invalid query params", details)


def page_over_limit() -> ApiError:
    return ApiError(
        400,
        "page_over_limit",
        "Listing resource above 1000 page is not supported",
        "Property .page cannot be higher than 1000",
    )


def metadata_validation_failed(details: str) -> ApiError:
    return ApiError(400, "metadata_validation_failed", "Metadata validation failed", details)


# --- what is there, and what is there already ----------------------------------------------------


def not_found(resource_type: str, sent: str) -> ApiError:
    """404 for an object that is not there, in the bin, or another project's: all look the same."""
    return ApiError(
        404,
        "not_found",
        "Resource not found",
        f"Cannot find {resource_type} with id {sent}",
        resource_id=sent,
        resource_type=resource_type,
    )


def duplicate_found(resource_type: str, field: str, value: str) -> ApiError:
    return ApiError(
        409,
        "duplicate_found",
        "Duplicated resource found",
        f"Duplicated {resource_type} exists with {field} {value}",
        resource_id=value,
        resource_type=resource_type,
    )


def duplicate_codes(count: int) -> ApiError:
    return ApiError(400, "duplicate_key", "Duplicate codes", f"{count} voucher codes(s) already exist.")


def resource_in_use(
    resource_type: str, sent: str, related_type: str, related_ids: list[str], related_total: int
) -> ApiError:
    return ApiError(
        400,
        "resource_in_use",
        "Resource in use",
        f"Resource {resource_type} with id {sent} is in use by {related_type}s "
        f"with ids [{','.join(related_ids)}]",
        resource_id=sent,
        resource_type=resource_type,
        extra={
            "related_object_ids": related_ids,
            "related_object_type": related_type,
            "related_object_total": related_total,
        },
    )


# --- business refusals ---------------------------------------------------------------------------


def invalid_async_action(details: str) -> ApiError:
    return ApiError(400, "invalid_async_action", "Invalid async action", details)


def invalid_campaign(details: str) -> ApiError:
    return ApiError(400, "invalid_campaign", "Invalid Campaign", details)


def invalid_code_config(details: str) -> ApiError:
    return ApiError(400, "invalid_code_config", "Invalid code config", details)


def invalid_voucher(details: str) -> ApiError:
    return ApiError(400, "invalid_voucher", "Invalid Voucher", details)


def invalid_gift(details: str) -> ApiError:
    return ApiError(400, "invalid_gift", "Invalid gift", details)


def invalid_amount(details: str = "Amount has to be a valid positive number") -> ApiError:
    return ApiError(400, "invalid_amount", "Invalid Amount", details)


def invalid_add_balance_params(details: str) -> ApiError:
    return ApiError(400, "invalid_add_balance_params", "Invalid add balance params", details)


def gift_amount_exceeded(details: str) -> ApiError:
    return ApiError(400, "gift_amount_exceeded", "Gift amount exceeded", details)


def loyalty_card_points_exceeded(details: str) -> ApiError:
    return ApiError(400, "loyalty_card_points_exceeded", "Loyalty card points exceeded", details)


def limit_exceeded(details: str) -> ApiError:
    return ApiError(400, "invalid_campaign_params", "Invalid campaign params", details)


def invalid_export_fields(allowed: Iterable[str]) -> ApiError:
    details = f"Unsupported field used. Allowed fields: {', '.join(allowed)}"
    return ApiError(400, "invalid_export_fields", "Invalid Export", details)


def transactions_forbidden() -> ApiError:
    details = "Transactions are allowed only for loyalty or gift campaigns"
    return ApiError(403, "forbidden", "Forbidden", details)


def ambiguous_tracking_id(one: str, other: str) -> ApiError:
    return ApiError(
        400,
        "ambiguous_tracking_id",
        f"Ambiguous trackingId ('{one}' vs. '{other}')",
        "The customer cannot be identified as two different identifiers have been used between requests "
        "from same origin.",
    )


# --- publications --------------------------------------------------------------------------------


def missing_vouchers() -> ApiError:
    return ApiError(
        400,
        "missing_vouchers",
        "Missing vouchers",
        "Either Campaign or Voucher is required",
        with_request_id=False,
    )


def too_many_vouchers_requested() -> ApiError:
    return ApiError(
        400,
        "too_many_vouchers_requested",
        "Too many vouchers requested",
        "Only up to 1 can be published",
    )


def duplicate_source_id(source_id: str) -> ApiError:
    details = f"Publication with source_id: '{source_id}' already exists"
    return ApiError(400, "duplicate_source_id", "Duplicate source_id", details)


def voucher_already_published(voucher_id: str) -> ApiError:
    details = f"Voucher '{voucher_id}' has already been published"
    return ApiError(400, "voucher_already_published", "Voucher already published", details)


def voucher_cannot_be_published() -> ApiError:
    details = "Voucher cannot be published. Customer already joined program."
    return ApiError(400, "voucher_cannot_be_published", "Voucher cannot be published", details)


def no_voucher_suitable_for_publication() -> ApiError:
    return ApiError(
        400,
        "no_voucher_suitable_for_publication",
        "Couldn't find any voucher suitable for publication",
        "Couldn't create new vouchers for publication",
    )


# --- what is nobody's mistake -----------------------------------------------------------------------


def multiple_requests() -> ApiError:
    """Others kept undoing this transaction: nothing was done, the call can be repeated."""
    return ApiError(
        400,
        "multiple_requests",
        "Multiple requests",
        "Other requests are changing the same objects. Nothing was changed; try again.",
    )


def service_unavailable() -> ApiError:
    """The database cannot be reached just now."""
    return ApiError(
        503,
        "service_unavailable",
        "Service unavailable",
        "The database cannot be reached. Try again in a moment.",
        headers={"Retry-After": "1"},
    )


def no_room() -> ApiError:
    """The disk of the database is full. Reading works."""
    return ApiError(
        503,
        "service_unavailable",
        "Service unavailable",
        "The disk of the database is full. Nothing was changed; try again when there is room.",
        headers={"Retry-After": "60"},
    )


def outcome_unknown() -> ApiError:
    """The connection broke in the COMMIT. No Retry-After: repeating might do it twice."""
    return ApiError(
        503,
        "outcome_unknown",
        "Outcome unknown",
        "The database was lost while this was being saved. It is not known whether it was done: "
        "look before you repeat it.",
    )


def query_too_large() -> ApiError:
    return ApiError(
        400,
        "query_too_large",
        "Query too large",
        "The database needed too long for this. Nothing was changed; narrow the filters.",
    )


def internal_error() -> ApiError:
    return ApiError(
        500,
        "internal_error",
        "Internal error",
        "The server failed. Its log has the reason under this request_id.",
    )
