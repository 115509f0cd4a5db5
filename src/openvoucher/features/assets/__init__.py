"""QR codes and barcodes of vouchers.

Their addresses are public, so that an e-mail can show them. An address carries the voucher's id,
encrypted with a key of the project: it tells the code to nobody, cannot be made up, and stays
the same for the life of the voucher.
"""
