"""Publications: asked for by body or by query, and listed."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET

from openvoucher.features.customers.schemas import CustomerBody, read_customer_reference
from openvoucher.features.metadata_schemas.service import load_schema
from openvoucher.features.publications import store
from openvoucher.features.publications.listing import compile_query
from openvoucher.features.publications.publishing import publish
from openvoucher.features.publications.schemas import (
    CampaignReference,
    ClientPublishQuery,
    JoinOnceQuery,
    Publication,
    PublicationCreate,
    PublicationCreateQuery,
    PublicationList,
    PublicationQuery,
)
from openvoucher.features.publications.telling import Request, show_page
from openvoucher.platform.call import Call
from openvoucher.wire.errors import (
    ApiError,
    invalid_payload,
    invalid_query_params,
    missing_vouchers,
    too_many_vouchers_requested,
)
from openvoucher.wire.metadata import parse_metadata_cell
from openvoucher.wire.tracking import make_tracking_id, read_identity

_CHANNEL: Final = "API"
_CLIENT_CHANNEL: Final = "Voucherify.js"


async def create_publication(call: Call, body: PublicationCreate, query: JoinOnceQuery) -> Publication:
    """Publish codes to a customer: a given one, or `count` of a campaign. Asked for again by the same source
    id, or by a customer who can join only once, it is the publication that was there."""
    customer = read_customer_reference(body.customer)
    if customer is None:
        raise invalid_payload("Payload must have required property 'customer'")
    _check_identity(customer, invalid_payload)
    request = _read_request(call, body, customer, join_once=query.join_once, channel=body.channel)
    if request.count > 1 and request.source_id is not None:
        raise too_many_vouchers_requested()
    return await publish(call, request)


async def create_publication_by_query(call: Call, query: PublicationCreateQuery) -> Publication:
    """The same for tools that can only follow a link: one code at a time."""
    customer = read_customer_reference(query.customer)
    if customer is None:
        raise invalid_query_params("Query should have required property 'customer'")
    _check_identity(customer, invalid_query_params)
    query.metadata = await _type_metadata(call, query.metadata or {})
    request = _read_request(call, query, customer, join_once=query.join_once, channel=None)
    if request.count > 1:
        raise too_many_vouchers_requested()
    return await publish(call, request)


async def publish_for_client(call: Call, query: ClientPublishQuery, body: PublicationCreate) -> Publication:
    """The same for a web page, which names the customer by source id or tracking id; if it names nobody, it
    is somebody new. Unless the project lets its pages make customers, what else they say of one is not
    written: anybody can read the key of a page. Raises ambiguous_tracking_id."""
    sent = read_customer_reference(body.customer) or CustomerBody()
    key = call.project.asset_key
    identity = read_identity(key, query.tracking_id, sent.source_id or None)
    named = read_customer_reference(identity) or CustomerBody()
    customer = CustomerBody(id=sent.id or named.id, source_id=named.source_id)
    if "create_customer" in call.project.client_features:
        customer = msgspec.structs.replace(sent, id=customer.id, source_id=customer.source_id)
    body.campaign = body.campaign or query.campaign
    request = _read_request(
        call, body, customer, join_once=query.join_once, channel=body.channel or _CLIENT_CHANNEL
    )
    if request.count > 1 and request.source_id is not None:
        raise too_many_vouchers_requested()
    publication = await publish(call, request)
    # A page is not told the source id of who it speaks for.
    known_by = publication.customer.source_id or publication.customer.id
    publication.tracking_id = make_tracking_id(key, known_by)
    return publication


async def list_publications(call: Call, query: PublicationQuery) -> PublicationList:
    offset = query.offset()
    compiled = compile_query(call, query)
    async with call.db.connection() as connection:
        rows = await store.list_publications(
            connection,
            where=compiled.where,
            parameters=compiled.parameters,
            order=compiled.order,
            limit=query.limit,
            offset=offset,
        )
        total = await store.count_publications(
            connection, where=compiled.where, parameters=compiled.parameters
        )
        return PublicationList(publications=await show_page(connection, call, rows), total=total)


# --- inside ------------------------------------------------------------------------------------------


def _check_identity(customer: CustomerBody, refuse: Callable[[str], ApiError]) -> None:
    """Codes are not given to somebody who can never be found again."""
    if customer.id in (UNSET, None, "") and customer.source_id in (UNSET, None, ""):
        raise refuse("Property .customer must have required property 'source_id'")


def _read_request(
    call: Call,
    sent: PublicationCreate | PublicationCreateQuery,
    customer: CustomerBody,
    *,
    join_once: bool | None,
    channel: str | None,
) -> Request:
    """Raises missing_vouchers."""
    campaign = sent.campaign
    name, count = (
        (campaign.name or campaign.id, campaign.count or 1)
        if isinstance(campaign, CampaignReference)
        else (campaign, 1)
    )
    if not sent.voucher and not name:
        raise missing_vouchers()
    return Request(
        customer=customer,
        voucher=sent.voucher or None,
        campaign=name or None,
        # A given voucher is one.
        count=1 if sent.voucher else count,
        join_once=bool(join_once),
        source_id=sent.source_id or None,
        # Not that of the header: the official Python client reads no other default than this.
        channel=channel or _CHANNEL,
        metadata=sent.metadata or {},
    )


async def _type_metadata(call: Call, metadata: dict[str, Any]) -> dict[str, Any]:
    """Texts of a query as values of the types that the schema gives them."""
    if not metadata:
        return metadata
    async with call.db.connection() as connection:
        schema = await load_schema(connection, call.project.id, "publication")
    definitions = schema.properties if schema else {}
    typed: dict[str, Any] = {}
    for key, value in metadata.items():
        if isinstance(value, str):
            value = parse_metadata_cell(value, definitions.get(key))
        if value is not UNSET:
            typed[key] = value
    return typed
