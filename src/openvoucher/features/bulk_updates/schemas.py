"""The wire of bulk updates."""

from typing import Annotated

import msgspec
from msgspec import Meta

from openvoucher.features.terms.schemas import Metadata

Code = Annotated[str, Meta(min_length=1, max_length=500)]


class VoucherMetadata(msgspec.Struct, kw_only=True):
    code: Code
    metadata: Metadata


class SharedMetadata(msgspec.Struct, kw_only=True):
    codes: Annotated[list[Code], Meta(min_length=1)]
    metadata: Metadata
