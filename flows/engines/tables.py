"""Where the rows behind a name are: a finished step, a declared connection, or the tenant's lake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from flows.engines.base import Context, Scope
from flows.errors import MissingError, PenstockError, Problem, SpecError
from flows.insight.catalog import Catalog, Table
from flows.warehouse.base import LINEAGE, Column

if TYPE_CHECKING:
    from sqlglot import exp

WAREHOUSE = ("bigquery", "duckdb")
"""Kinds of connection that are the warehouse of the environment itself."""


def fail(path: str, code: str, message: str, hint: str = "", options: Sequence[str] = ()) -> NoReturn:
    """One problem, raised as SpecError."""
    raise SpecError(Problem(path, code, message, hint, tuple(options)))


def own(columns: Sequence[Column]) -> tuple[Column, ...]:
    """A written table's columns without those that every written table carries."""
    return tuple(column for column in columns if column.name.lower() not in LINEAGE)


def catalogued(table: Table) -> tuple[Column, ...]:
    """The columns that the catalogue promises."""
    return tuple(Column(name, column.type, description=column.description) for name, column in table.columns.items())


def promised(name: str, scope: Scope, path: str) -> tuple[Column, ...] | None:
    """Columns of a step, a catalogued table or a table of the warehouse; None when only a run can tell, as for a table by its path.

    Raises SpecError at `path` with the near misses for a name that is none of them.
    """
    if name in scope.columns:
        return scope.columns[name]
    if name in scope.catalog.tables:
        return catalogued(scope.catalog.tables[name]) or None
    found = scope.describe_table(name)
    if found is None and "." not in name:
        unknown(name, [*scope.columns, *scope.catalog.tables], path)
    return own(found) if found is not None else None


def unknown(name: str, known: Sequence[str], path: str) -> NoReturn:
    """The error for a table or step that is not there."""
    from flows.spec.suggest import suggest

    near = suggest(name, known)
    hint = f"Did you mean {near[0]!r}?" if near else "List them: penstock catalog list"
    fail(path, "unknown_table", f"unknown table {name!r}", hint, near)


def missing_column(name: str, columns: Sequence[Column], path: str) -> NoReturn:
    """The error for a column that is not there."""
    from flows.transform.frame import missing

    missing(name, [column.name for column in columns], path)


def find(name: str, columns: Sequence[Column], path: str) -> Column:
    """The column of that name, exact or apart from case. Raises SpecError at `path`."""
    for column in columns:
        if column.name.casefold() == name.casefold():
            return column
    missing_column(name, columns, path)


def lake(name: str, context: Context) -> tuple[Column, ...]:
    """Columns of a table of the lake, by its catalogued or full name. Raises MissingError that names the connection and the way out."""
    table = context.catalog.tables.get(name)
    sample = context.environment == "production" and table is not None and not of_warehouse(table.connection, context.catalog)
    if table is not None and table.connection and (sample or not table.location):
        from flows.insight.connections import variable

        raise MissingError(f"table {name!r} is behind connection {table.connection!r}, which has no address here",
                           fix=f"Set {variable(table.connection)}, or name it in connections.yml of PENSTOCK_HOME")
    try:
        found = own(context.warehouse.describe((table.location if table else "") or name).columns)
    except MissingError as error:
        from flows.insight.sample import TENANT

        hint = error.fix
        if table is not None and table.location:
            hint = "Make the sample data: penstock demo" if context.tenant_id == TENANT else f"Only the tenant {TENANT} has the sample shop"
        raise MissingError(f"table {name!r} is not there", fix=hint) from None
    if table is None or not table.columns:
        return found
    have = {column.name.casefold(): column for column in found}
    return tuple(have[name.casefold()] for name in table.columns if name.casefold() in have) or found


def of_warehouse(connection: str, catalog: Catalog) -> bool:
    """Is this connection the warehouse itself, or none at all?"""
    found = catalog.connections.get(connection)
    return not connection or (found.kind if found else connection) in WAREHOUSE


def everything(name: str) -> exp.Select:
    """SELECT * FROM name, as a tree."""
    from sqlglot import exp

    from flows.transform.frame import table

    return exp.Select(expressions=[exp.Star()]).from_(table(name))


def count(name: str, context: Context) -> int:
    """How many rows stand under a name."""
    from sqlglot import exp

    tree = everything(name).select(exp.alias_(exp.Count(this=exp.Star()), "n"), append=False)
    return int(context.warehouse.head(tree, 1)[0]["n"])


def is_lake(name: str, context: Context) -> bool:
    """Is there such a table in the lake now?"""
    try:
        context.warehouse.describe(name)
    except PenstockError:
        return False
    return True
