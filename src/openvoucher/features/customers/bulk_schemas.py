"""The wire of bulk work on customers, and a row of it as both ways in hand it on."""

import dataclasses
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from openvoucher.features.customers.schemas import CustomerBody

SourceId = Annotated[str, Meta(min_length=1, max_length=500)]


class BulkCustomer(CustomerBody, kw_only=True):
    """A customer by its source id; an `id` beside it does not count."""

    source_id: SourceId


class SharedCustomerMetadata(msgspec.Struct, kw_only=True):
    source_ids: Annotated[list[SourceId], Meta(min_length=1)]
    metadata: dict[str, Any]


@dataclasses.dataclass(slots=True)
class CustomerRow:
    """One row of bulk work. `sent`: by column, as `changes.read_fields` returns it.

    Whom it is about: the customer with `customer_id`, else the one with `source_id`, else a new one;
    `id_sent` is the id as it came. Once it was done `customer_id` is whom it made or found, and `found`
    whether that one was there before. `reason`: why it was refused, if it was.
    """

    number: int
    source_id: str | None
    sent: dict[str, Any]
    customer_id: UUID | None = None
    id_sent: str = ""
    reason: str | None = None
    found: bool = True
