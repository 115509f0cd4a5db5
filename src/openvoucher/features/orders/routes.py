"""Operations on orders."""

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.orders import imports, service
from openvoucher.features.orders.schemas import Order, OrderBody, OrderImportBody, OrderList, OrderQuery
from openvoucher.features.record_imports.schemas import RecordImportQuery
from openvoucher.platform.http.operations import Operation

OPERATIONS: list[Operation] = [
    Operation(
        method="GET",
        path="/v1/orders",
        run=service.list_orders,
        summary="List orders, the oldest first",
        query=OrderQuery,
        answer=OrderList,
    ),
    Operation(
        method="POST",
        path="/v1/orders",
        run=service.create_order,
        summary="Create an order, or change the one that has the id or source id",
        body=OrderBody,
        answer=Order,
    ),
    Operation(
        method="GET",
        path="/v1/orders/{order_id}",
        run=service.get_order,
        summary="Get an order by id or source id",
        answer=Order,
    ),
    Operation(
        method="PUT",
        path="/v1/orders/{order_id}",
        run=service.update_order,
        summary="Change an order; items that are sent replace all that were there",
        body=OrderBody,
        answer=Order,
    ),
    Operation(
        method="POST",
        path="/v1/orders/import",
        run=imports.import_orders,
        query=RecordImportQuery,
        summary="Import up to 2,000 historical orders; nobody is told of them",
        body=OrderImportBody,
        answer=AcceptedAction,
    ),
]
