"""Background work: one queue in PostgreSQL for all of it (docs/adr/0003)."""

from openvoucher.platform.jobs.queue import Job, Lane, enqueue_job
from openvoucher.platform.jobs.worker import JobKind, PermanentFailure, PortionResult, Run

__all__ = ["Job", "JobKind", "Lane", "PermanentFailure", "PortionResult", "Run", "enqueue_job"]
