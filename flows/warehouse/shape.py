"""The shape of a query before its names are resolved and after its rules: rows of structs, values of structs, arrays in the result."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from sqlglot import exp

from flows.warehouse import foreign, pivot
from flows.warehouse.base import Column
from flows.warehouse.trees import T, call, invalid, kind, refuse

_names = itertools.count()


def prepare(tree: exp.Expr, schemas: Mapping[str, Sequence[Column]]) -> None:
    """Give UNNEST of literal structs, SELECT AS VALUE and `aggregate.*` a form in which every column has a name."""
    foreign.clauses(tree)
    for operation in tree.find_all(exp.SetOperation):
        _one_operation(operation)
    for literal in list(tree.find_all(exp.ParseJSON)):
        _outside(literal)
    pivot.expand(tree, schemas)
    for select in tree.find_all(exp.Select):
        _sources(select, schemas)
        _after_distinct(select)
    for array in list(tree.find_all(exp.Array)):
        _one_shape(array)
    for select in list(tree.find_all(exp.Select)):
        if select.args.get("kind") == "VALUE":
            _spread(select)
        elif select.args.get("kind") == "STRUCT":
            _structs(select)
        _by_place(select)
        _stars(select, schemas)
    for unnest in list(tree.find_all(exp.Unnest)):
        _named(unnest)


def _one_operation(node: exp.SetOperation) -> None:
    """UNION ALL beside EXCEPT or UNION DISTINCT needs brackets."""
    for side in (node.this, node.expression):
        if isinstance(side, exp.SetOperation) and (type(side) is not type(node) or side.args.get("distinct") != node.args.get("distinct")):
            raise invalid(node, "different set operations stand side by side", "Put one of them into brackets")


def _outside(node: exp.ParseJSON) -> None:
    """JSON '{"a": 1}'.a is a field of the literal: the parser takes it into the literal."""
    inner = node.this
    while isinstance(inner, (exp.Dot, exp.Bracket)):
        inner = inner.this
    if inner is not node.this and isinstance(inner, exp.Literal):
        chain, made = node.this.copy(), exp.ParseJSON(this=inner.copy())
        at = chain
        while not isinstance(at.this, exp.Literal):
            at = at.this
        at.set("this", made)
        node.replace(chain)


def _after_distinct(select: exp.Select) -> None:
    """SELECT DISTINCT is sorted by what it gives."""
    order = select.args.get("order")
    if not select.args.get("distinct") or order is None or select.is_star:
        return
    given = {item.alias_or_name.lower() for item in select.expressions}
    values = [item.unalias() for item in select.expressions]
    for item in order.expressions:
        if item.this not in values:
            for column in item.this.find_all(exp.Column):
                if column.name.lower() not in given and column.table.lower() not in given:
                    raise invalid(column, f"after SELECT DISTINCT there is no {column.name!r} to sort by", "Select it as well")


def _sources(select: exp.Select, schemas: Mapping[str, Sequence[Column]]) -> None:
    """A name stands for one column of a source, and EXCEPT and REPLACE name columns that are there."""
    from_ = select.args.get("from_")
    sources = [from_.this] if from_ is not None else []
    sources += [join.this for join in select.args.get("joins") or []]
    given = [source.args["alias"].columns[0].name.lower() if isinstance(source, exp.Unnest) and source.args.get("alias") is not None
             and source.args["alias"].columns else source.alias.lower() for source in sources]
    if again := next((name for name in given if name and given.count(name) > 1), ""):
        raise invalid(select, f"two sources are named {again!r}", "Give one of them another name")
    columns = {source.alias_or_name.lower(): pivot.known(source, source, schemas) for source in sources}
    twice = {name: {one for one in lower if lower.count(one) > 1}
             for name, found in columns.items() if found and (lower := [one.lower() for one in found])}
    if any(twice.values()):
        for column in select.find_all(exp.Column):
            table = column.table.lower()
            if any(column.name.lower() in names for source, names in twice.items() if table in ("", source)):
                raise invalid(column, f"the name {column.name!r} is ambiguous", "Give each column a name of its own")
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        if not isinstance(star, exp.Star):
            continue
        read = [columns.get(item.table.lower())] if isinstance(item, exp.Column) else list(columns.values())
        here = {name.lower() for found in read for name in found or []}
        named = [*(star.args.get("except_") or []), *(star.args.get("replace") or [])]
        missing = [one.alias_or_name for one in named if one.alias_or_name.lower() not in here]
        if missing and read and None not in read:
            raise invalid(item, f"there is no column {missing[0]!r} in this star", f"The columns are: {', '.join(sorted(here)[:20])}")


def _one_shape(array: exp.Array) -> None:
    """The tuples after a STRUCT are structs with its names."""
    first = array.expressions[0] if array.expressions else None
    if not isinstance(first, exp.Struct) or not first.expressions:
        return
    names = [field.this if isinstance(field, exp.PropertyEQ) else field.args.get("alias") if isinstance(field, exp.Alias) else None
             for field in first.expressions]
    for other in array.expressions[1:]:
        if isinstance(other, (exp.Tuple, exp.Struct)) and not isinstance(other.parent, exp.Cast):
            values = [part.expression if isinstance(part, exp.PropertyEQ) else part.unalias() for part in other.expressions]
            if len(values) != len(names):
                raise invalid(other, "the structs of an array have the same number of fields")
            fields = [exp.PropertyEQ(this=name.copy(), expression=value.copy()) if name is not None else value.copy()
                      for name, value in zip(names, values, strict=True)]
            other.replace(exp.Struct(expressions=fields))


def _spread(select: exp.Select) -> None:
    """SELECT AS VALUE STRUCT(a AS x) gives rows with the column x; of another value there is no name for its column."""
    if len(select.expressions) != 1:
        raise invalid(select, "SELECT AS VALUE gives one value")
    value = select.expressions[0].unalias()
    holder = select.parent
    if isinstance(holder, exp.Array) or (isinstance(holder, exp.Subquery) and isinstance(holder.parent, exp.Array)):
        select.set("kind", None)
        return
    if not isinstance(value, exp.Struct):
        raise refuse(select, "SELECT AS VALUE of something other than a STRUCT(...) is not offered by the local warehouse",
                     "Name the value with AS and leave AS VALUE out")
    fields = []
    for n, field in enumerate(value.expressions):
        inner = field.expression if isinstance(field, exp.PropertyEQ) else field
        if isinstance(field, exp.PropertyEQ):
            fields.append(exp.alias_(inner.copy(), field.name))
        else:
            fields.append(inner.copy() if isinstance(inner, (exp.Alias, exp.Column)) else exp.alias_(inner.copy(), f"f{n}_"))
    select.set("kind", None)
    select.set("expressions", fields)


def _structs(select: exp.Select) -> None:
    """SELECT AS STRUCT is a value in an expression; elsewhere its fields are the columns. The first of a UNION names the fields of all."""
    here: exp.Expr = select
    first: exp.Expr = select
    while isinstance(here.parent, (exp.SetOperation, exp.Subquery)):
        here = here.parent
        if isinstance(here, exp.SetOperation):
            first = here.this
        elif isinstance(here.parent, (exp.From, exp.Join, exp.CTE)):
            break
    if not isinstance(here.parent, exp.Expr) or isinstance(here.parent, (exp.From, exp.Join, exp.CTE, exp.DDL, exp.DML)):
        select.set("kind", None)
        return
    while isinstance(first, (exp.SetOperation, exp.Subquery)):
        first = first.this
    if first is not select and isinstance(first, exp.Select) and len(first.expressions) == len(select.expressions):
        for mine, named in zip(list(select.expressions), first.expressions, strict=True):
            if named.alias_or_name:
                mine.replace(exp.alias_(mine.unalias().copy(), named.alias_or_name, quoted=True))


def _by_place(select: exp.Select) -> None:
    """GROUP BY the alias of a sub-query is GROUP BY its place: written out there, the sub-query would not see its sources."""
    group = select.args.get("group")
    places = {item.alias.lower(): n for n, item in enumerate(select.expressions, 1) if isinstance(item, exp.Alias) and item.find(exp.Query)}
    for item in list(group.expressions) if group is not None and places else []:
        if isinstance(item, exp.Column) and not item.table and item.name.lower() in places:
            item.replace(exp.Literal.number(places[item.name.lower()]))


def _stars(select: exp.Select, schemas: Mapping[str, Sequence[Column]]) -> None:
    """`ARRAY_AGG(t ORDER BY ... LIMIT 1)[OFFSET(0)].*` gives the columns of t: the aggregate goes into a sub-query, its fields come out."""
    stars = [item for item in select.expressions if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star)]
    if not stars:
        return
    outer, group = [], f"_group{next(_names)}"
    for n, item in enumerate(list(select.expressions)):
        name = item.alias_or_name if item not in stars and item.alias_or_name else f"f{n}_"
        if item in stars:
            name = f"_row{next(_names)}"
            skipped = {column.name.lower() for column in item.expression.args.get("except_") or []}
            if item.expression.args.get("replace") or item.expression.args.get("rename"):
                raise refuse(item, "REPLACE after a star of an expression is not offered by the local warehouse")
            fields = [field for field in _fields(item, select, schemas) if field.lower() not in skipped]
            held = exp.column(name, table=group)
            outer += [exp.alias_(exp.Dot(this=held.copy(), expression=exp.to_identifier(field)), field) for field in fields]
            item.replace(exp.alias_(item.this.copy(), name))
        else:
            outer.append(exp.alias_(exp.column(name, table=group), name))
            if not isinstance(item, exp.Alias):
                item.replace(exp.alias_(item.copy(), name))
    if any(select.args.get(key) for key in ("order", "limit", "offset", "qualify", "distinct", "with_", "kind")):
        raise refuse(stars[0], "a star after an expression beside ORDER BY, LIMIT or WITH is not offered by the local warehouse",
                     "Put it into a sub-query of its own")
    inner = select.copy()
    for key in list(select.args):
        select.set(key, None)
    select.set("expressions", outer)
    select.set("from_", exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(group)))))


def _fields(item: exp.Dot, select: exp.Select, schemas: Mapping[str, Sequence[Column]]) -> list[str]:
    """The columns of the table whose rows an ARRAY_AGG collects. Raises SqlError."""
    value = item.this
    while isinstance(value, (exp.Bracket, exp.ArrayAgg, exp.IgnoreNulls, exp.RespectNulls, exp.Order, exp.Limit, exp.Paren, exp.AnyValue,
                             exp.HavingMax)):
        value = value.this
    name = value.name.lower() if isinstance(value, exp.Column) and not value.table else ""
    from_ = select.args.get("from_")
    sources = [from_.this] if from_ is not None else []
    sources += [join.this for join in select.args.get("joins") or []]
    source = next((one for one in sources if one.alias_or_name.lower() == name), None)
    if isinstance(source, exp.Table) and source.name in schemas and source.db:
        return [column.name for column in schemas[source.name]]
    query = source.this if isinstance(source, exp.Subquery) else None
    if isinstance(source, exp.Table) and not source.db:
        ctes = [cte for cte in source.root().find_all(exp.CTE) if cte.alias_or_name.lower() == source.name.lower()]
        query = ctes[0].this if len(ctes) == 1 else None
    if isinstance(query, exp.Query) and query.named_selects and not query.is_star:
        return list(query.named_selects)
    raise refuse(item, "a star after this expression is not offered by the local warehouse", "Name the fields one by one")


def _named(unnest: exp.Unnest) -> None:
    """UNNEST of literal structs without an alias, or beside a USING: its fields become the columns of a sub-query."""
    from sqlglot.optimizer.annotate_types import annotate_types

    alias = unnest.args.get("alias")
    if not isinstance(unnest.parent, (exp.From, exp.Join)) or len(unnest.expressions) != 1 or unnest.args.get("offset"):
        return
    select = unnest.find_ancestor(exp.Select)
    merged = select is not None and any(join.args.get("using") for join in select.args.get("joins") or [])
    named = alias is not None and bool(alias.this or alias.columns)
    if alias is not None and named and not (merged and alias.columns):
        return
    if unnest.expressions[0].find(exp.Column, exp.Query):
        if named:
            return
        inside = {id(column) for column in unnest.find_all(exp.Column)}
        if select is not None and not select.is_star and all(id(column) in inside for column in select.find_all(exp.Column)):
            unnest.set("alias", exp.TableAlias(columns=[exp.to_identifier(f"_item{next(_names)}")]))  # only counted, never named
        return
    items = annotate_types(unnest.expressions[0].copy(), dialect="bigquery")
    inner = items.type.expressions[0] if items.type is not None and items.type.is_type(T.ARRAY) and items.type.expressions else None
    if inner is None or (named and not inner.is_type(T.STRUCT)):
        return
    name = f"_item{next(_names)}"
    source = exp.Unnest(expressions=[unnest.expressions[0].copy()], alias=exp.TableAlias(columns=[exp.to_identifier(name)]))
    if inner.is_type(T.STRUCT):
        fields = [field.name if isinstance(field, exp.ColumnDef) else "" for field in inner.expressions]
        if not all(fields):
            return
        columns: list[exp.Expr] = [exp.alias_(exp.column(field, table=name), field) for field in fields]
    else:
        columns = [exp.alias_(exp.column(name), "f0_")]
    query = exp.Select(expressions=columns, from_=exp.From(this=source))
    shown = alias.columns[0].copy() if alias is not None and named else exp.to_identifier(f"_rows{next(_names)}")
    unnest.replace(exp.Subquery(this=query, alias=exp.TableAlias(this=shown)))


# -------------------------------------------------------------------- the result
def result(tree: exp.Expr) -> None:
    """An array in a result has no NULL among its items: BigQuery stops. Source: BigQuery, working with arrays."""
    if isinstance(tree, exp.SetOperation):
        result(tree.this)
        result(tree.expression)
    elif isinstance(tree, exp.Subquery):
        result(tree.this)
    elif isinstance(tree, exp.Select):
        from_ = tree.args.get("from_")
        sources = [from_.this] if from_ is not None else []
        sources += [join.this for join in tree.args.get("joins") or []]
        kept = {source.alias_or_name for source in sources if isinstance(source, exp.Table) and source.db}
        for item in tree.expressions:
            value = item.unalias()
            if kind(value) == "ARRAY" and not (isinstance(value, exp.Column) and value.table in kept):
                was = value.type
                made = call("bq_no_null", value.copy())
                made.type = was
                if value is item:
                    item.replace(exp.alias_(made, item.alias_or_name) if item.alias_or_name else made)
                else:
                    item.set("this", made)
