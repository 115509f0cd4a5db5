"""Operations on categories."""

from openvoucher.features.categories import service
from openvoucher.features.categories.schemas import (
    Category,
    CategoryBody,
    CategoryList,
    DeleteCategoryQuery,
)
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="GET",
        path="/v1/categories",
        run=service.list_categories,
        summary="List all categories, the highest hierarchy first",
        answer=CategoryList,
    ),
    Operation(
        method="POST",
        path="/v1/categories",
        run=service.create_category,
        summary="Create a category",
        body=CategoryBody,
        answer=Category,
    ),
    Operation(
        method="GET",
        path="/v1/categories/{category_id}",
        run=service.get_category,
        summary="Get a category",
        answer=Category,
    ),
    Operation(
        method="PUT",
        path="/v1/categories/{category_id}",
        run=service.update_category,
        summary="Rename a category or change its hierarchy",
        body=CategoryBody,
        answer=Category,
    ),
    Operation(
        method="DELETE",
        path="/v1/categories/{category_id}",
        run=service.delete_category,
        summary="Delete a category; what stood in it stands in none",
        query=DeleteCategoryQuery,
        status=204,
    ),
]
