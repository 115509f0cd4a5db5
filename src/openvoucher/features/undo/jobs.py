"""Background work of undoing."""

from openvoucher.features.async_actions.service import fail_action
from openvoucher.features.undo import service
from openvoucher.platform.jobs import JobKind

JOB_KINDS = [JobKind(name=service.JOB_KIND, run_portion=service.undo_portion, on_failure=fail_action)]
