"""The outbox: what happened, written in the transaction in which it happened, told to whoever listens.

A feature that changes something calls `emit_events` with its connection: the events are committed
with the change or not at all. The workers read them, one reader a project at a time, in the order
of their ids, and tell all subscribers in one transaction, in which the events are removed: each
subscriber's effects in the database happen exactly once. A subscriber that fails on one event holds
up that event alone.

Events are named as the contract names customer activity (`customer.created`, `customer.publication.succeeded`
…). They carry ids and what would be gone by the time they are read; subscribers look up the rest.
"""
