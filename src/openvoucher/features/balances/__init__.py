"""Balances of gift and loyalty cards.

A balance is never set, only posted to: what the card started with and the sum of its transactions
give the balance, and each transaction carries the balance after it. The card's row is locked from
reading to posting, and a check of the table stands behind: no balance is ever negative.
"""
