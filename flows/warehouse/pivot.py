"""PIVOT and UNPIVOT as the plain queries they stand for, so that their columns have BigQuery's names, types and order.

Source: BigQuery, "Query syntax", PIVOT operator and UNPIVOT operator. DuckDB names the columns of the first otherwise, and gives those of
the second in another order.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from sqlglot import exp

from flows.warehouse.base import Column
from flows.warehouse.trees import invalid, refuse

AGGREGATES = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.AnyValue, exp.LogicalAnd, exp.LogicalOr, exp.Stddev, exp.StddevPop, exp.StddevSamp,
              exp.Variance, exp.VariancePop, exp.CountIf, exp.Count)
"""Those that leave NULLs out: a value of another column of the PIVOT is a NULL to them."""
_names = itertools.count()


def expand(tree: exp.Expr, schemas: Mapping[str, Sequence[Column]]) -> None:
    """Every PIVOT and UNPIVOT of a query, the inner ones first. Raises SqlError for one that is not offered."""
    for pivot in reversed(list(tree.find_all(exp.Pivot))):
        source = pivot.parent
        if not isinstance(source, (exp.Table, exp.Subquery)):
            raise refuse(pivot, "a PIVOT of this source is not offered by the local warehouse", "Put it into a sub-query of its own")
        if len(source.args["pivots"]) > 1:
            raise refuse(pivot, "two PIVOT after one another are not offered by the local warehouse", "Put the first into a sub-query")
        bare = source.copy()
        bare.set("pivots", None)
        if not bare.alias and (isinstance(bare, exp.Subquery) or bare.args.get("db")):
            bare.set("alias", exp.TableAlias(this=exp.to_identifier(f"_source{next(_names)}")))
        made = (_rows if pivot.args.get("unpivot") else _columns)(pivot, bare, known(bare, source, schemas))
        alias = pivot.args.get("alias")
        name = alias.this.copy() if alias is not None and alias.this is not None else exp.to_identifier(f"_pivot{next(_names)}")
        source.replace(exp.Subquery(this=made, alias=exp.TableAlias(this=name)))


def known(source: exp.Expr, at: exp.Expr, schemas: Mapping[str, Sequence[Column]]) -> list[str] | None:
    """The columns of a source before names are resolved; None where that cannot be told. `at`: where it stands."""
    if isinstance(source, exp.Table) and source.args.get("db"):
        return [column.name for column in schemas[source.name]] if source.name in schemas else None
    query: exp.Expr | None = source.this if isinstance(source, exp.Subquery) else None
    if isinstance(source, exp.Table):
        found = [cte for cte in at.root().find_all(exp.CTE) if cte.alias_or_name.lower() == source.name.lower()]
        query = found[0].this if len(found) == 1 else None
    if isinstance(query, exp.Query) and not query.is_star and all(query.named_selects):
        return list(query.named_selects)
    return None


def _others(pivot: exp.Pivot, source: exp.Expr, columns: list[str] | None, used: Sequence[str]) -> list[exp.Expr]:
    """The columns that stay as they are."""
    taken, table = {name.lower() for name in used}, source.alias_or_name
    if columns is None:
        return [exp.Column(this=exp.Star(except_=[exp.column(name, quoted=True) for name in dict.fromkeys(used)]),
                           table=exp.to_identifier(table))]
    missing = sorted(taken - {name.lower() for name in columns})
    if missing:
        raise invalid(pivot, f"there is no column {missing[0]!r}", f"The columns are: {', '.join(columns[:20])}")
    return [exp.column(exp.to_identifier(name, quoted=True), table=table) for name in columns if name.lower() not in taken]


# -------------------------------------------------------------------- UNPIVOT
def _rows(pivot: exp.Pivot, source: exp.Expr, columns: list[str] | None) -> exp.Select:
    """The other columns, the values, the name: one row for each column of the list that is not NULL."""
    field = pivot.args["fields"][0]
    values = pivot.expressions[0]
    names = [part.name for part in (values.expressions if isinstance(values, exp.Tuple) else [values])]
    item, structs, used = f"_item{next(_names)}", [], []
    for one in field.expressions:
        alias = one.args.get("alias") if isinstance(one, exp.PivotAlias) else None
        inner = one.this if isinstance(one, exp.PivotAlias) else one
        parts = list(inner.expressions) if isinstance(inner, exp.Tuple) else [inner]
        if len(parts) != len(names) or not all(isinstance(part, exp.Column) for part in parts):
            raise invalid(pivot, f"UNPIVOT takes {len(names)} columns for each row here")
        if alias is not None and not isinstance(alias, exp.Literal):
            raise invalid(pivot, "a name in UNPIVOT is a text or a number")
        label = alias.copy() if alias is not None else exp.Literal.string("_".join(part.name for part in parts))
        used += [part.name for part in parts]
        held = [exp.column(exp.to_identifier(part.name, quoted=True), table=source.alias_or_name) for part in parts]
        fields = [exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value)
                  for name, value in zip([*names, field.this.name], [*held, label], strict=True)]
        structs.append(exp.Struct(expressions=fields))
    unnest = exp.Unnest(expressions=[exp.Array(expressions=structs)], alias=exp.TableAlias(columns=[exp.to_identifier(item)]))
    given = [exp.column(exp.to_identifier(name, quoted=True), table=item) for name in [*names, field.this.name]]
    made = exp.Select(expressions=[*_others(pivot, source, columns, used), *given], from_=exp.From(this=source),
                      joins=[exp.Join(this=unnest, kind="CROSS")])
    if not pivot.args.get("include_nulls"):
        empty = [exp.Is(this=value.copy(), expression=exp.null()) for value in given[:-1]]
        made.set("where", exp.Where(this=exp.Not(this=exp.paren(exp.and_(*empty)))))
    return made


# -------------------------------------------------------------------- PIVOT
def _columns(pivot: exp.Pivot, source: exp.Expr, columns: list[str] | None) -> exp.Select:
    """The other columns, which the rows are grouped by, then each aggregate for each value."""
    if len(pivot.args["fields"]) != 1 or not isinstance(pivot.args["fields"][0], exp.In) or pivot.args["fields"][0].args.get("query"):
        raise refuse(pivot, "this PIVOT is not offered by the local warehouse", "Write FOR column IN (values)")
    field = pivot.args["fields"][0]
    used = [column.name for part in (*pivot.expressions, field.this) for column in part.find_all(exp.Column)]
    others = _others(pivot, source, columns, used)
    made: list[exp.Expr] = []
    for value in field.expressions:
        bare = value.this if isinstance(value, exp.PivotAlias) else value.unalias()
        named = value.args.get("alias") if isinstance(value, (exp.PivotAlias, exp.Alias)) else None
        name = named.name if named is not None else _named(pivot, bare)
        test: exp.Expr = exp.Is(this=field.this.copy(), expression=exp.null()) if isinstance(bare, exp.Null) \
            else exp.EQ(this=field.this.copy(), expression=bare.copy())
        for item in pivot.expressions:
            if len(pivot.expressions) > 1 and not item.alias:
                raise invalid(pivot, "each of several aggregates in a PIVOT has a name", "Name it with AS")
            shown = f"{item.alias}_{name}" if item.alias else name
            made.append(exp.alias_(_only(pivot, item.unalias(), test), shown, quoted=True))
    query = exp.Select(expressions=[*others, *made], from_=exp.From(this=source))
    if columns is None:
        query.set("group", exp.Group(all=True))
    elif others:
        query.set("group", exp.Group(expressions=[other.copy() for other in others]))
    return query


def _only(pivot: exp.Pivot, aggregate: exp.Expr, test: exp.Expr) -> exp.Expr:
    """The aggregate of the rows where the test holds."""
    if not isinstance(aggregate, AGGREGATES) or isinstance(aggregate.this, (exp.HavingMax, exp.Order, exp.Limit)):
        raise refuse(pivot, "a PIVOT of this aggregate is not offered by the local warehouse", "Use SUM, COUNT, MIN, MAX, AVG or ANY_VALUE")
    if isinstance(aggregate, exp.Count) and isinstance(aggregate.this, exp.Star):
        return exp.CountIf(this=test.copy())
    made = aggregate.copy()
    value = made.this
    if isinstance(value, exp.Distinct):
        if len(value.expressions) != 1:
            raise invalid(pivot, "DISTINCT takes one value in an aggregate")
        value = value.expressions[0]
    value.replace(exp.If(this=test.copy(), true=value.copy(), false=exp.null()))
    return made


def _named(pivot: exp.Pivot, value: exp.Expr) -> str:
    """The name of the column of a value without a name of its own."""
    if isinstance(value, exp.Literal) and value.is_string and re.fullmatch(r"[A-Za-z_]\w*", value.name):
        return str(value.name)
    if isinstance(value, exp.Literal) and value.is_int:
        return f"_{value.name}"
    if isinstance(value, exp.Boolean):
        return "TRUE" if value.this else "FALSE"
    raise refuse(pivot, "a value of a PIVOT that is no name is not offered by the local warehouse", "Name it with AS")
