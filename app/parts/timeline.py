"""The runs of the last hours, a line per pipeline: a click selects a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from app.parts.bars import chart
from flows.show.timeline import TimelineRun, timeline_bars

__all__ = ["TimelineRun", "timeline"]


def timeline(runs: Sequence[TimelineRun], *, key: str, selected: str | None = None, now: datetime | None = None,
             hours: int = 24) -> str | None:
    """Draw runs over the last `hours` in UTC and return the run_id that is selected, None when none is."""
    return chart(timeline_bars(runs, now=now or datetime.now(UTC), hours=hours), key=key, selected=selected)
