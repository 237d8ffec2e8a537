"""The local warehouse: one in-memory DuckDB a step, over the tenant's Parquet lake."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flows.errors import InputError, MissingError, SqlError
from flows.settings import Settings
from flows.warehouse import files, files_json, formats, runbook
from flows.warehouse import session as sessions
from flows.warehouse.base import (
    Capabilities,
    Column,
    Dialect,
    Diff,
    ExecResult,
    LoadResult,
    ProcedureSpec,
    Progress,
    QueryLimits,
    Relation,
    Slice,
    Spent,
    SqlPlan,
    TableSpec,
    WriteMode,
)
from flows.warehouse.bqtypes import arrow_schema, from_duck
from flows.warehouse.evolve import added, evolve
from flows.warehouse.files import FileRead
from flows.warehouse.files_csv import CsvReader, Shape
from flows.warehouse.lake import Change, Lake, split
from flows.warehouse.quoting import literal, name_sql
from flows.warehouse.scope import is_plain
from flows.warehouse.session import Session
from flows.warehouse.statement import Prepared, prepare
from flows.warehouse.tables import SCHEMA, Found, Tables
from flows.warehouse.write import Source, Writer

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from flows.store.manifest import Manifest

    Sql = str | exp.Expr
    Params = Mapping[str, Any] | None

SORTED_ROWS = 10_000  # a preview's result up to this size is sorted when its query says no order


class DuckDBWarehouse:
    """A session of one tenant. `names`: catalogued name -> dataset.table of the lake. `read_dirs`: folders whose files may be read.
    `book`: called before the run book is read.

    A preview session writes nothing, neither to the lake nor to `stage_dir`.
    """

    dialect: Dialect = "duckdb"

    def __init__(self, settings: Settings, manifest: Manifest, tenant_id: str, *, names: Mapping[str, str] | None = None,
                 stage_dir: Path, preview: bool = False, read_dirs: Sequence[Path] = (),
                 book: Callable[[], None] | None = None) -> None:
        self.settings, self.tenant_id, self.preview, self.stage_dir = settings, tenant_id, preview, Path(stage_dir)
        self.lake = Lake(settings.home, manifest, tenant_id)
        self.capabilities = Capabilities("duckdb")
        self.cancels = 0
        if not preview:
            self.stage_dir.mkdir(parents=True, exist_ok=True)
        self.session = Session([self.lake.folder, self.stage_dir, *map(Path, read_dirs)], limits=settings.limits, preview=preview,
                               spill=None if preview else self.stage_dir / f".spill-{uuid.uuid4().hex[:8]}")
        self.session.rows(f"CREATE SCHEMA {SCHEMA}")
        sessions.lock(self.session.con)
        self.tables = Tables(self.session, self.lake, names or {}, (settings.project, tenant_id), book)
        self.project = settings.project
        self.writer = Writer(self.session, self.tables, self.lake)

    # ---------------------------------------------------------------- reading
    def bind(self, relation: Relation) -> None:
        """Make a finished step's rows visible under its name, before tables of the same name."""
        if relation.files or self.tables.bound(relation.name) is None:
            if relation.rows and not relation.files:
                raise SqlError(f"the rows of {relation.name!r} are in another session", verdict="failed", code="not_found")
            self.tables.bind_files(relation)

    def check(self, sql: Sql, params: Params = None) -> SqlPlan:
        """Columns, tables read and the verdict, without running the statement."""
        made = self._prepare(sql, params)
        _, columns = self.typed(made.sql)
        return SqlPlan(columns, reads=made.reads, verdict=made.verdict, notes=made.notes)

    def query(self, sql: Sql, params: Params = None, *, limits: QueryLimits | None = None,
              labels: Mapping[str, str] | None = None) -> pa.Table:
        """All rows of one SELECT as Arrow; each field notes its BigQuery type."""
        made = self._prepare(sql, params)
        return self.fetch(made.sql, limits or QueryLimits())

    def fetch(self, sql: str, limits: QueryLimits) -> pa.Table:
        """All rows of a query in DuckDB's SQL, as `query` gives them."""
        typed, columns = self.typed(sql)
        if limits.rows:
            typed = f"SELECT * FROM ({typed}) LIMIT {int(limits.rows)}"
        table = self.session.table(typed, seconds=limits.seconds)
        return table.cast(arrow_schema(table.schema, columns))

    def stream(self, sql: Sql, params: Params = None, *, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """The same, piece by piece, in bounded memory."""
        typed, _ = self.typed(self._prepare(sql, params).sql)
        return self.session.batches(typed, batch_rows)

    def head(self, source: str | exp.Expr, rows: int) -> list[dict[str, Any]]:
        """The first rows of a relation or table (its name) or of a compiled query (a tree), as plain Python values.

        For screens and counts: few rows, and Arrow (35 MB) is not even loaded.
        """
        if isinstance(source, str):
            sql = f"SELECT * FROM {self.tables.find((source,) if self.tables.bound(source) else tuple(source.split('.'))).sql}"
        else:
            sql = self._prepare(source, None).sql
        names, _ = self.session.describe(sql)
        return [dict(zip(names, row, strict=True)) for row in self.session.rows(f"SELECT * FROM ({sql}) LIMIT {int(rows)}")]

    def keep_small(self, name: str, most: int) -> int | None:
        """Compute a bound relation now if it has at most `most` rows, so that it is computed once however many ask; gives its count.

        None: it is larger and stays as it was.
        """
        found = self.tables.bound(name)
        if found is None:
            raise SqlError(f"there is no relation {name!r} here", verdict="failed", code="not_found")
        kept = self.tables.bind_query(name, f"SELECT * FROM {found.sql} LIMIT {int(most) + 1}", keep=True)
        count = int(self.session.rows(f"SELECT count(*) FROM {kept.sql}")[0][0])
        if count <= most:
            return count
        self.tables.bind(name, found)
        self.session.rows(f"DROP TABLE {kept.sql}")
        return None

    def _prepare(self, sql: Sql, params: Params) -> Prepared:
        return prepare(sql, params or {}, self.tables, project=self.project)

    def typed(self, sql: str) -> tuple[str, tuple[Column, ...]]:
        """The query with every column in the type that keeps its BigQuery type, and those columns.

        Raises SqlError when two columns have one name.
        """
        names, kinds = self.session.describe(sql)
        seen: set[str] = set()
        for name in names:
            if name.lower() in seen:
                raise SqlError(f"two columns of the result are named {name!r}", code="duplicate_column",
                               fix="Give one of them another name with AS")
            seen.add(name.lower())
        types = [from_duck(kind) for kind in kinds]
        columns = tuple(Column(name, bq) for name, (bq, _) in zip(names, types, strict=True))
        if all(str(kind) == duck for kind, (_, duck) in zip(kinds, types, strict=True)):
            return sql, columns
        parts = [name_sql(name) if str(kind) == duck else f"CAST({name_sql(name)} AS {duck}) AS {name_sql(name)}"
                 for name, kind, (_, duck) in zip(names, kinds, types, strict=True)]
        return f"SELECT {', '.join(parts)} FROM ({sql})", columns

    # ---------------------------------------------------------------- rows between steps
    def stage(self, name: str, data: Sql | pa.RecordBatchReader | pa.Table, params: Params = None) -> Relation:
        """Keep rows for the steps after this one, as a Parquet file (a preview: in memory, a plain SELECT as a view), and bind them."""
        from sqlglot import exp

        if not isinstance(data, (str, exp.Expr)):
            with self.session.arrow("penstock_given", data):
                return self._stage(name, self.typed("SELECT * FROM penstock_given")[0], keep=True)
        made = self._prepare(data, params)
        plain = is_plain(made.tree)
        total = self.tables.rows(made.reads[0]) if plain and len(made.reads) == 1 and not self.preview else None
        return self._stage(name, self.typed(made.sql)[0], keep=not plain, ordered=bool(made.tree.args.get("order")), total=total)

    def _stage(self, name: str, sql: str, *, keep: bool, ordered: bool = True, total: int | None = None) -> Relation:
        if self.preview:
            found = self.tables.bind_query(name, sql, keep=keep)
            rows = self.session.rows(f"SELECT count(*) FROM {found.sql}")[0][0] if keep else None
            if rows and rows <= SORTED_ROWS and not ordered:  # groups come in any order: a screen shows them in the same one each time
                found = self.tables.bind_query(name, f"SELECT * FROM {found.sql} ORDER BY ALL", keep=True)
            return Relation(name, found.columns, rows)
        columns = self.typed(sql)[1]
        path, rows = self._keep(name, sql, total)
        relation = Relation(name, columns, rows, (str(path),))
        self.tables.bind_files(relation)
        return relation

    def _keep(self, name: str, sql: str, total: int | None = None) -> tuple[Path, int]:
        """Write a query to a Parquet file of the stage folder; it has its name only when it is complete. `total`: rows that it reads."""
        stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:80]
        draft = self.stage_dir / f".new-{uuid.uuid4().hex}"
        final = self.stage_dir / f"{stem}-{uuid.uuid4().hex[:8]}.parquet"
        try:
            with self.writer.at(f"reading {name}", total):
                stats = self.session.rows(f"COPY ({sql}) TO {literal(str(draft))} (FORMAT parquet, RETURN_STATS)")
            os.replace(draft, final)
        finally:
            draft.unlink(missing_ok=True)
        return final, int(sum(row[1] for row in stats))

    def read_file(self, path: str | Path, format: str = "", options: Mapping[str, Any] | None = None) -> FileRead:
        """A CSV, Parquet or JSON file below `read_dirs` as a relation; `options` go to `read_csv` or `read_json`.

        Raises MissingError, InputError (format, option), DataError (not such a file).
        """
        if not options and (format or files.format_of(str(path))) == "parquet":
            return self.read_parquet(path)
        return formats.read(self.session, self.tables, path, format, options)

    def read_csv(self, path: str | Path, *, types: Mapping[str, str] | None = None, **shape: Any) -> FileRead:
        """CSV, see `files_csv.Shape` for its options. Without `types` every column's type is found from all its values; with them a
        value that does not fit rejects its row."""
        return CsvReader(self.session, self.tables, path, Shape(**shape)).read(types)

    def read_json(self, path: str | Path, *, types: Mapping[str, str] | None = None) -> FileRead:
        """One array of objects, or one object a line."""
        return files_json.read_json(self.session, self.tables, path, types)

    def read_parquet(self, path: str | Path) -> FileRead:
        """A view: nothing is read that nobody asks for."""
        return files.read_parquet(self.session, self.tables, path, count=not self.preview)

    # ---------------------------------------------------------------- writing
    def replace_slice(self, table: TableSpec, key: Slice, rows: Relation | Sql) -> LoadResult:
        """The idempotent write: the rows of the slice become exactly these, with the LINEAGE columns added."""
        return self.write(table, key, rows, mode="append")

    def write(self, table: TableSpec, key: Slice, rows: Relation | Sql, *, mode: WriteMode) -> LoadResult:
        """See `Warehouse.write`. Raises DataError (types, keys, NULLs), InputError, TransientError (every race was lost)."""
        name = self._table(table.name)
        return self.writer.write(_named(table, name), key, self._source(rows), mode)

    def load(self, data: Relation | pa.RecordBatchReader, table: str, *, mode: Literal["append", "truncate"] = "append") -> LoadResult:
        """Rows as they are, without LINEAGE columns. Not idempotent when appending."""
        name = self._table(table)
        if isinstance(data, Relation):
            source = self._source(data)
            return self.writer.load(name, source.sql, data.columns or source.columns, truncate=mode == "truncate")
        with self.session.arrow("penstock_given", data):
            sql, columns = self.typed("SELECT * FROM penstock_given")
            if not self.lake.pin(name).spec.partition_by:
                return self.writer.load(name, sql, columns, truncate=mode == "truncate")
            path, _ = self._keep("load", sql)  # partitions need a second look, and a reader is read once
        view = self._file_view(Relation("load", columns, files=(str(path),)))
        return self.writer.load(name, f"SELECT * FROM {view.sql}", columns, truncate=mode == "truncate")

    def ensure_table(self, table: TableSpec) -> Diff:
        """Make the table, or add the columns it lacks. Raises DataError for a column of another type."""
        name = self._table(table.name)
        pinned = self.lake.pin(name)
        spec = evolve(pinned.spec, _named(table, name), (), lineage=False)
        diff = added(pinned.spec, spec)
        if spec != pinned.spec:
            self.lake.swap(Change(spec), pinned.version)
            self.tables.forget(name)
        return diff

    def _source(self, rows: Relation | Sql) -> Source:
        """Rows that can be read several times, and give the same each time."""
        if isinstance(rows, Relation):
            found = self.tables.bound(rows.name)
            if rows.files or found is None:
                found = self._file_view(rows)
            return Source(f"SELECT * FROM {found.sql}", found.columns, rows.rows)
        sql, columns = self.typed(self._prepare(rows, None).sql)
        path, count = self._keep("rows", sql)
        found = self._file_view(Relation("rows", columns, files=(str(path),)))
        return Source(f"SELECT * FROM {found.sql}", columns, count)

    def _file_view(self, relation: Relation) -> Found:
        return self.tables.view_of(relation.files, relation.columns)

    def writable(self, name: str) -> str:
        """dataset.table of a destination. Raises InputError in a preview and for a name that is none, SqlError for the run book."""
        if self.preview:
            raise InputError("a preview writes nothing", fix="Run the pipeline to write")
        parts = name.split(".")
        if len(parts) == 1:
            runbook.refuse(runbook.NAMES.get(name, name))
            raise InputError(f"{name!r} does not say its dataset", fix=f"Write dataset.table, like mart.{name}")
        dataset, table = split(self.tables.table_name(parts))
        runbook.refuse(f"{dataset}.{table}")
        return f"{dataset}.{table}"

    def _table(self, name: str) -> str:
        """The same for a destination that is no view. Raises InputError."""
        name = self.writable(name)
        if self.lake.pin(name).spec.view:
            raise InputError(f"{name} is a view, and a view is not written", fix="Write the tables that it reads")
        return name

    # ---------------------------------------------------------------- what there is
    def describe(self, table: str) -> TableSpec:
        """A lake table with its rows and bytes. Raises MissingError with near misses."""
        try:
            name = self.tables.table_name(table.split("."))
        except SqlError as error:
            raise MissingError(error.what, fix=error.fix) from None
        pinned = self.tables.pin(name)
        if not pinned.spec.columns:
            missing = self.tables.missing(table)
            raise MissingError(missing.what, fix=missing.fix)
        spec = pinned.spec
        return replace(spec, rows=None if spec.view else pinned.rows, bytes=None if spec.view else sum(f.bytes for f in pinned.files))

    def refresh(self) -> None:
        """Look at every lake table anew."""
        self.tables.refresh()

    def list_tables(self, dataset: str = "") -> list[str]:
        return self.lake.names(dataset)

    # ---------------------------------------------------------------- scripts and the end
    def execute(self, script: str, params: Params = None, *, limits: QueryLimits | None = None, labels: Mapping[str, str] | None = None,
                job_key: str = "") -> ExecResult:
        """A script of BigQuery statements, all or nothing. Raises SqlError (refused: scripting, procedures), TransientError (lost race)."""
        from flows.warehouse.script import Script

        return Script(self, params or {}, limits or QueryLimits()).run(script)

    def sync_procedures(self, folder: str) -> Mapping[str, str]:
        """Keep the procedures of a folder: name -> created | updated | unchanged. Raises InputError that names file and line."""
        from flows.warehouse.routines import sync

        return sync(self.lake.manifest.procedures, self.tenant_id, Path(folder))

    def procedures(self) -> list[ProcedureSpec]:
        """The procedures there are, those that come with Penstock too, by name."""
        from flows.warehouse.routines import sync

        sync(self.lake.manifest.procedures, self.tenant_id)
        return [ProcedureSpec(p.name, tuple((a["name"], a["type"], a["mode"]) for a in p.arguments), p.sha256)
                for p in self.lake.manifest.procedures.list(self.tenant_id)]

    def call(self, name: str, args: Sequence[Any] | Mapping[str, Any], *, limits: QueryLimits | None = None) -> ExecResult:
        """Run a procedure, all or nothing; its OUT arguments are the result, one row. Values by position, or by name."""
        from flows.warehouse.script import Script

        return Script(self, {}, limits or QueryLimits()).call(name, args)

    def progress(self) -> Progress | None:
        """What this session does now and how far it is; None when there is nothing to say. From any thread."""
        percent, (doing, total) = self.session.progress(), self.writer.doing
        return None if percent is None else Progress(int(percent), total, doing)

    def cancel(self, job_key: str = "") -> None:
        """Stop what runs now, from another thread; a script stops before its next statement."""
        self.cancels += 1
        self.session.cancel()

    def spent(self) -> Spent:
        """Nothing: no byte is billed here."""
        return Spent()

    def close(self) -> None:
        self.session.close()

    def __enter__(self) -> DuckDBWarehouse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _named(table: TableSpec, name: str) -> TableSpec:
    return TableSpec(name, table.columns, table.partition_by, table.cluster_by, table.keys)
