"""Paging."""

import msgspec
import pytest

from openvoucher.wire.errors import ApiError
from openvoucher.wire.lists import PageQuery


@pytest.mark.parametrize(
    ("limit", "page", "offset"), [(10, 1, 0), (10, 2, 10), (100, 1000, 99_900), (1, 7, 6)]
)
def test_a_page_starts_after_the_rows_of_those_before_it(limit: int, page: int, offset: int) -> None:
    assert PageQuery(limit=limit, page=page).offset() == offset


def test_pages_over_1000_are_refused_with_the_contract_s_key() -> None:
    with pytest.raises(ApiError) as refused:
        PageQuery(page=1001).offset()
    assert (refused.value.status, refused.value.key) == (400, "page_over_limit")


@pytest.mark.parametrize("sent", [{"limit": "0"}, {"limit": "101"}, {"limit": "ten"}, {"page": "0"}])
def test_limits_out_of_range_are_refused(sent: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(sent, PageQuery, strict=False)
