"""What other features ask of categories."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from openvoucher.features.categories import store
from openvoucher.features.categories.schemas import Category, CategoryBody, CategoryList
from openvoucher.features.categories.service import (
    create_category,
    find_category,
    list_categories,
    load_categories,
)
from openvoucher.platform.call import Call
from openvoucher.wire.errors import ApiError
from openvoucher.wire.ids import parse_id, show_id

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
UNKNOWN = "cat_" + "0" * 32


async def create(call: Call, name: str, hierarchy: int = 1) -> Category:
    return await create_category(call, CategoryBody(name=name, hierarchy=hierarchy))


async def test_categories_are_loaded_by_id_as_the_wire_shows_them(call: Call) -> None:
    spring, summer = await create(call, "Spring", 1), await create(call, "Summer", 2)
    async with call.db.connection() as connection:
        loaded = await load_categories(connection, call.project.id)
    assert loaded == {parse_id("cat", category.id): category for category in (spring, summer)}
    assert spring.created_at == "2026-03-01T12:00:00.000Z"


async def test_another_projects_categories_are_not_loaded(call: Call) -> None:
    await create(call, "Spring")
    async with call.db.connection() as connection:
        assert await load_categories(connection, call.project.id + 1) == {}


async def test_a_category_is_found_by_id_and_by_name(call: Call) -> None:
    spring, summer = await create(call, "Spring"), await create(call, "Summer")
    async with call.db.connection() as connection:
        assert await find_category(connection, call.project.id, category_id=spring.id) == spring
        assert await find_category(connection, call.project.id, name="Summer") == summer


async def test_the_id_counts_where_both_were_sent(call: Call) -> None:
    spring, _ = await create(call, "Spring"), await create(call, "Summer")
    async with call.db.connection() as connection:
        found = await find_category(connection, call.project.id, category_id=spring.id, name="Summer")
    assert found == spring


@pytest.mark.parametrize(
    ("category_id", "name", "sent"),
    [
        (UNKNOWN, None, UNKNOWN),
        (UNKNOWN, "Spring", UNKNOWN),
        ("", None, ""),
        (None, "spring", "spring"),
        (None, "", ""),
    ],
)
async def test_what_is_not_found_is_named_as_it_was_sent(
    call: Call, category_id: str | None, name: str | None, sent: str
) -> None:
    await create(call, "Spring")
    async with call.db.connection() as connection:
        with pytest.raises(ApiError) as raised:
            await find_category(connection, call.project.id, category_id=category_id, name=name)
    assert (raised.value.status, raised.value.resource_id) == (404, sent)
    assert raised.value.details == f"Cannot find category with id {sent}"


@pytest.mark.parametrize("by", ["id", "name"])
async def test_another_projects_category_is_not_found(call: Call, by: str) -> None:
    spring = await create(call, "Spring")
    category_id, name = (spring.id, None) if by == "id" else (None, "Spring")
    async with call.db.connection() as connection:
        with pytest.raises(ApiError, match="404 not_found"):
            await find_category(connection, call.project.id + 1, category_id=category_id, name=name)


async def test_asking_for_nothing_is_a_fault_of_the_program(call: Call) -> None:
    async with call.db.connection() as connection:
        with pytest.raises(ValueError, match="neither an id nor a name"):
            await find_category(connection, call.project.id)


async def test_of_one_hierarchy_the_newest_comes_first(call: Call) -> None:
    uids = [UUID(int=number) for number in (1, 3, 2)]
    async with call.db.connection() as connection:
        for uid in uids:
            await store.insert_category(
                connection,
                project_id=call.project.id,
                category_id=uid,
                name=str(uid),
                hierarchy=1,
                now=NOW,
            )
    listing: CategoryList = await list_categories(call)
    assert [category.id for category in listing.data] == [
        show_id("cat", UUID(int=number)) for number in (3, 2, 1)
    ]
