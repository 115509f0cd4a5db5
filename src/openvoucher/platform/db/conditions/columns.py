"""What a list can be filtered by, and the parameters that its statement is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "number", "instant", "date", "boolean", "id", "json_array", "text_array", "jsonb"]


class Params:
    """The positional parameters of one statement. `add` gives the placeholder for a value."""

    def __init__(self, *values: object) -> None:
        self.values: list[object] = list(values)

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


@dataclass(frozen=True, slots=True)
class Column:
    """A field that can be filtered by. `sql` and `special` are trusted text.

    The kind is that of `sql`: "instant" a timestamptz, "date" a date, "id" a uuid that the wire
    shows with `prefix`, "json_array" a jsonb that holds an array, "text_array" a text[], "jsonb" a
    jsonb of which nothing is known (one metadata value). `special` are operators with a meaning
    of this field alone, each a boolean expression; `{now}` in it becomes the placeholder of now.
    """

    sql: str
    kind: Kind
    special: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""


# Makes the column of one key, for the fields `metadata.<key>`. The key is a caller's text: it may
# go into the SQL through `Params` only.
ColumnFactory = Callable[[str, Params], Column]


def jsonb_keys(document: str) -> ColumnFactory:
    """The keys of a jsonb column as fields; `a.b` also finds the key b of an object under a."""

    def make_column(key: str, params: Params) -> Column:
        term = f"{document} -> {params.add(key)}::text"
        if "." in key:
            term = f"COALESCE({term}, {document} #> {params.add(key.split('.', 1))}::text[])"
        return Column(f"({term})", "jsonb")

    return make_column
