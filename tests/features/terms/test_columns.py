"""Effective terms in SQL are what `engine.inheritance` makes of the same rows."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvoucher.engine.inheritance import effective_fields
from openvoucher.features.terms.columns import (
    effective_instant,
    effective_json,
    effective_metadata,
    effective_text,
)
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.db.conditions import Column, Params
from openvoucher.wire.dates import parse_instant

FIELDS = ("expiration_date", "redemption_quantity", "discount", "validity_day_of_week")
# Keys that look like paths, like fields and like SQL.
KEYS = ("a", "a.b", "metadata", "expiration_date", 'it\'s "%" \\ $1 ?', "Ж")
INSTANTS = ("2026-03-01T00:00:00.000Z", "2026-05-31T10:30:00.999Z")
MISSING = object()

# A voucher's own values and revision, and what its revision of the campaign says: (own, number,
# inherited, sent). A voucher without a campaign inherits nothing: None, None.
Case = tuple[dict[str, Any] | None, int, dict[str, Any] | None, dict[str, int] | None]

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text("aß%'\"\\ ", max_size=3)
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(KEYS), scalars, max_size=2)
metadata = st.dictionaries(st.sampled_from(KEYS), values)


def terms(*, fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {}, optional={**dict.fromkeys(FIELDS, fields), "metadata": metadata | st.none()}
    )


sent_fields = st.dictionaries(
    st.sampled_from([*FIELDS, "metadata", *(f"metadata.{key}" for key in KEYS)]), st.integers(0, 4)
)
cases = st.tuples(
    st.none() | terms(fields=values), st.integers(0, 4), terms(fields=values), sent_fields
) | st.tuples(terms(fields=values), st.integers(0, 4), st.none(), st.none())


@pytest.fixture
async def connection(postgres: str) -> AsyncIterator[Connection]:
    """The rows are in the statements, so no database of the tests' own is needed."""
    connection = await Database(postgres).open_connection()
    yield connection
    await connection.close()


def find_effective(case: Case) -> dict[str, Any]:
    own, own_revision, inherited, sent = case
    return effective_fields(inherited or {}, sent or {}, own, own_revision)


async def read_columns(connection: Connection, case: Case, params: Params, *columns: str) -> list[Any]:
    """What the columns say over a voucher and its revision. `params` begins with the case."""
    own, own_revision, inherited, sent = case
    assert params.values[:4] == [own, own_revision, inherited, sent]
    row = await connection.fetchrow(
        f"select {', '.join(columns)}"
        " from (select $1::jsonb as own, $2::integer as own_revision) v"
        " left join (select $3::jsonb as inherited, $4::jsonb as sent) r on r.inherited is not null",
        *params.values,
    )
    assert row is not None
    return list(row)


def present(document: str) -> str:
    """Whether there is a value at all: a JSON null is one."""
    return f"({document}) is not null"


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases)
async def test_fields_and_metadata_keys_are_those_of_the_engine(connection: Connection, case: Case) -> None:
    params = Params(*case)
    documents = [effective_json(field) for field in FIELDS]
    documents += [column.sql for key in KEYS for column in [effective_metadata(key, params)]]
    read = await read_columns(
        connection, case, params, *documents, *(present(document) for document in documents)
    )
    effective = find_effective(case)
    expected = [effective.get(field, MISSING) for field in FIELDS]
    expected += [effective["metadata"].get(key, MISSING) for key in KEYS]
    shown = [
        value if there else MISSING
        for value, there in zip(read[: len(documents)], read[len(documents) :], strict=True)
    ]
    assert shown == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    case=st.tuples(
        st.none() | terms(fields=st.none() | st.sampled_from(INSTANTS)),
        st.integers(0, 4),
        terms(fields=st.none() | st.sampled_from(INSTANTS)),
        sent_fields,
    )
)
async def test_dates_are_text_and_instants_and_no_date_is_none(connection: Connection, case: Case) -> None:
    text, instant = await read_columns(
        connection,
        case,
        Params(*case),
        effective_text("expiration_date"),
        effective_instant("expiration_date"),
    )
    expected = find_effective(case).get("expiration_date")
    assert text == expected
    assert instant == (parse_instant(expected) if expected else None)


# A table of what the properties are about, and the proof that they look at it.
@pytest.mark.parametrize(
    ("case", "field", "effective"),
    [
        ((None, 0, {"discount": 1}, {"discount": 3}), "discount", 1),
        (({"discount": 2}, 2, {"discount": 1}, {"discount": 3}), "discount", 1),
        (({"discount": 2}, 3, {"discount": 1}, {"discount": 3}), "discount", 2),
        (({"discount": 2}, 0, {"discount": 1}, {}), "discount", 2),
        (({"discount": None}, 0, {"discount": 1}, {}), "discount", None),
        (({"discount": None}, 0, {"discount": 1}, {"discount": 1}), "discount", 1),
        (({"discount": 2}, 0, {}, {"discount": 1}), "discount", MISSING),
        (({"discount": 2}, 0, None, None), "discount", 2),
        (({}, 0, None, None), "discount", MISSING),
        (({"metadata": {"a": 2}}, 1, {"metadata": {"a": 1}}, {"metadata.a": 2}), "a", 1),
        (({"metadata": {"a": 2}}, 2, {"metadata": {"a": 1}}, {"metadata.a": 2}), "a", 2),
        (({"metadata": {"a": None}}, 2, {"metadata": {"a": 1}}, {}), "a", None),
        (({"metadata": {"a": 2}}, 1, {"metadata": {}}, {"metadata.a": 2}), "a", MISSING),
        (({"metadata": {"a.b": 2}}, 1, {"metadata": {}}, {"metadata.a": 2}), "a.b", 2),
        (({"metadata": None}, 1, {"metadata": {"a": 1}}, {}), "a", 1),
        (({"metadata": {"a": 2}}, 1, {"metadata": {"a": 1}}, {"metadata": 2}), "a", 2),
    ],
)
async def test_the_later_write_wins(connection: Connection, case: Case, field: str, effective: Any) -> None:
    params = Params(*case)
    column = Column(effective_json(field), "jsonb") if field in FIELDS else effective_metadata(field, params)
    value, there = await read_columns(connection, case, params, column.sql, present(column.sql))
    assert (value if there else MISSING) == effective
