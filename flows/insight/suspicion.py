"""What looks wrong in a column, in words: numbers that are text, dates of two kinds, words for nothing, spaces, an empty column."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flows.insight.profile import ColumnProfile
from flows.warehouse.quoting import literal, name_sql

Ask = Callable[[str], list[tuple[Any, ...]]]

NOTHING = ("null", "n/a", "na", "none", "nil", "nan", "-", "--", "#n/a", "\\n", "?", "unknown", "missing")
SAMPLE = 2000
MOST = 0.8  # a column is taken for numbers or dates when this share of its values is
KEY_ROWS = 10
SHAPES = {
    "number": r"[-+]?([0-9]+([.][0-9]+)?|[.][0-9]+)([eE][-+]?[0-9]{1,3})?",
    "1,234.50": r"[-+]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?",
    "1.234,50": r"[-+]?([0-9]{1,3}([.][0-9]{3})+|[0-9]+),[0-9]+",
    "2025-11-03": r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ].*)?",
    "2025/11/03": r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}([T ].*)?",
    "03.11.2025": r"[0-9]{1,2}[.][0-9]{1,2}[.]([0-9]{2}|[0-9]{4})( .*)?",
    "03/11/2025": r"[0-9]{1,2}/[0-9]{1,2}/([0-9]{2}|[0-9]{4})( .*)?",
    "3 Nov 2025": r"[0-9]{1,2}[ -]\p{L}{3,9}[.]?[ -][0-9]{2,4}",
    "Nov 3, 2025": r"\p{L}{3,9}[.]? [0-9]{1,2},? [0-9]{4}",
}
STRANGE = "looks like a number, but"
FIGURES = ("number", "1,234.50", "1.234,50")
DAYS = tuple(name for name in SHAPES if name not in FIGURES)
TOTAL = re.compile(r"(?i)\s*(grand )?(total|totals|sum|summe|gesamt|gesamtsumme|insgesamt|subtotal)\b")


def judged(columns: Sequence[ColumnProfile], seen: int, table: str, ask: Ask) -> list[ColumnProfile]:
    """The columns with their notes. `ask` runs a statement; `table` holds the rows that were looked at."""
    return [replace(column, notes=(*column.notes, *_notes(column, seen, table, ask))) for column in columns]


def whole(columns: Sequence[ColumnProfile], seen: int, table: str, ask: Ask) -> list[str]:
    """What looks wrong in the rows as such: a total at the end, rows that are there twice."""
    notes = []
    texts = [column.name for column in columns if column.type == "STRING"]
    if seen > 1 and texts:
        last = ask(f"SELECT {', '.join(map(name_sql, texts))} FROM {table} LIMIT 1 OFFSET {seen - 1}")[0]
        found = next((text for text in last if text and TOTAL.match(text)), None)
        if found:
            notes.append(f"the last row looks like a total ({found[:40]!r}): left in, it counts twice")
    twice = seen - int(ask(f"SELECT count(*) FROM (SELECT DISTINCT * FROM {table})")[0][0]) if columns else 0
    if twice:
        notes.append(f"{_rows(twice)} {'is an exact copy of another row' if twice == 1 else 'are exact copies of other rows'}")
    return notes


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _values(count: int) -> str:
    return f"{count:,} value{'' if count == 1 else 's'}"


def _notes(column: ColumnProfile, seen: int, table: str, ask: Ask) -> list[str]:
    there = seen - column.nulls
    if not there:
        return ["empty column"] if seen else []
    notes = []
    if column.exact and column.distinct == there == seen and seen >= KEY_ROWS and column.type in ("INT64", "STRING", "NUMERIC"):
        notes.append("all values are unique: a key?")
    if column.distinct == 1 and there == seen and seen >= KEY_ROWS:
        notes.append("the same value in every row")
    return (_text_notes(column, there, table, ask) if column.type == "STRING" else []) or notes


def _text_notes(column: ColumnProfile, there: int, table: str, ask: Ask) -> list[str]:
    name = name_sql(column.name)
    value = f"trim({name})"
    nothing = ", ".join(map(literal, NOTHING))
    spaced, empty = ask(f"SELECT count(*) FILTER (WHERE {name} <> {value}), count(*) FILTER (WHERE {value} = '') FROM {table}")[0]
    notes = []
    if spaced:
        notes.append(f"leading or trailing spaces in {_values(spaced)}")
    if empty:
        notes.append(f"{_values(empty)} of spaces only")
    shape = _shape_notes(column, there, table, ask, value)
    words = ask(f"SELECT {value}, count(*) FROM {table} WHERE lower({value}) IN ({nothing}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3")
    if words and not any(STRANGE in note for note in shape):
        notes.append(f"{_listed(words)} may stand for no value")
    return notes + shape


def _shape_notes(column: ColumnProfile, there: int, table: str, ask: Ask, value: str) -> list[str]:
    """Text that is nearly all numbers, or nearly all dates. Tried on the first rows before all rows are asked."""
    tests = {shape: f"regexp_full_match({value}, {literal(rule)})" for shape, rule in SHAPES.items()}
    counts = ", ".join(f"count(*) FILTER (WHERE {test})" for test in tests.values())
    some = f"(SELECT * FROM {table} WHERE {name_sql(column.name)} IS NOT NULL LIMIT {SAMPLE})"
    first = dict(zip(tests, ask(f"SELECT {counts} FROM {some}")[0], strict=True))
    if not sum(first.values()) >= MOST / 2 * min(there, SAMPLE):
        return []
    found = dict(zip(tests, ask(f"SELECT {counts} FROM {table}")[0], strict=True))
    figures, days = sum(found[shape] for shape in FIGURES), sum(found[shape] for shape in DAYS)
    if days >= MOST * there:
        return _day_notes({shape: found[shape] for shape in DAYS if found[shape]}, there - days)
    if figures < MOST * there:
        return []
    fits = " OR ".join(tests[shape] for shape in FIGURES)
    odd = ask(f"SELECT {value}, count(*) FROM {table} WHERE NOT ({fits}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3") if figures < there else []
    return _figure_notes(found, there - figures, odd, table, value, ask)


def _figure_notes(found: dict[str, int], strange: int, odd: Sequence[tuple[Any, ...]], table: str, value: str, ask: Ask) -> list[str]:
    notes = []
    if strange:
        verb = "is not" if strange == 1 else "are not"
        notes.append(f"{STRANGE} {_values(strange)} {verb}: {_listed(odd)}")
    grouped = [shape for shape in FIGURES[1:] if found[shape]]
    if grouped:
        ways = " and ".join(f"{found[shape]:,} like {shape}" for shape in grouped)
        notes.append(f"numbers written with separators ({ways}) are read as text")
    if not strange and not grouped:
        zeros = ask(f"SELECT count(*) FROM {table} WHERE regexp_full_match({value}, '[-+]?0[0-9]+')")[0][0]
        if zeros:
            notes.append(f"{_values(zeros)} with leading zeros: kept as text, like a code")
    return notes


def _day_notes(found: dict[str, int], strange: int) -> list[str]:
    ways = sorted(found.items(), key=lambda item: -item[1])
    notes = []
    if len(ways) > 1:
        notes.append("mixed date formats: " + ", ".join(f"{count:,} like {shape}" for shape, count in ways))
    elif not strange and ways[0][0] != "2025-11-03":
        notes.append(f"dates written like {ways[0][0]} are read as text")
    if strange:
        notes.append(f"looks like a date, but {_values(strange)} {'is' if strange == 1 else 'are'} not")
    return notes


def _listed(found: Sequence[tuple[Any, ...]]) -> str:
    return ", ".join(f"{str(text)[:30]!r} ({count:,})" for text, count in found)
