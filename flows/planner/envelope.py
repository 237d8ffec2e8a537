"""What stands around the steps of a spec: names, schedule, notifications, defaults, budget."""

from __future__ import annotations

import re
from typing import Any

from flows.planner.build import EXTENSION, Builder, stem
from flows.planner.holes import Ask, Hole

PROPER = {"bigquery": "BigQuery", "postgres": "PostgreSQL", "postgresql": "PostgreSQL", "duckdb": "DuckDB", "clickhouse": "ClickHouse",
          "snowflake": "Snowflake", "mysql": "MySQL", "sqlite": "SQLite", "gcs": "Google Cloud Storage", "s3": "S3", "csv": "CSV",
          "json": "JSON", "excel": "Excel", "parquet": "Parquet", "focus": "FOCUS", "genai": "GenAI", "api": "API", "utc": "UTC"}


def envelope(build: Builder, text: str) -> dict[str, Any]:
    """The spec around the steps: names, schedule, notifications, defaults, budget."""
    spec: dict[str, Any] = {"pipeline_id": pipeline_id(build)}
    spec["name"] = title(spec["pipeline_id"])
    spec["description"] = " ".join(text.split())[:300].replace("{", "{{").replace("}", "}}")
    for key in ("pipeline_id", "name", "description"):
        build.fact(key, spec[key])
    _schedule(build, spec)
    _notify(build, spec)
    _defaults(build, spec)
    if build.draft.budget:
        spec["budget"] = {k: s.value for k, s in build.draft.budget.items()}
        for key, said in build.draft.budget.items():
            build.said(f"budget.{key}", said)
    spec["steps"] = build.steps
    return spec


def title(pipeline_id: str) -> str:
    """The id as a person writes it: `Load orders to BigQuery`, `Export customers to CSV`."""
    first, *rest = pipeline_id.split("-")
    if first == "export" and len(rest) > 1 and rest[-1] in EXTENSION:
        rest.insert(-1, "to")
    return " ".join([PROPER.get(first, first[:1].upper() + first[1:]), *(PROPER.get(word, word) for word in rest)])


def pipeline_id(build: Builder) -> str:
    """Readable and stable: after the destination table, else after what is done to which tables."""
    draft = build.draft
    if draft.table is not None:
        words = str(draft.table.value).rpartition(".")[2]
    else:
        engine = draft.engine.value if draft.engine else ""
        verb = "export" if engine in EXTENSION else "load"
        words = f"{verb}-{stem(build)}" + (
            f"-{engine}"
            if engine in EXTENSION
            else f"-to-{draft.dataset.value if draft.dataset else engine}"
            if engine or draft.dataset
            else ""
        )
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:80] or "pipeline"


def _schedule(build: Builder, spec: dict[str, Any]) -> None:
    draft = build.draft
    asked = next((n for n, a in enumerate(build.asks.items) if a.slot in ("schedule", "schedule.time")), None)
    zone = draft.zone.value if draft.zone else "UTC"
    if draft.cron is not None:
        spec["schedule"] = {"cron": draft.cron.value, "timezone": zone}
        build.said("schedule.cron", draft.cron)
    elif asked is not None:
        spec["schedule"] = {"cron": Hole(asked, "cron"), "timezone": zone}
    elif draft.zone is not None:
        build.asks.add(Ask("schedule", "A time zone is named, but not when it should run. How often, and at what time?", draft.zone.span))
        return
    else:
        return
    build.fact("schedule.timezone", zone, draft.zone.span if draft.zone else None, "text" if draft.zone else "default")
    if draft.zone is None:
        build.notes.append(("schedule.timezone", "times are UTC"))


def _notify(build: Builder, spec: dict[str, Any]) -> None:
    if not build.draft.notify:
        return
    spec["notify"] = []
    for n, note in enumerate(build.draft.notify):
        entry = {"channel": note["channel"], "target": note["target"], "on": note["on"]}
        spec["notify"].append(entry)
        build.fact(f"notify.{n}", entry, note["span"], "text")
        if not note["said"]:
            build.fact(f"notify.{n}.on", entry["on"], None, "default")


def _defaults(build: Builder, spec: dict[str, Any]) -> None:
    draft = build.draft
    out: dict[str, Any] = {}
    if draft.retry or draft.backoff:
        retry = {"max_attempts": draft.retry.value if draft.retry else 4} | (
            {"backoff_seconds": draft.backoff.value} if draft.backoff else {}
        )
        out["retry"] = retry
        if draft.retry:
            build.said("defaults.retry.max_attempts", draft.retry)
            build.notes.append(("defaults.retry.max_attempts", f"{draft.retry.value} tries in all"))
        else:
            build.fact("defaults.retry.max_attempts", 4, None, "default")
        if draft.backoff:
            build.said("defaults.retry.backoff_seconds", draft.backoff)
    if draft.timeout:
        out["timeout_seconds"] = draft.timeout.value
        build.said("defaults.timeout_seconds", draft.timeout)
    if out:
        spec["defaults"] = out
