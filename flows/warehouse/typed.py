"""The columns that BigQuery SQL gives, told by the columns of what it reads: no row, no lake, no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from flows.errors import InputError
from flows.settings import Limits
from flows.warehouse import guard
from flows.warehouse.base import Column, SqlPlan
from flows.warehouse.bqtypes import columns_of
from flows.warehouse.scope import path_of, real_tables
from flows.warehouse.session import Session
from flows.warehouse.statement import prepare
from flows.warehouse.tables import SCHEMA, Found, Tables

if TYPE_CHECKING:
    from sqlglot import exp

    from flows.warehouse.lake import Lake

RETURNS = {"INIT": "BYTES", "MERGE_PARTIAL": "BYTES", "MERGE": "INT64", "EXTRACT": "INT64", "SEARCH": "BOOL", "JSON_SET": "JSON",
           "JSON_REMOVE": "JSON", "JSON_STRIP_NULLS": "JSON", "RANGE_BUCKET": "INT64", "EDIT_DISTANCE": "INT64"}
"""What functions give that the parser does not know. Source: BigQuery, "Functions"; INIT .. EXTRACT are those of HLL_COUNT."""
REMEMBERED = 64  # statements whose columns are kept: an editor asks for the same ones with each keystroke


class _Blank(Tables):
    """Names that stand for empty tables of known columns."""

    def __init__(self, session: Session, known: Mapping[str, Sequence[Column]], projects: Sequence[str]) -> None:
        super().__init__(session, cast("Lake", None), {}, projects)
        self.known = dict(known)
        self._made: dict[str, Found] = {}

    def find(self, path: Sequence[str]) -> Found:
        name = ".".join(path)
        if name not in self._made:
            physical, columns = self.fresh("blank"), tuple(self.known[name])
            self.view(physical, self.files_sql([], columns))
            self._made[name] = Found(physical, columns)
        return self._made[name]

    def rows(self, written: str) -> int | None:
        """Nobody counts what is not there."""
        return None


def tables_of(sql: str) -> list[str]:
    """The tables that one SELECT names, as they are written. Raises SqlError for text that is no SELECT."""
    from sqlglot import exp

    tables = [table for table in real_tables(guard.one_query(sql)) if isinstance(table.this, exp.Identifier)]
    return list(dict.fromkeys(".".join(path_of(table)) for table in tables))


def query_plan(sql: str, known: Mapping[str, Sequence[Column]], params: Mapping[str, Any] | None = None, *, project: str = "") -> SqlPlan:
    """Columns, tables read and verdict of one SELECT over tables of these columns, by the names that it uses for them.

    Raises SqlError as running it would, KeyError for a table that is not known.
    """
    read = tuple((name, tuple((c.name, c.type) for c in known[name])) for name in tables_of(sql))
    given = tuple((name, type(value), value) for name, value in sorted((params or {}).items()))  # 1 and true are equal, and no one type
    return _plan(sql, read, given, project)


def likely_columns(sql: str, known: Mapping[str, Sequence[Column]]) -> tuple[Column, ...]:
    """What a SELECT that only BigQuery can run most likely gives: types as the parser infers them. () where one of them is open."""
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.annotate_types import annotate_types
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.schema import MappingSchema

    from flows.warehouse.bqtypes import bq_name

    tree = guard.one_query(sql)
    shapes: dict[str, object] = {}
    for n, table in enumerate(real_tables(tree)):
        if not isinstance(table.this, exp.Identifier) or ".".join(path_of(table)) not in known:
            return ()
        shapes[f"t{n}"] = {column.name: column.type for column in known[".".join(path_of(table))]}
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
        table.replace(exp.Table(this=exp.to_identifier(f"t{n}"), alias=alias, joins=table.args.get("joins")))
    try:
        schema = MappingSchema(shapes, dialect="bigquery")
        made = annotate_types(qualify(tree, dialect="bigquery", schema=schema), schema, dialect="bigquery")
        return tuple(Column(item.alias_or_name, _returns(item) or bq_name(item.type)) for item in made.selects)  # type: ignore[arg-type]
    except (SqlglotError, InputError, AttributeError):
        return ()


def _returns(item: exp.Expr) -> str:
    """The type of a call that the parser has no type for; '' for anything else."""
    from sqlglot import exp

    call = item.unalias()
    inner = call.expression if isinstance(call, exp.Dot) else call
    return RETURNS.get(inner.name.upper(), "") if isinstance(inner, exp.Anonymous) else ""


@lru_cache(maxsize=REMEMBERED)
def _plan(sql: str, read: tuple[tuple[str, tuple[tuple[str, str], ...]], ...], params: tuple[tuple[str, type, Any], ...],
          project: str) -> SqlPlan:
    session = Session([], limits=Limits(), preview=True)
    try:
        session.rows(f"CREATE SCHEMA {SCHEMA}")
        tables = _Blank(session, {name: [Column(*column) for column in columns] for name, columns in read}, (project,))
        made = prepare(sql, {name: value for name, _, value in params}, tables, project=project)
        columns = columns_of(*session.describe(made.sql))
        return SqlPlan(columns, tuple(name for name, _ in read), verdict=made.verdict, notes=made.notes)
    finally:
        session.close()
