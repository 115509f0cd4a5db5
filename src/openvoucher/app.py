"""The composition root: the only module that knows everything."""

import logging
from collections.abc import Callable
from datetime import datetime

from openvoucher import __version__
from openvoucher.features.assets import routes as assets
from openvoucher.features.async_actions import routes as async_actions
from openvoucher.features.balances import routes as balances
from openvoucher.features.bulk_updates import jobs as bulk_update_jobs
from openvoucher.features.bulk_updates import routes as bulk_updates
from openvoucher.features.campaigns import jobs as campaign_jobs
from openvoucher.features.campaigns import routes as campaigns
from openvoucher.features.campaigns.service import purge_campaign
from openvoucher.features.categories import routes as categories
from openvoucher.features.code_generation import jobs as code_generation_jobs
from openvoucher.features.code_imports import jobs as code_import_jobs
from openvoucher.features.code_imports import routes as code_imports
from openvoucher.features.metadata_schemas import routes as metadata_schemas
from openvoucher.features.oauth import routes as oauth
from openvoucher.features.oauth import service as oauth_service
from openvoucher.features.projects.service import KeyKind, KeyRing
from openvoucher.features.trash_bin import routes as trash_bin
from openvoucher.features.trash_bin.service import removers
from openvoucher.features.undo import jobs as undo_jobs
from openvoucher.features.undo import routes as undo
from openvoucher.features.vouchers import routes as vouchers
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
]

removers |= {"campaign": purge_campaign, "voucher": purge_voucher}

_KEY_HEADERS: dict[str, tuple[KeyKind, str, str]] = {
    "server": ("server", "X-App-Id", "X-App-Token"),
    "keys only": ("server", "X-App-Id", "X-App-Token"),
    "management": ("management", "X-Management-Id", "X-Management-Token"),
}


def make_app(db: Database, settings: Settings) -> RawPath:
    """The ASGI application."""
    keys = KeyRing(db)

    async def authenticate(
        operation: Operation, header: Callable[[str], str | None], now: datetime
    ) -> Caller:
        authorization = header("Authorization") or ""
        scheme, _, bearer = authorization.partition(" ")
        if operation.access == "server" and scheme.lower() == "bearer":
            caller = await oauth_service.authenticate_bearer(db, bearer.strip(), now=now)
            if caller is None:
                raise unauthorized()
            if caller.scopes is not None and not caller.scopes & {operation.scope, "api"}:
                raise missing_permission()
            return caller
        kind, id_header, token_header = _KEY_HEADERS[operation.access]
        return await keys.authenticate(kind, header(id_header), header(token_header))

    return make_http_app(OPERATIONS, db=db, settings=settings, authenticate=authenticate)


def make_worker(db: Database, settings: Settings) -> Worker:
    return Worker(db, JOB_KINDS, settings)
