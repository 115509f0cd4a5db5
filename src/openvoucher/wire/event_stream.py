"""Server-sent events (the WHATWG's HTML standard, section 9.2)."""

from typing import Final

import msgspec

KEEP_ALIVE: Final = b": keep-alive\n\n"
"""Says nothing, so that proxies do not take a quiet stream for a dead one."""

_encoder = msgspec.json.Encoder()


def write_event(name: str, data: object) -> bytes:
    """An event whose data is one line of JSON, which has no line breaks of its own."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encoder.encode(data))
