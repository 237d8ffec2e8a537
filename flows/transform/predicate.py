"""Condition trees as SQL trees, typed by the columns they look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from flows.transform.condition import All, Any_, Compare, Not, Other, Period, Today
from flows.transform.frame import MOMENTS, NUMBERS, Frame, Work, fail, kind, plain
from flows.transform.literals import day, is_day, literal, moment, period, shifted
from flows.transform.scalars import ordered

_SIGNS: dict[str, type[exp.Binary]] = {"=": exp.EQ, "!=": exp.NEQ, ">": exp.GT, ">=": exp.GTE, "<": exp.LT, "<=": exp.LTE}
_TEXT = ("like", "starts_with", "contains")


def predicate(condition: Compare | All | Any_ | Not, frame: Frame, work: Work, path: str) -> exp.Expr:
    """The tree of a condition over the cells of a frame. Raises SpecError with the path inside the condition."""
    if isinstance(condition, All):
        return _joined(exp.and_, [predicate(c, frame, work, f"{path}.all.{n}") for n, c in enumerate(condition.all_)])
    if isinstance(condition, Any_):
        return _joined(exp.or_, [predicate(c, frame, work, f"{path}.any.{n}") for n, c in enumerate(condition.any_)])
    if isinstance(condition, Not):
        return exp.Not(this=exp.paren(predicate(condition.not_, frame, work, f"{path}.not"), copy=False))
    column = frame.find(condition.column, f"{path}.column")
    return _Test(condition, kind(column), frame.cells[column.name], frame, work, path).tree()


def _joined(how: Callable[..., exp.Expr], parts: list[exp.Expr]) -> exp.Expr:
    return parts[0] if len(parts) == 1 else exp.paren(how(*parts, copy=False), copy=False)


def comparable(left: str, right: str) -> bool:
    """May two columns of these BigQuery types be compared?"""
    return plain(left) and (left == right or (left in NUMBERS and right in NUMBERS))


@dataclass
class _Test:
    """One comparison while it is being compiled."""

    said: Compare
    type_: str
    cell: exp.Expr
    frame: Frame
    work: Work
    path: str

    def tree(self) -> exp.Expr:
        how, value = self.said.is_, self.said.value
        if how in ("is_null", "is_not_null"):
            empty = exp.Is(this=self.cell.copy(), expression=exp.Null())
            return empty if how == "is_null" else exp.Not(this=empty)
        if not plain(self.type_):
            fail(f"{self.path}.column", "type", f"{self.said.column!r} is of type {self.type_} and can only be tested with is_null and "
                 "is_not_null", "Derive a column of a plain type first, for instance with JSON_VALUE")
        if isinstance(value, Period):
            return self.period(value)
        if how in _TEXT:
            return self.text(str(value))
        if isinstance(value, list):
            return self.many(value)
        return self.one(how, value, f"{self.path}.value")

    def one(self, how: str, value: object, path: str) -> exp.Expr:
        if self.type_ in ("TIMESTAMP", "DATETIME") and how in ("=", "!=") and self.whole(value):
            inside = self.days(value, value, path, path)
            return inside if how == "=" else exp.Not(this=inside)
        other = self.value(value, path)
        if self.work.dialect != "duckdb":
            return _SIGNS[how](this=self.cell.copy(), expression=other)
        theirs = kind(self.frame.find(value.column, path)) if isinstance(value, Other) else ""
        return ordered(_SIGNS[how], self.cell.copy(), other, nan=(self.type_ == "FLOAT64", theirs == "FLOAT64"))

    def value(self, value: object, path: str) -> exp.Expr:
        if isinstance(value, Other):
            other = self.frame.find(value.column, f"{path}.column")
            if not comparable(self.type_, kind(other)):
                fail(path, "type", f"{self.said.column!r} is {self.type_} and {other.name!r} is {kind(other)}: they cannot be compared",
                     "Derive a column of the same type first, for instance with CAST")
            return self.frame.cell(other.name)
        if isinstance(value, Today):
            if self.type_ not in MOMENTS:
                fail(path, "type", f"{{today: {value.today}}} is a date, the column {self.said.column!r} is {self.type_}")
            return moment(shifted(self.work.now, value.today, path), self.type_, self.work.dialect)
        return literal(value, self.type_, self.work.dialect, path)

    def many(self, values: Sequence[object]) -> exp.Expr:
        at = f"{self.path}.value"
        if self.said.is_ == "between":
            return self.between(values, at)
        if any(isinstance(v, Other) for v in values) or (self.type_ in ("TIMESTAMP", "DATETIME") and any(map(self.whole, values))):
            tree = _joined(exp.or_, [self.one("=", v, f"{at}.{n}") for n, v in enumerate(values)])
        else:
            tree = exp.In(this=self.cell.copy(), expressions=[self.value(v, f"{at}.{n}") for n, v in enumerate(values)])
        return tree if self.said.is_ == "in" else exp.Not(this=tree)

    def between(self, values: Sequence[object], at: str) -> exp.Expr:
        low, high = values
        if self.type_ in ("TIMESTAMP", "DATETIME") and self.whole(high):
            return self.days(low, high, f"{at}.0", f"{at}.1")
        return exp.Between(this=self.cell.copy(), low=self.value(low, f"{at}.0"), high=self.value(high, f"{at}.1"))

    def whole(self, value: object) -> bool:
        return isinstance(value, Today) or is_day(value)

    def days(self, low: object, high: object, low_path: str, high_path: str) -> exp.Expr:
        """From `low` until the end of the day `high`."""
        last = shifted(self.work.now, high.today, high_path) if isinstance(high, Today) else day(str(high), high_path)
        after = moment(shifted(last, 1, high_path), self.type_, self.work.dialect)
        return self.half_open(self.value(low, low_path), after)

    def half_open(self, low: exp.Expr, after: exp.Expr) -> exp.Expr:
        return exp.paren(exp.and_(exp.GTE(this=self.cell.copy(), expression=low), exp.LT(this=self.cell.copy(), expression=after),
                                  copy=False), copy=False)

    def period(self, value: Period) -> exp.Expr:
        if self.type_ not in MOMENTS:
            fail(f"{self.path}.column", "type", f"in_period needs a date or time, {self.said.column!r} is {self.type_}")
        start, after = period(self.work.now, value.unit, value.offset, f"{self.path}.value")
        return self.half_open(moment(start, self.type_, self.work.dialect), moment(after, self.type_, self.work.dialect))

    def text(self, value: str) -> exp.Expr:
        if self.type_ != "STRING":
            fail(f"{self.path}.column", "type", f"{self.said.is_} needs a text, {self.said.column!r} is {self.type_}")
        pattern = exp.Literal.string(value)
        if self.said.is_ == "starts_with":
            return exp.StartsWith(this=self.cell.copy(), expression=pattern)
        if self.said.is_ == "contains":
            return exp.GT(this=exp.StrPosition(this=self.cell.copy(), substr=pattern), expression=exp.Literal.number(0))
        return like(self.cell.copy(), value, self.work, f"{self.path}.value")


def like(cell: exp.Expr, pattern: str, work: Work, path: str) -> exp.Expr:
    """LIKE with `%`, `_` and a backslash that takes their meaning away, which DuckDB must be told."""
    escapes = pattern.replace("\\\\", "")
    if escapes.endswith("\\") or any(escapes[n + 1] not in "%_" for n, c in enumerate(escapes[:-1]) if c == "\\"):
        fail(path, "pattern", f"the pattern {pattern[:80]!r} holds a backslash that takes the meaning of nothing away",
             "Write \\% or \\_ for the signs themselves, \\\\ for a backslash")
    tree: exp.Expr = exp.Like(this=cell, expression=exp.Literal.string(pattern))
    if work.dialect == "duckdb" and "\\" in pattern:
        tree = exp.Escape(this=tree, expression=exp.Literal.string("\\"))
    return tree
