"""Async actions: what callers see of background work.

An action is written in the transaction that enqueues its job, so a 202 means that the work will
be done. Each portion adds its counts in its own transaction: `done_count + failed_count` is the
number of rows that have an outcome, and progress never goes back.
"""
