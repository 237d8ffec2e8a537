"""The two throw-away places of a trial: an in-memory session here, and a corner of the BigQuery project that is removed afterwards."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from flows.errors import PenstockError, TransientError, UnreachableError
from flows.run.session import open_session
from flows.warehouse.base import Relation

if TYPE_CHECKING:
    import pyarrow as pa

    from flows.insight.catalog import Catalog
    from flows.run.job import Job
    from flows.warehouse.base import Column, Warehouse
    from flows.warehouse.bigquery import BigQueryWarehouse
    from flows.warehouse.bq.project import Project


class There(Protocol):
    """BigQuery's side of a trial."""

    def session(self, step_id: str, catalog: Catalog) -> Warehouse:
        """A session for one step; whoever asks for it closes it."""

    def give(self, place: str, rows: pa.Table) -> None:
        """Let dataset.table be these rows."""

    def room(self, dataset: str) -> None:
        """Make a dataset that a step is about to write to."""

    def where(self) -> dict[str, Any]:
        """Where it is, as plain data: its project, and whether an emulator stands for BigQuery."""

    def close(self) -> None: ...


@dataclass
class Corner:
    """Datasets of one trial in the project of production; every job has the labels of its pipeline, step and trial."""

    job: Job
    project: Project
    trial: str = field(default_factory=lambda: f"parity_{uuid.uuid4().hex[:12]}")
    made: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Raises UnreachableError when the project does not answer."""
        from flows.warehouse.bq.project import STAGING
        from flows.warehouse.bq.scratch import scratch

        self.corner = scratch(self.project, self.trial)
        try:
            self._make([STAGING])
        except UnreachableError:
            raise
        except TransientError as error:
            raise UnreachableError(error.what, where=f"project {self.project.project}", fix="Look whether it can be reached") from error

    def session(self, step_id: str, catalog: Catalog) -> BigQueryWarehouse:
        job, run = self.job, self.trial.replace("_", "-")
        labels = {"tenant": job.tenant_id, "pipeline": job.spec.pipeline_id, "run": run, "step": step_id}
        made = open_session(job.settings, job.store, catalog, stage=f"{run}/{step_id}", environment="production", labels=labels,
                            job_key=f"{run}-{step_id}-1", allowance=job.allowance, project=self.corner)
        return cast("BigQueryWarehouse", made)

    def give(self, place: str, rows: pa.Table) -> None:
        self._make([place.split(".")[0]])
        session = self.session("given", self.job.catalog)
        try:
            session.load(rows.to_reader(), place, mode="truncate")
        finally:
            session.close()

    def room(self, dataset: str) -> None:
        self._make([dataset])

    def _make(self, datasets: Iterable[str]) -> None:
        from flows.warehouse.bq.scratch import make

        new = [dataset for dataset in datasets if dataset not in self.made]
        if new:
            session = self.session("given", self.job.catalog)
            try:
                for dataset in new:
                    self.made.add(dataset)
                    make(session, dataset)
            finally:
                session.close()

    def where(self) -> dict[str, Any]:
        return {"project": self.project.project, "location": self.project.location, "emulator": bool(self.project.endpoint)}

    def close(self) -> None:
        """Remove what was made. What cannot be removed now expires."""
        from flows.warehouse.bq.scratch import sweep

        session = self.session("given", self.job.catalog)
        try:
            with suppress(PenstockError):
                sweep(session, self.made)
        finally:
            session.close()
            shutil.rmtree(self.job.settings.home / "stage" / self.job.tenant_id / self.trial.replace("_", "-"), ignore_errors=True)


class Here:
    """DuckDB's side: a preview's session, which writes nothing."""

    def __init__(self, warehouse: Any) -> None:
        self.warehouse = warehouse
        self._count = 0

    def cut(self, name: str, rows: int, *, keep_as: str = "") -> tuple[Relation, bool]:
        """The first rows of a relation or table, kept under its name or another; True when there were more."""
        tables, name_as = self.warehouse.tables, keep_as or name
        found = tables.find((name,) if tables.bound(name) else tuple(name.split(".")))
        kept = tables.bind_query(name_as, f"SELECT * FROM {found.sql} LIMIT {int(rows) + 1}", keep=True)
        more = self._rows(kept.sql) > rows
        if more:
            kept = tables.bind_query(name_as, f"SELECT * FROM {kept.sql} LIMIT {int(rows)}", keep=True)
        return Relation(name_as, kept.columns, self._rows(kept.sql)), more

    def put(self, name: str, rows: pa.Table, columns: Iterable[Column]) -> Relation:
        """Rows of the other side under a name, in the types that they have there."""
        from flows.warehouse.bqtypes import to_duck
        from flows.warehouse.quoting import name_sql

        self.warehouse.stage(name, rows)
        cells = ", ".join(f"CAST({name_sql(column.name)} AS {to_duck(column.type)}) AS {name_sql(column.name)}" for column in columns)
        tables = self.warehouse.tables
        kept = tables.bind_query(name, f"SELECT {cells} FROM {tables.bound(name).sql}", keep=True)
        return Relation(name, kept.columns, rows.num_rows)

    def _rows(self, sql: str) -> int:
        return int(self.warehouse.session.rows(f"SELECT count(*) FROM {sql}")[0][0])
