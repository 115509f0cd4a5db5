"""Background work on orders."""

from openvoucher.features.async_actions.service import fail_action
from openvoucher.features.orders import imports
from openvoucher.platform.jobs import JobKind

JOB_KINDS: list[JobKind] = [
    JobKind(name=imports.JOB_KIND, run_portion=imports.import_portion, on_failure=fail_action)
]
