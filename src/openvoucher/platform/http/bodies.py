"""Reads what a request carries: JSON with a limit, forms, and uploads that stream."""

import functools
import re
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any, Final

import falcon.asgi
import falcon.errors
import msgspec

from openvoucher.platform.http.violations import describe_violation
from openvoucher.wire import errors
from openvoucher.wire.query import parse_query

# Everything deeper than twice this is refused, nothing up to it is. What is taken in must be far from
# the depth at which the interpreter or PostgreSQL give up, or it could be stored and never be read.
MAX_DEPTH: Final = 100

_MAX_FORM_BYTES: Final = 65_536
_MAX_FORM_FIELDS: Final = 50

# PostgreSQL's text cannot hold it; an escaped backslash before the u means the six letters themselves.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_NO_NUL: Final = "Payload must not contain the character U+0000"

_NEITHER_BRACKET_NOR_QUOTE: Final = bytes(sorted({*range(256)} - {*b'[]{}"'}))


class ClientGone(Exception):
    """The connection broke before the body was complete: what has come in must not count as all of it."""


async def read_limited(request: falcon.asgi.Request, limit_bytes: int) -> bytes:
    """The body, refused at its announced length, or as soon as more has come in than `limit_bytes`."""
    if (request.content_length or 0) > limit_bytes:
        raise errors.body_too_large(limit_bytes)
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream:
        size += len(piece)
        if size > limit_bytes:
            raise errors.body_too_large(limit_bytes)
        pieces.append(piece)
    return b"".join(pieces)


async def read_json(
    request: falcon.asgi.Request, decoder: "msgspec.json.Decoder[Any]", *, limit_bytes: int, optional: bool
) -> Any:
    """The body decoded into the decoder's type. Raises ApiError."""
    data = await read_limited(request, limit_bytes)
    if data and not _is_json(request):
        raise errors.unsupported_media_type()
    if _is_too_deep(data):
        raise errors.malformed_json()
    if optional and not data.lstrip().startswith(b"{"):
        # Official clients send nothing, or a bare value, where a body is optional.
        _check_is_json(data)
        data = b"{}"
    if _NUL.search(data):
        raise errors.invalid_payload(_NO_NUL)
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise errors.invalid_payload(describe_violation(error, decoder.type)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise errors.malformed_json() from None


async def read_form(request: falcon.asgi.Request, model: Any, *, limit_bytes: int) -> Any:
    """A urlencoded body as `model`, whose fields all default to the empty string."""
    data = await read_limited(request, min(limit_bytes, _MAX_FORM_BYTES))
    if data and _media_type(request) != falcon.MEDIA_URLENCODED:
        raise errors.unsupported_media_type()
    try:
        values = urllib.parse.parse_qs(
            data.decode(), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, errors="strict"
        )
    except ValueError:
        raise errors.invalid_payload("Payload must be application/x-www-form-urlencoded") from None
    if any("\0" in items[0] for items in values.values()):
        raise errors.invalid_payload(_NO_NUL)
    return msgspec.convert({name: items[0] for name, items in values.items()}, model)


def read_query(request: falcon.asgi.Request, model: Any) -> Any:
    """The query string as `model`; numbers and booleans are read from their text. Where a list is
    meant, one value and values joined by commas are a list, too."""
    sent = parse_query(request.query_string)
    for name in _list_parameters(model) & sent.keys():
        if isinstance(sent[name], str):
            sent[name] = sent[name].split(",") if sent[name] else []
    try:
        return msgspec.convert(sent, model, strict=False)
    except msgspec.ValidationError as error:
        raise errors.invalid_query_params(describe_violation(error, model, noun="Query")) from None


class MultipartUpload:
    """The `file` part of a multipart body, and the fields that came before it."""

    def __init__(self, request: falcon.asgi.Request, limit_bytes: int) -> None:
        self.fields: dict[str, str] = {}
        self._request = request
        self._limit_bytes = limit_bytes

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes of the file as they arrive. Raises ApiError if there is no file, or too much;
        ClientGone if it ends in the middle."""
        limit = self._limit_bytes
        if limit and (self._request.content_length or 0) > limit + 65_536:
            raise errors.body_too_large(limit)
        if _media_type(self._request) != falcon.MEDIA_MULTIPART:
            raise errors.invalid_payload("Payload should have required property 'file'")
        # The framework looks its parser up by the exact spelling.
        parameters = (self._request.content_type or "").partition(";")[2]
        self._request.content_type = f"{falcon.MEDIA_MULTIPART};{parameters}"
        size = 0
        found = False
        try:
            form = await self._request.get_media()
            async for part in form:
                name = _name_part(part)
                if name != "file":
                    self.fields[name] = (await part.get_data()).decode("utf-8", "replace")
                    continue
                if found:
                    # Two files run together would be one with a header in its middle.
                    raise errors.invalid_payload("Payload must have one property 'file' only")
                found = True
                async for piece in part.stream:
                    size += len(piece)
                    if limit and size > limit:
                        raise errors.body_too_large(limit)
                    yield piece
        except falcon.errors.MediaMalformedError as error:
            raise _not_multipart(error.description or "unexpected form structure") from None
        except falcon.errors.HTTPInvalidHeader:
            raise _not_multipart("no valid boundary") from None
        except falcon.errors.MediaNotFoundError:
            pass
        if not found:
            raise errors.invalid_payload("Payload should have required property 'file'")


def _name_part(part: Any) -> str:
    """The name of a part; a part without one is a field that nobody asks for."""
    try:
        return part.name or ""
    except ValueError:
        raise _not_multipart("the name of a part is not UTF-8") from None


def _not_multipart(problem: str) -> errors.ApiError:
    return errors.invalid_payload(f"Payload is not valid multipart/form-data: {problem}")


def _media_type(request: falcon.asgi.Request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()


def _is_json(request: falcon.asgi.Request) -> bool:
    media_type = _media_type(request)
    return media_type in ("", "application/json") or media_type.endswith("+json")


def _check_is_json(data: bytes) -> None:
    if data.strip():
        try:
            msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise errors.malformed_json() from None


def _is_too_deep(data: bytes) -> bool:
    """Whether arrays and objects are nested too deep. Costs a tenth of decoding, and next to nothing
    for the bodies that have few of them. Of what is no JSON at all it says anything."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = data.translate(None, _NEITHER_BRACKET_NOR_QUOTE).replace(b'""', b"")
    if b'"' in brackets:
        # What is between quotes is text: every second piece.
        brackets = b"".join(brackets.split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        # One round takes away the innermost level, sometimes two.
        remaining = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(remaining) == len(brackets):
            break
        brackets = remaining
    return bool(brackets)


@functools.cache
def _list_parameters(model: Any) -> frozenset[str]:
    """The parameters of a query that are lists and nothing else."""
    struct = msgspec.inspect.type_info(model)
    assert isinstance(struct, msgspec.inspect.StructType)  # noqa: S101 - rows have Structs for queries
    return frozenset(field.encode_name for field in struct.fields if _is_list(field.type))


def _is_list(type: msgspec.inspect.Type) -> bool:
    if isinstance(type, msgspec.inspect.Metadata):
        return _is_list(type.type)
    members = type.types if isinstance(type, msgspec.inspect.UnionType) else (type,)
    kinds = {member.__class__ for member in members}
    return msgspec.inspect.ListType in kinds and msgspec.inspect.StrType not in kinds
