"""Operations that look at many rows at once: groups, the best of them, and windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from flows.transform.frame import NUMBERS, Frame, Work, cast, fail, kind, new_name, plain, ranked, unique
from flows.transform.operations import Aggregate, Deduplicate, Grain, Measure, Order, Top, Window
from flows.transform.predicate import predicate
from flows.transform.rows import by, ordering
from flows.transform.scalars import call, guarded, naive, zoned
from flows.warehouse.base import Column

Ordered = tuple[tuple[str, bool], ...]
ZERO = exp.Literal.number(0)
_AVERAGE = {"INT64": "FLOAT64", "FLOAT64": "FLOAT64", "NUMERIC": "NUMERIC", "BIGNUMERIC": "BIGNUMERIC"}


# ---- aggregate
def aggregate(op: Aggregate, frame: Frame, work: Work, path: str) -> Frame:
    frame = frame.settled(work, order=False)
    if work.dialect == "bigquery" and any(m.fn == "median" for m in op.measures):
        frame = _medians(op, frame, work, path)
    columns, cells = [], {}
    for n, name in enumerate(op.by):
        column = frame.find(name, f"{path}.by.{n}")
        if not plain(kind(column)):
            fail(f"{path}.by.{n}", "type", f"{name!r} is {kind(column)} and cannot be grouped by")
        columns.append(column)
        cells[column.name] = frame.cell(column.name)
    for n, grain in enumerate(op.grain):
        column, cell = _grain(grain, frame, work, _at(op, n, path))
        columns.append(column)
        cells[column.name] = cell
    unique(columns, path)
    keys = [cell.copy() for cell in cells.values()]
    for n, measure in enumerate(op.measures):
        column, cell = _measure(measure, frame, work, f"{path}.measures.{n}")
        if measure.fn == "median" and f"_median_{n}" in frame.cells and work.dialect == "bigquery":
            cell = exp.AnyValue(this=frame.cell(f"_median_{n}"))
        columns.append(column)
        unique(columns, f"{path}.measures.{n}.as")
        cells[column.name] = cell
    body = frame.body.group_by(*keys) if keys else frame.body
    return Frame(tuple(columns), cells, body, closed=True)


def _at(op: Aggregate, n: int, path: str) -> str:
    return f"{path}.grain.{n}" if len(op.grain) > 1 else f"{path}.grain"


def _grain(grain: Grain, frame: Frame, work: Work, path: str) -> tuple[Column, exp.Expr]:
    column = frame.find(grain.column, f"{path}.column")
    name = new_name(grain.as_, f"{path}.as") if grain.as_ else column.name
    return replace(column, name=name), truncated(frame.cell(column.name), kind(column), grain.unit, work, f"{path}.unit")


def truncated(cell: exp.Expr, type_: str, unit: str, work: Work, path: str) -> exp.Expr:
    """A date or time cut down to its unit, of its own type. A week starts on Monday on both engines."""
    if type_ not in ("DATE", "DATETIME", "TIMESTAMP"):
        fail(path.removesuffix(".unit") + ".column", "type", f"a grain needs a date or time, the column is {type_}",
             "Derive one first, for instance with PARSE_DATE or CAST")
    if type_ == "DATE":
        if unit in ("minute", "hour"):
            fail(path, "grain", f"a DATE has no {unit}", "Use day, week, month, quarter or year")
        if unit == "day":
            return cell
    if work.dialect != "duckdb":
        return call(f"{type_}_TRUNC", cell, exp.var("ISOWEEK" if unit == "week" else unit.upper()))
    if type_ == "TIMESTAMP":
        return zoned(call("DATE_TRUNC", unit, naive(cell)))
    cut = call("DATE_TRUNC", unit, cell)
    return cast(cut, "DATE", work.dialect) if type_ == "DATE" else cut


def _measure(measure: Measure, frame: Frame, work: Work, path: str) -> tuple[Column, exp.Expr]:
    name = new_name(measure.name, f"{path}.as")
    where = predicate(measure.where, frame, work, f"{path}.where") if measure.where else None
    column = frame.find(measure.of, f"{path}.column") if measure.of else None
    type_ = kind(column) if column else ""
    if column and measure.fn in ("sum", "avg", "median", "ratio") and type_ not in NUMBERS:
        fail(f"{path}.column", "type", f"{measure.fn} needs a number, {column.name!r} is {type_}", _numeric_hint(type_))
    if column and measure.fn != "count" and not plain(type_):
        fail(f"{path}.column", "type", f"{measure.fn} needs a plain value, {column.name!r} is {type_}")
    cell = frame.cell(column.name) if column else exp.Literal.number(1)
    if measure.fn == "ratio":
        assert where is not None
        return Column(name, "FLOAT64"), ratio(_given(where, cell, ZERO.copy()), cell, type_, work)
    value = _given(where, cell) if where else cell
    out, tree = _folded(measure.fn, value, type_, work, counted=column is not None or where is not None)
    return Column(name, out, nullable="count" not in measure.fn), tree


def _numeric_hint(type_: str) -> str:
    return "Derive a number first: SAFE_CAST(... AS FLOAT64)" if type_ == "STRING" else ""


def _given(where: exp.Expr, cell: exp.Expr, otherwise: exp.Expr | None = None) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=where.copy(), true=cell.copy())], default=otherwise)


def _folded(fn: str, value: exp.Expr, type_: str, work: Work, *, counted: bool) -> tuple[str, exp.Expr]:
    """(type, tree) of an aggregate function over a value."""
    if fn == "count":
        return "INT64", exp.Count(this=value if counted else exp.Star())
    if fn == "count_distinct":
        return "INT64", exp.Count(this=exp.Distinct(expressions=[value]))
    if fn == "sum":
        return type_, total(exp.Sum(this=value), type_, work)
    if fn == "avg":
        return _AVERAGE[type_], average(exp.Avg(this=value), type_, work)
    odd = type_ == "FLOAT64" and work.dialect == "duckdb"
    if fn == "median":
        out = _AVERAGE[type_]
        tree = cast(exp.Anonymous(this="MEDIAN", expressions=[value]), out, work.dialect)
        return out, guarded(_any_nan(value), "a median of NaN is not told", tree) if odd else tree
    if fn == "min" and odd:  # one NaN makes it NaN, as on BigQuery; MAX is so anyway
        least: exp.Expr = exp.Case(ifs=[exp.If(this=_any_nan(value), true=exp.Max(this=value.copy()))], default=exp.Min(this=value))
        return type_, least
    return type_, (exp.Min if fn == "min" else exp.Max)(this=value)


def _any_nan(value: exp.Expr) -> exp.Expr:
    return call("BOOL_OR", call("ISNAN", value.copy()))


def total(tree: exp.Expr, type_: str, work: Work) -> exp.Expr:
    """A sum of its column's type. DuckDB's sum of INT64 is a HUGEINT, which Parquet keeps as a DOUBLE."""
    if work.dialect != "duckdb":
        return tree
    return bounded(tree, "a sum") if type_ == "FLOAT64" else cast(tree, type_, work.dialect)


def average(tree: exp.Expr, type_: str, work: Work) -> exp.Expr:
    """The average of NUMERIC is NUMERIC; DuckDB computes it as a DOUBLE."""
    if work.dialect != "duckdb":
        return tree
    if type_ in ("NUMERIC", "BIGNUMERIC"):
        work.note("the average of NUMERIC is computed with 15 digits here, with 38 on BigQuery")
        return cast(tree, type_, work.dialect)
    return bounded(tree, "an average") if type_ == "FLOAT64" else tree


def bounded(tree: exp.Expr, what: str) -> exp.Expr:
    """A sum or average of FLOAT64 on DuckDB, also over a window: where finite numbers did not give a finite one the query ends, as on
    BigQuery."""
    fold = tree.this if isinstance(tree, exp.Window) else tree
    value = fold.expressions[0] if isinstance(fold, exp.Anonymous) else fold.this
    fine: exp.Expr = call("BOOL_AND", call("ISFINITE", value.copy()))
    if isinstance(tree, exp.Window):
        over = tree.copy()
        over.set("this", fine)
        fine = over
    lost = exp.and_(exp.Not(this=call("ISFINITE", tree.copy())), fine, copy=False)
    return guarded(lost, f"{what} is too large for FLOAT64", tree)


def ratio(part: exp.Expr, whole: exp.Expr, type_: str, work: Work) -> exp.Expr:
    """Sum of a part by the sum of the whole as FLOAT64, NULL where the whole is 0. Ones, where there is no type, never overflow."""
    part, whole = (total(exp.Sum(this=side), type_, work) if type_ else exp.Sum(this=side) for side in (part, whole))
    return divided(part, whole, type_, work)


def divided(a: exp.Expr, b: exp.Expr, type_: str, work: Work) -> exp.Expr:
    """One number of a type by another as FLOAT64, NULL where that is 0."""
    a, b = (cast(side, "FLOAT64", work.dialect) for side in (a, b))
    if work.dialect == "bigquery":
        return exp.Anonymous(this="SAFE_DIVIDE", expressions=[a, b])
    tree = exp.Div(this=a, expression=exp.Nullif(this=b, expression=ZERO.copy()))
    if type_ != "FLOAT64":
        return tree
    over = exp.and_(call("ISINF", tree.copy()), exp.Not(this=call("ISINF", a.copy())), copy=False)
    return exp.Case(ifs=[exp.If(this=over, true=exp.Null())], default=tree)  # an overflow is empty, too


def _medians(op: Aggregate, frame: Frame, work: Work, path: str) -> Frame:
    """BigQuery has no median aggregate: it is computed beside each row first, per group, and any of them is taken."""
    found = [frame.find(name, f"{path}.by.{n}") for n, name in enumerate(op.by)]
    keys = [partition(frame.cell(c.name), kind(c), work) for c in found]
    keys += [_grain(grain, frame, work, _at(op, n, path))[1] for n, grain in enumerate(op.grain)]
    columns, cells = list(frame.columns), dict(frame.cells)
    for n, measure in enumerate(op.measures):
        if measure.fn == "median":
            column, value = _median_of(measure, frame, work, f"{path}.measures.{n}")
            columns.append(Column(f"_median_{n}", _AVERAGE[kind(column)]))
            middle = exp.Anonymous(this="PERCENTILE_CONT", expressions=[value, exp.Literal.number("0.5")])
            cells[f"_median_{n}"] = exp.Window(this=middle, partition_by=[key.copy() for key in keys])
    unique(columns, path)
    inner = replace(frame, columns=tuple(columns), cells=cells).settled(work)
    return replace(inner, columns=frame.columns)


def _median_of(measure: Measure, frame: Frame, work: Work, path: str) -> tuple[Column, exp.Expr]:
    column = frame.find(str(measure.of), f"{path}.column")
    if kind(column) not in NUMBERS:
        fail(f"{path}.column", "type", f"median needs a number, {column.name!r} is {kind(column)}")
    cell = frame.cell(column.name)
    return column, _given(predicate(measure.where, frame, work, f"{path}.where"), cell) if measure.where else cell


def partition(cell: exp.Expr, type_: str, work: Work) -> exp.Expr:
    """BigQuery does not start windows anew per FLOAT64; its text does as well, once -0 is 0."""
    if type_ == "FLOAT64" and work.dialect == "bigquery":
        return cast(exp.Add(this=cell.copy(), expression=ZERO.copy()), "STRING", work.dialect)
    return cell.copy()


# ---- the first rows by an order
def top(op: Top, frame: Frame, work: Work, path: str) -> Frame:
    if not op.per:
        frame = frame.settled(work, order=False) if frame.limit is not None else replace(frame, order=())
        return replace(frame, order=by(op.order_by, frame, f"{path}.order_by"), limit=op.n)
    order = by(op.order_by, frame, f"{path}.order_by")
    frame = frame.settled(work, order=False)
    per = _per(op.per, frame, work, f"{path}.per")
    groups = {frame.find(name, path).name: False for name in op.per}
    order = (*groups.items(), *(term for term in order if term[0] not in groups))
    return replace(_first(op.n, Along(per, order, frame, work)), order=order)


def deduplicate(op: Deduplicate, frame: Frame, work: Work, path: str) -> Frame:
    if not op.keys and op.keep:
        fail(f"{path}.keep", "keys", "without keys only equal rows are merged, so there is nothing to choose", "Name the keys")
    if not op.keys:
        return _distinct(frame, work, path)
    wish = [Order(column=op.keep.order_by, direction=op.keep.direction)] if op.keep else []
    frame = frame.settled(work)
    if op.keep:
        frame.find(op.keep.order_by, f"{path}.keep.order_by")
    order = by(wish, frame, f"{path}.keep")
    per = _per(op.keys, frame, work, f"{path}.keys")
    return _first(1, Along(per, order, frame, work))


def _first(n: int, along: Along) -> Frame:
    """The first n rows of each group."""
    body = along.frame.body.copy()
    body.set("qualify", exp.Qualify(this=exp.LTE(this=along.over(exp.RowNumber()), expression=exp.Literal.number(n))))
    return replace(along.frame, body=body, closed=True)


def _distinct(frame: Frame, work: Work, path: str) -> Frame:
    if odd := [c.name for c in frame.columns if not plain(kind(c))]:
        fail(f"{path}.keys", "type", f"{', '.join(odd)} cannot be compared, so equal rows cannot be found", "Name the keys")
    frame = frame.settled(work, order=False)
    return frame.with_body(frame.body.distinct(), closed=True).settled(work)


def _per(names: list[str], frame: Frame, work: Work, path: str) -> list[exp.Expr]:
    found = []
    for n, name in enumerate(names):
        column = frame.find(name, f"{path}.{n}")
        if not plain(kind(column)):
            fail(f"{path}.{n}", "type", f"{name!r} is {kind(column)} and cannot be grouped by")
        found.append(partition(frame.cell(column.name), kind(column), work))
    return found


@dataclass(frozen=True)
class Along:
    """Per what a window starts anew, and in which order it goes."""

    per: list[exp.Expr]
    order: Ordered
    frame: Frame
    work: Work

    def over(self, fn: exp.Expr, spec: exp.WindowSpec | None = None) -> exp.Window:
        """A function over the window. Empty cells come last: on BigQuery, where NULLS LAST is not allowed in every window, by a key
        of their own."""
        terms: list[exp.Expr] = []
        for name, desc in self.order:
            cell = self.frame.cell(name)
            if cell in self.per:
                continue  # the same for all rows of the window
            if self.work.dialect == "bigquery" and not desc:
                empty = exp.Is(this=cell.copy(), expression=exp.Null())
                terms += [exp.Ordered(this=empty, nulls_first=True), exp.Ordered(this=cell, nulls_first=True)]
            else:
                terms.append(ranked(cell, desc))
        if self.order and not terms:
            cell, big = self.frame.cell(self.order[0][0]), self.work.dialect == "bigquery"
            terms = [exp.Ordered(this=cell, nulls_first=True) if big else ranked(cell, False)]  # ranks need one, even one that says nothing
        order = exp.Order(expressions=terms) if terms else None
        return exp.Window(this=fn, partition_by=[key.copy() for key in self.per] or None, order=order, spec=spec)


# ---- windows
def window(op: Window, frame: Frame, work: Work, path: str) -> Frame:
    frame = frame.settled(work)
    name = new_name(op.name, f"{path}.as")
    column = frame.find(op.column, f"{path}.column") if op.column else None
    type_ = kind(column) if column else ""
    if op.fn in ("moving_avg", "moving_sum", "running_total", "share") and type_ not in NUMBERS:
        fail(f"{path}.column", "type", f"{op.fn} needs a number, {op.column!r} is {type_}")
    if any(c.name.casefold() == name.casefold() for c in frame.columns):
        fail(f"{path}.as", "duplicate", f"there is a column {name!r} already", "Give the new column another name with `as`")
    per = _per(op.over.per, frame, work, f"{path}.over.per")
    order = _along(op, frame, f"{path}.over")
    made, tree = _windowed(op, column, type_, Along(per, order, frame, work))
    return frame.replaced(Column(name, made), tree)


def _along(op: Window, frame: Frame, path: str) -> tuple[tuple[str, bool], ...]:
    """The order of a window; ranks keep their ties, all others are told apart by the other columns."""
    over = op.over
    if over.order_by is None or op.fn == "share":
        return ()  # a share is of the whole group, wherever the row stands in it
    named = isinstance(over.order_by, str)
    wish = [Order(column=over.order_by, direction=over.direction)] if isinstance(over.order_by, str) else over.order_by
    at = f"{path}.order_by"
    terms = [(frame.find(o.column, at if named else f"{at}.{n}.column"), o.direction == "desc") for n, o in enumerate(wish)]
    full = ordering(terms, frame.columns, at)
    return full[: len({c.name for c, _ in terms})] if op.fn in ("rank", "dense_rank") else full


def _windowed(op: Window, column: Column | None, type_: str, along: Along) -> tuple[str, exp.Expr]:
    """(type, tree) of a window function."""
    over, work = along.over, along.work
    if column is None or op.fn in ("row_number", "rank", "dense_rank"):
        return "INT64", over({"row_number": exp.RowNumber, "rank": exp.Rank, "dense_rank": exp.DenseRank}[op.fn]())
    cell = along.frame.cell(column.name)
    if op.fn == "share":
        return "FLOAT64", divided(cell, total(over(exp.Sum(this=cell.copy())), type_, work), type_, work)
    if op.fn in ("lag", "lead"):
        near: Any = exp.Lag if op.fn == "lag" else exp.Lead
        return type_, over(near(this=cell, offset=exp.Literal.number(op.over.rows or 1)))
    if op.fn in ("first", "last"):
        end: Any = exp.FirstValue if op.fn == "first" else exp.LastValue
        return type_, over(end(this=cell), _rows(None, "UNBOUNDED"))
    if op.fn == "moving_avg":
        return _AVERAGE[type_], average(over(exp.Avg(this=cell), _rows(op.over.rows)), type_, work)
    return type_, total(over(exp.Sum(this=cell), _rows(op.over.rows)), type_, work)


def _rows(back: int | None, ahead: str = "CURRENT ROW") -> exp.WindowSpec:
    """ROWS from `back` - 1 rows before (None: from the first) to this one, or to the last."""
    start = exp.Literal.number(back - 1) if back else "UNBOUNDED"
    if ahead == "UNBOUNDED":
        return exp.WindowSpec(kind="ROWS", start=start, start_side="PRECEDING", end="UNBOUNDED", end_side="FOLLOWING")
    return exp.WindowSpec(kind="ROWS", start=start, start_side="PRECEDING", end="CURRENT ROW")
