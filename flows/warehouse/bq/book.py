"""The run book on BigQuery: rows that take the place of those with the same id, several tables in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flows.errors import PenstockError
from flows.warehouse.append import arrow
from flows.warehouse.base import TableSpec
from flows.warehouse.bq import sql
from flows.warehouse.bq.schema import path_sql

if TYPE_CHECKING:
    from flows.warehouse.bigquery import BigQueryWarehouse

Part = tuple[TableSpec, Sequence[Mapping[str, Any]]]


def ensure(warehouse: BigQueryWarehouse, specs: Sequence[TableSpec]) -> None:
    """The tables are there afterwards, with at least these columns."""
    for spec in specs:
        warehouse.datasets.ensure(spec)


def write(warehouse: BigQueryWarehouse, parts: Sequence[Part], *, by: str) -> None:
    """Put the rows of all tables in, in place of those whose `by` stands in the first table's rows: twice is once.

    Raises TransientError (another writer was faster), UnreachableError, and what else the warehouse raises.
    """
    staged = []
    try:
        for spec, rows in parts:
            table = arrow(spec.columns, rows, text=True)
            staged.append(warehouse.staging.arrow(spec.name, table.schema, table.to_batches()))
        script = replaced([(warehouse.datasets.sql(spec.name), spec, path_sql(relation.table))
                           for (spec, _), relation in zip(parts, staged, strict=True)], by)
        warehouse.jobs.query(script, cache=False, fresh=True)
    finally:
        for relation in staged:
            with suppress(PenstockError):  # it goes away by itself
                warehouse.datasets.drop(relation.table)


def replaced(parts: Sequence[tuple[str, TableSpec, str]], by: str) -> str:
    """One transaction; `parts`: (table, its spec, the staged rows, whose JSON is text)."""
    ids = f"(SELECT {sql.name(by)} FROM {parts[0][2]})"
    lines = ["BEGIN TRANSACTION"]
    for table, spec, rows in parts:
        names = ", ".join(sql.name(c.name) for c in spec.columns)
        values = ", ".join(f"PARSE_JSON({sql.name(c.name)}, wide_number_mode => 'round')" if c.type == "JSON" else sql.name(c.name)
                           for c in spec.columns)
        lines += [f"DELETE FROM {table} WHERE {sql.name(by)} IN {ids}", f"INSERT INTO {table} ({names}) SELECT {values} FROM {rows}"]
    return ";\n".join([*lines, "COMMIT TRANSACTION"]) + ";"
