"""Operations that bring in other relations."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from flows.transform.frame import NUMBERS, Frame, Work, cast, fail, ident, kind, new_name, plain, unique
from flows.transform.operations import Join, Union
from flows.transform.predicate import comparable
from flows.transform.scalars import ordered
from flows.warehouse.base import Column


def join(op: Join, frame: Frame, work: Work, path: str) -> Frame:
    right = work.source(op.with_, f"{path}.with")
    outer = op.how in ("right", "full")
    frame = frame.settled(work, order=op.how in ("anti", "semi"))
    if outer and frame.body.args.get("where"):
        frame = wrapped(frame, work)  # a condition on the left rows must be judged before rows without a match come in
    pairs = [_pair(pair, frame, right, work, f"{path}.on.{n}") for n, pair in enumerate(op.on)]
    on = exp.and_(*pairs, copy=False)
    if op.how in ("anti", "semi"):
        found = exp.Exists(this=right.body.copy().select(exp.Literal.number(1)).where(on))
        return frame.with_body(frame.body.where(found if op.how == "semi" else exp.Not(this=found)))
    columns, cells = _beside(frame, right, op, work, path)
    source = right.body.args["from_"].this
    side = {"inner": "INNER", "left": "LEFT", "right": "RIGHT", "full": "FULL"}[op.how]
    body = frame.body.join(source, on=on, join_type=side)
    return Frame(columns, cells, body)


def wrapped(frame: Frame, work: Work) -> Frame:
    """The same rows as a query of their own."""
    return replace(frame, closed=True).settled(work)


def _pair(pair: tuple[str, str], left: Frame, right: Frame, work: Work, path: str) -> exp.Expr:
    a, b = left.find(pair[0], f"{path}.0"), right.find(pair[1], f"{path}.1")
    if not comparable(kind(a), kind(b)):
        fail(path, "type", f"{a.name!r} is {kind(a)} and {b.name!r} is {kind(b)}: they cannot be joined",
             "Derive a key of the same type on one side first, for instance with CAST")
    nan = work.dialect == "duckdb" and kind(a) == kind(b) == "FLOAT64"
    return ordered(exp.EQ, left.cell(a.name), right.cell(b.name), nan=(nan, nan))


def _beside(frame: Frame, right: Frame, op: Join, work: Work, path: str) -> tuple[tuple[Column, ...], dict[str, exp.Expr]]:
    """The columns of both sides; one that both have is `<table>_<column>` on the right."""
    have = {c.name.casefold() for c in frame.columns}
    columns = [replace(c, nullable=True) if op.how in ("right", "full") else c for c in frame.columns]
    cells = {c.name: frame.cell(c.name) for c in frame.columns}
    for column in right.columns:
        both = column.name.casefold() in have
        name = new_name(f"{work.word(op.with_)}_{column.name}", f"{path}.with") if both else column.name
        columns.append(replace(column, name=name, nullable=column.nullable or op.how in ("left", "full")))
        cells[name] = right.cell(column.name)
    unique(columns, f"{path}.with")
    return tuple(columns), cells


def union(op: Union, frame: Frame, work: Work, path: str) -> Frame:
    others = [work.source(name, f"{path}.with.{n}") for n, name in enumerate(op.with_)]
    columns = list(frame.columns)
    for n, other in enumerate(others):
        _same(columns, other, op.with_[n], f"{path}.with.{n}")
        columns = [_wider(c, other.find(c.name, path), f"{path}.with.{n}") for c in columns]
    if op.distinct and (odd := [c.name for c in columns if not plain(kind(c))]):
        fail(f"{path}.distinct", "type", f"{', '.join(odd)} cannot be compared, so equal rows cannot be found",
             "Select the other columns first")
    tree: exp.Query = _side(frame.settled(work, order=False), columns, work)
    for other in others:
        tree = exp.Union(this=tree, expression=_side(other, columns, work), distinct=op.distinct)
    name = work.alias("rows")
    body = exp.Select().from_(exp.Subquery(this=tree, alias=exp.TableAlias(this=ident(name))))
    return Frame(tuple(columns), {c.name: exp.column(ident(c.name), ident(name)) for c in columns}, body)


def _same(columns: list[Column], other: Frame, name: str, path: str) -> None:
    ours, theirs = {c.name.casefold(): c.name for c in columns}, {c.name.casefold(): c.name for c in other.columns}
    lacks = [n for key, n in ours.items() if key not in theirs]
    extra = [n for key, n in theirs.items() if key not in ours]
    if lacks or extra:
        said = [f"{name!r} lacks {', '.join(lacks)}"] * bool(lacks) + [f"{name!r} also has {', '.join(extra)}"] * bool(extra)
        fail(path, "columns", f"the columns are not the same: {' and '.join(said)}",
             "Select or derive the same columns on both sides first")


def _wider(ours: Column, theirs: Column, path: str) -> Column:
    a, b = kind(ours), kind(theirs)
    nullable = ours.nullable or theirs.nullable
    if a == b:
        return replace(ours, nullable=nullable)
    if a in NUMBERS and b in NUMBERS:
        return replace(ours, type=max(a, b, key=NUMBERS.index), nullable=nullable)
    return fail(path, "type", f"column {ours.name!r} is {a} here and {b} there", "Derive one of them with CAST first")


def _side(frame: Frame, columns: list[Column], work: Work) -> exp.Select:
    """The columns in the common order and of the common type."""
    cells = {}
    for column in columns:
        own = frame.find(column.name, "")
        cell = frame.cell(own.name)
        cells[column.name] = cell if kind(own) == kind(column) else cast(cell, column.type, work.dialect)
    return Frame(tuple(columns), cells, frame.body).query()
