from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.engine.inheritance import effective_fields, live_overrides

Values = Mapping[str, Any]


@pytest.mark.parametrize(
    ("own", "own_revision", "sent", "live"),
    [
        (None, 0, {"start_date": 3}, {}),
        ({}, 0, {}, {}),
        ({"start_date": "a"}, 0, {}, {"start_date": "a"}),
        ({"start_date": "a"}, 2, {"start_date": 3}, {}),
        ({"start_date": "a"}, 3, {"start_date": 3}, {"start_date": "a"}),
        ({"start_date": "a"}, 4, {"start_date": 3}, {"start_date": "a"}),
        ({"start_date": "a"}, 2, {"expiration_date": 3}, {"start_date": "a"}),
        ({"start_date": None}, 1, {}, {"start_date": None}),
        ({"start_date": None}, 1, {"start_date": 2}, {}),
        ({"start_date": "a", "category": "b"}, 2, {"category": 3}, {"start_date": "a"}),
        ({"metadata": {"a": 1, "b": 2}}, 2, {"metadata.a": 3}, {"metadata": {"b": 2}}),
        ({"metadata": {"a": 1, "b": 2}}, 2, {"metadata.a": 3, "metadata.b": 4}, {}),
        ({"metadata": {"a": None}}, 2, {"metadata.a": 2}, {"metadata": {"a": None}}),
        ({"metadata": {"a.b": 1}}, 2, {"metadata.a": 3}, {"metadata": {"a.b": 1}}),
        ({"metadata": {"a.b": 1}}, 2, {"metadata.a.b": 3}, {}),
        ({"metadata": {"start_date": 1}}, 2, {"start_date": 3}, {"metadata": {"start_date": 1}}),
        ({"start_date": "a"}, 2, {"metadata.start_date": 3}, {"start_date": "a"}),
        ({"metadata": {}}, 2, {}, {}),
        ({"metadata": None}, 2, {}, {}),
    ],
)
def test_a_value_set_on_a_code_lives_until_a_later_update_sends_its_field(
    own: Values | None, own_revision: int, sent: Mapping[str, int], live: Values
) -> None:
    assert live_overrides(own, own_revision, sent) == live


@pytest.mark.parametrize(
    ("inherited", "sent", "own", "own_revision", "fields"),
    [
        # Nothing of its own: the campaign as it is, at whatever revision.
        ({"start_date": "c"}, {"start_date": 3}, None, 0, {"start_date": "c", "metadata": {}}),
        # Set on the code after, or before, the update that sent the field.
        ({"start_date": "c"}, {"start_date": 3}, {"start_date": "o"}, 3, {"start_date": "o", "metadata": {}}),
        ({"start_date": "c"}, {"start_date": 3}, {"start_date": "o"}, 2, {"start_date": "c", "metadata": {}}),
        # Cleared on the code, and cleared by the campaign.
        ({"start_date": "c"}, {}, {"start_date": None}, 0, {"start_date": None, "metadata": {}}),
        (
            {"start_date": None},
            {"start_date": 1},
            {"start_date": "o"},
            0,
            {"start_date": None, "metadata": {}},
        ),
        ({}, {"start_date": 1}, {"start_date": "o"}, 0, {"metadata": {}}),
        # A field that the campaign does not have.
        ({}, {}, {"additional_info": "o"}, 0, {"additional_info": "o", "metadata": {}}),
        # Metadata key by key.
        (
            {"metadata": {"season": "Spring", "colour": "red"}},
            {"metadata.colour": 2},
            {"metadata": {"colour": "blue", "size": 3}},
            1,
            {"metadata": {"season": "Spring", "colour": "red", "size": 3}},
        ),
        (
            {"metadata": {"season": "Spring", "colour": "red"}},
            {"metadata.colour": 2},
            {"metadata": {"colour": "blue"}},
            2,
            {"metadata": {"season": "Spring", "colour": "blue"}},
        ),
        # A key that an update removed goes from codes that set it before, and stays where it was set later.
        ({"metadata": {}}, {"metadata.colour": 2}, {"metadata": {"colour": "blue"}}, 1, {"metadata": {}}),
        (
            {"metadata": {}},
            {"metadata.colour": 2},
            {"metadata": {"colour": "blue"}},
            2,
            {"metadata": {"colour": "blue"}},
        ),
        # Null is a value of metadata like any other.
        ({"metadata": {"a": 1}}, {}, {"metadata": {"a": None}}, 0, {"metadata": {"a": None}}),
        ({"metadata": None}, {}, None, 0, {"metadata": {}}),
    ],
)
def test_the_later_write_wins_field_by_field(
    inherited: Values, sent: Mapping[str, int], own: Values | None, own_revision: int, fields: Values
) -> None:
    assert effective_fields(inherited, sent, own, own_revision) == fields


def test_changing_the_result_changes_neither_campaign_nor_code() -> None:
    inherited = {"start_date": "c", "metadata": {"a": 1}}
    own = {"category": "o", "metadata": {"b": 2}}

    fields = effective_fields(inherited, {}, own, 0)
    fields["start_date"] = "changed"
    fields["metadata"]["a"] = fields["metadata"]["b"] = "changed"
    live_overrides(own, 0, {})["metadata"]["b"] = "changed"

    assert inherited == {"start_date": "c", "metadata": {"a": 1}}
    assert own == {"category": "o", "metadata": {"b": 2}}


# --- the law: nobody can tell this from updates that are written into every code ---


@dataclass
class CampaignWithCopies:
    """The plain way: each code holds all values, and an update of the campaign writes into every code."""

    fields: dict[str, Any]
    copies: list[dict[str, Any]] = field(default_factory=list)

    def add_code(self) -> None:
        self.copies.append({**self.fields, "metadata": dict(self.fields["metadata"])})

    def update_campaign(self, sent: Values, metadata: Values, removed: set[str]) -> None:
        for values in [self.fields, *self.copies]:
            write_values(values, sent, metadata)
            for key in removed:
                values["metadata"].pop(key, None)

    def update_code(self, place: int, sent: Values, metadata: Values) -> None:
        write_values(self.copies[place], sent, metadata)


def write_values(values: dict[str, Any], sent: Values, metadata: Values) -> None:
    values.update(sent)
    values["metadata"].update(metadata)


@dataclass
class CampaignWithRevisions:
    """The way of this project: an update of the campaign writes nothing into codes."""

    inherited: dict[str, Any]
    revision: int = 0
    sent: dict[str, int] = field(default_factory=dict)
    codes: list[tuple[dict[str, Any] | None, int]] = field(default_factory=list)

    def add_code(self) -> None:
        self.codes.append((None, 0))

    def update_campaign(self, sent: Values, metadata: Values, removed: set[str]) -> None:
        self.revision += 1
        write_values(self.inherited, sent, metadata)
        for key in removed:
            self.inherited["metadata"].pop(key, None)
        for name in [*sent, *(f"metadata.{key}" for key in {*metadata, *removed})]:
            self.sent[name] = self.revision

    def update_code(self, place: int, sent: Values, metadata: Values) -> None:
        own, own_revision = self.codes[place]
        values = {"metadata": {}, **live_overrides(own, own_revision, self.sent)}
        write_values(values, sent, metadata)
        self.codes[place] = (values, self.revision)

    def read_codes(self) -> list[dict[str, Any]]:
        return [effective_fields(self.inherited, self.sent, *code) for code in self.codes]


some_fields = st.dictionaries(st.sampled_from(["start_date", "discount"]), st.none() | st.integers(0, 99))
some_metadata = st.dictionaries(st.sampled_from(["a", "b", "a.b"]), st.none() | st.integers(0, 99))
some_keys = st.sets(st.sampled_from(["a", "b", "a.b"]))
steps = st.one_of(
    st.just(("add_code",)),
    st.tuples(st.just("update_campaign"), some_fields, some_metadata, some_keys),
    st.tuples(st.just("update_code"), st.integers(0, 3), some_fields, some_metadata),
)


@settings(deadline=None, max_examples=300)
@given(some_fields, some_metadata, st.lists(steps, max_size=12))
def test_codes_read_as_if_every_update_had_been_written_into_them(
    fields: Values, metadata: Values, history: list[tuple[Any, ...]]
) -> None:
    copies = CampaignWithCopies({**fields, "metadata": dict(metadata)})
    revisions = CampaignWithRevisions({**fields, "metadata": dict(metadata)})
    for name, *arguments in [("add_code",), *history]:
        if name == "update_code":
            arguments[0] %= len(copies.copies)
        for campaign in (copies, revisions):
            getattr(campaign, name)(*arguments)
        assert revisions.read_codes() == copies.copies
