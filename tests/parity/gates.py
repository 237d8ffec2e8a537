"""Generated checks, and what an extract reads of a table: said in specs, and once more in plain Python."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from hypothesis import strategies as st

from tests.parity import specs
from tests.parity.model import NUMBERS, TODAY, Row, Stop, Unclear, compare, holds
from tests.parity.phrases import PHRASES, Phrase
from tests.parity.pool import TYPES
from tests.parity.specs import NAMES, VALUES, Case, Relation, numbers

NOW = datetime.combine(TODAY, time(12), UTC)
KINDS = ["not_null", "unique", "positive", "between", "accepted", "matches", "foreign_key", "expression", "freshness"]
TRUE = [p for p in PHRASES if p.gives == "BOOL"]


@dataclass
class Promise:
    """Checks over the first of some relations; which rows each finds bad (none: it looks at all together), and what it counts."""

    relations: dict[str, Relation]
    checks: list[Row] = field(default_factory=list)
    bad: list[list[bool] | None] = field(default_factory=list)
    newest: dict[int, Any] = field(default_factory=dict)  # of the checks of freshness

    @property
    def rows(self) -> list[Row]:
        return self.relations["t"].table().rows


@st.composite
def promises(draw: Any) -> Promise:
    """One to five checks."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    columns = {n: draw(st.sampled_from(sorted(TYPES))) for n in names}
    right = {"key": draw(st.sampled_from(sorted(columns.values())))}
    made = Promise({"t": Relation(columns, numbers(draw, 16)), "u": Relation(right, numbers(draw, 30))})
    for _ in range(draw(st.integers(1, 5))):
        _add(draw, made)
    if not made.checks:
        made.checks, made.bad = [{"check": "row_count", "min": 1}], [None]
    return made


def _add(draw: Any, made: Promise) -> None:
    types, rows = made.relations["t"].types, made.rows
    name = draw(st.sampled_from(list(types)))
    kind = draw(st.sampled_from(KINDS))
    check: Row = {"check": kind, "column": name}
    if kind == "freshness":
        if types[name] not in specs.MOMENTS:
            return
        made.newest[len(made.checks)] = max((r[name] for r in rows if r[name] is not None), default=None)
        made.checks.append({**check, "max_age": draw(st.sampled_from(["90m", "24h", "700d"]))})
        made.bad.append(None)
        return
    found = _found(draw, check, made, types)
    if found is not None:
        made.checks.append({**check, "on_fail": draw(st.sampled_from(["fail", "quarantine", "quarantine", "warn"]))})
        made.bad.append(found)


def _found(draw: Any, check: Row, made: Promise, types: dict[str, str]) -> list[bool] | None:
    """Which rows the check finds bad; None where it does not fit the column. It fills in the check."""
    name, kind, rows = check["column"], check["check"], made.rows
    type_ = types[name]
    if kind == "not_null":
        return [r[name] is None for r in rows]
    if kind == "unique":
        check["columns"] = draw(st.lists(st.sampled_from(list(types)), min_size=1, max_size=2, unique=True))
        del check["column"]
        keys = [tuple(r[n] for n in check["columns"]) for r in rows]
        return [None not in key and keys.count(key) > 1 for key in keys]
    if kind == "positive":
        return [r[name] is not None and r[name] <= 0 for r in rows] if type_ in NUMBERS else None
    if kind == "matches":
        check["pattern"] = draw(st.sampled_from(["^[a-z]+$", "[0-9]", "a"]))
        phrase = {"^[a-z]+$": r"\A[a-z]+\Z", "[0-9]": "[0-9]", "a": "a"}[check["pattern"]]
        return [r[name] is not None and re.search(phrase, r[name]) is None for r in rows] if type_ == "STRING" else None
    if kind == "foreign_key":
        return _lost(check, made, type_)
    if kind == "expression":
        return _untrue(draw, check, made, types)
    return _outside(draw, check, rows, types)


def _lost(check: Row, made: Promise, type_: str) -> list[bool] | None:
    name, other = check.pop("column"), made.relations["u"]
    theirs = other.types["key"]
    if theirs != type_ and not {theirs, type_} <= set(NUMBERS):
        return None
    check |= {"columns": [name], "table": "u", "column": "key"}
    keys = [r["key"] for r in other.table().rows if r["key"] is not None]
    return [r[name] is not None and not any(compare(r[name], k) == 0 for k in keys) for r in made.rows]


def _untrue(draw: Any, check: Row, made: Promise, types: dict[str, str]) -> list[bool] | None:
    del check["column"]
    phrase: Phrase = draw(st.sampled_from(TRUE))
    fits = [[n for n, t in types.items() if t == want] for want in phrase.takes]
    if not all(fits):
        return None
    cells = [draw(st.sampled_from(some)) for some in fits]
    check["expression"] = phrase.text.format(*(f"`{c}`" for c in cells))
    check["_said"] = phrase.said.format(*(f"`{c}`" for c in cells))
    try:
        return [phrase.of(*(r[c] for c in cells)) is False for r in made.rows]
    except (Stop, Unclear):
        return None


def _outside(draw: Any, check: Row, rows: list[Row], types: dict[str, str]) -> list[bool]:
    """between and accepted, by the conditions that mean the same."""
    name = check["column"]
    plain = [v for v in VALUES[types[name]] if not isinstance(v, dict)]
    values = draw(st.lists(st.sampled_from(plain), min_size=1, max_size=2, unique=True))
    if check["check"] == "accepted":
        check["values"] = values
        said: Row = {"column": name, "is": "not_in", "value": values}
    elif len(values) == 2:
        if not isinstance(values[0], str):
            values = sorted(values)
        check |= {"min": values[0], "max": values[1]}
        said = {"not": {"column": name, "is": "between", "value": values}}
    else:
        low = draw(st.booleans())
        check["min" if low else "max"] = values[0]
        said = {"column": name, "is": "<" if low else ">", "value": values[0]}
    return [holds(said, r, types) is True for r in rows]


# ---- what an extract reads
@dataclass
class Reading:
    """A table, and which of its columns and rows are read."""

    relation: Relation
    select: list[str] | None
    where: Row | None
    since: tuple[str, date] | None

    def rows(self) -> list[Row]:
        types, rows = self.relation.types, self.relation.table().rows
        if self.where:
            rows = [r for r in rows if holds(self.where, r, types) is True]
        if self.since:
            said = {"column": self.since[0], "is": ">=", "value": self.since[1].isoformat()}
            rows = [r for r in rows if holds(said, r, types) is True]
        return [{n: r[n] for n in self.select} for r in rows] if self.select else rows


@st.composite
def readings(draw: Any) -> Reading:
    """A selection, a condition and a first day, each or none of them."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=7, unique=True))
    relation = Relation({n: draw(st.sampled_from(sorted(TYPES))) for n in names}, numbers(draw, 40))
    case = Case({"t": relation}, types=relation.types, rows=relation.table().rows)
    where = specs.condition(draw, case) if draw(st.booleans()) else None
    days = [n for n, t in relation.types.items() if t in specs.MOMENTS]
    since = (draw(st.sampled_from(days)), draw(st.dates(date(2024, 1, 1), date(2025, 12, 31)))) if days and draw(st.booleans()) else None
    select = draw(st.lists(st.sampled_from(names), min_size=1, unique=True)) if draw(st.booleans()) else None
    return Reading(relation, select, where, since)
