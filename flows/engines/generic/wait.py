"""Wait: some seconds, or until a file, rows of a table or an endpoint are there. It ends at once when the run is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from flows.engines.base import Block, Context, EngineConfig, Scope, StepResult
from flows.engines.remote import Want, fetch
from flows.engines.tables import catalogued, lake, promised
from flows.errors import MissingError, SpecError, TransientError
from flows.transform.condition import Condition
from flows.warehouse.base import Column, Dialect

if TYPE_CHECKING:
    from sqlglot import exp


class Until(Block):
    """What is waited for: exactly one of file, table and url."""

    file: str | None = Field(None, min_length=1, description="a file inside the allowed folders that is there")
    table: str | None = Field(None, min_length=1, description="a table that holds at least one row (that fulfils the condition)")
    condition: Condition | None = Field(None, description="which rows of the table count")
    url: str | None = Field(None, min_length=1, description="an address on the host of a declared connection that answers 2xx")
    connection: str | None = Field(None, description="the REST connection below whose address the url is a path")

    @model_validator(mode="after")
    def one_thing(self) -> Until:
        given = [name for name in ("file", "table", "url") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("wait for exactly one of file, table and url")
        if self.condition is not None and not self.table:
            raise ValueError("a condition needs its table")
        if self.connection and not self.url:
            raise ValueError("connection belongs to a url")
        return self


class Wait(Block):
    """How long, or for what."""

    seconds: float | None = Field(None, ge=0, le=604_800)
    until: Until | None = None
    poll_seconds: float = Field(30, ge=0.1, le=86_400, description="how often it looks")

    @model_validator(mode="after")
    def one_kind(self) -> Wait:
        if (self.seconds is None) == (self.until is None):
            raise ValueError("give either seconds or until")
        return self


class Config(EngineConfig):
    """`config`: seconds, or until and poll_seconds."""

    config: Wait


def output(config: Config, scope: Scope) -> tuple[Column, ...]:
    """Nothing that another step could read; table and condition are judged."""
    until = config.config.until
    if until and until.table:
        columns = promised(until.table, scope, "config.until.table")
        if columns is not None and until.condition is not None:
            _fulfilling(until, columns, date(2000, 1, 1))
    return ()


def run(config: Config, context: Context) -> StepResult:
    """The step's own timeout bounds it: it throws the switch that this waits on."""
    wait = config.config
    if wait.until is None:
        _sleep(wait.seconds or 0, context)
        return StepResult()
    looks = 1
    while not _there(wait.until, context):
        _sleep(wait.poll_seconds, context)
        looks += 1
    return StepResult(notes=[f"there at look {looks}"])


def preview(config: Config, context: Context) -> StepResult:
    """Does not wait; a file or table is looked at once, an endpoint not at all."""
    until = config.config.until
    if until is None:
        return StepResult(notes=[f"would wait {config.config.seconds:g} s"])
    if until.url:
        return StepResult(notes=[f"would wait until {until.url} answers"])
    what = f"{'file' if until.file else 'table'} {until.file or until.table}"
    return StepResult(notes=[f"{what} is there, would not wait" if _there(until, context) else f"would wait for {what}"])


def _sleep(seconds: float, context: Context) -> None:
    context.cancel.wait(seconds)
    context.cancel.check()


def _there(until: Until, context: Context) -> bool:
    if until.file:
        try:
            return bool(context.files.read(until.file))
        except MissingError:
            return False
    return _has_rows(until, context) if until.table else _answers(until, context)


def _has_rows(until: Until, context: Context) -> bool:
    """One row is enough; a table behind a connection is asked there."""
    name = until.table or ""
    table = context.catalog.tables.get(name)
    if table is not None and table.connection and context.connections.url(table.connection):
        types = {column.name: column.type for column in catalogued(table)}
        want = Want(f"{context.step_id}__look", table.connection, name, columns=list(types) or None, filter=until.condition, types=types,
                    limit=1)
        return bool(fetch(want, context).relation.rows)
    context.warehouse.refresh()
    try:
        columns = lake(name, context)
    except MissingError:
        return False
    return bool(context.warehouse.query(_fulfilling(until, columns, context.run_date, context.warehouse.dialect)).num_rows)


def _fulfilling(until: Until, columns: Sequence[Column], day: date, dialect: Dialect = "duckdb") -> exp.Expression:
    """One row of the table that fulfils the condition, as a query. Raises SpecError for a condition that does not fit the columns."""
    from flows.transform import compile as compiler

    try:
        return compiler.source(until.table or "", columns, now=day, where=until.condition, dialect=dialect).tree.limit(1)  # type: ignore[return-value]
    except SpecError as error:
        moved = [replace(p, path=p.path.replace("source.filter", "config.until.condition")) for p in error.problems]
        raise SpecError(moved) from None


def _answers(until: Until, context: Context) -> bool:
    """Does the endpoint answer 2xx now? Not there, busy and not reachable mean not yet; a refusal is an error."""
    from flows.engines.hosts import owner
    from flows.engines.rest import Reader, Request

    url = until.url or ""
    connection = until.connection or owner(url, context.connections, context.catalog.connections)
    try:
        Reader(Request(connection, url), context.connections, context.limits, context.cancel).ping()
    except (MissingError, TransientError):
        return False
    return True
