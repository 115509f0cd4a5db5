"""The wire of projects, for management keys."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.ids import show_id

# What client keys may be let do: `client_<feature>_enabled` on the wire.
CLIENT_FEATURES: Final = (
    "redeem",
    "publish",
    "list_vouchers",
    "create_customer",
    "loyalty_events",
    "set_voucher_expiration_date",
)

Name = Annotated[str, Meta(min_length=1, max_length=500)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Domains = Annotated[list[Annotated[str, Meta(min_length=1, max_length=500)]], Meta(max_length=200)]
Emails = Annotated[list[Annotated[str, Meta(max_length=500)]], Meta(max_length=200)]


class UsageNotification(msgspec.Struct, kw_only=True):
    """When somebody is told that a limit comes near. `value`: percent of the limit."""

    value: Annotated[int, Meta(ge=10, le=90)] = 80
    emails: Emails = []
    in_app: bool = False
    enabled: bool = False


class UsageNotifications(msgspec.Struct, kw_only=True):
    messages: UsageNotification = msgspec.field(default_factory=UsageNotification)
    api_calls: UsageNotification = msgspec.field(default_factory=UsageNotification)
    cycle_calls: UsageNotification = msgspec.field(default_factory=UsageNotification)
    redemptions: UsageNotification = msgspec.field(default_factory=UsageNotification)
    webhook_calls: UsageNotification = msgspec.field(default_factory=UsageNotification)
    bulk_api_calls: UsageNotification = msgspec.field(default_factory=UsageNotification)


class CalloutNotification(msgspec.Struct, kw_only=True):
    email: bool = False
    emails: Emails = []
    in_app: bool = False


class CalloutNotifications(msgspec.Struct, kw_only=True):
    webhooks: CalloutNotification = msgspec.field(default_factory=CalloutNotification)
    distributions: CalloutNotification = msgspec.field(default_factory=CalloutNotification)


# What is sent of a notification is all of it.


class SentUsageNotification(msgspec.Struct, kw_only=True):
    value: Annotated[int, Meta(ge=10, le=90)]
    emails: Emails
    in_app: bool
    enabled: bool


class SentUsageNotifications(msgspec.Struct, kw_only=True):
    messages: SentUsageNotification | None = None
    api_calls: SentUsageNotification | None = None
    cycle_calls: SentUsageNotification | None = None
    webhook_calls: SentUsageNotification | None = None
    bulk_api_calls: SentUsageNotification | None = None


class SentCalloutNotification(msgspec.Struct, kw_only=True):
    email: bool
    emails: Emails
    in_app: bool


class SentCalloutNotifications(msgspec.Struct, kw_only=True):
    webhooks: SentCalloutNotification | None = None
    distributions: SentCalloutNotification | None = None


class CodeConfig(msgspec.Struct, kw_only=True):
    charset: Annotated[str, Meta(max_length=500)] | None = None


class UpdateProjectBody(msgspec.Struct, kw_only=True):
    """What is not sent stays, and so does what is sent as null, except where null clears it
    (`description`, `dial_code`, `default_code_config`)."""

    name: Name | None = None
    description: Annotated[str, Meta(max_length=100_000)] | UnsetType | None = UNSET
    timezone: Annotated[str, Meta(max_length=100)] | None = None
    currency: Currency | None = None
    dial_code: Annotated[str, Meta(max_length=100)] | UnsetType | None = UNSET
    webhook_version: Literal["v2024-01-01"] | None = None
    client_trusted_domains: Domains | None = None
    client_redeem_enabled: bool | None = None
    client_publish_enabled: bool | None = None
    client_list_vouchers_enabled: bool | None = None
    client_create_customer_enabled: bool | None = None
    client_loyalty_events_enabled: bool | None = None
    client_set_voucher_expiration_date_enabled: bool | None = None
    api_usage_notifications: SentUsageNotifications | None = None
    webhooks_callout_notifications: SentCalloutNotifications | None = None
    default_code_config: CodeConfig | UnsetType | None = UNSET


class ManagedProject(msgspec.Struct, kw_only=True):
    """A project without its keys, which are shown once, when they are made."""

    id: str
    name: str
    currency: str
    timezone: str
    cluster_id: Literal["eu1"] = "eu1"
    api_version: Literal["v2018-08-01"] = "v2018-08-01"
    description: str | UnsetType = UNSET
    dial_code: str | UnsetType = UNSET
    case_sensitive_codes: Literal[True] = True
    client_trusted_domains: list[str]
    client_redeem_enabled: bool
    client_publish_enabled: bool
    client_list_vouchers_enabled: bool
    client_create_customer_enabled: bool
    client_loyalty_events_enabled: bool
    client_set_voucher_expiration_date_enabled: bool
    api_usage_notifications: UsageNotifications
    webhooks_callout_notifications: CalloutNotifications
    is_sandbox: Literal[False] = False
    default_code_config: CodeConfig | UnsetType = UNSET
    webhook_version: Literal["v2024-01-01"] = "v2024-01-01"


class ManagedProjectList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[ManagedProject]
    total: int


def show_managed_project(row: Row) -> ManagedProject:
    settings: dict[str, Any] = row["settings"]
    features: list[str] = row["client_features"]
    return ManagedProject(
        id=show_id("proj", row["uid"]),
        name=row["name"],
        currency=row["currency"],
        timezone=row["timezone"],
        description=UNSET if row["description"] is None else row["description"],
        dial_code=settings.get("dial_code", UNSET),
        client_trusted_domains=row["client_trusted_domains"],
        client_redeem_enabled="redeem" in features,
        client_publish_enabled="publish" in features,
        client_list_vouchers_enabled="list_vouchers" in features,
        client_create_customer_enabled="create_customer" in features,
        client_loyalty_events_enabled="loyalty_events" in features,
        client_set_voucher_expiration_date_enabled="set_voucher_expiration_date" in features,
        api_usage_notifications=msgspec.convert(
            settings.get("api_usage_notifications", {}), UsageNotifications
        ),
        webhooks_callout_notifications=msgspec.convert(
            settings.get("webhooks_callout_notifications", {}), CalloutNotifications
        ),
        default_code_config=msgspec.convert(settings["default_code_config"], CodeConfig)
        if "default_code_config" in settings
        else UNSET,
    )
