"""The run book: every state of a run and its steps, written to the control store as it happens, and read back to follow a run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from flows.run import gate
from flows.run.runlog import of_step
from flows.run.scribe import Scribe, settled
from flows.run.step import TEXT_LIMIT, Outcome
from flows.scrub import without_login
from flows.show.states import state
from flows.show.units import rows
from flows.show.units import seconds as length

if TYPE_CHECKING:
    from flows.run.job import Job
    from flows.run.plan import Plan, PlanStep
    from flows.settings import Settings
    from flows.store import Run, StepRow, Store
    from flows.warehouse.base import Progress

FOLLOW_EVERY = 0.1  # seconds
CALM = 4  # who follows a run of many steps rests so many times as long as a look takes
Shown = tuple[tuple[str, str, str], tuple[tuple[str, str, int, str], ...]]
KEPT, LATE = settled(True), settled(False)  # what is in the book already, and what comes after a step's end


class RunBook:
    """Writes one run. Safe to use from the threads of its steps; what comes after a step's end is not written.

    What is said of a step goes on its way at once and in this order; the future that comes back ends when it is in the control store.
    Its result is False for what came too late, or it has the store's error.
    """

    def __init__(self, job: Job, log: logging.Logger) -> None:
        self.store, self.run_id, self.log = job.store, job.run_id, log
        self._closed: set[str] = set()
        self._begun: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._scribe = Scribe(partial(self.store.steps.update_all, self.run_id))

    def open(self, plan: Plan) -> None:
        """Write all steps as PENDING."""
        self.store.steps.plan(self.run_id, [(s.step_id, s.name, s.ps_type, s.position) for s in plan.steps])

    def of(self, step: PlanStep) -> logging.Logger:
        """The log for lines of this step."""
        return of_step(self.log, step.step_id)

    def started(self, step: PlanStep, tries: int) -> Future[bool]:
        begun = self._begun.setdefault(step.step_id, datetime.now(UTC))
        again = {"result": None} if tries > 1 else {"started_at": begun}
        self.of(step).info("started (%s), try %d of %d", step.ps_type, tries, step.retry.max_attempts)
        return self._say(step, status=gate.RUNNING, attempts=tries, **again)

    def progress(self, step: PlanStep, seen: Progress) -> Future[bool]:
        """Write how far a running step is, in the place of its result."""
        return self._say(step, result={"progress": {"percent": seen.percent, "rows": seen.rows, "words": seen.words}})

    def retrying(self, step: PlanStep, outcome: Outcome, tries: int, seconds: float) -> Future[bool]:
        self.of(step).warning("try %d of %d failed, the next begins in %s", tries, step.retry.max_attempts, length(seconds))
        return self._say(step, status=gate.RETRYING, attempts=tries, error=outcome.error)

    def ended(self, step: PlanStep, outcome: Outcome, tries: int) -> Future[bool]:
        """Write a step's last state, once: a step that was given up and ends later changes nothing."""
        now = datetime.now(UTC)
        kept = self._say(step, True, status=outcome.status, attempts=tries, ended_at=now, rows_processed=outcome.result.rows,
                         error=outcome.error, result=outcome.as_dict())
        if kept is LATE:
            return kept
        if outcome.status != gate.FAILED:  # a failure was logged with its trace
            begun = self._begun.get(step.step_id)
            said = [state(outcome.status, of="step").word.lower(), *([outcome.error] if outcome.error else []),
                    *([rows(outcome.result.rows)] if outcome.result.rows is not None else []),
                    *([length((now - begun).total_seconds())] if begun else [])]
            self.of(step).info("ended: %s", ", ".join(said))
        for note in outcome.result.notes:
            self.of(step).info("%s", note)
        return kept

    def reused(self, step: PlanStep, row: StepRow) -> Future[bool]:
        """A finished step of an earlier run keeps its result; one of this run stands in the book already."""
        if row.run_id == self.run_id:
            self._closed.add(step.step_id)
            self.of(step).info("had ended before: %s", state(row.status, of="step").word.lower())
            return KEPT
        self.of(step).info("keeps its result from %s", row.run_id)
        return self._say(step, True, status=gate.SUCCESS, attempts=row.attempts, started_at=row.started_at,
                         ended_at=row.ended_at, rows_processed=row.rows_processed, result=row.result)

    def finish(self, status: str, error: str = "", *, owner: str = "") -> bool:
        """Close the run when all of its steps are written; a final run stays as it is. The log has its last line before."""
        self.close()
        self.log.info("run ended: %s%s", state(status).word.lower(), f", {error}" if error else "")
        done = self.store.runs.finish(self.run_id, status, error[:TEXT_LIMIT], owner=owner)
        if not done:
            self.log.warning("the run had been ended before, by somebody else")
        return done

    def close(self) -> None:
        """Wait until all that was said of the steps is written."""
        self._scribe.close()

    def _say(self, step: PlanStep, last: bool = False, **fields: Any) -> Future[bool]:
        with self._lock:  # held until it is in line, so that nothing comes behind the state of a step that was given up
            if step.step_id in self._closed:
                return LATE
            if last:
                self._closed.add(step.step_id)
            return self._scribe.put(step.step_id, **fields)


@dataclass(frozen=True)
class Snapshot:
    """A run and its steps as they stood at one moment."""

    run: Run
    steps: tuple[StepRow, ...]


def follow(store: Store, tenant: str, run_id: str) -> Iterator[Snapshot]:
    """A snapshot now and after every change, until the run is final. Raises MissingError for an unknown run."""
    last: Shown | None = None
    while True:
        began = time.monotonic()
        if _glance(store, tenant, run_id) != last:
            run = store.runs.get(tenant, run_id)
            seen = Snapshot(run, tuple(store.steps.of(run_id)))
            if _shown(seen) != last:
                yield seen
            if run.ended:
                return
            last = _shown(seen)
        time.sleep(max(FOLLOW_EVERY, CALM * (time.monotonic() - began)))


def _glance(store: Store, tenant: str, run_id: str) -> Shown:
    """What a change is, read without the spec and without the results of steps that have ended."""
    run = store.runs.glance(tenant, run_id)
    return run, tuple((step_id, status, attempts, str(_progress(status, result)))
                      for step_id, status, attempts, result in store.steps.glance(run_id))


def _shown(seen: Snapshot) -> Shown:
    """The same of a snapshot. A lease that was renewed is no change."""
    return ((seen.run.status, seen.run.error, seen.run.flow_run_id),
            tuple((s.step_id, s.status, s.attempts, str(progress(s))) for s in seen.steps))


def progress(row: StepRow) -> dict[str, Any] | None:
    """How far a step is while it works, {percent, rows, words}; None where nobody knows."""
    return _progress(row.status, row.result)


def _progress(status: str, result: dict[str, Any] | None) -> dict[str, Any] | None:
    return (result or {}).get("progress") if status == gate.RUNNING else None


def prefect_url(store: Store, settings: Settings) -> str:
    """The address of Prefect's pages as it may be shown, without a slash at its end; empty while no runner is up."""
    if settings.prefect_url:
        return without_login(settings.prefect_url).rstrip("/").removesuffix("/api")
    for runner in store.runners.alive():
        if runner.info.get("prefect"):
            return without_login(str(runner.info["prefect"]))
    return ""
