"""Aggregates and windows as BigQuery means them."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse.bqtypes import NUMERIC
from flows.warehouse.trees import Rule, call, cast, invalid, kind, refuse

ORDERED = (exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead)
"""Window functions that BigQuery takes with an ORDER BY only."""
ONLY_OVER = (*ORDERED, exp.RowNumber, exp.FirstValue, exp.LastValue, exp.NthValue, exp.PercentileCont, exp.PercentileDisc)
MOST = 100_000  # APPROX_QUANTILES, APPROX_TOP_COUNT: the largest second argument


def total(node: exp.Sum) -> exp.Expr:
    """SUM of INT64 is an INT64: DuckDB's HUGEINT would become a DOUBLE in Parquet."""
    _number(node)
    return _outside(node, "BIGINT") if kind(node.this) == "INT64" or kind(node) == "INT64" else node


def counted_if(node: exp.CountIf) -> exp.Expr:
    """0 where there are no rows."""
    value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if kind(value) not in ("BOOL", "") and not isinstance(value, exp.Null):
        raise invalid(node, f"COUNTIF takes BOOL, not {kind(value)}")
    if isinstance(node.this, exp.Distinct):
        raise refuse(node, "COUNTIF with DISTINCT is not offered by the local warehouse")
    return exp.Count(this=call("nullif", value.copy(), exp.false()))


def _number(node: exp.Sum | exp.Avg) -> None:
    value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if kind(value) not in ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64", "INTERVAL", "") and not isinstance(value, exp.Null):
        raise invalid(node, f"{node.key.upper()} does not take {kind(value)}", "Cast it first")


def average(node: exp.Avg) -> exp.Expr:
    _number(node)
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


# -------------------------------------------------------------------- windows
def window(node: exp.Window | exp.Filter) -> exp.Expr:
    to = node.meta.pop("cast", None)
    inner = node.this.this if isinstance(node.this, (exp.IgnoreNulls, exp.RespectNulls)) else node.this
    named = node.args.get("alias") is not None
    if isinstance(node, exp.Window) and isinstance(inner, ORDERED) and not node.args.get("order") and not named:
        raise invalid(node, f"{inner.key.upper()} needs an ORDER BY in its OVER")
    if any(kind(part) in ("FLOAT64", "JSON", "ARRAY") for part in node.args.get("partition_by") or []):
        raise invalid(node, "PARTITION BY takes no values of type FLOAT64, JSON or ARRAY", "Cast them to STRING")
    if isinstance(inner.args.get("this"), exp.Distinct) and (node.args.get("order") or node.args.get("spec")):
        raise invalid(node, "DISTINCT in an aggregate and ORDER BY in its OVER do not go together")
    return cast(node.copy(), to) if to else node


def only_over(node: exp.Expr) -> exp.Expr:
    """Functions that stand before OVER only; an offset is not below 0."""
    holder = node.parent.parent if isinstance(node.parent, (exp.IgnoreNulls, exp.RespectNulls)) else node.parent
    if not isinstance(holder, exp.Window):
        raise invalid(node, f"{node.sql(dialect='bigquery').partition('(')[0]} needs an OVER")
    if isinstance(node, (exp.PercentileCont, exp.PercentileDisc)) and isinstance(node.parent, exp.RespectNulls):
        raise refuse(node, f"{node.key.upper()} with RESPECT NULLS is not offered by the local warehouse")
    offset = node.args.get("offset")
    if isinstance(offset, exp.Cast):
        offset = offset.this
    if isinstance(offset, exp.Neg) or (isinstance(node, exp.NthValue) and isinstance(offset, exp.Literal) and offset.name == "0"):
        raise invalid(node, f"the offset of {node.key.upper()} is too small")
    return node


# -------------------------------------------------------------------- into arrays and texts
def collect(node: exp.ArrayAgg) -> exp.Expr:
    """ARRAY_AGG with IGNORE NULLS, ORDER BY and LIMIT."""
    return _collected(node, ignore=False)


def nulls(node: exp.IgnoreNulls | exp.RespectNulls) -> exp.Expr:
    inner = node.this
    if isinstance(inner, exp.ArrayAgg):
        return _collected(inner, ignore=isinstance(node, exp.IgnoreNulls))
    if isinstance(inner, exp.ApproxQuantiles):
        return _quantiles(inner, with_nulls=isinstance(node, exp.RespectNulls))
    if isinstance(inner, (exp.FirstValue, exp.LastValue, exp.NthValue, exp.PercentileCont, exp.PercentileDisc, exp.Lag, exp.Lead)):
        return node if not isinstance(inner, (exp.PercentileCont, exp.PercentileDisc)) else inner.copy()
    if isinstance(inner, exp.Cast):  # an aggregate that already has its cast around it
        return inner.copy()
    raise refuse(node, f"{inner.key.upper()} with IGNORE or RESPECT NULLS is not offered by the local warehouse")


def _parts(node: exp.Expr) -> tuple[exp.Expr, exp.Expr, exp.Expr | None]:
    """(value, all with DISTINCT and ORDER BY, LIMIT) of an aggregate."""
    inner, limit = node.this, None
    if isinstance(inner, exp.Limit):
        inner, limit = inner.this, inner.expression
    value = inner.this if isinstance(inner, exp.Order) else inner
    value = value.expressions[0] if isinstance(value, exp.Distinct) else value
    holder = node.parent.parent if isinstance(node.parent, (exp.IgnoreNulls, exp.RespectNulls)) else node.parent
    if isinstance(holder, exp.Window) and (limit is not None or isinstance(inner, exp.Order)):
        raise invalid(node, f"{node.key.upper()} takes no ORDER BY or LIMIT before OVER")
    return value, inner, limit


def _list(inner: exp.Expr, value: exp.Expr, limit: exp.Expr | None, *, skip: bool) -> exp.Expr:
    made: exp.Expr = exp.ArrayAgg(this=inner.copy())
    if skip:
        test = exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))
        made = exp.Filter(this=made, expression=exp.Where(this=test))
    return call("list_slice", made, exp.Literal.number(1), cast(limit.copy(), "BIGINT")) if limit is not None else made


def _collected(node: exp.ArrayAgg, *, ignore: bool) -> exp.Expr:
    if not ignore and isinstance(node.parent, (exp.IgnoreNulls, exp.RespectNulls)):
        return node
    value, inner, limit = _parts(node)
    if kind(value) == "ARRAY":
        raise invalid(node, "ARRAY_AGG takes no arrays: BigQuery has no array of arrays", "Use ARRAY_CONCAT_AGG, or a STRUCT around them")
    return _list(inner, value, limit, skip=ignore)


def flattened(node: exp.ArrayConcatAgg) -> exp.Expr:
    value, inner, limit = _parts(node)
    return call("flatten", _list(inner, value, limit, skip=True))


def joined(node: exp.GroupConcat) -> exp.Expr:
    value, inner, limit = _parts(node)
    if kind(value) not in ("STRING", ""):
        raise (refuse if kind(value) == "BYTES" else invalid)(node, f"STRING_AGG takes STRING here, not {kind(value)}", "Cast it to STRING")
    separator = node.args.get("separator")
    glue = separator.copy() if separator is not None else exp.Literal.string(",")
    if limit is None:
        made = node.copy()
        made.set("separator", glue)
        return made
    return call("array_to_string", _list(inner, value, limit, skip=True), glue)


# -------------------------------------------------------------------- approximate on BigQuery, exact here
def _count(node: exp.Expr, value: exp.Expr | None) -> int:
    while isinstance(value, (exp.Cast, exp.Paren)):
        value = value.this
    if not isinstance(value, exp.Literal) or not value.is_int or not 1 <= int(value.name) <= MOST:
        raise invalid(node, f"{node.sql(dialect='bigquery').partition('(')[0]} takes a literal from 1 to {MOST:,}")
    return int(value.name)


def distinct(node: exp.ApproxDistinct) -> exp.Expr:
    return exp.Count(this=exp.Distinct(expressions=[node.this.copy()]))


def quantiles(node: exp.ApproxQuantiles) -> exp.Expr:
    return node if isinstance(node.parent, (exp.IgnoreNulls, exp.RespectNulls)) else _quantiles(node, with_nulls=False)


def _quantiles(node: exp.ApproxQuantiles, *, with_nulls: bool) -> exp.Expr:
    """The item number n is the smallest value that n of the parts lie at or below."""
    value, number = node.this, node.expression
    once = isinstance(value, exp.Distinct)
    if once:
        value, number = value.expressions[0], value.expressions[1] if len(value.expressions) > 1 else number
    if isinstance(node.parent, exp.Window):
        raise refuse(node, "APPROX_QUANTILES with OVER is not offered by the local warehouse")
    count = _count(node, number)
    inner: exp.Expr = exp.Distinct(expressions=[value.copy()]) if once else value.copy()
    ordered = exp.Order(this=inner, expressions=[exp.Ordered(this=value.copy(), desc=False, nulls_first=True)])
    return call("bq_quantiles", _list(ordered, value, None, skip=not with_nulls), count)


def top(node: exp.ApproxTopK) -> exp.Expr:
    if isinstance(node.parent, exp.Window) or kind(node.this) in ("ARRAY", "STRUCT", "JSON"):
        raise refuse(node, "this APPROX_TOP_COUNT is not offered by the local warehouse")
    held = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier("v"), expression=node.this.copy())])
    return call("bq_top", call("histogram", held), _count(node, node.expression))


def sketch(node: exp.Dot) -> exp.Expr:
    """HLL_COUNT.EXTRACT(HLL_COUNT.INIT(x)) is a count of different values. Raises SqlError for other sketches."""
    call_, inner = node.expression, node.expression.expressions[0] if node.expression.expressions else None
    if call_.name.upper() == "EXTRACT" and isinstance(inner, exp.Dot) and inner.expression.name.upper() == "INIT":
        return exp.Count(this=exp.Distinct(expressions=[inner.expression.expressions[0].copy()]))
    raise refuse(node, f"function HLL_COUNT.{call_.name.upper()} is not offered by the local warehouse: a sketch has other bytes here",
                 "Use APPROX_COUNT_DISTINCT, or HLL_COUNT.EXTRACT(HLL_COUNT.INIT(x))")


def best(node: exp.ArgMax | exp.ArgMin) -> exp.Expr:
    """MAX_BY and MIN_BY: a NULL may be what stands beside the largest."""
    return call("arg_max_null" if isinstance(node, exp.ArgMax) else "arg_min_null", node.this.copy(), node.expression.copy())


def any_value(node: exp.AnyValue) -> exp.Expr:
    having = node.this
    if isinstance(having, exp.Distinct):
        raise invalid(node, "ANY_VALUE takes no DISTINCT")
    if not isinstance(having, exp.HavingMax):
        return node
    return call("arg_max_null" if having.args.get("max") else "arg_min_null", having.this.copy(), having.expression.copy())


def at_most(node: exp.HavingMax) -> exp.Expr:
    if not isinstance(node.parent, exp.AnyValue):
        raise refuse(node, "HAVING MAX and HAVING MIN are offered in ANY_VALUE only", "Find the rows with QUALIFY or a sub-query first")
    return node


def bits(node: exp.BitwiseAndAgg | exp.BitwiseOrAgg | exp.BitwiseXorAgg) -> exp.Expr:
    value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if kind(value) not in ("INT64", ""):
        raise invalid(node, f"{node.sql(dialect='bigquery').partition('(')[0]} takes INT64, not {kind(value)}")
    name = {exp.BitwiseAndAgg: "bit_and", exp.BitwiseOrAgg: "bit_or", exp.BitwiseXorAgg: "bit_xor"}[type(node)]
    return call(name, exp.Distinct(expressions=[value.copy()]) if isinstance(node.this, exp.Distinct) else cast(value.copy(), "BIGINT"))


def every(node: exp.LogicalAnd | exp.LogicalOr) -> exp.Expr:
    value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if kind(value) not in ("BOOL", "") and not isinstance(value, exp.Null):
        raise invalid(node, f"{node.sql(dialect='bigquery').partition('(')[0]} takes BOOL, not {kind(value)}")
    return node


def counted(node: exp.Count) -> exp.Expr:
    if node.this is None:
        raise invalid(node, "COUNT takes * or a value")
    return node


def ordered(node: exp.Ordered) -> exp.Expr:
    if kind(node.this) in ("ARRAY", "STRUCT", "JSON"):
        raise invalid(node, f"rows cannot be sorted by a value of type {kind(node.this)}", "Sort by a part of it")
    return node


def extreme(node: exp.Max | exp.Min) -> exp.Expr:
    if kind(node.this) in ("ARRAY", "STRUCT", "JSON"):
        raise invalid(node, f"{node.key.upper()} does not take values of type {kind(node.this)}")
    return node


def once(node: exp.Distinct) -> exp.Expr:
    """SELECT DISTINCT, and DISTINCT in an aggregate."""
    items = node.parent.expressions if isinstance(node.parent, exp.Select) else node.expressions
    if not isinstance(node.parent, exp.Select) and len(items) > 1 and not isinstance(node.parent, exp.ApproxQuantiles):
        raise invalid(node, "DISTINCT takes one value in an aggregate", "Use a STRUCT of them")
    if any(kind(item) == "JSON" for item in items):
        raise invalid(node, "DISTINCT does not take values of type JSON", "Use TO_JSON_STRING of them")
    return node


def grouped(node: exp.Group) -> exp.Expr:
    for item in node.expressions:
        if kind(item) == "JSON":
            raise invalid(node, "rows cannot be grouped by a value of type JSON", "Group by TO_JSON_STRING of it")
    return node


RULES: dict[type[exp.Expr], Rule] = {
    exp.CountIf: counted_if, exp.Sum: total, exp.Avg: average, exp.Window: window, exp.Filter: window, exp.ArrayAgg: collect,
    exp.IgnoreNulls: nulls,
    exp.RespectNulls: nulls, exp.GroupConcat: joined, exp.ArrayConcatAgg: flattened, exp.ApproxDistinct: distinct,
    exp.ApproxQuantiles: quantiles, exp.ApproxTopK: top, exp.ArgMax: best, exp.ArgMin: best, exp.AnyValue: any_value,
    exp.Ordered: ordered, exp.Group: grouped, exp.Max: extreme, exp.Min: extreme,
    exp.Distinct: once, exp.HavingMax: at_most, exp.LogicalAnd: every, exp.LogicalOr: every, exp.Count: counted,
    **dict.fromkeys(ONLY_OVER, only_over),
    **dict.fromkeys((exp.BitwiseAndAgg, exp.BitwiseOrAgg, exp.BitwiseXorAgg), bits),
}
