"""Numbers, comparisons, casts and aggregates as BigQuery means them."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse.bqtypes import NUMERIC, duck_name
from flows.warehouse.trees import NUMBERS, Rule, agree, call, cast, invalid, is_text, kind, refuse


# -------------------------------------------------------------------- numbers
def literal(node: exp.Literal) -> exp.Expr:
    """A whole number is an INT64 where it is computed with; DuckDB takes the smallest type that holds it."""
    wide = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Array, exp.PropertyEQ, exp.Alias, exp.Select, exp.Coalesce, exp.If, exp.IntDiv, exp.Mod)
    if node.is_string or isinstance(node.parent, (exp.DataTypeParam, exp.Interval, exp.TableSample)):
        return node
    if not node.is_int:
        return cast(exp.Literal.string(node.name), "DOUBLE")
    return cast(node.copy(), "BIGINT") if isinstance(node.parent, wide) and abs(int(node.name)) < 2 ** 63 else node


def number(node: exp.Expr, *sides: exp.Expr) -> str:
    """The type of the result of arithmetic. Raises SqlError for text and other things that are no numbers."""
    kinds = [kind(side) for side in sides]
    for side, is_a in zip(sides, kinds, strict=True):
        if is_a in ("STRING", "BOOL", "BYTES", "JSON", "ARRAY", "STRUCT"):
            raise invalid(node, f"{side.sql(dialect='bigquery')[:60]} is {is_a}, not a number", "Cast it first")
    return next((n for n in reversed(NUMBERS) if n in kinds), "")


def div(node: exp.Div) -> exp.Expr:
    is_a = number(node, node.this, node.expression)
    name = "bq_numeric_div" if is_a in ("NUMERIC", "BIGNUMERIC") else "bq_div"
    return call(name, node.this.copy(), node.expression.copy())


def safe_div(node: exp.SafeDivide) -> exp.Expr:
    left, right = node.this.copy(), node.expression.copy()
    if number(node, left, right) in ("NUMERIC", "BIGNUMERIC"):
        return call("bq_numeric_div", left, call("nullif", right, exp.Literal.number(0)))
    return call("bq_safe_div", left, right)


def int_div(node: exp.IntDiv) -> exp.Expr:
    if number(node, node.this, node.expression) not in ("INT64", ""):
        raise refuse(node, "DIV of NUMERIC is not offered by the local warehouse")
    return call("bq_int_div", cast(node.this.copy(), "BIGINT"), cast(node.expression.copy(), "BIGINT"))


def arithmetic(node: exp.Add | exp.Sub | exp.Mul) -> exp.Expr:
    left, right = kind(node.this), kind(node.expression)
    moments = ("DATE", "DATETIME", "TIMESTAMP", "TIME")
    if left in moments or right in moments:
        if left in moments and right in moments:
            raise refuse(node, f"{left} - {right} gives an INTERVAL, which is not offered here", "Use DATE_DIFF or TIMESTAMP_DIFF")
        made = node.copy()
        for key, is_a in (("this", left), ("expression", right)):
            if is_a == "INT64":
                made.set(key, cast(made.args[key], "INTEGER"))
        return cast(exp.paren(made), "DATE") if "INTERVAL" not in (left, right) else node
    is_a = number(node, node.this, node.expression) if "INTERVAL" not in (left, right) else ""
    if is_a == "NUMERIC" and isinstance(node, exp.Mul):
        made = node.copy()
        return cast(exp.paren(made), NUMERIC)
    return node


def safe_arithmetic(node: exp.SafeAdd | exp.SafeSubtract | exp.SafeMultiply) -> exp.Expr:
    made = {exp.SafeAdd: exp.Add, exp.SafeSubtract: exp.Sub, exp.SafeMultiply: exp.Mul}[type(node)]
    number(node, node.this, node.expression)
    sides = [cast(side.copy(), "BIGINT") if kind(side) == "INT64" else side.copy() for side in (node.this, node.expression)]
    return call("try", made(this=exp.paren(sides[0]), expression=exp.paren(sides[1])))


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


def whole(node: exp.Ceil | exp.Floor | exp.Trunc) -> exp.Expr:
    """Of an INT64 a FLOAT64, as on BigQuery."""
    return cast(node.copy(), "DOUBLE") if kind(node.this) == "INT64" else node


def domain(node: exp.Ln | exp.Sqrt | exp.Exp | exp.Pow | exp.Log) -> exp.Expr:
    return call("bq_finite", cast(node.copy(), "DOUBLE"), f"{node.key.upper()} out of its domain")


def round_(node: exp.Round) -> exp.Expr:
    if node.args.get("truncate") is not None:
        raise refuse(node, "ROUND with a mode is not offered by the local warehouse")
    digits = node.args.get("decimals")
    made = call("round", node.this.copy(), *([cast(digits.copy(), "INTEGER")] if digits is not None else []))
    return cast(made, NUMERIC) if kind(node.this) == "NUMERIC" else cast(made, "DOUBLE") if kind(node.this) == "INT64" else made


# -------------------------------------------------------------------- casts
def convert(node: exp.Cast | exp.TryCast) -> exp.Expr:
    """CAST and SAFE_CAST."""
    if node.args.get("format") is not None:
        raise refuse(node, "CAST ... FORMAT is not offered by the local warehouse", "Use FORMAT_DATE or PARSE_DATE")
    safe = isinstance(node, exp.TryCast)
    value, was, to = node.this, kind(node.this), node.to
    now = kind(_typed(node.to))
    if was == "STRING" and not (is_text(value) and not safe and now not in ("INT64", "BOOL", "DATE")):
        names = {"INT64": "int", "BOOL": "bool", "DATE": "date"}
        if now in names:
            return call(f"bq_{'safe_' if safe else ''}{names[now]}", value.copy())
    if now == "STRING":
        return to_string(node, value, was)
    if was == "BYTES" or now == "BYTES":
        if {was, now} == {"STRING", "BYTES"}:
            return call("encode", value.copy())
        return node if was == now else _no_cast(node, was, now)
    if was == "JSON" or now == "JSON":
        return node if was == now else _no_cast(node, was, now)
    if was == "FLOAT64" and now == "INT64":
        value = call("round", value.copy())
    made = exp.TryCast if safe else exp.Cast
    if to.expressions and now in ("NUMERIC", "STRING", "BYTES"):
        if now != "NUMERIC":
            raise refuse(node, f"a {now} of a fixed length is not offered by the local warehouse", f"Use {now}")
        digits = [int(p.name) for p in to.expressions]
        size = f"DECIMAL({digits[0]},{digits[1] if len(digits) > 1 else 0})"
        value = made(this=value.copy(), to=exp.DataType.build(size, dialect="duckdb"))
    if was == "DATETIME" and now == "TIMESTAMP":
        return call("timezone", "UTC", value.copy())
    if was == "TIMESTAMP" and now in ("DATETIME", "DATE", "TIME"):
        return made(this=call("timezone", "UTC", value.copy()), to=exp.DataType.build(duck_name(to), dialect="duckdb"))
    return made(this=value.copy(), to=exp.DataType.build(duck_name(to), dialect="duckdb"))


def _typed(to: exp.DataType) -> exp.Expr:
    node = exp.Null()
    node.type = to
    return node


def _no_cast(node: exp.Expr, was: str, now: str) -> exp.Expr:
    raise refuse(node, f"CAST from {was or 'this'} to {now} is not offered by the local warehouse")


def to_string(node: exp.Expr, value: exp.Expr, was: str) -> exp.Expr:
    if was == "NUMERIC":
        return call("bq_numeric_text", value.copy())
    if was == "BYTES":
        return call("decode", value.copy())
    if was in ("STRING", "INT64", "BOOL", "DATE", "TIME", "DATETIME", "TIMESTAMP"):
        return cast(value.copy(), "VARCHAR")
    raise refuse(node, f"a {was or 'value of unknown type'} as text is not offered by the local warehouse",
                 "Cast it to NUMERIC first" if was == "FLOAT64" else "")


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
    exp.Literal: literal, exp.Div: div, exp.SafeDivide: safe_div, exp.IntDiv: int_div, exp.Round: round_,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), arithmetic),
    **dict.fromkeys((exp.SafeAdd, exp.SafeSubtract, exp.SafeMultiply), safe_arithmetic),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), compare),
    **dict.fromkeys((exp.If, exp.Case, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.In, exp.Between), choose),
    **dict.fromkeys((exp.Where, exp.Having, exp.Qualify, exp.And, exp.Or, exp.Not), truth),
    **dict.fromkeys((exp.Ceil, exp.Floor, exp.Trunc), whole),
    **dict.fromkeys((exp.Ln, exp.Sqrt, exp.Exp, exp.Pow, exp.Log), domain),
    exp.Cast: convert, exp.TryCast: convert, exp.Sum: total, exp.Avg: average, exp.Window: window, exp.Filter: window,
    exp.ArrayAgg: collect, exp.IgnoreNulls: ignoring, exp.GroupConcat: joined,
}
