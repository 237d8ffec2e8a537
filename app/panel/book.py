"""A run as the panel draws it: which steps are done, what each says, where its bar stands; no page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flows.show.gantt import GanttRow
from flows.show.outline import steps_of
from flows.show.states import StepState
from flows.show.units import rows, seconds

BROKEN = ("FAILED", "TIMED_OUT")
TELLING = 10.0  # seconds after a run's end in which its notifications are news
WRITES = ("generic.load", "generic.export", "generic.procedure_executor", "gcp.bigquery_to_bigquery", "aws.s3_to_bigquery")


@dataclass(frozen=True)
class Book:
    """One snapshot of a run (`view` is a RunView) at the moment `at`; everything drawn comes from it, so that it agrees."""

    view: Any
    at: datetime

    @property
    def run(self) -> Any:
        return self.view.run

    @property
    def live(self) -> bool:
        return not self.run.ended

    @property
    def telling(self) -> bool:
        """Has it ended a moment ago, and those who are told of it are not told yet?"""
        if self.live or not self.run.spec.get("notify") or self.run.ended_at is None:
            return False
        waits = any(each["status"] == "WAITING" for each in self.view.messages) or not self.view.messages
        return waits and (self.at - self.run.ended_at).total_seconds() < TELLING

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps of the run book; before it is opened those of the spec, waiting."""
        return self.view.steps or [{"step_id": s["step_id"], "status": "PENDING", "attempts": 0, "started_at": None, "ended_at": None,
                                    "rows_processed": None, "error": None} for s in steps_of(self.run.spec)]

    def step(self, step_id: str) -> dict[str, Any] | None:
        return next((s for s in self.steps if s["step_id"] == step_id), None)

    @property
    def done(self) -> int:
        """Steps that did their work. One that was skipped did it only in a run that went well; stopped and unbegun ones did not."""
        return sum(s["status"] == "SUCCESS" or (s["status"] == "SKIPPED" and self.run.status == "SUCCESS") for s in self.steps)

    @property
    def broken(self) -> dict[str, Any] | None:
        """The first step that failed."""
        found = [s for s in self.steps if s["status"] in BROKEN]
        return min(found, key=lambda s: s["ended_at"] or "") if found else None

    @property
    def wrote(self) -> bool:
        """Did a step that writes to a target succeed?"""
        kinds = {s["step_id"]: str(s.get("ps_type")) for s in steps_of(self.run.spec)}
        return any(s["status"] == "SUCCESS" and kinds.get(s["step_id"], "") in WRITES for s in self.steps)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began (since it was queued, before that), up to its end."""
        ended: datetime = self.run.ended_at or self.at
        began: datetime = self.run.started_at or self.run.created_at
        return (ended - began).total_seconds()

    def lasted(self, step: Mapping[str, Any]) -> float | None:
        """Seconds that a step took so far; None when it has not begun."""
        begun, ended = moment(step["started_at"]), moment(step["ended_at"])
        return ((ended or self.run.ended_at or self.at) - begun).total_seconds() if begun else None

    def states(self) -> dict[str, StepState]:
        """For the graph."""
        return {s["step_id"]: StepState(status=s["status"], rows=s["rows_processed"], seconds=self.lasted(s), attempts=s["attempts"],
                                        error=s["error"] or "", rejected=s.get("rejected") or 0) for s in self.steps}

    def bars(self) -> list[GanttRow]:
        """For the Gantt: seconds since the run began. A step that keeps the result of an earlier run has no bar in this one."""
        zero = self.run.started_at or self.run.created_at
        found = []
        for step in self.steps:
            begun, ended = moment(step["started_at"]), moment(step["ended_at"])
            kept = begun is not None and begun < zero
            start = (begun - zero).total_seconds() if begun and not kept else None
            end = (ended - zero).total_seconds() if start is not None and ended else None
            found.append(GanttRow(step["step_id"], step["step_id"], step["status"], start, end,
                                  self.told(step, kept=kept), step["attempts"], far(step)))
        return found

    def told(self, step: Mapping[str, Any], *, kept: bool) -> str:
        """What stands beside the bar: `1.2 s · 2,076 rows`; "" while there is nothing but the time."""
        took = self.lasted(step)
        parts = ["kept from the earlier run"] if kept else [seconds(took)] if took is not None and step["ended_at"] else []
        if step["rows_processed"] is not None:
            parts.append(rows(step["rows_processed"]))
        if step.get("rejected"):
            parts.append(f"{step['rejected']:,} rejected")
        return " · ".join(parts)


def far(step: Mapping[str, Any]) -> str:
    """How far a running step is, `48 %, 24,000,000 rows`; "" where nobody knows."""
    return str((step.get("progress") or {}).get("words", ""))


def book(view: Any) -> Book:
    """A view, at this moment."""
    return Book(view, datetime.now(UTC))


def moment(text: str | None) -> datetime | None:
    """An ISO time; None for none."""
    return datetime.fromisoformat(text) if text else None
