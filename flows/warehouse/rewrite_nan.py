"""Comparisons, choices and orders of FLOAT64, where one value may be NaN. Source: BigQuery, "Floating point types"."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse import rewrite_agg
from flows.warehouse.rewrite_time import DUCK_TYPES, constant
from flows.warehouse.rewrite_value import choose, compare
from flows.warehouse.trees import NUMBERS, Rule, call, cast, is_text, kind


def compare_float(node: exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE) -> exp.Expr:
    """A NaN is neither equal, smaller nor greater; DuckDB takes it for the greatest number and equal to itself."""
    made = compare(node)
    _read_texts(node, [node.this, node.expression])
    sides = [node.this, node.expression]
    if made is not node or "FLOAT64" not in [kind(side) for side in sides] or not all(kind(side) in NUMBERS for side in sides):
        return made
    known = [_never_nan(side) for side in sides]
    if all(known) or (any(known) and isinstance(node, (exp.EQ, exp.NEQ))):
        return node
    left, right = (cast(side.copy(), "DOUBLE") for side in sides)
    if isinstance(node, exp.EQ) and isinstance(node.parent, (exp.Join, exp.And, exp.Where)):
        return exp.paren(exp.And(this=node.copy(), expression=exp.Not(this=call("isnan", right if known[0] else left))))
    if isinstance(node, (exp.GT, exp.GTE)):
        left, right = right, left
    names = {exp.EQ: "eq", exp.NEQ: "ne", exp.GT: "lt", exp.LT: "lt", exp.GTE: "le", exp.LTE: "le"}
    return call(f"bq_nan_{names[type(node)]}", left, right)


def among(node: exp.In | exp.Between | exp.Coalesce | exp.Greatest | exp.Nullif) -> exp.Expr:
    """Values of one type; a text literal beside dates and times is one of them."""
    made = choose(node)
    parts = [node.this, *node.expressions, node.args.get("low"), node.args.get("high")]
    _read_texts(node, [part for part in parts if isinstance(part, exp.Expr)])
    if isinstance(node, (exp.In, exp.Nullif)) and kind(node.this) == "FLOAT64" and not _never_nan(node.this):
        fine = exp.Not(this=call("isnan", node.this.copy()))
        if isinstance(node, exp.In):
            return exp.paren(exp.And(this=node.copy(), expression=fine))
        return exp.Case(ifs=[exp.If(this=fine, true=node.copy())], default=node.this.copy())
    return made


def _read_texts(node: exp.Expr, parts: list[exp.Expr]) -> None:
    """Text literals beside a date or time, read as strictly as BigQuery does."""
    wanted = next((kind(part) for part in parts if kind(part) in DUCK_TYPES), "")
    for part in parts:
        if wanted and is_text(part):
            part.replace(constant(part, wanted))


def _never_nan(node: exp.Expr) -> bool:
    """Known not to be NaN: no FLOAT64, or a number that was written."""
    return kind(node) != "FLOAT64" or written_number(node)


def written_number(node: exp.Expr) -> bool:
    """A finite number that stands in the statement."""
    inner = node
    while isinstance(inner, (exp.Paren, exp.Neg)) or (isinstance(inner, exp.Cast) and isinstance(inner.this, exp.Literal)):
        inner = inner.this
    return isinstance(inner, exp.Literal) and inner.name.strip()[-1:] in set("0123456789.")


def least(node: exp.Least) -> exp.Expr:
    """One NaN makes it NaN."""
    choose(node)
    parts = [node.this, *node.expressions]
    _read_texts(node, parts)
    parts = [node.this, *node.expressions]
    if not any(kind(part) == "FLOAT64" for part in parts) or all(_never_nan(part) for part in parts):
        return node
    made: exp.Expr = node.copy()
    for part in reversed([p for p in parts if not _never_nan(p)]):
        test = exp.Coalesce(this=call("isnan", part.copy()), expressions=[exp.false()])
        made = exp.Case(ifs=[exp.If(this=test, true=_unless_null(parts))], default=made)
    return made


def _unless_null(parts: list[exp.Expr]) -> exp.Expr:
    some: exp.Expr = exp.false()
    for part in parts:
        some = exp.Or(this=some, expression=exp.Is(this=part.copy(), expression=exp.null()))
    return exp.Case(ifs=[exp.If(this=exp.Not(this=exp.paren(some)), true=cast(exp.Literal.string("nan"), "DOUBLE"))])


def smallest(node: exp.Min) -> exp.Expr:
    if kind(node.this) != "FLOAT64":
        return node
    if isinstance(node.parent, exp.Window):
        node.parent.meta["nan"] = node.this
        return node
    return call("bq_min", node.this.copy())


def window(node: exp.Window) -> exp.Expr:
    """One NaN in the frame makes the MIN of it NaN."""
    value = node.meta.pop("nan", None)
    if value is None:
        return rewrite_agg.window(node)
    test = node.copy()
    test.set("this", call("bool_or", call("isnan", value.copy())))
    return exp.Case(ifs=[exp.If(this=test, true=cast(exp.Literal.string("nan"), "DOUBLE"))], default=node.copy())


def ordering(node: exp.Order) -> exp.Expr:
    """NaN comes before every number, after NULL. Source: BigQuery, "Floating point types", ordering."""
    keys: list[exp.Expr] = []
    for key in node.expressions:
        value = _named(node, key.this)
        if kind(value) == "FLOAT64" and not _never_nan(value) and not isinstance(node.parent, exp.SetOperation):
            first = key.copy()
            first.set("this", exp.Case(ifs=[exp.If(this=exp.Is(this=value.copy(), expression=exp.null()), true=exp.null()),
                                            exp.If(this=call("isnan", value.copy()), true=exp.Literal.number(0))],
                                       default=exp.Literal.number(1)))
            keys.append(first)
        keys.append(key.copy())
    if len(keys) == len(node.expressions):
        return node
    made = node.copy()
    made.set("expressions", keys)
    return made


def _named(order: exp.Order, value: exp.Expr) -> exp.Expr:
    """What the key of an ORDER BY stands for. DuckDB takes no alias inside an expression when what it names can raise."""
    select = order.parent
    if not isinstance(select, exp.Select) or not isinstance(value, exp.Column) or value.table:
        return value
    named = [item.this for item in select.expressions if isinstance(item, exp.Alias) and item.alias.lower() == value.name.lower()]
    return named[0] if named else value


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), compare_float),
    **dict.fromkeys((exp.In, exp.Between, exp.Coalesce, exp.Greatest, exp.Nullif), among),
    exp.Least: least, exp.Min: smallest, exp.Window: window, exp.Order: ordering,
}
