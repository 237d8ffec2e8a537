"""Checks become queries: one that counts what every check found in a single scan, and those that part good rows from bad ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlglot import exp

from flows.errors import SpecError
from flows.transform.condition import Compare
from flows.transform.expression import scalar
from flows.transform.frame import NUMBERS, Frame, Work, col, fail, ident, kind, missing, plain, projection
from flows.transform.groups import partition
from flows.transform.predicate import comparable, predicate
from flows.transform.quality import (
    Accepted,
    Between,
    Check,
    Expression,
    ForeignKey,
    Freshness,
    Matches,
    NotNull,
    Positive,
    RowCount,
    Unique,
    age,
)
from flows.transform.scalars import call
from flows.warehouse.base import Column, Dialect

REASON = "x_quarantine_reason"
_MARKED = "marked"


@dataclass(frozen=True)
class Finding:
    """What one check found. `failed_rows` is 0 when it holds; a check of the whole relation that fails counts as 1."""

    check: str
    columns: tuple[str, ...]
    failed_rows: int
    on_fail: str
    message: str


@dataclass(frozen=True)
class Gate:
    """All checks of a step over one relation.

    `counts` gives one row: `rows`, and a number or value per check, which `findings` reads. `bad(n)` gives the rows that broke check
    n. `kept` and `quarantined` part the rows by the checks that say quarantine (None when none does); the latter has the reason in
    `x_quarantine_reason`.
    """

    checks: tuple[Check, ...]
    now: datetime
    counts: exp.Select
    kept: exp.Select | None
    quarantined: exp.Select | None
    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    _bad: tuple[exp.Select | None, ...]

    def bad(self, n: int) -> exp.Select | None:
        """The rows that broke check n, or None for a check of the whole relation."""
        tree = self._bad[n]
        return tree.copy() if tree is not None else None

    def findings(self, row: Mapping[str, Any]) -> list[Finding]:
        """What the row of `counts` says about each check, in words."""
        return [_finding(check, n, row, self.now) for n, check in enumerate(self.checks)]


def compile_checks(checks: Sequence[Check], inputs: Mapping[str, Sequence[Column]], *, now: datetime, dialect: Dialect = "duckdb",
                   path: str = "checks") -> Gate:
    """Checks over a relation: the first of `inputs`; the others are tables that foreign keys look into.

    Raises SpecError with every problem; paths as in `checks.1.column`.
    """
    now = now if now.tzinfo else now.replace(tzinfo=UTC)
    work = Work(dialect, now.astimezone(UTC).date(), inputs)
    frame = work.source(next(iter(inputs)), path)
    flags, problems = [], []
    for n, check in enumerate(checks):
        try:
            flags.append(_flag(check, frame, work, f"{path}.{n}"))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    aside = [n for n, check in enumerate(checks) if check.on_fail == "quarantine"]
    bad = tuple(_parted(frame, [flag], work) if flag is not None else None for flag in flags)
    return Gate(tuple(checks), now, _counts(checks, flags, frame, work),
                _parted(frame, [flags[n] for n in aside], work, good=True) if aside else None,
                _parted(frame, [flags[n] for n in aside], work, words=[checks[n].words() for n in aside]) if aside else None,
                frame.columns, tuple(work.notes), bad)


def _flag(check: Check, frame: Frame, work: Work, path: str) -> exp.Expr | None:
    """TRUE for a bad row, else FALSE or NULL; None for a check of the whole relation."""
    at = "column" if getattr(check, "columns", None) is None else "columns.{}"
    columns = [frame.find(name, f"{path}.{at.format(n)}") for n, name in enumerate(check.names)]
    if isinstance(check, RowCount):
        return None
    if isinstance(check, Freshness):
        if kind(columns[0]) not in ("DATE", "DATETIME", "TIMESTAMP"):
            fail(f"{path}.column", "type", f"freshness needs a date or time, {check.column!r} is {kind(columns[0])}")
        return None
    if isinstance(check, Expression):
        found = scalar(check.expression, frame, work, f"{path}.expression")
        if found.type != "BOOL":
            fail(f"{path}.expression", "type", f"the expression is {found.type}, not true or false", "Compare it with something")
        return exp.Not(this=exp.paren(found.tree, copy=False))
    if isinstance(check, Unique):
        return _repeated(columns, frame, work, f"{path}.{at.format(0)}")
    if isinstance(check, ForeignKey):
        return _orphan(check, columns[0], frame, work, path)
    parts = [_cell_flag(check, column, frame, work, path, f"{path}.{at.format(n)}") for n, column in enumerate(columns)]
    return parts[0] if len(parts) == 1 else exp.paren(exp.or_(*parts, copy=False), copy=False)


def _cell_flag(check: Check, column: Column, frame: Frame, work: Work, path: str, at: str) -> exp.Expr:
    cell = frame.cell(column.name)
    if isinstance(check, NotNull):
        return exp.Is(this=cell, expression=exp.Null())
    if isinstance(check, Positive):
        if kind(column) not in NUMBERS:
            fail(at, "type", f"positive needs a number, {column.name!r} is {kind(column)}")
        return exp.LTE(this=cell, expression=exp.Literal.number(0))
    if isinstance(check, Matches):
        if kind(column) != "STRING":
            fail(at, "type", f"matches needs a text, {column.name!r} is {kind(column)}")
        return exp.Not(this=call("REGEXP_MATCHES" if work.dialect == "duckdb" else "REGEXP_CONTAINS", cell, check.pattern))
    if isinstance(check, Accepted):
        return _told(Compare.model_validate({"column": column.name, "is": "not_in", "value": check.values}), frame, work, path, "values")
    assert isinstance(check, Between)
    low, high = check.min, check.max
    if low is not None and high is not None:
        said = Compare.model_validate({"column": column.name, "is": "between", "value": [low, high]})
        return exp.Not(this=exp.paren(_told(said, frame, work, path, "min"), copy=False))
    said = Compare.model_validate({"column": column.name, "is": "<" if high is None else ">", "value": low if high is None else high})
    return _told(said, frame, work, path, "min" if high is None else "max")


def _told(said: Compare, frame: Frame, work: Work, path: str, field: str) -> exp.Expr:
    """A condition whose problems are told at the field of the check that made it."""
    try:
        return predicate(said, frame, work, path)
    except SpecError as error:
        found = error.problems[0]
        number = found.path.rsplit(".", 1)[-1]
        where = {"values": f"values.{number}", "min": "max" if number == "1" else "min"}.get(field, field)
        fail(f"{path}.{where}", found.code, found.message, found.hint)


def _repeated(columns: list[Column], frame: Frame, work: Work, path: str) -> exp.Expr:
    """More than one row has this key; keys with an empty part do not count."""
    keys = []
    for column in columns:
        if not plain(kind(column)):
            fail(path, "type", f"{column.name!r} is {kind(column)} and cannot be compared")
        keys.append(partition(frame.cell(column.name), kind(column), work))
    many = exp.GT(this=exp.Window(this=exp.Count(this=exp.Star()), partition_by=keys), expression=exp.Literal.number(1))
    full = [exp.Not(this=exp.Is(this=frame.cell(c.name), expression=exp.Null())) for c in columns]
    return exp.paren(exp.and_(many, *full, copy=False), copy=False)


def _orphan(check: ForeignKey, column: Column, frame: Frame, work: Work, path: str) -> exp.Expr:
    other = work.source(check.table, f"{path}.table")
    target = next((c for c in other.columns if c.name.casefold() == check.target.casefold()), None)
    if target is None:
        missing(check.target, [c.name for c in other.columns], f"{path}.column")
    if not comparable(kind(column), kind(target)):
        fail(f"{path}.column", "type",
             f"{column.name!r} is {kind(column)} and {check.table}.{target.name} is {kind(target)}: they cannot be compared")
    same = exp.EQ(this=other.cell(target.name), expression=frame.cell(column.name))
    found = exp.Exists(this=other.body.copy().select(exp.Literal.number(1)).where(same))
    full = exp.Not(this=exp.Is(this=frame.cell(column.name), expression=exp.Null()))
    return exp.paren(exp.and_(full, exp.Not(this=found), copy=False), copy=False)


def _counts(checks: Sequence[Check], flags: Sequence[exp.Expr | None], frame: Frame, work: Work) -> exp.Select:
    """One row of numbers, in one scan."""
    inner, outer = [], [exp.alias_(exp.Count(this=exp.Star()), ident("rows"))]
    marked = _MARKED
    for n, (check, flag) in enumerate(zip(checks, flags, strict=True)):
        if flag is not None:
            inner.append(projection(flag.copy(), f"c{n}"))
            bad = exp.Case(ifs=[exp.If(this=col(f"c{n}", marked), true=exp.Literal.number(1))])
            outer.append(exp.alias_(exp.Count(this=bad), ident(f"c{n}")))
        elif isinstance(check, Freshness):
            inner.append(projection(frame.cell(frame.find(check.column, "").name), f"c{n}"))
            outer.append(exp.alias_(exp.Max(this=col(f"c{n}", marked)), ident(f"c{n}")))
    tree = frame.body.copy()
    tree.set("expressions", inner or [projection(exp.Literal.number(1), "one")])
    return exp.Select(expressions=outer).from_(tree.subquery(exp.TableAlias(this=ident(marked)), copy=False))


def _parted(frame: Frame, flags: Sequence[exp.Expr | None], work: Work, *, good: bool = False, words: Sequence[str] = ()) -> exp.Select:
    """The rows that have none of the flags, or one of them; with `words`, the reason as a last column."""
    names = [_free(f"_bad_{n}", frame) for n in range(len(flags))]
    tree = frame.body.copy()
    cells = [projection(frame.cell(c.name), c.name) for c in frame.columns]
    sure = [exp.Coalesce(this=flag.copy(), expressions=[exp.Boolean(this=False)]) for flag in flags if flag is not None]
    tree.set("expressions", [*cells, *(exp.alias_(flag, ident(name)) for flag, name in zip(sure, names, strict=True))])
    marked = _MARKED
    out = exp.Select(expressions=[col(c.name, marked) for c in frame.columns])
    if words:
        out = out.select(exp.alias_(_reason(names, words, marked, work), ident(_free(REASON, frame))))
    out = out.from_(tree.subquery(exp.TableAlias(this=ident(marked)), copy=False))
    wanted: exp.Expr = exp.or_(*(col(name, marked) for name in names), copy=False)
    return out.where(exp.Not(this=exp.paren(wanted)) if good else wanted)


def _free(name: str, frame: Frame) -> str:
    taken = {c.name.casefold() for c in frame.columns}
    while name.casefold() in taken:
        name = f"_{name}"
    return name


def _reason(names: Sequence[str], words: Sequence[str], marked: str, work: Work) -> exp.Expr:
    """The words of every check that a row broke, with '; ' between."""
    parts: list[exp.Expr] = [
        exp.Case(ifs=[exp.If(this=col(name, marked), true=exp.Literal.string(f"; {text}"))], default=exp.Literal.string(""))
        for name, text in zip(names, words, strict=True)]
    whole = parts[0]
    for part in parts[1:]:
        whole = exp.DPipe(this=whole, expression=part)
    return call("SUBSTR", whole, 3)


def _finding(check: Check, n: int, row: Mapping[str, Any], now: datetime) -> Finding:
    rows, value = int(row["rows"]), row.get(f"c{n}")
    names, broken, message = tuple(check.names), 0, ""
    if isinstance(check, RowCount):
        broken = int((check.min is not None and rows < check.min) or (check.max is not None and rows > check.max))
        message = f"{check.words()}: there are {rows}"
    elif isinstance(check, Freshness):
        broken, message = _stale(check, value, now)
    else:
        broken = int(value or 0)
        message = f"{check.words()} in {broken} of {rows} rows"
    if not broken:
        message = f"{check.check.replace('_', ' ')} holds" + (f" for {', '.join(names)}" if names else "")
    return Finding(check.check, names, broken, check.on_fail, message)


def _stale(check: Freshness, value: Any, now: datetime) -> tuple[int, str]:
    if value is None:
        return 1, f"{check.words()}: there is no {check.column} at all"
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    else:
        assert isinstance(value, date)
        moment = datetime.combine(value, time(), UTC) + timedelta(days=1)  # until the end of its day
    return int(now - moment > age(check.max_age)), f"{check.words()}: it is {value}"
