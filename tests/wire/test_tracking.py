"""Tracking ids hide who a customer is, and say it to the project that made them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.wire.errors import ApiError
from openvoucher.wire.tracking import make_tracking_id, read_identity, read_tracking_id

KEY = bytes(range(64))
OTHER_KEY = bytes(64)


@given(st.text())
def test_a_tracking_id_leads_back_to_whom_it_was_made_for(identity: str) -> None:
    assert read_tracking_id(KEY, make_tracking_id(KEY, identity)) == identity


def test_a_customer_is_called_otherwise_each_time() -> None:
    made = {make_tracking_id(KEY, "ann") for _ in range(100)}

    assert len(made) == 100
    assert all(text.startswith("track_") and "ann" not in text for text in made)
    # It stands in addresses as it is.
    assert all(text.replace("_", "").replace("-", "").isalnum() for text in made)


def test_another_project_reads_nothing() -> None:
    assert read_tracking_id(OTHER_KEY, make_tracking_id(KEY, "ann")) is None


def test_one_that_was_changed_anywhere_is_none() -> None:
    made = make_tracking_id(KEY, "ann")

    for place in range(len("track_"), len(made) - 1):
        changed = made[:place] + ("A" if made[place] != "A" else "B") + made[place + 1 :]
        assert read_tracking_id(KEY, changed) is None
    assert read_tracking_id(KEY, made[:-4]) is None


@pytest.mark.parametrize(
    "text", ["", "ann", "track_", "track_ann", "track_A", "track_ż", "track_" + "A" * 20_000]
)
def test_other_texts_are_no_tracking_ids(text: str) -> None:
    assert read_tracking_id(KEY, text) is None


@given(st.binary())
def test_what_is_encrypted_by_nobody_is_no_tracking_id(content: bytes) -> None:
    assert read_tracking_id(KEY, f"track_{content.hex()}") is None


TRACKED = make_tracking_id(KEY, "ann")


@pytest.mark.parametrize(
    ("sent", "identity"),
    [
        ((), None),
        ((None, None), None),
        ((None, ""), None),
        (("ann",), "ann"),
        ((None, "ann"), "ann"),
        ((TRACKED, None), "ann"),
        ((TRACKED, "ann"), "ann"),
        ((TRACKED, TRACKED), "ann"),
        (("track_me", None), "track_me"),
    ],
)
def test_a_customer_is_named_by_source_id_or_tracking_id(
    sent: tuple[str | None, ...], identity: str | None
) -> None:
    assert read_identity(KEY, *sent) == identity


def test_nobody_is_two_customers() -> None:
    with pytest.raises(ApiError) as refusal:
        read_identity(KEY, TRACKED, "bob")

    assert refusal.value.body("v-1") == {
        "code": 400,
        "key": "ambiguous_tracking_id",
        "message": f"Ambiguous trackingId ('{TRACKED}' vs. 'bob')",
        "details": "The customer cannot be identified as two different identifiers have been used between "
        "requests from same origin.",
        "request_id": "v-1",
    }
