"""Background work on segments."""

from openvoucher.features.segments.evaluation import JOB_KIND, evaluate_portion, give_up_evaluation
from openvoucher.features.segments.members import REFRESH_JOB, give_up_refresh, refresh_portion
from openvoucher.platform.jobs import JobKind

JOB_KINDS: list[JobKind] = [
    JobKind(name=JOB_KIND, run_portion=evaluate_portion, on_failure=give_up_evaluation),
    JobKind(name=REFRESH_JOB, run_portion=refresh_portion, on_failure=give_up_refresh),
]
