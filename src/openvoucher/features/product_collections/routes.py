"""Operations on product collections."""

from openvoucher.features.product_collections import service
from openvoucher.features.product_collections.schemas import (
    Collection,
    CollectionBody,
    CollectionList,
    CollectionProductList,
    CollectionProductsQuery,
    CollectionQuery,
    CollectionUpdate,
)
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="GET",
        path="/v1/product-collections",
        run=service.list_product_collections,
        summary="List product collections, the newest first",
        query=CollectionQuery,
        answer=CollectionList,
    ),
    Operation(
        method="POST",
        path="/v1/product-collections",
        run=service.create_product_collection,
        summary="Create a product collection",
        body=CollectionBody,
        answer=Collection,
    ),
    Operation(
        method="GET",
        path="/v1/product-collections/{product_collection_id}",
        run=service.get_product_collection,
        summary="Get a product collection",
        answer=Collection,
    ),
    Operation(
        method="PUT",
        path="/v1/product-collections/{product_collection_id}",
        run=service.update_product_collection,
        summary="Rename a product collection, or give it another filter",
        body=CollectionUpdate,
        answer=Collection,
    ),
    Operation(
        method="DELETE",
        path="/v1/product-collections/{product_collection_id}",
        run=service.delete_product_collection,
        summary="Delete a product collection; what was in it stays",
        status=204,
    ),
    Operation(
        method="GET",
        path="/v1/product-collections/{product_collection_id}/products",
        run=service.list_collection_products,
        summary="List the products and SKUs of a product collection",
        query=CollectionProductsQuery,
        answer=CollectionProductList,
    ),
]
