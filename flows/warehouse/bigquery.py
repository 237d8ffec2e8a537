"""The production warehouse: one session a step on a tenant's datasets of a BigQuery project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flows.errors import MissingError, SqlError
from flows.settings import Limits
from flows.warehouse.base import (
    Capabilities,
    Dialect,
    Diff,
    ExecResult,
    LoadResult,
    ProcedureSpec,
    QueryLimits,
    Relation,
    Slice,
    Spent,
    SqlPlan,
    TableSpec,
    WriteMode,
)
from flows.warehouse.bq import routines
from flows.warehouse.bq.allowance import Allowance
from flows.warehouse.bq.jobs import Jobs
from flows.warehouse.bq.local import LocalFiles
from flows.warehouse.bq.names import Names, Placed
from flows.warehouse.bq.project import Project
from flows.warehouse.bq.read import Reader
from flows.warehouse.bq.schema import Datasets, path_sql
from flows.warehouse.bq.stage import Staging
from flows.warehouse.bq.write import Source, Writer
from flows.warehouse.files import FileRead

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    Sql = str | exp.Expr
    Params = Mapping[str, Any] | None



class BigQueryWarehouse:
    """A session of one tenant. `names`: catalogued name -> dataset.table. `labels` go on every job; `job_key` ("<run>-<step>-<try>")
    is the stem of their ids; no statement bills more than `max_bytes` (0: the project's own bound), and all together no more than
    `allowance`. `credentials` gives google credentials when the first job needs them. `book` is called before the run book is read.
    Files are read below `read_dirs`; `stage_dir` holds them on their way.
    """

    dialect: Dialect = "bigquery"

    def __init__(self, project: Project, tenant_id: str, *, limits: Limits, names: Mapping[str, str] | None = None,
                 labels: Mapping[str, str] | None = None, job_key: str = "", max_bytes: int = 0,
                 allowance: Allowance | None = None, credentials: Callable[[], Any] | None = None, stage_dir: Path,
                 read_dirs: Sequence[Path] = (), client: Any = None, book: Callable[[], None] | None = None) -> None:
        self.project, self.tenant_id, self.limits = project, tenant_id, limits
        self.capabilities = Capabilities("bigquery")
        self.jobs = Jobs(project, labels={"tenant": tenant_id, **(labels or {})}, job_key=job_key, max_bytes=max_bytes,
                         allowance=allowance, credentials=credentials, client=client)
        self.names = Names(project, tenant_id, names, book)
        self.datasets = Datasets(project, tenant_id, self.jobs)
        self.reader = Reader(self.jobs, self.capabilities)
        self.stage_dir = Path(stage_dir)
        self.staging = Staging(self.jobs, self.datasets, self.stage_dir)
        self.files = LocalFiles(limits, self.stage_dir, read_dirs)
        self.writer = Writer(self.jobs, self.datasets)

    # ---------------------------------------------------------------- reading
    def bind(self, relation: Relation) -> None:
        """Make a finished step's rows visible under its name, before tables of the same name."""
        if relation.table:
            self.names.bind(relation.name, relation.table)
        elif self.names.bound(relation.name) is None:
            raise SqlError(f"the rows of {relation.name!r} are not on BigQuery", verdict="failed", code="not_found",
                           fix="Run the steps before this one on BigQuery too")

    def check(self, sql: Sql, params: Params = None) -> SqlPlan:
        """Columns, tables read, bytes and the verdict of a statement, by a dry run, which costs nothing."""
        placed = self._place(sql, params)
        plan = self.plan(placed)
        return SqlPlan(plan.columns, tuple(place.logical for place in placed.reads), (), plan.bytes)

    def query(self, sql: Sql, params: Params = None, *, limits: QueryLimits | None = None,
              labels: Mapping[str, str] | None = None) -> pa.Table:
        """All rows of one SELECT as Arrow; each field notes its BigQuery type. A dry run comes first, so that what would cost more than
        it may is never run."""
        job = self._run(self._place(sql, params), limits, labels)
        return self.reader.table(job, most=limits.rows if limits else 0)

    def stream(self, sql: Sql, params: Params = None, *, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """The same, piece by piece, in bounded memory."""
        return self.reader.batches(self._run(self._place(sql, params), None, None), batch_rows)

    def head(self, source: str | exp.Expr, rows: int) -> list[dict[str, Any]]:
        """The first rows of a relation or table (its name), which costs nothing, or of a compiled query (a tree), as Python values."""
        if not isinstance(source, str):
            found: list[dict[str, Any]] = self.query(source, limits=QueryLimits(rows=rows)).to_pylist()
            return found
        place = self.names.find((source,) if self.names.bound(source) else tuple(source.split(".")))
        client = self.jobs.client
        table = self.jobs.ask(lambda: client.get_table(place.full, retry=self.jobs.retry()), what=source)
        if table.table_type == "TABLE":
            listed: list[dict[str, Any]] = self.reader.page(table, rows).to_pylist()
            return listed
        job = self.jobs.query(f"SELECT * FROM {path_sql(place.full)} LIMIT {int(rows)}", fresh=True)
        shown: list[dict[str, Any]] = self.reader.table(job, most=rows).to_pylist()
        return shown

    def keep_small(self, name: str, most: int) -> int | None:
        """The count of a bound relation if it has at most `most` rows: it was computed when it was staged."""
        place = self.names.bound(name)
        if place is None:
            raise SqlError(f"there is no relation {name!r} here", verdict="failed", code="not_found")
        count = self.staging.count(place.full)
        return count if count <= most else None

    def _place(self, sql: Sql, params: Params) -> Placed:
        if isinstance(sql, str):
            return self.names.text(sql, params or {})
        for name in self.files.names(sql):
            if self.names.bound(name) is None:
                self.stage(name, self.files.whole(name))
        return self.names.tree(sql, params or {})

    def plan(self, placed: Placed, limits: QueryLimits | None = None) -> SqlPlan:
        """What BigQuery says about a statement before it runs: all it reads is the tenant's, and no two columns have one name."""
        try:
            plan = self.jobs.dry_run(placed.sql, params=placed.params, limits=limits)
        except MissingError as error:
            raise self._missing(placed, error) from None
        self.names.check_reads(plan.reads, placed)
        seen: set[str] = set()
        for column in plan.columns:
            if column.name.lower() in seen:
                raise SqlError(f"two columns of the result are named {column.name!r}", code="duplicate_column",
                               fix="Give one of them another name with AS")
            seen.add(column.name.lower())
        return plan

    def _missing(self, placed: Placed, error: MissingError) -> SqlError:
        """BigQuery names what is not there by its physical name; people know it by theirs."""
        for place in placed.reads:
            if place.writable and self.datasets.look(place.logical) is None:
                return self.names.missing(place.logical, self.datasets.names())
        return SqlError(error.what, code="not_found", fix=error.fix)

    def _run(self, placed: Placed, limits: QueryLimits | None, labels: Mapping[str, str] | None) -> Any:
        self.jobs.afford(self.plan(placed, limits), limits)
        return self.jobs.query(placed.sql, params=placed.params, limits=limits, labels=labels, fresh=True)

    # ---------------------------------------------------------------- rows between steps
    def stage(self, name: str, data: Sql | pa.RecordBatchReader | pa.Table, params: Params = None) -> Relation:
        """Keep rows for the steps after this one, in a table that expires, and bind them."""
        from sqlglot import exp

        if not isinstance(data, (str, exp.Expr)):
            relation = self.staging.arrow(name, data.schema, data.to_batches() if hasattr(data, "to_batches") else data)
        elif not isinstance(data, str) and self.files.names(data):
            relation = self._stage_file(name, data, params)
        else:
            placed = self._place(data, params)
            plan = self.plan(placed)
            self.jobs.afford(plan)
            relation = self.staging.query(name, placed, plan)
        self.bind(relation)
        return relation

    def _stage_file(self, name: str, tree: exp.Expr, params: Params) -> Relation:
        file, columns, rows = self.files.copy(tree, params or {})
        try:
            return self.staging.file(name, columns, file, rows)
        finally:
            file.unlink(missing_ok=True)

    def read_file(self, path: str | Path, format: str = "", options: Mapping[str, Any] | None = None) -> FileRead:
        """A CSV, Parquet or JSON file below `read_dirs` as a relation, read as the local warehouse reads it; see there."""
        return self.files.read(path, format, options)

    def read_csv(self, path: str | Path, *, types: Mapping[str, str] | None = None, **shape: Any) -> FileRead:
        return self.files.read(path, "csv", {**shape, "types": types})

    def read_json(self, path: str | Path, *, types: Mapping[str, str] | None = None) -> FileRead:
        return self.files.read(path, "json", {"types": types})

    def read_parquet(self, path: str | Path) -> FileRead:
        return self.files.read(path, "parquet")

    # ---------------------------------------------------------------- writing
    def replace_slice(self, table: TableSpec, key: Slice, rows: Relation | Sql) -> LoadResult:
        """The idempotent write: the rows of the slice become exactly these, with the LINEAGE columns added."""
        return self.write(table, key, rows, mode="append")

    def write(self, table: TableSpec, key: Slice, rows: Relation | Sql, *, mode: WriteMode) -> LoadResult:
        """See `Warehouse.write`."""
        name = self.writable(table.name)
        named = TableSpec(name, table.columns, table.partition_by, table.cluster_by, table.keys)
        return self.writer.write(named, key, self._source(rows), mode)

    def load(self, data: Relation | pa.RecordBatchReader, table: str, *, mode: Literal["append", "truncate"] = "append") -> LoadResult:
        """Rows as they are, without LINEAGE columns. Not idempotent when appending."""
        name = self.writable(table)
        rows = data if isinstance(data, Relation) else self.staging.arrow("load", data.schema, data)
        return self.writer.load(name, self._source(rows), truncate=mode == "truncate")

    def ensure_table(self, table: TableSpec) -> Diff:
        """Make the table, or add the columns it lacks."""
        name = self.writable(table.name)
        return self.datasets.ensure(TableSpec(name, table.columns, table.partition_by, table.cluster_by, table.keys))

    def _source(self, rows: Relation | Sql) -> Source:
        if isinstance(rows, Relation):
            if not rows.table:
                self.bind(rows)
            bound = self.names.bound(rows.name)
            full = rows.table or (bound.full if bound else "")
            return Source(f"SELECT * FROM {path_sql(full)}", rows.columns, fixed=True)
        placed = self._place(rows, None)
        plan = self.plan(placed)
        self.jobs.afford(plan)
        return Source(f"{placed.sql}\n", plan.columns)

    def writable(self, name: str) -> str:
        """dataset.table of a destination. Raises InputError for a name without dataset, SqlError for what is only read."""
        return self.names.writable(tuple(name.split("."))).logical

    # ---------------------------------------------------------------- what there is
    def describe(self, table: str) -> TableSpec:
        """A table with its rows and bytes. Raises MissingError with near misses."""
        try:
            place = self.names.find(tuple(table.split(".")))
        except SqlError as error:
            raise MissingError(error.what, fix=error.fix) from None
        return self.datasets.describe(place.logical)

    def refresh(self) -> None:
        """Nothing is kept here: every statement sees tables as they are."""

    def list_tables(self, dataset: str = "") -> list[str]:
        return self.datasets.names(dataset)

    # ---------------------------------------------------------------- scripts and the end
    def execute(self, script: str, params: Params = None, *, limits: QueryLimits | None = None, labels: Mapping[str, str] | None = None,
                job_key: str = "") -> ExecResult:
        """A script of BigQuery statements, guarded one by one and sent as one job."""
        from flows.warehouse.bq.script import Script

        return Script(self, params or {}, limits or QueryLimits(), labels, job_key).run(script)

    def sync_procedures(self, folder: str) -> Mapping[str, str]:
        """Keep the procedures of a folder: name -> created | updated | unchanged. Raises InputError that names file and line."""
        return routines.sync(self, Path(folder))

    def procedures(self) -> list[ProcedureSpec]:
        """The procedures that come with Penstock, as BigQuery has them."""
        return routines.listed(self)

    def call(self, name: str, args: Sequence[Any] | Mapping[str, Any], *, limits: QueryLimits | None = None) -> ExecResult:
        """Run a procedure; its OUT arguments are the result, one row. An argument named ..._table holds dataset.table."""
        return routines.call(self, name, args, limits or QueryLimits())

    def cancel(self, job_key: str = "") -> None:
        """Stop what runs now, here and on the server, from another thread."""
        self.files.cancel()
        self.jobs.cancel()

    def spent(self) -> Spent:
        """What the jobs of this session were billed so far."""
        return self.jobs.spent

    def close(self) -> None:
        self.files.close()
        self.reader.close()
        self.jobs.close()

    def __enter__(self) -> BigQueryWarehouse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
