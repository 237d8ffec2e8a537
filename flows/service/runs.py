"""Runs: queue one or a row of them, follow it, find it, stop it; and what keeps them going."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from flows.access import needs
from flows.errors import InputError, MissingError
from flows.service.health import Health
from flows.service.submit import Submit
from flows.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from flows.run.runlog import LogLine
    from flows.run.view import BackfillView, RunView
    from flows.service.door import Given
    from flows.service.status import StatusAnswer
    from flows.store import Backfill, Run, RunStats

STATES = ("PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED", "CRASHED", "TIMED_OUT")
MOST = 1000  # runs or lines of one answer
LINES = 20_000
LOOK = 0.2  # seconds between two looks at a backfill
TEXT = 200  # characters that are looked for


class Runs(Submit, Health):
    """What becomes of a checked spec. One instance serves all threads of a process."""

    @needs("editor")
    def run(self, given: Given, *, params: Mapping[str, str] | None = None,
            environment: str = "local", resume: str | None = None) -> RunView:
        """Run a pipeline on Prefect and wait for its end; uses `penstock up` when it is there, else starts what it needs."""
        for view in self.follow(given, params=params, environment=environment, resume=resume):
            last = view
        return last

    @needs("editor", "start runs")
    def follow(self, given: Given, *, params: Mapping[str, str] | None = None,
               environment: str = "local", trigger_by: str = "python", resume: str | None = None) -> Iterator[RunView]:
        """The same as `run`, yielding a view at every change; the last one is final, and says who was told of it, as far as a first try
        tells."""
        from flows.run.ledger import follow
        from flows.run.messages import settled
        from flows.run.up import ensure
        from flows.run.view import view

        run = self.submit(given, params=params, environment=environment, trigger_by=trigger_by, resume=resume)
        try:
            with ensure(self.settings, self.store):
                for seen in follow(self.store, self.tenant, run.run_id):
                    yield view(seen.run, self.store, self.settings, seen.steps)
                if settled(self.store, run):
                    yield self.view(run.run_id)
        except KeyboardInterrupt:
            self.cancel(run.run_id)
            raise

    @needs("viewer")
    def view(self, run_id: str) -> RunView:
        """One run with its steps. MissingError when this tenant has no such run."""
        from flows.run.view import view

        return view(self.store.runs.get(self.tenant, run_id), self.store, self.settings)

    @needs("viewer")
    def runs(self, *, pipeline_id: str | None = None, limit: int = 20) -> list[RunView]:
        """The newest runs first, of one pipeline or of all."""
        from flows.run.view import view

        return [view(run, self.store, self.settings) for run in self.store.runs.find(self.tenant, pipeline_id=pipeline_id, limit=limit)]

    @needs("viewer")
    def find_runs(self, *, pipeline_id: str | None = None, status: Sequence[str] = (), since: datetime | date | None = None,
                  until: datetime | date | None = None, text: str = "", limit: int = 50, before: str | None = None,
                  specs: bool = True) -> list[Run]:
        """Runs without their steps, newest first; an empty filter filters nothing.

        `since` <= created_at < `until` (a date is its midnight in UTC); `text` stands in the pipeline's id or name or in the run's id;
        `before` is the id of the last run of the page before; `specs=False` leaves the specs out, which a page that polls many runs
        wants. At most 1,000. Raises InputError for a state that there is none of or a time without a zone, MissingError when `before`
        is no run.
        """
        wanted = [status] if isinstance(status, str) else list(status)
        wrong = [name for name in wanted if name not in STATES]
        if wrong:
            raise InputError(f"a run has no state {wrong[0]!r}", where="status", fix=f"Use {', '.join(STATES)}")
        found = self.store.runs.find(
            self.tenant, pipeline_id=pipeline_id, status=wanted, since=_moment(since, "since"), until=_moment(until, "until"),
            text=text.strip()[:TEXT], before=before, limit=max(1, min(limit, MOST)), specs=specs)
        if before and not found:
            self.store.runs.get(self.tenant, before)
        return found

    @needs("viewer")
    def last_runs(self, pipeline_ids: Sequence[str], *, limit: int = 14) -> dict[str, list[Run]]:
        """The newest runs of each of these pipelines, newest first and without specs; none for one that never ran."""
        found: dict[str, list[Run]] = {each: [] for each in pipeline_ids}
        for run in self.store.runs.newest_of_each(self.tenant, list(found), max(1, min(limit, MOST))):
            found[run.pipeline_id].append(run)
        return found

    @needs("viewer")
    def logs(self, run_id: str, *, step: str | None = None, limit: int = 2000) -> list[LogLine]:
        """The last lines of a run's log, oldest first, of one step or of all (`""`: those of no step); none before its first step.

        Raises MissingError when this tenant has no such run, or the run no such step.
        """
        from flows.run.runlog import read_log

        return read_log(self._log_of(run_id, step), step=step, limit=max(1, min(limit, LINES)))

    @needs("viewer")
    def follow_log(self, run_id: str, *, step: str | None = None, limit: int = 2000) -> Iterator[LogLine]:
        """The same, and then each line as it comes, until the run has ended."""
        from flows.run.runlog import follow_log

        place = self._log_of(run_id, step)
        yield from follow_log(place, lambda: self.store.runs.peek(run_id).ended, step=step, limit=max(1, min(limit, LINES)))

    def _log_of(self, run_id: str, step: str | None) -> Path:
        from flows.run.job import log_file

        if not self.store.runs.has(self.tenant, run_id):
            raise MissingError(f"there is no run {run_id!r}", fix="See the newest ones: penstock status")
        if step:
            known = [str(each.get("step_id")) for each in self.store.runs.get(self.tenant, run_id).spec.get("steps", [])]
            if step not in known:
                hint = did_you_mean(step, known) or f"See: penstock status {run_id}"
                raise MissingError(f"run {run_id} has no step {step!r}", where="step", fix=hint)
        return log_file(self.settings, run_id)

    @needs("viewer")
    def stats(self, hours: float = 24) -> RunStats:
        """How the runs of the last hours went, and how many are at work now."""
        return self.store.runs.stats(self.tenant, hours)

    @needs("editor")
    def cancel(self, run_id: str) -> Run:
        """Ask a run to stop. MissingError for an unknown run; a run that has ended stays as it is."""
        run = self.store.runs.get(self.tenant, run_id)
        self._may(run.environment, "stop a run")
        if run.ended:
            return run
        with self._change("cancel", run_id, before={"status": run.status}, after={"pipeline_id": run.pipeline_id}):
            return self.store.runs.ask_cancel(self.tenant, run_id)

    # ---- backfills

    @needs("viewer")
    def backfills(self, *, pipeline_id: str | None = None, status: str = "", limit: int = 20) -> list[BackfillView]:
        """The newest backfills first, of one pipeline or of all; `status`: RUNNING, DONE, STOPPED, FAILED."""
        return [self._backfill_view(fill) for fill in
                self.store.backfills.find(self.tenant, pipeline_id=pipeline_id, status=status, limit=max(1, min(limit, MOST)))]

    @needs("viewer")
    def backfill_view(self, backfill_id: str) -> BackfillView:
        """How far a backfill is, its run at work and its runs so far. MissingError when this tenant has no such backfill."""
        return self._backfill_view(self.store.backfills.get(self.tenant, backfill_id))

    @needs("viewer")
    def follow_backfill(self, backfill_id: str) -> Iterator[BackfillView]:
        """A view now and at every change, until it has ended and nothing of it is at work; uses `penstock up` when it is there, else
        starts what it needs. Ctrl-C stops the backfill. MissingError for an unknown one."""
        from time import sleep

        from flows.run.up import ensure

        self.store.backfills.get(self.tenant, backfill_id)
        last: tuple[object, ...] = ()
        try:
            with ensure(self.settings, self.store):
                while True:
                    seen = self.backfill_view(backfill_id)
                    now = (seen.state, seen.words, seen.at_work, [(run.run_id, run.status) for run in seen.runs])
                    if now != last:
                        last = now
                        yield seen
                    if seen.state != "RUNNING" and not seen.at_work:
                        return
                    sleep(LOOK)
        except KeyboardInterrupt:
            self.stop_backfill(backfill_id)
            raise

    @needs("editor")
    def stop_backfill(self, backfill_id: str) -> Backfill:
        """Stop the runs at work and start no more; one that has ended stays as it is. MissingError for an unknown one."""
        fill = self.store.backfills.get(self.tenant, backfill_id)
        self._may(fill.environment, "stop a backfill")
        if fill.ended:
            return fill
        with self._change("backfill.stop", backfill_id, before={"status": fill.status}, after={"pipeline_id": fill.pipeline_id}):
            return self.store.backfills.stop(self.tenant, backfill_id)

    @needs("editor")
    def go_on(self, backfill_id: str) -> Backfill:
        """Take a backfill that failed or was stopped up again: the days that did not succeed, whose finished steps are kept, then those
        that were not begun.

        Raises MissingError, InputError for one that is at work or done, DuplicateBackfill while another one of the pipeline is.
        """
        fill = self.store.backfills.get(self.tenant, backfill_id)
        self._may(fill.environment, "backfill")
        with self._change("backfill.resume", backfill_id, before={"status": fill.status}, after={"pipeline_id": fill.pipeline_id}):
            return self.store.backfills.go_on(self.tenant, backfill_id)

    def _backfill_view(self, fill: Backfill) -> BackfillView:
        from flows.run.view import backfill_view

        return backfill_view(fill, self.store, "" if fill.ended else self._why_day(fill))

    # ---- all together

    @needs("viewer")
    def status_answer(self, request: Mapping[str, Any], now: datetime) -> StatusAnswer:
        """What a question about runs is answered with: `request` is a plan's run_request (pipeline, start, end, scope), days are UTC."""
        from flows.service.status import status_answer

        return status_answer(self, request, now)

    def up(self, say: Callable[[str], None], *, app: bool = True) -> int:
        """Start the app, Prefect's server and the runner for this home and stay until stopped; returns the exit code.

        With PENSTOCK_ROOT_KEY that key is the root key from now on, and nobody is let in without a key any more. Where keys are asked
        for, it takes that key or an admin's to start. Raises UnauthorizedError, ForbiddenError.
        """
        from flows.run.up import serve

        if not self.settings.root_key:
            self.identity.must("admin", "start Penstock")
        return serve(self.settings, say=say, app=app, meanwhile=self._sample)


def _moment(given: datetime | date | None, where: str) -> datetime | None:
    if given is None:
        return None
    if not isinstance(given, datetime):
        return datetime.combine(given, time(), UTC)
    if given.tzinfo is None:
        raise InputError("the time has no zone", where=where, fix="Give it one, for instance UTC")
    return given
