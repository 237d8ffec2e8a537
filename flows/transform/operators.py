"""Literals, arithmetic, comparisons, logic and CASE in expressions."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from flows.transform.frame import NUMBERS, cast
from flows.transform.predicate import like
from flows.transform.scalars import NULL, Chain, Reader, Typed, call, comparable_parts, finite, guarded, ordered, small, together


def _literal(node: exp.Literal, reader: Reader) -> Typed:
    text = node.name
    if node.is_string:
        return Typed(exp.Literal.string(text), "STRING", text)
    try:
        value = Decimal(text)
    except InvalidOperation:
        reader.refuse(f"{text[:40]!r} is not a number")
    if "." in text or "e" in text.lower():
        spelled = text if "e" in text.lower() else f"{text}e0"  # without an exponent DuckDB takes it for a DECIMAL
        return Typed(exp.Literal.number(spelled if reader.duck else text), "FLOAT64", value)
    if value >= 2**63:
        reader.refuse(f"{text[:40]} is too large for INT64", "Write NUMERIC '...' for it")
    return Typed(exp.Literal.number(text), "INT64", int(value), small=value < 2**31)


def _raw(node: exp.RawString, reader: Reader) -> Typed:
    return Typed(exp.Literal.string(node.name), "STRING", node.name)


def _null(node: exp.Null, reader: Reader) -> Typed:
    return Typed(exp.Null(), NULL)


def _boolean(node: exp.Boolean, reader: Reader) -> Typed:
    return Typed(exp.Boolean(this=node.this), "BOOL")


def _paren(node: exp.Paren, reader: Reader) -> Typed:
    inner = reader.read(node.this)
    chain = replace(inner.chain, tree=exp.Paren(this=inner.chain.tree.copy())) if inner.chain else None
    return Typed(exp.Paren(this=inner.tree), inner.type, inner.value, inner.small, chain)


def _negative(node: exp.Neg, reader: Reader) -> Typed:
    inner = reader.read(node.this)
    if inner.type not in (*NUMBERS, NULL):
        reader.refuse(f"- needs a number, not {inner.type}")
    value = -inner.value if isinstance(inner.value, int | Decimal) else None
    chain = replace(inner.chain, tree=exp.Neg(this=inner.chain.tree.copy())) if inner.chain else None
    return Typed(exp.Neg(this=inner.tree), inner.type, value, inner.small, chain)


def _sides(node: exp.Binary, reader: Reader, sign: str) -> tuple[Typed, Typed]:
    left, right = reader.read(node.this), reader.read(node.expression)
    for side in (left, right):
        if side.type not in (*NUMBERS, NULL):
            reader.refuse(f"{sign} needs numbers, not {side.type}", _instead(side.type, sign))
    return left, right


def _instead(type_: str, sign: str) -> str:
    if type_ in ("DATE", "TIMESTAMP", "DATETIME"):
        return f"Write {type_}_DIFF(a, b, DAY) for the days between, {type_}_ADD or {type_}_SUB to shift"
    return "Write CONCAT(a, b) to put texts together" if type_ == "STRING" and sign == "+" else "Write SAFE_CAST(... AS FLOAT64) for a text"


def _arithmetic(sign: str) -> Callable[[exp.Binary, Reader], Typed]:
    def rule(node: exp.Binary, reader: Reader) -> Typed:
        left, right = _sides(node, reader, sign)
        type_, (a, b) = together([left, right], reader)
        if type_ == NULL:
            return Typed(exp.Null(), NULL)
        if reader.duck and type_ == "FLOAT64":
            return _chained(type(node), _chain(left, a), _chain(right, b))
        if reader.duck and type_ == "INT64" and small([left, right]):
            a = cast(a, "INT64", "duckdb")
        tree: exp.Expr = type(node)(this=a, expression=b)
        if reader.duck and type_ in ("NUMERIC", "BIGNUMERIC"):
            tree = cast(tree, type_, "duckdb")
        return Typed(tree, type_)

    return rule


REACH = {"INT64": 2.0**63, "NUMERIC": 1e29, "BIGNUMERIC": 6e38}
"""No number of these types is further from 0."""
LEAST = {"INT64": 1.0, "NUMERIC": 1e-9, "BIGNUMERIC": 1e-38}
"""No number of these types but 0 is nearer to it."""


def _chain(part: Typed, tree: exp.Expr) -> Chain:
    """One side of a sum or product, `tree` being the part as FLOAT64."""
    if part.chain is not None:
        return part.chain
    if isinstance(part.value, int | Decimal):
        return Chain(tree, (), abs(float(part.value)))
    return Chain(tree, () if part.type in REACH else (tree,), REACH.get(part.type, sys.float_info.max))


def _chained(sign: type[exp.Expr], left: Chain, right: Chain) -> Typed:
    """A sum or product of FLOAT64: an overflow ends the query on BigQuery. Where none can be, it is not asked."""
    reach = left.reach * right.reach if sign is exp.Mul else left.reach + right.reach
    over = left.over or right.over or math.isinf(reach)
    whole = sign(this=left.tree.copy(), expression=right.tree.copy())
    chain = Chain(whole, (*left.leaves, *right.leaves), min(reach, sys.float_info.max), over)
    tree = finite(chain.tree, chain.leaves, "a sum or product") if over else chain.tree
    return Typed(tree, "FLOAT64", chain=chain)


def _quotient(tree: exp.Expr, left: Typed, right: Typed, sides: list[exp.Expr]) -> exp.Expr:
    """A quotient of FLOAT64 that ends the query where it becomes infinite, if it may."""
    a, b = (_chain(part, side) for part, side in zip((left, right), sides, strict=True))
    least = b.reach if isinstance(right.value, int | Decimal) else LEAST.get(right.type, 0.0)
    if least and not math.isinf(a.reach / least):
        return tree
    return finite(tree, (*a.leaves, *b.leaves), "a quotient")


def _division(node: exp.Div, reader: Reader) -> Typed:
    left, right = _sides(node, reader, "/")
    type_, (a, b) = together([left, right], reader)
    if type_ == NULL:
        return Typed(exp.Null(), NULL)
    type_ = "FLOAT64" if type_ == "INT64" else type_
    if not reader.duck:
        return Typed(exp.Div(this=a, expression=b), type_)
    tree: exp.Expr = exp.Div(this=a, expression=b)
    if type_ in ("NUMERIC", "BIGNUMERIC"):
        reader.work.note("division of NUMERIC is computed with 15 digits here, with 38 on BigQuery")
        tree = cast(tree, type_, "duckdb")
    if type_ == "FLOAT64":
        tree = _quotient(tree, left, right, [a, b])
    if not isinstance(right.value, int | Decimal) or right.value == 0:
        zero: exp.Expr = exp.EQ(this=b.copy(), expression=exp.Literal.number(0))
        if left.value is None:  # an empty cell divided by 0 is empty
            zero = exp.and_(zero, exp.Not(this=exp.Is(this=exp.paren(a.copy(), copy=False), expression=exp.Null())), copy=False)
        tree = guarded(zero, "division by zero", tree)
    return Typed(tree, type_)


def _whole(name: str) -> Callable[[exp.Binary, Reader], Typed]:
    """MOD and DIV: whole numbers or NUMERIC; both engines end the query at a zero."""

    def rule(node: exp.Binary, reader: Reader) -> Typed:
        left, right = _sides(node, reader, name)
        type_, (a, b) = together([left, right], reader)
        if type_ not in ("INT64", "NUMERIC"):
            reader.refuse(f"{name} needs whole numbers or NUMERIC, not {type_}", "Cast both sides to INT64")
        if not reader.duck:
            return Typed(type(node)(this=a, expression=b), type_)
        if type_ == "NUMERIC" and name == "DIV":
            reader.refuse("DIV of NUMERIC is not offered here", "Write TRUNC(a / b)")
        tree: exp.Expr = exp.Mod(this=exp.paren(a), expression=exp.paren(b)) if name == "MOD" else call("DIVIDE", a, b)
        return Typed(exp.paren(tree), type_)

    return rule


def _compare(node: exp.Binary, reader: Reader) -> Typed:
    parts = [reader.read(node.this), reader.read(node.expression)]
    a, b = comparable_parts(parts, reader)
    if not reader.duck:
        return Typed(type(node)(this=a, expression=b), "BOOL")
    left, right = (part.type == "FLOAT64" and part.value is None for part in parts)
    return Typed(ordered(type(node), a, b, nan=(left, right)), "BOOL")


def truth(node: Any, reader: Reader, what: str) -> exp.Expr:
    """A part that is true or false."""
    part = reader.read(node)
    if part.type not in ("BOOL", NULL):
        reader.refuse(f"{what} needs true or false, not {part.type}", "Compare it with something")
    return part.tree


def _logic(node: exp.Connector, reader: Reader) -> Typed:
    word = "AND" if isinstance(node, exp.And) else "OR"
    return Typed(type(node)(this=truth(node.this, reader, word), expression=truth(node.expression, reader, word)), "BOOL")


def _not(node: exp.Not, reader: Reader) -> Typed:
    return Typed(exp.Not(this=truth(node.this, reader, "NOT")), "BOOL")


def _is(node: exp.Is, reader: Reader) -> Typed:
    part = reader.read(node.this)
    if isinstance(node.expression, exp.Boolean) and part.type not in ("BOOL", NULL):
        reader.refuse(f"IS TRUE needs true or false, not {part.type}")
    if not isinstance(node.expression, exp.Null | exp.Boolean):
        reader.refuse("IS is followed by NULL, NOT NULL, TRUE or FALSE")
    return Typed(exp.Is(this=part.tree, expression=node.expression.copy()), "BOOL")


def _in(node: exp.In, reader: Reader) -> Typed:
    if node.args.get("query") is not None or node.args.get("unnest") is not None or not node.expressions:
        reader.refuse("IN takes a list of values", "Write x IN ('a', 'b'); for another relation use a semi join")
    first, *rest = comparable_parts([reader.read(part) for part in (node.this, *node.expressions)], reader)
    return Typed(exp.In(this=first, expressions=rest), "BOOL")


def _between(node: exp.Between, reader: Reader) -> Typed:
    value, low, high = comparable_parts([reader.read(node.args[key]) for key in ("this", "low", "high")], reader)
    return Typed(exp.Between(this=value, low=low, high=high), "BOOL")


def _like(node: exp.Like, reader: Reader) -> Typed:
    text, pattern = reader.read(node.this), reader.read(node.expression)
    if {text.type, pattern.type} - {"STRING", NULL} or not isinstance(pattern.value, str):
        reader.refuse("LIKE compares a text with a pattern that is written out")
    tree = like(text.tree, pattern.value, reader.work, reader.path)
    return Typed(exp.Not(this=tree) if node.args.get("negate") else tree, "BOOL")


def _if(node: exp.If, reader: Reader) -> Typed:
    cond = truth(node.this, reader, "IF")
    parts = [reader.read(node.args["true"]), reader.read(node.args.get("false") or exp.Null())]
    type_, (yes, no) = together(parts, reader)
    tree = exp.Case(ifs=[exp.If(this=cond, true=yes)], default=no)
    return Typed(tree, type_, small=small(parts))


def _case(node: exp.Case, reader: Reader) -> Typed:
    ifs = node.args["ifs"]
    if node.this is not None:
        subject, *keys = comparable_parts([reader.read(node.this), *(reader.read(part.this) for part in ifs)], reader)
        conditions = keys
    else:
        subject, conditions = None, [truth(part.this, reader, "WHEN") for part in ifs]
    parts = [*(reader.read(part.args["true"]) for part in ifs), reader.read(node.args.get("default") or exp.Null())]
    type_, trees = together(parts, reader)
    tree = exp.Case(this=subject, ifs=[exp.If(this=c, true=t) for c, t in zip(conditions, trees[:-1], strict=True)], default=trees[-1])
    return Typed(tree, type_, small=small(parts))


def _coalesce(node: exp.Coalesce, reader: Reader) -> Typed:
    parts = [reader.read(part) for part in (node.this, *node.expressions)]
    type_, (first, *rest) = together(parts, reader)
    return Typed(exp.Coalesce(this=first, expressions=rest), type_, small=small(parts))


def _nullif(node: exp.Nullif, reader: Reader) -> Typed:
    parts = [reader.read(node.this), reader.read(node.expression)]
    a, b = comparable_parts(parts, reader)
    type_ = parts[0].type if parts[0].type == parts[1].type or parts[1].type == NULL else together(parts, reader)[0]
    return Typed(exp.Nullif(this=a, expression=b), type_, small=small(parts))


def _extreme(name: str) -> Callable[[Any, Reader], Typed]:
    """GREATEST and LEAST: empty when one of them is empty, as on BigQuery."""

    def rule(node: Any, reader: Reader) -> Typed:
        parts = [reader.read(part) for part in (node.this, *node.expressions)]
        type_, trees = together(parts, reader)
        comparable_parts(parts, reader)
        tree = call(name, *trees)
        if reader.duck:
            empty = exp.or_(*(exp.Is(this=exp.paren(t), expression=exp.Null()) for t in trees), copy=False)
            tree = exp.Case(ifs=[exp.If(this=empty, true=exp.Null()), *_not_numbers(name, parts, trees)], default=tree)
        return Typed(tree, type_, small=small(parts))

    return rule


def _not_numbers(name: str, parts: list[Typed], trees: list[exp.Expr]) -> list[exp.If]:
    """One NaN makes LEAST one, as on BigQuery; for DuckDB it is the greatest number."""
    odd = [t for p, t in zip(parts, trees, strict=True) if name == "LEAST" and p.type == "FLOAT64" and p.value is None]
    return [exp.If(this=call("ISNAN", t.copy()), true=t.copy()) for t in odd]


OPERATORS: dict[type[exp.Expr], Callable[[Any, Any], Typed]] = {
    exp.Literal: _literal, exp.RawString: _raw, exp.Null: _null, exp.Boolean: _boolean, exp.Paren: _paren, exp.Neg: _negative,
    exp.Add: _arithmetic("+"), exp.Sub: _arithmetic("-"), exp.Mul: _arithmetic("*"), exp.Div: _division,
    exp.Mod: _whole("MOD"), exp.IntDiv: _whole("DIV"),
    exp.EQ: _compare, exp.NEQ: _compare, exp.GT: _compare, exp.GTE: _compare, exp.LT: _compare, exp.LTE: _compare,
    exp.And: _logic, exp.Or: _logic, exp.Not: _not, exp.Is: _is, exp.In: _in, exp.Between: _between, exp.Like: _like,
    exp.If: _if, exp.Case: _case, exp.Coalesce: _coalesce, exp.Nullif: _nullif,
    exp.Greatest: _extreme("GREATEST"), exp.Least: _extreme("LEAST"),
}
