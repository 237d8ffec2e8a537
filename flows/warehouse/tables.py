"""What names mean in one session: rows of finished steps first, then tables of the lake, each a view made when a statement uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flows.errors import SqlError
from flows.spec.suggest import suggest
from flows.store.rows import LakeFile
from flows.warehouse import functions, runbook, virtual
from flows.warehouse.base import Column, Relation, TableSpec
from flows.warehouse.bqtypes import columns_of, from_duck, to_duck
from flows.warehouse.lake import Lake, Pinned
from flows.warehouse.macros import PREFIX, needed
from flows.warehouse.quoting import literal, name_sql
from flows.warehouse.scope import path_of, real_tables
from flows.warehouse.session import Session

if TYPE_CHECKING:
    from sqlglot import exp

SCHEMA = "penstock"


def parquet(paths: Sequence[str], *, filename: bool = False) -> str:
    """A read of exactly these files; nothing in their names or folders means anything."""
    files = ", ".join(literal(no_glob(path)) for path in paths)
    return f"read_parquet([{files}], union_by_name = true, hive_partitioning = false{', filename = true' if filename else ''})"


def no_glob(path: str) -> str:
    """The path as a pattern that matches only itself."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in path)


@dataclass(frozen=True)
class Found:
    """A name that was resolved: the object in the session that holds it, and its columns. `table`: dataset.table of a lake table;
    `notes`: where its rows may differ from BigQuery's."""

    physical: str
    columns: tuple[Column, ...]
    table: str = ""
    notes: tuple[str, ...] = ()
    rows: int | None = None

    @property
    def sql(self) -> str:
        return f"{SCHEMA}.{name_sql(self.physical)}"


class Tables:
    """Resolves names, once each: a table keeps the version it had at first use until the session ends or writes it itself."""

    def __init__(self, session: Session, lake: Lake, names: Mapping[str, str], projects: Sequence[str],
                 book: Callable[[], None] | None = None) -> None:
        self._book, self._booked = book, False
        self.session, self.lake, self.names, self.projects = session, lake, dict(names), tuple(p for p in projects if p)
        self._bound: dict[str, Found] = {}
        self._found: dict[str, Found] = {}
        self._pins: dict[str, Pinned] = {}
        self._hidden: set[str] = set()
        self._opening: list[str] = []
        self._stands: dict[str, tuple[Found, Pinned]] = {}
        self.functions: set[str] = set()  # that this session or its script made, in lower case
        self._count = 0
        self._macros: set[str] = set()
        self._python: set[str] = set()

    def macros(self, sql: str) -> str:
        """Make BigQuery's own functions that a statement uses; gives the statement back."""
        wanted = needed(sql, self._macros) if PREFIX in sql.lower() else {}
        if wanted:
            self.session.rows("; ".join(wanted.values()))
            self._macros |= wanted.keys()
        fresh = functions.used(sql) - self._python
        if fresh:
            functions.register(self.session.con, fresh)
            self._python |= fresh
        return sql

    # ---------------------------------------------------------------- giving names
    def fresh(self, prefix: str) -> str:
        """A name in the session that nothing else has."""
        self._count += 1
        return f"{prefix}{self._count}"

    def bind(self, name: str, found: Found) -> None:
        self._bound[name] = found

    def bind_files(self, relation: Relation) -> Found:
        """A view over a relation's files, under the relation's name."""
        found = replace(self.view_of(relation.files, relation.columns), rows=relation.rows)
        self.bind(relation.name, found)
        return found

    def view_of(self, files: Sequence[str], columns: tuple[Column, ...]) -> Found:
        """A view over Parquet files that has exactly these columns."""
        physical = self.fresh("rows")
        self.view(physical, self.files_sql(files, columns))
        return Found(physical, columns)

    def bind_query(self, name: str, sql: str, *, keep: bool) -> Found:
        """A query under a name: its rows in memory (`keep`), or a view that runs when it is asked."""
        physical = self.fresh("rows")
        kind = "TABLE" if keep else "VIEW"
        self.session.rows(f"CREATE {kind} {SCHEMA}.{name_sql(physical)} AS {sql}")
        found = Found(physical, columns_of(*self.session.describe(f"SELECT * FROM {SCHEMA}.{name_sql(physical)}")))
        self.bind(name, found)
        return found

    # ---------------------------------------------------------------- finding names
    def pin(self, name: str) -> Pinned:
        """The version of a lake table that this session sees. `name` is dataset.table."""
        if name in self._stands:
            return self._stands[name][1]
        if name not in self._pins:
            self._pins[name] = self.lake.pin(name)
        return self._pins[name]

    def forget(self, name: str) -> None:
        """Look at a lake table anew, after this session wrote it."""
        self._pins.pop(name, None)
        self._found.pop(name, None)
        self._hidden.discard(name)

    def show(self, name: str, found: Found) -> None:
        """Let a name mean this, until `forget` (a lake table) or `unbind` (a bare name)."""
        (self._found if "." in name else self._bound)[name] = found

    def stand_in(self, name: str, found: Found, rows: int) -> None:
        """Let dataset.table be these rows until the session ends, whatever the lake holds: a preview of what is not there."""
        counted = LakeFile(path="", rows=rows, bytes=0)
        self._stands[name] = replace(found, table=name), Pinned(TableSpec(name, found.columns), 0, (counted,))

    def hide(self, name: str) -> None:
        """Let a lake table be gone for this session, until `forget`."""
        self._found.pop(name, None)
        self._hidden.add(name)

    def unbind(self, name: str) -> None:
        self._bound.pop(name, None)

    def refresh(self) -> None:
        """Look at every lake table anew: for a step that waits for others to write."""
        self._pins.clear()
        self._found.clear()
        self._booked = False

    def look(self, name: str) -> None:
        """Before the run book is read for the first time: `book` brings it up to date. `name`: dataset.table or a dataset."""
        if self._book is not None and not self._booked and runbook.is_ours(name):
            self._booked = True
            self._book()

    def bound(self, name: str) -> Found | None:
        return self._bound.get(name)

    def find(self, path: Sequence[str]) -> Found:
        """What a name means. Raises SqlError with near misses."""
        if len(path) == 1 and path[0] in self._bound:
            return self._bound[path[0]]
        name = self.table_name(path)
        if name in self._stands:
            return self._stands[name][0]
        if name not in self._found:
            self._found[name] = self._open(name, ".".join(path))
        return self._found[name]

    def rows(self, written: str) -> int | None:
        """How many rows a name has; None where that is not known without reading."""
        path = tuple(written.split("."))
        if len(path) == 1 and path[0] in self._bound:
            return self._bound[path[0]].rows
        if "*" in written or "INFORMATION_SCHEMA" in written.upper():
            return None
        pinned = self.pin(self.table_name(path))
        return None if pinned.spec.view else pinned.rows

    def table_name(self, path: Sequence[str]) -> str:
        """dataset.table of a path of one, two or three parts. Raises SqlError when it belongs to somebody else."""
        name = self._table_name(path)
        self.look(name)
        return name

    def _table_name(self, path: Sequence[str]) -> str:
        written = ".".join(path)
        if written in self.names:
            return self.names[written]
        if len(path) == 3:
            if path[0] not in self.projects:
                raise SqlError(f"project {path[0]!r} is not yours", verdict="refused", code="not_allowed",
                               fix=f"Use {' or '.join(map(repr, self.projects))}, or leave the project out")
            return ".".join(path[1:])
        if len(path) == 2:
            return written
        raise self.missing(written)

    def missing(self, written: str) -> SqlError:
        there = self.lake.names()
        known = [*self._bound, *(name for name, place in self.names.items() if place in there), *there]
        if written in self.names and written not in known:
            return SqlError(f"table {written!r} is catalogued and has no rows here", code="not_found",
                            fix="Load it with a pipeline, or write the table that you mean as dataset.table")
        near = suggest(written, known) or suggest(written, [name.rpartition(".")[2] for name in known])
        fix = f"Did you mean {' or '.join(map(repr, near))}?" if near else \
            f"There are: {', '.join(sorted(known)[:12])}" if known else "There are no tables yet"
        return SqlError(f"there is no table {written!r}", code="not_found", fix=fix)

    def _open(self, name: str, written: str) -> Found:
        pinned = self.pin(name)
        if not pinned.spec.columns or name in self._hidden:
            raise self.missing(written)
        if pinned.spec.view:
            return self._view(name, pinned.spec.view)
        physical = self.fresh("table")
        self.view(physical, self.files_sql([str(self.lake.path(file)) for file in pinned.files], pinned.spec.columns))
        return Found(physical, pinned.spec.columns, name)

    def _view(self, name: str, text: str) -> Found:
        """A view by its text, which is judged and resolved as if the reader had written it."""
        from flows.warehouse.statement import prepare

        if name in self._opening:
            raise SqlError(f"view {name} reads itself", code="recursion", fix="Write the view anew")
        self._opening.append(name)
        try:
            made = prepare(text, {}, self, project=self.projects[0] if self.projects else "")
        finally:
            self._opening.pop()
        physical = self.fresh("table")
        self.view(physical, made.sql)
        kept = f"SELECT * FROM {SCHEMA}.{name_sql(physical)}"
        return Found(physical, columns_of(*self.session.describe(kept)), name, made.notes)

    def view(self, physical: str, sql: str) -> None:
        """Make a view in the session."""
        self.session.rows(f"CREATE VIEW {SCHEMA}.{name_sql(physical)} AS {sql}")

    def files_sql(self, files: Sequence[str], columns: Sequence[Column], *, filename: bool = False) -> str:
        """A query over Parquet files that has exactly these columns; what a file lacks is NULL."""
        if not files:
            nulls = ", ".join(f"CAST(NULL AS {to_duck(c.type)}) AS {name_sql(c.name)}" for c in columns)
            return f"SELECT {nulls} WHERE false"
        source = parquet(files, filename=filename)
        stored = {name.lower(): kind for name, kind in zip(*self.session.describe(f"SELECT * FROM {source}"), strict=True)}
        parts = []
        for column in columns:
            kind, there, target = name_sql(column.name), stored.get(column.name.lower()), to_duck(column.type)
            if there is None:
                parts.append(f"CAST(NULL AS {target}) AS {kind}")
            elif from_duck(there)[1] == target:
                parts.append(kind)
            else:
                parts.append(f"CAST({kind} AS {target}) AS {kind}")
        return f"SELECT {', '.join([*parts, *(['filename'] if filename else [])])} FROM {source}"

    def place(self, tree: exp.Expr) -> dict[str, Found]:
        """Point every real table of a tree (changed in place) at its object in the session. Gives what was found, by written name."""
        from sqlglot import exp

        used: dict[str, Found] = {}
        for table in real_tables(tree):
            if not isinstance(table.this, exp.Identifier):
                continue
            path = path_of(table)
            special = virtual.find(self, table, path) if self.lake else None  # no lake: only types are asked for
            found = used[_unused(used, ".".join(path))] = special or self.find(path)
            if not table.alias or "." in table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(path[-1], quoted=True)))
            table.set("this", exp.to_identifier(found.physical, quoted=True))
            table.set("db", exp.to_identifier(SCHEMA))
            table.set("catalog", None)
        return used


def _unused(used: Mapping[str, Found], name: str) -> str:
    """One name may be read twice, as it is and as it was."""
    return name if name not in used else f"{name} ({len(used)})"
