"""Numbers as BigQuery computes them."""

from __future__ import annotations

import math
import re

from sqlglot import exp

from flows.warehouse import rewrite_interval, rewrite_nan
from flows.warehouse.bqtypes import NUMERIC
from flows.warehouse.rewrite_nan import written_number
from flows.warehouse.rewrite_time import in_range
from flows.warehouse.trees import MOMENTS, NUMBERS, Rule, call, cast, invalid, kind, refuse


def literal(node: exp.Literal) -> exp.Expr:
    """A whole number is an INT64 where it is computed with; DuckDB takes the smallest type that holds it."""
    wide = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Array, exp.PropertyEQ, exp.Alias, exp.Select, exp.Coalesce, exp.If, exp.IntDiv, exp.Mod)
    if node.is_string or isinstance(node.parent, (exp.DataTypeParam, exp.Interval, exp.TableSample)):
        return node
    if not node.is_int:
        if not math.isfinite(float(node.name)):
            raise invalid(node, f"{node.name[:40]} is no FLOAT64: it is too large")
        return cast(exp.Literal.string(node.name), "DOUBLE")
    if not -2 ** 63 <= int(node.name) <= 2 ** 63:  # the sign stands outside
        raise invalid(node, f"{node.name[:40]} is no INT64: it is out of range", "Write it as NUMERIC '...'")
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
    _no_wide(node, is_a)
    name = "bq_numeric_div" if is_a == "NUMERIC" else "bq_div"
    return call(name, node.this.copy(), node.expression.copy())


def safe_div(node: exp.SafeDivide) -> exp.Expr:
    left, right = node.this.copy(), node.expression.copy()
    is_a = number(node, left, right)
    _no_wide(node, is_a)
    if is_a == "NUMERIC":
        return call("bq_numeric_div", left, call("nullif", right, exp.Literal.number(0)))
    return call("bq_safe_div", left, right)


def _no_wide(node: exp.Expr, is_a: str) -> None:
    """A quotient or product of BIGNUMERIC has digits that are not kept here."""
    if is_a == "BIGNUMERIC":
        raise refuse(node, f"{node.key.upper()} of BIGNUMERIC, which has 38 digits after the point, is not offered by the local warehouse",
                     "Cast to NUMERIC")


def int_div(node: exp.IntDiv) -> exp.Expr:
    """DIV."""
    is_a = number(node, node.this, node.expression)
    if is_a in ("FLOAT64", "BIGNUMERIC"):
        raise (invalid if is_a == "FLOAT64" else refuse)(node, f"DIV of {is_a} is not offered", "Use DIV of INT64 or NUMERIC")
    if is_a == "NUMERIC":
        return call("bq_numeric_int_div", node.this.copy(), node.expression.copy())
    return call("bq_int_div", cast(node.this.copy(), "BIGINT"), cast(node.expression.copy(), "BIGINT"))


def mod(node: exp.Mod) -> exp.Expr:
    is_a = number(node, node.this, node.expression)
    if is_a == "FLOAT64":
        raise invalid(node, "MOD of FLOAT64 does not exist", "Cast to NUMERIC")
    made = call("bq_mod", node.this.copy(), node.expression.copy())
    return cast(made, NUMERIC) if is_a == "NUMERIC" else made


def arithmetic(node: exp.Add | exp.Sub | exp.Mul) -> exp.Expr:
    """Numbers; dates and whole days; dates, times and intervals."""
    left, right = kind(node.this), kind(node.expression)
    if left in MOMENTS or right in MOMENTS:
        return _dated(node, left, right)
    if "INTERVAL" in (left, right):
        if {left, right} - {"INTERVAL", "INT64"} or (isinstance(node, exp.Mul) == (left == right)):
            raise invalid(node, f"{left} and {right} do not go together in {node.sql(dialect='bigquery')[:60]}")
        return node
    is_a = number(node, node.this, node.expression)
    if isinstance(node, exp.Mul) and "INT64" not in (left, right):
        _no_wide(node, is_a)
    if is_a == "NUMERIC" and isinstance(node, exp.Mul):
        return cast(exp.paren(node.copy()), NUMERIC)
    return _finite(node) if is_a == "FLOAT64" else node


def _dated(node: exp.Add | exp.Sub | exp.Mul, left: str, right: str) -> exp.Expr:
    """DATE + days, a date or time + INTERVAL, the INTERVAL between two. Source: BigQuery, "Operators"."""
    if left == right and isinstance(node, exp.Sub):
        return rewrite_interval.between(node, left)
    pair = {left, right}
    moment, other = (left, right) if left in MOMENTS else (right, left)
    if isinstance(node, exp.Mul) or (isinstance(node, exp.Sub) and left not in MOMENTS) or other not in ("INT64", "INTERVAL") \
            or (other == "INT64" and moment != "DATE"):
        raise invalid(node, f"{' and '.join(sorted(pair))} do not go together in {node.sql(dialect='bigquery')[:60]}", "Cast one of them")
    made = node.copy()
    for key, is_a in (("this", left), ("expression", right)):
        if is_a == "INT64":
            made.set(key, cast(made.args[key], "INTEGER"))
        if is_a == "INTERVAL" and moment == "TIMESTAMP":
            made.set(key, call("bq_no_months", made.args[key]))
    if other == "INT64":
        return in_range(cast(exp.paren(made), "DATE"), "DATE")
    result = in_range(exp.paren(made), "DATETIME" if moment == "DATE" else moment)
    result.type = exp.DataType.build("DATETIME", dialect="bigquery") if moment == "DATE" else node.type  # sqlglot says DATE
    return result


def _finite(node: exp.Add | exp.Sub | exp.Mul) -> exp.Expr:
    """FLOAT64: what is not finite of finite numbers stops the statement. Asked once, at the top of a sum or product."""
    above = node.parent
    while isinstance(above, (exp.Paren, exp.Neg)):
        above = above.parent
    if isinstance(above, (exp.Add, exp.Sub, exp.Mul)):
        return node
    leaves, queue = list[exp.Expr](), [node.this, node.expression]
    while queue:
        here = queue.pop()
        if isinstance(here, (exp.Add, exp.Sub, exp.Mul, exp.Paren, exp.Neg)):
            queue += [part for part in (here.this, here.args.get("expression")) if part is not None]
        elif kind(here) == "FLOAT64" and not written_number(here):
            leaves.append(here)
    if any(leaf.find(exp.Subquery, exp.Window, exp.AggFunc) for leaf in leaves):
        return node
    if not leaves and node.find(exp.Mul) is None and not any(abs(float(n.name)) > 1e300 for n in node.find_all(exp.Literal)):
        return node
    fine: exp.Expr = exp.true()
    for leaf in leaves:
        fine = exp.And(this=fine, expression=call("isfinite", cast(leaf.copy(), "DOUBLE")))
    return call("bq_no_overflow", cast(exp.paren(node.copy()), "DOUBLE"), exp.paren(fine))


def safe_arithmetic(node: exp.SafeAdd | exp.SafeSubtract | exp.SafeMultiply) -> exp.Expr:
    """NULL instead of an overflow."""
    made = {exp.SafeAdd: exp.Add, exp.SafeSubtract: exp.Sub, exp.SafeMultiply: exp.Mul}[type(node)]
    is_a = number(node, node.this, node.expression)
    if is_a == "INT64":
        wide = [cast(side.copy(), "HUGEINT") for side in (node.this, node.expression)]
        return exp.TryCast(this=exp.paren(made(this=wide[0], expression=wide[1])), to=exp.DataType.build("BIGINT", dialect="duckdb"))
    sides = [exp.paren(cast(side.copy(), NUMERIC) if is_a == "NUMERIC" else side.copy()) for side in (node.this, node.expression)]
    result = call("try", made(this=sides[0], expression=sides[1]))
    return exp.TryCast(this=result, to=exp.DataType.build(NUMERIC, dialect="duckdb")) if is_a == "NUMERIC" else result


def whole(node: exp.Ceil | exp.Floor) -> exp.Expr:
    """Of an INT64 a FLOAT64, as on BigQuery."""
    is_a = number(node, node.this)
    if node.args.get("decimals") is not None:
        raise invalid(node, f"{node.key.upper()} takes one argument")
    return cast(node.copy(), "DOUBLE") if is_a == "INT64" else cast(node.copy(), NUMERIC) if is_a == "NUMERIC" else node


def domain(node: exp.Ln | exp.Sqrt | exp.Exp | exp.Pow | exp.Log) -> exp.Expr:
    if number(node, *(side for side in (node.this, node.args.get("expression")) if side is not None)) in ("NUMERIC", "BIGNUMERIC"):
        raise refuse(node, f"{node.key.upper()} of NUMERIC, which gives NUMERIC, is not offered by the local warehouse",
                     "Cast the argument to FLOAT64")
    return call("bq_finite", cast(node.copy(), "DOUBLE"), f"{node.key.upper()} out of its domain")


def round_(node: exp.Round) -> exp.Expr:
    """ROUND: half away from zero, or half to even where a mode says so. INT64 becomes FLOAT64."""
    is_a, mode = number(node, node.this), node.args.get("truncate")
    digits, value = _digits(node), node.this.copy()
    if mode is not None:
        name = mode.name.upper() if isinstance(mode, exp.Literal) else ""
        if is_a != "NUMERIC" or name not in ("ROUND_HALF_EVEN", "ROUND_HALF_AWAY_FROM_ZERO") or digits is None:
            raise refuse(node, f"ROUND of {is_a or 'a value of unknown type'} with a mode that is not a literal is not offered here",
                         "Use NUMERIC with 'ROUND_HALF_EVEN' or 'ROUND_HALF_AWAY_FROM_ZERO'")
        if name == "ROUND_HALF_EVEN":
            return call("bq_round_even", value, _step(digits)) if digits < 9 else value
    if is_a == "NUMERIC":
        made = call("round", value, *([cast(node.args["decimals"].copy(), "INTEGER")] if node.args.get("decimals") is not None else []))
        return cast(made, NUMERIC)
    return _float_digits(node, "round", value, digits)


def trunc(node: exp.Trunc) -> exp.Expr:
    """TRUNC."""
    is_a, digits, value = number(node, node.this), _digits(node), node.this.copy()
    if is_a == "NUMERIC":
        if digits is None:
            raise refuse(node, "TRUNC of NUMERIC takes a literal number of digits here")
        return call("bq_numeric_trunc", value, _step(digits)) if digits < 9 else value
    return _float_digits(node, "trunc", value, digits)


def _digits(node: exp.Round | exp.Trunc) -> int | None:
    """The literal second argument, 0 without one, None when it is no literal."""
    given = node.args.get("decimals")
    if given is None:
        return 0
    inner, sign = (given.this, -1) if isinstance(given, exp.Neg) else (given, 1)
    while isinstance(inner, (exp.Cast, exp.Paren)):
        inner = inner.this
    return sign * int(inner.name) if isinstance(inner, exp.Literal) and re.fullmatch(r"-?\d{1,4}", inner.name) else None


def _step(digits: int) -> exp.Expr:
    """The unit that is kept, in billionths."""
    return cast(exp.Literal.string(str(10 ** min(9 - digits, 37))), "HUGEINT")


def _float_digits(node: exp.Expr, name: str, value: exp.Expr, digits: int | None) -> exp.Expr:
    """Rounding or cutting a FLOAT64 at a digit, judged by its exact value."""
    value = cast(value, "DOUBLE")
    if digits is None:
        raise refuse(node, f"{name.upper()} takes a literal number of digits here")
    if digits == 0:
        return call(name, value)
    if digits > 22:
        return value
    if digits < -300:
        return exp.Mul(this=value, expression=exp.Literal.number(0))
    power = cast(exp.Literal.string(f"1e{abs(digits)}"), "DOUBLE")
    return call(f"bq_{name}" if digits > 0 else f"bq_{name}_tens", value, power)


def sign(node: exp.Sign) -> exp.Expr:
    """Of the type of its argument."""
    is_a = number(node, node.this)
    if is_a == "FLOAT64":
        return call("bq_sign", node.this.copy())
    return cast(call("sign", node.this.copy()), NUMERIC if is_a == "NUMERIC" else "BIGINT") if is_a in ("INT64", "NUMERIC") else node


def negative(node: exp.Neg) -> exp.Expr:
    """- of a number or an interval."""
    if kind(node.this) in (*MOMENTS, "RANGE"):
        raise invalid(node, f"- does not take {kind(node.this)}")
    number(node, node.this)
    return node


def random(node: exp.Rand) -> exp.Expr:
    if node.this is not None or node.expressions:
        raise invalid(node, "RAND takes no argument")
    return node


def no_pi(node: exp.Pi) -> exp.Expr:
    raise invalid(node, "there is no function PI", "Use ACOS(-1)")


def negated(node: exp.SafeNegate) -> exp.Expr:
    if number(node, node.this) != "INT64":
        return exp.Neg(this=exp.paren(node.this.copy()))  # nothing else overflows
    return exp.TryCast(this=exp.Neg(this=exp.paren(cast(node.this.copy(), "HUGEINT"))), to=exp.DataType.build("BIGINT", dialect="duckdb"))


def shift(node: exp.BitwiseLeftShift | exp.BitwiseRightShift) -> exp.Expr:
    """Bits go round nothing: 0 comes in, and 64 or more give 0. Source: BigQuery, bitwise operators."""
    if kind(node.this) != "INT64" or kind(node.expression) != "INT64":
        raise refuse(node, f"a shift of {kind(node.this) or 'a value of unknown type'} is not offered by the local warehouse")
    return call("bq_shl" if isinstance(node, exp.BitwiseLeftShift) else "bq_shr", cast(node.this.copy(), "BIGINT"),
                cast(node.expression.copy(), "BIGINT"))


def bits(node: exp.BitwiseAnd | exp.BitwiseOr | exp.BitwiseXor | exp.BitwiseNot) -> exp.Expr:
    for side in (node.this, node.args.get("expression")):
        if side is not None and kind(side) != "INT64" and not isinstance(side, exp.Null):
            raise (refuse if kind(side) in ("BYTES", "") else invalid)(node, f"bits of {kind(side) or 'a value of unknown type'}")
    if isinstance(node, exp.BitwiseXor):
        return call("xor", cast(node.this.copy(), "BIGINT"), cast(node.expression.copy(), "BIGINT"))
    return node


def bit_count(node: exp.BitwiseCount) -> exp.Expr:
    if kind(node.this) != "INT64":
        raise refuse(node, f"BIT_COUNT of {kind(node.this) or 'a value of unknown type'} is not offered by the local warehouse")
    return cast(call("bit_count", cast(node.this.copy(), "BIGINT")), "BIGINT")


def angle(node: exp.Func) -> exp.Expr:
    """Trigonometric functions: FLOAT64, an error out of their domain."""
    value = cast(node.this.copy(), "DOUBLE")
    if number(node, node.this) not in ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"):
        raise refuse(node, f"{node.key.upper()} of a value of unknown type is not offered by the local warehouse")
    name = node.key.lower()
    inverse = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}.get(name)
    if inverse:
        return call("bq_reciprocal", call(inverse, value), name.upper())
    if name == "cbrt":
        return call("cbrt", value)
    made = call(name, value, *([cast(node.expression.copy(), "DOUBLE")] if name == "atan2" else []))
    limited = name in ("acos", "asin", "acosh", "atanh", "sinh", "cosh")
    return call("bq_finite", made, f"{name.upper()} out of its domain") if limited else made


def parse_numeric(node: exp.ParseNumeric) -> exp.Expr:
    return call("bq_parse_numeric", node.this.copy())


def bucket(node: exp.RangeBucket) -> exp.Expr:
    return call("bq_range_bucket", node.this.copy(), node.expression.copy())


RULES: dict[type[exp.Expr], Rule] = {
    **rewrite_nan.RULES,
    exp.Literal: literal, exp.Div: div, exp.SafeDivide: safe_div, exp.IntDiv: int_div, exp.Mod: mod, exp.Round: round_, exp.Trunc: trunc,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), arithmetic),
    **dict.fromkeys((exp.SafeAdd, exp.SafeSubtract, exp.SafeMultiply), safe_arithmetic),
    **dict.fromkeys((exp.Ceil, exp.Floor), whole),
    **dict.fromkeys((exp.Ln, exp.Sqrt, exp.Exp, exp.Pow, exp.Log), domain),
    **dict.fromkeys((exp.Sin, exp.Cos, exp.Tan, exp.Asin, exp.Acos, exp.Atan, exp.Atan2, exp.Sinh, exp.Cosh, exp.Tanh, exp.Asinh, exp.Acosh,
                     exp.Atanh, exp.Sec, exp.Csc, exp.Cot, exp.Sech, exp.Csch, exp.Coth, exp.Cbrt), angle),
    **dict.fromkeys((exp.BitwiseLeftShift, exp.BitwiseRightShift), shift),
    **dict.fromkeys((exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot), bits),
    exp.Neg: negative, exp.Rand: random, exp.Pi: no_pi,
    exp.BitwiseCount: bit_count, exp.Sign: sign, exp.SafeNegate: negated, exp.ParseNumeric: parse_numeric, exp.RangeBucket: bucket,
}
