"""CAST and SAFE_CAST as BigQuery means them."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse.bqtypes import duck_name
from flows.warehouse.trees import Rule, call, cast, is_text, kind, refuse


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


RULES: dict[type[exp.Expr], Rule] = {exp.Cast: convert, exp.TryCast: convert}
