"""PostgreSQL: connections, transactions, migrations, and the check that it keeps what it promises."""

from openvoucher.platform.db.pool import (
    Connection,
    Database,
    DatabaseUnavailable,
    Row,
    TransactionConflict,
)

__all__ = ["Connection", "Database", "DatabaseUnavailable", "Row", "TransactionConflict"]
