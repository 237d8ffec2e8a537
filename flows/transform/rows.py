"""Operations that look at one row at a time, and those that cut or order rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from flows.errors import SpecError
from flows.transform.condition import Today
from flows.transform.expression import scalar
from flows.transform.frame import Frame, Work, cast, fail, kind, new_name, plain, unique
from flows.transform.literals import day, literal, moment, shifted
from flows.transform.operations import Best, Derive, Fill, Filter, Limit, Mask, Order, Rename, Select, Sort
from flows.transform.predicate import predicate
from flows.warehouse.base import Column

WORDS = r"([\p{L}\p{N}])[\p{L}\p{M}\p{N}]*"
"""A word: a letter or digit and those (and combining marks) after it. RE2, as both engines read it."""


def filter_(op: Filter, frame: Frame, work: Work, path: str) -> Frame:
    frame = frame.settled(work)
    return frame.with_body(frame.body.where(predicate(op.where, frame, work, f"{path}.where")))


def select(op: Select, frame: Frame, work: Work, path: str) -> Frame:
    return chosen([frame.find(name, f"{path}.columns.{n}") for n, name in enumerate(op.columns)], frame, path)


def chosen(columns: list[Column], frame: Frame, path: str) -> Frame:
    """Only these columns; what the order needs stays, hidden."""
    unique(columns, f"{path}.columns")
    for name, _ in frame.order:
        if all(c.name != name for c in columns):
            frame = frame.hidden(name)
    kept = {c.name for c in columns} | {name for name, _ in frame.order}
    return replace(frame, columns=tuple(columns), cells={n: c for n, c in frame.cells.items() if n in kept})


def rename(op: Rename, frame: Frame, work: Work, path: str) -> Frame:
    names = {frame.find(old, f"{path}.columns.{old}").name: new_name(new, f"{path}.columns.{old}") for old, new in op.columns.items()}
    columns = tuple(replace(c, name=names.get(c.name, c.name)) for c in frame.columns)
    unique(columns, f"{path}.columns")
    cells = {names.get(n, n): cell for n, cell in frame.cells.items()}
    return replace(frame, columns=columns, cells=cells, order=tuple((names.get(n, n), desc) for n, desc in frame.order))


def derive(op: Derive, frame: Frame, work: Work, path: str) -> Frame:
    frame = frame.settled(work)
    made, problems = frame, []
    for name, text in op.columns.items():
        at = f"{path}.columns.{name}"
        try:
            found = scalar(text, frame, work, at)
        except SpecError as error:
            problems += error.problems
            continue
        made = made.replaced(Column(new_name(name, at), found.type), found.tree)
    if problems:
        raise SpecError(problems)
    unique(made.columns, f"{path}.columns")
    return made


def fill(op: Fill, frame: Frame, work: Work, path: str) -> Frame:
    frame = made = frame.settled(work)
    for name, value in op.columns.items():
        at = f"{path}.columns.{name}"
        column = frame.find(name, at)
        type_ = kind(column)
        if isinstance(value, Today):
            if type_ not in ("DATE", "DATETIME", "TIMESTAMP"):
                fail(at, "type", f"{{today: {value.today}}} is a date, the column {name!r} is {type_}")
            tree = moment(shifted(work.now, value.today, at), type_, work.dialect)
        elif type_ == "DATE" and isinstance(value, str):
            tree = moment(day(value, at), "DATE", work.dialect)
        else:
            tree = literal(value, type_, work.dialect, at, exact=True)
        cell = exp.Coalesce(this=frame.cell(column.name), expressions=[tree])
        made = made.replaced(replace(column, nullable=False), cell)
    return made


def mask(op: Mask, frame: Frame, work: Work, path: str) -> Frame:
    frame = made = frame.settled(work)
    for name, how in op.columns.items():
        at = f"{path}.columns.{name}"
        column = frame.find(name, at)
        if (type_ := kind(column)) not in ("STRING", "INT64", "DATE"):
            fail(at, "type", f"{name!r} is {type_}; only STRING, INT64 and DATE are written the same way on both engines",
                 "Derive a text column first, for instance with FORMAT_TIMESTAMP or CAST")
        text = frame.cell(column.name) if type_ == "STRING" else cast(frame.cell(column.name), "STRING", work.dialect)
        cell = hashed(text, work) if how == "hash" else masked(text, work)
        made = made.replaced(replace(column, type="STRING"), cell)
    return made


def hashed(text: exp.Expr, work: Work) -> exp.Expr:
    """SHA-256 of the UTF-8 text, hexadecimal, lower case; DuckDB's is hexadecimal already."""
    if work.dialect == "duckdb":
        return exp.Anonymous(this="SHA256", expressions=[text])
    return exp.Anonymous(this="TO_HEX", expressions=[exp.Anonymous(this="SHA256", expressions=[text])])


def masked(text: exp.Expr, work: Work) -> exp.Expr:
    """The first letter or digit of every word, then `***`."""
    parts = [text, exp.Literal.string(WORDS), exp.Literal.string(r"\1***")]
    if work.dialect == "duckdb":
        parts.append(exp.Literal.string("g"))  # BigQuery replaces all of them anyway
    return exp.Anonymous(this="REGEXP_REPLACE", expressions=parts)


def ordering(terms: list[tuple[Column, bool]], columns: tuple[Column, ...], path: str) -> tuple[tuple[str, bool], ...]:
    """An order that no two different rows share: what was asked, then every other column."""
    for column, _ in terms:
        if not plain(kind(column)):
            fail(path, "type", f"{column.name!r} is {kind(column)} and has no order")
    asked = {c.name: desc for c, desc in reversed(terms)}
    asked = {c.name: asked[c.name] for c, _ in terms}
    return (*asked.items(), *((c.name, False) for c in columns if c.name not in asked and plain(kind(c))))


def sort(op: Sort, frame: Frame, work: Work, path: str) -> Frame:
    return replace(frame if frame.limit is None else frame.settled(work, order=False), order=by(op.by, frame, f"{path}.by"))


def by(orders: Sequence[Order | Best], frame: Frame, path: str) -> tuple[tuple[str, bool], ...]:
    terms = [(frame.find(o.column, f"{path}.{n}.column"), o.direction == "desc") for n, o in enumerate(orders)]
    return ordering(terms, frame.columns, path)


def limit(op: Limit, frame: Frame, work: Work, path: str) -> Frame:
    if not frame.order:
        work.note(f"{path}: without an order it is open which {op.n} rows stay; put a sort before it")
    return replace(frame.settled(work) if frame.limit is not None else frame, limit=op.n)
