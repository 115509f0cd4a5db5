"""Imports of codes, JSON or CSV, into a campaign or as standalone vouchers.

Every row has one outcome: stored, or failed with a reason. The input is kept in portions from the
moment it comes in; a portion is one transaction of its vouchers, its failures and the job's
position, so a killed worker neither loses nor doubles a row.
"""
