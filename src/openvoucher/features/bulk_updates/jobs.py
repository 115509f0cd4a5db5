"""Background work of bulk updates."""

from openvoucher.features.async_actions.service import fail_action
from openvoucher.features.bulk_updates import service
from openvoucher.platform.jobs import JobKind

JOB_KINDS = [JobKind(name=service.JOB_KIND, run_portion=service.update_portion, on_failure=fail_action)]
