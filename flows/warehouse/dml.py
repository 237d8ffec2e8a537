"""INSERT, UPDATE, DELETE and MERGE on the copy of a table: which rows and which values are asked as queries, so that every rule of a
query holds for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from flows.errors import DataError
from flows.warehouse.base import Column, TableSpec
from flows.warehouse.bqtypes import duck_tree, to_duck
from flows.warehouse.evolve import fits
from flows.warehouse.quoting import name_sql
from flows.warehouse.trees import MOMENTS, invalid, kind, refuse
from flows.warehouse.values import named

if TYPE_CHECKING:
    from flows.warehouse.script import Script, Work

ROW = "_penstock_row"
TWICE = "a row of the target matches more than one row of the source"
PAIR_T, PAIR_S, ACT = "_penstock_t", "_penstock_s", "_penstock_act"


# -------------------------------------------------------------------- INSERT
def insert(script: Script, tree: exp.Insert) -> None:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    work = script.work(target)
    names = [c.name for c in tree.this.expressions] if isinstance(tree.this, exp.Schema) else [c.name for c in work.spec.columns]
    columns = [column(tree, work.spec, name) for name in names]
    source = tree.expression
    if isinstance(source, exp.Values):
        _default(source)
        _values(tree, columns, source)
        sql = script.translated(source).sql(dialect="duckdb")
    else:
        sql, given = script.typed(source)
        assignable(tree, [c.type for c in given], columns)
    script.change(work, f"INSERT INTO {work.sql} ({', '.join(name_sql(c.name) for c in columns)}) {sql}")


def _default(tree: exp.Expr) -> None:
    """DEFAULT is NULL: no column has another default here."""
    for node in list(tree.find_all(exp.Var)):
        if node.name.upper() == "DEFAULT":
            node.replace(exp.null())


def _values(tree: exp.Insert, columns: list[Column], source: exp.Values) -> None:
    from sqlglot.optimizer.annotate_types import annotate_types

    annotate_types(source, dialect="bigquery")
    for row in source.expressions:
        items = row.expressions if isinstance(row, exp.Tuple) else [row.unnest()]
        assignable(tree, [_given(item) for item in items], columns)


# -------------------------------------------------------------------- UPDATE and DELETE
def update(script: Script, tree: exp.Update) -> None:
    if tree.args.get("where") is None:
        raise invalid(tree, "UPDATE needs a WHERE", "Write WHERE true to change every row")
    work = script.work(tree.this)
    target = _target(script, work, tree.this)
    columns, values = _settings(tree, work, tree.expressions)
    query = _select(target, values).where(tree.args["where"].this)
    from_ = tree.args.get("from_")
    if from_ is not None:
        first = from_.this
        joins = first.args.get("joins") or []
        first.set("joins", None)
        query.set("joins", [exp.Join(this=first, kind="CROSS"), *joins])
    rows = _kept(script, query, columns)
    if from_ is not None:
        _once(script, rows)
    script.change(work, _update_sql(work, rows, columns))


def delete(script: Script, tree: exp.Delete) -> None:
    table = tree.this or (tree.args.get("tables") or [None])[0]
    if tree.args.get("where") is None:
        raise invalid(tree, "DELETE needs a WHERE", "Write WHERE true to remove every row, or TRUNCATE TABLE")
    work = script.work(table)
    sql, _ = script.typed(_select(_target(script, work, table), []).where(tree.args["where"].this))
    script.change(work, f"DELETE FROM {work.sql} WHERE rowid IN ({sql})")


def _target(script: Script, work: Work, table: exp.Table) -> exp.Table:
    """The table with the number of each row, under the name that the statement gives it."""
    physical = script.view(f"SELECT rowid AS {ROW}, * FROM {work.sql}", (Column(ROW, "INT64"), *work.spec.columns))
    alias = table.args["alias"].this if table.args.get("alias") is not None else table.this
    return exp.Table(this=exp.to_identifier(physical, quoted=True), alias=exp.TableAlias(this=alias.copy()))


def _select(target: exp.Table, values: Sequence[exp.Expr]) -> exp.Select:
    outputs = [named(value, f"_v{n}") for n, value in enumerate(values)]
    return exp.select(exp.alias_(exp.column(ROW, table=target.args["alias"].this.copy()), ROW), *outputs).from_(target)


def _settings(tree: exp.Expr, work: Work, items: Sequence[exp.Expr]) -> tuple[list[Column], list[exp.Expr]]:
    """Columns and values of SET."""
    columns, values = [], []
    for item in items:
        left = item.this
        if not isinstance(item, exp.EQ) or not isinstance(left, exp.Column) or left.args.get("db") is not None:
            raise refuse(tree, "SET of a field is not offered by the local warehouse", "Set the whole struct")
        if left.table and work.spec.column(left.table) is not None:
            raise refuse(tree, "SET of a field is not offered by the local warehouse", "Set the whole struct")
        found = column(tree, work.spec, left.name)
        if found in columns:
            raise invalid(tree, f"column {found.name} is set twice")
        columns.append(found)
        values.append(_fitted(item.expression, found))
    return columns, values


def _fitted(value: exp.Expr, wanted: Column) -> exp.Expr:
    """A value ready for a column: text literals become dates and times, NULL has the column's type."""
    if isinstance(value, (exp.Var, exp.Column)) and value.name.upper() == "DEFAULT" and not value.args.get("table"):
        value = exp.null()
    inner = value.unnest()
    text = isinstance(inner, exp.Literal) and inner.is_string and wanted.type in MOMENTS
    number = isinstance(inner, exp.Literal) and not inner.is_string and wanted.type in ("NUMERIC", "BIGNUMERIC")
    return exp.Cast(this=inner, to=duck_tree(wanted.type)) if text or number or isinstance(inner, exp.Null) else value


def _kept(script: Script, query: exp.Select, columns: Sequence[Column]) -> str:
    """Rows to be written, computed before anything changes; the values have the types of their columns."""
    empty = {n for n, item in enumerate(query.expressions[-len(columns):] if columns else [])
             if isinstance(item.unalias(), exp.Array) and not item.unalias().expressions}
    sql, given = script.typed(query)
    own = given[len(given) - len(columns):]
    kinds = ["" if n in empty else c.type for n, c in enumerate(own)]
    assignable(query, kinds, list(columns))
    parts = [*(name_sql(c.name) for c in given[:len(given) - len(columns)]),
             *(f"CAST({name_sql(c.name)} AS {to_duck(w.type)}) AS {name_sql(c.name)}" for c, w in zip(own, columns, strict=True))]
    return script.keep(f"SELECT {', '.join(parts)} FROM ({sql})")


def _once(script: Script, rows: str) -> None:
    """Raises DataError when a row would be written twice, as BigQuery does."""
    if script.rows_of(f"SELECT 1 FROM {rows} GROUP BY {ROW} HAVING count(*) > 1 LIMIT 1"):
        raise DataError(TWICE, fix="Make the source unique by the columns of the join")


def _update_sql(work: Work, rows: str, columns: Sequence[Column]) -> str:
    sets = ", ".join(f"{name_sql(c.name)} = _u._v{n}" for n, c in enumerate(columns))
    return f"UPDATE {work.sql} SET {sets} FROM {rows} AS _u WHERE {work.sql}.rowid = _u.{ROW}"


# -------------------------------------------------------------------- MERGE
@dataclass
class _Merge:
    """A MERGE on its way: the target and the source with numbers of their rows, and which rows belong together."""

    script: Script
    work: Work
    target: exp.Table
    source: exp.Table
    columns: tuple[Column, ...]  # of the source
    pairs: str = ""


def merge(script: Script, tree: exp.Merge) -> None:
    """All that is written is computed first; a row is written by the first WHEN whose condition holds for it."""
    work = script.work(tree.this)
    m = _Merge(script, work, _target(script, work, tree.this), *_source(script, tree.args["using"]))
    m.pairs = _pairs(m, tree.args["on"])
    whens = tree.args["whens"].expressions
    groups = [(_matched(m), [w for w in whens if w.args["matched"]]),
              (_unmatched(m, m.source, PAIR_S), [w for w in whens if not w.args["matched"] and not w.args.get("source")]),
              (_unmatched(m, m.target, PAIR_T), [w for w in whens if not w.args["matched"] and w.args.get("source")])]
    doing: list[tuple[int, str]] = []
    for base, group in groups:
        if group:
            doing += _group(m, base, group)
    for _, sql in sorted(doing, key=lambda item: item[0]):
        script.change(work, sql)


def _source(script: Script, using: exp.Expr) -> tuple[exp.Table, tuple[Column, ...]]:
    alias = using.args["alias"].this if using.args.get("alias") is not None and using.args["alias"].this is not None else \
        exp.to_identifier(using.alias_or_name or "_penstock_source")
    sql, columns = script.typed(exp.select("*").from_(using.copy()))
    kept = script.keep(sql)
    physical = script.view(f"SELECT rowid AS {ROW}, * FROM {kept}", (Column(ROW, "INT64"), *columns))
    return exp.Table(this=exp.to_identifier(physical, quoted=True), alias=exp.TableAlias(this=alias.copy())), columns


def _row(table: exp.Table, name: str) -> exp.Expr:
    return exp.alias_(exp.column(ROW, table=table.args["alias"].this.copy()), name)


def _pairs(m: _Merge, on: exp.Expr) -> str:
    query = exp.select(_row(m.target, PAIR_T), _row(m.source, PAIR_S)).from_(m.target.copy()).join(m.source.copy(), on=on.copy())
    kept = m.script.keep(m.script.typed(query)[0])
    return m.script.view(f"SELECT * FROM {kept}", (Column(PAIR_T, "INT64"), Column(PAIR_S, "INT64")))


def _joined(table: exp.Table, by: str, other: str) -> exp.Join:
    on = exp.EQ(this=exp.column(by, table=other), expression=exp.column(ROW, table=table.args["alias"].this.copy()))
    return exp.Join(this=table.copy(), on=on)


def _matched(m: _Merge) -> exp.Select:
    pairs = exp.alias_(_named(m.pairs), "_pairs", table=True)
    query = exp.select(exp.column(PAIR_T, table="_pairs"), exp.column(PAIR_S, table="_pairs")).from_(pairs)
    query.set("joins", [_joined(m.target, PAIR_T, "_pairs"), _joined(m.source, PAIR_S, "_pairs")])
    return query


def _named(physical: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(physical, quoted=True))


def _unmatched(m: _Merge, table: exp.Table, name: str) -> exp.Select:
    inner = exp.select(exp.column(name)).from_(_named(m.pairs))
    return exp.select(_row(table, name)).from_(table.copy()).where(
        exp.Not(this=exp.In(this=exp.column(ROW, table=table.args["alias"].this.copy()), query=exp.Subquery(this=inner))))


def _group(m: _Merge, base: exp.Select, whens: list[exp.When]) -> list[tuple[int, str]]:
    """What the WHENs of one kind do: (order, statement), all values computed."""
    case = exp.Case(ifs=[exp.If(this=w.args["condition"].copy() if w.args.get("condition") is not None else exp.true(),
                                true=exp.Literal.number(n)) for n, w in enumerate(whens)])
    acts = m.script.keep(m.script.typed(base.copy().select(exp.alias_(case, ACT)))[0])
    matched = bool(whens[0].args["matched"])
    if matched and m.script.rows_of(f"SELECT 1 FROM {acts} WHERE {ACT} IS NOT NULL GROUP BY {PAIR_T} HAVING count(*) > 1 LIMIT 1"):
        raise DataError(TWICE, fix="Make the source unique by the columns of ON")
    names = [PAIR_T, PAIR_S] if matched else [PAIR_T if whens[0].args.get("source") else PAIR_S]
    view = m.script.view(f"SELECT * FROM {acts}", tuple(Column(name, "INT64") for name in (*names, ACT)))
    return [_do(m, w, view, n, names) for n, w in enumerate(whens)]


def _do(m: _Merge, when: exp.When, acts: str, number: int, names: list[str]) -> tuple[int, str]:
    then, work = when.args["then"], m.work
    joins = [_joined(m.target if name == PAIR_T else m.source, name, "_acts") for name in names]
    rows = exp.select(exp.alias_(exp.column(names[0], table="_acts"), ROW)).from_(exp.alias_(_named(acts), "_acts", table=True))
    rows.set("joins", joins)
    rows = rows.where(exp.EQ(this=exp.column(ACT, table="_acts"), expression=exp.Literal.number(number)))
    if isinstance(then, exp.Var):  # DELETE
        return 0, f"DELETE FROM {work.sql} WHERE rowid IN (SELECT {ROW} FROM {_kept(m.script, rows, [])})"
    if isinstance(then, exp.Update):
        columns, values = _settings(when, work, then.expressions)
        kept = _kept(m.script, rows.select(*(named(v.copy(), f"_v{n}") for n, v in enumerate(values))), columns)
        return 1, _update_sql(work, kept, columns)
    columns, values = _inserted(m, when, then)
    kept = _kept(m.script, rows.select(*(named(v.copy(), f"_v{n}") for n, v in enumerate(values))), columns)
    parts = ", ".join(f"_v{n}" for n in range(len(columns)))
    return 2, f"INSERT INTO {work.sql} ({', '.join(name_sql(c.name) for c in columns)}) SELECT {parts} FROM {kept}"


def _inserted(m: _Merge, when: exp.When, then: exp.Insert) -> tuple[list[Column], list[exp.Expr]]:
    """Columns and values of INSERT (...) VALUES (...), INSERT VALUES (...) and INSERT ROW."""
    alias = m.source.args["alias"].this
    if isinstance(then.this, exp.Tuple):
        columns = [column(when, m.work.spec, c.name) for c in then.this.expressions]
    else:
        columns = list(m.work.spec.columns)
    if isinstance(then.expression, exp.Tuple):
        values = list(then.expression.expressions)
    elif (isinstance(then.this, exp.Var) and then.this.name.upper() == "ROW") or (isinstance(then.expression, exp.Var)
                                                                                and then.expression.name.upper() == "ROW"):
        values = [exp.column(exp.to_identifier(c.name, quoted=True), table=alias.copy()) for c in m.columns]
    else:
        values = [then.expression.unnest()]
    if len(values) != len(columns):
        raise invalid(when, f"{len(values)} values for {len(columns)} columns")
    return columns, [_fitted(value, wanted) for value, wanted in zip(values, columns, strict=True)]


# -------------------------------------------------------------------- types
def column(tree: exp.Expr, spec: TableSpec, name: str) -> Column:
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


def assignable(tree: exp.Expr, given: list[str], columns: list[Column]) -> None:
    """BigQuery puts a value only into a column of its type, or a wider number; text literals become dates and times."""
    if len(given) != len(columns):
        raise invalid(tree, f"{len(given)} values for {len(columns)} columns")
    for kind_, wanted in zip(given, columns, strict=True):
        if kind_ and not fits(kind_, wanted.type) and not (kind_ == "STRING" and wanted.type in MOMENTS):
            raise invalid(tree, f"a value of type {kind_} does not fit column {wanted.name}, which is {wanted.type}")


