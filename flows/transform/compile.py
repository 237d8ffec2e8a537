"""Operations become one query: a syntax tree for DuckDB or BigQuery, with the columns it gives known before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlglot import exp

from flows.transform import groups, joins, money, rows, shapes
from flows.transform.condition import Compare
from flows.transform.frame import MOMENTS, Frame, Work, fail, kind, unique
from flows.transform.operations import Operation
from flows.transform.predicate import predicate
from flows.warehouse.base import Column, Dialect

_STEPS: dict[str, Callable[[Any, Frame, Work, str], Frame]] = {
    "filter": rows.filter_, "select": rows.select, "rename": rows.rename, "derive": rows.derive, "fill": rows.fill, "mask": rows.mask,
    "sort": rows.sort, "limit": rows.limit, "join": joins.join, "union": joins.union, "aggregate": groups.aggregate,
    "top": groups.top, "deduplicate": groups.deduplicate, "window": groups.window,
    "convert_currency": money.convert, "flag_anomalies": money.flag,
    "pivot": shapes.pivot, "unpivot": shapes.unpivot, "split_rows": shapes.split,
}


@dataclass(frozen=True)
class Compiled:
    """A query for one engine, the columns it gives, and what may differ between the engines, in words."""

    tree: exp.Query
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()


def transform(operations: Sequence[Operation], inputs: Mapping[str, Sequence[Column]], *, now: date, dialect: Dialect = "duckdb",
              aliases: Mapping[str, str] | None = None, path: str = "operations") -> Compiled:
    """All operations as one query over relations. The first of `inputs` is the one they work on; the others are there to be joined.

    `aliases` says which table a relation stands for (`{"extract_customers": "customers"}`), for the names of renamed columns.
    Raises SpecError; its problems' paths start with `path`, as in `operations.2.where.column`.
    """
    if not inputs:
        fail("inputs", "input", "there is nothing to work on", "Name at least one step or table in `inputs`")
    work = Work(dialect, now, inputs, aliases or {})
    frame = work.source(next(iter(inputs)), "inputs.0")
    unique(frame.columns, "inputs.0")
    for n, operation in enumerate(operations):
        frame = _STEPS[operation.op](operation, frame, work, f"{path}.{n}")
    return Compiled(frame.query(), frame.columns, tuple(work.notes))


def output(operations: Sequence[Operation], inputs: Mapping[str, Sequence[Column]], *, now: date = date(2000, 1, 1),
           aliases: Mapping[str, str] | None = None, path: str = "operations") -> tuple[Column, ...]:
    """The columns that operations give, without data. Raises SpecError as `transform` does."""
    return transform(operations, inputs, now=now, aliases=aliases, path=path).columns


def source(name: str, columns: Sequence[Column], *, now: date, select: Sequence[str] | None = None, where: Any = None,
           since: tuple[str, date] | None = None, dialect: Dialect = "duckdb", path: str = "source") -> Compiled:
    """What an extract reads of one table: its columns, the rows of a condition, and of those only the rows that are new `since`
    (column, first day). Raises SpecError with paths `<path>.columns.0`, `<path>.filter...`, `<path>.incremental.column`."""
    work = Work(dialect, now, {name: tuple(columns)})
    frame = work.source(name, path)
    if where is not None:
        frame = frame.with_body(frame.body.where(predicate(where, frame, work, f"{path}.filter")))
    if since is not None:
        column, day = since
        found = frame.find(column, f"{path}.incremental.column")
        if kind(found) not in MOMENTS:
            fail(f"{path}.incremental.column", "type", f"{found.name!r} is {kind(found)}; what is new is told by a date or time")
        newer = Compare(**{"column": column, "is": ">=", "value": day.isoformat()})
        frame = frame.with_body(frame.body.where(predicate(newer, frame, work, f"{path}.incremental")))
    if select is not None:
        frame = rows.chosen([frame.find(c, f"{path}.columns.{n}") for n, c in enumerate(select)], frame, path)
    return Compiled(frame.query(), frame.columns, tuple(work.notes))
