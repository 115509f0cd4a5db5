"""Paging, the same for every list: pages with `limit` and `page`, or a cursor by id."""

from typing import Annotated

import msgspec
from msgspec import Meta

from openvoucher.wire.errors import page_over_limit

Limit = Annotated[int, Meta(ge=1, le=100)]

_LAST_PAGE = 1000


class PageQuery(msgspec.Struct, kw_only=True):
    limit: Limit = 10
    page: Annotated[int, Meta(ge=1)] = 1

    def offset(self) -> int:
        """Rows before this page. Raises page_over_limit."""
        if self.page > _LAST_PAGE:
            raise page_over_limit()
        return (self.page - 1) * self.limit


class CursorQuery(msgspec.Struct, kw_only=True):
    limit: Limit = 10
    starting_after_id: str | None = None
