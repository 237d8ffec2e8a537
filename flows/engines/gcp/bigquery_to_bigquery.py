"""Copy rows within BigQuery, from a table or a query into a table: the warehouse does it itself, no row passes through this machine.

In the local environment it copies between tables of the local warehouse. Both ends must be in one region, because BigQuery copies
within a region only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from flows.engines.base import Block, Context, EngineConfig, Query, Scope, StepResult
from flows.engines.landing import Landing
from flows.engines.remote import Incremental, since
from flows.engines.tables import count, lake, promised
from flows.errors import InputError, MissingError
from flows.transform.condition import Condition
from flows.warehouse.base import Column

if TYPE_CHECKING:
    from sqlglot import exp


class Source(Block):
    """What is copied: a table, or what one SELECT gives."""

    table: str | None = Field(None, min_length=1, description="a catalogued table, dataset.table or project.dataset.table")
    query: str | None = Field(None, min_length=1, description="one SELECT in BigQuery SQL; {run_date} and other placeholders are bound")
    columns: list[str] | None = Field(None, min_length=1, description="only these columns of the table, in this order")
    filter: Condition | None = Field(None, description="only rows of the table that fulfil this condition")
    incremental: Incremental | None = None

    @model_validator(mode="after")
    def one_place(self) -> Source:
        if (self.table is None) == (self.query is None):
            raise ValueError("give exactly one of table and query")
        asked = [name for name in ("columns", "filter", "incremental") if getattr(self, name) is not None]
        if self.query and asked:
            raise ValueError(f"{asked[0]} belongs to a table; a query says its own")
        return self


class Config(EngineConfig):
    """`source`: the table or query; `destination`: the table it goes to."""

    source: Source
    destination: Landing


def output(config: Config, scope: Scope) -> tuple[Column, ...]:
    """Nothing that another step could read; source and destination are judged, the table's columns are the source's."""
    from flows.transform import compile as compiler

    source = config.source
    if source.query:
        columns = scope.describe_query(source.query)
    else:
        columns = promised(source.table or "", replace(scope, columns={}), "source.table")
        if columns is not None:
            columns = compiler.source("q", columns, now=scope.run_date, select=source.columns, where=source.filter,
                                      since=since(_since(source), columns, scope.run_date)).columns
    if columns is not None:
        config.destination.judge(columns)
    return ()


def queries(config: Config, scope: Scope) -> list[Query]:
    """The source is read once into a stage, and the stage once into the table."""
    from flows.spec.template import bind_sql
    from flows.transform import compile as compiler

    source = config.source
    if source.query:
        return [Query(*bind_sql(source.query, scope.variables))] * 2
    columns = promised(source.table or "", replace(scope, columns={}), "source.table") or ()
    table = scope.catalog.tables.get(source.table or "")
    made = compiler.source((table.location if table else "") or source.table or "", columns, now=scope.run_date, select=source.columns,
                           where=source.filter, since=since(_since(source), columns, scope.run_date), dialect="bigquery")
    return [Query(made.tree)] * 2


def run(config: Config, context: Context) -> StepResult:
    """Raises InputError when source and destination are in different regions, and what a write raises."""
    rows, columns, notes = _rows(config.source, context)
    config.destination.judge(columns)
    try:
        result = config.destination.write(rows, columns, context)
    except (MissingError, InputError) as error:
        if " location " not in f" {error.what.lower()} ":
            raise
        raise InputError("source and destination are not in one region, and BigQuery copies within a region only", where="source",
                         fix="Copy the source with BigQuery's own dataset copy first, or set PENSTOCK_BIGQUERY_LOCATION to the region of "
                             "both") from None
    result.notes.extend(notes)
    result.outputs["source"] = config.source.table or "query"
    return result.judged(notes)


def preview(config: Config, context: Context) -> StepResult:
    """The rows that would be copied, and what is there now. Nothing is written."""
    rows, columns, notes = _rows(config.source, context)
    config.destination.judge(columns)
    relation = context.warehouse.stage(context.step_id, rows)
    many = count(relation.name, context) if relation.rows is None else relation.rows
    about: dict[str, Any] = {"table": config.destination.table, "mode": config.destination.mode}
    return StepResult(rows=many, relation=relation, notes=[config.destination.told(many, context), *notes], outputs=about).judged(notes)


def _rows(source: Source, context: Context) -> tuple[str | exp.Query, tuple[Column, ...], list[str]]:
    """What is copied, as one query of the warehouse, with its columns and what may differ between the warehouses."""
    from flows.transform import compile as compiler

    if source.query:
        text = _literal(source.query, context)
        plan = context.warehouse.check(text)
        return text, plan.columns, list(plan.notes)
    columns = lake(source.table or "", context)
    table = context.catalog.tables.get(source.table or "")
    made = compiler.source((table.location if table else "") or source.table or "", columns, now=context.run_date, select=source.columns,
                           where=source.filter, since=since(_since(source), columns, context.run_date), dialect=context.warehouse.dialect)
    return made.tree, made.columns, list(made.notes)


def _literal(text: str, context: Context) -> str:
    """The query with its placeholders as literals that sqlglot makes; the warehouse guards what comes out as it guards any text."""
    import sqlglot

    from flows.spec.template import bind_sql
    from flows.warehouse.statement import bind_params

    bound, params = bind_sql(text, context.variables)
    if not params:
        return bound
    try:
        tree = sqlglot.parse_one(bound, dialect="bigquery")
    except sqlglot.errors.ParseError as error:
        raise InputError(f"this is not BigQuery SQL: {error.errors[0]['description'] if error.errors else 'it cannot be read'}",
                         where="source.query") from None
    return bind_params(tree, params).sql(dialect="bigquery")


def _since(source: Source) -> tuple[str, str] | None:
    return (source.incremental.column, source.incremental.lookback) if source.incremental else None
