"""What a run that is taken up again need not do once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flows.run import gate
from flows.run.runner import keepable, relation_of, still_there
from flows.run.ticket import ATTEMPTS

if TYPE_CHECKING:
    import logging

    from flows.run.job import Job
    from flows.run.plan import Plan
    from flows.store import Run, StepRow

ENDED = (gate.SUCCESS, gate.FAILED, gate.TIMED_OUT, gate.SKIPPED)


@dataclass(frozen=True)
class Before:
    """`kept`: steps that have ended and stay as they are. `tries`: of a step that begins again, how many of its tries have failed."""

    kept: Mapping[str, StepRow] = field(default_factory=dict)
    tries: Mapping[str, int] = field(default_factory=dict)


def before(job: Job, plan: Plan, run: Run, log: logging.Logger) -> Before:
    """What was done for this run: by the run that it resumes, and by itself when its runner was lost (`run.attempt` > 1).

    A run that is taken up again goes on as if it had never stopped: every step that had ended keeps its end, a failure too, as long
    as its rows are still there and all that it follows is kept. A step that was at work begins again, and the try that was lost is
    not counted: of `max_attempts` there are as many left as before, and a job of that try in the warehouse is found by its name.
    Call it before the book is opened.
    """
    kept = keepable(job, plan, run.resume_of) if run.resume_of else {}
    if run.attempt == 1:
        return Before(kept)
    log.warning("taken up again, attempt %d of %d: its runner was lost", run.attempt, ATTEMPTS)
    rows = {row.step_id: row for row in job.store.steps.of(run.run_id)}
    for step in plan.steps:  # parents come first
        row = rows.get(step.step_id)
        if row is not None and row.status in ENDED and all(name in kept for name in step.upstream) and _whole(row, job):
            kept[step.step_id] = row
    tries = {name: min(row.attempts, plan.step(name).retry.max_attempts - 1) for name, row in rows.items()
             if row.status not in ENDED and name in {step.step_id for step in plan.steps}}
    return Before(kept, tries)


def _whole(row: StepRow, job: Job) -> bool:
    """Are the rows that it gave still there?"""
    relation = relation_of(row)
    return row.status != gate.SUCCESS or relation is None or still_there(relation, job)
