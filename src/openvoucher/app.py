"""The composition root: the only module that knows everything."""

import logging
from collections.abc import Callable
from datetime import datetime

from openvoucher import __version__
from openvoucher.features.assets import routes as assets
from openvoucher.features.async_actions import routes as async_actions
from openvoucher.features.balances import routes as balances
from openvoucher.features.balances.export import TRANSACTIONS
from openvoucher.features.bulk_updates import jobs as bulk_update_jobs
from openvoucher.features.bulk_updates import routes as bulk_updates
from openvoucher.features.campaigns import jobs as campaign_jobs
from openvoucher.features.campaigns import routes as campaigns
from openvoucher.features.campaigns.service import purge_campaign
from openvoucher.features.categories import routes as categories
from openvoucher.features.code_generation import jobs as code_generation_jobs
from openvoucher.features.code_imports import jobs as code_import_jobs
from openvoucher.features.code_imports import routes as code_imports
from openvoucher.features.custom_events import routes as custom_events
from openvoucher.features.customers import jobs as customer_jobs
from openvoucher.features.customers import routes as customers
from openvoucher.features.customers.activity import record_activity
from openvoucher.features.customers.export import CUSTOMERS
from openvoucher.features.exports import jobs as export_jobs
from openvoucher.features.exports import routes as exports
from openvoucher.features.exports.columns import exportables
from openvoucher.features.exports.planned import PLANNED
from openvoucher.features.metadata_schemas import routes as metadata_schemas
from openvoucher.features.oauth import routes as oauth
from openvoucher.features.oauth import service as oauth_service
from openvoucher.features.orders import jobs as order_jobs
from openvoucher.features.orders import routes as orders
from openvoucher.features.orders.export import ORDERS
from openvoucher.features.outbox.service import OutboxReader, subscribers
from openvoucher.features.product_collections import routes as product_collections
from openvoucher.features.products import jobs as product_jobs
from openvoucher.features.products import routes as products
from openvoucher.features.products.export import PRODUCTS, SKUS
from openvoucher.features.products.service import purge_product, purge_sku
from openvoucher.features.projects import routes as projects
from openvoucher.features.projects.service import KeyKind, KeyRing
from openvoucher.features.publications import routes as publications
from openvoucher.features.publications.export import PUBLICATIONS
from openvoucher.features.segments import jobs as segment_jobs
from openvoucher.features.segments import routes as segments
from openvoucher.features.segments.evaluation import SegmentClock
from openvoucher.features.segments.members import refresh_members
from openvoucher.features.trash_bin import routes as trash_bin
from openvoucher.features.trash_bin.service import removers
from openvoucher.features.undo import jobs as undo_jobs
from openvoucher.features.undo import routes as undo
from openvoucher.features.vouchers import routes as vouchers
from openvoucher.features.vouchers.export import VOUCHERS
from openvoucher.features.vouchers.service import purge_voucher
from openvoucher.platform.call import Caller
from openvoucher.platform.db import Database
from openvoucher.platform.http import health
from openvoucher.platform.http.operations import Operation
from openvoucher.platform.http.reference import reference_operations
from openvoucher.platform.http.server import RawPath, make_http_app
from openvoucher.platform.jobs import JobKind
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.errors import missing_permission, unauthorized

log = logging.getLogger("openvoucher")

OPERATIONS: list[Operation] = [
    *health.OPERATIONS,
    *oauth.OPERATIONS,
    *campaigns.OPERATIONS,
    *vouchers.OPERATIONS,
    *balances.OPERATIONS,
    *code_imports.OPERATIONS,
    *bulk_updates.OPERATIONS,
    *async_actions.OPERATIONS,
    *undo.OPERATIONS,
    *publications.OPERATIONS,
    *customers.OPERATIONS,
    *segments.OPERATIONS,
    *custom_events.OPERATIONS,
    *orders.OPERATIONS,
    *products.OPERATIONS,
    *product_collections.OPERATIONS,
    *exports.OPERATIONS,
    *projects.OPERATIONS,
    *categories.OPERATIONS,
    *metadata_schemas.OPERATIONS,
    *trash_bin.OPERATIONS,
    *assets.OPERATIONS,
]

# The pages describe the whole table, themselves included.
OPERATIONS += reference_operations(lambda: OPERATIONS, version=__version__)

JOB_KINDS: list[JobKind] = [
    *campaign_jobs.JOB_KINDS,
    *code_generation_jobs.JOB_KINDS,
    *code_import_jobs.JOB_KINDS,
    *bulk_update_jobs.JOB_KINDS,
    *undo_jobs.JOB_KINDS,
    *customer_jobs.JOB_KINDS,
    *segment_jobs.JOB_KINDS,
    *product_jobs.JOB_KINDS,
    *order_jobs.JOB_KINDS,
    *export_jobs.JOB_KINDS,
]

exportables |= {
    "voucher": VOUCHERS,
    "customer": CUSTOMERS,
    "publication": PUBLICATIONS,
    "order": ORDERS,
    "product": PRODUCTS,
    "sku": SKUS,
    "voucher_transactions": TRANSACTIONS,
    **PLANNED,
}

removers |= {
    "campaign": purge_campaign,
    "voucher": purge_voucher,
    "product": purge_product,
    "sku": purge_sku,
}

subscribers += [record_activity, refresh_members]

_KEY_HEADERS: dict[str, tuple[KeyKind, str, str]] = {
    "server": ("server", "X-App-Id", "X-App-Token"),
    "client": ("client", "X-Client-Application-Id", "X-Client-Token"),
    "keys only": ("server", "X-App-Id", "X-App-Token"),
    "management": ("management", "X-Management-Id", "X-Management-Token"),
}

# Scopes that stand for every scope, by the access that takes bearers.
_ALL_SCOPES: dict[str, str] = {"server": "api", "client": "client_api"}


def make_app(db: Database, settings: Settings) -> RawPath:
    """The ASGI application."""
    keys = KeyRing(db)

    async def authenticate(
        operation: Operation, header: Callable[[str], str | None], now: datetime
    ) -> Caller:
        authorization = header("Authorization") or ""
        scheme, _, bearer = authorization.partition(" ")
        all_scope = _ALL_SCOPES.get(operation.access)
        if all_scope and scheme.lower() == "bearer":
            caller = await oauth_service.authenticate_bearer(db, bearer.strip(), now=now)
            if caller is None:
                raise unauthorized()
            if caller.scopes is not None and not caller.scopes & {operation.scope, all_scope}:
                raise missing_permission()
            return caller
        kind, id_header, token_header = _KEY_HEADERS[operation.access]
        return await keys.authenticate(kind, header(id_header), header(token_header))

    return make_http_app(OPERATIONS, db=db, settings=settings, authenticate=authenticate)


def make_worker(db: Database, settings: Settings) -> Worker:
    return Worker(db, JOB_KINDS, settings, chores=[OutboxReader(db).tell_next, SegmentClock(db).tick])
