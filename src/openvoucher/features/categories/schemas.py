"""The wire of categories."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id

# In no script longer than what an index entry of PostgreSQL can hold (2,704 bytes).
MAX_NAME_CHARACTERS: Final = 500
# Integers up to here survive the clients that read every number as a double.
MAX_HIERARCHY: Final = 2**53


class CategoryBody(msgspec.Struct, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    hierarchy: Annotated[int, Meta(ge=0, le=MAX_HIERARCHY)]


class DeleteCategoryQuery(msgspec.Struct):
    remove_from_stacking_rules: bool = False


class Category(msgspec.Struct, kw_only=True):
    id: str
    name: str
    hierarchy: int
    created_at: str
    updated_at: str | UnsetType = UNSET
    object: Literal["category"] = "category"


class CategoryList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Category]
    total: int


def show_category(row: Row) -> Category:
    return Category(
        id=show_id("cat", row["id"]),
        name=row["name"],
        hierarchy=row["hierarchy"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else UNSET,
    )
