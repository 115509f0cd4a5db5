"""The wire of publications."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.features.customers.schemas import CustomerReference, SimpleCustomer, show_simple_customer
from openvoucher.features.vouchers.schemas import Voucher
from openvoucher.platform.call import Project
from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import PageQuery
from openvoucher.wire.tracking import make_tracking_id

AnyRow: TypeAlias = Row | Mapping[str, Any]

# In no script longer than what an entry of an index can hold.
SourceId = Annotated[str, Meta(max_length=500)]
Channel = Annotated[str, Meta(max_length=500)]
Result = Literal["SUCCESS", "FAILURE"]
PublicationOrder = Literal[
    "id",
    "-id",
    "voucher_code",
    "-voucher_code",
    "tracking_id",
    "-tracking_id",
    "customer_id",
    "-customer_id",
    "created_at",
    "-created_at",
    "channel",
    "-channel",
]


class CampaignReference(msgspec.Struct, kw_only=True):
    """`name`: name or id of the campaign; `count`: how many of its codes."""

    name: str | None = None
    id: str | None = None
    count: Annotated[int, Meta(ge=1, le=50)] | None = None


class PublicationCreate(msgspec.Struct, kw_only=True):
    """`voucher`: code or id; with it the campaign only says where it must belong."""

    customer: CustomerReference = None
    voucher: str | None = None
    campaign: CampaignReference | str | None = None
    source_id: SourceId | None = None
    channel: Channel | None = None
    metadata: dict[str, Any] | None = None


class JoinOnceQuery(msgspec.Struct, kw_only=True):
    join_once: bool | None = None


class ClientPublishQuery(msgspec.Struct, kw_only=True):
    """Of web pages. `campaign`: where older clients name it; `tracking_id`: what the page knows the customer
    by."""

    campaign: CampaignReference | str | None = None
    tracking_id: str | None = None
    join_once: bool | None = None


class PublicationCreateQuery(msgspec.Struct, kw_only=True):
    customer: CustomerReference = None
    voucher: str | None = None
    campaign: CampaignReference | str | None = None
    source_id: SourceId | None = None
    metadata: dict[str, Any] | None = None
    join_once: bool | None = None


class PublicationQuery(PageQuery, kw_only=True):
    order: PublicationOrder | None = None
    campaign: str | None = None
    customer: str | None = None
    voucher: str | None = None
    result: Result | None = None
    voucher_type: str | None = None
    is_referral_code: bool | None = None
    source_id: str | None = None
    filters: dict[str, Any] | None = None


class ShortVoucher(msgspec.Struct, kw_only=True):
    """Of discount, gift and loyalty card it shows what it has."""

    code: str
    object: Literal["voucher"] = "voucher"
    campaign: str | None
    discount: dict[str, Any] | UnsetType = UNSET
    gift: dict[str, Any] | UnsetType = UNSET
    loyalty_card: dict[str, Any] | UnsetType = UNSET
    is_referral_code: bool


class Publication(msgspec.Struct, kw_only=True):
    """What was published: one `voucher` in full, or the codes of several."""

    id: str
    object: Literal["publication"] = "publication"
    created_at: str
    customer_id: str
    tracking_id: str
    metadata: dict[str, Any]
    channel: str
    source_id: str | None
    result: Result
    customer: SimpleCustomer
    voucher: Voucher | UnsetType = UNSET
    vouchers: list[str] | UnsetType = UNSET
    vouchers_id: list[str]


class ListedPublication(msgspec.Struct, kw_only=True):
    """One `voucher` in short, or the codes of several; of a failure why, and no codes."""

    id: str
    object: Literal["publication"] = "publication"
    created_at: str
    customer_id: str
    tracking_id: str
    metadata: dict[str, Any]
    channel: str
    source_id: str | None
    result: Result
    failure_code: str | UnsetType = UNSET
    failure_message: str | UnsetType = UNSET
    customer: SimpleCustomer
    voucher: ShortVoucher | UnsetType = UNSET
    vouchers: list[str] | UnsetType = UNSET
    vouchers_id: list[str]


class PublicationList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["publications"] = "publications"
    publications: list[ListedPublication]
    total: int


def show_publication(
    row: AnyRow,
    vouchers: Sequence[AnyRow],
    voucher: Voucher | None,
    project: Project,
) -> Publication:
    """`row`: a successful publication with its customer; `vouchers`: (voucher_id, code) of all; `voucher`:
    the only one, unless it is gone."""
    return Publication(
        **_show_common(row, vouchers, project),
        voucher=voucher if voucher is not None else UNSET,
        vouchers=[each["code"] for each in vouchers] if voucher is None else UNSET,
    )


def show_listed_publication(
    row: AnyRow,
    vouchers: Sequence[AnyRow],
    voucher: ShortVoucher | None,
    project: Project,
) -> ListedPublication:
    failed = row["result"] == "FAILURE"
    return ListedPublication(
        **_show_common(row, vouchers, project),
        failure_code=row["failure_code"] if failed else UNSET,
        failure_message=row["failure_message"] if failed else UNSET,
        voucher=voucher if voucher is not None else UNSET,
        vouchers=[each["code"] for each in vouchers] if voucher is None else UNSET,
    )


def shorten_voucher(voucher: Voucher) -> ShortVoucher:
    return ShortVoucher(
        code=voucher.code,
        campaign=voucher.campaign,
        discount=voucher.discount if voucher.discount is not None else UNSET,
        gift=voucher.gift if voucher.gift is not None else UNSET,
        loyalty_card=voucher.loyalty_card if voucher.loyalty_card is not None else UNSET,
        is_referral_code=voucher.is_referral_code,
    )


def _show_common(row: AnyRow, vouchers: Sequence[AnyRow], project: Project) -> dict[str, Any]:
    customer = show_simple_customer(
        {
            "id": row["customer_id"],
            "name": row["customer_name"],
            "email": row["customer_email"],
            "source_id": row["customer_source_id"],
            "metadata": row["customer_metadata"],
        }
    )
    return {
        "id": show_id("pub", row["id"]),
        "created_at": format_instant(row["created_at"]),
        "customer_id": customer.id,
        # On the server side the source id as it is; a customer without one is called by its id, encrypted.
        "tracking_id": customer.source_id or make_tracking_id(project.asset_key, customer.id),
        "metadata": row["metadata"],
        "channel": row["channel"],
        "source_id": row["source_id"],
        "result": row["result"],
        "customer": customer,
        "vouchers_id": [show_id("v", each["voucher_id"]) for each in vouchers],
    }
