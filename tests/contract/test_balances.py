"""Credits and points: added, removed, and the transactions that say so."""

from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card, read_refusal

pytestmark = pytest.mark.slow

ORDER = voucherify.ParameterOrderListTransactions


def change(amount: int, **fields: Any) -> voucherify.VouchersBalanceUpdateRequestBody:
    return voucherify.VouchersBalanceUpdateRequestBody(amount=amount, **fields)


KINDS: list[Any] = [
    pytest.param("GIFT_VOUCHERS", gift_voucher(125000), "gift_voucher", id="credits"),
    pytest.param("LOYALTY_PROGRAM", loyalty_card(125000), "loyalty_card", id="points"),
]


@pytest.mark.parametrize(("campaign_type", "voucher", "kind"), KINDS)
def test_a_balance_moves_by_transactions(
    sdk: Sdk, campaign_type: str, voucher: dict[str, Any], kind: str
) -> None:
    campaign_id = sdk.make_campaign("Cards", campaign_type=campaign_type, voucher=voucher)
    card = sdk.campaigns.add_voucher_with_specific_code_to_campaign(campaign_id, "CARD/1")
    related = {"type": "voucher", "id": card.id}
    fixed = {"type": kind, "operation_type": "MANUAL", "object": "balance", "related_object": related}

    added = sdk.vouchers.update_voucher_balance("CARD/1", change(5000, source_id="src-1", reason="a gift"))
    assert sdk.raw == {"amount": 5000, "total": 130000, "balance": 130000, **fixed}
    assert (added.amount, added.total, added.balance, added.type) == (5000, 130000, 130000, kind)
    assert added.related_object is not None
    assert (added.related_object.id, added.operation_type) == (card.id, "MANUAL")
    removed = sdk.vouchers.update_voucher_balance(str(card.id), change(-2000))
    assert sdk.raw == {"amount": -2000, "total": 128000, "balance": 128000, **fixed}
    assert removed.balance == 128000

    sdk.vouchers.get_voucher("CARD/1")
    raw = sdk.raw
    if kind == "gift_voucher":
        assert raw["gift"] == {
            "amount": 130000,
            "subtracted_amount": 2000,
            "balance": 128000,
            "effect": "APPLY_TO_ORDER",
        }
        unit, prefix = "amount", "CREDITS"
    else:
        assert raw["loyalty_card"] == {"points": 130000, "subtracted_points": 2000, "balance": 128000}
        unit, prefix = "points", "POINTS"
    assert raw["updated_at"] is not None

    listed = sdk.vouchers.list_voucher_transactions("CARD/1")
    assert (listed.object, listed.data_ref, listed.has_more) == ("list", "data", False)
    expected = [
        {
            "source_id": None,
            "voucher_id": card.id,
            "campaign_id": campaign_id,
            "source": "API",
            "reason": None,
            "type": f"{prefix}_REMOVAL",
            "details": {
                "balance": {
                    "type": kind,
                    "total": 128000,
                    "object": "balance",
                    unit: -2000,
                    "balance": 128000,
                    "operation_type": "MANUAL",
                    "related_object": related,
                }
            },
            "related_transaction_id": None,
        },
        {
            "source_id": "src-1",
            "voucher_id": card.id,
            "campaign_id": campaign_id,
            "source": "API",
            "reason": "a gift",
            "type": f"{prefix}_ADDITION",
            "details": {
                "balance": {
                    "type": kind,
                    "total": 130000,
                    "object": "balance",
                    unit: 5000,
                    "balance": 130000,
                    "operation_type": "MANUAL",
                    "related_object": related,
                }
            },
            "related_transaction_id": None,
        },
    ]
    generated = ("id", "created_at")
    assert [
        {name: value for name, value in each.items() if name not in generated} for each in sdk.raw["data"]
    ] == expected
    newest, oldest = listed.data or []
    assert (newest.type, oldest.reason) == (f"{prefix}_REMOVAL", "a gift")
    assert newest.details is not None
    assert newest.details.balance is not None
    assert getattr(newest.details.balance, unit) == -2000


def test_a_standalone_gift_card_has_transactions_without_a_campaign(sdk: Sdk) -> None:
    sdk.vouchers.create_voucher(
        "G", voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(gift_voucher(10000))
    )
    sdk.vouchers.update_voucher_balance("G", change(-2000))
    sdk.vouchers.update_voucher_balance("G", change(500))
    assert (sdk.raw["total"], sdk.raw["balance"]) == (8500, 8500)
    sdk.vouchers.get_voucher("G")
    assert sdk.raw["gift"] == {
        "amount": 10500,
        "subtracted_amount": 2000,
        "balance": 8500,
        "effect": "APPLY_TO_ORDER",
    }
    transactions = sdk.vouchers.list_voucher_transactions("G").data or []
    assert [each.campaign_id for each in transactions] == [None, None]


def test_the_transactions_of_a_voucher_are_paged(sdk: Sdk) -> None:
    sdk.vouchers.create_voucher(
        "G", voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(gift_voucher(100))
    )
    for amount in range(1, 6):
        sdk.vouchers.update_voucher_balance("G", change(amount))

    def amounts(order: voucherify.ParameterOrderListTransactions | None) -> list[list[int]]:
        pages, after = [], None
        while True:
            answer = sdk.vouchers.list_voucher_transactions(
                "G", limit=2, order=order, starting_after_id=after
            )
            pages.append([each["details"]["balance"]["amount"] for each in sdk.raw["data"]])
            if not answer.has_more:
                assert "more_starting_after" not in sdk.raw
                return pages
            after = answer.more_starting_after

    assert amounts(None) == [[5, 4], [3, 2], [1]]
    assert amounts(ORDER.MINUS_ID) == [[5, 4], [3, 2], [1]]
    assert amounts(ORDER.ID) == [[1, 2], [3, 4], [5]]


def test_a_campaign_lists_the_transactions_of_its_cards(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(100))
    ids = {}
    for code in ("A", "B"):
        ids[code] = sdk.campaigns.add_voucher_with_specific_code_to_campaign(campaign_id, code).id
        sdk.vouchers.update_voucher_balance(code, change(10))
    sdk.vouchers.update_voucher_balance("A", change(-5))
    sdk.make_campaign("Other gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(100))
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Other gifts", "C")
    sdk.vouchers.update_voucher_balance("C", change(1))

    listed = sdk.campaigns.list_campaign_transactions("Gifts")
    data = listed.data or []
    assert [(each.voucher_id, each.type) for each in data] == [
        (ids["A"], "CREDITS_REMOVAL"),
        (ids["B"], "CREDITS_ADDITION"),
        (ids["A"], "CREDITS_ADDITION"),
    ]
    assert listed.has_more is False
    first = sdk.campaigns.list_campaign_transactions(campaign_id, limit=1, order=ORDER.ID)
    assert (first.has_more, first.more_starting_after) == (True, data[2].id)
    rest = sdk.campaigns.list_campaign_transactions(
        campaign_id, order=ORDER.ID, starting_after_id=first.more_starting_after
    )
    assert [each.id for each in rest.data or []] == [data[1].id, data[0].id]
    for query in (
        f"filters[voucher_id][conditions][$is]={ids['A']}",
        f"filters[id][conditions][$in][0]={data[0].id}&filters[id][conditions][$in][1]={data[2].id}",
    ):
        found = sdk.send("GET", f"/v1/campaigns/{campaign_id}/transactions?{query}").body
        assert [each["id"] for each in found["data"]] == [data[0].id, data[2].id]
    # The SDK leaves `conditions` out of this filter.
    by_sdk = sdk.campaigns.list_campaign_transactions(
        campaign_id,
        filters=voucherify.ParametersFiltersListCampaignTransactions.model_validate(
            {"voucher_id": {"$is": ids["B"]}}
        ),
    )
    assert [each.id for each in by_sdk.data or []] == [data[1].id]


def test_other_campaigns_and_vouchers_have_no_transactions(sdk: Sdk) -> None:
    sdk.make_campaign("Discounts")
    sdk.make_campaign("Shipping", campaign_type="PROMOTION")
    for name in ("Discounts", "Shipping"):
        assert sdk.campaigns.list_campaign_transactions(name).data == []
        assert sdk.raw == {"object": "list", "data_ref": "data", "data": [], "total": 0}
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Discounts", "D")
    assert sdk.vouchers.list_voucher_transactions("D").data == []
    assert sdk.raw == {"object": "list", "data_ref": "data", "data": [], "has_more": False}


@pytest.mark.parametrize(
    ("campaign_type", "voucher", "key"),
    [
        ("GIFT_VOUCHERS", gift_voucher(100), "gift_amount_exceeded"),
        ("LOYALTY_PROGRAM", loyalty_card(100), "loyalty_card_points_exceeded"),
    ],
)
def test_a_card_cannot_be_overdrawn(sdk: Sdk, campaign_type: str, voucher: dict[str, Any], key: str) -> None:
    sdk.make_campaign("Cards", campaign_type=campaign_type, voucher=voucher)
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Cards", "C")
    sdk.vouchers.update_voucher_balance("C", change(-100))
    assert sdk.raw["balance"] == 0
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.vouchers.update_voucher_balance("C", change(-1))
    assert read_refusal(refusal.value)["key"] == key
    assert len(sdk.vouchers.list_voucher_transactions("C").data or []) == 1


def test_an_amount_that_moves_nothing_is_refused(sdk: Sdk) -> None:
    for code, fields in (("G", gift_voucher(100)), ("D", discount_voucher())):
        sdk.vouchers.create_voucher(
            code, voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(fields)
        )
    for code, body in (
        ("G", {"amount": 0}),
        ("G", {}),
        ("G", {"amount": "5"}),
        ("G", {"amount": 1.5}),
        ("D", {"amount": 5}),
    ):
        answer = sdk.send("POST", f"/v1/vouchers/{code}/balance", body)
        assert answer.status == 400, (code, body)
        assert answer.body["key"] in ("invalid_add_balance_params", "invalid_amount", "invalid_payload")
    assert sdk.vouchers.list_voucher_transactions("G").data == []
    assert sdk.raw["data"] == []
    sdk.vouchers.get_voucher("G")
    assert sdk.raw["gift"]["balance"] == 100
