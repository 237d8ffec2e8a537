"""INFORMATION_SCHEMA of the tenant's own datasets, as rows made when a statement asks. Source: BigQuery, INFORMATION_SCHEMA views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flows.errors import SqlError
from flows.warehouse.base import Column, TableSpec
from flows.warehouse.bqtypes import parse_type, quote, to_duck
from flows.warehouse.lake import spec_from_dict
from flows.warehouse.quoting import literal, name_sql

if TYPE_CHECKING:
    from sqlglot import exp

    from flows.store.rows import LakeTable
    from flows.warehouse.lake import Lake

PREFIX = "INFORMATION_SCHEMA."
_PLACE = ("table_catalog STRING", "table_schema STRING", "table_name STRING")
VIEWS: dict[str, tuple[str, ...]] = {
    "SCHEMATA": ("catalog_name STRING", "schema_name STRING"),
    "TABLES": (*_PLACE, "table_type STRING", "is_insertable_into STRING", "is_typed STRING", "creation_time TIMESTAMP"),
    "COLUMNS": (*_PLACE, "column_name STRING", "ordinal_position INT64", "is_nullable STRING", "data_type STRING", "is_generated STRING",
                "is_hidden STRING", "is_system_defined STRING", "is_partitioning_column STRING", "clustering_ordinal_position INT64"),
    "COLUMN_FIELD_PATHS": (*_PLACE, "column_name STRING", "field_path STRING", "data_type STRING", "description STRING"),
}
"""What is offered: only columns whose values are known here."""
_ELSEWHERE = """
managed_table_type is_fine_grained_mutations_enabled is_change_history_enabled base_table_catalog base_table_schema base_table_name
snapshot_time_ms replica_source_catalog replica_source_schema replica_source_name replication_status replication_error ddl
default_collation_name upsert_stream_apply_watermark sync_status generation_expression is_stored is_updatable collation_name
column_default rounding_mode data_policies schema_owner last_modified_time location policy_tags
"""
ELSEWHERE = frozenset(_ELSEWHERE.split())
"""Columns of these views that BigQuery has and that are not known here."""


def is_metadata(path: Sequence[str]) -> bool:
    return path[-1].upper().startswith(PREFIX)


def relation(lake: Lake, project: str, dataset: str, view: str) -> tuple[str, tuple[Column, ...]]:
    """(a query of all rows, its columns) of one view; `dataset` '' means all datasets of the tenant.

    Raises SqlError for a view that is not offered, or a dataset without tables.
    """
    if view not in VIEWS:
        raise SqlError(f"INFORMATION_SCHEMA.{view} is not offered by the local warehouse", verdict="refused", code="bigquery_only",
                       fix=f"There are: {', '.join(VIEWS)}; or run this part on BigQuery")
    tables = [(spec_from_dict(t.name, t.spec), t) for t in lake.manifest.tables(lake.tenant_id, dataset) if "columns" in t.spec]
    if dataset and not tables:
        raise SqlError(f"dataset {dataset!r} has no tables here", code="not_found", fix="Make a table in it first")
    columns = tuple(Column(name, kind) for name, kind in (item.split(" ") for item in VIEWS[view]))
    rows = list({"SCHEMATA": _schemata, "TABLES": _tables, "COLUMNS": _columns, "COLUMN_FIELD_PATHS": _paths}[view](project, tables))
    names = ", ".join(name_sql(c.name) for c in columns)
    casts = ", ".join(f"CAST({name_sql(c.name)} AS {to_duck(c.type)}) AS {name_sql(c.name)}" for c in columns)
    if not rows:
        return f"SELECT {', '.join(f'CAST(NULL AS {to_duck(c.type)}) AS {name_sql(c.name)}' for c in columns)} WHERE false", columns
    values = ", ".join(f"({', '.join(map(_value, row))})" for row in rows)
    return f"SELECT {casts} FROM (VALUES {values}) AS given({names})", columns


Specs = Sequence[tuple[TableSpec, "LakeTable"]]


def _schemata(project: str, tables: Specs) -> Iterator[tuple[Any, ...]]:
    for dataset in sorted({spec.name.partition(".")[0] for spec, _ in tables}):
        yield project, dataset


def _tables(project: str, tables: Specs) -> Iterator[tuple[Any, ...]]:
    for spec, table in tables:
        yield *_names(project, spec), "VIEW" if spec.view else "BASE TABLE", "NO" if spec.view else "YES", "NO", table.created_at


def _columns(project: str, tables: Specs) -> Iterator[tuple[Any, ...]]:
    for spec, _ in tables:
        cluster = [name.lower() for name in spec.cluster_by]
        for n, column in enumerate(spec.columns, 1):
            parted = column.name.lower() == spec.partition_by.lower()
            place = cluster.index(column.name.lower()) + 1 if column.name.lower() in cluster else None
            yield (*_names(project, spec), column.name, n, "YES" if column.nullable else "NO", column.type, "NEVER", "NO", "NO",
                   "YES" if parted else "NO", place)


def _paths(project: str, tables: Specs) -> Iterator[tuple[Any, ...]]:
    for spec, _ in tables:
        for column in spec.columns:
            for path, kind in _fields(column.name, parse_type(column.type)):
                yield *_names(project, spec), column.name, path, kind, (column.description or None) if path == column.name else None


def _fields(path: str, tree: exp.DataType) -> Iterator[tuple[str, str]]:
    """(field path, its type) of a column and of every field in it."""
    from sqlglot import exp

    from flows.warehouse.bqtypes import bq_name

    yield path, bq_name(tree)
    inner = tree
    while inner.is_type(exp.DataType.Type.ARRAY) and inner.expressions:
        inner = inner.expressions[0]
    if inner.is_type(exp.DataType.Type.STRUCT):
        for field in inner.expressions:
            if isinstance(field, exp.ColumnDef):
                yield from _fields(f"{path}.{quote(field.name)}", field.args["kind"])


def _names(project: str, spec: TableSpec) -> tuple[str, str, str]:
    dataset, _, table = spec.name.partition(".")
    return project, dataset, table


def _value(item: Any) -> str:
    if item is None:
        return "NULL"
    return str(item) if isinstance(item, int) else literal(item.isoformat() if isinstance(item, datetime) else str(item))
