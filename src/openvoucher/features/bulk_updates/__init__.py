"""Bulk updates of vouchers' metadata: many codes in one request, an outcome for each.

An unknown code is an error of its own row, never of the request. Keys are merged; running a portion
again after a crash writes the same values.
"""
