"""Rows of the table: what they know of themselves, and which cannot exist."""

import inspect
import re
from typing import Any

import msgspec
import pytest

from openvoucher.platform.http.operations import SERVER_TAG, Operation, Upload, Watch


class Body(msgspec.Struct):
    a: int = 0


async def get_thing(call: Any, code: str) -> None: ...


def make_row(path: str, **options: Any) -> Operation:
    """A row whose function takes the parameters of the path."""
    names = re.findall(r"\{(\w+)\}", path)

    async def do(call: Any, **_: str) -> None: ...

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in ("call", *names)]
    do.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return Operation(method="GET", path=path, run=do, summary="", **options)


def test_the_name_of_an_operation_is_that_of_its_function() -> None:
    row = Operation(method="GET", path="/v1/things/{code}", run=get_thing, summary="")

    assert (row.name, row.parameters) == ("get_thing", ["code"])


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("/v1/vouchers", "vouchers"),
        ("/v1/vouchers/{code}/balance", "vouchers"),
        ("/v2/oauth/token", "oauth"),
        ("/client/v1/redemptions", "redemptions"),
        ("/management/v1/projects/{project_id}/webhooks", "projects"),
        ("/api/v1/assets/qr/{asset_id}", "assets"),
        ("/healthz", SERVER_TAG),
        ("/vouchers", SERVER_TAG),
        ("/", SERVER_TAG),
    ],
)
def test_the_tag_is_the_resource(path: str, tag: str) -> None:
    assert make_row(path, access="public").tag == tag


@pytest.mark.parametrize(
    ("path", "options", "scope"),
    [
        ("/v1/vouchers/{code}/balance", {}, "vouchers"),
        ("/v1/trash-bin", {}, "trash-bin"),
        ("/v1/vouchers", {"scope": "campaigns"}, "campaigns"),
        ("/v2/loyalties", {}, "loyalties"),
        ("/client/v1/events", {"access": "client"}, "client_events"),
        ("/client/v1/promotions/tiers", {"access": "client"}, "client_promotions"),
        ("/v1/oauth/token", {"access": "keys only"}, ""),
        ("/management/v1/projects", {"access": "management"}, ""),
        ("/healthz", {"access": "public"}, ""),
    ],
)
def test_the_scope_of_an_operation_is_the_segment_behind_the_version(
    path: str, options: dict[str, Any], scope: str
) -> None:
    assert make_row(path, **options).scope == scope


async def take_nothing() -> None: ...
async def take_body(call: Any, body: Body) -> None: ...
async def take_query(call: Any, query: Body) -> None: ...
async def take_upload(call: Any, upload: Upload) -> None: ...
async def take_watch(call: Any, watch: Watch) -> None: ...


@pytest.mark.parametrize(
    ("run", "path", "options"),
    [
        (take_nothing, "/v1/things", {}),
        (get_thing, "/v1/things", {}),
        (get_thing, "/v1/things/{id}", {}),
        (get_thing, "/v1/things/{code}", {"body": Body}),
        (take_body, "/v1/things", {}),
        (take_body, "/v1/things", {"query": Body}),
        (take_query, "/v1/things", {}),
        (take_upload, "/v1/things", {}),
        (take_watch, "/v1/things", {}),
    ],
)
def test_a_function_that_does_not_fit_its_row_stops_the_import(
    run: Any, path: str, options: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match=r"takes|needs"):
        Operation(method="POST", path=path, run=run, summary="", **options)


@pytest.mark.parametrize(
    ("run", "options"),
    [
        (take_body, {"body": Body}),
        (take_body, {"form": Body}),
        (take_query, {"query": Body}),
        (take_upload, {"upload": True}),
        (take_watch, {"watchable": True}),
    ],
)
def test_a_function_that_fits_is_a_row(run: Any, options: dict[str, Any]) -> None:
    assert Operation(method="POST", path="/v1/things", run=run, summary="", **options).run is run
