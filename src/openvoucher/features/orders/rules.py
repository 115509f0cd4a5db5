"""The project's schemas of the metadata of orders and their items, read once for one order or for many."""

import dataclasses
from collections.abc import Mapping

from openvoucher.features.metadata_schemas.service import load_custom_schemas, load_schema
from openvoucher.features.orders.reading import SentOrder
from openvoucher.platform.db import Connection
from openvoucher.wire.metadata import MetadataSchema, check_metadata


@dataclasses.dataclass(frozen=True, slots=True)
class MetadataRules:
    order: MetadataSchema | None
    item: MetadataSchema | None
    custom: Mapping[str, MetadataSchema]

    def check(self, sent: SentOrder, *, is_new: bool) -> None:
        """Items are always new: those that were sent replace all others. Raises
        metadata_validation_failed."""
        if is_new or sent.metadata is not None:
            check_metadata(sent.metadata or {}, self.order, partial=not is_new, custom=self.custom)
        for item in sent.items or ():
            check_metadata(item.body.metadata or {}, self.item, partial=False, custom=self.custom)


async def load_rules(connection: Connection, project_id: int) -> MetadataRules:
    order = await load_schema(connection, project_id, "order")
    item = await load_schema(connection, project_id, "order_item")
    custom = await load_custom_schemas(connection, project_id) if order or item else {}
    return MetadataRules(order, item, custom)
