"""A small API of its own, so that tests say what the HTTP core does and no resource can hide it.

`Asker` drives its ASGI application event by event: it can send bytes that no client library lets
through, count how much of a body was taken, and hang up in the middle.
"""

import dataclasses
import socket
import urllib.parse
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.platform.call import Call, Caller, Project
from openvoucher.platform.db import Database, DatabaseUnavailable
from openvoucher.platform.http.operations import Answer, Operation, Upload, Watch
from openvoucher.platform.http.server import make_http_app
from openvoucher.settings import Settings
from openvoucher.wire import errors

LIMIT_BYTES = 10_485_760
IMPORT_LIMIT_BYTES = 67_108_864
KEYS = [(b"x-app-id", b"id"), (b"x-app-token", b"secret")]
JSON_TYPE = (b"content-type", b"application/json")

PROJECT = Project(
    id=1, uid=UUID(int=1), name="toys", timezone=ZoneInfo("UTC"), currency="USD", asset_key=bytes(64)
)


class Part(msgspec.Struct):
    id: str


class Thing(msgspec.Struct, kw_only=True):
    name: str
    count: int = 0
    weight: float = 0.0
    colour: Literal["red", "blue"] = "red"
    parts: list[Part] = []
    metadata: dict[str, Any] = {}
    note: str | None | UnsetType = UNSET


class Note(msgspec.Struct):
    text: str = "none was sent"


class Form(msgspec.Struct):
    grant_type: str = ""
    scope: str = ""


class ThingQuery(msgspec.Struct, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    active: bool | None = None
    name: str = ""
    ids: Annotated[list[str], Meta(description="Only these.")] = []
    numbers: list[int] = []


class Seen(msgspec.Struct):
    value: Any
    channel: str = ""
    base_url: str = ""


@dataclasses.dataclass
class Diary:
    """What the operations did: a refused request must leave no entry."""

    entries: list[Any] = dataclasses.field(default_factory=list)


def make_toys(diary: Diary) -> list[Operation]:
    async def get_thing(call: Call, code: str) -> Seen:
        diary.entries.append(code)
        return Seen(code, call.channel, call.base_url)

    async def list_things(call: Call, query: ThingQuery) -> ThingQuery:
        diary.entries.append(query)
        return query

    async def create_thing(call: Call, body: Thing) -> Thing:
        diary.entries.append(body)
        return body

    async def delete_thing(call: Call, code: str) -> None:
        diary.entries.append(code)

    async def enable_thing(call: Call, code: str, body: Note) -> Note:
        diary.entries.append(body)
        return body

    async def import_things(call: Call, body: list[Thing]) -> Seen:
        diary.entries.append(len(body))
        return Seen(len(body))

    async def upload_things(call: Call, upload: Upload) -> Seen:
        size = 0
        async for piece in upload.pieces():
            size += len(piece)
        diary.entries.append(size)
        return Seen({"bytes": size, "fields": upload.fields})

    async def watch_thing(call: Call, code: str, watch: Watch) -> Seen:
        diary.entries.append(code)
        return Seen({"wait_seconds": watch.wait_seconds, "wants_events": watch.wants_events})

    async def issue_token(call: Call, body: Form) -> Form:
        diary.entries.append(body)
        return body

    async def fail(call: Call, kind: str) -> Any:
        match kind:
            case "unknown":
                raise RuntimeError("password=hunter2 in postgresql://ov:hunter2@10.0.0.7/ov")
            case "unavailable":
                raise DatabaseUnavailable("could not connect to 10.0.0.7")
            case "refused":
                raise errors.not_found("thing", kind)
            case "unencodable":
                return Seen(object())
            case "split":
                return Answer(Seen(1), headers={"X-Name": "a\r\nSet-Cookie: b=c"})
            case "foreign":
                return Answer(Seen(1), headers={"X-Name": "zażółć"})
            case _:
                return Answer(Seen(kind), headers={"X-Name": "plain"})

    async def download_rows(db: Database) -> Answer:
        async def rows() -> AsyncIterator[bytes]:
            try:
                for number in range(3):
                    yield b"%d\n" % number
            finally:
                diary.entries.append("rows closed")

        return Answer(rows(), media_type="text/csv; charset=utf-8")

    return [
        Operation(method="GET", path="/v1/things", run=list_things, summary="", query=ThingQuery, answer=Any),
        Operation(method="POST", path="/v1/things", run=create_thing, summary="", body=Thing, answer=Thing),
        Operation(method="GET", path="/v1/things/{code}", run=get_thing, summary="", answer=Seen),
        Operation(
            method="GET",
            path="/v1/things/{code}/watch",
            run=watch_thing,
            summary="",
            watchable=True,
            answer=Seen,
        ),
        Operation(method="DELETE", path="/v1/things/{code}", run=delete_thing, summary="", status=204),
        Operation(
            method="POST",
            path="/v1/things/{code}/enable",
            run=enable_thing,
            summary="",
            body=Note,
            body_optional=True,
            answer=Note,
        ),
        Operation(
            method="POST",
            path="/v1/things/import",
            run=import_things,
            summary="",
            body=list[Thing],
            large_body=True,
            answer=Seen,
        ),
        Operation(
            method="POST", path="/v1/things/upload", run=upload_things, summary="", upload=True, answer=Seen
        ),
        Operation(
            method="POST",
            path="/v1/oauth/token",
            run=issue_token,
            summary="",
            access="keys only",
            form=Form,
            answer=Form,
        ),
        Operation(method="GET", path="/v1/faults/{kind}", run=fail, summary="", answer=Seen),
        Operation(
            method="GET", path="/rows", run=download_rows, summary="", access="public", media_type="text/csv"
        ),
    ]


async def authenticate(_: Operation, header: Callable[[str], str | None], now: datetime) -> Caller:
    if (header("X-App-Id"), header("X-App-Token")) != ("id", "secret"):
        raise errors.unauthorized()
    return Caller(project=PROJECT, key_id=UUID(int=2), kind="server", app_id="id")


def make_toy_app(diary: Diary, settings: Settings | None = None) -> Any:
    # The address is never connected to: no toy has a table.
    db = Database("postgresql://nobody@127.0.0.1:1/none")
    return make_http_app(make_toys(diary), db=db, settings=settings or Settings(), authenticate=authenticate)


@dataclasses.dataclass
class ToyServer:
    """The toys behind a socket."""

    port: int
    diary: Diary

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@dataclasses.dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    taken_bytes: int
    """How much of the request's body the application asked for before it answered."""
    asked_past_end: bool
    """Whether it asked for more of a body that had ended, which a server lets wait."""

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclasses.dataclass
class Asker:
    app: Any

    async def __call__(
        self,
        method: str,
        target: bytes | str,
        *,
        json: Any = UNSET,
        body: bytes | Iterable[bytes] = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
        keys: bool = True,
        hang_up: bool = False,
    ) -> Reply:
        """`target`: path and query as sent. `hang_up`: the client is gone after `body`, before its end."""
        if json is not UNSET:
            body = msgspec.json.encode(json)
        sent = [*(KEYS if keys else []), *headers]
        names = {name for name, _ in sent}
        pieces: Iterable[bytes] = [body] if isinstance(body, bytes) else body
        if isinstance(body, bytes) and b"content-length" not in names:
            sent.append((b"content-length", b"%d" % len(body)))
        if b"content-type" not in names:
            sent.append(JSON_TYPE)
        if b"host" not in names:
            sent.append((b"host", b"toys.test"))
        raw_path, _, query = (target if isinstance(target, bytes) else target.encode()).partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": urllib.parse.unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": sent,
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1234),
        }
        events = _list_events(pieces, hang_up)
        taken = 0
        has_ended = asked_past_end = False
        sent_events: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            nonlocal taken, has_ended, asked_past_end
            asked_past_end |= has_ended
            event = next(events)
            has_ended = not event.get("more_body", False)
            if not sent_events:
                taken += len(event.get("body", b""))
            return event

        async def send(event: Any) -> None:
            sent_events.append(event)

        await self.app(scope, receive, send)
        start = sent_events[0]
        return Reply(
            status=start["status"],
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]},
            body=b"".join(event.get("body", b"") for event in sent_events[1:]),
            taken_bytes=taken,
            asked_past_end=asked_past_end,
        )


def _list_events(pieces: Iterable[bytes], hang_up: bool) -> Iterator[dict[str, Any]]:
    held: bytes | None = None
    for piece in pieces:
        if held is not None:
            yield {"type": "http.request", "body": held, "more_body": True}
        held = piece
    yield {"type": "http.request", "body": held or b"", "more_body": hang_up}
    while True:
        yield {"type": "http.disconnect"}
