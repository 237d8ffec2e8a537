"""A statement's way: text is parsed and guarded, parameters become typed literals, names become objects of the session, DuckDB runs it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flows.errors import InputError, SqlError
from flows.spec.suggest import did_you_mean
from flows.warehouse import bounds, guard
from flows.warehouse.base import Verdict
from flows.warehouse.tables import Tables

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Prepared:
    """A statement ready to run: its SQL for DuckDB, the tree it came from, and what is known about it."""

    sql: str
    tree: exp.Expr
    reads: tuple[str, ...] = ()
    verdict: Verdict = "portable"
    notes: tuple[str, ...] = ()


def prepare(sql: str | exp.Expr, params: Mapping[str, Any], tables: Tables, *, text: bool = False, project: str = "") -> Prepared:
    """Text (or a tree of it, with `text`) is BigQuery SQL; another tree is DuckDB's own and only gets its parameters and names.

    Raises SqlError, InputError.
    """
    try:
        if isinstance(sql, str) or text:
            return _translate(guard.one_query(sql) if isinstance(sql, str) else sql, params, tables, project)
        tree = bind_params(sql.copy(), params)
        used = tables.place(tree)
        return Prepared(tree.sql(dialect="duckdb"), tree, tuple(found.table or name for name, found in used.items()))
    except RecursionError:
        raise SqlError("the statement is nested too deeply", code="limit", fix="Split it into steps") from None


def _translate(tree: exp.Expr, params: Mapping[str, Any], tables: Tables, project: str) -> Prepared:
    from sqlglot import exp

    from flows.warehouse.dialect import Translation

    assert isinstance(tree, exp.Query)
    guard.statement(tree, own=tables.functions)
    bounds.products(tree, tables.rows)
    tree = bind_params(tree, params)
    used = tables.place(tree)
    reads = tuple(found.table or name for name, found in used.items())
    work = Translation({found.physical: found.columns for found in used.values()}, project)
    work.notes += [note for found in used.values() for note in found.notes]
    made = work.query(tree)
    verdict: Verdict = "local-approximate" if work.notes else "portable"
    return Prepared(tables.macros(made.sql(dialect="duckdb")), made, reads, verdict, tuple(dict.fromkeys(work.notes)))


def bind_params(tree: exp.Expr, params: Mapping[str, Any]) -> exp.Expr:
    """Every @name (or named placeholder) becomes a literal of its value's type. Raises InputError for a name without a value."""
    from sqlglot import exp

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Parameter) and not isinstance(node.this, exp.Parameter) and not isinstance(node.parent, exp.Parameter):
            return value_tree(parameter(node.name, params))
        if isinstance(node, exp.RawString):
            return exp.Literal.string(node.name)
        if isinstance(node, exp.Placeholder) and isinstance(node.this, str):
            return value_tree(parameter(node.this, params))
        return node

    return tree.transform(change, copy=False)


def parameter(name: str, params: Mapping[str, Any]) -> Any:
    """The value of @name. Raises InputError with near misses."""
    if name in params:
        return params[name]
    raise InputError(f"parameter @{name} has no value", fix=did_you_mean(name, params) or "Give it with the statement")


def value_tree(value: Any) -> exp.Expr:
    """A Python value as a typed literal; text stays an untyped string literal, which fits dates and times as on BigQuery.

    Raises InputError for a value that no column could hold.
    """
    from sqlglot import exp

    if isinstance(value, exp.Expr):
        return value.copy()
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int):
        return exp.cast(exp.Literal.number(value), "BIGINT")
    if isinstance(value, float):
        return exp.cast(exp.Literal.string(repr(value)), "DOUBLE")
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ")
    if isinstance(value, (date, time)):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE" if isinstance(value, date) else "TIME")
    if isinstance(value, Decimal):
        return exp.cast(exp.Literal.string(format(value, "f")), exp.DataType.build("DECIMAL(38,9)"))
    if isinstance(value, bytes):
        made = exp.Anonymous(this="from_base64", expressions=[exp.Literal.string(base64.b64encode(value).decode())])
        made.type = exp.DataType.build("BYTES", dialect="bigquery")
        made.meta["ours"] = True
        return made
    if isinstance(value, (list, tuple)):
        return exp.Array(expressions=[value_tree(item) for item in value])
    if isinstance(value, Mapping):
        return exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier(str(k)), expression=value_tree(v)) for k, v in value.items()])
    raise InputError(f"a value of type {type(value).__name__} cannot be a parameter")
