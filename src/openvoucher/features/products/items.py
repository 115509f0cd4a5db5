"""What order items refer to, and what they say of it with `override`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import UNSET

from openvoucher.features.metadata_schemas.service import load_custom_schemas, load_schema
from openvoucher.features.products import store
from openvoucher.features.products.schemas import (
    MAX_SOURCE_ID_CHARACTERS,
    ItemKind,
    ItemOverride,
    ItemReference,
    ResolvedItem,
    parse_product_id,
    show_product_id,
    show_sku_id,
)
from openvoucher.features.products.writing import Change, write_changes
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.ids import parse_id
from openvoucher.wire.metadata import check_metadata


class _Catalogue:
    """Rows by what callers name them by. An id comes before another's source id of the same spelling."""

    def __init__(self, products: Iterable[Row], skus: Iterable[Row]) -> None:
        self._product_by_id = {row["id"]: row for row in products}
        found = [*self._product_by_id.values()]
        self._products = {row["source_id"]: row for row in found if row["source_id"]}
        self._products |= {show_product_id(row["id"]): row for row in found}
        # A product that has been deleted since its SKU was read takes it along.
        found = [row for row in skus if row["product_id"] in self._product_by_id]
        self._skus = {row["source_id"]: row for row in found if row["source_id"]}
        self._skus |= {show_sku_id(row["id"]): row for row in found}

    def product(self, sent: str | None) -> ResolvedItem | None:
        row = self._products.get(sent) if sent else None
        return None if row is None else ResolvedItem(row)

    def sku(self, sent: str | None) -> ResolvedItem | None:
        row = self._skus.get(sent) if sent else None
        return None if row is None else ResolvedItem(self._product_by_id[row["product_id"]], row)

    def resolve(self, reference: ItemReference) -> ResolvedItem:
        by_source_id = self.sku if reference.related_object == "sku" else self.product
        return (
            self.sku(reference.sku_id)
            or self.product(reference.product_id)
            or by_source_id(reference.source_id)
            or self.sku(reference.nested_sku)
            or self.product(reference.nested_product)
            or ResolvedItem()
        )


async def resolve_items(
    connection: Connection, project_id: int, references: Sequence[ItemReference]
) -> list[ResolvedItem]:
    skus: set[str | None] = set()
    products: set[str | None] = set()
    for reference in references:
        skus |= {reference.sku_id, reference.nested_sku}
        products |= {reference.product_id, reference.nested_product}
        (skus if reference.related_object == "sku" else products).add(reference.source_id)
    catalogue = await _load(connection, project_id, _drop_empty(products), _drop_empty(skus))
    return [catalogue.resolve(reference) for reference in references]


async def lock_items(
    connection: Connection, project_id: int, references: Sequence[ItemReference]
) -> list[ResolvedItem]:
    # Products before SKUs, each in the order of ids: as those lock who delete them.
    resolved = await resolve_items(connection, project_id, references)
    product_ids = [each.product["id"] for each in resolved if each.product is not None]
    sku_ids = [each.sku["id"] for each in resolved if each.sku is not None]
    await store.find_product_keys(connection, project_id, product_ids, [], "share")
    if sku_ids:
        await store.find_sku_keys(connection, project_id, sku_ids, [], "share")
    return await resolve_items(connection, project_id, references)


async def override_items(
    connection: Connection, project_id: int, overrides: Sequence[ItemOverride], now: datetime
) -> None:
    # What is too long for a source id names nothing, and nothing can be called so.
    usable = [each for each in overrides if 0 < len(each.source_id) <= MAX_SOURCE_ID_CHARACTERS]
    of_products = [each for each in usable if each.kind == "product"]
    of_skus = [each for each in usable if each.kind == "sku"]
    products = _drop_empty([*(each.source_id for each in of_products), *(each.product for each in of_skus)])
    skus = _drop_empty([each.source_id for each in of_skus])
    catalogue = await _load(connection, project_id, products, skus)
    await _lock_parents(connection, project_id, catalogue, of_products, of_skus)
    changes = _collect(of_products, catalogue)
    await _write(connection, project_id, "product", changes, now)
    if of_skus:
        if any(change.id is None for change in changes):
            catalogue = await _load(connection, project_id, products, skus)
        await _write(connection, project_id, "sku", _collect(of_skus, catalogue), now)


async def _lock_parents(
    connection: Connection,
    project_id: int,
    catalogue: _Catalogue,
    of_products: Sequence[ItemOverride],
    of_skus: Sequence[ItemOverride],
) -> None:
    """A product that is given a new SKU must not be deleted meanwhile. With it all products that may be
    changed are locked, in one order; where nothing is new nothing is locked here."""
    parents = {
        _id_of(catalogue.product(each.product)) for each in of_skus if catalogue.sku(each.source_id) is None
    }
    if parents:
        ids = parents | {_id_of(catalogue.product(each.source_id)) for each in of_products}
        await store.find_product_keys(connection, project_id, [each for each in ids if each], [], "update")


async def _write(
    connection: Connection, project_id: int, kind: ItemKind, changes: Sequence[Change], now: datetime
) -> None:
    await _check_metadata(connection, project_id, changes)
    await write_changes(connection, project_id, kind, changes, now)


def _collect(overrides: Sequence[ItemOverride], catalogue: _Catalogue) -> list[Change]:
    """What is to be made, and of what is there that which differs: carts send the same values over and over,
    and whoever changes nothing locks nothing. (Others may change the object after the look: then theirs
    came later.)"""
    changes: dict[UUID | str, Change] = {}
    rows: dict[UUID, Row] = {}
    for override in overrides:
        is_sku = override.kind == "sku"
        found = (catalogue.sku if is_sku else catalogue.product)(override.source_id) or ResolvedItem()
        change = _read(override, _id_of(found))
        row = found.sku or found.product
        if change.id is not None and row is not None:
            rows[change.id] = row
        elif is_sku:
            change.product_id = _id_of(catalogue.product(override.product))
            if change.product_id is None:
                continue
        key = change.id or override.source_id
        if key in changes:
            changes[key].add(change)
        else:
            changes[key] = change
    return [change for change in changes.values() if change.id is None or _differs(change, rows[change.id])]


def _read(override: ItemOverride, known_id: UUID | None) -> Change:
    sent = {"sku" if override.kind == "sku" else "name": override.name, "price": override.price}
    metadata = override.metadata
    return Change(
        id=known_id,
        source_id=override.source_id,
        fields={column: value for column, value in sent.items() if value is not UNSET},
        metadata=metadata if isinstance(metadata, dict) else {},
        replaces_metadata=isinstance(metadata, dict),
    )


def _differs(change: Change, row: Row) -> bool:
    if change.replaces_metadata and change.metadata != row["metadata"]:
        return True
    return any(row[column] != value for column, value in change.fields.items())


def _id_of(found: ResolvedItem | None) -> UUID | None:
    row = found and (found.sku or found.product)
    return row["id"] if row else None


async def _check_metadata(connection: Connection, project_id: int, changes: Sequence[Change]) -> None:
    """All of an object's metadata is replaced, so all of it must fit; as must that of a new object.
    Raises metadata_validation_failed."""
    schema = await load_schema(connection, project_id, "product") if changes else None
    if schema is None:
        return
    custom = await load_custom_schemas(connection, project_id)
    for change in changes:
        if change.replaces_metadata or change.id is None:
            check_metadata(change.metadata, schema, partial=False, custom=custom)


async def _load(
    connection: Connection, project_id: int, products: Sequence[str], skus: Sequence[str]
) -> _Catalogue:
    """What these texts name, and the products of the SKUs. Two queries."""
    sku_ids = [sku_id for sent in skus if (sku_id := parse_id("sku", sent))]
    sku_rows = await store.find_skus(connection, project_id, sku_ids, skus) if skus else []
    sku_rows = [row for row in sku_rows if row["deleted_at"] is None]
    product_ids = [product_id for sent in products if (product_id := parse_product_id(sent))]
    product_ids += [row["product_id"] for row in sku_rows]
    product_rows = []
    if product_ids or products:
        product_rows = await store.find_products(connection, project_id, product_ids, products)
    return _Catalogue([row for row in product_rows if row["deleted_at"] is None], sku_rows)


def _drop_empty(texts: Iterable[str | None]) -> list[str]:
    return [*{text for text in texts if text}]
