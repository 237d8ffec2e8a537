"""Variables of a script: typed values that take the place of their names, except where a column has the name, as on BigQuery."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlglot import exp

from flows.errors import InputError
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import parse_type
from flows.warehouse.scope import path_of
from flows.warehouse.trees import refuse

Find = Callable[[exp.Table], "tuple[Column, ...] | None"]
T = exp.DataType.Type


@dataclass
class Variable:
    """A variable of a script; `type` is spelled as in BigQuery, `value` is Python's."""

    type: str
    value: Any = None


def value_of(kind: exp.DataType, value: Any) -> exp.Expr:
    """A value as a tree of exactly this type. Raises InputError for a type that no variable has here."""
    if value is None:
        return exp.Cast(this=exp.Null(), to=kind.copy())
    if kind.is_type(T.ARRAY, T.LIST):
        inner = kind.expressions[0]
        items = exp.Array(expressions=[value_of(inner, item) for item in value])
        return items if value else exp.Cast(this=items, to=kind.copy())
    if kind.is_type(T.STRUCT):
        return exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier(name), expression=value_of(inner, value[name]))
                                       for name, inner in fields(kind)])
    if kind.is_type(T.INTERVAL):
        raise InputError("a variable of type INTERVAL is not offered by the local warehouse", fix="Keep the number of units instead")
    if kind.is_type(T.BINARY, T.VARBINARY):
        made = exp.Anonymous(this="from_base64", expressions=[exp.Literal.string(base64.b64encode(value).decode())])
        made.type = exp.DataType.build("BYTES", dialect="bigquery")
        made.meta["ours"] = True
        return made
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int):
        return exp.Cast(this=exp.Literal.string(str(value)) if abs(value) >= 2**63 else _number(value), to=kind.copy())
    return exp.Cast(this=exp.Literal.string(_text(value)), to=kind.copy())


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return repr(value) if isinstance(value, float) else str(value)


def fields(kind: exp.DataType) -> list[tuple[str, exp.DataType]]:
    """Names and types of a STRUCT's fields."""
    return [(f.name, f.args["kind"]) for f in kind.expressions if isinstance(f, exp.ColumnDef)]


def bind(tree: exp.Expr, variables: Mapping[str, Variable], find: Find) -> exp.Expr:
    """Put the values of variables into a statement (changed in place); `find` gives the columns of a real table.

    A column in reach wins over a variable of its name, as on BigQuery. Raises SqlError where that cannot be told.
    """
    if not variables:
        return tree
    for node in list(tree.find_all(exp.Column)):
        parts = [part.name for part in node.parts]
        variable = variables.get(parts[0].lower())
        if variable is None or (isinstance(node.this, exp.Star) and len(parts) == 1):
            continue
        if _Reach(find).has(node, parts[0].lower()):
            continue
        if isinstance(node.parent, (exp.Limit, exp.Offset)):
            raise refuse(node, f"LIMIT and OFFSET take a number or a parameter, not the variable {parts[0]!r}",
                         "Use EXECUTE IMMEDIATE with USING, or QUALIFY ROW_NUMBER()")
        made = _field(node, variable, parts)
        if node is tree:
            return made
        if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":  # the column is called like the variable or its field
            made = exp.Alias(this=made, alias=exp.to_identifier(parts[-1], quoted=True))
        node.replace(made)
    return tree


def _field(node: exp.Column, variable: Variable, parts: list[str]) -> exp.Expr:
    kind, value = parse_type(variable.type), variable.value
    for part in parts[1:]:
        inner = {name.lower(): (name, typed) for name, typed in fields(kind)}
        if part.lower() not in inner:
            raise refuse(node, f"the variable {parts[0]!r} has no field {part!r}", f"It has: {', '.join(inner)}" if inner else "")
        name, kind = inner[part.lower()]
        value = None if value is None else value[name]
    return value_of(kind, value)


class _Reach:
    """Which names a place in a statement can see as columns, tables or aliases."""

    def __init__(self, find: Find) -> None:
        self.find = find

    def has(self, node: exp.Expr, name: str) -> bool:
        """Whether the name is a column, or the alias of a table, in any query around the node."""
        child, parent = node, node.parent
        while parent is not None:
            seen = self._names(parent, child)
            if name in seen:
                return True
            if None in seen:
                raise refuse(node, f"whether {name!r} is a column or the variable cannot be told here", "Give the variable another name")
            child, parent = parent, parent.parent
        return False

    def _names(self, query: exp.Expr, child: exp.Expr) -> set[str | None]:
        """The names that a query gives to what stands in it; None among them: others that are not known."""
        if isinstance(query, exp.Select):
            names = self._sources(query)
            if child.arg_key in ("order", "group", "having", "qualify", "windows"):
                names |= {item.alias.lower() for item in query.expressions if isinstance(item, exp.Alias)}
            return names
        if isinstance(query, exp.SetOperation) and child.arg_key == "order":
            return self._outputs(query)
        if isinstance(query, (exp.Update, exp.Delete, exp.Merge)):
            names = set[str | None]()
            for source in (query.this, query.args.get("using"), *[f.this for f in [query.args.get("from_")] if f is not None],
                           *[join.this for f in [query.args.get("from_")] if f is not None for join in f.this.args.get("joins") or ()]):
                if isinstance(source, exp.Expr):
                    names |= self._source(source)
            return names
        return set()

    def _sources(self, query: exp.Select) -> set[str | None]:
        from_ = query.args.get("from_")
        sources = [from_.this] if from_ is not None else []
        sources += [join.this for join in query.args.get("joins") or ()] + list(query.args.get("laterals") or ())
        names = set[str | None]()
        for source in sources:
            names |= self._source(source)
            for join in source.args.get("joins") or ():
                names |= self._source(join.this)
        return names

    def _source(self, source: exp.Expr) -> set[str | None]:
        alias = {source.alias_or_name.lower()} if source.alias_or_name else set()
        listed = source.args["alias"].columns if isinstance(source.args.get("alias"), exp.TableAlias) else []
        names: set[str | None] = {*alias, *(column.name.lower() for column in listed)}
        if source.args.get("pivots"):
            return names | {None}
        if isinstance(source, exp.Table):
            return names | (self._table(source) if isinstance(source.this, exp.Identifier) else {None})
        if isinstance(source, exp.Subquery):
            return names | self._outputs(source.this)
        if isinstance(source, exp.Unnest):
            offset = source.args.get("offset")
            names |= {offset.name.lower()} if isinstance(offset, exp.Expr) else {"offset"} if offset else set()
            return names | self._items(source)
        return names | {None}

    def _table(self, table: exp.Table) -> set[str | None]:
        cte = None if table.args.get("db") else self._cte(table)
        if cte is not None:
            listed = cte.args["alias"].columns
            return {column.name.lower() for column in listed} if listed else self._outputs(cte.this)
        found = self.find(table)
        return {None} if found is None else {column.name.lower() for column in found}

    @staticmethod
    def _cte(table: exp.Table) -> exp.CTE | None:
        node: exp.Expr | None = table
        while node is not None:
            with_ = node.args.get("with_")
            for cte in with_.expressions if with_ is not None else ():
                itself = cte is table.find_ancestor(exp.CTE) and not (with_ is not None and with_.args.get("recursive"))
                if cte.alias_or_name.lower() == table.name.lower() and not itself:
                    return cte  # type: ignore[no-any-return]
            node = node.parent
        return None

    def _outputs(self, query: exp.Expr) -> set[str | None]:
        """Names of the columns that a query gives."""
        while isinstance(query, (exp.SetOperation, exp.Subquery)):
            query = query.this
        if not isinstance(query, exp.Select) or query.args.get("kind"):
            return {None}
        names = set[str | None]()
        for item in query.expressions:
            if item.is_star:
                names |= self._sources(query)
            elif item.alias_or_name:
                names.add(item.alias_or_name.lower())
        return names

    def _items(self, unnest: exp.Unnest) -> set[str | None]:
        """The fields of an array's items, which may be named bare."""
        items = unnest.expressions[0]
        if isinstance(items, exp.Column):
            found = self._column_type(items)
            if found is None:
                return {None}
            kind = parse_type(found)
            return {name.lower() for name, _ in fields(kind.expressions[0])} if kind.expressions else set()
        if isinstance(items, exp.Array):
            first = items.expressions[0] if items.expressions else None
            if isinstance(first, exp.Struct):
                return {field.alias_or_name.lower() for field in first.expressions if field.alias_or_name}
            return {None} if isinstance(first, (exp.Column, exp.Select, exp.Subquery)) else set()
        if isinstance(items, (exp.Cast, exp.GenerateSeries, exp.GenerateDateArray, exp.GenerateTimestampArray, exp.Split)):
            return set()
        return {None}

    def _column_type(self, column: exp.Column) -> str | None:
        """The type of an array column of a real table in reach."""
        node = column.parent
        while node is not None:
            if isinstance(node, exp.Select):
                from_ = node.args.get("from_")
                for source in [from_.this, *(join.this for join in node.args.get("joins") or ())] if from_ is not None else ():
                    if isinstance(source, exp.Table) and (not column.table or column.table.lower() == source.alias_or_name.lower()) \
                            and not (not source.args.get("db") and self._cte(source)):
                        for found in self.find(source) or ():
                            if found.name.lower() == column.name.lower():
                                return found.type
            node = node.parent
        return None


def columns_by(tables: Any) -> Find:
    """How `bind` learns the columns of a real table in a session; None: they are not known before it is read."""

    def find(table: exp.Table) -> tuple[Column, ...] | None:
        path = path_of(table)
        if "*" in path[-1] or any(part.upper().startswith("INFORMATION_SCHEMA") for part in path):
            return None
        columns: tuple[Column, ...] = tables.find(path).columns
        return columns

    return find
