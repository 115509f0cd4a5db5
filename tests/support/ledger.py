"""Do the cards of a database add up?"""

from collections.abc import Iterator, Mapping

from openvoucher.platform.db import Database, Row


async def find_ledger_faults(db: Database, started_with: Mapping[str, int]) -> list[str]:
    """What is wrong with cards, by code, that held so much before their first posting.

    Spending is not looked at: cards that were redeemed from are none for this.
    """
    async with db.connection() as connection:
        cards = await connection.fetch("select * from voucher where code = any($1)", [*started_with])
        postings = await connection.fetch("select * from voucher_transaction")
    assert {card["code"] for card in cards} == started_with.keys()
    faults = []
    for card in cards:
        mine = [posting for posting in postings if posting["voucher_id"] == card["id"]]
        found = _find_card_faults(card, mine, started_with[card["code"]])
        faults += [f"{card['code']}: {fault}" for fault in found]
    return faults


def _find_card_faults(card: Row, postings: list[Row], initial: int) -> Iterator[str]:
    amounts = [posting["amount"] for posting in postings]
    balance = initial if card["balance"] is None else card["balance"]
    if balance < 0:
        yield f"the balance {balance} is negative"
    if balance != initial + sum(amounts):
        yield f"{initial} and postings of {sum(amounts)} do not give {balance}"
    added = sum(amount for amount in amounts if amount > 0)
    figures = (card["credited"], card["subtracted"], card["spent"])
    if postings and figures != (initial + added, added - sum(amounts), 0):
        yield "what was credited and subtracted is not what was posted"
    # Each posting starts where another ended, the first at the start; the last ends at the balance.
    starts = sorted([balance, *(posting["balance_after"] - posting["amount"] for posting in postings)])
    ends = sorted([initial, *(posting["balance_after"] for posting in postings)])
    if starts != ends:
        yield "the postings do not follow each other"
    if any(posting["total_after"] != posting["balance_after"] for posting in postings):
        yield "a total is not its balance though nothing was spent"
