"""Custom events: what callers saw a customer do, under names of their own.

A name needs no schema; where the project has one for it, the metadata of the event is held against it.
An event is one row, written with its customer and the word to those who listen in one transaction:
segments count it, loyalty and referrals act on it. Sending it again is another event.
"""
