"""SQL terms that read a number, an instant or a day out of a jsonb value, whatever it holds.

A metadata value has no declared type, and one bad row must not fail the query: each term is NULL
for what does not fit, and casts nothing that could be refused. (`pg_input_is_valid` would say it
more shortly, from PostgreSQL 16 on.) Each takes and gives SQL written by us, never what a caller sent.
"""

from typing import Final

_MONTH_AND_DAY: Final = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP_DAY: Final = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
_DAY: Final = f"(?!0000)(?:[0-9]{{4}}-{_MONTH_AND_DAY}|{_LEAP_DAY})"
_CLOCK: Final = "T(?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?)?"
_ZONE: Final = "(?:Z|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)"
# A repetition of PostgreSQL ends at 255.
_NUMBER: Final = "-?[0-9]{1,200}(?:[.][0-9]{1,200})?"

# PostgreSQL does not read a bare hour: T10 becomes T10:00.
_WITH_MINUTES: Final = "regexp_replace(t, '^(.{10}T[0-9]{2})(Z|[+-].*)?$', '\\1:00\\2')"


def read_text(value: str) -> str:
    return f"({value} #>> '{{}}')"


def read_number(value: str) -> str:
    """A JSON number, or a string that is one: imports without a schema keep numbers as text."""
    return (
        f"(SELECT CASE WHEN t ~ '^{_NUMBER}$' OR jsonb_typeof(v) = 'number' THEN t::numeric END"  # noqa: S608 - placeholders and our own text
        f" FROM (SELECT v, v #>> '{{}}' AS t FROM (SELECT {value} AS v) AS source) AS spelled)"
    )


def read_instant(value: str) -> str:
    """A string that spells an instant as the wire does; without a zone it is UTC."""
    return _read_moment(value, "t::timestamp AT TIME ZONE 'UTC'", "%s")


def read_local_time(value: str, zone: str) -> str:
    """The time on the wall in `zone` (a placeholder). A bare date is that day wherever one is:
    a birthday does not move to the day before in America.
    """
    return _read_moment(value, "t::timestamp", f"(%s AT TIME ZONE {zone})")


def _read_moment(value: str, of_day: str, of_instant: str) -> str:
    unzoned = of_instant % f"({_WITH_MINUTES}::timestamp AT TIME ZONE 'UTC')"
    zoned = of_instant % f"{_WITH_MINUTES}::timestamptz"
    return (
        f"(SELECT CASE WHEN t ~ '^{_DAY}$' THEN {of_day}"  # noqa: S608 - placeholders and our own text
        f" WHEN t ~ '^{_DAY}{_CLOCK}$' THEN {unzoned}"
        f" WHEN t ~ '^{_DAY}{_CLOCK}{_ZONE}$' THEN {zoned} END"
        f" FROM (SELECT {value} #>> '{{}}' AS t) AS spelled)"
    )


def list_elements(value: str) -> str:
    """A set of rows e(value): the elements of an array, or the value itself if it is none."""
    return (
        f"jsonb_array_elements(CASE jsonb_typeof({value}) WHEN 'array' THEN {value}"
        f" ELSE jsonb_build_array({value}) END) AS e(value)"
    )


def count_elements(value: str) -> str:
    """How many elements an array has: none if there is no value, NULL for what is no array."""
    return (
        f"CASE COALESCE(jsonb_typeof({value}), 'null') WHEN 'null' THEN 0"
        f" WHEN 'array' THEN jsonb_array_length({value}) END"
    )
