"""Terms: what a code promises — benefit, dates, limits, metadata — and how it inherits them.

A campaign keeps its terms in numbered revisions; a voucher row keeps only what overrides them. The
terms of a code are worked out at reading (`engine.inheritance`), so an update of a campaign
writes one row however many codes it has. In the tables terms are JSON by wire name, dates as
text of the wire, money in minor units.
"""
