"""When each step of a run worked, as bars: labels to click, running bars that grow, waiting steps named as such."""

from __future__ import annotations

from collections.abc import Sequence

from app.parts.bars import chart
from flows.show.gantt import GanttRow, bars

__all__ = ["GanttRow", "gantt"]


def gantt(rows: Sequence[GanttRow], *, key: str, selected: str | None = None, now: float | None = None) -> str | None:
    """Draw the steps of a run and return the step_id that is selected. `now`: seconds since the run began, while it runs."""
    return chart(bars(rows, now=now), key=key, selected=selected)
