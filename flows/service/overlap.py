"""What days of a backfill would do to each other side by side, and whether they would all do the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from flows.errors import Problem
from flows.show import units
from flows.spec.model import FlowSpec, Step
from flows.spec.placeholder import as_text, fill, names

ONE = "Run one day at a time (at_once 1)"
RELATIVE = ("incremental", "today", "in_period")
"""What asks for rows by the run date without a placeholder."""


def overlaps(spec: FlowSpec, days: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Why days must not run side by side; none when each day's rows are its own, in whatever order the days end.

    `days` are the values of each run. Judged is what the spec says: an `append` replaces only the slice of its own run date and is
    safe, a table or file whose name holds the day is as well; whatever else may hit the same rows is refused.
    """
    found = [problem for n, step in enumerate(spec.steps) for problem in _step(spec, n, step, days)]
    written = {table for step in spec.steps if (table := str((step.destination or {}).get("table") or ""))}
    for n, step in enumerate(spec.steps):
        for table in sorted(written):
            if _reads(step, table):
                found.append(Problem(_place(spec, n, ""), "side_by_side", f"it reads {table}, which the same pipeline writes: "
                                     "a day needs the days before it", ONE))
    return found


def notes(spec: FlowSpec, days: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a person should know before so many runs: days that all do the same, days that are still to come."""
    said = []
    if len(days) > 1 and not uses_date(spec, days):
        said.append("no step uses the run date, so every day would read and write the same. Use {run_date}, or run it once")
    dates = [date.fromisoformat(str(values["run_date"])[:10]) for values in days]
    coming = [day for day in dates if day > datetime.now(UTC).date()]
    if coming:
        said.append(f"{units.several(len(coming), 'day is', 'days are')} still to come ({units.days(coming)}): their data may not be there")
    return said


def uses_date(spec: FlowSpec, days: Sequence[Mapping[str, Any]]) -> bool:
    """Does any step depend on the day, by a placeholder whose value changes or by an increment or a relative condition?"""
    changing = {name for name, value in days[0].items() if any(each.get(name) != value for each in days[1:])} or {"run_date", "date"}
    words = [text for step in spec.steps for text in _texts(step.model_dump(exclude_none=True))]
    return any(word in RELATIVE or changing.intersection(names(word)) for word in words)


def _step(spec: FlowSpec, n: int, step: Step, days: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    to = step.destination or {}
    if step.ps_type == "generic.procedure_executor":
        yield Problem(_place(spec, n, "config.procedure"), "side_by_side", "what a procedure writes cannot be seen from here, so two days "
                      "might write over each other", ONE)
    if step.ps_type == "aws.s3_to_bigquery" and not _differs((step.source or {}).get("path"), days):
        yield Problem(_place(spec, n, "source.path"), "side_by_side", "every day would look for new files in the same place", ONE +
                      ", or write {run_date} into the path")
    field = "path" if to.get("path") else "table"
    if not to.get(field) or _differs(to[field], days):
        return
    name, where = str(to[field]), _place(spec, n, f"destination.{field}")
    apart = f"{ONE}, or write {{run_date}} into the name"
    if field == "path" or to.get("engine") in ("parquet", "csv", "excel", "json"):
        yield Problem(where, "side_by_side", f"every day writes the same file, {name}", apart)
    elif to.get("engine") == "clickhouse":
        yield Problem(where, "side_by_side", f"ClickHouse has no lock with which two days could write to {name} at once", apart)
    else:
        why = _why(spec, days, str(to.get("mode") or _default(step.ps_type)), name)
        if why:
            yield Problem(_place(spec, n, "destination.mode"), "side_by_side", why,
                          f"{ONE}, or use mode append, which keeps each day's rows apart")


def _why(spec: FlowSpec, days: Sequence[Mapping[str, Any]], mode: str, name: str) -> str:
    if mode == "overwrite":
        return f"every day replaces the whole of {name}"
    if mode == "merge":
        return f"days that bring the same keys would replace each other's rows in {name}, in no order"
    if mode == "replace_partition" and "incremental" in {text for step in spec.steps for text in _texts(step.source)}:
        return f"an increment has no end, so days would replace each other's partitions of {name}"
    if mode == "replace_partition" and not uses_date(spec, days):
        return f"no step uses the run date, so days would replace each other's partitions of {name}"
    return ""


def _default(ps_type: str) -> str:
    """The mode when the spec says none."""
    from flows.engines.registry import engine

    block = engine(ps_type).Config.model_fields.get("destination")
    mode = block and getattr(block.annotation, "model_fields", {}).get("mode")
    return str(mode.default) if mode else "overwrite"


def _differs(text: Any, days: Sequence[Mapping[str, Any]]) -> bool:
    """Has this text another value on every day?"""
    return isinstance(text, str) and len({as_text(fill(text, values)) for values in days}) == len(days)


def _reads(step: Step, table: str) -> bool:
    word = re.compile(rf"(?<![\w.]){re.escape(table)}(?![\w.])")
    return any(word.search(text) for block in (step.source, step.config) for text in _texts(block))


def _texts(data: Any) -> Iterator[str]:
    """Every text in it, the keys as well."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield str(key)
            yield from _texts(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _texts(value)


def _place(spec: FlowSpec, n: int, field: str) -> str:
    return ".".join(part for part in ("steps", spec.steps[n].step_id, field) if part)
