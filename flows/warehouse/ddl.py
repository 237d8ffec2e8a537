"""CREATE, DROP and ALTER in a script: tables, views, and functions that live as long as the script."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from flows.errors import SqlError
from flows.warehouse.base import Column, TableSpec
from flows.warehouse.bqtypes import bq_name, parse_type, to_duck
from flows.warehouse.quoting import name_sql
from flows.warehouse.scope import path_of, real_tables
from flows.warehouse.tables import SCHEMA
from flows.warehouse.trees import invalid, is_temporary, line_of, properties, refuse
from flows.warehouse.variables import value_of

if TYPE_CHECKING:
    from flows.warehouse.script import Script

HARMLESS = frozenset({"description", "labels", "friendly_name"})
"""Options that change no answer."""
RESULT = "_penstock_result"


def create(script: Script, tree: exp.Create) -> None:
    if tree.kind == "SCHEMA":
        return  # a dataset is there as soon as a table is in it
    if tree.kind == "FUNCTION":
        function(script, tree)
    elif tree.kind == "VIEW":
        view(script, tree)
    elif tree.kind == "TABLE":
        table(script, tree)
    else:
        raise refuse(tree, f"CREATE {tree.kind} is not offered by the local warehouse yet")


def table(script: Script, tree: exp.Create) -> None:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    props = properties(tree)
    temporary = is_temporary(tree)
    name = target.name if temporary and not target.db else script.name(target)
    if not _free(script, tree, name, "table"):
        return
    _options(script, tree, props)
    source, columns = _content(script, tree, props)
    partition, cluster = _layout(tree, props, columns)
    script.make(TableSpec(name, columns, partition, cluster), source, temporary=temporary)


def _free(script: Script, tree: exp.Create, name: str, what: str) -> bool:
    """Whether the name may be made now; False: it is there and that is fine. Raises SqlError."""
    there = script.kind_of(name)
    if not there:
        return True
    if tree.args.get("exists"):
        return False
    if not tree.args.get("replace") or there != what:
        raise SqlError(f"{there} {name} is already there", code="duplicate",
                       fix=f"Use CREATE OR REPLACE {what.upper()} or IF NOT EXISTS" if there == what else f"Drop the {there} first")
    return True


def _options(script: Script, tree: exp.Create, props: list[exp.Expr]) -> None:
    """Options that would change an answer are refused; those that change nothing are left out."""
    for prop in props:
        if not isinstance(prop, exp.Property) or type(prop) is not exp.Property:
            continue
        name = prop.name.lower()
        value = prop.args.get("value")
        plain = isinstance(value, exp.Null) or (name == "require_partition_filter" and isinstance(value, exp.Boolean) and not value.this)
        if name == "partition_expiration_days":
            script.notes["partitions do not expire in the local warehouse"] = None
        elif name not in HARMLESS and not plain:
            raise refuse(tree, f"the option {name} is not kept by the local warehouse", "Leave it out")


def _content(script: Script, tree: exp.Create, props: list[exp.Expr]) -> tuple[str, tuple[Column, ...]]:
    """(query with the rows, columns) of a CREATE TABLE."""
    like = next((p for p in props if isinstance(p, exp.LikeProperty)), None)
    clone = tree.args.get("clone")
    if like is not None or clone is not None:
        found = script.tables.find(path_of((like or clone).this))  # type: ignore[union-attr]
        return f"SELECT * FROM {found.sql}{' WHERE false' if like is not None else ''}", found.columns
    declared = _declared(tree.this) if isinstance(tree.this, exp.Schema) else ()
    if tree.expression is None:
        if not declared:
            raise invalid(tree, "a table needs columns, or a SELECT after AS")
        nulls = ", ".join(f"CAST(NULL AS {to_duck(c.type)}) AS {name_sql(c.name)}" for c in declared)
        return f"SELECT {nulls} WHERE false", declared
    if not declared:
        _named(tree)
    sql, columns = script.typed(tree.expression)
    if not declared:
        return sql, columns
    if len(declared) != len(columns):
        raise invalid(tree, f"the table has {len(declared)} columns, the SELECT gives {len(columns)}")
    parts = [f"CAST({name_sql(c.name)} AS {to_duck(d.type)}) AS {name_sql(d.name)}" for c, d in zip(columns, declared, strict=True)]
    return f"SELECT {', '.join(parts)} FROM ({sql})", declared


def _named(tree: exp.Create) -> None:
    """Every column of CREATE TABLE ... AS has a name of its own."""
    query = tree.expression
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    for n, item in enumerate(query.expressions if isinstance(query, exp.Select) else [], 1):
        if not isinstance(item, (exp.Alias, exp.Column, exp.Dot)) and not item.is_star and query.args.get("kind") is None:
            raise invalid(item, f"the columns of a table are named, but column {n} has no name", "Give it a name with AS")


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


# -------------------------------------------------------------------- views
def view(script: Script, tree: exp.Create) -> None:
    """A view is kept as its text; what it gives is asked anew each time it is read."""
    target, props = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this, properties(tree)
    if any(isinstance(p, (exp.TemporaryProperty, exp.MaterializedProperty)) for p in props):
        raise refuse(tree, "only plain views are offered by the local warehouse")
    if isinstance(tree.this, exp.Schema):
        raise refuse(tree, "a view with a list of columns is not offered by the local warehouse", "Name the columns in its SELECT")
    name = script.name(target)
    if not _free(script, tree, name, "view"):
        return
    _options(script, tree, props)
    query = tree.expression
    for found in real_tables(query):
        if isinstance(found.this, exp.Identifier) and len(path_of(found)) < 2:
            raise invalid(found, f"table {found.name!r} needs its dataset in a view", f"Write dataset.{found.name}")
    script.make_view(name, query.sql(dialect="bigquery"), script.typed(query.copy()))


def drop(script: Script, tree: exp.Drop) -> None:
    if tree.kind not in ("TABLE", "VIEW", "FUNCTION"):
        raise refuse(tree, f"DROP {tree.kind} is not offered by the local warehouse yet")
    for target in tree.args["tables"]:
        if tree.kind == "FUNCTION":
            _drop_function(script, tree, target)
            continue
        name = target.name if not target.db and target.name in script.works else script.name(target)
        there = script.kind_of(name)
        if not there:
            if tree.args.get("exists"):
                continue
            raise script.tables.missing(name)
        if there != tree.kind.lower():
            raise invalid(tree, f"{name} is a {there}", f"Use DROP {there.upper()}")
        script.drop(name)


def alter(script: Script, tree: exp.Alter) -> None:
    work = script.work(tree.this)
    for action in tree.args["actions"]:
        if not isinstance(action, exp.ColumnDef):
            raise refuse(tree, "only ALTER TABLE ... ADD COLUMN is offered by the local warehouse")
        if next((c for c in work.spec.columns if c.name.lower() == action.name.lower()), None) is not None:
            if action.args.get("exists"):
                continue
            raise invalid(tree, f"table {work.spec.name} has a column {action.name!r} already")
        column = Column(action.name, bq_name(action.args["kind"]))
        script.session.rows(f"ALTER TABLE {work.sql} ADD COLUMN {name_sql(column.name)} {to_duck(column.type)}")
        work.spec = replace(work.spec, columns=(*work.spec.columns, column))
        work.changed = True
        script.use(work)


# -------------------------------------------------------------------- functions
def function(script: Script, tree: exp.Create) -> None:
    """CREATE TEMP FUNCTION with a body in SQL: a macro of the session, its arguments and its result typed."""
    target = tree.this.this if isinstance(tree.this, exp.UserDefinedFunction) else tree.this
    props = properties(tree)
    returns = next((p for p in props if isinstance(p, exp.ReturnsProperty)), None)
    if not is_temporary(tree):
        raise refuse(tree, "only temporary functions are offered by the local warehouse", "Write CREATE TEMP FUNCTION")
    if not all(isinstance(p, (exp.TemporaryProperty, exp.ReturnsProperty)) for p in props) or isinstance(tree.expression, exp.Query) \
            or not isinstance(tree.expression, exp.Expr):
        raise refuse(tree, "only functions with a SQL expression as their body are offered by the local warehouse")
    arguments = tree.this.expressions if isinstance(tree.this, exp.UserDefinedFunction) else []
    if any(not isinstance(a, exp.ColumnDef) or a.args.get("kind") is None or not _known(a.args["kind"]) for a in arguments):
        raise refuse(tree, "arguments of ANY TYPE are not offered by the local warehouse", "Give each argument its type")
    name = target.name.lower()
    if name in script.functions and not tree.args.get("replace"):
        if tree.args.get("exists"):
            return
        raise invalid(tree, f"function {target.name} is already there", "Use CREATE OR REPLACE TEMP FUNCTION")
    if tree.expression.find(exp.Query) is not None:
        raise refuse(tree, "a function that reads tables or sub-queries is not offered by the local warehouse")
    takes = [(a.name, bq_name(a.args["kind"])) for a in arguments]
    gives = bq_name(returns.this) if returns is not None and isinstance(returns.this, exp.DataType) else ""
    script.make_function(name, takes, gives, *_macro(script, tree, takes, gives))


def _known(kind: exp.DataType) -> bool:
    if isinstance(kind, exp.DataType) and kind.sql(dialect="bigquery").upper().startswith("ANY"):
        return False
    return isinstance(kind, exp.DataType) and not kind.is_type(exp.DataType.Type.UNKNOWN, exp.DataType.Type.USERDEFINED)


def _macro(script: Script, tree: exp.Create, takes: list[tuple[str, str]], gives: str) -> tuple[str, str]:
    """(DuckDB's body over parameters _a0, _a1 ..., type of the result): the body is translated as a query over one typed row."""
    nulls = [exp.alias_(value_of(parse_type(kind), None), name, quoted=True) for name, kind in takes]
    for node in tree.expression.find_all(exp.Column):
        if node.table == "" and node.name.lower() not in {name.lower() for name, _ in takes}:
            raise invalid(node, f"there is no argument {node.name!r}")
    row = exp.select(*(nulls or [exp.alias_(exp.Literal.number(1), "_a")]))
    query = exp.select(exp.alias_(tree.expression.unnest().copy(), RESULT, quoted=True)).from_(row.subquery("_args"))
    made = script.prepared(query)
    _, columns = script.warehouse.typed(made.sql)
    top = made.tree
    assert isinstance(top, exp.Select)
    body = next(item for item in top.expressions if item.alias_or_name == RESULT).unalias()
    places = {name.lower(): n for n, (name, _) in enumerate(takes)}
    for node in list(body.find_all(exp.Column)):
        n = places[node.name.lower()]
        typed = exp.Cast(this=exp.column(f"_a{n}"), to=exp.DataType.build(to_duck(takes[n][1]), dialect="duckdb"))
        if node is body:
            body = typed
        else:
            node.replace(typed)
    kind = gives or columns[0].type
    return f"CAST({body.sql(dialect='duckdb')} AS {to_duck(kind)})", kind


def macro_sql(physical: str, count: int, body: str) -> str:
    return f"CREATE MACRO {SCHEMA}.{name_sql(physical)}({', '.join(f'_a{n}' for n in range(count))}) AS ({body})"


def _drop_function(script: Script, tree: exp.Drop, target: exp.Table) -> None:
    if script.functions.pop(target.name.lower(), None) is None and not tree.args.get("exists"):
        raise SqlError(f"there is no function {target.name!r}", code="not_found", line=line_of(target))
    script.tables.functions.discard(target.name.lower())
