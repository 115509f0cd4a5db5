"""Events as an event source reads them."""

from openvoucher.wire.event_stream import KEEP_ALIVE, write_event


def test_an_event_is_its_name_and_one_line_of_json() -> None:
    assert write_event("progress", {"text": "two\nlines\r\u2028", "n": 1}) == (
        'event: progress\ndata: {"text":"two\\nlines\\r\u2028","n":1}\n\n'.encode()
    )


def test_a_keep_alive_is_a_comment() -> None:
    assert KEEP_ALIVE.startswith(b":")
    assert KEEP_ALIVE.endswith(b"\n\n")
