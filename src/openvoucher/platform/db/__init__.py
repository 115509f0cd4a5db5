"""PostgreSQL: connections, transactions, migrations, and the check that it keeps what it promises."""

from openvoucher.platform.db.pool import (
    CommitUnknown,
    Connection,
    Database,
    DatabaseUnavailable,
    Row,
    StatementTimeout,
    TransactionConflict,
)

__all__ = [
    "CommitUnknown",
    "Connection",
    "Database",
    "DatabaseUnavailable",
    "Row",
    "StatementTimeout",
    "TransactionConflict",
]
