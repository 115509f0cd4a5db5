"""The dialect that all answers and requests share: ids, dates, errors, lists, filters, metadata.

Nothing in here knows a resource, a database or HTTP; every feature speaks through it, so that one
rule of the wire (three decimals in a date, `details` left out instead of null) is written once.
"""
