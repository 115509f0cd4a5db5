"""Orders: what somebody buys, with its items and amounts.

The arithmetic is engine.orders: an `OrderRecord` has the engine's order as its `amounts`, whose lines belong
to its `items` one to one. Whoever decides something about an order goes, in one transaction,

    people = await upsert_people(connection, call, body)        # customers are locked before orders
    sent = read_order(body)
    before = await find_order(connection, project_id, sent, lock=True)      # or load_order(…, lock=True)
    order = await work_out_order(connection, call, sent, people, before, keep_products=True)
    order = dataclasses.replace(order, status=…, amounts=discount_order(order.amounts, 500))
    await store_order(connection, call, order, before=before)

all of `service`. What only looks (a validation) stops before the last line, takes no lock, and keeps no
products. The sums of a customer's orders are read from the table when they are asked for.
"""
