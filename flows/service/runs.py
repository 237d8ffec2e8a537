"""Runs: queue one, follow it, stop it; and what keeps them going."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from flows.errors import DuplicateRun, InputError, UnreachableError
from flows.service.door import Door
from flows.spec.model import FlowSpec

if TYPE_CHECKING:
    from flows.run.view import RunView
    from flows.service.door import Given
    from flows.store import NewRun, Run

ENVIRONMENTS = ("local", "production")


class Runs(Door):
    """What becomes of a checked spec."""

    def submit(self, given: Given, *, params: Mapping[str, str] | None = None,
               environment: str = "local", trigger_by: str = "python", resume: str | None = None) -> Run:
        """Check the spec, keep it as a version and queue one run of it. The row is durable before this returns.

        Raises SpecError, DuplicateRun while the pipeline runs, UnreachableError for an environment that is not set up.
        """
        from flows.spec.template import run_values
        from flows.store import NewRun

        if environment not in ENVIRONMENTS:
            raise InputError(f"there is no environment {environment!r}", where="--env", fix=f"Use one of {', '.join(ENVIRONMENTS)}")
        if environment == "production":
            raise UnreachableError("no BigQuery project is set up for production here", where="--env production",
                                   fix="Run with --env local")
        self._own_catalog()
        source = self.source(given)
        self._valid(source)
        earlier = self._resumable(resume) if resume else None
        asked = {**_same(earlier, source.spec), **(params or {})} if earlier else params or {}
        values = run_values(source.spec, asked, tenant_id=self.tenant)
        run_date = date.fromisoformat(str(values["run_date"]))
        self._sample()
        pipeline_id = str(values["pipeline_id"])  # after resolution: the claim and the slice key must not depend on braces
        if earlier and earlier.pipeline_id != pipeline_id:
            raise InputError(f"{resume} was a run of {earlier.pipeline_id!r}, not of {pipeline_id!r}", where="--resume")
        given_params = {p.name: values[p.name] for p in source.spec.parameters}
        content = {**source.spec.as_dict(), "pipeline_id": pipeline_id}
        stored = self.store.specs.save(self.tenant, content, text=source.text, author=trigger_by)
        return self._queue(NewRun(
            tenant_id=self.tenant, pipeline_id=pipeline_id, spec=stored.spec, version=stored.version, params=given_params,
            environment=environment, trigger_by=trigger_by, run_date=run_date,
            folders=[str(f) for f in self._reach(source).folders], resume_of=resume))

    def _queue(self, new: NewRun) -> Run:
        """Insert the run; a claim that a dead process of this machine still holds is freed first."""
        from flows.run.reconcile import close_dead

        try:
            return self.store.runs.submit(new)
        except DuplicateRun:
            if not close_dead(self.store):
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

    def run(self, given: Given, *, params: Mapping[str, str] | None = None,
            environment: str = "local", resume: str | None = None) -> RunView:
        """Run a pipeline on Prefect and wait for its end; uses `penstock up` when it is there, else starts what it needs."""
        for view in self.follow(given, params=params, environment=environment, resume=resume):
            last = view
        return last

    def follow(self, given: Given, *, params: Mapping[str, str] | None = None,
               environment: str = "local", trigger_by: str = "python", resume: str | None = None) -> Iterator[RunView]:
        """The same as `run`, yielding a view at every change; the last one is final."""
        from flows.run.ledger import follow
        from flows.run.up import ensure

        run = self.submit(given, params=params, environment=environment, trigger_by=trigger_by, resume=resume)
        try:
            with ensure(self.settings, self.store):
                for _ in follow(self.store, self.tenant, run.run_id):
                    yield self.view(run.run_id)
        except KeyboardInterrupt:
            self.cancel(run.run_id)
            raise

    def view(self, run_id: str) -> RunView:
        """One run with its steps. MissingError when this tenant has no such run."""
        from flows.run.view import view

        return view(self.store.runs.get(self.tenant, run_id), self.store, self.settings)

    def runs(self, *, pipeline_id: str | None = None, limit: int = 20) -> list[RunView]:
        """The newest runs first, of one pipeline or of all."""
        from flows.run.view import view

        return [view(run, self.store, self.settings) for run in self.store.runs.find(self.tenant, pipeline_id=pipeline_id, limit=limit)]

    def cancel(self, run_id: str) -> Run:
        """Ask a run to stop. MissingError for an unknown run; a run that has ended stays as it is."""
        return self.store.runs.ask_cancel(self.tenant, run_id)

    def health(self) -> dict[str, Any]:
        """Whether runs can start: `runner` says if one is alive, `words` says what is wrong and what to do."""
        alive = self.store.runners.alive()
        words = [] if alive else ["No runner is up: runs are kept and start with `penstock up`. `penstock run` starts one for itself."]
        waiting = self.store.runs.find(self.tenant, status="PENDING", limit=100)
        words += [f"{run.run_id} waits: {run.error}" for run in waiting if run.error]
        return {"runner": bool(alive), "words": words}

    def up(self, say: Callable[[str], None], *, app: bool = True) -> int:
        """Start the app, Prefect's server and the runner for this home and stay until stopped; returns the exit code."""
        from flows.run.up import serve

        self._sample()
        return serve(self.settings, say=say, app=app)


def _same(earlier: Run, spec: FlowSpec) -> dict[str, Any]:
    """What a resumed run is given unless told otherwise: the run date and the parameters of the earlier one."""
    return {"run_date": str(earlier.run_date), **{p.name: earlier.params[p.name] for p in spec.parameters if p.name in earlier.params}}
