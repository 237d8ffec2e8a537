"""What a notebook shows of our objects: text, Markdown and script-free HTML in which every text is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from flows.show.draw import FONT, gantt_svg, graph_svg
from flows.show.gantt import GanttRow
from flows.show.outline import Drawn, steps_of
from flows.show.states import state
from flows.show.step import sentence
from flows.show.units import clock, rows, seconds, several
from flows.show.verdict import WHOLE

Bundle = dict[str, Any]
ROWS, COLUMNS, CELL = 10, 30, 300
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|$~:&-])")


def mark(text: Any) -> str:
    """A text as Markdown that shows exactly this text, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def cell(value: Any) -> str:
    """A value as text, at most 300 characters; nothing is said as null."""
    text = "null" if value is None else str(value)
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def table(columns: Sequence[str], found: Sequence[Sequence[Any]]) -> str:
    """An HTML table."""
    head = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in columns)
    body = "".join("<tr>" + "".join(f'<td style="text-align:left">{escape(cell(value))}</td>' for value in row) + "</tr>" for row in found)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def mark_table(columns: Sequence[str], found: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(map(mark, columns)) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(mark(cell(value)) for value in row) + " |" for row in found)])


def bundle(text: str, markdown: str, html: str, data: Any = None) -> Bundle:
    """The forms of one object by MIME type."""
    found: Bundle = {"text/plain": text, "text/markdown": markdown, "text/html": f'<div style="{FONT}">{html}</div>'}
    return found | ({"application/json": data} if data is not None else {})


def folded(title: str, text: str) -> str:
    """A long text that opens with a click."""
    return f"<details><summary>{escape(title)}</summary><pre style='white-space:pre-wrap'>{escape(text)}</pre></details>"


def spec_bundle(spec: Drawn, *, english: str = "", yaml: str = "", data: Any = None, lead: str = "", also: Sequence[str] = ()) -> Bundle:
    """A spec or draft: graph, a sentence for each step, English and YAML. `lead`: a line above; `also`: lines below, as a list."""
    plain = spec if isinstance(spec, Mapping) else spec.as_dict()
    name = str(plain.get("name") or plain.get("pipeline_id") or "Pipeline")
    steps = [(step["step_id"], sentence(step, spec)) for step in steps_of(spec)]
    title = f"{name}: {several(len(steps), 'step')}"
    text = "\n".join([title, *filter(None, [lead]), *(f"  {step}  {said}" for step, said in steps), *(f"  - {line}" for line in also)])
    markdown = "\n\n".join(filter(None, [f"**{mark(title)}**", mark(lead), mark_table(["step", "what it does"], steps),
                                        "\n".join(f"- {mark(line)}" for line in also)]))
    below = "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in also) + "</ul>" if also else ""
    html = (f"<p><strong>{escape(title)}</strong></p>" + (f"<p>{escape(lead)}</p>" if lead else "") + graph_svg(spec) + below
            + table(["step", "what it does"], steps) + (folded("In plain English", english) if english else "")
            + (folded("YAML", yaml) if yaml else ""))
    return bundle(text, markdown, html, data)


def graph_bundle(spec: Drawn) -> Bundle:
    """Only the drawing."""
    steps = steps_of(spec)
    lines = [f"{step['step_id']} ({step.get('ps_type', '?')})" for step in steps]
    return bundle("\n".join(lines), "\n".join(f"- {mark(line)}" for line in lines), graph_svg(spec))


def plan_bundle(result: Mapping[str, Any], *, yaml: str = "") -> Bundle:
    """A planner's answer, as plain data: the draft with its questions and assumptions."""
    questions = [q["message"] for q in result["questions"]]
    words = {"ready": "Ready to run. Nothing has run yet.", "refused": "Refused."}
    lead = words.get(result["status"], f"{several(len(questions), 'question')} to answer first.")
    also = [*(f"Question: {line}" for line in questions), *(f"Assumed: {a['text']}" for a in result["assumptions"]),
            *(f"Not used: {r['text']}" for r in result["residue"])]
    return spec_bundle(result["spec"], yaml=yaml, data=dict(result), lead=lead, also=also)


def preview_bundle(preview: Mapping[str, Any]) -> Bundle:
    """A preview, as plain data: each step's first rows, rejected rows and checks, where its rows are from and its verdict."""
    took, whole = seconds(preview["seconds"]), f" DuckDB and BigQuery: {WHOLE[preview['verdict']]}." if preview["verdict"] else ""
    title = f"Preview of {preview['pipeline_id']}: {several(len(preview['steps']), 'step')} in {took}. Nothing was written.{whole}"
    last = next((step for step in reversed(preview["steps"]) if step["columns"]), None)
    lines, marks, parts = [title], [f"**{mark(title)}**"], [f"<p><strong>{escape(title)}</strong></p>"]
    for step in preview["steps"]:
        look = state(step["status"], of="preview")
        count = [rows(step["row_count"])] if step["row_count"] is not None else []
        out = [f"{step['rejected']:,} rejected"] if step["rejected"] else []
        basis = [text for text in (step["basis"], ": ".join([step["verdict_words"], *([] if step["error"] else step["differs"])])) if text]
        said = " · ".join([look.word, *count, *basis, *out, *step["notes"], *([step["error"]] if step["error"] else []),
                           *(f"{c['check']}: {c['message']}" for c in step["checks"] if c["failed_rows"])])
        names = [column["name"] for column in step["columns"]][:COLUMNS]
        found = [[row.get(name) for name in names] for row in step["rows"][:ROWS]]
        lines.append(f"  {look.mark} {step['step_id']}  {said}")
        marks += [f"{mark(step['step_id'])}: {mark(said)}", *([mark_table(names, found)] if names else [])]
        rejects = _rejects(step["rejects"])
        shown = " open" if step is last or step["error"] else ""
        parts.append(f"<details{shown}><summary><strong>{escape(step['step_id'])}</strong> {escape(said)}</summary>"
                     f"{table(names, found) if names else ''}{rejects}</details>")
    return bundle("\n".join(lines), "\n\n".join(marks), "".join(parts), dict(preview))


def _rejects(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return ""
    names = list(dict.fromkeys(name for row in found[:ROWS] for name in row))[:COLUMNS]
    return "<p>Rejected rows</p>" + table(names, [[row.get(name) for name in names] for row in found[:ROWS]])


def run_bundle(run: Mapping[str, Any], *, now: datetime) -> Bundle:
    """A run, as plain data: its state, its steps as bars and as a table."""
    look = state(run["status"])
    begin = _time(run["started_at"]) or _time(run["created_at"]) or now
    title = f"{run['pipeline_id']}: {look.word}, run {run['run_id']}, {clock(begin)}"
    drawn, found = [], []
    for step in run["steps"]:
        start, end = _time(step["started_at"]), _time(step["ended_at"])
        took = ((end or now) - start).total_seconds() if start else None
        drawn.append(GanttRow(step["step_id"], step["step_id"], step["status"], (start - begin).total_seconds() if start else None,
                              (end - begin).total_seconds() if end else None, attempts=step["attempts"] or 1,
                              progress=(step.get("progress") or {}).get("words", "")))
        found.append((step["step_id"], state(step["status"], of="step").word, seconds(took) if took is not None else "",
                      "" if step["rows_processed"] is None else f"{step['rows_processed']:,}",
                      f"{step['rejected']:,}" if step.get("rejected") else "", step["error"] or ""))
    names = ["step", "state", "time", "rows", "rejected", "error"]
    passed = None if run["ended_at"] else (now - begin).total_seconds()
    error = run["error"] or ""
    text = "\n".join([title, *filter(None, [error]), *("  " + "  ".join(filter(None, row)) for row in found)])
    html = (f"<p><strong>{escape(title)}</strong></p>" + (f"<p>{escape(error)}</p>" if error else "")
            + gantt_svg(drawn, now=passed) + table(names, found))
    return bundle(text, "\n\n".join(filter(None, [f"**{mark(title)}**", mark(error), mark_table(names, found)])), html, dict(run))


def home_bundle(tenant: str, home: str, words: Sequence[tuple[str, str]], tables: Sequence[tuple[str, str, str]]) -> Bundle:
    """Penstock itself: whose it is, where its state lies, how it stands, and what tables there are."""
    facts = [("Tenant", tenant), ("Home", home), *words]
    shown = [*tables[:50]]
    more = [f"and {len(tables) - 50:,} more"] if len(tables) > 50 else []
    lines = [*(f"  {name}: {value}" for name, value in facts), *(f"  {name}  {about}" for name, about, _ in shown)]
    text = "\n".join(["Penstock", *lines, *more])
    names = ["table", "connection", "columns"]
    markdown = "\n\n".join(["**Penstock**", mark_table(["", "what"], facts), mark_table(names, shown), *more])
    rest = "".join(f"<p>{line}</p>" for line in more)
    return bundle(text, markdown, f"<p><strong>Penstock</strong></p>{table(['', ''], facts)}<p>Tables</p>{table(names, shown)}{rest}")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
