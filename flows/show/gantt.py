"""When each step ran, as bars over one time axis: the numbers that the app's chart and the notebook's drawing share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, cast

from flows.show.states import Of, state
from flows.show.units import seconds, several

# distances of ticks that people read without counting
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)
_UNITS = ((3_600, "hours", "h"), (60, "minutes", "min"), (0, "seconds", "s"))


@dataclass(frozen=True)
class GanttRow:
    """One step: `start` and `end` in seconds since the run began; no start: it waits; no end: it runs. `text` stands beside the bar,
    `progress` says how far a bar is that grows."""

    step_id: str
    label: str
    status: str
    start: float | None = None
    end: float | None = None
    text: str = ""
    attempts: int = 1
    progress: str = ""


def ticks(length: float, most: int = 7) -> tuple[float, list[tuple[float, str]], str]:
    """Where the axis ends, its ticks as (seconds, text) and the unit they are said in. `length` in seconds."""
    length = max(length, 0.01)
    apart = next((step for step in _STEPS if length / step <= most), 86_400.0 * ceil(length / 86_400 / most))
    end = apart * ceil(length / apart - 1e-9)
    size, unit, _ = next(u for u in _UNITS if apart >= u[0])
    return end, [(n * apart, f"{n * apart / (size or 1):g}") for n in range(floor(end / apart + 0.5) + 1)], unit


def bars(rows: Sequence[GanttRow], *, now: float | None = None, of: str = "step") -> dict[str, Any]:
    """The chart as JSON data. `now`: seconds since the run began, for bars that are not over; else the latest time that is known."""
    known = [t for row in rows for t in (row.start, row.end) if t is not None]
    latest = max([now or 0.0, *known])
    live = any(_live(row) for row in rows)
    end, marks, unit = ticks(latest * 1.08 + 0.2 if live else latest)  # room to grow until the next look
    return {"rows": [_row(row, latest, of) for row in rows], "end": end, "now": latest,
            "ticks": [{"at": at, "text": text} for at, text in marks], "unit": f"{unit} since the start", "pick": "row",
            "told": f"Time of {several(len(rows), 'step')}"}


def _live(row: GanttRow, of: str = "step") -> bool:
    return row.start is not None and row.end is None and not state(row.status, of=cast("Of", of)).over


def _row(row: GanttRow, latest: float, of: str) -> dict[str, Any]:
    look = state(row.status, of=cast("Of", of))
    live = _live(row, of)
    stop = row.end if row.end is not None else latest
    took = seconds(stop - row.start) if row.start is not None else ""
    text = row.text or (f"{look.word} · {took}" if took and look.colour != "green" else took or look.word)
    tries = f"{row.attempts} tries" if row.attempts > 1 else ""
    progress = row.progress if live else ""
    said = ", ".join(filter(None, (row.label, look.word.lower(), row.text or took, progress, tries)))
    bar = {"id": row.step_id, "lane": 0, "start": row.start, "stop": max(stop, row.start), "live": live, "colour": look.colour,
           "aria": said, "title": said} if row.start is not None else None
    return {"id": row.step_id, "label": row.label, "lanes": 1, "bars": [bar] if bar else [], "icon": look.icon, "colour": look.colour,
            "live": live, "word": look.word, "text": text if not (live and not row.text) else "",
            "progress": progress, "tries": tries, "aria": said}
