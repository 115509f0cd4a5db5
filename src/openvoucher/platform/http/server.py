"""The ASGI application: makes Falcon routes of the table of operations, and answers of results."""

import asyncio
import logging
import os
import re
import time
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import falcon
import falcon.asgi
import falcon.media
import msgspec

from openvoucher.platform.call import Call, Caller
from openvoucher.platform.db import (
    CommitUnknown,
    Database,
    DatabaseFull,
    DatabaseUnavailable,
    StatementTimeout,
    TransactionConflict,
)
from openvoucher.platform.http.bodies import ClientGone, MultipartUpload, read_form, read_json, read_query
from openvoucher.platform.http.cross_origin import allow_origin, allow_preflight, is_trusted_origin
from openvoucher.platform.http.exchange import EXCHANGE_KEY, Exchange
from openvoucher.platform.http.operations import EVENT_STREAM, Answer, Operation
from openvoucher.platform.http.watching import RequestWatch, read_wait_seconds
from openvoucher.platform.observability import request_id_of_context
from openvoucher.settings import Settings
from openvoucher.wire import errors
from openvoucher.wire.ids import new_request_id

log = logging.getLogger("openvoucher.http")

JSON = "application/json; charset=utf-8"

_ATTEMPTS = 5

Authenticate = Callable[[Operation, Callable[[str], str | None], datetime], Awaitable[Caller]]
"""(operation, header by name, now) → who calls. Raises ApiError 401 or 403."""

_encoder = msgspec.json.Encoder()

# What a proxy or a caller says of the address: it ends up in links.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:\[\]-]+(?:/[A-Za-z0-9._~/-]*)?")


def make_http_app(
    operations: Iterable[Operation], *, db: Database, settings: Settings, authenticate: Authenticate
) -> "RawPath":
    """The ASGI application for these operations, without start-up or shutdown work."""
    app = falcon.asgi.App(middleware=[_Log()])
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.auto_parse_qs_csv = False
    app.req_options.media_handlers[falcon.MEDIA_MULTIPART] = _multipart_handler()
    app.resp_options.default_media_type = JSON
    app.add_error_handler(Exception, _answer_unknown_fault)
    app.add_error_handler(DatabaseUnavailable, _answer_unavailable)
    app.add_error_handler(CommitUnknown, _answer_unavailable)
    app.add_error_handler(StatementTimeout, _answer_timeout)
    app.add_error_handler(ClientGone, _answer_nobody)
    app.add_error_handler(errors.ApiError, _answer_api_error)
    app.add_error_handler(falcon.HTTPError, _answer_framework_error)
    by_path: dict[str, list[Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    for path, rows in by_path.items():
        responders = {
            f"on_{operation.method.lower()}": _make_responder(operation, db, settings, authenticate)
            for operation in rows
        }
        if len(responders) != len(rows):
            raise TypeError(f"{path}: one method twice")
        if "on_get" in responders and not any(row.has_effects for row in rows):
            # The framework leaves the body out.
            responders["on_head"] = responders["on_get"]
        if rows[0].access == "client":
            responders["on_options"] = _answer_preflight
        app.add_route(path, type("Resource", (), {"methods": [row.method for row in rows], **responders})())
    return RawPath(app)


class RawPath:
    """The outermost layer. Routes on the path as it was sent: an encoded slash in a code is not a
    slash of the path; the responders decode each parameter once. Answers for the framework where
    that gives up.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id_of_context.set(new_request_id())
        raw = scope.get("raw_path") or urllib.parse.quote(scope["path"]).encode()
        query = scope["query_string"]
        exchange = Exchange(scope, receive, send)
        scope = {**scope, EXCHANGE_KEY: exchange}
        if b"%" in raw or not raw.isascii() or not query.isascii():
            scope["path"] = _to_ascii(raw.partition(b"?")[0]).decode()
            scope["query_string"] = _to_ascii(query)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            if exchange.has_started:
                # Too late to say so: the server cuts the answer off, which the client can see.
                raise
            log.exception("%s %s failed in the framework", scope["method"], scope["path"])
            await _send_internal_error(send)
        finally:
            exchange.close()


def _to_ascii(raw: bytes) -> bytes:
    """Bytes that should have been percent-encoded, percent-encoded."""
    return (
        raw if raw.isascii() else b"".join(b"%%%02X" % byte if byte > 127 else b"%c" % byte for byte in raw)
    )


async def _send_internal_error(send: Any) -> None:
    request_id = request_id_of_context.get()
    body = _encoder.encode(errors.internal_error().body(request_id))
    headers = [
        (b"content-type", JSON.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Log:
    async def process_request(self, request: falcon.asgi.Request, _response: falcon.asgi.Response) -> None:
        request.context.started = time.perf_counter()

    async def process_response(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        _resource: object,
        _succeeded: bool,
    ) -> None:
        response.set_header("X-Request-Id", request_id_of_context.get())
        response.set_header("X-Content-Type-Options", "nosniff")
        # The JavaScript client parses both of every answer. No limit is in force.
        response.set_header("X-Rate-Limit-Limit", "1000000")
        response.set_header("X-Rate-Limit-Remaining", "1000000")
        # A method that the framework refuses comes here without having been seen above.
        started = getattr(request.context, "started", time.perf_counter())
        log.info(
            "%s %s %s",
            request.method,
            request.path,
            response.status_code,
            extra={
                "request_id": request_id_of_context.get(),
                "duration_ms": round((time.perf_counter() - started) * 1000, 2),
            },
        )


def _make_responder(
    operation: Operation, db: Database, settings: Settings, authenticate: Authenticate
) -> Callable[..., Awaitable[None]]:
    decoder = msgspec.json.Decoder(operation.body) if operation.body is not None else None
    limit_bytes = settings.max_json_import_bytes if operation.large_body else settings.max_body_bytes

    async def respond(
        _self: object, request: falcon.asgi.Request, response: falcon.asgi.Response, **parameters: str
    ) -> None:
        has_token = bool(operation.link_token and request.get_param(operation.link_token))
        # What a link opens is not JSON, and whether the token opens it is not known yet.
        if not operation.link_token:
            _check_accept(operation, request)
        now = datetime.now(UTC)
        arguments: dict[str, Any] = {name: _decode_once(text) for name, text in parameters.items()}
        if operation.access == "public" or has_token:
            context: Any = db
        else:
            if operation.access == "client":
                response.append_header("Vary", "Origin")
            caller = await authenticate(operation, request.get_header, now)
            if operation.access == "client":
                _check_client(operation, caller, request, response)
            context = Call(
                caller=caller,
                db=db,
                settings=settings,
                now=now,
                request_id=request_id_of_context.get(),
                channel=request.get_header("X-Voucherify-Channel")
                or ("CLIENT_API" if operation.access == "client" else "API"),
                base_url=settings.public_url.rstrip("/") or _find_address(request),
            )
        if operation.query is not None:
            arguments["query"] = read_query(request, operation.query)
        if decoder is not None:
            arguments["body"] = await read_json(
                request, decoder, limit_bytes=limit_bytes, optional=operation.body_optional
            )
        elif operation.form is not None:
            arguments["body"] = await read_form(request, operation.form, limit_bytes=limit_bytes)
        elif operation.upload:
            arguments["upload"] = MultipartUpload(request, settings.max_csv_import_bytes)
        if operation.watchable:
            arguments["watch"] = RequestWatch(
                request.scope[EXCHANGE_KEY],
                wait_seconds=read_wait_seconds(request.get_header("Prefer")),
                wants_events=_prefers_events(request),
            )
        _write_answer(operation, await _run(operation, context, arguments), request, response)

    return respond


def _check_client(
    operation: Operation, caller: Caller, request: falcon.asgi.Request, response: falcon.asgi.Response
) -> None:
    """Whether the page is one of the project's, and may do this. From here on it can read what is answered.
    Raises ApiError 401 or 403."""
    origin = request.get_header("Origin") or ""
    if not is_trusted_origin(origin, caller.project.client_trusted_domains):
        raise errors.unauthorized()
    response.set_headers(allow_origin(origin))
    feature = operation.client_feature
    if feature and feature not in caller.project.client_features:
        raise errors.client_feature_is_off(feature)


async def _answer_preflight(
    _self: object, request: falcon.asgi.Request, response: falcon.asgi.Response, **_parameters: str
) -> None:
    response.status = 204
    response.set_headers(allow_preflight(request.get_header("Origin")))


async def _run(operation: Operation, context: Any, arguments: dict[str, Any]) -> Any:
    """The operation, again where the database undid it for another's sake; it has no effect elsewhere.

    An upload can be read only once, and its transactions are short inserts that conflict with none.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await operation.run(context, **arguments)
        except TransactionConflict:
            if attempt == _ATTEMPTS or operation.upload:
                raise errors.multiple_requests() from None
            # Two that met once should not meet again.
            await asyncio.sleep(int.from_bytes(os.urandom(1), "big") / 256 * 0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _write_answer(
    operation: Operation, result: Any, request: falcon.asgi.Request, response: falcon.asgi.Response
) -> None:
    answer = result if isinstance(result, Answer) else Answer(result)
    response.status = answer.status or operation.status
    for name, value in answer.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the header {name} cannot be {value!r}")
        response.set_header(name, value)
    if response.status_code == 204:
        return
    response.content_type = answer.media_type
    if answer.media_type.startswith("text/csv") and not request.client_accepts("text/csv"):
        # Official clients ask for plain text, and read nothing else.
        response.content_type = "text/plain; charset=utf-8"
    if isinstance(answer.body, AsyncIterator):
        response.stream = answer.body
    elif isinstance(answer.body, bytes):
        response.data = answer.body
    elif answer.body is not None:
        response.data = _encoder.encode(answer.body)
    elif answer.media_type == JSON:
        response.data = b"{}"


def _decode_once(text: str) -> str:
    """A path parameter as the caller meant it. What no object can be called is an unknown route."""
    try:
        decoded = urllib.parse.unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise errors.unknown_route() from None
    if "\x00" in decoded:
        raise errors.unknown_route()
    return decoded


def _find_address(request: falcon.asgi.Request) -> str:
    """How the caller reached this server, as far as the request tells."""
    for address in (request.forwarded_prefix, request.prefix):
        if _ADDRESS.fullmatch(address):
            return address.rstrip("/")
    return ""


def _check_accept(operation: Operation, request: falcon.asgi.Request) -> None:
    if operation.media_type != "application/json" or request.client_accepts("application/json"):
        return
    if not (operation.watchable and request.client_accepts(EVENT_STREAM)):
        raise errors.not_acceptable()


def _prefers_events(request: falcon.asgi.Request) -> bool:
    """Only who likes events better than JSON gets them: `*/*` says nothing of them."""
    try:
        events, document = (
            falcon.mediatypes.quality(media_type, request.accept)
            for media_type in (EVENT_STREAM, "application/json")
        )
    except ValueError:
        return False
    return events > document


def _multipart_handler() -> falcon.media.MultipartFormHandler:
    handler = falcon.media.MultipartFormHandler()
    handler.parse_options.max_body_part_count = 64
    return handler


# --- errors --------------------------------------------------------------------------------------


async def _answer_api_error(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, _params: Any
) -> None:
    assert isinstance(error, errors.ApiError)  # noqa: S101
    response.status = error.status
    response.content_type = JSON
    for name, value in error.headers.items():
        response.set_header(name, value)
    # Nobody sees the log's request id differ from the one in the body.
    response.data = _encoder.encode(error.body(request_id_of_context.get()))


async def _answer_framework_error(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, params: Any
) -> None:
    assert isinstance(error, falcon.HTTPError)  # noqa: S101
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        allowed = {*dict(error.headers or {})["Allow"].split(", ")} - {"HEAD", "OPTIONS"}
        mapped = errors.method_not_allowed(request.method, allowed)
    elif error.status_code == 404:
        mapped = errors.unknown_route()
    elif error.status_code == 415:
        mapped = errors.unsupported_media_type()
    else:
        message = error.description or error.title or "Bad Request"
        mapped = errors.ApiError(error.status_code, error.title, message, framework=True)
    await _answer_api_error(request, response, mapped, params)


async def _answer_unavailable(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, params: Any
) -> None:
    if isinstance(error, CommitUnknown):
        answer = errors.outcome_unknown()
    else:
        answer = errors.no_room() if isinstance(error, DatabaseFull) else errors.service_unavailable()
    log.error("%s %s: %s %s", request.method, request.path, answer.details, error)
    await _answer_api_error(request, response, answer, params)


async def _answer_timeout(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, params: Any
) -> None:
    log.warning("the database needed too long: %s", error)
    await _answer_api_error(request, response, errors.query_too_large(), params)


async def _answer_nobody(
    request: falcon.asgi.Request, response: falcon.asgi.Response, _error: Exception, _params: Any
) -> None:
    log.info("%s %s: the client went away in the middle of its body", request.method, request.path)
    response.status = 400


async def _answer_unknown_fault(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, params: Any
) -> None:
    if isinstance(error, falcon.HTTPStatus):
        raise error
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    await _answer_api_error(request, response, errors.internal_error(), params)
