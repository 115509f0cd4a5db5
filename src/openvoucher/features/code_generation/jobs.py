"""Background work of code generation."""

from openvoucher.features.code_generation import service
from openvoucher.platform.jobs import JobKind

JOB_KINDS = [
    JobKind(
        name=service.JOB_KIND,
        run_portion=service.generate_portion,
        on_failure=service.abandon_generation,
    )
]
