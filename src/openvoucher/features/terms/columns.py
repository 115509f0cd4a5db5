"""Effective terms as SQL expressions, for lists that are filtered by them.

They say in SQL what `engine.inheritance` says in Python, over a voucher `v` left-joined to its
revision `r`: the voucher's own value counts unless the campaign sent the field later.
"""

from openvoucher.platform.db.conditions import Column, Params


def effective_json(field: str) -> str:
    """The term as jsonb; SQL null or a JSON null when there is none."""
    return (
        f"(case when v.own ? '{field}' and v.own_revision >= coalesce((r.sent ->> '{field}')::integer, 0)"
        f" then v.own -> '{field}' else r.inherited -> '{field}' end)"
    )


def effective_text(field: str) -> str:
    """The term as text; null when there is none."""
    return f"({effective_json(field)} #>> '{{}}')"


def effective_instant(field: str) -> str:
    return f"{effective_text(field)}::timestamptz"


def effective_metadata(key: str, params: Params) -> Column:
    """One key of the effective metadata; `a.b` also finds the key b of an object under a."""
    term = _effective_key(params.add(key))
    head, _, rest = key.partition(".")
    if rest:
        path = f"{params.add(rest.split('.'))}::text[]"
        term = f"coalesce({term}, {_effective_key(params.add(head))} #> {path})"
    return Column(f"({term})", "jsonb")


def _effective_key(placeholder: str) -> str:
    name = f"{placeholder}::text"
    return (
        f"(case when v.own -> 'metadata' ? {name}"
        f" and v.own_revision >= coalesce((r.sent ->> ('metadata.' || {name}))::integer, 0)"
        f" then v.own -> 'metadata' -> {name} else r.inherited -> 'metadata' -> {name} end)"
    )
