"""Write rows into a table: the warehouse, PostgreSQL or ClickHouse, all or nothing, and the same rows again when it is repeated.

Every written row says where it came from (x_org_slug, x_pipeline_id, x_credential_id, x_pipeline_run_date, x_run_id, x_ingested_at,
x_ingestion_date). `overwrite` replaces the table, `append` what the same pipeline wrote for the same date, `merge` the rows with the
same keys, `replace_partition` the partitions that the rows fall into. One row that the table refuses fails the step, and nothing is
written: `continue_on_error` has no level of rows here. A `generic.quality_check` before it sets rows aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Literal, NoReturn, cast

from pydantic import Field, model_validator

from flows.engines.base import Block, Context, EngineConfig, Query, Scope, StepResult
from flows.engines.inputs import ready
from flows.engines.outfile import Kind, Target, default_path, deliver, planned
from flows.engines.tables import WAREHOUSE, count, everything, fail, find, own, promised
from flows.errors import DataError, MissingError
from flows.warehouse.base import Column, LoadResult, Relation, Slice, TableSpec, WriteMode
from flows.warehouse.runbook import NAMES, is_ours

FILES = ("parquet", "csv", "excel")
REMOTE = {"postgres": "flows.engines.postgres_write", "clickhouse": "flows.engines.clickhouse"}
"""Engines behind a connection, and the module that has their `Peer`, `write` and `rows_in`."""
LATER = {"gcs", "s3"}
"""Engines that the contract names and this version does not write to, and what would be installed for them."""
PARTITIONS = ("DATE", "DATETIME", "TIMESTAMP", "INT64")


class Load(Block):
    """What is written."""

    input: str = Field(min_length=1, description="the step or catalogued table whose rows are written")


class Destination(Block):
    """Which table, and how."""

    engine: Literal["bigquery", "duckdb", "clickhouse", "postgres", "parquet", "csv", "excel", "gcs", "s3"] = "bigquery"
    table: str | None = Field(None, min_length=1, description="dataset.table; for postgres [schema.]table, for clickhouse [database.]table")
    path: str | None = Field(None, min_length=1, description="of the file, for parquet, csv and excel")
    connection: str | None = Field(None, description="for postgres and clickhouse, when it has another name than the engine")
    mode: WriteMode = "overwrite"
    keys: list[str] | None = Field(None, min_length=1, description="columns that tell rows apart; needed by merge")
    partition_by: str | None = Field(None, min_length=1, description="a DATE, DATETIME, TIMESTAMP or INT64 column")
    cluster_by: list[str] | None = Field(None, min_length=1, max_length=4)

    @model_validator(mode="after")
    def complete(self) -> Destination:
        if self.engine in FILES:
            if not (self.path or self.table):
                raise ValueError("a file needs a path")
            if self.mode != "overwrite":
                raise ValueError(f"a file can only be overwritten, not written with mode {self.mode}")
        elif not self.table:
            raise ValueError("a load needs the name of its table")
        if self.mode == "merge" and not self.keys:
            raise ValueError("mode merge needs keys: the columns that tell rows apart")
        if self.mode == "replace_partition" and not self.partition_by:
            raise ValueError("mode replace_partition needs partition_by")
        return self


class Config(EngineConfig):
    """`config`: the input; `destination`: the table."""

    config: Load
    destination: Destination


def inputs(config: Config) -> list[str]:
    return [config.config.input]


def output(config: Config, scope: Scope) -> tuple[Column, ...]:
    """Nothing that another step could read; destination and columns are judged."""
    to = config.destination
    columns = promised(config.config.input, scope, "config.input")
    if to.engine in LATER:
        _later(to.engine)
    if to.engine in FILES:
        if scope.files is not None:
            scope.files.write(default_path(to.engine, to.table, to.path))
        return ()
    if to.engine in WAREHOUSE and is_ours(place := _location(to.table or "", scope) or NAMES.get(to.table or "", to.table or "")):
        fail("destination.table", "not_allowed", f"{place} is kept by Penstock and is only read", "Write to a dataset of your own")
    if to.engine in WAREHOUSE and "." not in (to.table or "") and not _location(to.table or "", scope):
        fail("destination.table", "no_dataset", f"{to.table!r} does not say its dataset", f"Write dataset.table, like mart.{to.table}")
    if columns is not None:
        _judge(to, columns)
    return ()


def queries(config: Config, scope: Scope) -> list[Query]:
    """A write to the warehouse reads its rows twice: once into a stage, once from there."""
    return [Query(everything(config.config.input))] * 2 if config.destination.engine in WAREHOUSE else []


def run(config: Config, context: Context) -> StepResult:
    to, name = config.destination, config.config.input
    if to.engine in LATER:
        _later(to.engine)
    columns = own(ready(name, context))
    if to.engine in FILES:
        return deliver(name, _file(to), context)
    _judge(to, columns)
    rows = count(name, context)
    key = Slice(context.tenant_id, context.pipeline_id, context.credential_id, context.run_date.isoformat(), context.run_id)
    done = _remote(to, name, columns, key, context) if to.engine in REMOTE else _local(to, name, columns, key, context)
    if done.rows != rows:
        raise DataError(f"{rows:,} rows went in and {done.rows:,} were written to {done.table}", fix="Run the step again")
    return StepResult(rows=done.rows, outputs={"table": done.table, "mode": to.mode, "replaced": done.replaced, "version": done.version})


def preview(config: Config, context: Context) -> StepResult:
    """What a run would do: rows that come, and rows that are there now. Nothing is written."""
    to, name = config.destination, config.config.input
    if to.engine in LATER:
        _later(to.engine)
    columns = own(ready(name, context))
    if to.engine in FILES:
        return planned(name, _file(to), context)
    _judge(to, columns)
    rows, there = count(name, context), _rows_there(to, context)
    what = {"overwrite": "in place of all", "append": "beside, in place of what this pipeline wrote for this date among",
            "merge": f"over those with the same {', '.join(to.keys or [])} among",
            "replace_partition": f"in place of the same {to.partition_by} among"}[to.mode]
    now = f"{what} {there:,} rows that are there now" if there is not None else "into a new table"
    return StepResult(rows=rows, notes=[f"would write {rows:,} rows to {to.table} ({to.mode}), {now}"],
                      outputs={"table": to.table, "mode": to.mode, "rows_now": there})


def _local(to: Destination, name: str, columns: Sequence[Column], key: Slice, context: Context) -> LoadResult:
    rows = context.inputs.get(name)
    source = rows if isinstance(rows, Relation) and rows.name == name else everything(name)
    return context.warehouse.write(_spec(to, columns), key, source, mode=to.mode)


def _remote(to: Destination, name: str, columns: Sequence[Column], key: Slice, context: Context) -> LoadResult:
    tree = everything(name)
    schema = context.warehouse.query(tree.limit(0)).schema
    done: LoadResult = import_module(REMOTE[to.engine]).write(_peer(to, context), _spec(to, columns), key, schema,
                                                              context.warehouse.stream(tree), mode=to.mode)
    return done


def _peer(to: Destination, context: Context) -> Any:
    """The declared connection, named like the engine unless the step says another. Raises InputError without an address."""
    limits = context.limits
    return import_module(REMOTE[to.engine]).Peer.of(
        to.connection or to.engine, context.connections, context.cancel, connect_seconds=limits.http_connect_seconds,
        seconds=limits.preview_seconds if context.preview else limits.step_seconds)


def _rows_there(to: Destination, context: Context) -> int | None:
    if to.engine in REMOTE:
        there: int | None = import_module(REMOTE[to.engine]).rows_in(_peer(to, context), to.table or "")
        return there
    try:
        return context.warehouse.describe(to.table or "").rows
    except MissingError:
        return None


def _spec(to: Destination, columns: Sequence[Column]) -> TableSpec:
    return TableSpec(to.table or "", tuple(columns), to.partition_by or "", tuple(to.cluster_by or ()), tuple(to.keys or ()))


def _file(to: Destination) -> Target:
    return Target(cast(Kind, to.engine), default_path(to.engine, to.table, to.path))


def _judge(to: Destination, columns: Sequence[Column]) -> None:
    """Columns that the destination names are there and of a type that serves. Raises SpecError."""
    if to.partition_by:
        column = find(to.partition_by, columns, "destination.partition_by")
        if column.type not in PARTITIONS:
            fail("destination.partition_by", "type", f"{column.name!r} is {column.type}, a table is partitioned by {', '.join(PARTITIONS)}",
                 "Choose a date column")
    for field in ("keys", "cluster_by"):
        for n, name in enumerate(getattr(to, field) or ()):
            find(name, columns, f"destination.{field}.{n}")


def _location(table: str, scope: Scope) -> str:
    found = scope.catalog.tables.get(table)
    return found.location if found else ""


def _later(engine: str) -> NoReturn:
    fail("destination.engine", "unsupported", f"this version does not write to {engine} yet",
         "Write to bigquery, duckdb, postgres, clickhouse, parquet, csv or excel")
