"""Rows for tables of the lake that only grow, batch by batch: the new file takes small ones in, so that there are never many.

A file takes in those before it that are not larger than itself: of n rows that came one by one there are log n files, and each row is
written log n times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from flows.errors import TransientError
from flows.store.manifest import Swap
from flows.store.rows import LakeFile
from flows.warehouse.base import Column, TableSpec
from flows.warehouse.lake import Lake, spec_to_dict

if TYPE_CHECKING:
    import pyarrow as pa

FULL = 50_000  # rows of a file that takes in no more
RACES = 20

Row = Mapping[str, Any]


def ensure(lake: Lake, specs: Sequence[TableSpec]) -> None:
    """The tables are there afterwards, with at least these columns. A lost race means that somebody else has made or written them: it is
    looked again. Raises TransientError when every one was lost."""
    for spec in specs:
        for attempt in range(RACES):
            have = lake.manifest.table(lake.tenant_id, spec.name)
            if have is not None and have.spec == spec_to_dict(spec):
                break
            try:
                lake.manifest.swap(lake.tenant_id, spec.name, add=(), drop=(), spec=spec_to_dict(spec),
                                   expect_version=have.version if have else 0)
                break
            except TransientError:
                if attempt + 1 == RACES:
                    raise


def appended(lake: Lake, spec: TableSpec, rows: Sequence[Row]) -> Swap:
    """Write the file that holds these rows and the small ones before it; nobody sees it before the swap. Raises TransientError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pinned = lake.pin(spec.name)
    goes, count = [], len(rows)
    for file in reversed(pinned.files):
        if file.rows > count or count + file.rows > FULL:
            break
        goes.append(file)
        count += file.rows
    new: tuple[LakeFile, ...] = ()
    try:
        if rows:
            parts = [_fit(pq.read_table(lake.path(file), partitioning=None), spec) for file in reversed(goes)]
            draft = lake.draft(spec.name)
            try:
                pq.write_table(pa.concat_tables([*parts, arrow(spec.columns, rows)]), draft, compression="zstd")
                new = (lake.publish(draft, spec.name, LakeFile("", count, 0, run_id="book")),)
            finally:
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise TransientError(f"the lake cannot be written: {error.strerror or error}", where=spec.name,
                             fix="Free some space, or look at the rights of $PENSTOCK_HOME/lake") from None
    return Swap(spec.name, new, tuple(file.id for file in goes) if rows else (), spec_to_dict(spec), pinned.version)


def discard(lake: Lake, swaps: Sequence[Swap]) -> None:
    """Remove the files of swaps that did not happen."""
    lake.discard([file for swap in swaps for file in swap.add])


def arrow(columns: Sequence[Column], rows: Sequence[Row], *, text: bool = False) -> pa.Table:
    """Plain rows with the columns' types; JSON columns hold JSON as text, `text`: and are text."""
    import pyarrow as pa

    kinds = {"STRING": pa.string(), "INT64": pa.int64(), "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us", tz="UTC"),
             "JSON": pa.string() if text else pa.json_()}
    arrays = []
    for column in columns:
        kind, values = kinds[column.type], [row.get(column.name) for row in rows]
        plain = pa.array(values, kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind)
        arrays.append(pa.ExtensionArray.from_storage(kind, plain) if isinstance(kind, pa.BaseExtensionType) else plain)
    fields = [pa.field(c.name, kinds[c.type], metadata={"bigquery": "STRING" if text and c.type == "JSON" else c.type}) for c in columns]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def day(given: str) -> date | None:
    """An ISO date; None for '' and what is none."""
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def _fit(table: pa.Table, spec: TableSpec) -> pa.Table:
    """A file's rows with the columns as they are now."""
    import pyarrow as pa

    want = arrow(spec.columns, ()).schema
    there = {name: table.column(name) for name in table.column_names}
    columns = [there[f.name].cast(f.type) if f.name in there and there[f.name].type != f.type
               else there.get(f.name, pa.nulls(table.num_rows, f.type)) for f in want]
    return pa.Table.from_arrays([column.combine_chunks() if hasattr(column, "combine_chunks") else column for column in columns],
                                schema=want)
