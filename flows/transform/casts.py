"""CAST and SAFE_CAST in expressions: which type becomes which, and where DuckDB reads or writes differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from flows.errors import PenstockError, SpecError
from flows.transform.frame import NUMBERS, cast
from flows.transform.literals import literal
from flows.transform.scalars import NULL, Reader, Typed, call, naive, stop, zoned

TARGETS: dict[str, tuple[str, ...]] = {
    "INT64": (*NUMBERS, "BOOL", "STRING"), "FLOAT64": (*NUMBERS, "STRING"), "NUMERIC": (*NUMBERS, "STRING"),
    "BIGNUMERIC": (*NUMBERS, "STRING"), "BOOL": ("BOOL", "INT64", "STRING"),
    "STRING": (*NUMBERS, "BOOL", "STRING", "DATE", "DATETIME", "TIMESTAMP", "TIME"),
    "DATE": ("DATE", "DATETIME", "TIMESTAMP", "STRING"), "DATETIME": ("DATE", "DATETIME", "TIMESTAMP", "STRING"),
    "TIMESTAMP": ("DATE", "DATETIME", "TIMESTAMP", "STRING"), "TIME": ("TIME", "DATETIME", "TIMESTAMP", "STRING"),
}
"""What may be cast to what. Source: BigQuery, "Conversion rules", table of casts."""

_HEX = r"\s*[+-]?0[xX][0-9a-fA-F]+\s*"


def _cast(node: Any, reader: Reader) -> Typed:
    safe = isinstance(node, exp.TryCast)
    if node.args.get("format") is not None:
        reader.refuse("CAST ... FORMAT is not offered here", "Use FORMAT_DATE, PARSE_DATE or FORMAT_TIMESTAMP")
    type_ = _target(node.to, reader)
    part = reader.read(node.this)
    if part.type != NULL and part.type not in TARGETS[type_]:
        reader.refuse(f"{part.type} cannot be cast to {type_}", f"{type_} is made from {', '.join(TARGETS[type_])}")
    if isinstance(part.value, str) and type_ in ("DATE", "DATETIME", "TIMESTAMP", "TIME") and not safe:
        try:
            return Typed(literal(part.value, type_, reader.work.dialect, reader.path), type_)
        except SpecError as error:
            reader.refuse(error.problems[0].message, error.problems[0].hint)
    if not reader.duck:
        return Typed(type(node)(this=part.tree, to=node.to.copy(), **({"safe": True} if safe else {})), type_)
    return Typed(_duck(part, type_, safe, reader), type_)


def _target(to: exp.DataType, reader: Reader) -> str:
    from flows.warehouse.bqtypes import bq_name

    try:
        type_ = bq_name(to)
    except PenstockError:
        type_ = ""
    if type_ not in TARGETS or to.expressions:
        reader.refuse(f"a cast to {to.sql('bigquery')[:60]} is not offered here", f"Cast to one of {', '.join(TARGETS)}")
    return type_


def _duck(part: Typed, type_: str, safe: bool, reader: Reader) -> exp.Expr:
    tree, have = part.tree, part.type
    if have == "STRING" and type_ in ("INT64", "BOOL"):
        return _from_text(tree, type_, safe)
    if have == "STRING" and type_ in NUMBERS:
        return _number(tree, type_, safe)
    if have == "FLOAT64" and type_ == "INT64":
        tree = call("ROUND", tree)  # half away from zero, where DuckDB's own cast rounds half to even
    if type_ == "STRING":
        return _text(tree, have, reader)
    if have in ("DATE", "DATETIME", "TIMESTAMP"):
        return between_moments(part, type_)
    kind = cast(tree, type_, "duckdb")
    return exp.TryCast(this=kind.this, to=kind.args["to"], safe=True) if safe else kind


def between_moments(part: Typed, type_: str) -> exp.Expr:
    """DATE, DATETIME, TIMESTAMP and TIME out of one another on DuckDB, by the UTC clock."""
    tree = naive(part.tree) if part.type == "TIMESTAMP" and type_ != "TIMESTAMP" else part.tree
    if type_ == "TIMESTAMP" and part.type in ("DATE", "DATETIME"):
        return zoned(cast(tree, "DATETIME", "duckdb"))
    return cast(tree, type_, "duckdb")


def _from_text(tree: exp.Expr, type_: str, safe: bool) -> exp.Expr:
    """BigQuery reads whole numbers (0x1a as well) and true/false only; DuckDB would read 1.5 as 2 and yes as true."""
    bad = exp.Null() if safe else stop(f"a text is not {'a whole number' if type_ == 'INT64' else 'true or false'}")
    if type_ == "INT64":
        good = call("REGEXP_FULL_MATCH", tree.copy(), r"\s*[+-]?\d+\s*")
        value = exp.Cast(this=tree.copy(), to=exp.DataType.build("BIGINT"))
        if safe:
            value = exp.TryCast(this=tree.copy(), to=exp.DataType.build("BIGINT"), safe=True)
        ifs = [exp.If(this=good, true=value), exp.If(this=call("REGEXP_FULL_MATCH", tree.copy(), _HEX), true=_hex(tree, safe))]
    else:
        low = call("LOWER", tree.copy())
        ifs = [exp.If(this=exp.EQ(this=low.copy(), expression=exp.Literal.string(word)), true=exp.Boolean(this=word == "true"))
               for word in ("true", "false")]
    empty = exp.If(this=exp.Is(this=tree, expression=exp.Null()), true=exp.Null())
    return exp.Case(ifs=[empty, *ifs], default=bad)


def _hex(tree: exp.Expr, safe: bool) -> exp.Expr:
    """DuckDB reads 0x1a, but no sign before it."""
    bare = call("REGEXP_REPLACE", call("REGEXP_REPLACE", tree.copy(), r"\s", "", "g"), "^[+-]", "")
    value: exp.Expr = exp.TryCast(this=bare, to=exp.DataType.build("BIGINT"), safe=True) if safe else exp.Cast(
        this=bare, to=exp.DataType.build("BIGINT"))
    sign = exp.Case(ifs=[exp.If(this=call("CONTAINS", tree.copy(), "-"), true=exp.Literal.number(-1))], default=exp.Literal.number(1))
    return exp.Mul(this=value, expression=exp.paren(sign, copy=False))


def _number(tree: exp.Expr, type_: str, safe: bool) -> exp.Expr:
    """DuckDB would read 1_000 as 1000."""
    kind = cast(tree, type_, "duckdb")
    value = exp.TryCast(this=kind.this, to=kind.args["to"], safe=True) if safe else kind
    bad = exp.Null() if safe else stop("a text is not a number")
    return exp.Case(ifs=[exp.If(this=call("CONTAINS", tree.copy(), "_"), true=bad)], default=value)


def _text(tree: exp.Expr, have: str, reader: Reader) -> exp.Expr:
    text = cast(tree, "STRING", "duckdb")
    if have in ("NUMERIC", "BIGNUMERIC"):  # 1.500000000 is 1.5 on BigQuery
        return call("REGEXP_REPLACE", cast(cast(tree, have, "duckdb"), "STRING", "duckdb"), r"\.?0*$", "")
    if have == "FLOAT64":
        reader.work.note("the text of very large and very small FLOAT64 numbers may differ between the engines")
        return call("REGEXP_REPLACE", text, r"\.0$", "")
    if have == "TIMESTAMP":
        return exp.paren(exp.DPipe(this=cast(naive(tree), "STRING", "duckdb"), expression=exp.Literal.string("+00")), copy=False)
    return text


CASTS: dict[type[exp.Expr], Callable[[Any, Any], Typed]] = {exp.Cast: _cast, exp.TryCast: _cast}
