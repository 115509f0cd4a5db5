"""Campaigns: a family of codes that inherit their terms, or promotions without codes.

What codes inherit stands in numbered revisions; an update writes one new revision, however many
codes there are, and published or redeemed codes stay bound to theirs. Invariants: a name is unique in the
project, the bin included; `vouchers_count` equals the codes outside the bin.
"""
