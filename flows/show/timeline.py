"""The runs of the last hours, one line per pipeline: the numbers of the Runs page's timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.show.states import state
from flows.show.units import day, seconds, several

LEAST = 420.0  # a bar is drawn at least 7 minutes wide, else nobody could hit it
LANES = 4


@dataclass(frozen=True)
class TimelineRun:
    """One run as a bar. Times in UTC; no `end`: it runs."""

    run_id: str
    pipeline: str
    status: str
    start: datetime
    end: datetime | None = None


def timeline_bars(runs: Sequence[TimelineRun], *, now: datetime, hours: int = 24) -> dict[str, Any]:
    """The chart as JSON data: a row per pipeline in the order of `runs`, runs at the same time below each other."""
    begin = now - timedelta(hours=hours)
    found: dict[str, list[TimelineRun]] = {}
    for run in runs:
        if (run.end or now) >= begin and run.start <= now:
            found.setdefault(run.pipeline, []).append(run)
    rows = [_row(name, sorted(mine, key=lambda run: run.start), begin, now) for name, mine in found.items()]
    return {"rows": rows, "end": hours * 3_600.0, "now": hours * 3_600.0, "ticks": _ticks(begin, hours),
            "unit": "time in UTC", "pick": "bar", "told": f"Runs of {several(len(rows), 'pipeline')} in the last {hours} hours"}


def _row(name: str, runs: list[TimelineRun], begin: datetime, now: datetime) -> dict[str, Any]:
    free = [float("-inf")] * LANES
    shown: list[dict[str, Any]] = []
    used = 0
    for run in runs:
        start, stop = max(0.0, (run.start - begin).total_seconds()), ((run.end or now) - begin).total_seconds()
        stop = max(stop, start + LEAST)
        lane = next((n for n, until in enumerate(free) if until <= start), free.index(min(free)))
        free[lane], used = stop, max(used, lane)
        look = state(run.status)
        took = seconds(((run.end or now) - run.start).total_seconds())
        said = f"{name}, {look.word.lower()}, {day(run.start.date())} at {run.start:%H:%M} UTC, {took}"
        shown.append({"id": run.run_id, "lane": lane, "start": start, "stop": stop, "live": not look.over, "colour": look.colour,
                      "aria": said, "title": said})
    return {"id": name, "label": name, "lanes": used + 1, "bars": shown, "icon": "", "word": "", "colour": "gray", "live": False,
            "text": "", "tries": "", "aria": name}


def _ticks(begin: datetime, hours: int) -> list[dict[str, Any]]:
    apart = next(n for n in (1, 2, 3, 6, 12, 24, 48, 10_000) if hours / n <= 9)
    first = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found = []
    for n in range(hours + 2):
        at = first + timedelta(hours=n)
        off = (at - begin).total_seconds()
        if at.hour % min(apart, 24) == 0 and 0 <= off <= hours * 3_600:
            found.append({"at": off, "text": f"{at:%H:%M}" if at.hour else f"{at.day} {at:%b}"})
    return found
