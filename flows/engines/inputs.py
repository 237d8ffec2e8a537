"""Makes what a step reads readable in its session: rows of a step, a table of the lake, or a table behind a connection."""

from __future__ import annotations

from flows.engines.base import Context
from flows.engines.remote import Want, fetch
from flows.engines.tables import catalogued, lake
from flows.warehouse.base import Column


def ready(name: str, context: Context) -> tuple[Column, ...]:
    """Make a step's or table's rows readable under `name` in this session and give their columns.

    A table whose connection has an address here is read from there, once; else it is the lake's. Raises MissingError.
    """
    if name in context.inputs:
        return context.inputs[name].columns
    table = context.catalog.tables.get(name)
    if table is None or not table.connection or not context.connections.url(table.connection):
        return lake(name, context)
    types = {column.name: column.type for column in catalogued(table)}
    want = Want(name, table.connection, table=name, columns=list(types) or None, types=types)
    return fetch(want, context).relation.columns
