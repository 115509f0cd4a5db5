"""Background work on products."""

from openvoucher.features.async_actions.service import fail_action
from openvoucher.features.products import bulk_updates, csv_imports
from openvoucher.platform.jobs import JobKind

JOB_KINDS = [
    JobKind(
        name=csv_imports.PRODUCT_JOB, run_portion=csv_imports.import_product_portion, on_failure=fail_action
    ),
    JobKind(name=csv_imports.SKU_JOB, run_portion=csv_imports.import_sku_portion, on_failure=fail_action),
    JobKind(name=bulk_updates.JOB_KIND, run_portion=bulk_updates.update_portion, on_failure=fail_action),
]
