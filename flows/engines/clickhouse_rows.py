"""Arrow rows as ClickHouse takes them, and the proof that it stored what was sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from flows.errors import DataError
from flows.warehouse.base import LINEAGE, Column, Slice

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = {"INT64": "Int64", "FLOAT64": "Float64", "NUMERIC": "Decimal(38, 9)", "BIGNUMERIC": "Decimal(76, 38)", "BOOL": "Bool",
         "STRING": "String", "BYTES": "String", "DATE": "Date32", "DATETIME": "DateTime64(6, 'UTC')",
         "TIMESTAMP": "DateTime64(6, 'UTC')", "JSON": "String", "TIME": "String"}
"""ClickHouse types. A DATETIME has no zone, and a bare DateTime64 would show another hour on a server that is not in UTC."""
ROWS, BYTES = 262_144, 64 * 2**20
"""One insert makes one part on disk, so small batches are joined up to these."""
_WRAPPED = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$")


def type_of(kind: str) -> str:
    """INT64 is Nullable(Int64); an ARRAY of plain values is an Array (never NULL itself), anything nested its JSON text."""
    if kind.startswith("ARRAY<"):
        inner = kind[6:-1].split("(")[0]
        return f"Array(Nullable({NAMES[inner]}))" if inner in NAMES else "Nullable(String)"
    return f"Nullable({NAMES.get(kind.split('(')[0], 'String')})"


def grouped(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in fewer, larger pieces of bounded size."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(b.num_rows for b in held) >= ROWS or sum(b.nbytes for b in held) >= BYTES:
            yield pa.Table.from_batches(held, schema)
            held = []
    if any(batch.num_rows for batch in held):
        yield pa.Table.from_batches(held, schema)


def fitted(table: pa.Table, columns: Sequence[Column], key: Slice) -> pa.Table:
    """The table's own columns in types that ClickHouse reads, with the LINEAGE columns behind them."""
    import pyarrow as pa

    now = datetime.now(UTC)
    marks = {**key.key(), "x_run_id": key.x_run_id, "x_ingested_at": now, "x_ingestion_date": now.date()}
    marks["x_pipeline_run_date"] = datetime.fromisoformat(key.x_pipeline_run_date).date()
    arrays = [_array(table.column(column.name), column.type) for column in columns]
    arrays += [pa.repeat(pa.scalar(marks[name], pa.timestamp("us", "UTC") if name == "x_ingested_at" else None), table.num_rows)
               for name in LINEAGE]
    return pa.Table.from_arrays(arrays, names=[*(column.name for column in columns), *LINEAGE])


def _array(values: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    import pyarrow as pa

    if isinstance(values.type, pa.BaseExtensionType):
        values = pa.chunked_array([chunk.storage for chunk in values.chunks], values.type.storage_type)
    if type_of(kind).startswith("Array"):
        if pa.types.is_time(values.type.value_type):
            values = values.cast(pa.list_(pa.string()))
        return pa.chunked_array([pa.array([v or [] for v in values.to_pylist()], values.type)]) if values.null_count else values
    if pa.types.is_nested(values.type):
        return pa.chunked_array([pa.array([None if v is None else json.dumps(v, default=_plain, ensure_ascii=False)
                                           for v in values.to_pylist()], pa.string())])
    if "String" in type_of(kind) and not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        return values.cast(pa.string())
    return values


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else value.isoformat() if hasattr(value, "isoformat") else str(value)


class Ends:
    """The smallest and the largest value of every whole-number and time column that was sent.

    ClickHouse folds what a type cannot hold (a day before 1900, a number above 2**31 in an Int32) into another value without a word;
    the ends of a column show it, whatever the table's types are.
    """

    def __init__(self) -> None:
        self._ends: dict[str, tuple[Any, Any]] = {}
        self._kinds: dict[str, str] = {}

    def add(self, table: pa.Table, columns: Sequence[Column]) -> None:
        import pyarrow.compute as pc

        for column in columns:
            if column.type not in ("INT64", "DATE", "DATETIME", "TIMESTAMP"):
                continue
            try:
                low, high = pc.min_max(table.column(column.name)).as_py().values()
            except (OverflowError, ValueError):
                raise DataError(f"column {column.name!r} holds a time outside the years 1 to 9999 (infinity?)",
                                fix="Replace it before the load") from None
            if low is not None:
                old = self._ends.get(column.name, (low, high))
                self._ends[column.name], self._kinds[column.name] = (min(old[0], low), max(old[1], high)), column.type

    def cells(self, types: Mapping[str, str]) -> dict[tuple[str, str], str]:
        """(column, min or max) and the expression that asks for it, where the stored type can be compared."""
        from flows.engines.clickhouse_peer import ident

        made = {}
        for name, kind in self._kinds.items():
            stored = bare(types[name])
            for end in ("min", "max") if stored.startswith(("Int", "UInt", "Date")) else ():
                value = f"{end}({ident(name)})"
                zoned = kind == "TIMESTAMP" and "Time" in stored
                made[name, end] = f"toString(toTimeZone({value}, 'UTC'))" if zoned else f"toString({value})"
        return made

    def check(self, stored: Mapping[tuple[str, str], str | None], types: Mapping[str, str]) -> None:
        """Raises DataError when an end is stored as another value; fractions of a second may be cut by the table's type."""
        for (name, end), text in stored.items():
            told = _told(self._ends[name][end == "max"])
            length = min(len(told), len(text or ""), 19) if bare(types[name]).startswith("Date") else None
            if not text or told[:length] != text[:length]:
                raise DataError(f"column {name!r} holds {told}, which {bare(types[name])} would keep as {text}",
                                fix="Write to a new table, or change the type of the column or the value")


def _told(value: Any) -> str:
    """A value as ClickHouse writes it."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def bare(kind: str) -> str:
    """Nullable(Int64) is Int64."""
    found = _WRAPPED.match(kind)
    return bare(found[1]) if found else kind
