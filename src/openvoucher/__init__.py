"""OpenVoucher: a self-hosted promotion engine with the Voucherify REST API."""

__version__ = "0.1.0"
