"""PostgreSQL: connections, transactions, migrations, and the check that it keeps what it promises."""

from openvoucher.platform.db.pool import (
    CommitUnknown,
    Connection,
    Database,
    DatabaseFull,
    DatabaseUnavailable,
    Row,
    StatementTimeout,
    TransactionConflict,
)

__all__ = [
    "CommitUnknown",
    "Connection",
    "Database",
    "DatabaseFull",
    "DatabaseUnavailable",
    "Row",
    "StatementTimeout",
    "TransactionConflict",
]
