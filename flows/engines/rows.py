"""Rows that come as Python values, page by page, become typed columns without losing any."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from flows.errors import DataError, LimitError, PenstockError

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 10_000  # rejected records that are told one by one, the rest is only counted
_INT64 = 2**63
_KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "string", dict: "json", list: "json", datetime: "datetime",
                           date: "date", time: "time", Decimal: "string"}


T = TypeVar("T")


class Feed:
    """Arrow batches that another engine pulls. What goes wrong while pulling is raised as it was, not as the puller's own error."""

    def __init__(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], errors: Sequence[type[Exception]] = ()) -> None:
        self.schema, self._batches = schema, batches
        self._kinds: tuple[type[Exception], ...] = (PenstockError, OSError, ValueError, *errors)
        self._error: Exception | None = None

    def into(self, taker: Callable[[pa.RecordBatchReader], T]) -> T:
        """Hand the batches to `taker`, once."""
        import pyarrow as pa

        try:
            result = taker(pa.RecordBatchReader.from_batches(self.schema, self._guarded()))
        except self._kinds as error:  # whatever the puller made of it, the cause is what counts
            raise self._error or error from None
        if self._error:
            raise self._error
        return result

    def _guarded(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches
        except self._kinds as error:
            self._error = error
            raise


class Rows:
    """Collects pages of records and gives one table; the type of a column is the narrowest that holds every value of every page.

    Numbers that are partly whole become FLOAT64, nested values JSON, any other mixture STRING. Memory is that of the Arrow columns;
    above `max_bytes` a LimitError is raised. `names` are columns that are there even when no record has them.
    """

    def __init__(self, max_bytes: int, names: Iterable[str] = ()) -> None:
        self.max_bytes = max_bytes
        self.rows, self.rejected = 0, 0
        self.rejects: list[dict[str, Any]] = []
        self._pages: list[tuple[int, dict[str, tuple[str, pa.Array]]]] = []
        self._kinds: dict[str, str] = dict.fromkeys(names, "null")
        self._bytes = 0

    def add(self, records: Sequence[Any]) -> None:
        """One page. Records that are no mapping are counted as rejected."""
        good = []
        for number, record in enumerate(records, self.rows + self.rejected + 1):
            if isinstance(record, Mapping):
                good.append(record)
            else:
                self.reject(number, "", f"not a record but {type(record).__name__}")
        page = {}
        for name in dict.fromkeys(key for record in good for key in record):
            if not isinstance(name, str) or not name:
                raise DataError(f"a record has a field named {name!r}", fix="Fields need a name of at least one character")
            page[name] = _column([record.get(name) for record in good])
            self._kinds[name] = _join(self._kinds.get(name, "null"), page[name][0])
        self._bytes += sum(array.nbytes for _, array in page.values())
        if self._bytes > self.max_bytes:
            raise LimitError(f"the answer is larger than {self.max_bytes // 1024 // 1024} MiB",
                             fix="Ask for less: filter at the source, or load it in parts")
        self.rows += len(good)
        self._pages.append((len(good), page))

    def reject(self, line: int, column: str, reason: str) -> None:
        self.rejected += 1
        if len(self.rejects) < KEPT:
            self.rejects.append({"line": line, "column": column, "reason": reason})

    def table(self) -> pa.Table:
        """All pages as one table; columns in order of first appearance, a field that a record lacks is NULL."""
        import pyarrow as pa

        schema = pa.schema([(name, _arrow(kind)) for name, kind in self._kinds.items()])
        return pa.Table.from_batches(self._batches(schema), schema)

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for count, page in self._pages:
            arrays = []
            for field in schema:
                kind, array = page.get(field.name, ("null", pa.nulls(count)))
                arrays.append(_cast(array, kind, self._kinds[field.name], field.type))
            if schema.names:
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -_INT64 <= value < _INT64 else "string"
    if isinstance(value, float):
        return "float" if value == value and abs(value) != float("inf") else "string"
    return next((kind for type_, kind in _KINDS.items() if isinstance(value, type_)), "string")


def _join(one: str, other: str) -> str:
    """The narrowest kind that holds both."""
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    if {one, other} == {"int", "float"}:
        return "float"
    if {one, other} == {"date", "datetime"}:
        return "datetime"
    return "json" if "json" in (one, other) else "string"


def _column(values: list[Any]) -> tuple[str, pa.Array]:
    import pyarrow as pa

    kind = "null"
    for value in values:
        if value is not None:
            kind = _join(kind, _kind(value))
    if kind == "json":
        values = [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in values]
    elif kind == "string":
        values = [None if v is None else v if isinstance(v, str) else _text(v) for v in values]
    elif kind == "float":
        values = [None if v is None else float(v) for v in values]
    elif kind == "datetime":
        values = [datetime(v.year, v.month, v.day) if v is not None and not isinstance(v, datetime) else v for v in values]
    return kind, pa.array(values, type=pa.string() if kind == "json" else _arrow(kind))


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (Decimal, date, time)) else json.dumps(value, ensure_ascii=False, default=str)


def _arrow(kind: str) -> pa.DataType:
    import pyarrow as pa

    return {"null": pa.string(), "bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "string": pa.string(), "json": pa.json_(),
            "date": pa.date32(), "datetime": pa.timestamp("us"), "time": pa.time64("us")}[kind]


def _cast(array: pa.Array, kind: str, wanted: str, type_: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if kind == "null":
        return pa.nulls(len(array), type_)
    if wanted == "json":
        if kind != "json":
            array = pa.array([None if v is None else json.dumps(v, default=str) for v in array.to_pylist()], pa.string())
        return pa.ExtensionArray.from_storage(type_, array)
    return array if array.type == type_ else array.cast(type_)
