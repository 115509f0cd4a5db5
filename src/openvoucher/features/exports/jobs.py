"""Background work on exports."""

from openvoucher.features.exports import portions, service
from openvoucher.platform.jobs import JobKind

JOB_KINDS: list[JobKind] = [
    JobKind(
        name=service.JOB_KIND,
        run_portion=portions.write_portion,
        on_failure=portions.abandon_export,
    )
]
