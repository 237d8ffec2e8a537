"""Questions about runs in words: what failed, what runs, how did it go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flows.errors import MissingError, SpecError
from flows.show import units
from flows.show.states import state

if TYPE_CHECKING:
    from flows.service.runs import Runs
    from flows.store import Run

BAD = ("FAILED", "CRASHED")
OPEN = ("PENDING", "RUNNING")
NAMED = 5  # runs that a sentence names
MOST = 1000
CAUSE = 160  # characters of an error


@dataclass(frozen=True)
class StatusAnswer:
    """The answer as a person reads it, and the runs that it is about, newest first."""

    words: str
    runs: list[Run] = field(default_factory=list)
    head: str = ""  # the answer without the names of what failed, for a screen that lists `runs`
    causes: dict[str, str] = field(default_factory=dict)  # why a run failed, by its id: `load: there is no table 'x'`

    @property
    def short(self) -> str:
        return self.head or self.words


def status_answer(door: Runs, request: Mapping[str, Any], now: datetime) -> StatusAnswer:
    """Answer a run_request of a plan: its `pipeline` (None: all), the days `start` to `end` by UTC (None: now, or the last 24 hours)
    and its `scope` (failed | all)."""
    pipeline, failed = request.get("pipeline") or None, request.get("scope") == "failed"
    first, last = _days(request)
    if first is None or last is None:
        if not failed:
            return _now(door, pipeline, now)
        runs, when = door.find_runs(pipeline_id=pipeline, since=now - timedelta(hours=24), limit=MOST, specs=False), "in the last 24 hours"
    else:
        runs = door.find_runs(pipeline_id=pipeline, since=first, until=last + timedelta(days=1), limit=MOST, specs=False)
        when = f"on {units.day(first)}" if first == last else f"from {units.days(_every(first, last))}"
    return _over(door, runs, when, pipeline, failed=failed, dated=first != last or first is None)


def _days(request: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """The first and the last day; one that is missing is the other one."""
    start, end = request.get("start"), request.get("end")
    days = [date.fromisoformat(str(each)[:10]) for each in (start or end, end or start) if each]
    return (min(days), max(days)) if days else (None, None)


def _every(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


# ---- a time that has passed

def _over(door: Runs, runs: list[Run], when: str, pipeline: str | None, *, failed: bool, dated: bool) -> StatusAnswer:
    name = _name(door, pipeline, runs) if pipeline else ""
    of = f" of {name}" if name else ""
    if not runs:
        return StatusAnswer(f"No runs{of} {when}.")
    bad = [run for run in runs if run.status in BAD]
    if bad:
        head = f"{units.count(len(bad))} of {units.several(len(runs), 'run')}{of} failed {when}" if len(runs) > 1 else \
            f"The one run{of} {when} failed"
        causes = {run.run_id: _cause(door, run) for run in bad[:NAMED]}
        return StatusAnswer(f"{head}: {_named(bad, causes, dated)}", bad if failed else runs, f"{head}.", causes)
    head = f"Nothing{of} failed {when}: " if failed else f"{when[0].upper()}{when[1:]}{f', {name}' if name else ''}: "
    return StatusAnswer(f"{head}{_counts(runs)}.", runs)


def _name(door: Runs, pipeline: str, runs: Sequence[Run]) -> str:
    """How a person knows the pipeline: by its name, if any run or the stored spec has one."""
    found = runs or door.find_runs(pipeline_id=pipeline, limit=1, specs=False)
    if found:
        return found[0].name or pipeline
    try:
        return door.source(pipeline).spec.name or pipeline
    except (MissingError, SpecError):
        return pipeline


def _counts(runs: Sequence[Run]) -> str:
    """`4 runs, all succeeded`, `4 runs: 3 succeeded, 1 stopped`."""
    seen = {name: sum(run.status == name for run in runs) for name in ("SUCCESS", "FAILED", "CRASHED", "CANCELLED", "RUNNING", "PENDING")}
    said = [f"{units.count(n)} {state(name).word.lower()}" for name, n in seen.items() if n]
    if len(said) > 1:
        return f"{units.several(len(runs), 'run')}: {', '.join(said)}"
    word = said[0].split(" ", 1)[1]
    return f"1 run, {word}" if len(runs) == 1 else f"{units.count(len(runs))} runs, all {word}"


def _named(runs: Sequence[Run], causes: Mapping[str, str], dated: bool) -> str:
    """`Daily revenue at 02:00 UTC (load: no such table); and 2 more.`"""
    said = [f"{run.name or run.pipeline_id} {_at(run.created_at, dated)}{_bracket(causes[run.run_id])}" for run in runs[:NAMED]]
    more = len(runs) - len(said)
    return "; ".join(said) + (f"; and {units.count(more)} more." if more else ".")


def _at(moment: datetime, dated: bool) -> str:
    moment = moment.astimezone(UTC)
    return f"on {units.day(moment.date())} at {moment:%H:%M} UTC" if dated else f"at {moment:%H:%M} UTC"


def _cause(door: Runs, run: Run) -> str:
    """The step that failed and its error."""
    bad = next((step for step in door.store.steps.of(run.run_id) if step.status in ("FAILED", "TIMED_OUT")), None)
    text = " ".join(((bad.error if bad else "") or run.error).split()).rstrip(".")
    text = text if len(text) <= CAUSE else text[: CAUSE - 1].rstrip() + "…"
    return ": ".join(part for part in (bad.step_id if bad else "", text) if part)


def _bracket(cause: str) -> str:
    return f" ({cause})" if cause else ""


# ---- this moment

def _now(door: Runs, pipeline: str | None, now: datetime) -> StatusAnswer:
    going = door.find_runs(pipeline_id=pipeline, status=OPEN, limit=MOST, specs=False)
    if going:
        more = len(going) - NAMED
        said = [_going(door, run) for run in going[:NAMED]]
        if more > 0:
            said.append(f"{units.several(more, 'run is', 'runs are')} open besides.")
        return StatusAnswer(" ".join(said), going)
    if pipeline is None:
        runs = door.find_runs(since=now - timedelta(hours=24), limit=MOST, specs=False)
        past = _over(door, runs, "in the last 24 hours", None, failed=False, dated=True)
        return StatusAnswer(f"Nothing is running. {past.words}", runs)
    last = door.find_runs(pipeline_id=pipeline, limit=1)
    name = _name(door, pipeline, last)
    if not last:
        return StatusAnswer(f"{name} has not run yet.")
    cause = _cause(door, last[0]) if last[0].status in BAD else ""
    ended = f"{name} is not running. {_ended(last[0], now)}"
    return StatusAnswer(f"{ended}{_bracket(cause)}.", last, f"{ended}.", {last[0].run_id: cause} if cause else {})


def _going(door: Runs, run: Run) -> str:
    """`daily-revenue is running as run-..., 2 of 4 steps done.`"""
    part = f" (day {run.backfill_day} of {run.backfill_days})" if run.backfill_id else ""
    if run.status == "PENDING":
        why = door.why(run.run_id)
        return f"{run.name or run.pipeline_id} is queued as {run.run_id}{part}." + (f" {why}" if why else "")
    steps = door.store.steps.of(run.run_id)
    done = sum(step.status in ("SUCCESS", "SKIPPED") for step in steps)
    tail = f", {done} of {units.several(len(steps), 'step')} done" if steps else ""
    return f"{run.name or run.pipeline_id} is running as {run.run_id}{part}{tail}."


def _ended(run: Run, now: datetime) -> str:
    """`Its last run, run-..., succeeded 12 min ago in 1 min 32 s`"""
    ended, began = run.ended_at or run.created_at, run.started_at
    took = f" in {units.seconds((ended - began).total_seconds())}" if began and run.status == "SUCCESS" else ""
    word = {"CANCELLED": "was stopped"}.get(run.status, state(run.status).word.lower())
    return f"Its last run, {run.run_id}, {word} {units.ago(ended, now)}{took}"
