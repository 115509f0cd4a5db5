"""The table of operations: one row an operation, everything else is made from it.

A row names method, path, who may call, what comes in and goes out, and the function that does it.
The function is called as `run(call, <path parameters>, body=…, query=…, upload=…, watch=…)`, the
last four only when the row has them. It returns a Struct, None (no content), or an `Answer`.
"""

import dataclasses
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal, Protocol

Method = Literal["GET", "POST", "PUT", "DELETE"]
Access = Literal["server", "client", "management", "keys only", "public"]

# Of operations that are about no resource.
SERVER_TAG: Final = "server"

EVENT_STREAM: Final = "text/event-stream"

_PARAMETER = re.compile(r"\{(\w+)\}")


class Upload(Protocol):
    """A file that is being uploaded; read once, in pieces, never held as a whole."""

    fields: dict[str, str]

    def pieces(self) -> AsyncIterator[bytes]: ...


class Watch(Protocol):
    """How long the caller looks on.

    wait_seconds: it wants the answer when the object has ended, at the latest then; None: at once.
    wants_events: it wants server-sent events.
    """

    @property
    def wait_seconds(self) -> int | None: ...

    @property
    def wants_events(self) -> bool: ...

    async def pause(self, seconds: float) -> bool:
        """Let time pass. False, at once, when nobody looks on any more or the server stops."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose status, type or headers differ from the row's.

    `body` is a Struct, bytes (sent as they are), an async iterator of bytes (streamed), or None.
    """

    body: Any = None
    status: int | None = None
    media_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row.

    access: `server` takes a server key pair or a bearer with `scope`; `client` a client key pair or
    such a bearer, from a page that the project trusts; `keys only` the server key pair alone (the OAuth
    endpoints); `management` the management pair; `public` nobody's.
    link_token: a query parameter that is the key to this one object, as it stands in links. A request that
    has it needs no other key, and `run` is given the database instead of a call.
    client_feature: what a project must have switched on for its clients (`client_…_enabled`).
    body: type of the JSON body. body_optional: absent, empty or not an object counts as {}.
    form: type of a urlencoded body. upload: multipart with a part called `file`.
    watchable: callers may wait for the end of an object (`Prefer: wait=20`) or have it streamed
    (`Accept: text/event-stream`).
    large_body: the limit of JSON imports holds instead of the general one.
    has_effects: of a GET that changes something. HEAD, with which link checkers look around, is refused.
    answers: further statuses with their type, for the OpenAPI document.
    """

    method: Method
    path: str
    run: Callable[..., Awaitable[Any]]
    summary: str
    answer: Any = None
    status: int = 200
    access: Access = "server"
    scope: str = ""
    client_feature: str = ""
    link_token: str = ""
    body: Any = None
    body_optional: bool = False
    large_body: bool = False
    form: Any = None
    upload: bool = False
    watchable: bool = False
    has_effects: bool = False
    query: Any = None
    answers: dict[int, Any] = dataclasses.field(default_factory=dict)
    media_type: str = "application/json"

    def __post_init__(self) -> None:
        if not self.scope and self.access in ("server", "client"):
            # The contract's rule: the scope is the first path segment after /v1/, or client_ and that
            # after /client/v1/.
            segments = self.path.split("/")
            scope = segments[2] if self.access == "server" else f"client_{segments[3]}"
            object.__setattr__(self, "scope", scope)
        self._check_function()

    @property
    def name(self) -> str:
        """The function's name: the same word in the log, the document and the tests."""
        return self.run.__name__

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    @property
    def tag(self) -> str:
        """The resource: the first segment behind /v1/, /client/v1/, /api/v1/ …; SERVER_TAG for
        what concerns none."""
        _, found, tail = self.path.partition("/v")
        version, _, resource = tail.partition("/")
        return resource.partition("/")[0] if found and version.isdigit() and resource else SERVER_TAG

    def _check_function(self) -> None:
        # A wrong row stops the import, not a request at night.
        wanted = {*self.parameters}
        wanted |= {"body"} if self.body is not None or self.form is not None else set()
        wanted |= {"query"} if self.query is not None else set()
        wanted |= {"upload"} if self.upload else set()
        wanted |= {"watch"} if self.watchable else set()
        given = list(inspect.signature(self.run).parameters)
        if not given or {*given[1:]} != wanted:
            raise TypeError(
                f"{self.method} {self.path}: {self.name} takes {given[1:]}, needs {sorted(wanted)}"
            )
