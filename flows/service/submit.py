"""How a checked spec becomes a queued run, or a backfill: a durable row of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from flows.access import needs
from flows.errors import DuplicateRun, InputError, LimitError, SpecError
from flows.service.door import Door
from flows.spec.model import FlowSpec

if TYPE_CHECKING:
    from flows.errors import Problem
    from flows.service.door import Given, Source
    from flows.store import Backfill, NewRun, Run

ENVIRONMENTS = ("local", "production")
DAYS = 1000  # of one backfill


class Submit(Door):
    """What is asked for is kept before a method returns; a runner does it."""

    @needs("editor", "start runs")
    def submit(self, given: Given, *, params: Mapping[str, str] | None = None,
               environment: str = "local", trigger_by: str = "python", resume: str | None = None) -> Run:
        """Check the spec, keep it as a version and queue one run of it. The row is durable before this returns.

        Raises SpecError, DuplicateRun while the pipeline runs, LimitError where the tenant has had its runs, UnreachableError for an
        environment that is not set up, ForbiddenError for production without the role operator.
        """
        from flows.store import NewRun

        self._may(environment, "run")
        source = self._runnable(given, environment)
        earlier = self._resumable(resume) if resume else None
        values = self._values(source, {**_same(earlier, source.spec), **(params or {})} if earlier else params or {})
        pipeline_id = str(values["pipeline_id"])  # after resolution: the claim and the slice key must not depend on braces
        if earlier and earlier.pipeline_id != pipeline_id:
            raise InputError(f"{resume} was a run of {earlier.pipeline_id!r}, not of {pipeline_id!r}", where="--resume")
        self._sample()
        with self._change("run", pipeline_id, planner=source.planner) as note:
            spec, version = self._kept(source, pipeline_id, trigger_by)
            run = self._queue(NewRun(
                tenant_id=self.tenant, pipeline_id=pipeline_id, spec=spec, version=version, params=_params(source.spec, values),
                environment=environment, trigger_by=trigger_by, run_date=date.fromisoformat(str(values["run_date"])),
                folders=[str(f) for f in self._reach(source).folders], resume_of=resume))
            note.after = {"run_id": run.run_id, "version": version, "environment": environment, "run_date": run.run_date,
                          "params": run.params, **({"resume_of": resume} if resume else {})}
        return run

    @needs("editor")
    def backfill(self, given: Given, dates: Iterable[date | str], *, params: Mapping[str, str] | None = None,
                 environment: str = "local", trigger_by: str = "python", at_once: int = 1) -> Backfill:
        """Keep a row of runs, one for each date, begun in this order and `at_once` (1 to 16) of them side by side; a runner works it
        off, whatever is restarted.

        The spec and the values of every run are fixed now. A date that is given twice counts once. Raises SpecError, also for days
        side by side that would write over each other, InputError without a date or with a wrong one, LimitError for more than 1,000,
        DuplicateBackfill while the pipeline is being backfilled, ForbiddenError for production without the role operator.
        """
        from flows.service.overlap import overlaps
        from flows.store import NewBackfill

        self._may(environment, "backfill")
        asked = dict(params or {})
        source, every = self._days(given, dates, asked, environment)
        if at_once > 1 and len(every) > 1 and (problems := overlaps(source.spec, every)):
            raise SpecError(problems, where=source.where)
        names = list(dict.fromkeys(str(values["pipeline_id"]) for values in every))
        if len(names) > 1:
            raise InputError(f"the days would be runs of several pipelines: {', '.join(names[:3])}", where="pipeline_id",
                             fix="Give the pipeline an id that does not depend on the date")
        self._sample()
        with self._change("backfill", names[0], planner=source.planner) as note:
            spec, version = self._kept(source, names[0], trigger_by)
            fill = self.store.backfills.submit(NewBackfill(
                tenant_id=self.tenant, pipeline_id=names[0], spec=spec, version=version, params=asked, environment=environment,
                trigger_by=trigger_by, folders=[str(f) for f in self._reach(source).folders], at_once=at_once,
                days=[{"run_date": str(values["run_date"])[:10], "params": _params(source.spec, values)} for values in every]))
            note.after = {"backfill_id": fill.backfill_id, "version": version, "environment": environment, "days": len(fill.days),
                          "first": str(fill.dates[0]), "last": str(fill.dates[-1]), "at_once": at_once, "params": asked}
        return fill

    @needs("viewer")
    def backfill_notes(self, given: Given, dates: Iterable[date | str], *, params: Mapping[str, str] | None = None,
                       environment: str = "local") -> list[str]:
        """What a person should know before: days that would all do the same, days that are still to come. Raises as `backfill`."""
        from flows.service.overlap import notes

        source, every = self._days(given, dates, params or {}, environment)
        return notes(source.spec, every)

    @needs("viewer")
    def side_by_side(self, given: Given, dates: Iterable[date | str], *, params: Mapping[str, str] | None = None,
                     environment: str = "local") -> list[Problem]:
        """Why these days must not run at the same time; nothing when they may. Raises as `backfill`."""
        from flows.service.overlap import overlaps

        source, every = self._days(given, dates, params or {}, environment)
        return overlaps(source.spec, every)

    def _days(self, given: Given, dates: Iterable[date | str], asked: Mapping[str, str],
              environment: str) -> tuple[Source, list[dict[str, Any]]]:
        """The spec and the values of every day."""
        days = list(dict.fromkeys(_day(each) for each in dates))
        if not days:
            raise InputError("a backfill needs at least one date", fix="Give the days it is for")
        if len(days) > DAYS:
            raise LimitError(f"a backfill has at most {DAYS:,} days, not {len(days):,}", fix="Ask for them in parts")
        if "run_date" in asked:
            raise InputError("every day of a backfill has its own run date", where="--param run_date", fix="Leave it out")
        source = self._runnable(given, environment)
        return source, [self._values(source, {**asked, "run_date": day.isoformat()}) for day in days]

    def _runnable(self, given: Given, environment: str) -> Source:
        """The spec, when it can run there."""
        if environment not in ENVIRONMENTS:
            raise InputError(f"there is no environment {environment!r}", where="--env", fix=f"Use one of {', '.join(ENVIRONMENTS)}")
        if environment == "production":
            from flows.run.session import production

            production(self.settings)
        self._own_catalog()
        source = self.source(given)
        self._valid(source)
        return source

    def _values(self, source: Source, asked: Mapping[str, Any]) -> dict[str, Any]:
        from flows.spec.template import run_values

        return run_values(source.spec, asked, tenant_id=self.tenant)

    def _kept(self, source: Source, pipeline_id: str, author: str) -> tuple[dict[str, Any], int]:
        """The spec as it is stored, and its version."""
        content = {**source.spec.as_dict(), "pipeline_id": pipeline_id}
        stored = self.store.specs.save(self.tenant, content, text=source.text, author=author)
        return stored.spec, stored.version

    def _queue(self, new: NewRun) -> Run:
        """Insert the run; one whose runner was lost and that nobody has taken up again makes place for it."""
        from flows.run.reconcile import give_way

        try:
            return self.store.runs.submit(new)
        except DuplicateRun as held:
            if not give_way(self.store, held.run_id):
                raise
            return self.store.runs.submit(new)

    def _resumable(self, run_id: str) -> Run:
        earlier = self.store.runs.get(self.tenant, run_id)
        if earlier.status not in ("FAILED", "CRASHED", "CANCELLED"):
            raise InputError(f"{run_id} is {earlier.status}: only a run that did not succeed can be resumed", where="--resume")
        return earlier

    def _own_catalog(self) -> None:
        """A run happens in another process, which knows only the tenant's own catalogue."""
        from flows.insight.catalog import default_catalog

        if self._given is not None and self.catalog.version != default_catalog(self.settings).version:
            raise InputError("a run uses the tenant's own catalogue, not one that was handed to Penstock()",
                             fix="Add its tables with `penstock catalog add`, or plan and preview only")


def _params(spec: FlowSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    return {p.name: values[p.name] for p in spec.parameters}


def _same(earlier: Run, spec: FlowSpec) -> dict[str, Any]:
    """What a resumed run is given unless told otherwise: the run date and the parameters of the earlier one."""
    return {"run_date": str(earlier.run_date), **{p.name: earlier.params[p.name] for p in spec.parameters if p.name in earlier.params}}


def period(first: date | str, last: date | str) -> list[date]:
    """Every day from `first` to `last`, both included. Raises InputError, also when the last comes before the first."""
    begin, end = _day(first, "--from"), _day(last, "--to")
    if end < begin:
        raise InputError(f"the last day, {end}, comes before the first, {begin}", where="--to", fix="Swap them")
    return [begin + timedelta(n) for n in range((end - begin).days + 1)]


def _day(given: date | str, where: str = "") -> date:
    if not isinstance(given, str):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise InputError(f"{given!r} is not a date", where=where, fix="Write it as 2025-11-15") from None
