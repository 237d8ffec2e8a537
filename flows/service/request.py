"""A request about runs as the card that a person confirms shows it: what, of which pipeline, for which dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flows.show.units import days, several

MOST_RUNS = 366
"""Dates of one backfill; a longer period is said in parts."""
VERBS = {"run": "Run", "backfill": "Backfill", "rerun": "Run again", "cancel": "Stop", "pause": "Pause the schedule of",
         "resume": "Switch the schedule on of"}


@dataclass(frozen=True)
class Request:
    """`dates` is empty for a run of the usual date. `resume_of` is the failed run whose failed steps run again, `run_id` the run that
    is stopped. `problem` says why it cannot be confirmed, and is empty when it can."""

    op: str
    pipeline_id: str = ""
    name: str = ""
    dates: tuple[date, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    runs: int = 0
    resume_of: str | None = None
    run_id: str | None = None
    words: str = ""
    problem: str = ""


def dates_of(asked: Mapping[str, Any]) -> tuple[date, ...]:
    """Every day from `start` to `end`, both included; none when no day is said."""
    if not asked.get("start"):
        return ()
    first = date.fromisoformat(str(asked["start"]))
    last = date.fromisoformat(str(asked.get("end") or asked["start"]))
    return tuple(first + timedelta(n) for n in range(min((last - first).days, MOST_RUNS) + 1))


def words_of(op: str, name: str, dates: tuple[date, ...], *, resume: bool = False) -> str:
    """One sentence for the card: `Backfill Orders for 1 to 7 November 2025: 7 runs, one at a time.`"""
    if op == "rerun" and resume:
        return f"Run the failed steps of {name} again. The steps before them keep their result."
    if op not in ("run", "backfill", "rerun"):
        return f"{VERBS.get(op, op)} {name}."
    if not dates:
        return f"{VERBS[op]} {name}: 1 run."
    many = ", one at a time" if len(dates) > 1 else ""
    return f"{VERBS[op]} {name} for {days(dates)}: {several(len(dates), 'run')}{many}."
