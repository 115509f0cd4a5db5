"""Vouchers to make lists of, and what is listed of them."""

from dataclasses import dataclass
from urllib.parse import quote

import httpx
import msgspec

from openvoucher.features.vouchers.schemas import VoucherList, VoucherQuery
from openvoucher.features.vouchers.service import list_vouchers
from openvoucher.platform.call import Call
from openvoucher.wire.query import parse_query


@dataclass(frozen=True)
class Shelf:
    """`call` is at noon of 1 March 2026; `client` at the present. `ids`: by code or name."""

    call: Call
    client: httpx.AsyncClient
    ids: dict[str, str]

    async def fetch(self, *parameters: str) -> VoucherList:
        """The answer to a query of these `name=value`, at noon of 1 March 2026."""
        query = msgspec.convert(parse_query("&".join(parameters)), VoucherQuery, strict=False)
        return await list_vouchers(self.call, query)

    async def codes(self, *parameters: str) -> list[str]:
        """The codes of one page, whose `total` is told right."""
        listed = await self.fetch("limit=100", *parameters)
        assert listed.total == len(listed.vouchers)
        return [voucher.code for voucher in listed.vouchers]

    def filter(self, field: str, operator: str, *values: str) -> str:
        """A filter as it stands in a query; `@name` in place of a value is the id of that name."""
        sent = [self.ids[value[1:]] if value.startswith("@") else value for value in values]
        name = f"filters[{quote(field)}][conditions][{operator}]"
        return "&".join(f"{name}[{place}]={quote(value)}" for place, value in enumerate(sent or [""]))
