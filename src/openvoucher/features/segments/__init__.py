"""Segments: customers by rule or by name.

A static segment is a list, fixed when it is made. A passive one is a rule, asked whenever somebody
wants to know. An auto-update one is a rule whose members are kept in a table, so that entering and
leaving can be told (`customer.segment.entered`, `.left`).

How old that table can be:
- what happens to a customer is taken in by the subscriber of the outbox: a second after the commit,
  and whatever lies in the outbox before it (bulk work: and a job that takes turns with other jobs);
- what only time does (`created_at` less than 30 days ago) is found by evaluating all customers anew,
  ten minutes after the last time that began, or when that has ended if it took longer: a membership
  is never older than ten minutes and one evaluation, its wait in the queue included. Rules that do
  not follow time are evaluated once, when the segment is made.

Whoever is found by the first evaluation was there already: no entering is told of it.

All membership is decided in the database: no number of customers is ever loaded. Who writes members
of an auto-update segment holds its row from before it looks, so that an older look can never be
written over a newer one.
"""
