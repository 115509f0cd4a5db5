"""Filters as SQL. Every name in the text is ours; everything that a caller sent is a parameter.

A feature says once which fields its list can be filtered by, and how each is found:

    COLUMNS = {
        "id": Column("v.id", "id", prefix="v"),
        "created_at": Column("v.created_at", "instant"),
        "active": Column("v.active", "boolean", special={"$expired": "v.expires_at <= {now}"}),
        "metadata.*": jsonb_keys("v.metadata"),
    }
    params = Params(project_id)
    where = compile_filters(filters, COLUMNS, params, now=now, timezone=zone)
    rows = await connection.fetch(f"SELECT … WHERE v.project_id = $1 AND {where}", *params.values)
"""

from openvoucher.platform.db.conditions.columns import Column, ColumnFactory, Kind, Params, jsonb_keys
from openvoucher.platform.db.conditions.compiler import compile_filters

__all__ = ["Column", "ColumnFactory", "Kind", "Params", "compile_filters", "jsonb_keys"]
