"""Operations on amounts: other currencies, and values that are far from the others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from sqlglot import exp

from flows.transform.casts import between_moments
from flows.transform.frame import MOMENTS, NUMBERS, Frame, Work, cast, col, fail, ident, kind, new_name
from flows.transform.groups import bounded, partition
from flows.transform.literals import moment
from flows.transform.operations import ConvertCurrency, FlagAnomalies
from flows.transform.scalars import Typed, call, finite, stop
from flows.warehouse.base import Column

_CODE = re.compile(r"[A-Z]{3}")
_WORTH = re.compile(r"(?:^|_)to_([a-z]{3})$")


# ---- currencies
@dataclass(frozen=True)
class _Rates:
    """The columns of a relation of rates, and the currency that a rate is given in."""

    name: str
    day: str
    currency: str
    rate: str
    base: str


def convert(op: ConvertCurrency, frame: Frame, work: Work, path: str) -> Frame:
    frame = frame.settled(work)
    amount = frame.find(op.column, f"{path}.column")
    if (type_ := kind(amount)) not in NUMBERS:
        fail(f"{path}.column", "type", f"an amount is a number, {op.column!r} is {type_}")
    given, code = _currency(op, frame, path)
    rates, day = _rates(op, work, path), _day(op, frame, work, path)
    body, worth = _worth(frame.body, rates, code, day, work)
    body, ours = _worth(body, rates, exp.Literal.string(op.to), day, work)
    type_ = type_ if type_ in ("NUMERIC", "BIGNUMERIC") else "FLOAT64"
    cell = _converted(frame.cell(amount.name), code, worth, ours, op, work)
    cell = cast(cell, type_, work.dialect) if type_ != "FLOAT64" else cell
    made = frame.with_body(body)
    if op.as_:
        return made.replaced(Column(new_name(op.as_, f"{path}.as"), type_), cell)
    made = made.replaced(replace(amount, type=type_), cell)
    return made.replaced(given, exp.Literal.string(op.to)) if given else made


def _currency(op: ConvertCurrency, frame: Frame, path: str) -> tuple[Column | None, exp.Expr]:
    """The column of currency codes and its cell, or no column and the one code."""
    names = [c.name for c in frame.columns]
    if _CODE.fullmatch(op.from_) and op.from_ not in names:
        return None, exp.Literal.string(op.from_)
    given = frame.find(op.from_, f"{path}.from")
    if kind(given) != "STRING":
        fail(f"{path}.from", "type", f"a currency is a text like EUR, {op.from_!r} is {kind(given)}")
    return given, frame.cell(given.name)


def _day(op: ConvertCurrency, frame: Frame, work: Work, path: str) -> exp.Expr:
    if op.date is None:
        return moment(work.now, "DATE", work.dialect)
    column = frame.find(op.date, f"{path}.date")
    if (type_ := kind(column)) not in MOMENTS:
        fail(f"{path}.date", "type", f"the date of a rate is a date or time, {op.date!r} is {type_}")
    cell = frame.cell(column.name)
    if type_ == "DATE":
        return cell
    return between_moments(Typed(cell, type_), "DATE") if work.dialect == "duckdb" else call("DATE", cell)


def _rates(op: ConvertCurrency, work: Work, path: str) -> _Rates:
    """Which column of the rates is which, told by type and name. Raises SpecError where that is open."""
    at = f"{path}.rates"
    columns = work.source(op.rates, at).columns
    names = [c.name for c in columns]
    dates = [c.name for c in columns if kind(c) == "DATE"]
    texts = [c.name for c in columns if kind(c) == "STRING"]
    codes = [name for name in texts if "currency" in name.lower()] or texts
    worths = [c.name for c in columns if kind(c) in NUMBERS and _WORTH.search(c.name.lower())]
    for found, what in ((dates, "DATE column"), (codes, "currency column"), (worths, "rate column, named like rate_to_usd,")):
        if len(found) != 1:
            fail(at, "rates", f"{op.rates!r} has {'no' if not found else 'more than one'} {what} among {', '.join(names)}",
                 "Select and rename its columns in a step before")
    base = worths[0].lower().rsplit("to_", 1)[1].upper()
    return _Rates(op.rates, dates[0], codes[0], worths[0], base)


def _worth(body: exp.Select, rates: _Rates, code: exp.Expr, day: exp.Expr, work: Work) -> tuple[exp.Select, exp.Expr]:
    """What one unit of a currency is worth beside each row: the last rate on or before the day.

    DuckDB has a join for that, where the day is a column. Else every rate gets the day on which it ends; as an outer join on
    BigQuery needs a column that is equal on both sides, the rates of one written-out currency begin with an empty one at the
    beginning of time, and the join is an inner one.
    """
    one = exp.Literal.number("1.0")
    fixed = isinstance(code, exp.Literal)
    if fixed and code.name == rates.base:
        return body, one
    name, known = work.alias("rate"), _known(rates, work, code if fixed else None)
    if work.dialect == "duckdb" and day.find(exp.Column):
        on: exp.Expr = exp.GTE(this=day.copy(), expression=col("since", name))
        side = "ASOF LEFT"
    else:
        on = _within(exp.Coalesce(this=day.copy(), expressions=[_beginning(work)]) if fixed else day, name)
        known, side = _spans(known, code if fixed else None, work), "INNER" if fixed else "LEFT"
    if not fixed:
        on = exp.and_(exp.EQ(this=col("currency", name), expression=code.copy()), on, copy=False)
    body = body.join(known.subquery(exp.TableAlias(this=ident(name)), copy=False), on=on, join_type=side)
    if fixed:
        return body, col("rate", name)
    itself = exp.EQ(this=code.copy(), expression=exp.Literal.string(rates.base))
    return body, exp.Case(ifs=[exp.If(this=itself, true=one)], default=col("rate", name))


def _within(day: exp.Expr, name: str) -> exp.Expr:
    until = col("until", name)
    last = exp.or_(exp.Is(this=until, expression=exp.Null()), exp.LT(this=day.copy(), expression=until.copy()), copy=False)
    return exp.and_(exp.LTE(this=col("since", name), expression=day.copy()), exp.paren(last, copy=False), copy=False)


def _beginning(work: Work) -> exp.Expr:
    return moment(date(1, 1, 1), "DATE", work.dialect)


def _known(rates: _Rates, work: Work, code: exp.Expr | None) -> exp.Select:
    """The rates that can be used, one a day and currency (of two the larger); with `code` those of one currency."""
    source = work.source(rates.name, "")
    day, currency, rate = (source.cell(n) for n in (rates.day, rates.currency, rates.rate))
    conditions = [exp.GT(this=rate.copy(), expression=exp.Literal.number(0)), exp.Not(this=exp.Is(this=day.copy(), expression=exp.Null()))]
    if code is not None:
        conditions.append(exp.EQ(this=currency.copy(), expression=code.copy()))
    cells = {"currency": currency, "rate": exp.Max(this=cast(rate, "FLOAT64", work.dialect)), "since": day}
    rows = source.body.copy().where(*conditions).group_by(currency.copy(), day.copy())
    rows.set("expressions", [exp.alias_(tree, ident(n)) for n, tree in cells.items()])
    return rows


def _spans(known: exp.Select, code: exp.Expr | None, work: Work) -> exp.Select:
    """Rates with the day on which the next one begins."""
    rows: exp.Query = known
    if code is not None:
        first = {"currency": code, "rate": cast(exp.Null(), "FLOAT64", work.dialect), "since": _beginning(work)}
        nothing = exp.Select(expressions=[exp.alias_(tree.copy(), ident(n)) for n, tree in first.items()])
        rows = exp.Union(this=known, expression=nothing, distinct=False)
    name = work.alias("known")
    along = exp.Order(expressions=[exp.Ordered(this=col("since", name), nulls_first=True)])
    until = exp.Window(this=exp.Lead(this=col("since", name)), partition_by=[col("currency", name)], order=along)
    cells = [col("currency", name), col("rate", name), col("since", name), exp.alias_(until, ident("until"))]
    return exp.Select(expressions=cells).from_(exp.Subquery(this=rows, alias=exp.TableAlias(this=ident(name))))


def _converted(amount: exp.Expr, code: exp.Expr, worth: exp.Expr, ours: exp.Expr, op: ConvertCurrency, work: Work) -> exp.Expr:
    """The amount in the other currency; where a rate is missing the query ends, unless there is nothing to convert."""
    lost = exp.or_(*(exp.Is(this=exp.paren(side), expression=exp.Null()) for side in (worth, ours)), copy=False)
    itself = cast(amount, "FLOAT64", work.dialect)
    value: exp.Expr = exp.Div(this=exp.Mul(this=itself.copy(), expression=worth.copy()), expression=ours.copy())
    if work.dialect == "duckdb":
        value = finite(value, (itself, exp.paren(worth)), f"a converted {op.column}")
    same = exp.EQ(this=code.copy(), expression=exp.Literal.string(op.to))
    message = f"a row of {op.column} has no rate to {op.to} in {op.rates} on or before its date"
    empty = exp.Is(this=amount.copy(), expression=exp.Null())
    return exp.Case(ifs=[exp.If(this=empty, true=exp.Null()), exp.If(this=same, true=itself), exp.If(this=lost, true=stop(message))],
                    default=value)


# ---- anomalies
def flag(op: FlagAnomalies, frame: Frame, work: Work, path: str) -> Frame:
    frame = frame.settled(work)
    column = frame.find(op.column, f"{path}.column")
    if kind(column) not in NUMBERS:
        fail(f"{path}.column", "type", f"anomalies are looked for in numbers, {op.column!r} is {kind(column)}")
    name = new_name(op.as_, f"{path}.as")
    if any(c.name.casefold() == name.casefold() for c in frame.columns):
        fail(f"{path}.as", "duplicate", f"there is a column {name!r} already", "Give the new column another name with `as`")
    per = [frame.find(n, f"{path}.per.{i}").name for i, n in enumerate(op.per)]
    robust = op.method == "robust_zscore"
    frame, middle = _beside(frame, "middle", _value(frame, column, work), per, "median" if robust else "avg", work)
    value = _off(frame, column, middle, work) if robust else _value(frame, column, work)
    frame, spread = _beside(frame, "spread", value, per, "median" if robust else "spread", work)
    off = _off(frame, column, middle, work)
    scaled = exp.Mul(this=exp.Literal.number("0.6745"), expression=off) if robust else off  # of a normal spread, the median distance
    limit = exp.Mul(this=exp.Literal.number(str(op.threshold)), expression=frame.cell(spread))
    far = exp.GT(this=scaled, expression=_bounded(limit, [frame.cell(spread)], work))
    sure = exp.and_(exp.GT(this=frame.cell(spread), expression=exp.Literal.number(0)), far, copy=False)
    kept = tuple(c for c in frame.columns if c.name not in (middle, spread))
    cells = {n: c for n, c in frame.cells.items() if n not in (middle, spread)}
    made = replace(frame, columns=kept, cells=cells)
    return made.replaced(Column(name, "BOOL", nullable=False), exp.Coalesce(this=sure, expressions=[exp.Boolean(this=False)]))


def _value(frame: Frame, column: Column, work: Work) -> exp.Expr:
    return frame.cell(column.name) if kind(column) == "FLOAT64" else cast(frame.cell(column.name), "FLOAT64", work.dialect)


def _off(frame: Frame, column: Column, middle: str, work: Work) -> exp.Expr:
    """How far a value is from the middle."""
    value, mid = _value(frame, column, work), frame.cell(middle)
    return exp.Abs(this=_bounded(exp.Sub(this=value, expression=mid), [value, mid], work))


def _bounded(tree: exp.Expr, given: list[exp.Expr], work: Work) -> exp.Expr:
    return finite(tree, given, "a distance") if work.dialect == "duckdb" else tree


def _beside(frame: Frame, word: str, value: exp.Expr, per: list[str], how: str, work: Work) -> tuple[Frame, str]:
    """The frame with a figure of the whole group beside each row, and the name of its column."""
    name = f"_{word}"
    while any(c.name.casefold() == name for c in frame.columns):
        name = f"_{name}"
    duck = work.dialect == "duckdb"
    fn = {"median": call("MEDIAN", value) if duck else call("PERCENTILE_CONT", value, exp.Literal.number("0.5")),
          "avg": exp.Avg(this=value), "spread": call("STDDEV_SAMP", value)}[how]
    kinds = {c.name: kind(c) for c in frame.columns}
    keys = [partition(frame.cell(n), kinds[n], work) for n in per]
    figure: exp.Expr = exp.Window(this=fn, partition_by=keys or None)
    if duck and how != "median":
        figure = bounded(figure, {"avg": "an average", "spread": "a spread"}[how])
    cells = {**frame.cells, name: figure}
    return replace(frame, columns=(*frame.columns, Column(name, "FLOAT64")), cells=cells).settled(work), name
