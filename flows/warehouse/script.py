"""Scripts on the lake: tables that a script writes are copied in, the statements run in order, and changed tables go back in one swap each.

Nothing of a script that fails is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from flows.errors import InputError, SqlError
from flows.warehouse import guard
from flows.warehouse.base import Column, ExecResult, QueryLimits, TableSpec
from flows.warehouse.bqtypes import bq_name, to_duck
from flows.warehouse.dialect import Translation
from flows.warehouse.evolve import fits
from flows.warehouse.lake import Change, Pinned
from flows.warehouse.quoting import name_sql
from flows.warehouse.scope import path_of
from flows.warehouse.statement import Prepared, bind_params, prepare
from flows.warehouse.tables import SCHEMA, Found
from flows.warehouse.trees import invalid, kind, refuse

if TYPE_CHECKING:
    from flows.warehouse.duckdb import DuckDBWarehouse

MOMENTS = ("DATE", "TIME", "DATETIME", "TIMESTAMP")


@dataclass
class Work:
    """A table that a script writes: its rows are in a table of the session until the script ends."""

    spec: TableSpec
    pinned: Pinned
    physical: str
    changed: bool = False
    dropped: bool = False
    temporary: bool = False

    @property
    def sql(self) -> str:
        return f"{SCHEMA}.{name_sql(self.physical)}"


class Script:
    """One script in one session."""

    def __init__(self, warehouse: DuckDBWarehouse, params: Mapping[str, Any], limits: QueryLimits) -> None:
        self.warehouse, self.params, self.limits = warehouse, params, limits
        self.session, self.tables, self.lake = warehouse.session, warehouse.tables, warehouse.lake
        self.works: dict[str, Work] = {}
        self.rows = 0
        self.result: Any = None
        self.notes: dict[str, None] = {}

    def run(self, text: str) -> ExecResult:
        trees = guard.parse(text)
        if not trees:
            raise SqlError("the script is empty")
        for tree in trees:
            guard.statement(tree)
        try:
            for tree in trees:
                self._one(bind_params(tree, self.params))
            self._commit()
        finally:
            self._clean()
        return ExecResult(rows=self.rows, result=self.result, notes=tuple(self.notes))

    def _prepared(self, tree: exp.Expr) -> Prepared:
        """A query of the script for DuckDB; its notes are kept."""
        made = prepare(tree, {}, self.tables, text=True, project=self.warehouse.project)
        self.notes.update(dict.fromkeys(made.notes))
        return made

    # ---------------------------------------------------------------- statements
    def _one(self, tree: exp.Expr) -> None:
        if isinstance(tree, exp.Query):
            self.result = self.warehouse._fetch(self._prepared(tree).sql, self.limits)
            return
        if isinstance(tree, (exp.Transaction, exp.Commit)):
            return  # a script is one transaction here
        if self.limits.read_only:
            raise SqlError(f"only reading is allowed here, this is {tree.key.upper()}", verdict="refused", code="read_only",
                           fix="Leave --read-only out to write")
        if self.warehouse.preview:
            raise InputError("a preview writes nothing", fix="Run the pipeline to write")
        run: Any = {exp.Create: self._create, exp.Insert: self._insert, exp.Update: self._update, exp.Delete: self._delete,
               exp.Merge: self._merge, exp.TruncateTable: self._truncate, exp.Drop: self._drop, exp.Alter: self._alter}.get(type(tree))
        if run is None:
            raise refuse(tree, f"{tree.key.upper()} is not offered by the local warehouse yet")
        run(tree)

    def _create(self, tree: exp.Create) -> None:
        if tree.kind == "SCHEMA":
            return  # a dataset is there as soon as a table is in it
        if tree.kind != "TABLE":
            raise refuse(tree, f"CREATE {tree.kind} is not offered by the local warehouse yet")
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        props = list(tree.args["properties"].expressions) if tree.args.get("properties") else []
        temporary = any(isinstance(p, exp.TemporaryProperty) for p in props)
        name = target.name if temporary and not target.db else self._name(target)
        there = self._exists(name)
        if there and tree.args.get("exists"):
            return
        if there and not tree.args.get("replace"):
            raise SqlError(f"table {name} is already there", code="duplicate", fix="Use CREATE OR REPLACE TABLE or IF NOT EXISTS")
        source, columns = self._content(tree, props)
        partition, cluster = _layout(tree, props, columns)
        spec = TableSpec(name, columns, partition, cluster)
        self._make(spec, source, temporary=temporary)

    def _content(self, tree: exp.Create, props: list[exp.Expr]) -> tuple[str, tuple[Column, ...]]:
        """(query with the rows, columns) of a CREATE TABLE."""
        like = next((p for p in props if isinstance(p, exp.LikeProperty)), None)
        clone = tree.args.get("clone")
        if like is not None or clone is not None:
            found = self.tables.find(path_of((like or clone).this))  # type: ignore[union-attr]
            return f"SELECT * FROM {found.sql}{' WHERE false' if like is not None else ''}", found.columns
        declared = _declared(tree.this) if isinstance(tree.this, exp.Schema) else ()
        if tree.expression is None:
            if not declared:
                raise invalid(tree, "a table needs columns, or a SELECT after AS")
            nulls = ", ".join(f"CAST(NULL AS {to_duck(c.type)}) AS {name_sql(c.name)}" for c in declared)
            return f"SELECT {nulls} WHERE false", declared
        sql, columns = self.warehouse._typed(self._prepared(tree.expression).sql)
        if not declared:
            return sql, columns
        if len(declared) != len(columns):
            raise invalid(tree, f"the table has {len(declared)} columns, the SELECT gives {len(columns)}")
        parts = [f"CAST({name_sql(c.name)} AS {to_duck(d.type)}) AS {name_sql(d.name)}" for c, d in zip(columns, declared, strict=True)]
        return f"SELECT {', '.join(parts)} FROM ({sql})", declared

    def _make(self, spec: TableSpec, source: str, *, temporary: bool) -> None:
        physical = self.tables.fresh("work")
        work = Work(spec, self.lake.pin(spec.name) if "." in spec.name else Pinned(spec, 0), physical, changed=True, temporary=temporary)
        columns = ", ".join(f"{name_sql(c.name)} {to_duck(c.type)}{'' if c.nullable else ' NOT NULL'}" for c in spec.columns)
        self.session.rows(f"CREATE TABLE {work.sql} ({columns})")
        self.session.rows(f"INSERT INTO {work.sql} {source}")
        self._use(work)

    def _insert(self, tree: exp.Insert) -> None:
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        work = self._work(target)
        names = [c.name for c in tree.this.expressions] if isinstance(tree.this, exp.Schema) else [c.name for c in work.spec.columns]
        columns = [_column(tree, work.spec, name) for name in names]
        source = tree.expression
        if isinstance(source, exp.Values):
            self._values(tree, columns, source)
            sql = self._translated(source, {}).sql(dialect="duckdb")
        else:
            query = self._prepared(source)
            sql, given = self.warehouse._typed(query.sql)
            _assignable(tree, [c.type for c in given], columns)
        names_sql = ", ".join(name_sql(c.name) for c in columns)
        self._change(work, f"INSERT INTO {work.sql} ({names_sql}) {sql}")

    def _values(self, tree: exp.Insert, columns: list[Column], source: exp.Values) -> None:
        from sqlglot.optimizer.annotate_types import annotate_types

        annotate_types(source, dialect="bigquery")
        for row in source.expressions:
            items = row.expressions if isinstance(row, exp.Tuple) else [row.unnest()]
            _assignable(tree, [_given(item) for item in items], columns)

    def _update(self, tree: exp.Update) -> None:
        if tree.args.get("where") is None:
            raise invalid(tree, "UPDATE needs a WHERE", "Write WHERE true to change every row")
        work = self._work(tree.this)
        if tree.args.get("from_") is not None:
            raise refuse(tree, "UPDATE ... FROM is not offered by the local warehouse yet", "Write it as a MERGE")
        self._dml(work, tree)

    def _delete(self, tree: exp.Delete) -> None:
        if tree.args.get("where") is None:
            raise invalid(tree, "DELETE needs a WHERE", "Write WHERE true to remove every row, or TRUNCATE TABLE")
        self._dml(self._work(tree.this), tree)

    def _merge(self, tree: exp.Merge) -> None:
        work = self._work(tree.this)
        for when in tree.args["whens"].expressions:
            insert = when.args.get("then")
            if isinstance(insert, exp.Insert) and isinstance(insert.this, exp.Var) and insert.this.name.upper() == "ROW":
                insert.set("this", exp.Star())
        self._dml(work, tree)

    def _dml(self, work: Work, tree: exp.Expr) -> None:
        """UPDATE, DELETE and MERGE on the copy of a table."""
        columns = {c.name.lower(): c.type for c in work.spec.columns}
        self._change(work, self._translated(tree, columns).sql(dialect="duckdb"))

    def _translated(self, tree: exp.Expr, columns: Mapping[str, str]) -> exp.Expr:
        """DML rewritten for DuckDB. A column's type is known when only one of the tables has it."""
        from sqlglot.optimizer.annotate_types import annotate_types

        used = {found.physical: found.columns for found in self.tables.place(tree).values()}
        known: dict[str, set[str]] = {name: {value} for name, value in columns.items()}
        for cols in used.values():
            for column in cols:
                known.setdefault(column.name.lower(), set()).add(column.type)
        for node in tree.find_all(exp.Column):
            types = known.get(node.name.lower(), set())
            if len(types) == 1:
                node.type = exp.DataType.build(next(iter(types)), dialect="bigquery")
        annotate_types(tree, dialect="bigquery", overwrite_types=False)
        return Translation(used, self.warehouse.project).rules(tree)

    def _truncate(self, tree: exp.TruncateTable) -> None:
        for table in tree.expressions:
            work = self._work(table)
            self._change(work, f"DELETE FROM {work.sql}")

    def _drop(self, tree: exp.Drop) -> None:
        if tree.kind != "TABLE":
            raise refuse(tree, f"DROP {tree.kind} is not offered by the local warehouse yet")
        for table in tree.args["tables"]:
            name = self._name(table)
            if not self._exists(name):
                if tree.args.get("exists"):
                    continue
                raise self.tables.missing(name)
            work = self._work(table)
            work.changed = work.dropped = True
            self.tables.hide(name)

    def _alter(self, tree: exp.Alter) -> None:
        work = self._work(tree.this)
        for action in tree.args["actions"]:
            if not isinstance(action, exp.ColumnDef):
                raise refuse(tree, "only ALTER TABLE ... ADD COLUMN is offered by the local warehouse")
            if work.spec.column(action.name) is not None:
                if action.args.get("exists"):
                    continue
                raise invalid(tree, f"table {work.spec.name} has a column {action.name!r} already")
            column = Column(action.name, bq_name(action.args["kind"]))
            self.session.rows(f"ALTER TABLE {work.sql} ADD COLUMN {name_sql(column.name)} {to_duck(column.type)}")
            work.spec = replace(work.spec, columns=(*work.spec.columns, column))
            work.changed = True
            self._use(work)

    # ---------------------------------------------------------------- tables that are written
    def _name(self, table: exp.Table) -> str:
        path = path_of(table)
        return self.warehouse._writable(".".join(path))

    def _exists(self, name: str) -> bool:
        work = self.works.get(name)
        return not work.dropped if work else bool("." in name and self.lake.pin(name).spec.columns)

    def _work(self, table: exp.Table) -> Work:
        """The copy of a table, made when the script first writes it."""
        name = table.name if table.name in self.works and not table.db else self._name(table)
        if name in self.works and not self.works[name].dropped:
            return self.works[name]
        pinned = self.tables.pin(name)
        if not pinned.spec.columns or name in self.works:
            raise self.tables.missing(name)
        self._make(pinned.spec, f"SELECT * FROM {self.tables.find(tuple(name.split('.'))).sql}", temporary=False)
        self.works[name].pinned, self.works[name].changed = pinned, False
        return self.works[name]

    def _use(self, work: Work) -> None:
        self.works[work.spec.name] = work
        self.tables.show(work.spec.name, Found(work.physical, work.spec.columns, work.spec.name))

    def _change(self, work: Work, sql: str) -> None:
        done = self.session.rows(self.tables.macros(sql), seconds=self.limits.seconds)
        count = int(done[0][0]) if done and isinstance(done[0][0], int) else 0
        self.rows += count
        work.changed = work.changed or count > 0

    # ---------------------------------------------------------------- the end
    def _commit(self) -> None:
        """Changed tables become new files; then one swap a table, each against the version the script read."""
        made = []
        for work in self.works.values():
            if work.changed and not work.temporary:
                new = [] if work.dropped else self.warehouse.writer.files(f"SELECT * FROM {work.sql}", work.spec, {}, "sql")
                made.append((work, Change(work.spec, new, list(work.pinned.files))))
        done = 0
        try:
            for work, change in made:
                self.lake.swap(change, work.pinned.version, drop_table=work.dropped)
                done += 1
        finally:
            for _, change in made[done:]:
                self.lake.discard(change.add)

    def _clean(self) -> None:
        for work in self.works.values():
            self.tables.forget(work.spec.name)
            if work.temporary:
                self.tables.unbind(work.spec.name)
            self.session.rows(f"DROP TABLE IF EXISTS {work.sql}")


def _declared(schema: exp.Schema) -> tuple[Column, ...]:
    columns = []
    for item in schema.expressions:
        if isinstance(item, exp.ColumnDef):
            constraints = [c.kind for c in item.args.get("constraints") or ()]
            if any(isinstance(c, exp.DefaultColumnConstraint) for c in constraints):
                raise refuse(item, "DEFAULT of a column is not offered by the local warehouse")
            nullable = not any(isinstance(c, exp.NotNullColumnConstraint) and not c.args.get("allow_null") for c in constraints)
            if item.args["kind"].find(exp.DataTypeParam) is not None:
                raise refuse(item, f"{item.args['kind'].sql(dialect='bigquery')} with a size is not kept by the local warehouse",
                             "Leave the size out")
            columns.append(Column(item.name, bq_name(item.args["kind"]), nullable))
    return tuple(columns)


def _layout(tree: exp.Expr, props: list[exp.Expr], columns: tuple[Column, ...]) -> tuple[str, tuple[str, ...]]:
    """(partition column, cluster columns); DuckDB would drop them silently."""
    partition, cluster = "", tuple[str, ...]()
    names = {c.name.lower(): c for c in columns}
    for prop in props:
        if isinstance(prop, exp.PartitionedByProperty):
            inner = next((n.name for n in prop.this.find_all(exp.Identifier) if n.name.lower() in names), "")
            if not inner:
                raise refuse(tree, "ingestion-time partitions are not offered by the local warehouse", "Partition by a column")
            if names[inner.lower()].type == "INT64":
                raise refuse(tree, "integer-range partitions are not offered by the local warehouse")
            partition = names[inner.lower()].name
        if isinstance(prop, exp.ClusterProperty):
            cluster = tuple(e.name for e in prop.expressions)
    return partition, cluster


def _column(tree: exp.Expr, spec: TableSpec, name: str) -> Column:
    found = next((c for c in spec.columns if c.name.lower() == name.lower()), None)
    if found is None:
        raise invalid(tree, f"table {spec.name} has no column {name!r}")
    return found


def _given(item: exp.Expr) -> str:
    """The type of an item of VALUES; '' where it follows the column: NULL, arrays, structs. A literal like 1.5 may be a NUMERIC."""
    if isinstance(item, exp.Null) or kind(item) in ("ARRAY", "STRUCT"):
        return ""
    inner = item.this if isinstance(item, exp.Neg) else item
    return "NUMERIC" if isinstance(inner, exp.Literal) and kind(inner) == "FLOAT64" else kind(item)


def _assignable(tree: exp.Expr, given: list[str], columns: list[Column]) -> None:
    """BigQuery puts a value only into a column of its type, or a wider number; text literals become dates and times."""
    if len(given) != len(columns):
        raise invalid(tree, f"{len(given)} values for {len(columns)} columns")
    for kind_, column in zip(given, columns, strict=True):
        if kind_ and not fits(kind_, column.type) and not (kind_ == "STRING" and column.type in MOMENTS):
            raise invalid(tree, f"a value of type {kind_} does not fit column {column.name}, which is {column.type}")

