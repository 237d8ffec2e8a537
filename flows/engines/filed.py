"""Files of people as relations: CSV, Parquet and JSON by the warehouse, Excel by a process of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from flows.engines.base import Context
from flows.engines.remote import Got, cast_tree, wanted
from flows.errors import InputError, LimitError
from flows.settings import Limits
from flows.warehouse.base import Column, Relation

Format = Literal["csv", "parquet", "json", "excel"]
SHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
SHEET_OPTIONS = {"sheet", "header", "skip", "types"}
CHECKED_BYTES = 16 * 1024 * 1024
"""Up to this size a check reads a text file to know its columns; a larger one is left to the preview."""


class _Reads(Protocol):
    """What the local warehouse offers besides the promise of every warehouse."""

    def read_file(self, path: str, format: str = "", options: Mapping[str, Any] | None = None) -> Any: ...


def read_file(name: str, path: str, format: Format | None, options: Mapping[str, Any], context: Context) -> Got:
    """The rows of a file as the relation `name`: copied in a run, because a person may change the file; a view in a preview."""
    size = Path(path).stat().st_size
    if size > context.limits.file_bytes:
        raise LimitError(f"{Path(path).name} is larger than {context.limits.file_bytes // 1024**2} MiB", where="source.path",
                         fix="Split it, or load it into a table")
    if is_sheet(path, format):
        return _sheet(name, path, options, context)
    if "sheet" in options:
        raise InputError(f"{Path(path).name} has no sheets", where="source.sheet", fix="sheet is for Excel files")
    read = cast(_Reads, context.warehouse).read_file(path, format or "", options)
    return Got(context.warehouse.stage(name, read.tree), read.rejected, list(read.rejects), list(read.notes))


def columns_of(path: str, format: Format | None, options: Mapping[str, Any]) -> tuple[Column, ...] | None:
    """The columns of a file as a run will find them; None when only a run can tell (Excel, or too large to read for a check)."""
    from flows.warehouse.files import format_of

    if is_sheet(path, format):
        return None
    kind = format or format_of(path)
    if kind != "parquet" and (Path(path).stat().st_size > CHECKED_BYTES or path.endswith(".gz")):
        return None
    return _looked(path, kind, options)


def is_sheet(path: str, format: Format | None) -> bool:
    return format == "excel" or (format is None and path.lower().endswith(SHEETS))


def _looked(path: str, kind: str, options: Mapping[str, Any]) -> tuple[Column, ...]:
    """Read with the warehouse's own readers in a session that is thrown away."""
    from flows.warehouse.files import read_parquet
    from flows.warehouse.files_csv import CsvReader, Shape
    from flows.warehouse.files_json import read_json
    from flows.warehouse.session import Session
    from flows.warehouse.tables import SCHEMA, Tables

    session = Session([Path(path).parent], limits=Limits(), preview=True)
    try:
        session.rows(f"CREATE SCHEMA {SCHEMA}")
        tables = Tables(session, cast(Any, None), {}, ())
        if kind == "parquet":
            return read_parquet(session, tables, path).columns
        types = options.get("types")
        if kind == "json":
            return read_json(session, tables, path, types).columns
        shape = {name: value for name, value in options.items() if name != "types"}
        return CsvReader(session, tables, path, Shape(**shape)).read(types).columns
    finally:
        session.close()


def _sheet(name: str, path: str, options: Mapping[str, Any], context: Context) -> Got:
    from flows.engines.sheet import read_sheet
    from flows.warehouse.files import declared

    for option in options:
        if option not in SHEET_OPTIONS:
            raise InputError(f"an Excel file has no {option}", where=f"source.{option}", fix=f"It takes {', '.join(sorted(SHEET_OPTIONS))}")
    table = read_sheet(path, sheet=options.get("sheet"), header=options.get("header", True), skip_rows=options.get("skip", 0),
                       limits=context.limits, cancel=context.cancel)
    told = json.loads((table.schema.metadata or {}).get(b"told", b"{}"))
    notes, about = told.get("notes", []), {name: told[name] for name in ("sheet", "sheets") if name in told}
    others = [other for other in about.get("sheets", []) if other != about["sheet"]]
    if others and "sheet" not in options:
        notes.append(f"read sheet {about['sheet']!r}. Also in the file: {', '.join(others)}")
    if not table.column_names:
        raise InputError(f"the sheet of {Path(path).name} is empty", where="source.sheet", fix="Name another sheet")
    types = declared(options.get("types"), table.column_names)
    return Got(_typed(name, table.replace_schema_metadata(None), types, context), notes=notes, about=about)


def _typed(name: str, table: Any, types: Mapping[str, str], context: Context) -> Relation:
    """The table under its name, with the declared types. Raises DataError for a value that does not fit."""
    if not types:
        return context.warehouse.stage(name, table)
    read = context.warehouse.stage(f"{name}__read", table)
    return context.warehouse.stage(name, cast_tree(read.name, read.columns, wanted(read.columns, types), context.warehouse.dialect))
