"""What a spec's own conditions and joins ask of rows: made-up rows that meet some of them show what the steps after them do."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp

@dataclass(frozen=True)
class Ask:
    """One comparison of a column with written values. `how` is an operator of conditions (`=`, `in`, `starts_with` ...)."""

    how: str
    values: tuple[Any, ...] = ()

    def candidates(self, type_: str, day: date) -> list[Any]:
        """Values of a BigQuery type that may fulfil it; whether one does is told by `holds`."""
        given = [value for value in (typed(v, type_, day) for v in self.values) if value is not None]
        if self.how == "is_null":
            return [None]
        if self.how in ("starts_with", "contains", "like"):
            return [re.sub(r"%", "", str(v)).replace("_", "x") if self.how == "like" else str(v) for v in self.values]
        if self.how == "in_period":
            first, last = period(self.values[0], day)
            return [v for v in (typed(d.isoformat(), type_, day) for d in (first + (last - first) // 2, first)) if v is not None]
        steps = {"<": (-1, -5), ">": (1, 5), ">=": (0, 3), "<=": (0, -3)}.get(self.how, (0,))
        near = [moved(value, by) for value in given for by in steps]
        return near if self.how != "between" or len(given) != 2 else [*near, moved(given[0], 1), moved(given[1], -1)]

    def holds(self, value: Any, type_: str, day: date) -> bool:
        """Does a value of this type fulfil it? What cannot be told does not."""
        if self.how in ("is_null", "is_not_null"):
            return (value is None) == (self.how == "is_null")
        if value is None:
            return False
        if self.how == "in_period":
            first, last = period(self.values[0], day)
            return first <= (value.date() if isinstance(value, datetime) else value) <= last
        if self.how in ("starts_with", "contains", "like"):
            return _matches(self.how, str(self.values[0]), str(value))
        given = [typed(v, type_, day) for v in self.values]
        if not given or any(v is None for v in given):
            return False
        with suppress(TypeError):
            return _compared(self.how, value, given)
        return False


def _matches(how: str, text: str, value: str) -> bool:
    if how == "like":
        return re.fullmatch("".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in text), value, re.S) is not None
    return value.startswith(text) if how == "starts_with" else text in value


def _compared(how: str, value: Any, given: Sequence[Any]) -> bool:
    if how in ("=", "in"):
        return any(_same(value, other) for other in given)
    if how in ("!=", "not_in"):
        return not any(_same(value, other) for other in given)
    if how == "between":
        return len(given) == 2 and bool(given[0] <= value <= given[1])
    one = given[0]
    return bool({">": value > one, ">=": value >= one, "<": value < one, "<=": value <= one}.get(how, False))


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, datetime) and isinstance(other, datetime) and other.time() == time():
        return value.date() == other.date()  # a date on a time means its whole day
    return bool(value == other)


def typed(value: Any, type_: str, day: date) -> Any:
    """A written value in a BigQuery type; None where it does not fit."""
    if isinstance(value, Mapping):
        return typed((day + timedelta(days=int(value["today"]))).isoformat(), type_, day) if "today" in value else None
    with suppress(ValueError, InvalidOperation, TypeError):
        if type_ == "INT64":
            return int(str(value)) if not isinstance(value, bool) else None
        if type_ in ("FLOAT64", "NUMERIC", "BIGNUMERIC"):
            return round(Decimal(str(value)), 9) if type_ != "FLOAT64" else float(value)
        if type_ == "DATE":
            return date.fromisoformat(str(value)[:10])
        if type_ in ("DATETIME", "TIMESTAMP"):
            found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
            return (found if found.tzinfo is None else found.astimezone(UTC)).replace(tzinfo=None)
        if type_ == "BOOL":
            return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())
        if type_ == "STRING" and not isinstance(value, (bool, bytes)):
            return str(value)
    return None


def moved(value: Any, by: int) -> Any:
    """A value some units further: a day, a whole number, for other kinds itself."""
    if isinstance(value, date):
        return value + timedelta(days=by)
    return value + by if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else value


def period(said: Any, day: date) -> tuple[date, date]:
    """First and last day of `{unit: month, offset: -1}`, seen from a day; weeks start on Monday."""
    unit, offset = str(said.get("unit", "day")), int(said.get("offset", 0))
    if unit in ("day", "week"):
        first = day + timedelta(days=offset) if unit == "day" else day - timedelta(days=day.weekday()) + timedelta(weeks=offset)
        return first, first + timedelta(days=0 if unit == "day" else 6)
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    start = (day.year * 12 + day.month - 1) // months * months + offset * months
    end = start + months - 1
    return date(start // 12, start % 12 + 1, 1), date(end // 12, end % 12 + 1, calendar.monthrange(end // 12, end % 12 + 1)[1])


@dataclass
class Wishes:
    """Asked of columns, by their name in lower case: the tables of which the first that has the column is meant, and what one step asks
    at once. `joins` are triples (column, table, column of that table)."""

    asked: dict[str, list[tuple[tuple[str, ...], tuple[Ask, ...]]]] = field(default_factory=dict)
    joins: list[tuple[str, str, str]] = field(default_factory=list)
    currencies: list[str] = field(default_factory=list)

    def of(self, column: str, table: str, first: Callable[[tuple[str, ...], str], str]) -> list[tuple[Ask, ...]]:
        """What is asked of a column of a table, step by step; `first` tells which of several tables has a column. After a join it may
        be called `<table>_<column>`."""
        own = [group for tables, group in self.asked.get(column.lower(), []) if first(tables, column) == table]
        return own + [group for _, group in self.asked.get(f"{table.rpartition('.')[2]}_{column}".lower(), [])]


def wishes(steps: Sequence[Mapping[str, Any]], values: Mapping[str, Any], day: date) -> Wishes:
    """What the steps of a spec ask, as plain data with their placeholders filled; `values` are those for placeholders in SQL."""
    found, alias = Wishes(), {}  # type: Wishes, dict[str, set[str]]
    tables: dict[str, tuple[str, ...]] = {}
    for step in steps:
        config, source = step.get("config") or {}, step.get("source") or {}
        read = [source.get("table"), config.get("input"), *(config.get("inputs") or [])]
        here = tuple(dict.fromkeys(table for name in read if isinstance(name, str) for table in tables.get(name, (name,))))
        tables[str(step.get("step_id"))] = here
        _note(found, [*_conditions(source.get("filter")), *_new(source.get("incremental"))], here)
        for operation in config.get("operations") or []:
            if isinstance(operation, Mapping):
                _operation(operation, found, alias, here, tables)
        for text in (config.get("query"), source.get("query")):
            if isinstance(text, str):
                _query(text, values, day, found, alias, tables)
    for name, groups in list(found.asked.items()):
        for old in _behind(name, alias):
            found.asked.setdefault(old, []).extend(groups)
    return found


def _note(found: Wishes, asks: Sequence[tuple[str, Ask]], tables: tuple[str, ...]) -> None:
    together: dict[str, list[Ask]] = {}
    for column, ask in asks:
        together.setdefault(column.lower(), []).append(ask)
        if "currency" in column.lower():
            found.currencies += [str(v) for v in ask.values if re.fullmatch(r"[A-Z]{3}", str(v))]
    for column, group in together.items():
        found.asked.setdefault(column, []).append((tables, tuple(group)))


def _new(said: Any) -> Iterator[tuple[str, Ask]]:
    """`{column, lookback}`: rows that are new on the day of the run."""
    if isinstance(said, Mapping) and isinstance(said.get("column"), str):
        yield said["column"], Ask(">=", ({"today": 0},))


def _conditions(tree: Any) -> Iterator[tuple[str, Ask]]:
    """The comparisons of a condition that can hold together: of several ways the first."""
    if not isinstance(tree, Mapping):
        return
    if isinstance(tree.get("all"), list):
        for part in tree["all"]:
            yield from _conditions(part)
    elif isinstance(tree.get("any"), list) and tree["any"]:
        yield from _conditions(tree["any"][0])
    elif isinstance(tree.get("column"), str) and isinstance(tree.get("is"), str):
        value = tree.get("value")
        values = tuple(value) if isinstance(value, list) else () if value is None else (value,)
        if not any(isinstance(v, Mapping) and "column" in v for v in values):
            yield tree["column"], Ask(tree["is"], values)


def _operation(operation: Mapping[str, Any], found: Wishes, alias: dict[str, set[str]], here: tuple[str, ...],
               tables: Mapping[str, tuple[str, ...]]) -> None:
    op = operation.get("op")
    _note(found, list(_conditions(operation.get("where"))), here)
    if op == "rename":
        for old, new in (operation.get("columns") or {}).items():
            alias.setdefault(str(new).lower(), set()).add(str(old).lower())
    for measure in operation.get("measures") or []:
        if isinstance(measure, Mapping):
            _note(found, list(_conditions(measure.get("where"))), here)
            name = measure.get("as") or f"{measure.get('fn')}_{measure.get('column')}"
            if measure.get("column") and measure.get("fn") in ("sum", "avg", "max", "min"):
                alias.setdefault(str(name).lower(), set()).add(str(measure["column"]).lower())
    if op == "join":
        right = str(operation.get("with"))
        found.joins += [(str(pair[0]).lower(), table, str(pair[1])) for pair in operation.get("on") or [] if len(pair) == 2
                        for table in tables.get(right, (right,))]
    if op == "convert_currency":
        found.currencies += [str(v) for v in (operation.get("to"), operation.get("from")) if re.fullmatch(r"[A-Z]{3}", str(v))]


def _behind(name: str, alias: Mapping[str, set[str]]) -> set[str]:
    """The columns that stand behind a name after renames and sums."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        for old in alias.get(todo.pop(), ()):
            if old not in seen and old != name:
                seen.add(old)
                todo.append(old)
    return seen


# ---- SQL
def _query(text: str, values: Mapping[str, Any], day: date, found: Wishes, alias: dict[str, set[str]],
           tables: Mapping[str, tuple[str, ...]]) -> None:
    """What a SELECT asks; one that cannot be read asks nothing here, and its own step says why."""
    from sqlglot import exp

    from flows.errors import InputError
    from flows.spec.binding import bind_sql
    from flows.warehouse.guard import one_query

    try:
        bound, params = bind_sql(text, values)
        tree = one_query(bound)
    except InputError:
        return
    names = {table.alias_or_name: tables.get(_path(table), (_path(table),)) for table in tree.find_all(exp.Table)}
    everywhere = tuple(dict.fromkeys(table for some in names.values() for table in some))
    asks: dict[tuple[str, ...], list[tuple[str, Ask]]] = {}
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Like):
        for column, ask in _comparison(node, params, day):
            asks.setdefault(names.get(column.table, everywhere), []).append((column.name, ask))
        _joined(node, names, found)
    for join in tree.find_all(exp.Join):
        keys = [key.name for key in join.args.get("using") or []]
        found.joins += [(key.lower(), table, key) for key in keys for table in names.get(join.this.alias_or_name, ())]
    for where, group in asks.items():
        _note(found, group, where)
    for item in tree.find_all(exp.Alias):
        behind = {column.name.lower() for column in item.this.find_all(exp.Column)}
        if len(behind) == 1 and item.this.find(exp.Count) is None:
            alias.setdefault(item.alias.lower(), set()).update(behind)


def _comparison(node: exp.Expr, params: Mapping[str, Any], day: date) -> Iterator[tuple[exp.Column, Ask]]:
    from sqlglot import exp

    words: dict[type[exp.Expr], str] = {exp.EQ: "=", exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.In: "in",
                                        exp.Between: "between", exp.Like: "like"}
    mirrored = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
    how, left = words[type(node)], node.this
    if isinstance(node, exp.In):
        others = list(node.expressions)
    elif isinstance(node, exp.Between):
        others = [node.args["low"], node.args["high"]]
    else:
        others = [node.expression]
        if not isinstance(left, exp.Column) and isinstance(others[0], exp.Column):
            left, others, how = others[0], [left], mirrored.get(how, how)
    if isinstance(node.parent, exp.Not) and how in ("in", "="):
        how = {"in": "not_in", "=": "!="}[how]
    if isinstance(left, exp.Cast | exp.Lower | exp.Upper | exp.Trim | exp.Date):
        left = left.this
    values = [_value(other, params, day) for other in others]
    if isinstance(left, exp.Column) and values and all(value is not None for value in values):
        yield left, Ask(how, tuple(values))


def _value(node: Any, params: Mapping[str, Any], day: date) -> Any:
    """What a written value is, near enough to meet a condition on it; None for what is no value."""
    from sqlglot import exp

    if isinstance(node, exp.Literal):
        return node.name
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return f"-{node.this.name}"
    if isinstance(node, exp.Parameter):
        value = params.get(node.name)
        return value.isoformat() if isinstance(value, date) else value
    if isinstance(node, exp.CurrentDate | exp.CurrentTimestamp | exp.CurrentDatetime):
        return {"today": 0}
    if isinstance(node, exp.DateSub | exp.DateAdd | exp.TimestampSub | exp.TimestampAdd | exp.DatetimeSub | exp.DatetimeAdd):
        base, count = _value(node.this, params, day), _value(node.expression, params, day)
        days = {"WEEK": 7, "MONTH": 30, "QUARTER": 91, "YEAR": 365, "HOUR": 0, "MINUTE": 0, "SECOND": 0}
        start = typed(base, "DATE", day)
        if start is None or not str(count).lstrip("-").isdigit():
            return None
        forward = 1 if isinstance(node, exp.DateAdd | exp.TimestampAdd | exp.DatetimeAdd) else -1
        return (start + forward * timedelta(days=int(count) * days.get(str(node.args.get("unit") or "DAY").upper(), 1))).isoformat()
    wrapped = (exp.Cast, exp.Paren, exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.Date, exp.Timestamp)
    return _value(node.this, params, day) if isinstance(node, wrapped) and node.this is not None else None


def _joined(node: exp.Expr, names: Mapping[str, tuple[str, ...]], found: Wishes) -> None:
    """`a.x = b.y`: rows of the two find each other by these columns."""
    from sqlglot import exp

    sides = (node.this, node.expression) if isinstance(node, exp.EQ) else ()
    if sides and all(isinstance(side, exp.Column) and side.table for side in sides) and sides[0].table != sides[1].table:
        for left, right in (sides, sides[::-1]):
            found.joins += [(left.name.lower(), table, right.name) for table in names.get(right.table, ())]


def _path(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts)
