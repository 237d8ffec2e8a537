"""Read rows: a table of the catalogue or the lake, a file, a query, or a REST endpoint.

What cannot be read as it should is rejected, counted and shown. A run stops at rejected rows, unless the step says
`continue_on_error: true`: then the good rows go on, and the others are set aside in quarantine.<pipeline>_<step>_rejects with the reason.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, PositiveInt, model_validator

from flows.engines.base import Block, Context, EngineConfig, Query, Scope, StepResult
from flows.engines.filed import Format, columns_of, read_file
from flows.engines.quarantine import unread
from flows.engines.remote import Got, Incremental, Want, fetch, narrowed, since
from flows.engines.rest import Paging
from flows.engines.tables import catalogued, lake, of_warehouse, promised
from flows.errors import DataError
from flows.transform.condition import Condition
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import normal

SHOWN = 20  # rejected rows that stand in the result
OPTIONS = ("encoding", "delimiter", "quote", "header", "skip", "null", "types", "sheet")


class Source(Block):
    """Where the rows are: exactly one of table, query, path and endpoint."""

    connection: str | None = Field(None, description="a declared connection; a catalogued table knows its own")
    table: str | None = Field(None, min_length=1, description="a catalogued table, or dataset.table of the warehouse")
    query: str | None = Field(None, min_length=1, description="one SELECT: the connection's own SQL, or BigQuery SQL on the warehouse")
    path: str | None = Field(None, min_length=1, description="a file inside the allowed folders")
    endpoint: str | None = Field(None, min_length=1, description="a path below the address of a REST connection")
    columns: list[str] | None = Field(None, min_length=1, description="only these, in this order")
    filter: Condition | None = Field(None, description="only rows that fulfil this condition")
    incremental: Incremental | None = None
    format: Format | None = Field(None, description="of the file, when its name does not tell")
    encoding: Literal["utf-8", "latin-1", "utf-16"] | None = Field(None, description="csv: utf-8 unless said")
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="csv: found in the first line unless said")
    quote: str | None = Field(None, min_length=1, max_length=1, description='csv: " unless said')
    header: bool | None = Field(None, description="csv, excel: is the first line the names? true unless said")
    skip: int | None = Field(None, ge=0, le=100_000, description="csv, excel: lines before the header")
    null: list[str] | None = Field(None, min_length=1, max_length=20, description="csv: texts that mean no value; '' unless said")
    types: dict[str, str] | None = Field(None, min_length=1, description="file, endpoint: BigQuery types by column; found in the values "
                                                                         "unless said")
    sheet: str | PositiveInt | None = Field(None, description="excel: name or number of the sheet; the first unless said")
    params: dict[str, str | int | float | bool] = Field(default_factory=dict, description="query parameters of the endpoint")
    records: str = Field("", description="path in the body to the list of records, for example data.items")
    paging: Paging | None = Field(None, description="how the endpoint gives its next page")

    @model_validator(mode="after")
    def one_place(self) -> Source:
        given = [name for name in ("table", "query", "path", "endpoint") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of table, query, path and endpoint" + (f", not {' and '.join(given)}" if given else ""))
        if self.endpoint and not self.connection:
            raise ValueError("an endpoint needs its connection")
        about = [name for name in (*OPTIONS, "format") if getattr(self, name) is not None and not (name == "types" and self.endpoint)]
        if about and not self.path:
            raise ValueError(f"{about[0]} belongs to a path")
        asked = [name for name in ("params", "records", "paging") if getattr(self, name)]
        if asked and (self.path or self.query):
            raise ValueError(f"{asked[0]} belongs to an endpoint")
        return self

    def options(self) -> dict[str, Any]:
        """How the file is written, as far as it is said."""
        said = {name: getattr(self, name) for name in OPTIONS if getattr(self, name) is not None}
        return said | ({"null": tuple(self.null)} if self.null else {})


class Config(EngineConfig):
    """`source`: a table, a file, a query or an endpoint, and which of its columns and rows."""

    source: Source


def output(config: Config, scope: Scope) -> tuple[Column, ...] | None:
    """The columns it gives, where catalogue, warehouse or file tell them without reading rows."""
    from datetime import date

    from flows.transform import compile as compiler

    source = config.source
    found = _promised(source, scope)
    if found is None:
        return None
    return compiler.source("q", found, now=date(2000, 1, 1), select=source.columns, where=source.filter,
                           since=since(_since(source), found, date(2000, 1, 1))).columns


def queries(config: Config, scope: Scope) -> list[Query]:
    """One, when the warehouse itself is read; what comes from elsewhere is loaded, which BigQuery does not bill."""
    from flows.spec.template import bind_sql
    from flows.transform import compile as compiler

    source = config.source
    table = scope.catalog.tables.get(source.table or "")
    if source.path or source.endpoint or not of_warehouse(source.connection or (table.connection if table else ""), scope.catalog):
        return []
    if source.query:
        return [Query(*bind_sql(source.query, scope.variables))]
    columns = _promised(source, scope) or ()
    name = (table.location if table else "") or source.table or ""
    return [Query(compiler.source(name, columns, now=scope.run_date, select=source.columns, where=source.filter,
                                  since=since(_since(source), columns, scope.run_date), dialect="bigquery").tree)]


def run(config: Config, context: Context) -> StepResult:
    source = config.source
    got = _read(source, context)
    shown = got.rejects
    if got.rejected and not context.continue_on_error:
        first = "; ".join(f"line {r['line']}{', column ' + r['column'] if r.get('column') else ''}: {r['reason']}" for r in shown[:3])
        total = f" of {got.rejected + got.relation.rows}" if got.relation.rows is not None else ""  # a preview does not count rows
        text = f"{got.rejected}{total} row{'s' if total or got.rejected > 1 else ''} cannot be read ({first})"
        hint = "Correct them, or set continue_on_error: true to go on without them"
        if not context.preview:
            raise DataError(text, where=_place(source), fix=hint)
        got.notes.append(f"{text}: a run stops here. {hint}")
    if context.continue_on_error and not context.preview:
        aside(got, context)
    rows = got.known if got.relation.rows is None else got.relation.rows
    return StepResult(rows=rows, relation=got.relation, rejected=got.rejected, rejects=shown[:SHOWN], notes=got.notes,
                      outputs=got.about).judged(got.differs)


def aside(got: Got, context: Context) -> None:
    """Rejected rows into the quarantine table of the step, as far as they are known one by one."""
    name = unread(got.rejects, context)
    if name is None:
        return
    got.about["quarantine"] = name
    more = f", the first {len(got.rejects):,} of them" if got.rejected > len(got.rejects) else ""
    got.notes.append(f"{got.rejected:,} {'row' if got.rejected == 1 else 'rows'} cannot be read and went to {name}{more}")


def _read(source: Source, context: Context) -> Got:
    name = context.step_id
    table = context.catalog.tables.get(source.table or "")
    path = source.path or (table.path if table else "")
    if path:
        made = read_file(name, context.files.read(path), source.format, source.options(), context)
        return narrowed(made, source.columns, source.filter, _since(source), context)
    connection = source.connection or (table.connection if table else "")
    if source.endpoint or (connection and context.connections.url(connection)):
        said = {name: normal(kind) for name, kind in (source.types or {}).items()}
        types = {c.name: c.type for c in catalogued(table)} if table else said
        query = _own_sql(source.query, context) if source.query else None
        columns = source.columns or list(types) or None
        return fetch(Want(name, connection, source.table or "", query, source.endpoint or "", source.params, source.records, source.paging,
                          columns, source.filter, _since(source), types), context)
    if source.query:
        return _query(source, connection, context)
    return _table(source, connection, context)


def _table(source: Source, connection: str, context: Context) -> Got:
    """A table of the lake; a catalogued one stands there as sample data when its connection has no address here."""
    from flows.transform import compile as compiler

    name, table = source.table or "", context.catalog.tables.get(source.table or "")
    if table is None:
        _must_be_local(connection, context)
    columns = lake(name, context)
    made = compiler.source(name, columns, now=context.run_date, select=source.columns, where=source.filter,
                           since=since(_since(source), columns, context.run_date), dialect=context.warehouse.dialect)
    notes = []
    if table is not None and table.location and not of_warehouse(connection, context.catalog):
        notes = [f"sample data: connection {connection} has no address here, so {name} is read from {table.location}"]
    whole = context.preview and not source.filter and not source.incremental
    known = context.warehouse.describe((table.location if table else "") or name).rows if whole else None
    return Got(context.warehouse.stage(context.step_id, made.tree), notes=[*notes, *made.notes], known=known, differs=list(made.notes))


def _query(source: Source, connection: str, context: Context) -> Got:
    """BigQuery SQL on the warehouse, guarded there; placeholders are bound, never pasted."""
    from flows.spec.template import bind_sql

    _must_be_local(connection, context)
    text, params = bind_sql(source.query or "", context.variables)
    differs = context.warehouse.check(text, params).notes if context.preview else ()
    relation = context.warehouse.stage(context.step_id, text, params)
    return narrowed(Got(relation, notes=list(differs), differs=list(differs)), source.columns, source.filter, _since(source), context)


def _own_sql(text: str, context: Context) -> Any:
    """A query in PostgreSQL's SQL as a tree, placeholders as literals made by sqlglot."""
    from flows.engines.postgres import one_select
    from flows.spec.template import bind_sql
    from flows.warehouse.statement import bind_params

    bound, params = bind_sql(text, context.variables)
    return bind_params(one_select(bound), params)


def _must_be_local(connection: str, context: Context) -> None:
    from flows.engines.hosts import no_address

    if not of_warehouse(connection, context.catalog):
        raise no_address(connection)


def _since(source: Source) -> tuple[str, str] | None:
    return (source.incremental.column, source.incremental.lookback) if source.incremental else None


def _place(source: Source) -> str:
    return source.path or source.table or source.endpoint or "source.query"


def _promised(source: Source, scope: Scope) -> tuple[Column, ...] | None:
    if source.path:
        if scope.files is None:
            return None
        return columns_of(scope.files.read(source.path), source.format, source.options())
    if source.query and of_warehouse(source.connection or "", scope.catalog):
        return scope.describe_query(source.query)
    if not source.table:
        return None
    known = replace(scope, columns={})  # a step of the same name is no table
    if source.table not in scope.catalog.tables and not of_warehouse(source.connection or "", scope.catalog):
        return None  # a table of a declared system that the catalogue does not list: only the system can tell
    return promised(source.table, known, "source.table")

