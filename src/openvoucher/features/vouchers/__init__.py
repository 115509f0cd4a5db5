"""Vouchers: codes, with or without a campaign.

A voucher row is narrow: code, counters, what overrides its campaign, and the campaign revision it
keeps once it is published or redeemed (none: it follows the newest). Invariants: a code is unique in
its project, those in the bin included; a voucher whose campaign is in the bin is nowhere to be found;
`campaign.vouchers_count` is the number of its vouchers outside the bin.
"""
