"""Rows between steps on BigQuery: tables of the tenant's staging dataset that go away by themselves."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.warehouse.base import Column, Relation, SqlPlan
from flows.warehouse.bq.fields import fields_of, schema_of
from flows.warehouse.bq.jobs import Jobs
from flows.warehouse.bq.names import Placed
from flows.warehouse.bq.project import STAGED_DAYS, STAGING
from flows.warehouse.bq.schema import Datasets, column_sql, path_sql
from flows.warehouse.encode import type_name

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp


class Staging:
    """Staging tables of one session."""

    def __init__(self, jobs: Jobs, datasets: Datasets, folder: Path) -> None:
        self.jobs, self.datasets, self.folder = jobs, datasets, folder

    def _path(self, name: str, content: str = "") -> str:
        """A full table name: the same for the same statement of the same try, so that a step that is sent twice fills one table."""
        stem = re.sub(r"[^A-Za-z0-9_]", "_", f"{self.jobs.job_key}_{name}").strip("_")[:200]
        rest = hashlib.sha256(content.encode()).hexdigest()[:12] if content and self.jobs.job_key else uuid.uuid4().hex[:12]
        return f"{self.datasets.dataset(STAGING)}.{stem}_{rest}"

    def query(self, name: str, placed: Placed, plan: SqlPlan) -> Relation:
        """The rows of a statement. One statement makes and fills the table, so nobody sees half of it."""
        path = self._path(name, f"{placed.sql}\0{placed.params!r}")
        columns = tuple(Column(c.name, c.type) for c in plan.columns)
        # where a column has no name of its own, these are taken by position and the query's own are ignored
        spelled = "" if _named(placed.tree) else f"({', '.join(column_sql(c) for c in columns)}) "
        expires = f"OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {24 * STAGED_DAYS} HOUR))"
        made = f"CREATE OR REPLACE TABLE {path_sql(path)} {spelled}{expires} AS\n{placed.sql}"
        self.jobs.query(made, params=placed.params, cache=False)
        return Relation(name, columns, self.count(path), table=path)

    def count(self, path: str) -> int:
        """The rows of a table, which BigQuery knows without reading it."""
        job = self.jobs.query(f"SELECT COUNT(*) AS n FROM {path_sql(path)}", fresh=True, cache=False)
        return int(self.jobs.ask(lambda: next(iter(job.result()))[0]))

    def arrow(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Relation:
        """Arrow rows, by way of a Parquet file and a load job."""
        import pyarrow.parquet as pq

        columns = columns_of(schema)
        target = schema_of(fields_of(columns))
        self.folder.mkdir(parents=True, exist_ok=True)
        file, rows = self.folder / f".load-{uuid.uuid4().hex}.parquet", 0
        try:
            with pq.ParquetWriter(file, target) as writer:
                for batch in batches:
                    writer.write_batch(_cast(batch, target))
                    rows += batch.num_rows
            return self.file(name, columns, file, rows)
        finally:
            file.unlink(missing_ok=True)

    def file(self, name: str, columns: Sequence[Column], file: Path, rows: int) -> Relation:
        """A Parquet file's rows."""
        from google.cloud import bigquery

        path = self._path(name)
        table = bigquery.Table(path, schema=fields_of(columns))
        table.expires = datetime.now(UTC) + timedelta(days=STAGED_DAYS)
        self.jobs.ask(lambda: self.jobs.client.create_table(table, exists_ok=True, retry=self.jobs.retry()), what=name)
        if rows:
            self.jobs.load(file, path, columns, disposition="truncate")
        return Relation(name, tuple(columns), rows, table=path)


def _named(tree: exp.Expr) -> bool:
    """Does every column of a query have a name? A table cannot be made of one without."""
    from sqlglot import exp

    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    return isinstance(tree, exp.Select) and all(isinstance(item, (exp.Alias, exp.Column, exp.Star, exp.Dot)) or item.is_star
                                                for item in tree.expressions)


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """Columns of Arrow rows: the type that a field notes, else what Arrow tells."""
    return tuple(Column(f.name, (f.metadata or {}).get(b"bigquery", b"").decode() or type_name(f.type)) for f in schema)


def _cast(batch: Any, schema: Any) -> Any:
    import pyarrow as pa

    columns = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays([column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)
