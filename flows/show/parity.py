"""What a notebook and a terminal show of a trial on both warehouses."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from flows.show.page import Bundle, bundle, cell, mark, mark_table, table
from flows.show.units import seconds, several

MARKS = {"same": "✓", "approximate": "≈", "bigquery-only": "◇", "different": "✗", "failed": "✗", "skipped": "–"}
WORDS = {"same": "same on both", "approximate": "approximate on DuckDB", "bigquery-only": "BigQuery only", "different": "different",
         "failed": "failed", "skipped": "not compared"}
EMULATOR = "an emulator of BigQuery, whose agreement proves less than BigQuery's own"
COLUMNS = 12


def told(where: Mapping[str, Any]) -> str:
    """Where BigQuery was, in words; an emulator is called one."""
    return f"BigQuery was {EMULATOR}." if where.get("emulator") else f"BigQuery was project {where.get('project')}."


def tried(certificate: Mapping[str, Any]) -> str:
    """`Version 3 of sales was tried on DuckDB 2.0.0 and BigQuery on 2026-11-20: same on both, at most 1,000 rows of each source.`"""
    made = certificate["versions"]
    return (f"Version {certificate['version']} of {certificate['pipeline_id']} was tried on DuckDB {made.get('duckdb', '?')} and BigQuery "
            f"on {certificate['tried_at'][:10]}: {WORDS[certificate['verdict']]}, at most {certificate['limit']:,} rows of each source "
            f"(Penstock {made.get('penstock', '?')}, sqlglot {made.get('sqlglot', '?')}). {told(certificate['where'])}")


def parity_bundle(parity: Mapping[str, Any]) -> Bundle:
    """A trial, as plain data: its verdict, a line a step, and the first rows that differ."""
    title = (f"{parity['pipeline_id']} on DuckDB and BigQuery: {parity['verdict_words']}, {several(len(parity['steps']), 'step')} in "
             f"{seconds(parity['seconds'])}. {parity['where_words']}")
    lines, marks, parts = [title], [f"**{mark(title)}**"], [f"<p><strong>{escape(title)}</strong></p>"]
    for step in parity["steps"]:
        said = line(step)
        names, found = rows(step)
        lines.append(f"  {MARKS[step['verdict']]} {step['step_id']}  {said}")
        marks += [f"{mark(step['step_id'])}: {mark(said)}", *([mark_table(names, found)] if found else [])]
        shown = table(names, found) if found else ""
        parts.append(f"<details{' open' if found else ''}><summary><strong>{escape(step['step_id'])}</strong> {escape(said)}</summary>"
                     f"{shown}</details>")
    return bundle("\n".join(lines), "\n\n".join(marks), "".join(parts), dict(parity))


def line(step: Mapping[str, Any]) -> str:
    """`same on both · 1,000 rows · notes`."""
    count = [] if step["rows"] is None else [several(step["rows"], "row")]
    return " · ".join([step["verdict_words"], *count, *([step["basis"]] if step["basis"] else []), *step["notes"]])


def rows(step: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The first rows that differ, those of one place below each other: all columns while they are few, else those that differ and the
    first ones. A cell that differs has a mark."""
    pairs = step["pairs"]
    differ = dict.fromkeys(name for pair in pairs for name in pair["cells"])
    names = [name for name in step["columns"] if name in differ]
    names = [name for name in step["columns"] if name in [*names, *[n for n in step["columns"] if n not in differ]][:COLUMNS]]
    found = []
    for pair in pairs:
        for side, word in (("local", "DuckDB"), ("bigquery", "BigQuery")):
            row = pair[side]
            cells = ["no such row" if n == 0 else "" for n in range(len(names))] if row is None else [
                f"{'≠ ' if name in pair['cells'] else ''}{cell(row.get(name))}" for name in names]
            found.append([word, *cells])
    return ["on", *names], found
