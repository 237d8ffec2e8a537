"""Reads from declared connections into a relation: PostgreSQL filters at the source, REST answers are filtered here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from flows.engines.base import Block, Context
from flows.engines.rows import Rows
from flows.engines.tables import fail, find
from flows.errors import InputError
from flows.warehouse.base import Column, Dialect, Relation

if TYPE_CHECKING:
    from sqlglot import exp

    from flows.engines.rest import Paging

_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


class Incremental(Block):
    """Only rows that are new: `column >= run date - lookback`."""

    column: str = Field(min_length=1, description="a DATE, DATETIME or TIMESTAMP column")
    lookback: str = Field("1d", description="how far before the run date: 3d, 12h or 30m")

    @field_validator("lookback")
    @classmethod
    def length(cls, value: str) -> str:
        lookback(value)
        return value


@dataclass(frozen=True)
class Want:
    """What is read, and how it shall look: a table, a query in the source's own SQL, or an endpoint."""

    relation: str
    connection: str
    table: str = ""
    query: exp.Query | None = None
    endpoint: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    records: str = ""
    paging: Paging | None = None
    columns: Sequence[str] | None = None
    filter: Any = None
    since: tuple[str, str] | None = None  # column, lookback
    types: Mapping[str, str] = field(default_factory=dict)  # promised by the catalogue
    limit: int = 0  # rows that are enough; 0: all


@dataclass
class Got:
    """The relation, what could not be read, and what a person should know; `about` is plain data for the step's outputs.

    `known`: how many rows there are, where that is known before they are counted. `differs`: what may differ on BigQuery.
    """

    relation: Relation
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    known: int | None = None
    differs: list[str] = field(default_factory=list)


def fetch(want: Want, context: Context) -> Got:
    """Read from the connection, by the kind of its address. Raises InputError for a kind that this version cannot read."""
    from flows.engines.hosts import no_address
    from flows.engines.postgres import is_postgres

    url = context.connections.url(want.connection)
    if url is None:
        raise no_address(want.connection)
    if is_postgres(url):
        return from_postgres(want, context)
    if url.partition("://")[0].lower() in ("http", "https"):
        return from_rest(want, context)
    raise InputError(f"connection {want.connection!r} has an address of a kind that this version cannot read",
                     fix="It reads postgresql://, http:// and https://, files and the lake")


def from_postgres(want: Want, context: Context) -> Got:
    """Columns, condition and increment are judged by the server; a preview stops at the sample size."""
    from flows.engines import postgres
    from flows.transform import compile as compiler

    if not (want.table or want.query):
        raise InputError(f"connection {want.connection!r} is PostgreSQL and has no endpoints", fix="Give source.table or source.query")
    limits = context.limits
    sample = want.limit or (limits.source_sample_rows if context.preview else 0)
    peer = postgres.Peer.of(want.connection, context.connections, context.cancel, connect_seconds=limits.http_connect_seconds,
                            seconds=limits.preview_seconds if context.preview else limits.step_seconds)
    origin = want.query or postgres.table(want.table)
    with peer.open() as cursor:
        columns = postgres.columns_of(cursor, origin)
        made = compiler.source("q", columns, now=context.run_date, select=want.columns, where=want.filter,
                               since=since(want.since, columns, context.run_date), dialect="bigquery")
        feed = postgres.read(cursor, swapped(made.tree, "q", origin), made.columns, wanted(made.columns, want.types), rows=sample)
        relation = feed.into(lambda reader: context.warehouse.stage(want.relation, reader))
    notes = [f"a sample: the first {sample:,} rows of connection {want.connection}"] if sample and relation.rows == sample else []
    return Got(relation, notes=notes)


def from_rest(want: Want, context: Context) -> Got:
    """All pages, or in a preview enough of them for the sample size; then columns, types, condition and increment."""
    from flows.engines.rest import Reader, Request

    if want.query is not None:
        raise InputError(f"connection {want.connection!r} is a REST interface and takes no SQL", fix="Give source.endpoint")
    request = Request(want.connection, want.endpoint or want.table, want.params, want.records, want.paging)
    reader = Reader(request, context.connections, context.limits, context.cancel)
    rows, sample = Rows(context.limits.file_bytes), context.limits.source_sample_rows
    for page in reader.pages():
        rows.add(page[:sample - rows.rows] if context.preview else page)
        if context.preview and rows.rows >= sample:
            reader.notes.append(f"a sample: the first {sample:,} rows of connection {want.connection}")
            break
    table = rows.table()
    if not table.column_names:
        if not want.types:
            raise InputError("the answer holds no rows, so its columns are not known", where=reader.place,
                             fix="Check source.records and source.params, or add the table to the catalogue")
        import pyarrow as pa

        table = pa.table({name: pa.array([], pa.string()) for name in want.types})
    return Got(shaped(table, want, context), rows.rejected, rows.rejects, reader.notes)


def shaped(table: Any, want: Want, context: Context) -> Relation:
    """Rows that are here already, in the promised types, with the wanted columns and rows only."""
    from flows.transform import compile as compiler

    warehouse, raw = context.warehouse, f"{want.relation}__read"
    given = warehouse.stage(raw, table).columns
    change = wanted(given, want.types)
    columns = tuple(Column(c.name, change.get(c.name, c.type)) for c in given)
    made = compiler.source("q", columns, now=context.run_date, select=want.columns, where=want.filter,
                           since=since(want.since, columns, context.run_date), dialect=warehouse.dialect)
    return warehouse.stage(want.relation, swapped(made.tree, "q", cast_tree(raw, given, change, warehouse.dialect)))


def narrowed(got: Got, columns: Sequence[str] | None, where: Any, new: tuple[str, str] | None, context: Context) -> Got:
    """What was read under the step's name, cut down to the wanted columns and rows."""
    from flows.transform import compile as compiler

    if columns is None and where is None and new is None:
        return got
    read = got.relation
    made = compiler.source(read.name, read.columns, now=context.run_date, select=columns, where=where,
                           since=since(new, read.columns, context.run_date), dialect=context.warehouse.dialect)
    return replace(got, relation=context.warehouse.stage(read.name, made.tree))


def wanted(columns: Sequence[Column], types: Mapping[str, str]) -> dict[str, str]:
    """The columns whose type is not the promised one, and that type."""
    promised = {name.casefold(): type_ for name, type_ in types.items()}
    return {c.name: promised[c.name.casefold()] for c in columns if promised.get(c.name.casefold(), c.type) != c.type}


def cast_tree(name: str, columns: Sequence[Column], change: Mapping[str, str], dialect: Dialect) -> exp.Select:
    """SELECT of all columns of a relation, some in another type."""
    from sqlglot import exp

    from flows.transform.frame import cast, col, ident, table

    cells = [exp.alias_(cast(col(c.name), change[c.name], dialect), ident(c.name)) if c.name in change else col(c.name) for c in columns]
    return exp.Select(expressions=cells).from_(table(name))


def swapped(tree: exp.Query, name: str, origin: exp.Table | exp.Query) -> exp.Query:
    """The tree with another origin in the place of the table `name`; the words that it goes by stay."""
    from sqlglot import exp

    for node in list(tree.find_all(exp.Table)):
        if node.name == name and not node.db:
            alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
            body = origin.copy()
            if isinstance(body, exp.Table):
                body.set("alias", alias.copy())
                node.replace(body)
            else:
                node.replace(exp.Subquery(this=body, alias=alias.copy()))
    return tree


def since(said: tuple[str, str] | None, columns: Sequence[Column], run_date: date) -> tuple[str, date] | None:
    """From when on rows count as new: the run date less the lookback (`3d`, `12h`, `30m`); whole days on a DATE.

    Raises SpecError for a column that is not there or no date.
    """
    if said is None:
        return None
    column = find(said[0], columns, "source.incremental.column")
    if column.type not in ("DATE", "DATETIME", "TIMESTAMP"):
        fail("source.incremental.column", "type", f"{column.name!r} is {column.type}, an increment needs a date or time")
    start = datetime(run_date.year, run_date.month, run_date.day, tzinfo=UTC) - lookback(said[1])
    return column.name, start.date() if column.type == "DATE" else start.replace(tzinfo=None)


def lookback(text: str) -> timedelta:
    """`3d`, `12h` or `30m`. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,6})([dhm])", text.strip())
    if not found:
        raise ValueError(f"{text!r} is no length of time: write 3d, 12h or 30m")
    return int(found[1]) * _UNITS[found[2]]
