"""What stands in the file of an export: titles, rows, cells."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import a_campaign, a_voucher
from exporting import export_column, export_table, export_text
from openvoucher.features.exports.columns import exportables
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.dates import format_instant, parse_instant
from openvoucher.wire.ids import new_id, show_id

pytestmark = pytest.mark.slow

whatever_the_portions = pytest.mark.parametrize("settings", [1, 2, 100], indirect=True)

TITLES = {
    "voucher": (
        "Code,Voucher Type,Value,Formula,Discount Type,Campaign,Category,Start Date,Expiration Date,"
        "Gift Balance,Loyalty Card Balance,Redemption Limit,Redemption Count,Active,QR Code,Barcode,ID,"
        "Is referral code?,Creation Date,Last Update Date,Validity Timeframe Interval,"
        "Validity Timeframe Duration,Validity Day Of Week,Discount Amount Limit,Campaign ID,Additional Info,"
        "Customer ID,Discount Effect,Discount Unit Type,Discount Unit Effect,Validation Rules ID,"
        "Customer Source ID"
    ),
    "redemption": (
        "ID,Object,Date,Voucher Code,Campaign,Promotion Tier ID,Customer ID,Customer Source ID,Customer Name,"
        "Tracking ID,Order ID,Order Amount,Gift Amount,Loyalty Points,Result,Failure Code,Failure Message"
    ),
    "customer": (
        "Name,ID,Description,Email,Source ID,Creation Date,Address City,Address State,Address Line 1,"
        "Address Line 2,Address Country,Address Postal Code,Redemptions Total Redeemed,"
        "Redemptions Total Failed,Redemptions Total Succeeded,Redemptions Total Rolled Back,"
        "Redemptions Total Rollback Failed,Redemptions Total Rollback Succeeded,Orders Total Amount,"
        "Orders Total Count,Orders Average Amount,Orders Last Order Amount,Orders Last Order Date,"
        "Loyalty Points,Loyalty Referred Customers,Last Update Date,Phone,Birthday,Birthdate"
    ),
    "publication": "Voucher Code,Customer ID,Customer Source ID,Date,Channel,Campaign,Is Winner,Code",
    "order": (
        "ID,Source ID,Creation Date,Last Update Date,Status,Amount,Discount Amount,Items Discount Amount,"
        "Total Discount Amount,Total Amount,Customer ID,Referrer ID"
    ),
    "points_expiration": "ID,Campaign ID,Voucher ID,Points,Status,Expires At",
    "voucher_transactions": (
        "ID,Type,Source ID,Reason,Balance,Amount,Creation date,Voucher ID,Campaign ID,Source,Details,"
        "Related transaction ID"
    ),
    "product": "ID,Name,Price,Image URL,Source ID,Attributes,Creation Date,Last Update Date",
    "sku": ("ID,SKU,Product ID,Currency,Price,Image URL,Source ID,Attributes,Creation Date,Last Update Date"),
    "api_log": (
        "ID,Creation Date,Status,Request ID,Channel,Method,Endpoint,URL,User Email,App ID,Client App ID,"
        "Request Duration,Request Body,Response Body"
    ),
}
USUAL_TITLES = {
    "voucher": "Code,Voucher Type,Value,Discount Type",
    "redemption": "ID,Object,Voucher Code,Customer ID,Date,Result",
    "customer": "Name,Source ID",
    "publication": "Voucher Code,Customer ID,Date,Channel",
    "order": "ID,Source ID,Status",
    "points_expiration": "ID,Campaign ID,Voucher ID,Status,Expires At,Points",
    "voucher_transactions": "ID,Type,Source ID,Reason,Source,Balance,Amount,Creation date",
    "product": "ID,Name,Price,Image URL,Source ID,Attributes,Creation Date",
    "sku": "ID,SKU,Product ID,Currency,Price,Image URL,Source ID,Attributes,Creation Date",
    "api_log": TITLES["api_log"],
}


async def post(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def make_card(client: httpx.AsyncClient, code: str, points: int) -> Any:
    """A loyalty card, in a campaign of its own."""
    body = a_campaign(
        name=f"of {code}", campaign_type="LOYALTY_PROGRAM", voucher={"loyalty_card": {"points": points}}
    )
    campaign = await post(client, "/v1/campaigns", body)
    return await post(client, f"/v1/campaigns/{campaign['id']}/vouchers/{code}", {})


async def insert(db: Database, table: str, project: Project, **values: Any) -> UUID:
    """A row with an id of its own, made now."""
    row_id = new_id()
    async with db.connection() as connection:
        places = ", ".join(f"${number}" for number in range(1, len(values) + 3))
        await connection.execute(
            f"insert into {table} (project_id, id, {', '.join(values)}, created_at)"
            f" values ({places}, clock_timestamp())",
            project.id,
            row_id,
            *values.values(),
        )
    return row_id


# --- titles ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exported_object", TITLES)
async def test_a_file_without_rows_has_the_titles_of_the_usual_columns(
    client: httpx.AsyncClient, worker: Worker, exported_object: str
) -> None:
    assert await export_text(client, worker, exported_object) == USUAL_TITLES[exported_object] + "\n"


@pytest.mark.parametrize("exported_object", TITLES)
async def test_every_column_has_its_title(
    client: httpx.AsyncClient, worker: Worker, exported_object: str
) -> None:
    fields = [*exportables[exported_object].fields]
    assert await export_text(client, worker, exported_object, fields=fields) == TITLES[exported_object] + "\n"


async def test_columns_stand_in_the_order_in_which_they_were_asked_for(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await post(client, "/v1/vouchers/A", a_voucher())
    table = await export_table(client, worker, "voucher", fields=["value", "code", "value"])
    assert table == [["Value", "Code", "Value"], ["10", "A", "10"]]


# --- vouchers ----------------------------------------------------------------------------------------------


@whatever_the_portions
async def test_the_value_of_a_voucher_is_money_percent_units_or_points(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    discounts: dict[str, dict[str, Any]] = {
        "AMOUNT": {"type": "AMOUNT", "amount_off": 1050},
        "PERCENT": {"type": "PERCENT", "percent_off": 12.5},
        "FIXED": {"type": "FIXED", "fixed_amount": 5},
        "UNIT": {"type": "UNIT", "unit_off": 2, "unit_type": "prod_5h1pp1ng", "effect": "ADD_NEW_ITEMS"},
        "FORMULA": {"type": "AMOUNT", "amount_off_formula": "ORDER_AMOUNT*0.1"},
    }
    for code, discount in discounts.items():
        await post(client, f"/v1/vouchers/{code}", a_voucher(discount=discount))
    await post(client, "/v1/vouchers/GIFT", a_voucher("GIFT_VOUCHER", gift={"amount": 200_000}))
    await post(client, "/v1/vouchers/SPENT", a_voucher("GIFT_VOUCHER", gift={"amount": 200_000}))
    await post(client, "/v1/vouchers/SPENT/balance", {"amount": -1})
    await make_card(client, "CARD", 0)
    fields = ["code", "voucher_type", "value", "formula", "gift_balance", "loyalty_balance", "discount_type"]
    assert (await export_table(client, worker, "voucher", fields=fields))[1:] == [
        ["CARD", "LOYALTY_CARD", "0", "", "", "0", ""],
        ["SPENT", "GIFT_VOUCHER", "1999.99", "", "1999.99", "", ""],
        ["GIFT", "GIFT_VOUCHER", "2000.00", "", "2000.00", "", ""],
        ["FORMULA", "DISCOUNT_VOUCHER", "", "ORDER_AMOUNT*0.1", "", "", "AMOUNT"],
        ["UNIT", "DISCOUNT_VOUCHER", "2", "", "", "", "UNIT"],
        ["FIXED", "DISCOUNT_VOUCHER", "0.05", "", "", "", "FIXED"],
        ["PERCENT", "DISCOUNT_VOUCHER", "12.5", "", "", "", "PERCENT"],
        ["AMOUNT", "DISCOUNT_VOUCHER", "10.50", "", "", "", "AMOUNT"],
    ]


async def test_money_can_stay_in_minor_units(client: httpx.AsyncClient, db: Database) -> None:
    from openvoucher.app import make_worker

    worker = make_worker(db, Settings(csv_money_in_major_units=False))
    await post(client, "/v1/vouchers/GIFT", a_voucher("GIFT_VOUCHER", gift={"amount": 200_000}))
    fields = ["value", "gift_balance"]
    assert (await export_table(client, worker, "voucher", fields=fields))[1:] == [["200000", "200000"]]


async def test_a_voucher_that_has_everything_shows_everything(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project
) -> None:
    await post(client, "/v1/categories", {"name": "Season", "hierarchy": 1})
    customer_id = await insert(db, "customer", project, source_id="ann")
    discount = {"type": "PERCENT", "percent_off": 10, "amount_limit": 5000, "effect": "APPLY_TO_ITEMS"}
    body = a_campaign(
        voucher={"discount": discount, "redemption": {"quantity": 2}, "is_referral_code": False},
        category="Season",
        start_date="2026-01-01T00:00:00Z",
        expiration_date="2027-01-01T12:30:00.5Z",
        validity_timeframe={"interval": "P2D", "duration": "PT1H"},
        validity_day_of_week=[1, 2, 3, 4, 5],
    )
    campaign = await post(client, "/v1/campaigns", body)
    voucher = await post(
        client, f"/v1/campaigns/{campaign['id']}/vouchers/A", {"additional_info": 'says "no, no"\r\nnever'}
    )
    async with db.connection() as connection:
        await connection.execute(
            "update voucher set holder_id = $2, redeemed_quantity = 7, updated_at = $3 where project_id = $1",
            project.id,
            customer_id,
            parse_instant("2026-02-03T04:05:06.789999Z"),
        )
    fields = [*exportables["voucher"].fields]
    (row,) = (await export_table(client, worker, "voucher", fields=fields))[1:]
    assert dict(zip(fields, row, strict=True)) == {
        "code": "A",
        "voucher_type": "DISCOUNT_VOUCHER",
        "value": "10",
        "formula": "",
        "discount_type": "PERCENT",
        "campaign": "Spring",
        "category": "Season",
        "start_date": "2026-01-01T00:00:00.000Z",
        "expiration_date": "2027-01-01T12:30:00.500Z",
        "gift_balance": "",
        "loyalty_balance": "",
        "redemption_quantity": "2",
        "redemption_count": "7",
        "active": "true",
        "qr_code": voucher["assets"]["qr"]["url"],
        "bar_code": voucher["assets"]["barcode"]["url"],
        "id": voucher["id"],
        "is_referral_code": "false",
        "created_at": voucher["created_at"],
        # Cut, not rounded.
        "updated_at": "2026-02-03T04:05:06.789Z",
        "validity_timeframe_interval": "P2D",
        "validity_timeframe_duration": "PT1H",
        "validity_day_of_week": "1,2,3,4,5",
        "discount_amount_limit": "50.00",
        "campaign_id": campaign["id"],
        "additional_info": 'says "no, no"\nnever',
        "customer_id": show_id("cust", customer_id),
        "discount_effect": "APPLY_TO_ITEMS",
        "discount_unit_type": "",
        "discount_unit_effect": "",
        "validation_rules_id": "",
        "customer_source_id": "ann",
    }


async def test_a_code_shows_what_its_campaign_says_now(client: httpx.AsyncClient, worker: Worker) -> None:
    metadata = {"season": "spring", "size": 1}
    campaign = await post(client, "/v1/campaigns", a_campaign(metadata=metadata))
    path = f"/v1/campaigns/{campaign['id']}"
    await post(client, f"{path}/vouchers/FOLLOWS", {})
    await post(client, f"{path}/vouchers/OWN", {"metadata": {"season": "own"}})
    changes = {"expiration_date": "2030-01-01T00:00:00Z", "metadata": {"size": 2}}
    assert (await client.put(path, json=changes)).status_code == 200
    await worker.run_until_idle()
    fields = ["code", "expiration_date", "metadata.season", "metadata.size", "metadata.none"]
    assert await export_table(client, worker, "voucher", fields=fields, order="code") == [
        ["Code", "Expiration Date", "season", "size", "none"],
        ["FOLLOWS", "2030-01-01T00:00:00.000Z", "spring", "2", ""],
        ["OWN", "2030-01-01T00:00:00.000Z", "own", "2", ""],
    ]


async def test_what_lies_in_the_bin_is_left_out(client: httpx.AsyncClient, worker: Worker) -> None:
    campaign = await post(client, "/v1/campaigns", a_campaign())
    await post(client, f"/v1/campaigns/{campaign['id']}/vouchers/C", {})
    for code in ("A", "B"):
        await post(client, f"/v1/vouchers/{code}", a_voucher())
    await client.delete("/v1/vouchers/A")
    assert await export_column(client, worker, "voucher", "code") == ["B", "C"]
    await client.delete(f"/v1/campaigns/{campaign['id']}")
    await worker.run_until_idle()
    assert await export_column(client, worker, "voucher", "code") == ["B"]


# --- metadata, and cells -----------------------------------------------------------------------------------


async def test_metadata_is_one_column_for_each_key_of_the_schema(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    properties = {"size": {"type": "number", "optional": True}, "big": {"type": "boolean", "optional": True}}
    await post(client, "/v1/metadata-schemas", {"related_object": "voucher", "properties": properties})
    await post(client, "/v1/vouchers/A", a_voucher(metadata={"size": 2.5, "big": True, "free": "x"}))
    table = await export_table(client, worker, "voucher", fields=["metadata", "code"])
    columns = dict(zip(*table, strict=True))
    assert columns == {"size": "2.5", "big": "true", "Code": "A"}


async def test_metadata_without_a_schema_is_no_column(client: httpx.AsyncClient, worker: Worker) -> None:
    await post(client, "/v1/vouchers/A", a_voucher(metadata={"free": "x"}))
    assert await export_table(client, worker, "voucher", fields=["metadata", "code"]) == [["Code"], ["A"]]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("text", "text"),
        ("", ""),
        (None, ""),
        (5, "5"),
        (-5, "-5"),
        (0.25, "0.25"),
        (False, "false"),
        ([], ""),
        (["a", "b,c", 3, True], "a,b,c,3,true"),
        ({"k": [1]}, '{"k": [1]}'),
        ([{"k": 1}, 2], '[{"k": 1}, 2]'),
        ("=1+1", "'=1+1"),
        ("@sum", "'@sum"),
        ("-2+3", "'-2+3"),
        ("+48123456789", "+48123456789"),
        ("\tx", "'\tx"),
        ("\uff1d1", "'\uff1d1"),
        ("a\rb", "a\nb"),
        ("q\"u'o", "q\"u'o"),
        (["=1", "b"], "'=1,b"),
    ],
)
async def test_a_value_of_metadata_is_a_cell(
    client: httpx.AsyncClient, worker: Worker, value: Any, cell: str
) -> None:
    await post(client, "/v1/vouchers", a_voucher(metadata={"k": value}))
    assert await export_column(client, worker, "voucher", "metadata.k") == [cell]


async def test_keys_within_metadata_have_dots(client: httpx.AsyncClient, worker: Worker) -> None:
    await post(client, "/v1/vouchers", a_voucher(metadata={"a": {"b": "within"}, "c.d": "plain"}))
    fields = ["metadata.a.b", "metadata.c.d"]
    table = await export_table(client, worker, "voucher", fields=fields)
    assert table == [["a.b", "c.d"], ["within", "plain"]]


async def test_a_title_is_no_formula_either(client: httpx.AsyncClient, worker: Worker) -> None:
    table = await export_table(client, worker, "voucher", fields=["metadata.=1+1", "metadata.a,b"])
    assert table == [["'=1+1", "a,b"]]


async def test_a_code_that_is_a_formula_is_only_text(client: httpx.AsyncClient, worker: Worker) -> None:
    await post(client, "/v1/vouchers", a_voucher(code='=HYPERLINK("http://x","y")'))
    text = await export_text(client, worker, "voucher", fields=["code"])
    assert text == 'Code\n"\'=HYPERLINK(""http://x"",""y"")"\n'


# --- the others ------------------------------------------------------------------------------------------


@whatever_the_portions
async def test_transactions_have_the_balance_after_each(client: httpx.AsyncClient, worker: Worker) -> None:
    gift = await post(client, "/v1/vouchers/GIFT", a_voucher("GIFT_VOUCHER", gift={"amount": 10_000}))
    card = await make_card(client, "CARD", 300)
    await post(client, "/v1/vouchers/GIFT/balance", {"amount": 2550, "source_id": "s", "reason": "=1"})
    await post(client, "/v1/vouchers/CARD/balance", {"amount": -50})
    fields = ["type", "source_id", "reason", "balance", "amount", "voucher_id", "campaign_id", "source"]
    fields += ["related_transaction_id", "details"]
    table = await export_table(client, worker, "voucher_transactions", fields=fields, order="created_at")
    assert table[1:] == [
        [
            *("CREDITS_ADDITION", "s", "'=1", "125.50", "25.50", gift["id"], "", "API", ""),
            '{"balance":{"type":"gift_voucher","total":12550,"object":"balance","amount":2550,"balance":12550,'
            f'"operation_type":"MANUAL","related_object":{{"id":"{gift["id"]}","type":"voucher"}}}}}}',
        ],
        [
            *("POINTS_REMOVAL", "", "", "250", "-50", card["id"], card["campaign_id"], "API", ""),
            '{"balance":{"type":"loyalty_card","total":250,"object":"balance","points":-50,"balance":250,'
            f'"operation_type":"MANUAL","related_object":{{"id":"{card["id"]}","type":"voucher"}}}}}}',
        ],
    ]
    listed = (await client.get("/v1/vouchers/CARD/transactions")).json()["data"]
    ids = await export_column(client, worker, "voucher_transactions", "id")
    assert ids[0] == listed[0]["id"]


async def test_a_customer_that_has_everything_shows_everything(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project
) -> None:
    body = {
        "source_id": "ann",
        "name": "Ann",
        "description": "-",
        "email": "ann@example.com",
        "phone": "+1 (294) 752-1846",
        "birthdate": "1990-02-28",
        "birthday": "1990-03-01",
        "address": {
            "city": "Houston",
            "state": "TX",
            "line_1": "1 Main St",
            "line_2": "Bld 2",
            "country": "US",
            "postal_code": "77042",
        },
        "metadata": {"vip": True},
    }
    customer = await post(client, "/v1/customers", body)
    customer_id = UUID(hex=customer["id"].removeprefix("cust_"))
    for status, amount, created_at in (
        ("PAID", 200_000, "2026-01-01T00:00:00Z"),
        ("FULFILLED", 3901, "2026-01-02T00:00:00Z"),
        ("CREATED", 5, "2026-01-03T00:00:00Z"),
    ):
        order_id = await insert(
            db, "shop_order", project, status=status, total_amount=amount, customer_id=customer_id
        )
        async with db.connection() as connection:
            await connection.execute(
                "update shop_order set created_at = $2 where id = $1", order_id, parse_instant(created_at)
            )
    card = await make_card(client, "CARD", 40)
    await insert(
        db,
        "redeemable_holder",
        project,
        voucher_id=UUID(hex=card["id"].removeprefix("v_")),
        customer_id=customer_id,
        role="OWNER",
    )
    fields = [*exportables["customer"].fields, "metadata.vip"]
    (row,) = (await export_table(client, worker, "customer", fields=fields))[1:]
    assert dict(zip(fields, row, strict=True)) == {
        "name": "Ann",
        "id": customer["id"],
        "description": "'-",
        "email": "ann@example.com",
        "source_id": "ann",
        "created_at": customer["created_at"],
        "address_city": "Houston",
        "address_state": "TX",
        "address_line_1": "1 Main St",
        "address_line_2": "Bld 2",
        "address_country": "US",
        "address_postal_code": "77042",
        "redemptions_total_redeemed": "0",
        "redemptions_total_failed": "0",
        "redemptions_total_succeeded": "0",
        "redemptions_total_rolled_back": "0",
        "redemptions_total_rollback_failed": "0",
        "redemptions_total_rollback_succeeded": "0",
        "orders_total_amount": "203901",
        "orders_total_count": "2",
        "orders_average_amount": "101951",
        "orders_last_order_amount": "3901",
        "orders_last_order_date": "2026-01-02T00:00:00.000Z",
        "loyalty_points": "40",
        "loyalty_referred_customers": "0",
        "updated_at": "",
        "phone": "'+1 (294) 752-1846",
        "birthday": "1990-03-01",
        "birthdate": "1990-02-28",
        "metadata.vip": "true",
    }
    # What is worked out is what the customer shows.
    summary = (await client.get(f"/v1/customers/{customer['id']}")).json()["summary"]["orders"]
    assert [str(summary[name]) for name in ("total_amount", "average_amount", "last_order_amount")] == [
        "203901",
        "101951",
        "3901",
    ]


async def test_a_deleted_customer_is_left_out(client: httpx.AsyncClient, worker: Worker) -> None:
    for name in ("ann", "bob"):
        await post(client, "/v1/customers", {"source_id": name})
    await client.delete("/v1/customers/ann")
    assert await export_column(client, worker, "customer", "source_id") == ["bob"]


async def test_the_amounts_of_an_order_stay_in_minor_units(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project
) -> None:
    customer_id, referrer_id = new_id(), new_id()
    order_id = await insert(
        db,
        "shop_order",
        project,
        source_id="o-1",
        status="PAID",
        customer_id=customer_id,
        referrer_id=referrer_id,
        amount=7700,
        discount_amount=500,
        items_discount_amount=100,
        total_amount=7100,
        metadata={"payment_mean": "card"},
    )
    async with db.connection() as connection:
        created_at = await connection.fetchval("select created_at from shop_order where id = $1", order_id)
    fields = [*exportables["order"].fields, "metadata.payment_mean"]
    (row,) = (await export_table(client, worker, "order", fields=fields))[1:]
    assert dict(zip(fields, row, strict=True)) == {
        "id": show_id("ord", order_id),
        "source_id": "o-1",
        "created_at": format_instant(created_at),
        "updated_at": "",
        "status": "PAID",
        "amount": "7700",
        "discount_amount": "500",
        "items_discount_amount": "100",
        "total_discount_amount": "600",
        "total_amount": "7100",
        "customer_id": show_id("cust", customer_id),
        "referrer_id": show_id("cust", referrer_id),
        "metadata.payment_mean": "card",
    }


@whatever_the_portions
async def test_each_code_of_a_publication_is_a_row(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project
) -> None:
    customer_id = await insert(db, "customer", project, source_id="ann")
    campaign = await post(client, "/v1/campaigns", a_campaign())
    rows = []
    for codes in (["B", "A", "C"], [], ["D"]):
        publication_id = await insert(
            db,
            "publication",
            project,
            customer_id=customer_id,
            campaign_id=UUID(hex=campaign["id"].removeprefix("camp_")),
            channel="API",
            result="SUCCESS" if codes else "FAILURE",
            metadata={"n": len(codes)},
        )
        async with db.connection() as connection:
            for position, code in enumerate(codes):
                await connection.execute(
                    "insert into publication_voucher (project_id, publication_id, position, voucher_id, code)"
                    " values ($1, $2, $3, $4, $5)",
                    project.id,
                    publication_id,
                    position,
                    new_id(),
                    code,
                )
            created_at = await connection.fetchval(
                "select created_at from publication where id = $1", publication_id
            )
        for code in codes or [""]:
            ids = [show_id("cust", customer_id), "ann", format_instant(created_at)]
            rows.append([code, *ids, "API", "Spring", "", str(len(codes))])
    fields = ["voucher_code", "customer_id", "customer_source_id", "date", "channel", "campaign", "is_winner"]
    fields.append("metadata.n")
    ascending = await export_table(client, worker, "publication", fields=fields, order="created_at")
    assert ascending[1:] == rows
    descending = await export_table(client, worker, "publication", fields=fields)
    assert descending[1:] == rows[::-1]
    by_code = await export_column(client, worker, "publication", "code", order="voucher_code")
    assert by_code == ["", "A", "B", "C", "D"]
    failed = {"result": {"conditions": {"$is": "FAILURE"}}}
    assert await export_column(client, worker, "publication", "code", filters=failed) == [""]


async def test_the_prices_of_products_and_their_skus_are_in_major_units(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project
) -> None:
    product_id = await insert(
        db,
        "product",
        project,
        source_id="p",
        name="Shirt",
        price=1999,
        attributes=["size", "colour"],
        metadata={"a": 1},
    )
    sku_id = await insert(
        db,
        "sku",
        project,
        product_id=product_id,
        source_id="s",
        sku="Shirt XL",
        price=2500,
        currency="EUR",
        attributes={"size": "XL"},
        metadata={"a": 2},
    )
    binned = await insert(db, "product", project, source_id="binned")
    await insert(db, "sku", project, product_id=binned, source_id="of a binned one")
    async with db.connection() as connection:
        await connection.execute("update product set deleted_at = now() where id = $1", binned)
    fields = ["id", "name", "price", "image_url", "source_id", "attributes", "metadata.a"]
    product_uid, sku_uid = show_id("prod", product_id), show_id("sku", sku_id)
    assert (await export_table(client, worker, "product", fields=fields))[1:] == [
        [product_uid, "Shirt", "19.99", "", "p", "size,colour", "1"]
    ]
    fields = ["id", "sku", "product_id", "currency", "price", "source_id", "attributes", "metadata.a"]
    assert (await export_table(client, worker, "sku", fields=fields))[1:] == [
        [sku_uid, "Shirt XL", product_uid, "EUR", "25.00", "s", '{"size": "XL"}', "2"]
    ]
