"""The published Python SDK as a client whose raw answers are held against the written forms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

import voucherify
from voucherify.rest import RESTResponse

from field_rules import read_json
from programs import wait_until
from wire_answers import find_faults

# What was asked for by these tests and answered with success: (method, path as it was sent).
driven: Final[set[tuple[str, str]]] = set()


@dataclass(frozen=True)
class Exchange:
    """A request and what came back; `path` as it was sent, `body` the JSON or None."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: Any


class CheckedClient(voucherify.ApiClient):
    """The SDK's HTTP layer. An answer that does not keep its form fails the test before it is parsed."""

    last: Exchange

    def call_api(self, method: str, url: str, *args: Any, **kwargs: Any) -> RESTResponse:
        response: Any = super().call_api(method, url, *args, **kwargs)
        content = response.read()
        path = urlsplit(url).path
        where = f"{response.status} of {method} {path}"
        body = None
        if content:
            content_type = response.getheader("Content-Type")
            assert content_type == "application/json; charset=utf-8", f"{where}: {content_type}"
            body = read_json(content.decode())
        self.last = Exchange(method, path, response.status, response.getheaders(), body)
        faults = find_faults(method, path, response.status, body)
        for name in ("X-Rate-Limit-Limit", "X-Rate-Limit-Remaining"):
            if not (response.getheader(name) or "").isdecimal():
                faults.append(f"the header {name} is no number")
        assert not faults, "\n".join([where, *faults, json.dumps(body, indent=1)])
        if response.status < 400:
            driven.add((method, path))
        return cast(RESTResponse, response)


class Sdk:
    """The SDK's interfaces over one client. `keys` are headers, sent with every request."""

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        bearer = keys.get("Authorization")
        api_key = {name: value for name, value in keys.items() if name != "Authorization"}
        configuration = voucherify.Configuration(host=url, api_key=api_key)
        self.client = (
            CheckedClient(configuration, header_name="Authorization", header_value=bearer)
            if bearer
            else CheckedClient(configuration)
        )
        self.campaigns = voucherify.CampaignsApi(self.client)
        self.vouchers = voucherify.VouchersApi(self.client)
        self.actions = voucherify.AsyncActionsApi(self.client)
        self.categories = voucherify.CategoriesApi(self.client)
        self.schemas = voucherify.MetadataSchemasApi(self.client)
        self.bin = voucherify.BinApi(self.client)
        self.customers = voucherify.CustomersApi(self.client)
        self.segments = voucherify.SegmentsApi(self.client)
        self.products = voucherify.ProductsApi(self.client)
        self.product_collections = voucherify.ProductCollectionsApi(self.client)
        self.orders = voucherify.OrdersApi(self.client)
        self.events = voucherify.EventsApi(self.client)
        self.publications = voucherify.PublicationsApi(self.client)
        self.exports = voucherify.ExportsApi(self.client)
        self.management = voucherify.ManagementApi(self.client)
        self._url = url
        self._keys = {**api_key, **({"Authorization": bearer} if bearer else {})}

    @property
    def last(self) -> Exchange:
        return self.client.last

    @property
    def raw(self) -> Any:
        """The JSON of the last answer."""
        return self.client.last.body

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Exchange:
        """A request that the SDK has no method for. Errors are answers here."""
        url = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**self._keys, "Content-Type": "application/json"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.client.call_api(method, url, headers, body, [*form.items()] if form is not None else None)
        return self.last

    def wait_for_action(self, action_id: str | None) -> Any:
        """The raw async action, once it is finished."""
        assert action_id is not None

        def look() -> Any:
            self.actions.get_async_action(action_id)
            return self.raw if self.raw["status"] in ("DONE", "FAILED") else None

        return wait_until(look, f"the end of {action_id}")

    def wait_for_campaign(self, campaign_id: str | None) -> Any:
        """The raw campaign, once nothing is being done to it."""
        assert campaign_id is not None

        def look() -> Any:
            campaign = self.send("GET", f"/v1/campaigns/{campaign_id}").body
            busy = {campaign["creation_status"], campaign["vouchers_generation_status"]}
            return None if busy & {"IN_PROGRESS", "MODIFYING"} else campaign

        return wait_until(look, f"the end of work on {campaign_id}")

    def make_campaign(self, name: str, **fields: Any) -> str:
        """A campaign of discounts that is done with its codes, or what `fields` make of it; its id."""
        body = {
            "name": name,
            "campaign_type": "DISCOUNT_COUPONS",
            "type": "STATIC",
            "voucher": discount_voucher(),
            **fields,
        }
        if body["campaign_type"] == "PROMOTION":
            del body["voucher"]
        answer = self.send("POST", "/v1/campaigns", body)
        assert answer.status == 200, answer.body
        campaign: dict[str, Any] = self.wait_for_campaign(answer.body["id"])
        assert campaign["creation_status"] == "DONE"
        return str(campaign["id"])

    def list_codes(self, campaign_id: str) -> list[str]:
        """All codes of a campaign (100 at most), sorted."""
        answer = self.vouchers.list_vouchers(campaign_id=campaign_id, limit=100)
        return sorted(str(voucher.code) for voucher in answer.vouchers or [])

    def close(self) -> None:
        self.client.rest_client.pool_manager.clear()


def discount_voucher(**fields: Any) -> dict[str, Any]:
    return {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}, **fields}


def gift_voucher(amount: int, **fields: Any) -> dict[str, Any]:
    return {"type": "GIFT_VOUCHER", "gift": {"amount": amount}, **fields}


def loyalty_card(points: int, **fields: Any) -> dict[str, Any]:
    return {"type": "LOYALTY_CARD", "loyalty_card": {"points": points}, **fields}


def read_refusal(error: voucherify.ApiException) -> dict[str, Any]:
    """The body of a refusal as the SDK hands it on, without its request id."""
    assert isinstance(error.body, str)
    body: dict[str, Any] = json.loads(error.body)
    assert error.status == body["code"]
    body.pop("request_id", None)
    return body
