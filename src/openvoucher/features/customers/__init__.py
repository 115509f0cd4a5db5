"""Customers: whom codes are published to, who orders and redeems.

A customer is named by our id or by the caller's own (`source_id`), which is unique among those that
are there: whoever sends a new one makes a customer, whoever sends a known one changes it. What
other objects say of a customer (orders, balances of its cards, referrals) is worked out when it is read and
stored nowhere twice. A deleted customer is out of sight, but what refers to it stays; permanent deletion
takes that along.
"""
