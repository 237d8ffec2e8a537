"""Scripts on the lake: tables that a script writes are copied in, the statements run in order, and changed tables go back in one swap.

Nothing of a script that fails is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from flows.errors import Cancelled, InputError, SqlError
from flows.warehouse import ddl, dml
from flows.warehouse.base import Column, ExecResult, QueryLimits, TableSpec
from flows.warehouse.bqtypes import parse_type, to_duck
from flows.warehouse.dialect import Translation
from flows.warehouse.lake import Change, Pinned
from flows.warehouse.nodes import Drop, Routine
from flows.warehouse.quoting import name_sql
from flows.warehouse.routines import Routines
from flows.warehouse.scope import path_of
from flows.warehouse.statement import Prepared, prepare
from flows.warehouse.tables import SCHEMA, Found
from flows.warehouse.trees import is_temporary, refuse

if TYPE_CHECKING:
    from flows.warehouse.duckdb import DuckDBWarehouse

RUN: dict[type[exp.Expr], Any] = {exp.Create: ddl.create, exp.Drop: ddl.drop, exp.Alter: ddl.alter, exp.Insert: dml.insert,
                                  exp.Update: dml.update, exp.Delete: dml.delete, exp.Merge: dml.merge}
CHANGES = "transactions hold no statement that makes, changes or drops what is permanent"


@dataclass
class Work:
    """A table that a script writes: its rows are in a table of the session until the script ends. A view has only its text."""

    spec: TableSpec
    pinned: Pinned
    physical: str
    changed: bool = False
    dropped: bool = False
    temporary: bool = False

    @property
    def sql(self) -> str:
        return f"{SCHEMA}.{name_sql(self.physical)}"


@dataclass
class Function:
    """A function of the script: a macro of the session."""

    physical: str
    takes: tuple[str, ...]
    gives: str


@dataclass
class _Mark:
    """The works as they were when a transaction began; `kept` has the rows of those that it changed."""

    works: dict[str, Work]
    functions: dict[str, Function]
    rows: int
    kept: dict[str, str] = field(default_factory=dict)


class Script:
    """One script in one session."""

    def __init__(self, warehouse: DuckDBWarehouse, params: Mapping[str, Any], limits: QueryLimits) -> None:
        self.warehouse, self.params, self.limits = warehouse, params, limits
        self.session, self.tables, self.lake = warehouse.session, warehouse.tables, warehouse.lake
        self.works: dict[str, Work] = {}
        self.functions: dict[str, Function] = {}
        self.routines = Routines(warehouse)
        self.rows = 0
        self.result: Any = None
        self.notes: dict[str, None] = {}
        self._mark: _Mark | None = None
        self._extra: list[str] = []
        self._names: list[str] = []
        self._cancels = warehouse.cancels

    def run(self, text: str) -> ExecResult:
        """Run a script, all or nothing. Raises SqlError, DataError, TransientError (lost race)."""
        from flows.warehouse.procedure import parse

        nodes = parse(text)
        if not nodes:
            raise SqlError("the script is empty")
        return self._whole(lambda interpreter: interpreter.run(nodes))

    def call(self, name: str, args: Sequence[Any] | Mapping[str, Any]) -> ExecResult:
        """Run one procedure. Raises what `run` does, and SqlError for arguments that do not fit."""
        from flows.warehouse.arguments import call

        return self._whole(lambda interpreter: call(interpreter, name, args))

    def _whole(self, work: Any) -> ExecResult:
        from flows.warehouse.interpret import Interpreter

        try:
            work(Interpreter(self))
            if self._mark is not None:
                self.rollback()  # BigQuery rolls a transaction back that nobody ended
            self._commit()
        except RecursionError:
            raise SqlError("the script is nested too deeply", code="limit", fix="Split it into steps") from None
        finally:
            self._clean()
        return ExecResult(rows=self.rows, result=self.result, notes=tuple(self.notes))

    def check(self) -> None:
        """Raises Cancelled when the session was cancelled since the script began: between two statements nothing else would see it."""
        if self.warehouse.cancels != self._cancels:
            raise Cancelled("cancelled")

    # ---------------------------------------------------------------- queries
    def prepared(self, tree: exp.Expr) -> Prepared:
        """A query of the script for DuckDB; its notes are kept."""
        made = prepare(self._called(tree), {}, self.tables, text=True, project=self.warehouse.project)
        self.notes.update(dict.fromkeys(made.notes))
        return made

    def typed(self, tree: exp.Expr) -> tuple[str, tuple[Column, ...]]:
        """A query of the script for DuckDB, every column in the type that keeps its BigQuery type, and those columns."""
        return self.warehouse.typed(self.prepared(tree).sql)

    def rows_of(self, sql: str) -> list[tuple[Any, ...]]:
        return self.session.rows(sql, seconds=self.limits.seconds)

    def keep(self, sql: str) -> str:
        """The rows of a query in a table of the session, until the script ends: its name."""
        name = f"{SCHEMA}.{name_sql(self.tables.fresh('kept'))}"
        self.session.rows(f"CREATE TABLE {name} AS {sql}", seconds=self.limits.seconds)
        self._extra.append(f"DROP TABLE IF EXISTS {name}")
        return name

    def view(self, sql: str, columns: tuple[Column, ...]) -> str:
        """A view of the session under a name that statements can read, until the script ends."""
        physical = self.tables.fresh("penstock_view")
        self.tables.view(physical, sql)
        self.tables.bind(physical, Found(physical, columns))
        self._extra.append(f"DROP VIEW IF EXISTS {SCHEMA}.{name_sql(physical)}")
        self._names.append(physical)
        return physical

    def translated(self, tree: exp.Expr) -> exp.Expr:
        """VALUES rewritten for DuckDB."""
        from sqlglot.optimizer.annotate_types import annotate_types

        used = {found.physical: found.columns for found in self.tables.place(self._called(tree)).values()}
        annotate_types(tree, dialect="bigquery", overwrite_types=False)
        work = Translation(used, self.warehouse.project)
        made = work.rules(tree)
        self.notes.update(dict.fromkeys(work.notes))
        return made

    def _called(self, tree: exp.Expr) -> exp.Expr:
        """The script's own functions as what they are in the session."""
        for node in list(tree.find_all(exp.Anonymous)) if self.functions else ():
            found = self.functions.get(node.name.lower())
            if found is None or isinstance(node.parent, exp.Dot):
                continue
            if len(node.expressions) != len(found.takes):
                raise SqlError(f"function {node.name} takes {len(found.takes)} arguments, {len(node.expressions)} are given")
            made = exp.Anonymous(this=f"{SCHEMA}.{found.physical}", expressions=[e.copy() for e in node.expressions])
            made.meta.update(ours=True, takes=found.takes)
            typed = exp.Cast(this=made, to=parse_type(found.gives))  # so that its type is known; the dialect takes it away again
            typed.meta["ours"] = True
            node.replace(typed)
        return tree

    # ---------------------------------------------------------------- statements
    def statement(self, tree: exp.Expr) -> None:
        """One statement, its values in it."""
        if isinstance(tree, exp.Query):
            self.result = self.warehouse.fetch(self.prepared(tree).sql, self.limits)
            return
        temporary = is_temporary(tree)
        if not (temporary and tree.args["kind"] == "FUNCTION"):
            self.may_write(tree.key.upper())
        if self._mark is not None and not temporary and isinstance(tree, (exp.Create, exp.Alter, exp.Drop)) and not self._drops_own(tree):
            raise SqlError(CHANGES, code="transaction", fix="Move it before BEGIN TRANSACTION, or make it TEMP")
        if isinstance(tree, exp.TruncateTable):
            for table in tree.expressions:
                work = self.work(table)
                self.change(work, f"DELETE FROM {work.sql}")
        elif type(tree) in RUN:
            RUN[type(tree)](self, tree)
        else:
            raise refuse(tree, f"{tree.key.upper()} is not offered by the local warehouse yet")
        self.result = None  # a script gives the rows of its last statement

    def may_write(self, what: str) -> None:
        """Raises SqlError, InputError where nothing may be written."""
        if self.limits.read_only:
            raise SqlError(f"only reading is allowed here, this is {what}", verdict="refused", code="read_only",
                           fix="Leave --read-only out to write")
        if self.warehouse.preview:
            raise InputError("a preview writes nothing", fix="Run the pipeline to write")

    def _drops_own(self, tree: exp.Expr) -> bool:
        return isinstance(tree, exp.Drop) and all(
            not t.db and (t.name.lower() in self.functions or (t.name in self.works and self.works[t.name].temporary))
            for t in tree.args["tables"])

    # ---------------------------------------------------------------- transactions
    def transaction(self, word: str, line: int) -> None:
        """BEGIN, COMMIT or ROLLBACK. Raises SqlError where BigQuery does."""
        if (word == "BEGIN") == (self._mark is not None):
            what = "a transaction is open already" if word == "BEGIN" else f"{word} without a transaction"
            raise SqlError(what, code="transaction", line=line, where=f"line {line}")
        if word == "BEGIN":
            self._mark = _Mark({name: replace(work) for name, work in self.works.items()}, dict(self.functions), self.rows)
        elif word == "COMMIT":
            self._mark = None
        else:
            self.rollback()

    def rollback(self) -> None:
        """Everything as it was when the transaction began."""
        mark, self._mark = self._mark, None
        assert mark is not None
        for name in [name for name in self.works if name not in mark.works]:
            self._forget(self.works.pop(name))
        for name, work in mark.works.items():
            if name in mark.kept:
                self.session.rows(f"DELETE FROM {work.sql}")
                self.session.rows(f"INSERT INTO {work.sql} SELECT * FROM {mark.kept[name]}")
            self.use(work)
        self.functions, self.rows = mark.functions, mark.rows

    # ---------------------------------------------------------------- tables that are written
    def name(self, table: exp.Table) -> str:
        return self.warehouse.writable(".".join(path_of(table)))

    def kind_of(self, name: str) -> str:
        """'table', 'view', or '' when nothing has the name."""
        work = self.works.get(name)
        if work is not None and work.dropped:
            return ""
        spec = work.spec if work is not None else self.lake.pin(name).spec if "." in name else TableSpec(name, ())
        return "view" if spec.view else "table" if spec.columns else ""

    def work(self, table: exp.Table) -> Work:
        """The copy of a table, made when the script first writes it."""
        name = table.name if table.name in self.works and not table.db else self.name(table)
        if name in self.works and not self.works[name].dropped and not self.works[name].spec.view:
            return self.works[name]
        pinned = self.tables.pin(name)
        if self.kind_of(name) == "view":
            raise SqlError(f"{name} is a view, and a view is not written", fix="Write the tables that it reads")
        if not pinned.spec.columns or name in self.works:
            raise self.tables.missing(name)
        self.make(pinned.spec, f"SELECT * FROM {self.tables.find(tuple(name.split('.'))).sql}", temporary=False)
        self.works[name].pinned, self.works[name].changed = pinned, False
        return self.works[name]

    def make(self, spec: TableSpec, source: str, *, temporary: bool) -> None:
        """A table of these rows."""
        work = Work(spec, self._pinned(spec.name), self.tables.fresh("work"), changed=True, temporary=temporary)
        columns = ", ".join(f"{name_sql(c.name)} {to_duck(c.type)}{'' if c.nullable else ' NOT NULL'}" for c in spec.columns)
        self.session.rows(f"CREATE TABLE {work.sql} ({columns})")
        self._extra.append(f"DROP TABLE IF EXISTS {work.sql}")
        self.session.rows(f"INSERT INTO {work.sql} {source}", seconds=self.limits.seconds)
        self._arrays(work)
        self.use(work)

    def make_view(self, name: str, text: str, typed: tuple[str, tuple[Column, ...]]) -> None:
        """A view with this text; `typed`: its query in the session."""
        sql, columns = typed
        physical = self.tables.fresh("work")
        self.tables.view(physical, sql)
        self._extra.append(f"DROP VIEW IF EXISTS {SCHEMA}.{name_sql(physical)}")
        self.use(Work(TableSpec(name, columns, view=text), self._pinned(name), physical, changed=True))

    def _pinned(self, name: str) -> Pinned:
        before = self.works.get(name)
        return before.pinned if before is not None else self.lake.pin(name) if "." in name else Pinned(TableSpec(name, ()), 0)

    def use(self, work: Work) -> None:
        self.works[work.spec.name] = work
        if work.dropped:
            self.tables.hide(work.spec.name)
        else:
            self.tables.show(work.spec.name, Found(work.physical, work.spec.columns, work.spec.name))

    def drop(self, name: str) -> None:
        """Let a table or view be gone at the end of the script."""
        if name not in self.works:
            self.works[name] = Work(self.lake.pin(name).spec, self.lake.pin(name), "")
        work = self.works[name] = replace(self.works[name], changed=True, dropped=True)
        if work.temporary:
            self.tables.unbind(name)
        else:
            self.tables.hide(name)

    def change(self, work: Work, sql: str) -> None:
        """Run a statement that writes a table and count its rows."""
        mark, name = self._mark, work.spec.name
        if mark is not None and name in mark.works and name not in mark.kept and mark.works[name].physical == work.physical:
            mark.kept[name] = self.keep(f"SELECT * FROM {work.sql}")
        done = self.session.rows(self.tables.macros(sql), seconds=self.limits.seconds)
        count = int(done[0][0]) if done and isinstance(done[0][0], int) else 0
        self._arrays(work)
        self.rows += count
        work.changed = work.changed or count > 0

    def _arrays(self, work: Work) -> None:
        """A table keeps no NULL array, it is empty there, and no NULL inside of one. Source: BigQuery, "Data types", NULLs and arrays."""
        for name in (name_sql(c.name) for c in work.spec.columns if c.type.startswith("ARRAY")):
            if self.session.rows(f"SELECT 1 FROM {work.sql} WHERE list_count({name}) < len({name}) LIMIT 1"):
                raise SqlError(f"Array cannot have a null element; error in writing field {name}", fix="Leave NULLs out of the array")
            self.session.rows(f"UPDATE {work.sql} SET {name} = [] WHERE {name} IS NULL")

    def make_function(self, name: str, takes: list[tuple[str, str]], gives: str, body: str, kind: str) -> None:
        """A function until the script ends; `body` is DuckDB's."""
        physical = self.tables.fresh("penstock_function")
        self.session.rows(self.tables.macros(ddl.macro_sql(physical, len(takes), body)))
        self._extra.append(f"DROP MACRO IF EXISTS {SCHEMA}.{name_sql(physical)}")
        self.functions[name] = Function(physical, tuple(kind for _, kind in takes), gives or kind)
        self.tables.functions.update((name, f"{SCHEMA}.{physical}"))

    # ---------------------------------------------------------------- procedures
    def create_routine(self, node: Routine) -> None:
        self.may_write("CREATE PROCEDURE")
        if self._mark is not None:
            raise SqlError(CHANGES, code="transaction", line=node.line, where=f"line {node.line}")
        self.routines.create(node)
        self.result = None

    def drop_routine(self, node: Drop) -> None:
        self.may_write("DROP PROCEDURE")
        if self._mark is not None:
            raise SqlError(CHANGES, code="transaction", line=node.line, where=f"line {node.line}")
        self.routines.drop(node)
        self.result = None

    def routine(self, path: Sequence[str], line: int = 0) -> Routine:
        return self.routines.find(path, line)

    # ---------------------------------------------------------------- the end
    def _commit(self) -> None:
        """Changed tables become new files; then one swap of all of them, each against the version the script read."""
        made = []
        for work in self.works.values():
            if work.changed and not work.temporary and (work.pinned.version or not work.dropped):
                rows = not work.dropped and not work.spec.view
                new = self.warehouse.writer.files(f"SELECT * FROM {work.sql}", work.spec, {}, "sql") if rows else []
                made.append((work, Change(work.spec, new, list(work.pinned.files))))
        done = False
        try:
            self.check()
            self.lake.swap_all([(change, work.pinned.version, work.dropped) for work, change in made])
            done = True
        finally:
            for _, change in made if not done else ():
                self.lake.discard(change.add)
        self.routines.commit()

    def _forget(self, work: Work) -> None:
        self.tables.forget(work.spec.name)
        if work.temporary:
            self.tables.unbind(work.spec.name)

    def _clean(self) -> None:
        for work in self.works.values():
            self._forget(work)
        for sql in reversed(self._extra):
            self.session.rows(sql)
        for name in self._names:
            self.tables.unbind(name)
        self.tables.functions.clear()
