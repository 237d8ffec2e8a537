"""What names mean on BigQuery: rows of finished steps first, then the tenant's own tables, then shared ones; nothing else has a name.

A written statement keeps its own text: only the names of its tables are replaced, place by place, since the generator writes some
functions another way. What comes out is read once more, and may name only what was put in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.errors import InputError, SqlError
from flows.spec.suggest import suggest
from flows.warehouse import guard, runbook
from flows.warehouse.bq.params import UNTYPED, type_of
from flows.warehouse.bq.project import DATASET, Project
from flows.warehouse.scope import path_of, real_tables
from flows.warehouse.statement import parameter, value_tree

if TYPE_CHECKING:
    from sqlglot import exp

METADATA = {"TABLES": "table_schema", "COLUMNS": "table_schema", "COLUMN_FIELD_PATHS": "table_schema"}
"""Views of a dataset's INFORMATION_SCHEMA that are offered, and the column that would tell the dataset's physical name."""


@dataclass(frozen=True)
class Place:
    """A table: its full name on BigQuery, dataset.table as people write it, and whether it may be written."""

    full: str
    logical: str
    writable: bool = True

    @property
    def sql(self) -> str:
        return f"`{self.full}`"


@dataclass(frozen=True)
class Placed:
    """A statement for BigQuery: text with physical names, the parameters it takes, what it reads and writes as people write it."""

    sql: str
    params: dict[str, Any]
    tree: exp.Expr
    reads: tuple[Place, ...] = ()
    writes: tuple[Place, ...] = ()


class Names:
    """Names of one session. `names`: catalogued name -> dataset.table. `book`: called once, before the run book is read."""

    def __init__(self, project: Project, tenant_id: str, names: Mapping[str, str] | None = None,
                 book: Callable[[], None] | None = None) -> None:
        self._book = book
        self.project, self.tenant_id, self.names = project, tenant_id, dict(names or {})
        self._bound: dict[str, Place] = {}

    # ---------------------------------------------------------------- single names
    def bind(self, name: str, full: str) -> None:
        """Let a name mean the rows of a staging table (its full name)."""
        self._bound[name] = Place(full, name, writable=False)

    def bound(self, name: str) -> Place | None:
        return self._bound.get(name)

    def own(self, dataset: str, table: str) -> Place:
        """A table of the tenant's own. Raises SqlError for a name that no dataset could have."""
        physical = self.project.dataset(self.tenant_id, dataset)
        return Place(f"{self.project.project}.{physical}.{table}", f"{dataset}.{table}")

    def find(self, path: Sequence[str]) -> Place:
        """What a name means; whether it is there, BigQuery says. Raises SqlError for a name that means nothing, or somebody else's."""
        if len(path) == 1 and path[0] in self._bound:
            return self._bound[path[0]]
        written = ".".join(path)
        parts = self.names.get(written, written).split(".") if len(path) < 3 else list(path)
        if len(parts) == 3:
            if parts[0] != self.project.project:
                raise SqlError(f"project {parts[0]!r} is not yours", verdict="refused", code="not_allowed",
                               fix=f"Use {self.project.project!r}, or leave the project out")
            parts = parts[1:]
        if len(parts) == 2 and DATASET.match(parts[0]):
            dataset, table = parts
            if self._book is not None and runbook.is_ours(dataset):
                book, self._book = self._book, None
                book()
            if self.project.may_read(self.tenant_id, dataset):
                return Place(f"{self.project.project}.{dataset}.{table}", written, writable=False)
            return self.own(dataset, table)
        raise self.missing(written)

    def writable(self, path: Sequence[str]) -> Place:
        """The table that a statement or step writes. Raises InputError without a dataset, SqlError for a table that is only read."""
        if len(path) == 1 and path[0] not in self.names:
            raise InputError(f"{path[0]!r} does not say its dataset", fix=f"Write dataset.table, like mart.{path[0]}")
        place = self.find(path)
        if not place.writable or "*" in place.full:
            raise SqlError(f"{'.'.join(path)!r} is only read here", verdict="refused", code="not_allowed",
                           fix="Write to a dataset of your own")
        runbook.refuse(place.logical)
        return place

    def missing(self, written: str, there: Sequence[str] = ()) -> SqlError:
        """`there`: tables that are known to be there, for near misses."""
        known = [*self._bound, *self.names, *there]
        near = suggest(written, known)
        fix = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Write dataset.table"
        return SqlError(f"there is no table {written!r}", code="not_found", fix=fix)

    def is_own(self, project: str, dataset: str) -> bool:
        """Is it a dataset of this tenant, by its physical name?"""
        head, _, tail = self.project.dataset(self.tenant_id, "X_X").partition("X_X")
        fits = dataset.startswith(head) and dataset.endswith(tail) and len(dataset) > len(head) + len(tail)
        return project == self.project.project and fits

    def check_reads(self, reads: Sequence[str], placed: Placed) -> None:
        """BigQuery itself says which tables it would read: all of them must be the tenant's own. A statement on a shared dataset may
        see, through a view there, what the dataset's owner lets it. Raises SqlError."""
        shared = {place.full.split(".")[1] for place in placed.reads if not place.writable and place.logical not in self._bound}
        if any(self.project.may_read(self.tenant_id, dataset) for dataset in shared):
            return
        for name in reads:
            project, dataset, table = name.rsplit(".", 2)
            if not self.is_own(project, dataset) and not self.project.may_read(self.tenant_id, dataset) and not dataset.startswith("_"):
                raise SqlError(f"the statement would read {table!r} of a dataset that is not yours", verdict="refused", code="not_allowed",
                               fix="Use tables of your own datasets")

    # ---------------------------------------------------------------- compiled trees
    def tree(self, tree: exp.Expr, params: Mapping[str, Any]) -> Placed:
        """A tree that was compiled for BigQuery: its names and parameters, generated once. Raises SqlError, InputError."""
        from sqlglot import exp

        made, used, reads = tree.copy(), dict[str, Any](), []

        def bind(node: exp.Expr) -> exp.Expr:
            name = node.name if isinstance(node, exp.Parameter) and not isinstance(node.this, exp.Parameter) \
                else node.this if isinstance(node, exp.Placeholder) and isinstance(node.this, str) else ""
            if not name or isinstance(node.parent, exp.Parameter):
                return node
            value = parameter(name, params)
            if isinstance(value, exp.Expr) or type_of(value) == UNTYPED:
                return value_tree(value)
            used[name] = value
            return exp.Parameter(this=exp.var(name))

        made = made.transform(bind, copy=False)
        for table in real_tables(made):
            if isinstance(table.this, exp.Identifier):
                path = path_of(table)
                place = self.find(path)
                reads.append(place)
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(path[-1], quoted=True)))
                for key, part in zip(("catalog", "db", "this"), place.full.split("."), strict=True):
                    table.set(key, exp.to_identifier(part, quoted=True))
        return Placed(made.sql(dialect="bigquery"), used, made, tuple(dict.fromkeys(reads)))

    # ---------------------------------------------------------------- written statements
    def text(self, text: str, params: Mapping[str, Any]) -> Placed:
        """One SELECT that somebody wrote. Raises SqlError, InputError."""
        tree = guard.one_query(text)
        guard.statement(tree)
        return self.placed(bare(text), [tree], params)

    def placed(self, text: str, trees: Sequence[exp.Expr], params: Mapping[str, Any]) -> Placed:
        """Statements that the guard let through, in one text: every table's name replaced where it stands."""
        from flows.warehouse.bq.places import Places

        return Places(self, text, params).replace(trees)


def bare(text: str) -> str:
    """A statement without the semicolon and comments at its end, so that it may stand inside of another."""
    import sqlglot
    from sqlglot.tokenizer_core import TokenType

    tokens = sqlglot.tokenize(text, read="bigquery")
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    return text[:tokens[-1].end + 1] if tokens else ""
