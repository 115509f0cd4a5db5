"""Categories: made, renamed and deleted by callers, looked up by other features."""

from uuid import UUID

from openvoucher.features.categories import store
from openvoucher.features.categories.schemas import (
    Category,
    CategoryBody,
    CategoryList,
    DeleteCategoryQuery,
    show_category,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection
from openvoucher.wire.errors import ApiError, duplicate_found, not_found
from openvoucher.wire.ids import new_id, parse_id

# --- for callers -----------------------------------------------------------------------------------


async def list_categories(call: Call) -> CategoryList:
    """All of them, the highest hierarchy first."""
    async with call.db.connection() as connection:
        rows = await store.list_categories(connection, call.project.id)
    return CategoryList(data=[show_category(row) for row in rows], total=len(rows))


async def get_category(call: Call, category_id: str) -> Category:
    async with call.db.connection() as connection:
        return await find_category(connection, call.project.id, category_id=category_id)


async def create_category(call: Call, body: CategoryBody) -> Category:
    try:
        async with call.db.connection() as connection:
            row = await store.insert_category(
                connection,
                project_id=call.project.id,
                category_id=new_id(),
                name=body.name,
                hierarchy=body.hierarchy,
                now=call.now,
            )
    except store.NameIsTaken:
        raise _duplicate(body.name) from None
    assert row is not None  # noqa: S101 - an insert returns its row or raises
    return show_category(row)


async def update_category(call: Call, category_id: str, body: CategoryBody) -> Category:
    uid = parse_id("cat", category_id)
    try:
        async with call.db.connection() as connection:
            row = uid and await store.update_category(
                connection,
                project_id=call.project.id,
                category_id=uid,
                name=body.name,
                hierarchy=body.hierarchy,
                now=call.now,
            )
    except store.NameIsTaken:
        raise _duplicate(body.name) from None
    if not row:
        raise not_found("category", category_id)
    return show_category(row)


async def delete_category(call: Call, category_id: str, query: DeleteCategoryQuery) -> None:
    """Campaigns and vouchers keep the id of what is gone and show null.

    `remove_from_stacking_rules` has nothing to act on as long as a project has no stacking rules.
    """
    uid = parse_id("cat", category_id)
    async with call.db.connection() as connection:
        if uid is None or not await store.delete_category(connection, call.project.id, uid):
            raise not_found("category", category_id)


def _duplicate(name: str) -> ApiError:
    return duplicate_found("category", "name", name)


# --- for other features ----------------------------------------------------------------------------


async def load_categories(connection: Connection, project_id: int) -> dict[UUID, Category]:
    """All categories by id, ready for the wire, to show many objects with."""
    return {row["id"]: show_category(row) for row in await store.list_categories(connection, project_id)}


async def find_category(
    connection: Connection, project_id: int, *, category_id: str | None = None, name: str | None = None
) -> Category:
    """The category that a body refers to; the id counts where both were sent.

    Raises not_found with what was sent. Raises ValueError when neither was.
    """
    if category_id is not None:
        uid = parse_id("cat", category_id)
        row = uid and await store.find_category(connection, project_id, uid)
    elif name is not None:
        row = await store.find_category_by_name(connection, project_id, name)
    else:
        raise ValueError("neither an id nor a name")
    if not row:
        raise not_found("category", category_id if category_id is not None else name or "")
    return show_category(row)
