"""Which web pages may call with client keys, and what browsers are told of it (CORS).

A browser names the origin of the page in `Origin`. A trusted domain is a host (`shop.example`), a host
with its port, an origin (`https://shop.example:8443`), one of these with `*.` in front of the host (its
subdomains at any depth, not the host itself), or `*`, which is everything.
"""

import dataclasses
import re
from collections.abc import Iterable
from typing import Final

ALLOWED_METHODS: Final = "GET, POST, PUT, DELETE"
ALLOWED_HEADERS: Final = (
    "Authorization, Content-Type, X-Client-Application-Id, X-Client-Token,"
    " X-Voucherify-API-Version, X-Voucherify-Channel"
)
EXPOSED_HEADERS: Final = (
    "Retry-After, X-Rate-Limit-Limit, X-Rate-Limit-Remaining, X-Rate-Limit-Retry, X-Rate-Limit-Type,"
    " X-Request-Id"
)
# For so long a browser need not ask again before it calls.
_PREFLIGHT_SECONDS: Final = 600

_PORTS: Final = {"http": "80", "https": "443"}
_ADDRESS: Final = r"\[[0-9a-f:.]+\]"
_PORT: Final = r"(?::(?P<port>[0-9]{1,5}))?"
_ORIGIN = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>{_ADDRESS}|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?){_PORT}",
    re.ASCII | re.IGNORECASE,
)
_DOMAIN = re.compile(
    rf"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?(?:{_ADDRESS}|[^\s/:?#@\[\]*]+)){_PORT}/?"
)
# Pages that have no origin of their own: files, sandboxed frames.
_NO_ORIGIN: Final = "null"
_LONGEST: Final = 500


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    scheme: str | None
    host: str
    port: str | None


def is_trusted_domain(text: str) -> bool:
    """Whether it has one of the forms; any other would never match a page."""
    return _read(_DOMAIN, text.strip()) is not None


def is_trusted_origin(origin: str, domains: Iterable[str]) -> bool:
    """A host without a scheme is http or https; without a port it is any port. An origin without a port has
    that of its scheme. What is no origin at all is never trusted, not even by `*`."""
    if origin == _NO_ORIGIN:
        return any(domain.strip() == "*" for domain in domains)
    sent = _read(_ORIGIN, origin)
    return sent is not None and any(
        _covers(domain, sent) for text in domains if (domain := _read(_DOMAIN, text.strip()))
    )


def _read(form: re.Pattern[str], text: str) -> _Place | None:
    match = form.fullmatch(text.lower()) if len(text) <= _LONGEST else None
    host = _encode_host(match["host"]) if match else None
    return _Place(match["scheme"], host, match["port"]) if match and host else None


def _encode_host(host: str) -> str | None:
    """As browsers spell it: `żółw.example` is `xn--w-uga1v8h.example`."""
    wildcard = "*." if host.startswith("*.") else ""
    try:
        return host if host.isascii() else wildcard + host.removeprefix("*.").encode("idna").decode()
    except UnicodeError:
        return None


def _covers(domain: _Place, origin: _Place) -> bool:
    if domain == _Place(None, "*", None):
        return True
    if domain.scheme is None:
        fits = origin.scheme in _PORTS and domain.port in (None, _find_port(origin))
    else:
        fits = domain.scheme == origin.scheme and _find_port(domain) == _find_port(origin)
    if not fits or domain.host in ("*", origin.host):
        return fits
    return domain.host.startswith("*.") and origin.host.endswith(domain.host[1:])


def _find_port(place: _Place) -> str | None:
    return place.port or _PORTS.get(place.scheme or "")


def allow_preflight(origin: str | None) -> dict[str, str]:
    """Headers for a browser that asks what it may send. It does not send the keys, so it cannot be known yet
    whose page it is: any may ask, and the call itself is held against the project."""
    if origin is None or (origin != _NO_ORIGIN and _read(_ORIGIN, origin) is None):
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ALLOWED_METHODS,
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
        "Vary": "Origin",
    }


def allow_origin(origin: str) -> dict[str, str]:
    """Headers that let a page of a trusted origin read the answer, refusals too."""
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED_HEADERS}
