"""Settings of a project, driven by the official client with the management key."""

from typing import Any

import pytest
import voucherify

from sdk_client import Sdk

pytestmark = pytest.mark.slow


def change(management_sdk: Sdk, project_id: str, **settings: Any) -> Any:
    body = voucherify.ManagementProjectsUpdateRequestBody.model_validate(settings)
    return management_sdk.management.update_project(project_id, body)


def test_a_management_key_reads_its_project(management_sdk: Sdk, home: Any) -> None:
    management = management_sdk.management

    listed = management.list_projects()

    assert (listed.object, listed.data_ref, listed.total) == ("list", "data", 1)
    assert [each.id for each in listed.data or []] == [home.id]
    in_list = management_sdk.raw["data"][0]
    project = management.get_project(home.id)
    assert management_sdk.raw == in_list
    assert (project.currency, project.timezone, project.api_version) == ("USD", "UTC", "v2018-08-01")
    assert (project.case_sensitive_codes, project.is_sandbox) == (True, False)
    assert (project.client_trusted_domains, project.client_redeem_enabled) == ([], False)


def test_what_is_sent_is_changed_and_nothing_else(management_sdk: Sdk, home: Any) -> None:
    management_sdk.management.get_project(home.id)
    before = management_sdk.raw
    loud = {"value": 50, "emails": ["a@shop.example"], "in_app": True, "enabled": True}
    mail = {"email": True, "emails": ["a@shop.example"], "in_app": True}

    changed = change(
        management_sdk,
        home.id,
        name="Shop",
        description="For testing.",
        timezone="Etc/GMT+1",
        currency="EUR",
        client_trusted_domains=["shop.example"],
        client_loyalty_events_enabled=True,
        api_usage_notifications={"api_calls": loud},
        webhooks_callout_notifications={"webhooks": mail},
        default_code_config={"charset": "0123456789"},
    )

    assert (changed.name, changed.description, changed.timezone, changed.currency) == (
        "Shop",
        "For testing.",
        "Etc/GMT+1",
        "EUR",
    )
    assert (changed.client_trusted_domains, changed.client_loyalty_events_enabled) == (["shop.example"], True)
    assert (changed.client_redeem_enabled, changed.client_publish_enabled) == (False, False)
    assert management_sdk.raw["api_usage_notifications"]["api_calls"] == loud
    assert management_sdk.raw["webhooks_callout_notifications"]["webhooks"] == mail
    assert changed.default_code_config.charset == "0123456789"
    raw = management_sdk.raw
    management_sdk.management.get_project(home.id)
    assert management_sdk.raw == raw
    assert {*raw} - {*before} == {"description", "default_code_config"}
    same = {*before} - {
        "name",
        "timezone",
        "currency",
        "client_trusted_domains",
        "client_loyalty_events_enabled",
        "api_usage_notifications",
        "webhooks_callout_notifications",
    }
    assert {name: raw[name] for name in same} == {name: before[name] for name in same}


def test_a_time_zone_that_is_none_is_refused(management_sdk: Sdk, home: Any) -> None:
    with pytest.raises(voucherify.exceptions.BadRequestException):
        change(management_sdk, home.id, timezone="Mars/Olympus")
    assert management_sdk.management.get_project(home.id).timezone == "UTC"


@pytest.mark.parametrize("sent", ["proj_" + "0" * 32, "other"])
def test_another_project_is_none(management_sdk: Sdk, sent: str) -> None:
    for ask in (
        lambda: management_sdk.management.get_project(sent),
        lambda: change(management_sdk, sent, name="Mine"),
        lambda: management_sdk.management.list_custom_event_schemas(sent),
        lambda: management_sdk.management.list_metadata_schemas1(sent),
    ):
        with pytest.raises(voucherify.exceptions.NotFoundException):
            ask()
        assert management_sdk.raw == {
            "code": 404,
            "message": "Resource not found",
            "details": f"Cannot find project with id {sent}",
        }
