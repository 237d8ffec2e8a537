"""Comparisons, conditions and aggregates as BigQuery means them."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse.bqtypes import NUMERIC
from flows.warehouse.trees import NUMBERS, Rule, agree, call, cast, invalid, is_text, kind


def compare(node: exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE) -> exp.Expr:
    """BigQuery compares values of one kind only."""
    left, right = kind(node.this), kind(node.expression)
    if left == right and left in ("ARRAY", "JSON"):
        raise invalid(node, f"values of type {left} cannot be compared", "Compare TO_JSON_STRING of both, or their items")
    if not left or not right or left == right or (left in NUMBERS and right in NUMBERS):
        return node
    if {left, right} == {"DATE", "DATETIME"}:
        return node
    texts = [side for side in (node.this, node.expression) if is_text(side)]
    if texts and {left, right} & {"DATE", "DATETIME", "TIMESTAMP", "TIME", "BYTES"}:
        return node
    if isinstance(node.this, exp.Null) or isinstance(node.expression, exp.Null):
        return node
    raise invalid(node, f"{left} and {right} cannot be compared: {node.sql(dialect='bigquery')[:80]}", "Cast one of them")


def choose(node: exp.Expr) -> exp.Expr:
    """IF, CASE, COALESCE, NULLIF, GREATEST, LEAST, IN and BETWEEN take values of one type."""
    if isinstance(node, exp.Case):
        branches = [when.args["true"] for when in node.args["ifs"]] + ([node.args["default"]] if node.args.get("default") else [])
    elif isinstance(node, exp.If):
        if isinstance(node.parent, exp.Case):
            return node
        branches = [part for part in (node.args.get("true"), node.args.get("false")) if part is not None]
    elif isinstance(node, exp.Between):
        branches = [node.this, node.args["low"], node.args["high"]]
    elif isinstance(node, exp.Nullif):
        branches = [node.this, node.expression]
    else:
        branches = [node.this, *node.expressions]
    agree(node, branches)
    return node


def truth(node: exp.Where | exp.Having | exp.Qualify | exp.And | exp.Or | exp.Not) -> exp.Expr:
    """Conditions are BOOL: DuckDB takes numbers and text as well."""
    for side in (node.this, node.args.get("expression")):
        if side is not None and kind(side) not in ("BOOL", "") and not isinstance(side, exp.Null):
            raise invalid(node, f"{side.sql(dialect='bigquery')[:60]} is {kind(side)}, not a condition")
    return node


# -------------------------------------------------------------------- aggregates
def total(node: exp.Sum) -> exp.Expr:
    """SUM of INT64 is an INT64: DuckDB's HUGEINT would become a DOUBLE in Parquet."""
    return _outside(node, "BIGINT") if kind(node.this) == "INT64" or kind(node) == "INT64" else node


def average(node: exp.Avg) -> exp.Expr:
    if kind(node.this) != "NUMERIC":
        return node
    if isinstance(node.parent, (exp.Window, exp.Filter)):
        return _outside(node, NUMERIC)
    counted = node.this.copy()
    inner = counted.expressions[0] if isinstance(counted, exp.Distinct) else counted
    return call("bq_numeric_div", exp.Sum(this=node.this.copy()), call("nullif", exp.Count(this=counted), exp.Literal.number(0))) \
        if inner is counted else _outside(node, NUMERIC)


def _outside(node: exp.Expr, to: str) -> exp.Expr:
    """A cast of an aggregate stands around its window."""
    if isinstance(node.parent, (exp.Window, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        node.parent.meta["cast"] = to
        return node
    return cast(node.copy(), to)


def window(node: exp.Window | exp.Filter) -> exp.Expr:
    to = node.meta.pop("cast", None)
    return cast(node.copy(), to) if to else node


def collect(node: exp.ArrayAgg) -> exp.Expr:
    """ARRAY_AGG with IGNORE NULLS, ORDER BY and LIMIT."""
    return _collected(node, ignore=False)


def ignoring(node: exp.IgnoreNulls) -> exp.Expr:
    return _collected(node.this, ignore=True) if isinstance(node.this, exp.ArrayAgg) else node


def _collected(node: exp.ArrayAgg, *, ignore: bool) -> exp.Expr:
    if not ignore and isinstance(node.parent, exp.IgnoreNulls):
        return node
    inner, limit = node.this, None
    if isinstance(inner, exp.Limit):
        inner, limit = inner.this, inner.expression
    made: exp.Expr = exp.ArrayAgg(this=inner.copy())
    if ignore:
        value = inner.this if isinstance(inner, exp.Order) else inner
        value = value.expressions[0] if isinstance(value, exp.Distinct) else value
        test = exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))
        made = exp.Filter(this=made, expression=exp.Where(this=test))
    return call("list_slice", made, exp.Literal.number(1), cast(limit.copy(), "BIGINT")) if limit is not None else made


def joined(node: exp.GroupConcat) -> exp.Expr:
    inner, limit, order = node.this, None, ""
    if isinstance(inner, exp.Limit):
        inner, limit = inner.this, inner.expression
    separator = node.args.get("separator")
    glue = separator.copy() if separator is not None else exp.Literal.string(",")
    if limit is None:
        made = node.copy()
        made.set("separator", glue)
        return made
    del order
    value = inner.this if isinstance(inner, exp.Order) else inner
    test = exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))
    rows = exp.Filter(this=exp.ArrayAgg(this=inner.copy()), expression=exp.Where(this=test))
    return call("array_to_string", call("list_slice", rows, exp.Literal.number(1), cast(limit.copy(), "BIGINT")), glue)


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), compare),
    **dict.fromkeys((exp.If, exp.Case, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.In, exp.Between), choose),
    **dict.fromkeys((exp.Where, exp.Having, exp.Qualify, exp.And, exp.Or, exp.Not), truth),
    exp.Sum: total, exp.Avg: average, exp.Window: window, exp.Filter: window,
    exp.ArrayAgg: collect, exp.IgnoreNulls: ignoring, exp.GroupConcat: joined,
}
