"""Two answers to one question, told apart: columns, rows as a multiset, and their order where one was asked for."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flows.errors import InputError
from flows.run.plain import plain
from flows.warehouse.base import Column

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

SHOWN = 5  # differing rows of each side
DIGITS = 1e-9  # relative: the order in which a warehouse adds up floats is its own
PARTNERS = 200  # rows among which the partner of a differing row is looked for
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Pair:
    """A row that DuckDB gives and the one that BigQuery gives in its place, None where there is none; `cells` are the columns that
    differ."""

    local: dict[str, Any] | None
    bigquery: dict[str, Any] | None
    cells: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"local": plain(self.local), "bigquery": plain(self.bigquery), "cells": list(self.cells)}


@dataclass
class Difference:
    """What is not the same, in words and by its first rows; nothing when all is."""

    said: list[str] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.said)


def compare(local: pa.Table, bigquery: pa.Table, order: Sequence[str] = ()) -> Difference:
    """Two tables, held against each other: names and types of columns, rows however they come, and the order of the columns in
    `order`; rows that are equal in these may come in any order.

    NUMERIC is exact, FLOAT64 agrees in nine digits, JSON by its content, NULL is NULL and NaN is NaN.
    """
    found = Difference(said=_columns(columns(local), columns(bigquery)))
    there = {name.casefold(): n for n, name in enumerate(bigquery.column_names)}
    names = [name for name in local.column_names if name.casefold() in there]
    left, right = _rows(local, names), _rows(bigquery, [bigquery.column_names[there[name.casefold()]] for name in names])
    only, other = _left_over([_keys(row) for row in left], [_keys(row) for row in right])
    if len(left) != len(right):
        found.said.append(f"{len(left):,} rows on DuckDB, {len(right):,} on BigQuery")
    if only or other:
        found.said.append(f"{max(len(only), len(other)):,} of {max(len(left), len(right)):,} rows differ")
        found.pairs = _paired([left[n] for n in only], [right[n] for n in other], names)
    elif order and not found.said:
        _ordered(found, left, right, names, [names.index(name) for name in order])
    return found


def columns(table: pa.Table) -> tuple[Column, ...]:
    """The columns of an answer by their BigQuery types."""
    from flows.warehouse.bq.stage import columns_of
    from flows.warehouse.bqtypes import normal

    def spelled(kind: str) -> str:
        try:
            return normal(kind)
        except InputError:  # GEOGRAPHY, RANGE: there is no other spelling of them here
            return kind

    return tuple(Column(column.name, spelled(column.type)) for column in columns_of(table.schema))


def order_of(data: str | exp.Expr, names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """(the columns of the result that its last operation orders by, why they cannot be told). Neither for a query without an order."""
    from sqlglot import exp

    from flows.warehouse import guard

    tree = guard.one_query(data) if isinstance(data, str) else data
    order = tree.args.get("order")
    if order is None:
        return (), ""
    known = {name.casefold(): name for name in names}
    selected = tree.selects if isinstance(tree, exp.Query) else []
    shown = {item.unalias().sql("bigquery").casefold(): item.alias_or_name for item in selected}
    found = []
    for item in order.expressions:
        by = item.this
        place = int(by.name) if isinstance(by, exp.Literal) and not by.is_string else 0
        word = names[place - 1] if 0 < place <= len(names) else shown.get(by.sql("bigquery").casefold()) or (
            by.name if isinstance(by, exp.Column) else "")
        if word.casefold() not in known:
            return (), f"its rows are ordered by {by.sql('bigquery')[:60]}, which is no column of the result: the order is not compared"
        found.append(known[word.casefold()])
    return tuple(found), ""


# ---- columns
def _columns(local: Sequence[Column], bigquery: Sequence[Column]) -> list[str]:
    said = []
    here, there = ({column.name.casefold(): column for column in side} for side in (local, bigquery))
    said += [f"column {column.name} is only on DuckDB" for name, column in here.items() if name not in there]
    said += [f"column {column.name} is only on BigQuery" for name, column in there.items() if name not in here]
    both = [(column, there[name]) for name, column in here.items() if name in there]
    said += [f"column {mine.name} is spelled {its.name} on BigQuery" for mine, its in both if mine.name != its.name]
    said += [f"column {mine.name} is {mine.type} on DuckDB and {its.type} on BigQuery" for mine, its in both if mine.type != its.type]
    if not said and list(here) != list(there):
        mine, its = (", ".join(column.name for column in side) for side in (local, bigquery))
        said.append(f"columns come as {mine} on DuckDB and as {its} on BigQuery")
    return said


# ---- rows
def _rows(table: pa.Table, names: Sequence[str]) -> list[Row]:
    kinds = {column.name: column.type for column in columns(table)}
    cells = [[_json(value) for value in table[name].to_pylist()] if kinds[name] == "JSON" else table[name].to_pylist() for name in names]
    return list(zip(*cells, strict=True)) if cells else [()] * table.num_rows


class _Json:
    """A JSON value by its content; its text is what is shown."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.content = json.loads(text)

    def __str__(self) -> str:
        return self.text


def _json(text: Any) -> Any:
    try:
        return text if text is None else _Json(text)
    except (TypeError, ValueError):
        return text


def _keys(row: Row) -> Row:
    return tuple(_key(value) for value in row)


def _key(value: Any) -> Row:
    """A value as something that can be counted: equal keys are equal values of one type."""
    if value is None or isinstance(value, bool):
        return ("b", value)
    if isinstance(value, float):
        return ("f", "NaN") if math.isnan(value) else ("f", value + 0.0)
    if isinstance(value, int | Decimal):
        return ("n", Decimal(value))
    if isinstance(value, datetime):
        return ("t", value.astimezone(UTC)) if value.tzinfo else ("dt", value)
    if isinstance(value, date | time | bytes | str):
        return (type(value).__name__, value)
    if isinstance(value, _Json):
        return ("j", _content(value.content))
    if isinstance(value, dict):
        return ("r", *((name, _key(part)) for name, part in value.items()))
    if isinstance(value, Iterable):
        return ("l", *(_key(part) for part in value))
    return (type(value).__name__, str(value))


def _content(value: Any) -> Row:
    """JSON has one kind of number, and its objects no order."""
    if isinstance(value, dict):
        return ("r", *((name, _content(value[name])) for name in sorted(value)))
    if isinstance(value, list):
        return ("l", *(_content(part) for part in value))
    return ("f", float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else _key(value)


def _near(one: Any, other: Any) -> bool:
    """Are two keys equal but for the last digits of floats?"""
    if not (isinstance(one, tuple) and isinstance(other, tuple)):
        return bool(one == other)
    if len(one) != len(other):
        return False
    if one[:1] == other[:1] == ("f",) and isinstance(one[1], float) and isinstance(other[1], float):
        return math.isclose(one[1], other[1], rel_tol=DIGITS, abs_tol=1e-12)
    return all(map(_near, one, other))


def _firm(key: Any) -> Any:
    """A key without its floats: rows that are near have the same."""
    if not isinstance(key, tuple):
        return key
    return ("f",) if key[:1] == ("f",) else tuple(map(_firm, key))


def _left_over(left: Sequence[Row], right: Sequence[Row]) -> tuple[list[int], list[int]]:
    """The positions of rows that have no equal on the other side, each counted as often as it comes."""
    mine, its = _beyond(left, right), _beyond(right, left)
    groups = defaultdict(list)
    for n in its:
        groups[_firm(right[n])].append(n)
    only, taken = [], set()
    for n in mine:
        partner = next((m for m in groups[_firm(left[n])] if m not in taken and _near(left[n], right[m])), None)
        if partner is None:
            only.append(n)
        else:
            taken.add(partner)
    return only, [n for n in its if n not in taken]


def _beyond(rows: Sequence[Row], others: Sequence[Row]) -> list[int]:
    there, found = Counter(others), []
    for n, row in enumerate(rows):
        if there[row] > 0:
            there[row] -= 1
        else:
            found.append(n)
    return found


# ---- what is shown
def _paired(left: Sequence[Row], right: Sequence[Row], names: Sequence[str]) -> list[Pair]:
    """The first differing rows, each beside the row of the other side that it is most like."""
    free, pairs = list(range(min(len(right), PARTNERS))), []
    for row in left[:SHOWN]:
        mine = _keys(row)
        scored = [(sum(map(_near, mine, _keys(right[n]))), -n) for n in free]
        alike, place = max(scored, default=(0, 0))
        if alike * 2 < len(names) and not (len(names) < 2 and scored):
            pairs.append(Pair(_shown(row, names), None))
            continue
        free.remove(-place)
        pairs.append(_pair(row, right[-place], names))
    alone = [pair for pair in pairs if pair.bigquery is None]
    more = free[:SHOWN - len(pairs) + len(alone)]
    return [*pairs, *(Pair(None, _shown(right[n], names)) for n in more)]


def _pair(row: Row, other: Row, names: Sequence[str]) -> Pair:
    cells = tuple(name for name, a, b in zip(names, row, other, strict=True) if not _near(_key(a), _key(b)))
    return Pair(_shown(row, names), _shown(other, names), cells)


def _shown(row: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, _Json) else value for name, value in zip(names, row, strict=True)}


def _ordered(found: Difference, left: Sequence[Row], right: Sequence[Row], names: Sequence[str], by: Sequence[int]) -> None:
    wrong = [n for n, (a, b) in enumerate(zip(left, right, strict=True)) if not all(_near(_key(a[c]), _key(b[c])) for c in by)]
    if wrong:
        found.said.append(f"the same rows come in another order, from row {wrong[0] + 1} on")
        found.pairs = [_pair(left[n], right[n], names) for n in wrong[:SHOWN]]
