"""What the list of vouchers can be filtered and ordered by, inherited values and overrides alike."""

import pytest

from builders import a_refusal, not_there, read_refusal
from openvoucher.features.vouchers.listing import COLUMNS
from shelf import Shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALL = ["CARD-1", "GIFT-1", "GIFT-2", "PLAIN-1", "PLAIN-2", "REF-1", "SALE-1", "SALE-2", "SALE-3"]
# As they were made.
BY_AGE = ["SALE-1", "SALE-2", "SALE-3", "GIFT-1", "GIFT-2", "CARD-1", "REF-1", "PLAIN-1", "PLAIN-2"]
SALES = ["SALE-1", "SALE-2", "SALE-3"]


def all_but(*codes: str) -> list[str]:
    return [code for code in ALL if code not in codes]


# (field, operator, values, what is found). A field that is shown as null meets negative conditions.
CASES: list[tuple[str, str, list[str], list[str]]] = [
    ("id", "$in", ["@SALE-2", "@REF-1", "v_1", "@Sale"], ["REF-1", "SALE-2"]),
    ("id", "$not_in", ["@SALE-2", "@BINNED"], all_but("SALE-2")),
    ("code", "$is", ["SALE-1"], ["SALE-1"]),
    ("code", "$is", ["sale-1"], []),
    ("code", "$in", ["SALE-1", "BINNED", "GONE-1"], ["SALE-1"]),
    ("code", "$starts_with", ["sale", "ref"], ["REF-1", "SALE-1", "SALE-2", "SALE-3"]),
    ("code", "$ends_with", ["-3"], ["SALE-3"]),
    ("code", "$contains", ["_"], []),
    ("code", "$contains", ["%"], []),
    ("code", "$not_contain", ["-1"], ["GIFT-2", "PLAIN-2", "SALE-2", "SALE-3"]),
    ("vouchers", "$in", ["PLAIN-1", "PLAIN-2"], ["PLAIN-1", "PLAIN-2"]),
    ("type", "$is", ["GIFT_VOUCHER"], ["GIFT-1", "GIFT-2"]),
    ("voucher_type", "$in", ["LOYALTY_CARD", "GIFT_VOUCHER"], ["CARD-1", "GIFT-1", "GIFT-2"]),
    ("campaign", "$is", ["Sale"], SALES),
    ("campaign", "$is_unknown", [], ["GIFT-2", "PLAIN-1", "PLAIN-2"]),
    ("campaigns", "$in", ["Gifts", "Points", "Gone"], ["CARD-1", "GIFT-1"]),
    ("campaign_id", "$is", ["@Sale"], SALES),
    ("campaign_id", "$is", ["@Gone"], []),
    ("campaign_ids", "$not_in", ["@Sale"], all_but(*SALES)),
    ("is_referral_code", "$is", ["true"], ["REF-1"]),
    ("is_referral_code", "$is", ["FALSE"], all_but("REF-1")),
    ("category", "$is", ["Spring"], ["PLAIN-2", "SALE-1"]),
    ("category", "$is", ["Summer"], ["SALE-2"]),
    ("categories", "$in", ["Spring", "Summer"], ["PLAIN-2", "SALE-1", "SALE-2"]),
    ("categories", "$is_unknown", [], all_but("PLAIN-2", "SALE-1", "SALE-2")),
    ("category_id", "$is", ["@Spring"], ["PLAIN-2", "SALE-1"]),
    ("category_ids", "$in", ["@Summer"], ["SALE-2"]),
    ("category_ids", "$has_value", [], ["PLAIN-2", "SALE-1", "SALE-2"]),
    ("created_at", "$after", ["2026-02-27T12:00:00.000Z"], ["PLAIN-2"]),
    ("created_at", "$after", ["2026-02-27"], ["PLAIN-1", "PLAIN-2"]),
    ("created_at", "$before", ["2026-02-21"], ["SALE-1"]),
    ("created_at", "$is", ["2026-02-21T12:00:00.000Z"], ["SALE-2"]),
    ("created_at", "$is_days_ago", ["1"], ["PLAIN-2"]),
    ("created_at", "$today", [], []),
    ("created_date", "$this_week", [], ["CARD-1", "GIFT-1", "GIFT-2", "PLAIN-1", "PLAIN-2", "REF-1"]),
    ("created_date", "$more_than", ["7"], ["SALE-1", "SALE-2"]),
    ("updated_at", "$has_value", [], ["PLAIN-2", "SALE-3"]),
    ("updated_at", "$is", ["2026-03-01T10:00:00.000Z"], ["SALE-3"]),
    ("start_date", "$is", ["2026-01-01"], ["SALE-1"]),
    ("start_date", "$is", ["2026-01-15"], ["SALE-2"]),
    ("start_date", "$after", ["2026-01-31"], ["GIFT-1", "PLAIN-2"]),
    ("start_date", "$next_year", [], []),
    ("start_date", "$is_unknown", [], ["CARD-1", "GIFT-2", "PLAIN-1", "REF-1", "SALE-3"]),
    ("expiration_date", "$before", ["2026-03-01"], ["SALE-1"]),
    ("expiration_date", "$today", [], ["PLAIN-2"]),
    ("expiration_date", "$has_value", [], ["PLAIN-2", "SALE-1", "SALE-2"]),
    ("validity_day_of_week", "$is", ["1"], ["SALE-1"]),
    ("validity_day_of_week", "$in", ["0", "2"], ["SALE-1", "SALE-2"]),
    ("validity_day_of_week", "$count", ["2"], ["SALE-1"]),
    ("validity_day_of_week", "$is_unknown", [], all_but("SALE-1", "SALE-2")),
    ("validity_timeframe", "$has_value", [], ["SALE-1", "SALE-2"]),
    ("additional_info", "$contains", ["ann"], ["SALE-2"]),
    ("redemption.quantity", "$is", ["1"], ["SALE-1"]),
    ("redemption.quantity", "$more_than", ["1"], ["PLAIN-1", "SALE-2"]),
    ("redemption.quantity", "$is_unknown", [], all_but("PLAIN-1", "SALE-1", "SALE-2")),
    ("redemption.redeemed_quantity", "$is", ["0"], all_but("GIFT-2", "PLAIN-1")),
    ("redemption.redeemed_quantity", "$more_than_equal", ["2"], ["GIFT-2", "PLAIN-1"]),
    ("redemption.redeemed_amount", "$is", ["0"], ["GIFT-1"]),
    ("redemption.redeemed_amount", "$more_than", ["2999.5"], ["GIFT-2"]),
    ("redemption.redeemed_points", "$less_than", ["1"], ["CARD-1"]),
    ("publish.count", "$more_than", ["0"], ["PLAIN-1"]),
    # Of the codes: not before their start, not after their end, and their campaign is on.
    ("active", "$active", [], ["CARD-1", "GIFT-2", "PLAIN-2", "SALE-2", "SALE-3"]),
    ("active", "$expired", [], ["SALE-1"]),
    ("active", "$before_start", [], ["GIFT-1"]),
    ("active", "$enabled", [], all_but("PLAIN-1")),
    ("active", "$disabled", [], ["PLAIN-1"]),
    ("active", "$is", ["false"], ["PLAIN-1"]),
    ("redemption_status", "$redeemed", [], ["GIFT-2", "PLAIN-1"]),
    ("redemption_status", "$redeemable", [], all_but("PLAIN-1")),
    ("holder_id", "$is_unknown", [], ALL),
    ("holder_id", "$has_value", [], []),
    ("published_for_customer_id", "$is", ["cust_" + "0" * 32], []),
    ("metadata.colour", "$is", ["red"], ["SALE-1"]),
    ("metadata.colour", "$is", ["blue"], ["SALE-2"]),
    ("metadata.colour", "$contains", ["RED"], ["PLAIN-2", "SALE-1"]),
    ("metadata.colour", "$is_unknown", [], all_but("PLAIN-2", "SALE-1", "SALE-2")),
    ("metadata.size", "$is", ["1"], SALES),
    ("metadata.size", "$more_than", ["5"], ["PLAIN-2"]),
    ("metadata.deep.a", "$is", ["x"], ["SALE-1"]),
    ("metadata.deep.a", "$is", ["y"], ["SALE-2"]),
    ("metadata.deep.a", "$has_value", [], ["SALE-1", "SALE-2"]),
    ("metadata.a.b", "$is", ["1"], ["PLAIN-2"]),
    ("metadata.tags", "$contains", ["b"], ["PLAIN-2"]),
    ("metadata.tags", "$count", ["2"], ["PLAIN-2"]),
    ("metadata.on", "$after", ["2026-02-26"], ["PLAIN-2"]),
    # The later write counts: the campaign's over SALE-2's, SALE-3's over the campaign's.
    ("metadata.late", "$is", ["campaign"], ["SALE-1", "SALE-2"]),
    ("metadata.late", "$is", ["last"], ["SALE-3"]),
    ("metadata.late", "$is", ["own"], []),
    ("metadata.'; drop table voucher; --", "$is_unknown", [], ALL),
]


@pytest.mark.parametrize(
    ("field", "operator", "values", "found"),
    CASES,
    ids=[f"{field} {operator} {' '.join(values)}"[:60] for field, operator, values, _ in CASES],
)
async def test_a_filter_finds(
    shelf: Shelf, field: str, operator: str, values: list[str], found: list[str]
) -> None:
    asked = shelf.filter(field, operator, *values)
    assert await shelf.codes("order=code", asked) == found
    # The total is of all that match, whatever the page.
    page = await shelf.fetch("order=code", asked, "limit=1", "page=2")
    assert ([voucher.code for voucher in page.vouchers], page.total) == (found[1:2], len(found))


async def test_every_field_has_a_filter_above() -> None:
    asked = {"metadata.*" if field.startswith("metadata.") else field for field, *_ in CASES}
    assert asked == set(COLUMNS)


async def test_conditions_of_one_field_and_fields_are_joined_by_and(shelf: Shelf) -> None:
    asked = [shelf.filter("code", "$starts_with", "S"), shelf.filter("code", "$ends_with", "1", "2")]
    assert await shelf.codes("order=code", *asked) == ["SALE-1", "SALE-2"]
    asked.append(shelf.filter("category", "$is", "Summer"))
    assert await shelf.codes("order=code", *asked) == ["SALE-2"]
    assert await shelf.codes("order=code", *asked, "filters[junction]=and") == ["SALE-2"]


@pytest.mark.parametrize("junction", ["or", "OR"])
async def test_fields_are_joined_by_or_where_that_is_asked_for(shelf: Shelf, junction: str) -> None:
    asked = [
        shelf.filter("code", "$starts_with", "SALE"),
        shelf.filter("code", "$ends_with", "1"),
        shelf.filter("type", "$is", "LOYALTY_CARD"),
        f"filters[junction]={junction}",
    ]
    assert await shelf.codes("order=code", *asked) == ["CARD-1", "SALE-1"]
    # A parameter beside the filters narrows all of them.
    assert await shelf.codes("order=code", *asked, "campaign=Sale") == ["SALE-1"]


# --- parameters --------------------------------------------------------------------------------------

PARAMETERS: list[tuple[list[str], list[str]]] = [
    ([], ALL),
    (["category=Spring"], ["PLAIN-2", "SALE-1"]),
    (["category=@Summer"], ["SALE-2"]),
    (["campaign=Sale"], SALES),
    (["campaign=sale"], []),
    (["campaign=Gone"], []),
    (["campaign_id=@Sale"], SALES),
    (["campaign_id=@Gone"], []),
    (["campaign_id=Sale"], []),
    (["campaign=Sale", "campaign_id=@Sale"], SALES),
    (["campaign=Sale", "campaign_id=@Gifts"], []),
    (["campaign=Sale", "code=SALE-2"], ["SALE-2"]),
    (["campaign=Sale", "category=Summer"], ["SALE-2"]),
    (["customer=cust_1"], []),
    (["code=SALE-1"], ["SALE-1"]),
    (["code=BINNED"], []),
    (["ids=@SALE-1"], ["SALE-1"]),
    (["ids=@SALE-1,@REF-1"], ["REF-1", "SALE-1"]),
    (["ids=@SALE-1", "ids=@REF-1"], ["REF-1", "SALE-1"]),
    (["ids[]=@SALE-1", "ids[]=@REF-1"], ["REF-1", "SALE-1"]),
    (["ids[0]=@SALE-1", "ids[1]=@BINNED", "ids[2]=v_1"], ["SALE-1"]),
    (["ids="], []),
    # What is shown as 12:00:00.000 is neither before nor after 12:00:00.000.
    (["created_at[after]=2026-02-27T12:00:00.000Z"], ["PLAIN-2"]),
    (["created_at[after]=2026-02-27T11:59:59.999Z"], ["PLAIN-1", "PLAIN-2"]),
    (["created_at[before]=2026-02-20T12:00:00.000Z"], []),
    (["created_at[before]=2026-02-21"], ["SALE-1"]),
    (["created_at[after]=2026-02-22", "created_at[before]=2026-02-24"], ["GIFT-1", "SALE-3"]),
    (["[created_at][after]=2026-02-28"], ["PLAIN-2"]),
    (["created_at[after]=2026-02-28T14:00:00%2B02:00"], []),
    (["updated_at[after]=2026-03-01T10:00:00.000Z"], ["PLAIN-2"]),
    (["updated_at[before]=2026-03-01T11:00:00.000Z"], ["SALE-3"]),
    (["filters="], ALL),
    (["unknown=5"], ALL),
]


@pytest.mark.parametrize(("parameters", "found"), PARAMETERS, ids=lambda value: " ".join(value)[:60])
async def test_a_parameter_finds(shelf: Shelf, parameters: list[str], found: list[str]) -> None:
    for name, wire_id in shelf.ids.items():
        parameters = [each.replace(f"@{name}", wire_id) for each in parameters]
    if parameters == ["filters="]:
        # Only HTTP knows an empty text for an empty object.
        listed = (await shelf.client.get("/v1/vouchers?order=code")).json()
        assert [voucher["code"] for voucher in listed["vouchers"]] == found
    else:
        assert await shelf.codes("order=code", *parameters) == found


async def test_a_category_that_is_not_there_is_refused(shelf: Shelf) -> None:
    answer = await shelf.client.get("/v1/vouchers", params={"category": "Autumn"})
    assert read_refusal(answer) == not_there("category", "Autumn")


# --- order and pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ([], BY_AGE[::-1]),
        (["order=-created_at"], BY_AGE[::-1]),
        (["order=created_at"], BY_AGE),
        (["order=code"], ALL),
        (["order=-code"], ALL[::-1]),
        # What was never changed comes as the earliest change of all.
        (
            ["order=updated_at"],
            [code for code in BY_AGE if code not in ("SALE-3", "PLAIN-2")] + ["SALE-3", "PLAIN-2"],
        ),
        (
            ["order=-updated_at"],
            ["PLAIN-2", "SALE-3"] + [code for code in BY_AGE[::-1] if code not in ("SALE-3", "PLAIN-2")],
        ),
    ],
)
async def test_the_order_is_total_over_all_pages(shelf: Shelf, order: list[str], found: list[str]) -> None:
    assert await shelf.codes(*order) == found
    pages = [await shelf.fetch(*order, "limit=2", f"page={page}") for page in range(1, 7)]
    assert [voucher.code for page in pages for voucher in page.vouchers] == found
    assert [len(page.vouchers) for page in pages] == [2, 2, 2, 2, 1, 0]
    assert {page.total for page in pages} == {9}


async def test_a_list_is_shown_with_its_name_and_vouchers_without_assignments(shelf: Shelf) -> None:
    listed = (await shelf.client.get("/v1/vouchers", params={"limit": 2, "order": "code"})).json()
    vouchers = listed.pop("vouchers")
    assert listed == {"object": "list", "data_ref": "vouchers", "total": 9}
    for voucher, code in zip(vouchers, ["CARD-1", "GIFT-1"], strict=True):
        alone = (await shelf.client.get(f"/v1/vouchers/{code}")).json()
        assert alone.pop("validation_rules_assignments")["total"] == 0
        assert voucher == alone


async def test_without_a_limit_a_page_has_ten(shelf: Shelf) -> None:
    assert len((await shelf.client.get("/v1/vouchers")).json()["vouchers"]) == 9
    assert (await shelf.client.get("/v1/vouchers", params={"page": 2})).json()["vouchers"] == []
    assert (await shelf.client.get("/v1/vouchers", params={"page": 1000, "limit": 100})).json()["total"] == 9


QUERY = "invalid_query_params"
REFUSED: list[tuple[str, str, str]] = [
    ("limit=0", QUERY, "Property .limit must be >= 1"),
    ("limit=101", QUERY, "Property .limit must be <= 100"),
    ("limit=1.5", QUERY, "Property .limit must be integer"),
    ("page=0", QUERY, "Property .page must be >= 1"),
    ("page=1001", "page_over_limit", "Property .page cannot be higher than 1000"),
    (
        "order=name",
        QUERY,
        "Property .order must be equal to one of the allowed values"
        " [ created_at, -created_at, updated_at, -updated_at, code, -code ]",
    ),
    (
        "created_at[after]=now",
        QUERY,
        "Property .created_at.after cannot be recognized as a ISO-8601 compliant date",
    ),
    (
        "updated_at[before]=2026-13-01",
        QUERY,
        "Property .updated_at.before cannot be recognized as a ISO-8601 compliant date",
    ),
    ("created_at=2026-01-01", QUERY, "Property .created_at must be object,null"),
    ("ids[a]=b", QUERY, "Property .ids must be array"),
    (
        "&".join(["ids=" + ",".join(["v_1"] * 1001)]),
        QUERY,
        "Property .ids must NOT have more than 1000 items",
    ),
    ("code=%00", QUERY, "Query must NOT contain NUL characters"),
    ("filters[colour][conditions][$is]=red", QUERY, "Property .filters.colour is not allowed"),
    ("filters[metadata][conditions][$is]=red", QUERY, "Property .filters.metadata is not allowed"),
    (
        "filters[junction]=xor",
        QUERY,
        "Property .filters has wrong `junction` property. It must be one of: and, or",
    ),
    (
        "filters[created_at][conditions][$after]=soon",
        QUERY,
        "Property .filters.created_at.conditions.$after cannot be recognized as a ISO-8601 compliant date",
    ),
    (
        "filters[redemption.quantity][conditions][$is]=many",
        QUERY,
        "Property .filters.redemption.quantity.conditions.$is must be number",
    ),
]


@pytest.mark.parametrize(("query", "key", "details"), REFUSED, ids=lambda value: value[:40])
async def test_a_query_that_means_nothing_is_refused(
    shelf: Shelf, query: str, key: str, details: str
) -> None:
    answer = await shelf.client.get(f"/v1/vouchers?{query}")
    assert read_refusal(answer) == a_refusal(400, key, details)


@pytest.mark.parametrize("operator", ["$like", "$before"])
async def test_an_operator_that_a_field_does_not_have_is_refused_with_those_that_it_has(
    shelf: Shelf, operator: str
) -> None:
    answer = await shelf.client.get("/v1/vouchers?" + shelf.filter("active", operator, "x"))
    refusal = read_refusal(answer)
    assert (refusal["code"], refusal["key"]) == (400, QUERY)
    form, _, operators = refusal["details"].partition(" and condition must be one of: ")
    assert form.endswith(
        "should match either `filters[${field}][conditions][${condition}][${index}]`"
        " or `filters[${field}][conditions][${condition}]` format"
    )
    assert {"$active", "$expired", "$enabled", "$disabled"} <= {*operators.split(", ")}
    assert "$like" not in operators
