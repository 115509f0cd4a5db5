"""Every endpoint of the groups that are done is a row of the table, and was driven by the official client."""

from collections.abc import Collection
from pathlib import Path

import pytest

from openvoucher.app import OPERATIONS
from openvoucher.platform.http.operations import Operation
from sdk_client import driven
from wire_answers import ANSWERS

pytestmark = pytest.mark.slow

# By method: paths, with * for what a caller puts in.
ENDPOINTS = {
    "GET": """
        /v1/customers
        /v1/customers/*
        /v1/customers/*/activity
        /v1/customers/*/redeemables
        /v1/customers/*/segments
        /v1/segments
        /v1/segments/*
        /v1/segments/*/activities
        /v1/products
        /v1/products/*
        /v1/products/*/skus
        /v1/skus/*
        /v1/product-collections
        /v1/product-collections/*
        /v1/product-collections/*/products
        /v1/orders
        /v1/orders/*
        /v1/publications
        /v1/publications/create
        /v1/metadata-schemas
        /v1/metadata-schemas/*
        /v1/exports
        /v1/exports/*
        /management/v1/projects
        /management/v1/projects/*
        /management/v1/projects/*/metadata-schemas
        /management/v1/projects/*/metadata-schemas/*
        /management/v1/projects/*/custom-event-schemas
        /management/v1/projects/*/custom-event-schemas/*
    """,
    "POST": """
        /v1/customers
        /v1/customers/*/permanent-deletion
        /v1/customers/importCSV
        /v1/customers/bulk/async
        /v1/customers/metadata/async
        /v1/segments
        /v1/products
        /v1/products/*/skus
        /v1/products/bulk/async
        /v1/products/importCSV
        /v1/products/metadata/async
        /v1/skus/importCSV
        /v1/product-collections
        /v1/orders
        /v1/orders/export
        /v1/orders/import
        /v1/events
        /client/v1/events
        /v1/publications
        /v1/metadata-schemas
        /v1/exports
        /management/v1/projects/*/metadata-schemas
        /management/v1/projects/*/custom-event-schemas
    """,
    "PUT": """
        /v1/customers/*
        /v1/segments/*
        /v1/products/*
        /v1/products/*/skus/*
        /v1/orders/*
        /v1/metadata-schemas/*
        /management/v1/projects/*
        /management/v1/projects/*/metadata-schemas/*
        /management/v1/projects/*/custom-event-schemas/*
    """,
    "DELETE": """
        /v1/customers/*
        /v1/segments/*
        /v1/products/*
        /v1/products/*/skus/*
        /v1/product-collections/*
        /v1/metadata-schemas/*
        /v1/exports/*
        /management/v1/projects/*/metadata-schemas/*
        /management/v1/projects/*/custom-event-schemas/*
    """,
}
EXPECTED = [(method, path) for method, paths in ENDPOINTS.items() for path in paths.split()]


def blank(path: str) -> str:
    return "/".join("*" if segment.startswith("{") else segment for segment in path.split("/"))


def find_row(method: str, path: str) -> Operation | None:
    """The operation that a path as it was sent leads to: the one with the fewest parameters."""
    segments = path.rstrip("/").split("/")
    fitting = [
        row
        for row in OPERATIONS
        if row.method == method
        and len(names := row.path.split("/")) == len(segments)
        and all(
            name.startswith("{") or name == segment for name, segment in zip(names, segments, strict=True)
        )
    ]
    return min(fitting, key=lambda row: len(row.parameters), default=None)


def list_undriven(asked: Collection[tuple[str, str]]) -> list[str]:
    rows = [find_row(method, path) for method, path in asked]
    seen = {(row.method, blank(row.path)) for row in rows if row is not None}
    return [" ".join(endpoint) for endpoint in EXPECTED if endpoint not in seen]


def find_reason_to_skip(request: pytest.FixtureRequest) -> str | None:
    """Why it cannot be known what the contract tests drive; None: all of them ran before this test."""
    config = request.config
    if hasattr(config, "workerinput"):
        return "several processes share the contract tests"
    if config.option.keyword or any("::" in argument for argument in config.args):
        return "only some of the contract tests were chosen"
    here = Path(__file__)
    wanted = {path.name for path in here.parent.glob("test_*.py")} - {here.name}
    items = request.session.items
    before = items[: items.index(request.node)]
    missing = wanted - {item.path.name for item in before if item.path.parent == here.parent}
    return f"these did not run before: {', '.join(sorted(missing))}" if missing else None


@pytest.mark.parametrize(("method", "path"), EXPECTED, ids=[" ".join(endpoint) for endpoint in EXPECTED])
def test_an_endpoint_is_served_and_the_form_of_its_answer_is_written_down(method: str, path: str) -> None:
    assert (method, path) in {(row.method, blank(row.path)) for row in OPERATIONS}
    assert [
        status
        for known, known_path, status in ANSWERS
        if (known, known_path) == (method, path) and status < 400
    ]


def test_every_endpoint_was_driven(request: pytest.FixtureRequest) -> None:
    if reason := find_reason_to_skip(request):
        pytest.skip(reason)
    assert list_undriven(driven) == []


def test_an_endpoint_that_nobody_drove_is_missed() -> None:
    everything = [" ".join(endpoint) for endpoint in EXPECTED]

    assert list_undriven([]) == everything
    asked = [("GET", "/v1/customers/cust_1"), ("POST", "/v1/customers/importCSV"), ("GET", "/healthz")]
    assert {*everything} - {*list_undriven(asked)} == {"GET /v1/customers/*", "POST /v1/customers/importCSV"}


def test_a_path_leads_to_the_row_that_names_most_of_it() -> None:
    for method, path, template in (
        ("POST", "/v1/customers/importCSV", "/v1/customers/importCSV"),
        ("GET", "/v1/customers/cust_1", "/v1/customers/{customer_id}"),
        ("GET", "/v1/publications/create", "/v1/publications/create"),
        ("POST", "/v1/vouchers/A%2FB/", "/v1/vouchers/{code}"),
    ):
        row = find_row(method, path)
        assert row is not None
        assert row.path == template
    assert find_row("GET", "/v1/customers/a/b/c/d") is None
    assert find_row("PUT", "/v1/customers") is None
