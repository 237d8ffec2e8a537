"""Operations that turn columns into rows and rows into columns."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import exp

from flows.errors import SpecError
from flows.transform.condition import All, Compare, Condition
from flows.transform.frame import NUMBERS, Frame, Work, cast, col, fail, ident, kind, new_name, unique
from flows.transform.groups import aggregate
from flows.transform.joins import wrapped
from flows.transform.operations import Aggregate, Measure, Pivot, SplitRows, Unpivot
from flows.transform.scalars import call
from flows.warehouse.base import Column

_AROUND = r"^[\pZ\t-\r\x{85}]+|[\pZ\t-\r\x{85}]+$"
"""Unicode White_Space at both ends, which BigQuery's TRIM takes away; DuckDB's takes away blanks only."""


def pivot(op: Pivot, frame: Frame, work: Work, path: str) -> Frame:
    """One measure for each value, over the rows that have it: the same on both engines, and the columns are known."""
    frame.find(op.columns, f"{path}.columns")
    if op.among is None:
        fail(f"{path}.among", "missing_field", f"pivot does not say which values of {op.columns!r} become columns",
             "List them: among: [a, b, c]")
    measures = [Measure.model_validate({"fn": op.values.fn, "column": op.values.column, "as": _named(value), "where": _only(op, value)})
                for value in op.among]
    names = [Column(str(m.as_), "") for m in measures]
    unique(names, f"{path}.among")
    try:
        return aggregate(Aggregate(op="aggregate", by=op.rows, measures=measures), frame, work, path)
    except SpecError as error:
        raise SpecError([replace(p, path=_where(p.path.removeprefix(path), path)) for p in error.problems]) from None


def _where(inside: str, path: str) -> str:
    """The place in the pivot that a place in its aggregate stands for."""
    found = re.fullmatch(r"\.(by|measures)\.(\d+)(?:\.(\w+))?(.*)", inside)
    if found is None:
        return path + inside
    part, n, field, rest = found.groups()
    if part == "by":
        return f"{path}.rows.{n}"
    return f"{path}.among.{n}" if field == "as" or rest.endswith(".value") else f"{path}.values.{field}{rest}"


def _named(value: object) -> str:
    """The name of a value's column: its text, with '_' for what a name may not hold."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(c if c.isalnum() or c in "_ -" else "_" for c in text) or "empty"


def _only(op: Pivot, value: object) -> Condition:
    this = Compare.model_validate({"column": op.columns, "is": "=", "value": value})
    return this if op.values.where is None else All.model_validate({"all": [op.values.where, this]})


def unpivot(op: Unpivot, frame: Frame, work: Work, path: str) -> Frame:
    frame = _open(frame, work)
    turned = [frame.find(n, f"{path}.columns.{i}") for i, n in enumerate(op.columns)]
    unique(turned, f"{path}.columns")
    kept = tuple(c for c in frame.columns if c not in turned)
    type_ = _one_type([kind(c) for c in turned], turned, f"{path}.columns")
    labels: list[exp.Expr] = [exp.Literal.string(c.name) for c in turned]
    body, label = _crossed(frame, exp.Array(expressions=labels), work)
    cells = [frame.cell(c.name) if kind(c) == type_ else cast(frame.cell(c.name), type_, work.dialect) for c in turned]
    value = exp.Case(this=label.copy(), ifs=[exp.If(this=text.copy(), true=cell) for text, cell in zip(labels, cells, strict=True)])
    columns = (*kept, Column(new_name(op.name, f"{path}.name"), "STRING", nullable=False),
               Column(new_name(op.value, f"{path}.value"), type_, nullable=False))
    unique(columns, path)
    made = Frame(columns, {**{c.name: frame.cell(c.name) for c in kept}, op.name: label, op.value: value}, body).settled(work)
    return made.with_body(made.body.where(exp.Not(this=exp.Is(this=made.cell(op.value), expression=exp.Null()))))


def _one_type(types: list[str], columns: list[Column], path: str) -> str:
    if len(set(types)) == 1:
        return types[0]
    if set(types) <= set(NUMBERS):
        return max(types, key=NUMBERS.index)
    said = ", ".join(f"{c.name} {t}" for c, t in zip(columns, types, strict=True))
    return fail(path, "type", f"columns of different types cannot become one: {said}", "Derive them with CAST first")


def split(op: SplitRows, frame: Frame, work: Work, path: str) -> Frame:
    frame = _open(frame, work)
    column = frame.find(op.column, f"{path}.column")
    if kind(column) != "STRING":
        fail(f"{path}.column", "type", f"only a text can be split, {op.column!r} is {kind(column)}")
    text, duck = frame.cell(column.name), work.dialect == "duckdb"
    parts = call("STRING_SPLIT" if duck else "SPLIT", text.copy(), op.by)
    nothing = exp.Array(expressions=[cast(exp.Null(), "STRING", work.dialect)])
    list_ = exp.Case(ifs=[exp.If(this=exp.Is(this=text, expression=exp.Null()), true=nothing)], default=parts)
    body, part = _crossed(frame, list_, work)
    name = new_name(op.as_, f"{path}.as") if op.as_ else column.name
    bare = call("REGEXP_REPLACE", part, _AROUND, "", "g") if duck else call("TRIM", part)
    return replace(frame, body=body).replaced(replace(column, name=name), bare)


def _open(frame: Frame, work: Work) -> Frame:
    """A frame that another relation can be crossed with, and whose WHERE was judged before."""
    frame = frame.settled(work, order=False)
    return wrapped(frame, work) if frame.body.args.get("where") else frame


def _crossed(frame: Frame, list_: exp.Expr, work: Work) -> tuple[exp.Select, exp.Expr]:
    """Every row with every element of a list; the second is the element."""
    name, element = work.alias("parts"), work.alias("part")
    if work.dialect == "duckdb":
        alias = exp.TableAlias(this=ident(name), columns=[ident(element)])
        return frame.body.join(exp.Unnest(expressions=[list_], alias=alias), join_type="CROSS"), col(element, name)
    alias = exp.TableAlias(columns=[ident(element)])
    return frame.body.join(exp.Unnest(expressions=[list_], alias=alias), join_type="CROSS"), col(element)
