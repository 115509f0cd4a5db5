"""Background work: one queue in PostgreSQL for all of it (docs/adr/0003)."""

from openvoucher.platform.jobs.queue import Job, JobBusy, Lane, cancel_job, change_payload, enqueue_job
from openvoucher.platform.jobs.worker import JobKind, PermanentFailure, PortionResult, Run

__all__ = [
    "Job",
    "JobBusy",
    "JobKind",
    "Lane",
    "PermanentFailure",
    "PortionResult",
    "Run",
    "cancel_job",
    "change_payload",
    "enqueue_job",
]
