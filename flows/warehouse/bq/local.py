"""Files of people on the way to BigQuery: read by a private DuckDB, so that rows are rejected as locally, then loaded as Parquet."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flows.settings import Limits
from flows.warehouse import formats
from flows.warehouse import session as sessions
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import columns_of
from flows.warehouse.files import FileRead
from flows.warehouse.quoting import literal
from flows.warehouse.scope import path_of, real_tables
from flows.warehouse.session import Session
from flows.warehouse.statement import prepare
from flows.warehouse.tables import SCHEMA, Tables

if TYPE_CHECKING:
    from sqlglot import exp

    from flows.warehouse.lake import Lake


class LocalFiles:
    """The files that one session opened; its DuckDB is made with the first."""

    def __init__(self, limits: Limits, folder: Path, read_dirs: Sequence[Path]) -> None:
        self.limits, self.folder, self.read_dirs = limits, folder, tuple(map(Path, read_dirs))
        self._session: Session | None = None
        self._tables: Tables | None = None

    def _open(self) -> tuple[Session, Tables]:
        if self._session is None or self._tables is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            spill = self.folder / f".spill-{uuid.uuid4().hex[:8]}"
            self._session = Session([self.folder, *self.read_dirs], limits=self.limits, spill=spill)
            self._session.rows(f"CREATE SCHEMA {SCHEMA}")
            sessions.lock(self._session.con)
            self._tables = Tables(self._session, cast("Lake", None), {}, ())
        return self._session, self._tables

    # ---------------------------------------------------------------- opening
    def read(self, path: str | Path, format: str = "", options: Mapping[str, Any] | None = None) -> FileRead:
        """A CSV, Parquet or JSON file below the allowed folders. Raises MissingError, InputError (format, option), DataError."""
        session, tables = self._open()
        return formats.read(session, tables, path, format, options)

    # ---------------------------------------------------------------- their rows
    def names(self, tree: exp.Expr) -> list[str]:
        """The files of this session that a tree reads, by the names they were opened under."""
        tables = self._tables
        if tables is None:
            return []
        found = [path[0] for path in map(path_of, real_tables(tree)) if len(path) == 1]
        return [name for name in dict.fromkeys(found) if tables.bound(name) is not None]

    def whole(self, name: str) -> exp.Select:
        """All rows of an opened file."""
        from sqlglot import exp

        return exp.select("*").from_(exp.Table(this=exp.to_identifier(name, quoted=True)))

    def copy(self, tree: exp.Expr, params: Mapping[str, Any]) -> tuple[Path, tuple[Column, ...], int]:
        """A query over files as a Parquet file: (its place, columns, rows). Whoever asks removes it."""
        session, tables = self._open()
        made = prepare(tree, params, tables).sql
        columns = columns_of(*session.describe(made))
        place = self.folder / f".load-{uuid.uuid4().hex}.parquet"
        stats = session.rows(f"COPY ({made}) TO {literal(str(place))} (FORMAT parquet, RETURN_STATS)")
        return place, columns, int(sum(row[1] for row in stats))

    def cancel(self) -> None:
        if self._session is not None:
            self._session.cancel()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
