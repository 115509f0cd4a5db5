"""The shape of error bodies: order of fields, and nothing that says nothing."""

from typing import Any

import pytest

from openvoucher.wire import errors
from openvoucher.wire.errors import ApiError

BODIES: list[tuple[ApiError, dict[str, Any]]] = [
    (errors.unauthorized(), {"code": 401, "key": "unauthorized", "message": "Unauthorized"}),
    (
        errors.missing_permission(),
        {
            "code": 403,
            "key": "missing_required_permission",
            "message": "Missing permission",
            "details": "User does not have a required permission to perform this operation.",
        },
    ),
    (
        errors.invalid_async_action("The async action has ended already."),
        {
            "code": 400,
            "key": "invalid_async_action",
            "message": "Invalid async action",
            "details": "The async action has ended already.",
            "request_id": "v-1",
        },
    ),
    (
        errors.malformed_json(),
        {
            "statusCode": 400,
            "error": "Bad Request",
            "message": "Invalid request payload JSON format",
        },
    ),
    (
        errors.body_too_large(10485760),
        {
            "statusCode": 413,
            "error": "Request Entity Too Large",
            "message": "Payload content length greater than maximum allowed: 10485760",
        },
    ),
    (
        errors.method_not_allowed("PUT", ["POST", "GET"]),
        {
            "code": 405,
            "message": "HTTP Method Not Allowed",
            "details": "PUT is not supported by this endpoint. Did you mean GET or POST?",
        },
    ),
    (
        errors.not_found("voucher", "SPRING"),
        {
            "code": 404,
            "key": "not_found",
            "message": "Resource not found",
            "details": "Cannot find voucher with id SPRING",
            "request_id": "v-1",
            "resource_id": "SPRING",
            "resource_type": "voucher",
        },
    ),
    (
        errors.duplicate_found("campaign", "name", "Spring sale"),
        {
            "code": 409,
            "key": "duplicate_found",
            "message": "Duplicated resource found",
            "details": "Duplicated campaign exists with name Spring sale",
            "request_id": "v-1",
            "resource_id": "Spring sale",
            "resource_type": "campaign",
        },
    ),
    (
        errors.duplicate_codes(2),
        {
            "code": 400,
            "key": "duplicate_key",
            "message": "Duplicate codes",
            "details": "2 voucher codes(s) already exist.",
            "request_id": "v-1",
        },
    ),
    (
        errors.page_over_limit(),
        {
            "code": 400,
            "key": "page_over_limit",
            "message": "Listing resource above 1000 page is not supported",
            "details": "Property .page cannot be higher than 1000",
            "request_id": "v-1",
        },
    ),
    (
        errors.resource_in_use("category", "cat_1", "validation_rules", ["a", "b"], 2),
        {
            "code": 400,
            "key": "resource_in_use",
            "message": "Resource in use",
            "details": "Resource category with id cat_1 is in use by validation_ruless with ids [a,b]",
            "request_id": "v-1",
            "resource_id": "cat_1",
            "resource_type": "category",
            "related_object_ids": ["a", "b"],
            "related_object_type": "validation_rules",
            "related_object_total": 2,
        },
    ),
]


@pytest.mark.parametrize(("error", "body"), BODIES, ids=lambda value: getattr(value, "key", None))
def test_the_body_is_the_contract_s_to_the_letter(error: ApiError, body: dict[str, Any]) -> None:
    assert error.body("v-1") == body
    assert list(error.body("v-1")) == list(body)
    assert error.status == body.get("code", body.get("statusCode"))
