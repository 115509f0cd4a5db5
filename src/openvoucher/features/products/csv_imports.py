"""CSV imports into products and SKUs: files of any size, one transaction a portion.

Of what is there already a file changes little: of products the name, of SKUs name and price. What a row
creates has all of its columns.
"""

from collections.abc import Iterable
from typing import Final

from openvoucher.features.async_actions.schemas import AcceptedAction, RowOutcome
from openvoucher.features.metadata_schemas.service import load_custom_schemas, load_schema
from openvoucher.features.products import store
from openvoucher.features.products.csv_rows import (
    PRODUCT_HEADERS,
    SKU_HEADERS,
    Record,
    RowReader,
    RowRefused,
)
from openvoucher.features.products.schemas import (
    ItemKind,
    keep_known_attributes,
    parse_product_id,
    show_product_id,
)
from openvoucher.features.products.writing import Change, write_changes
from openvoucher.features.record_imports.schemas import ImportedRow, RecordImportQuery
from openvoucher.features.record_imports.service import (
    describe_refusal,
    load_rows,
    receive_csv,
    record_rows,
    refuse_dry_run,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Row
from openvoucher.platform.http.operations import Upload
from openvoucher.platform.jobs import PortionResult, Run
from openvoucher.wire.metadata import MetadataSchema, metadata_problem

PRODUCT_JOB: Final = "product_import"
SKU_JOB: Final = "sku_import"

_UPDATED_OF_PRODUCTS: Final = ("name",)
_UPDATED_OF_SKUS: Final = ("sku", "price")


async def import_products_csv(call: Call, upload: Upload, query: RecordImportQuery) -> AcceptedAction:
    refuse_dry_run(query)
    return await receive_csv(call, upload, type="PRODUCTS.IMPORT_CSV", job_kind=PRODUCT_JOB)


async def import_skus_csv(call: Call, upload: Upload, query: RecordImportQuery) -> AcceptedAction:
    refuse_dry_run(query)
    return await receive_csv(call, upload, type="SKUS.IMPORT_CSV", job_kind=SKU_JOB)


async def import_product_portion(run: Run) -> PortionResult:
    portion = await _Portion.begin(run, "product")
    for row, record in portion.read():
        portion.take(row, record, _UPDATED_OF_PRODUCTS, product=None)
    return await portion.finish()


async def import_sku_portion(run: Run) -> PortionResult:
    portion = await _Portion.begin(run, "sku")
    records = portion.read()
    products = await _find_products(run, {record.product for _, record in records})
    for row, record in records:
        product = products.get(record.product)
        if product is None:
            portion.refuse(row, record, f"Cannot find product with id {record.product}")
            continue
        if "attributes" in record.fields:
            record.fields["attributes"] = keep_known_attributes(record.fields["attributes"], product)
        portion.take(row, record, _UPDATED_OF_SKUS, product=product)
    return await portion.finish()


class _Portion:
    """What is known of the rows in hand, and what becomes of them."""

    def __init__(
        self,
        run: Run,
        kind: ItemKind,
        rows: list[ImportedRow],
        reader: RowReader,
        found: dict[str, Row],
        schema: MetadataSchema | None,
        custom: dict[str, MetadataSchema],
    ) -> None:
        self._run = run
        self._kind = kind
        self._rows = rows
        self._reader = reader
        self._found = found
        self._schema = schema
        self._custom = custom
        self._new: dict[str, Change] = {}
        self._changes: list[Change] = []
        self._failed: list[RowOutcome] = []

    @classmethod
    async def begin(cls, run: Run, kind: ItemKind) -> "_Portion":
        rows = await load_rows(run)
        project_id = run.job.project_id
        schema = await load_schema(run.connection, project_id, "product")
        custom = await load_custom_schemas(run.connection, project_id) if schema else {}
        reader = RowReader(
            run.job.payload["header"],
            PRODUCT_HEADERS if kind == "product" else SKU_HEADERS,
            schema=schema,
            major_units=run.settings.csv_money_in_major_units,
        )
        source_ids = [*({reader.source_id_of(row).replace("\x00", "") for row in rows} - {""})]
        find = store.find_product_keys if kind == "product" else store.find_sku_keys
        known = await find(run.connection, project_id, [], source_ids)
        return cls(run, kind, rows, reader, {row["source_id"]: row for row in known}, schema, custom)

    def read(self) -> list[tuple[ImportedRow, Record]]:
        """The rows that can be read; the others are refused."""
        read = self._reader.read_product if self._kind == "product" else self._reader.read_sku
        records = []
        for row in self._rows:
            try:
                records.append((row, read(row)))
            except RowRefused as refusal:
                self._refuse(row, self._reader.source_id_of(row), str(refusal))
        return records

    def take(self, row: ImportedRow, record: Record, updated: Iterable[str], *, product: Row | None) -> None:
        """Create or update what a row names. `product`: of a SKU."""
        known = self._found.get(record.source_id)
        new = self._new.get(record.source_id)
        if known is not None and known["deleted_at"] is not None:
            self.refuse(row, record, f"Duplicated {self._kind} exists with id {record.source_id}")
            return
        owner = known["product_id"] if product is not None and known is not None else None
        if new is not None:
            owner = new.product_id
        if product is not None and owner is not None and owner != product["id"]:
            self.refuse(
                row,
                record,
                f"Resource sku with id {record.source_id} is in use by products"
                f" with ids [{show_product_id(owner)}]",
            )
            return
        if known is not None or new is not None:
            fields = {name: record.fields[name] for name in updated if name in record.fields}
            known_id = known["id"] if known is not None else None
            # (Without an id it is added to what an earlier row of this portion makes.)
            self._changes.append(Change(id=known_id, source_id=record.source_id, fields=fields))
            return
        problem = metadata_problem(record.metadata, self._schema, partial=False, custom=self._custom)
        if problem is not None:
            self.refuse(row, record, problem)
            return
        change = Change(
            source_id=record.source_id or None,
            product_id=product["id"] if product else None,
            fields=record.fields,
            metadata=record.metadata,
        )
        if record.source_id:
            self._new[record.source_id] = change
        self._changes.append(change)

    def refuse(self, row: ImportedRow, record: Record, reason: str) -> None:
        self._refuse(row, record.source_id, reason)

    def _refuse(self, row: ImportedRow, source_id: str, reason: str) -> None:
        self._failed.append(describe_refusal(row, source_id, reason))

    async def finish(self) -> PortionResult:
        run = self._run
        await write_changes(run.connection, run.job.project_id, self._kind, self._changes, run.now)
        self._failed.sort(key=lambda outcome: outcome.row)
        return await record_rows(run, done=len(self._rows) - len(self._failed), failed=self._failed)


async def _find_products(run: Run, sent: set[str]) -> dict[str, Row]:
    """Products by what the rows name them by; locked, so that nobody deletes them meanwhile."""
    ids = [product_id for text in sent if (product_id := parse_product_id(text))]
    rows = await store.find_product_keys(run.connection, run.job.project_id, ids, [*sent], "share")
    rows = [row for row in rows if row["deleted_at"] is None]
    by_source_id = {row["source_id"]: row for row in rows if row["source_id"]}
    return by_source_id | {show_product_id(row["id"]): row for row in rows}
