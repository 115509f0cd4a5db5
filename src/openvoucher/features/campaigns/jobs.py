"""Background work of campaigns."""

from openvoucher.features.async_actions.service import fail_action
from openvoucher.features.campaigns import service
from openvoucher.platform.jobs import JobKind

JOB_KINDS = [
    JobKind(name=service.UPDATE_JOB, run_portion=service.finish_update, on_failure=service.abandon_update),
    JobKind(name=service.DELETE_JOB, run_portion=service.delete_portion, on_failure=fail_action),
]
