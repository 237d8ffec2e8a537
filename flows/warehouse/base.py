"""One promise, two warehouses: what every warehouse offers, and the nouns it speaks in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

WriteMode = Literal["append", "overwrite", "merge", "replace_partition"]
Verdict = Literal["portable", "local-approximate", "bigquery-only"]
Dialect = Literal["duckdb", "bigquery"]

LINEAGE = ("x_org_slug", "x_pipeline_id", "x_credential_id", "x_pipeline_run_date", "x_run_id", "x_ingested_at", "x_ingestion_date")
"""Columns that every written table carries, in this order, after its own."""
SLICE_KEY = LINEAGE[:4]
"""The key of an idempotent write: the same slice twice changes nothing."""


@dataclass(frozen=True)
class Column:
    """A column; `type` is spelled as in BigQuery: INT64, FLOAT64, NUMERIC, BIGNUMERIC, BOOL, STRING, BYTES, DATE, TIME, DATETIME,
    TIMESTAMP, JSON, ARRAY<...>, STRUCT<...>."""

    name: str
    type: str
    nullable: bool = True
    description: str = ""


@dataclass(frozen=True)
class TableSpec:
    """A table as it should be or as it is. `name` is dataset.table; `view` is the query of a view, '' for a table."""

    name: str
    columns: tuple[Column, ...]
    partition_by: str = ""
    cluster_by: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    rows: int | None = None
    bytes: int | None = None
    view: str = ""

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True)
class Relation:
    """Rows between two steps. Locally `files` are immutable Parquet files; on BigQuery `table` is an expiring staging table.

    Plain data: it is stored with the step, so that a resumed run finds it again.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int | None = None
    files: tuple[str, ...] = ()
    table: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "columns": [{"name": c.name, "type": c.type} for c in self.columns], "rows": self.rows,
                "files": list(self.files), "table": self.table}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Relation:
        return cls(data["name"], tuple(Column(c["name"], c["type"]) for c in data["columns"]), data.get("rows"),
                   tuple(data.get("files") or ()), data.get("table") or "")


@dataclass(frozen=True)
class SqlPlan:
    """What a statement would do: result columns, tables read and written, bytes and price where known, and the verdict."""

    columns: tuple[Column, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    bytes: int | None = None
    usd: float | None = None
    verdict: Verdict = "portable"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExecResult:
    """What a script did; `rows` are those affected, `result` is its last SELECT, `notes` say where BigQuery's answer may differ."""

    rows: int = 0
    bytes: int | None = None
    job_id: str = ""
    result: pa.Table | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far a running statement is: whole percent, and of how many rows where it reads a known number of them once. `doing`: what for."""

    percent: int
    total: int | None = None
    doing: str = ""

    @property
    def rows(self) -> int | None:
        """Rows read by now."""
        return None if self.total is None else self.total * self.percent // 100

    @property
    def words(self) -> str:
        """`48 %, 24,000,000 rows`."""
        return f"{self.percent} %" + ("" if self.rows is None else f", {self.rows:,} rows")


@dataclass(frozen=True)
class Spent:
    """What a session has cost: bytes billed, the bytes that its dry runs had said, and the ids of its jobs. Locally nothing."""

    bytes: int = 0
    estimated: int = 0
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadResult:
    """What a write did; `replaced` are the rows that made room for it, `rows` what the write put in."""

    table: str
    rows: int
    replaced: int = 0
    version: int = 0


@dataclass(frozen=True)
class ProcedureSpec:
    """A stored procedure. `name` is dataset.name; `arguments` are (name, type, IN | OUT | INOUT); `sha256` is of its text without
    comments and needless space."""

    name: str
    arguments: tuple[tuple[str, str, str], ...]
    sha256: str = ""

    def signature(self) -> str:
        """name(a INT64, OUT b STRING)"""
        return f"{self.name}({', '.join(f'{mode} {n} {kind}'.removeprefix('IN ') for n, kind, mode in self.arguments)})"


@dataclass(frozen=True)
class Diff:
    """What `ensure_table` changed: columns that were added, or that the table was made."""

    created: bool = False
    added: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Slice:
    """Whose rows a write is: the four key columns and the run that writes them.

    `also`: a STRING column and texts. An append then takes away, besides the slice, what the same tenant, pipeline and login have written
    for other dates with one of these texts: the rows of a file that comes again.
    """

    x_org_slug: str
    x_pipeline_id: str
    x_credential_id: str
    x_pipeline_run_date: str  # ISO date
    x_run_id: str = ""
    also: tuple[str, tuple[str, ...]] | None = None

    def key(self) -> dict[str, str]:
        return {name: str(getattr(self, name)) for name in SLICE_KEY}

    def whose(self) -> dict[str, str]:
        """The key without the date."""
        return {name: value for name, value in self.key().items() if name != SLICE_KEY[-1]}


@dataclass(frozen=True)
class QueryLimits:
    """Bounds of one statement; 0 means the warehouse's own default."""

    rows: int = 0
    seconds: float = 0.0
    memory_mb: int = 0
    bytes_billed: int = 0
    read_only: bool = False


@dataclass
class Capabilities:
    """Differences between warehouses are data, not `if`."""

    name: str
    gaps: dict[str, str] = field(default_factory=dict)  # promise -> why it is not kept here yet


class Warehouse(Protocol):
    """A session of one tenant on one warehouse; one step, one session, closed at its end.

    SQL given as **text** is BigQuery SQL that somebody wrote: it is parsed, guarded, linted and rewritten. SQL given as a sqlglot
    **tree** was compiled by `flows.transform` for this session's `dialect` and runs as it is. Names in it: `dataset.table`, a
    catalogued table's bare name, or a relation's name that was bound.
    Raises SqlError (wrong or refused statement), DataError, TransientError (lost race, lost connection), StepTimeout, Cancelled.
    """

    dialect: Dialect
    capabilities: Capabilities

    def bind(self, relation: Relation) -> None:
        """Make a finished step's rows visible under its name, before tables of the same name."""

    def check(self, sql: str | exp.Expr, params: Mapping[str, Any] | None = None) -> SqlPlan: ...
    def query(self, sql: str | exp.Expr, params: Mapping[str, Any] | None = None, *, limits: QueryLimits | None = None,
              labels: Mapping[str, str] | None = None) -> pa.Table: ...
    def stream(self, sql: str | exp.Expr, params: Mapping[str, Any] | None = None, *,
               batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]: ...
    def execute(self, script: str, params: Mapping[str, Any] | None = None, *, limits: QueryLimits | None = None,
                labels: Mapping[str, str] | None = None, job_key: str = "") -> ExecResult: ...
    def stage(self, name: str, data: str | exp.Expr | pa.RecordBatchReader | pa.Table,
              params: Mapping[str, Any] | None = None) -> Relation:
        """Keep rows for the steps after this one and bind them under `name`. A preview session keeps them in memory only, and
        keeps a plain SELECT as a view, so that nothing is read that nobody asks for."""

    def head(self, source: str | exp.Expr, rows: int) -> list[dict[str, Any]]:
        """The first rows of a relation or table (its name) or of a compiled query (a tree), as plain Python values."""

    def keep_small(self, name: str, most: int) -> int | None:
        """Compute a bound relation now, once for all who ask, if it has at most `most` rows: their count. Else None, nothing kept."""

    def load(self, data: Relation | pa.RecordBatchReader, table: str, *, mode: Literal["append", "truncate"] = "append") -> LoadResult: ...
    def replace_slice(self, table: TableSpec, key: Slice, rows: Relation | str | exp.Expr) -> LoadResult:
        """The idempotent write: the rows of the slice become exactly these, with the LINEAGE columns added."""

    def write(self, table: TableSpec, key: Slice, rows: Relation | str | exp.Expr, *, mode: WriteMode) -> LoadResult:
        """append = replace_slice; overwrite = the whole table; merge = by `table.keys`; replace_partition = the partitions that
        the rows touch. Every mode is atomic, repeatable and adds the LINEAGE columns."""

    def ensure_table(self, table: TableSpec) -> Diff: ...
    def describe(self, table: str) -> TableSpec: ...
    def list_tables(self, dataset: str = "") -> list[str]: ...
    def refresh(self) -> None:
        """Look at tables anew; a session otherwise keeps the version of a table that it saw first."""

    def sync_procedures(self, folder: str) -> Mapping[str, str]: ...
    def procedures(self) -> list[ProcedureSpec]: ...
    def call(self, name: str, args: Sequence[Any] | Mapping[str, Any], *, limits: QueryLimits | None = None) -> ExecResult:
        """Run a procedure, values by position or by name. The result is one row of its OUT arguments, or else its last SELECT."""

    def cancel(self, job_key: str = "") -> None:
        """Stop what runs now, from another thread."""

    def spent(self) -> Spent: ...
    def close(self) -> None: ...
