"""Parts of an expression that know their type, and the rules that BigQuery has for bringing types together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn, Protocol

from sqlglot import exp

from flows.errors import SpecError
from flows.transform.frame import NUMBERS, Work, cast, plain
from flows.transform.literals import literal

NULL = "NULL"  # the type of a bare NULL: it becomes any other
MOMENT = ("DATE", "DATETIME", "TIMESTAMP", "TIME")


@dataclass(frozen=True)
class Typed:
    """A tree for the engine asked for, its BigQuery type, its value if it is written out, and whether DuckDB may take it for a
    32-bit integer."""

    tree: exp.Expr
    type: str
    value: object = None
    small: bool = False
    chain: Chain | None = None


@dataclass(frozen=True)
class Chain:
    """A FLOAT64 out of + - * on DuckDB, before it is asked whether it became infinite: that is asked once, of the whole."""

    tree: exp.Expr
    leaves: tuple[exp.Expr, ...]  # parts that may be infinite themselves
    reach: float  # no finite result is further from 0
    over: bool = False  # it may become infinite


class Reader(Protocol):
    """What a rule may ask while an expression is read."""

    work: Work
    path: str

    @property
    def duck(self) -> bool: ...
    def read(self, node: object) -> Typed: ...
    def refuse(self, message: str, hint: str = "") -> NoReturn: ...


def call(name: str, *args: exp.Expr | str | int) -> exp.Expr:
    """A function by its name on the engine asked for; plain values become literals."""
    return exp.Anonymous(this=name, expressions=[_tree(arg) for arg in args])


def _tree(arg: exp.Expr | str | int) -> exp.Expr:
    return exp.Literal.string(arg) if isinstance(arg, str) else exp.Literal.number(arg) if isinstance(arg, int) else arg


def naive(tree: exp.Expr) -> exp.Expr:
    """A TIMESTAMP as its UTC clock, on DuckDB: whatever the session's zone is, and ten times faster than through its calendar."""
    return call("MAKE_TIMESTAMP", call("EPOCH_US", tree))


def zoned(tree: exp.Expr) -> exp.Expr:
    """A UTC clock as a TIMESTAMP, on DuckDB."""
    return call("MAKE_TIMESTAMPTZ", call("EPOCH_US", tree))


def stop(message: str) -> exp.Expr:
    """An expression that ends the query with an error, as BigQuery does where DuckDB would go on."""
    return call("ERROR", message)


def guarded(bad: exp.Expr, message: str, good: exp.Expr) -> exp.Expr:
    """`good`, unless `bad` holds."""
    return exp.Case(ifs=[exp.If(this=bad, true=stop(message))], default=good)


def finite(tree: exp.Expr, given: Sequence[exp.Expr], what: str) -> exp.Expr:
    """A FLOAT64 that ends the query where finite numbers did not give a finite one, as on BigQuery; DuckDB would go on with infinity."""
    lost = exp.Not(this=call("ISFINITE", tree.copy()))
    return guarded(exp.and_(lost, *(call("ISFINITE", part.copy()) for part in given), copy=False), f"{what} is too large for FLOAT64", tree)


def ordered(sign: type[exp.Binary], left: exp.Expr, right: exp.Expr, *, nan: tuple[bool, bool]) -> exp.Expr:
    """A comparison on DuckDB, where NaN is the greatest number and equal to itself; on BigQuery it is neither equal, smaller nor greater.
    `nan`: which sides may be one."""
    tree = sign(this=left, expression=right)
    if issubclass(sign, exp.NEQ):
        return exp.paren(exp.or_(tree, call("ISNAN", left.copy()), copy=False), copy=False) if all(nan) else tree
    odd = left if issubclass(sign, exp.GT | exp.GTE) and nan[0] else right if issubclass(sign, exp.LT | exp.LTE) and nan[1] else None
    odd = left if issubclass(sign, exp.EQ) and all(nan) else odd
    return tree if odd is None else exp.paren(exp.and_(tree, exp.Not(this=call("ISNAN", odd.copy())), copy=False), copy=False)


def known(part: Typed, type_: str, reader: Reader) -> Typed:
    """A bare NULL as the type that is wanted; anything else as it is."""
    return Typed(cast(exp.Null(), type_, reader.work.dialect), type_) if part.type == NULL else part


def coerced(part: Typed, type_: str, reader: Reader) -> Typed:
    """The part as another type, where BigQuery does that by itself: written-out values, and numbers that become wider."""
    if part.type in (type_, NULL):
        return part
    if part.value is not None and ((type_ in NUMBERS and part.type in NUMBERS) or (part.type == "STRING" and type_ in MOMENT)):
        if part.type == "FLOAT64" and type_ == "INT64":
            return _refuse_type(part.type, type_, reader)
        value = part.value if isinstance(part.value, str) else _exact(part.value)
        try:
            tree = literal(value, type_, reader.work.dialect, reader.path, exact=True)
        except SpecError as error:
            reader.refuse(error.problems[0].message, error.problems[0].hint)
        return Typed(tree, type_, part.value)
    if part.type in NUMBERS and type_ in NUMBERS and NUMBERS.index(part.type) < NUMBERS.index(type_):
        return Typed(cast(part.tree, type_, reader.work.dialect) if reader.duck else part.tree, type_)
    return _refuse_type(part.type, type_, reader)


def _exact(value: object) -> object:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == int(value) and abs(value) < 10**15 else float(value)


def _refuse_type(have: str, want: str, reader: Reader) -> NoReturn:
    reader.refuse(f"{have} does not become {want} by itself", f"Write CAST(... AS {want}) or SAFE_CAST(... AS {want})")


def common(parts: list[Typed], reader: Reader) -> str:
    """The type that all parts become. Source: BigQuery, "Conversion rules", supertypes."""
    known = [p for p in parts if p.type != NULL]
    if not known:
        return NULL
    firm = [p for p in known if p.value is None] or known
    if all(p.type in NUMBERS for p in known):
        if firm != known and all(p.type == "NUMERIC" for p in firm):
            return "NUMERIC"  # a written-out 0.5 beside a NUMERIC is a NUMERIC
        return max((p.type for p in known), key=NUMBERS.index)
    type_ = firm[0].type
    if type_ == "STRING" and len(known) > len(firm):
        type_ = next((p.type for p in known if p.type != "STRING"), type_)
    odd = next((p for p in known if p.type != type_ and not (p.value is not None and p.type == "STRING" and type_ in MOMENT)), None)
    if odd is not None:
        reader.refuse(f"{type_} and {odd.type} do not go together", f"Bring them together with CAST(... AS {type_})")
    return type_


def together(parts: list[Typed], reader: Reader) -> tuple[str, list[exp.Expr]]:
    """All parts as one type."""
    type_ = common(parts, reader)
    return type_, [coerced(p, type_, reader).tree if type_ != NULL else p.tree for p in parts]


def small(parts: list[Typed]) -> bool:
    """May DuckDB take all of them for 32-bit integers?"""
    return all(p.small or p.type == NULL for p in parts)


def comparable_parts(parts: list[Typed], reader: Reader) -> list[exp.Expr]:
    """Parts that can be compared or put in order."""
    type_, trees = together(parts, reader)
    if type_ != NULL and not plain(type_):
        reader.refuse(f"{type_} cannot be compared", "Take a plain value out of it first, for instance with JSON_VALUE")
    return trees


