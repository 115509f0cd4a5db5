"""Background work on customers."""

from openvoucher.features.async_actions.service import fail_action
from openvoucher.features.customers import bulk, imports
from openvoucher.platform.jobs import JobKind

JOB_KINDS = [
    JobKind(name=imports.JOB_KIND, run_portion=imports.import_portion, on_failure=fail_action),
    JobKind(name=bulk.JOB_KIND, run_portion=bulk.update_portion, on_failure=fail_action),
]
