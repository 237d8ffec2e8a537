"""Rows as a file: written beside its place under another name, and renamed only when it is whole."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from flows.engines.base import Context, StepResult
from flows.engines.tables import count, everything
from flows.errors import DataError, InputError, LimitError, PenstockError, TransientError

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["excel", "csv", "parquet", "json"]
ENDS = {"excel": ".xlsx", "csv": ".csv", "parquet": ".parquet", "json": ".json"}
EXCEL_ROWS, EXCEL_COLUMNS, EXCEL_TEXT, EXCEL_DIGITS = 1_048_575, 16_384, 32_767, 15  # Excel's own limits; one row is the header
FORMULA = r"^[=+\-@\t\r]"
"""What a spreadsheet takes for the start of a formula. Source: OWASP, "CSV Injection"."""


@dataclass(frozen=True)
class Target:
    """What file, and how."""

    kind: Kind
    path: str
    escape_formulas: bool = False


def planned(relation: str, target: Target, context: Context) -> StepResult:
    """What `deliver` would do; nothing is made."""
    place = context.files.write(target.path)
    rows = count(relation, context)
    _fits(target.kind, rows)
    _schema(relation, target, context)
    replaces = ", in place of the file that is there" if Path(place).exists() else ""
    return StepResult(rows=rows, notes=[f"would write {rows:,} rows to {target.path}{replaces}"], outputs={"path": place})


def deliver(relation: str, target: Target, context: Context) -> StepResult:
    """Write the relation. Raises InputError (outside the allowed folders), LimitError (too much for Excel), DataError, TransientError."""
    place = context.files.write(target.path)
    expected = count(relation, context)
    _fits(target.kind, expected)
    schema = _schema(relation, target, context)
    batches = _checked(context.warehouse.stream(everything(relation)), context)
    rows = _saved(place, lambda file: _WRITERS[target.kind](file, schema, batches, target))
    if rows != expected:
        raise DataError(f"{rows:,} of {expected:,} rows were written to {target.path}", fix="Run the step again")
    return StepResult(rows=rows, outputs={"path": place, "bytes": Path(place).stat().st_size})


def _schema(relation: str, target: Target, context: Context) -> pa.Schema:
    """The columns as Arrow has them. Raises DataError for one that this format has no way to write."""
    import pyarrow as pa

    schema = context.warehouse.query(everything(relation).limit(0)).schema
    for field in schema:
        if pa.types.is_interval(field.type):
            raise DataError(f"column {field.name!r} is INTERVAL, which a {target.kind} file does not hold",
                            fix=f"Cast it first: CAST({field.name} AS STRING)")
    return schema


def _checked(batches: Iterator[pa.RecordBatch], context: Context) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        context.cancel.check()
        yield batch


def _fits(kind: Kind, rows: int) -> None:
    if kind == "excel" and rows > EXCEL_ROWS:
        raise LimitError(f"{rows:,} rows do not fit into a sheet, which holds {EXCEL_ROWS:,}", where="destination.engine",
                         fix="Export as csv or parquet, or aggregate first")


def _saved(place: str, write: Callable[[IO[bytes]], int]) -> int:
    with _draft(Path(place)) as file:
        rows = write(file)
        file.flush()
        os.fsync(file.fileno())
    return rows


@contextmanager
def _draft(place: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when the block ends well, and vanishes when it does not."""
    draft = place.with_name(f".{place.name[:100]}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as file:
            yield file
        os.replace(draft, place)
    except PenstockError:
        raise
    except OSError as error:
        raise TransientError(f"{place.name} cannot be written: {error.strerror or error}", where=str(place.parent),
                             fix="Is there room, and may this user write there?") from error
    finally:
        draft.unlink(missing_ok=True)


# ------------------------------------------------------------------ formats
def _parquet(file: IO[bytes], schema: pa.Schema, batches: Iterator[pa.RecordBatch], target: Target) -> int:
    import pyarrow.parquet as pq

    rows = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch.cast(schema))
            rows += batch.num_rows
    return rows


def _csv(file: IO[bytes], schema: pa.Schema, batches: Iterator[pa.RecordBatch], target: Target) -> int:
    """RFC 4180, UTF-8; NULL is nothing, the empty text is two quotes; nested values are JSON."""
    import pyarrow as pa
    import pyarrow.csv as pc

    escape = target.escape_formulas
    flat = pa.schema([(_escaped(f.name) if escape else f.name, f.type if _flat(f.type) else pa.string()) for f in schema])
    rows = 0
    with pc.CSVWriter(file, flat) as writer:
        for batch in batches:
            columns = [_plain(column, escape) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays([c.cast(f.type) for c, f in zip(columns, flat, strict=True)], schema=flat))
            rows += batch.num_rows
    return rows


def _plain(column: pa.Array, escape: bool) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not _flat(column.type):
        column = pa.array([None if v is None else _json_text(v) for v in column.to_pylist()], pa.string())
    if escape and pa.types.is_string(column.type):
        return pc.if_else(pc.match_substring_regex(column, FORMULA), pc.binary_join_element_wise("'", column, ""), column)
    return column


def _escaped(text: str) -> str:
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _flat(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return not (pa.types.is_nested(type_) or pa.types.is_binary(type_) or pa.types.is_large_binary(type_))


def _json(file: IO[bytes], schema: pa.Schema, batches: Iterator[pa.RecordBatch], target: Target) -> int:
    """One list of objects; a path that ends in .jsonl or .ndjson is one object a line. NUMERIC is written digit by digit."""
    lines = target.path.lower().endswith((".jsonl", ".ndjson"))
    json_columns = {f.name for f in schema if (f.metadata or {}).get(b"bigquery") == b"JSON"}
    before, between, after = (b"", b"\n", b"\n") if lines else (b"[\n", b",\n", b"\n]\n")
    rows = 0
    for batch in batches:
        for record in batch.to_pylist():
            shown = {k: json.loads(v) if k in json_columns and v is not None else v for k, v in record.items()}
            file.write((between if rows else before) + _json_text(shown).encode())
            rows += 1
    file.write(after if rows else b"" if lines else b"[]\n")
    return rows


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_json_value, allow_nan=False)
    except ValueError:  # a number that is none, somewhere inside
        return json.dumps(_finite(value), ensure_ascii=False, default=_json_value, allow_nan=False)


def _finite(value: Any) -> Any:
    """The same with NaN, Infinity and -Infinity as text, as BigQuery writes them in JSON."""
    if isinstance(value, dict):
        return {name: _finite(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_finite(held) for held in value]
    if isinstance(value, float) and value != value:
        return "NaN"
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value) if isinstance(value, float) else value


def _json_value(value: Any) -> Any:
    """What JSON has no word for: decimals and dates as text, bytes as base64."""
    import base64
    from datetime import date, time
    from decimal import Decimal

    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, (date, time)):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _excel(file: IO[bytes], schema: pa.Schema, batches: Iterator[pa.RecordBatch], target: Target) -> int:
    """One sheet with a header. Every cell is written by its type, so that no text becomes a formula or a link."""
    import xlsxwriter

    if len(schema) > EXCEL_COLUMNS:
        raise LimitError(f"{len(schema):,} columns do not fit into a sheet, which holds {EXCEL_COLUMNS:,}", fix="Select fewer columns")
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        styles = {name: book.add_format({"num_format": code}) for name, code in
                  {"date": "yyyy-mm-dd", "datetime": "yyyy-mm-dd hh:mm:ss", "time": "hh:mm:ss"}.items()}
        sheet, rows = book.add_worksheet(), 0
        for at, name in enumerate(schema.names):
            sheet.write_string(0, at, name)
        for batch in batches:
            for record in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                rows += 1
                for at, value in enumerate(record):
                    _excel_cell(sheet, rows, at, value, styles)
    return rows


def _excel_cell(sheet: Any, row: int, at: int, value: Any, styles: dict[str, Any]) -> None:
    from datetime import date, datetime, time
    from decimal import Decimal

    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, at, value)
    elif isinstance(value, (int, float, Decimal)) and _exact(value):
        sheet.write_number(row, at, value)
    elif isinstance(value, datetime) and value.year >= 1900:
        sheet.write_datetime(row, at, value.replace(tzinfo=None), styles["datetime"])
    elif isinstance(value, date) and not isinstance(value, datetime) and value.year >= 1900:
        sheet.write_datetime(row, at, value, styles["date"])
    elif isinstance(value, time):
        sheet.write_datetime(row, at, value, styles["time"])
    else:
        text = value if isinstance(value, str) else value.isoformat() if isinstance(value, date) else \
            str(value) if isinstance(value, (int, float, Decimal)) else _json_text(value).strip('"')
        if len(text) > EXCEL_TEXT:
            raise DataError(f"row {row} holds a text of {len(text):,} characters, a cell holds {EXCEL_TEXT:,}",
                            fix="Export as csv or parquet, or cut the text first")
        sheet.write_string(row, at, text)


def _exact(value: Any) -> bool:
    """Does Excel show the number as it is? It keeps 15 digits and knows no NaN."""
    from decimal import Decimal

    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    digits = Decimal(value).normalize().as_tuple()
    return len(digits.digits) <= EXCEL_DIGITS


_WRITERS: dict[str, Callable[[IO[bytes], pa.Schema, Iterator[pa.RecordBatch], Target], int]] = {
    "excel": _excel, "csv": _csv, "parquet": _parquet, "json": _json}


def default_path(kind: str, table: str | None, path: str | None) -> str:
    """Where a load that names a file format writes: the path, else the table's name with the format's ending."""
    if path or table:
        return path or f"{table}{ENDS[kind]}"
    raise InputError("the file has no name", where="destination.path", fix="Give destination.path")
