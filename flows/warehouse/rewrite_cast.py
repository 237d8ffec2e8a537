"""CAST and SAFE_CAST as BigQuery means them. Source: BigQuery, "Conversion rules" and "Conversion functions"."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from flows.warehouse import macros
from flows.warehouse.bqtypes import NUMERIC, duck_name
from flows.warehouse.macros_number import FLOAT, NUMBER, WHOLE
from flows.warehouse.moments import read
from flows.warehouse.rewrite_format import cast_format
from flows.warehouse.rewrite_time import DUCK_TYPES, constant, universal
from flows.warehouse.trees import Rule, call, cast, invalid, is_text, kind, refuse

_NUMBERS = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64")
TARGETS = {
    "INT64": ("BOOL", *_NUMBERS, "STRING"), "NUMERIC": (*_NUMBERS, "STRING"), "BIGNUMERIC": (*_NUMBERS, "STRING"),
    "FLOAT64": (*_NUMBERS, "STRING"), "BOOL": ("BOOL", "INT64", "STRING"), "BYTES": ("BYTES", "STRING"),
    "STRING": ("BOOL", *_NUMBERS, "STRING", "BYTES", "DATE", "DATETIME", "TIME", "TIMESTAMP", "INTERVAL", "RANGE"),
    "DATE": ("DATE", "DATETIME", "TIMESTAMP", "STRING"), "DATETIME": ("DATE", "DATETIME", "TIME", "TIMESTAMP", "STRING"),
    "TIME": ("TIME", "STRING"), "TIMESTAMP": ("DATE", "DATETIME", "TIME", "TIMESTAMP", "STRING"), "JSON": ("JSON",),
    "ARRAY": ("ARRAY",), "STRUCT": ("STRUCT",), "INTERVAL": ("INTERVAL", "STRING"),
}
"""What a type may be cast to."""
READ = {"INT64": "int", "BOOL": "bool", "DATE": "date", "FLOAT64": "float", "NUMERIC": "numeric", "BIGNUMERIC": "bignumeric",
        "DATETIME": "datetime", "TIME": "time", "TIMESTAMP": "timestamp"}
"""Macros that read a text as strictly as BigQuery does."""
WRITTEN = {"INT64": WHOLE, "FLOAT64": FLOAT.replace("(?i:", "(?:"), "NUMERIC": NUMBER, "BIGNUMERIC": NUMBER}
"""Literals that DuckDB reads to the same number."""


def convert(node: exp.Cast | exp.TryCast) -> exp.Expr:
    """CAST and SAFE_CAST."""
    if node.args.get("format") is not None:
        return cast_format(node)
    if any(n.this == exp.DataType.Type.RANGE for n in node.to.find_all(exp.DataType)):
        raise refuse(node, "a RANGE is not offered by the local warehouse", "Keep its two ends in columns of their own")
    safe, value, was, now = isinstance(node, exp.TryCast), node.this, kind(node.this), kind(_typed(node.to))
    if was in TARGETS and now and now not in TARGETS[was] and not isinstance(value, exp.Null):
        raise invalid(node, f"a {was} cannot be cast to {now}")
    made = _converted(node, value, was, now, safe)
    return _sized(node, made, now)


def _converted(node: exp.Cast | exp.TryCast, value: exp.Expr, was: str, now: str, safe: bool) -> exp.Expr:
    to = exp.DataType.build(duck_name(_plain(node.to)), dialect="duckdb")
    plain = (exp.TryCast if safe else exp.Cast)(this=value.copy(), to=to)
    if was == now and was not in ("ARRAY", "STRUCT", "NUMERIC", "INTERVAL"):
        return cast(value.copy(), to.sql(dialect="duckdb")) if isinstance(value, exp.Literal) else value.copy()
    if is_text(value) and now in DUCK_TYPES:
        if safe and read(value.name, now) is None:
            return cast(exp.null(), DUCK_TYPES[now])
        return constant(value, now)
    if is_text(value) and now == "BIGNUMERIC" and not _kept(value.name):
        raise refuse(node, "a BIGNUMERIC has 20 digits before and 18 after the point here", "Use NUMERIC or FLOAT64")
    if is_text(value) and now in WRITTEN and re.fullmatch(WRITTEN[now], value.name):
        return (exp.TryCast if safe else exp.Cast)(this=exp.Literal.string(value.name.strip(" \t\n\v\f\r")), to=to)
    if was == "STRING" and now in READ:
        return call(f"bq_{'safe_' if safe else ''}{READ[now]}", value.copy())
    if now == "STRING":
        made = to_string(node, value, was)
        return call("try", made) if safe and was == "BYTES" else made
    if now == "BYTES":
        return call("encode", value.copy())
    if was == "FLOAT64" and now == "INT64":
        plain.set("this", call("round", value.copy()))
    if was == "FLOAT64" and now == "NUMERIC":
        return call(f"bq_float_numeric{macros.OR_NULL if safe else ''}", value.copy())
    if was == "DATETIME" and now == "TIMESTAMP":
        return universal(node, value.copy(), None)
    if was == "TIMESTAMP" and now in ("DATETIME", "DATE", "TIME"):
        plain.set("this", call("timezone", "UTC", value.copy()))
    if was == now == "INTERVAL":
        return value.copy()
    if was == "STRING" and now == "INTERVAL":
        raise refuse(node, "CAST of STRING to INTERVAL is not offered by the local warehouse", "Write INTERVAL '...' YEAR TO SECOND")
    if was in ("ARRAY", "STRUCT") and not isinstance(value, (exp.Array, exp.Struct)) and _inner_changes(value, node.to):
        raise refuse(node, f"CAST of {was} to other types inside is not offered by the local warehouse", "Cast its parts")
    return plain


def _kept(text: str) -> bool:
    """A number whose digits all find room, or no number at all."""
    try:
        made = Decimal(text.strip())
    except InvalidOperation:
        return True
    return not made.is_finite() or (abs(made) < 10 ** 20 and made == round(made, 18))


def _inner_changes(value: exp.Expr, to: exp.DataType) -> bool:
    """Something inside changes its type in another way than DuckDB would do it."""
    before = [kind(_typed(t)) for t in (value.type.find_all(exp.DataType) if value.type is not None else ())]
    after = [kind(_typed(t)) for t in to.find_all(exp.DataType)]
    return len(before) != len(after) or any(b != a and not (b == "INT64" and a in _NUMBERS) for b, a in zip(before, after, strict=True))


def _plain(to: exp.DataType) -> exp.DataType:
    """The type without its sizes."""
    made = to.copy()
    for part in list(made.find_all(exp.DataTypeParam)):
        part.pop()
    return made


def _sized(node: exp.Cast | exp.TryCast, made: exp.Expr, now: str) -> exp.Expr:
    """NUMERIC(p, s) rounds to its scale and has a limit; STRING(n) and BYTES(n) have a limit. Source: BigQuery, parameterized types."""
    sizes = [int(p.name) for p in node.to.expressions if isinstance(p, exp.DataTypeParam)]
    safe = isinstance(node, exp.TryCast)
    if not sizes:
        if node.to.find(exp.DataTypeParam) is not None:
            raise refuse(node, "a size inside of a type is not offered by the local warehouse")
        return made
    if now == "NUMERIC":
        sized = (exp.TryCast if safe else exp.Cast)(this=made, to=exp.DataType.build(
            f"DECIMAL({sizes[0]},{sizes[1] if len(sizes) > 1 else 0})", dialect="duckdb"))
        return cast(sized, NUMERIC)
    if now in ("STRING", "BYTES"):
        length = call("octet_length" if now == "BYTES" else "length", made.copy())
        return call("bq_safe_limit" if safe else "bq_limit", made, length, sizes[0])
    raise refuse(node, f"a {now} with a size is not offered by the local warehouse", f"Use {now}")


def _typed(to: exp.DataType) -> exp.Expr:
    node = exp.Null()
    node.type = to
    return node


def to_string(node: exp.Expr, value: exp.Expr, was: str) -> exp.Expr:
    """A value as text, spelled as CAST(... AS STRING) does."""
    if was == "NUMERIC":
        return call("bq_numeric_text", value.copy())
    if was == "FLOAT64":
        return call("bq_float_text", cast(value.copy(), "DOUBLE"))
    if was == "BYTES":
        return call("decode", value.copy())
    if was in ("STRING", "INT64", "BOOL", "DATE"):
        return cast(value.copy(), "VARCHAR")
    if was in ("TIME", "DATETIME", "TIMESTAMP", "INTERVAL"):
        return call(f"bq_{was.lower()}_text", value.copy())
    if isinstance(value, exp.Null):
        return cast(value.copy(), "VARCHAR")
    raise refuse(node, f"a {was or 'value of unknown type'} as text is not offered by the local warehouse",
                 "Cast it to NUMERIC first" if was == "BIGNUMERIC" else "")


RULES: dict[type[exp.Expr], Rule] = {exp.Cast: convert, exp.TryCast: convert}
