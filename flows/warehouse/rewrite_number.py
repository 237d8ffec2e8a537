"""Numbers as BigQuery computes them."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse.bqtypes import NUMERIC
from flows.warehouse.trees import NUMBERS, Rule, call, cast, invalid, kind, refuse


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


RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: literal, exp.Div: div, exp.SafeDivide: safe_div, exp.IntDiv: int_div, exp.Round: round_,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), arithmetic),
    **dict.fromkeys((exp.SafeAdd, exp.SafeSubtract, exp.SafeMultiply), safe_arithmetic),
    **dict.fromkeys((exp.Ceil, exp.Floor, exp.Trunc), whole),
    **dict.fromkeys((exp.Ln, exp.Sqrt, exp.Exp, exp.Pow, exp.Log), domain),
}
