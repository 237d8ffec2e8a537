"""Files of every format that is read, by one door: what the format is, which options it takes, and its rows as a relation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.errors import InputError
from flows.spec.suggest import did_you_mean
from flows.warehouse import files, files_json
from flows.warehouse.files import FileRead
from flows.warehouse.files_csv import CsvReader, Shape
from flows.warehouse.session import Session
from flows.warehouse.tables import Tables

OPTIONS = {"csv": {*Shape.__dataclass_fields__, "types"}, "json": {"types"}, "parquet": set[str]()}


def read(session: Session, tables: Tables, path: str | Path, format: str = "", options: Mapping[str, Any] | None = None) -> FileRead:
    """A CSV, Parquet or JSON file below the session's folders; `format` "": by the file's name.

    Raises MissingError, InputError (format, option), DataError (not such a file).
    """
    kind, given = format or files.format_of(str(path)), dict(options or {})
    if kind not in OPTIONS:
        raise InputError(f"files of format {kind!r} are not read here", where="source.format", fix=did_you_mean(kind, OPTIONS))
    for name in given:
        if name not in OPTIONS[kind]:
            raise InputError(f"a {kind} file has no option {name!r}", where=f"source.{name}", fix=did_you_mean(name, OPTIONS[kind]))
    types = given.pop("types", None)
    if kind == "csv":
        return CsvReader(session, tables, path, Shape(**given)).read(types)
    return files_json.read_json(session, tables, path, types) if kind == "json" else files.read_parquet(session, tables, path)
