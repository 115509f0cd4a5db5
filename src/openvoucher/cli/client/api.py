"""Requests of a command: reads are repeated until there is an answer, writes are sent once."""

import contextlib
import email.utils
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import msgspec

from openvoucher import __version__
from openvoucher.cli.client.connection import Connection
from openvoucher.cli.client.display import show_text
from openvoucher.cli.options import CommandFailed

_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 30.0
# A server that is busy takes an upload slowly, and one that has it may have to check it first.
_UPLOAD_WRITE_SECONDS: Final = 120.0
_UPLOAD_READ_SECONDS: Final = 300.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 15.0


class Refused(CommandFailed):
    """The server answered that it will not. `document`: the body, if it is a JSON object."""

    def __init__(self, response: httpx.Response, document: Mapping[str, Any]) -> None:
        self.status = response.status_code
        self.key = str(document.get("key") or "")
        self.retry_after_seconds = read_retry_after(response.headers, status=self.status)
        parts = [str(document[name]) for name in ("message", "details") if document.get(name)]
        if response.is_redirect:
            parts.append(
                f"it is at {response.headers.get('Location', 'another address')}: name that by --url"
            )
        request_id = document.get("request_id") or response.headers.get("X-Request-Id")
        text = ": ".join(parts) or response.reason_phrase or "no reason given"
        super().__init__(
            show_text(
                f"The server answered {self.status}: {text}"
                + (f" (request {request_id})" if request_id else "")
            )
        )

    @property
    def nothing_was_done(self) -> bool:
        """Whether the same request can be sent again: too many at once, or unavailable *and* asked to
        come back. Unavailable without that may mean that the outcome is unknown."""
        return self.status == 429 or (self.status == 503 and self.retry_after_seconds is not None)

    @property
    def leaves_it_open(self) -> bool:
        """Whether it may have been done all the same."""
        return self.status >= 500 and not self.nothing_was_done


class Lost(CommandFailed):
    """The connection broke, or could not be made, before there was an answer."""


class GaveUp(CommandFailed):
    """The server has not answered for longer than the command waits."""


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    document: dict[str, Any]

    @property
    def date(self) -> datetime | None:
        """The server's clock, in whole seconds."""
        with contextlib.suppress(ValueError, TypeError):
            date = email.utils.parsedate_to_datetime(self.headers.get("Date", ""))
            return date if date.tzinfo else date.replace(tzinfo=UTC)
        return None


class Pauses:
    """Growing pauses up to a deadline that is `timeout_seconds` after the first of them."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._next = _FIRST_PAUSE_SECONDS
        self._deadline = time.monotonic() + timeout_seconds

    def wait(self, reason: Exception, asked_seconds: float | None = None) -> None:
        """Sleep, at least as long as the server asked for. Raises GaveUp."""
        pause = max(self._next, asked_seconds or 0.0)
        left = self._deadline - time.monotonic()
        if left <= 0 or (asked_seconds or 0.0) > left:
            raise GaveUp(f"Given up after {self._timeout_seconds:g} s (--timeout): {reason}") from reason
        time.sleep(min(pause, left))
        self._next = min(self._next * 2, _LONGEST_PAUSE_SECONDS)


class Api:
    """One server. `say` gets what the operator should know while it goes on."""

    def __init__(self, connection: Connection, *, timeout_seconds: float, say: Callable[[str], None]) -> None:
        self.connection = connection
        self.timeout_seconds = timeout_seconds
        self._say = say
        self._http = httpx.Client(
            base_url=connection.url,
            headers={
                "X-App-Id": connection.app_id,
                "X-App-Token": connection.app_token,
                "Accept": "application/json",
                "User-Agent": f"openvoucher/{__version__}",
            },
            # A connection that has been idle may be closed just when an upload is sent into it; whether that
            # was taken would be unknown. So each request has its own.
            limits=httpx.Limits(max_keepalive_connections=0),
            # A proxy of the environment has no business between this machine and itself.
            trust_env=not connection.is_local,
            follow_redirects=False,
        )

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(
        self,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        wait_seconds: float = 0.0,
        patient: bool = True,
    ) -> Answer:
        """The answer, asked for again while the connection breaks or the server is busy.

        wait_seconds: how long the server may keep us waiting for it. patient: False waits only
        where the server itself asks for it. Raises Refused, Lost, GaveUp.
        """
        timeout = httpx.Timeout(
            min(_READ_SECONDS, self.timeout_seconds) + wait_seconds,
            connect=min(_CONNECT_SECONDS, self.timeout_seconds),
        )
        request = self._http.build_request("GET", path, params=query, headers=headers, timeout=timeout)
        pauses: Pauses | None = None
        while True:
            try:
                answer = self._send(request)
            except (Lost, Refused) as error:
                asked = error.retry_after_seconds if isinstance(error, Refused) else None
                if isinstance(error, Refused) and not (error.status == 429 or error.status >= 500):
                    raise
                if not patient and not (isinstance(error, Refused) and error.nothing_was_done):
                    raise
                if pauses is None:
                    pauses = Pauses(self.timeout_seconds)
                    self._say(f"{error} Trying again …")
                pauses.wait(error, asked)
                continue
            if pauses is not None:
                self._say("The server answers again.")
            return answer

    def post(
        self,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        content: Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send once. Raises Refused; Lost when there is no answer: then nobody knows."""
        timeout = httpx.Timeout(
            _UPLOAD_READ_SECONDS,
            write=_UPLOAD_WRITE_SECONDS,
            connect=min(_CONNECT_SECONDS, self.timeout_seconds),
        )
        return self._send(
            self._http.build_request(
                "POST", path, params=query, content=content, headers=headers, timeout=timeout
            )
        )

    def _send(self, request: httpx.Request) -> Answer:
        try:
            response = self._http.send(request)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Lost(f"No answer from {self.connection.url}: {_describe(error)}.") from error
        except httpx.InvalidURL as error:
            raise CommandFailed(f"{self.connection.url} is no address: {error}.") from error
        document: Any = None
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            document = msgspec.json.decode(response.content)
        is_object = isinstance(document, dict)
        if not response.is_success:
            raise Refused(response, document if is_object else {})
        if not is_object:
            raise CommandFailed(
                f"{self.connection.url} answered with something that is no JSON object: "
                "is it the address of the API?"
            )
        return Answer(response.status_code, response.headers, document)


def read_retry_after(headers: Mapping[str, str], *, status: int) -> float | None:
    """How long the server asks to wait, in seconds; None if it does not ask. RFC 9110, section 10.2.3.

    The original's rate limits name the moment instead, in a header of its own.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    with contextlib.suppress(ValueError, TypeError):
        moment = email.utils.parsedate_to_datetime(text)
        # By its own clock, if it tells.
        now = email.utils.parsedate_to_datetime(headers.get("Date", text))
        return max((moment - now).total_seconds(), 0.0)
    moment_text = headers.get("X-Rate-Limit-Retry", "").strip()
    if status == 429 and moment_text.isdecimal():
        return max(float(moment_text) - time.time(), 0.0)
    return None


def _describe(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "it cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return "it takes too long"
    return str(error) or type(error).__name__
