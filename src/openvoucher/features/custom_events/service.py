"""Custom events: told by servers and by web pages."""

import dataclasses
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET

from openvoucher.features.custom_events import store
from openvoucher.features.custom_events.schemas import (
    ClientEventQuery,
    EventBody,
    TrackedEvent,
    TrackedLoyalty,
    TrackedReferral,
    read_definitions,
)
from openvoucher.features.customers.schemas import (
    CustomerBody,
    read_customer_reference,
    refer_to_customer,
    show_simple_customer,
)
from openvoucher.features.customers.service import find_customer, upsert_customer
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_events
from openvoucher.features.vouchers.schemas import show_voucher
from openvoucher.features.vouchers.service import (
    get_row,
    load_campaign,
    load_categories_of,
    show_simple_campaign,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import ApiError, invalid_payload
from openvoucher.wire.ids import new_id, show_id
from openvoucher.wire.metadata import MetadataSchema, check_metadata
from openvoucher.wire.tracking import read_identity

# What stands of a voucher in the payload of an event.
_SIMPLE_VOUCHER: Final[tuple[str, ...]] = (
    "id",
    "code",
    "gift",
    "discount",
    "loyalty_card",
    "type",
    "campaign",
    "campaign_id",
    "is_referral_code",
    "holder_id",
    "referrer_id",
    "category_id",
    "categories",
    "active",
    "created_at",
    "updated_at",
    "redemption",
    "start_date",
    "expiration_date",
    "metadata",
    "object",
)


async def track_custom_event(call: Call, body: EventBody) -> TrackedEvent:
    """The customer is made or changed as by `POST /v1/customers`; the event is another one each time.

    Raises invalid_payload, not_found for an unknown customer id, code or referrer, and
    metadata_validation_failed for metadata of the customer or the event.
    """
    async with call.db.transaction() as connection:
        return await _track(connection, call, body, body.customer)


async def track_client_event(call: Call, query: ClientEventQuery, body: EventBody) -> TrackedEvent:
    """A page names the customer by source id or tracking id. Unless the project lets its pages make
    customers, what else they say of one is not written: anybody can read the key of a page."""
    customer = _read_client_customer(call, query, body.customer)
    async with call.db.transaction() as connection:
        tracked = await _track(connection, call, body, customer)
    # A page is not told whose code it used.
    tracked.referral = tracked.loyalty = None
    return tracked


def _read_client_customer(call: Call, query: ClientEventQuery, sent: CustomerBody) -> CustomerBody:
    """Raises ambiguous_tracking_id."""
    source_id = sent.source_id or None
    identity = read_identity(call.project.asset_key, query.tracking_id, source_id)
    named = read_customer_reference(identity) or CustomerBody()
    if "create_customer" not in call.project.client_features:
        return CustomerBody(id=sent.id or named.id, source_id=named.source_id)
    return msgspec.structs.replace(sent, id=sent.id or named.id, source_id=named.source_id)


# --- inside ------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Code:
    """A voucher that an event names."""

    row: Row
    campaign: dict[str, Any] | None
    voucher: dict[str, Any]

    @property
    def campaign_id(self) -> UUID | None:
        campaign_id: UUID | None = self.row["campaign_id"]
        return campaign_id


async def _track(connection: Connection, call: Call, body: EventBody, sent: CustomerBody) -> TrackedEvent:
    customer = await upsert_customer(connection, call, sent)
    schema = await store.find_schema_by_name(connection, call.project.id, body.event)
    if schema is not None:
        definitions = MetadataSchema(properties=read_definitions(schema))
        check_metadata(body.metadata or {}, definitions, partial=False)
    referral = await _find_code(connection, call, "referral", body.referral)
    loyalty = await _find_code(connection, call, "loyalty", body.loyalty)
    referrer = await _find_referrer(connection, call, body, referral)
    tracked = TrackedEvent(
        type=body.event,
        customer=show_simple_customer(customer),
        referral=_show_referral(referral, referrer),
        loyalty=TrackedLoyalty(code=loyalty.row["code"]) if loyalty is not None else None,
        metadata=UNSET if body.metadata is None else body.metadata,
    )
    event_id = new_id()
    kept = msgspec.to_builtins({"referral": tracked.referral, "loyalty": tracked.loyalty})
    await store.insert_event(
        connection,
        project_id=call.project.id,
        event_id=event_id,
        customer_id=customer["id"],
        name=body.event,
        metadata=body.metadata,
        **kept,
        now=call.now,
    )
    await emit_events(
        connection,
        call,
        NewEvent(
            type="customer.custom_event",
            customer_id=customer["id"],
            campaign_id=(referral and referral.campaign_id) or (loyalty and loyalty.campaign_id) or None,
            data={
                "event": {
                    "id": show_id("event", event_id),
                    "object": "event",
                    "type": body.event,
                    "customer": {"id": show_id("cust", customer["id"])},
                    **kept,
                    "metadata": body.metadata or {},
                    "created_at": format_instant(call.now),
                },
                "event_schema": schema and {"id": show_id("ms", schema["id"]), "name": schema["name"]},
                "referral": referral
                and {
                    "referrer": refer_to_customer(referrer["id"] if referrer else None),
                    "voucher": referral.voucher,
                    "campaign": referral.campaign,
                },
                "loyalty": loyalty and {"voucher": loyalty.voucher, "campaign": loyalty.campaign},
            },
        ),
    )
    return tracked


def _show_referral(referral: _Code | None, referrer: Row | None) -> TrackedReferral | None:
    if referral is None:
        return None
    return TrackedReferral(
        code=referral.row["code"],
        id=show_id("v", referral.row["id"]),
        referrer_id=show_id("cust", referrer["id"]) if referrer else None,
    )


async def _find_code(connection: Connection, call: Call, block: str, sent: Any) -> _Code | None:
    """The voucher of `referral` or `loyalty`. Raises not_found, and invalid_payload without a code."""
    if sent is None:
        return None
    if sent.code is None:
        raise invalid_payload(f"Property .{block} should have required property 'code'")
    row = await get_row(connection, call.project.id, sent.code)
    categories = await load_categories_of(connection, call, [row])
    shown: dict[str, Any] = msgspec.to_builtins(show_voucher(row, categories, call, in_list=True))
    voucher = {name: shown[name] for name in _SIMPLE_VOUCHER if name in shown}
    return _Code(row, await _show_campaign(connection, call, row), voucher)


async def _show_campaign(connection: Connection, call: Call, row: Row) -> dict[str, Any] | None:
    campaign = row["campaign_id"] and await load_campaign(connection, call.project.id, row["campaign_id"])
    return show_simple_campaign(campaign) if campaign else None


async def _find_referrer(
    connection: Connection, call: Call, body: EventBody, referral: _Code | None
) -> Row | None:
    """Who is said to have referred, else whose code it is. Raises not_found."""
    if referral is None or body.referral is None:
        return None
    if body.referral.referrer_id:
        return await find_customer(connection, call.project.id, body.referral.referrer_id)
    holder_id = referral.row["holder_id"]
    if holder_id is None:
        return None
    try:
        return await find_customer(connection, call.project.id, show_id("cust", holder_id))
    except ApiError:
        # Deleted since; the code is still theirs.
        return None
