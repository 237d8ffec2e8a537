"""Penstock itself: from words to rows. Everything that a person can ask of the product is a method here; read this first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import DuplicateRun, InputError, MissingError, SpecError, UnreachableError
from flows.settings import Settings
from flows.spec.model import FlowSpec
from flows.spec.suggest import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from flows.checks import Report
    from flows.insight.catalog import Catalog, Table
    from flows.planner.answer import Answer, PlanResult
    from flows.run.preview import Preview
    from flows.run.view import RunView
    from flows.spec.loader import Lines
    from flows.store import NewRun, Run, Store
    from flows.warehouse import Warehouse

    Given = FlowSpec | PlanResult | Mapping[str, Any] | str | Path
    """A spec in any form: see `Penstock.source`."""

SAMPLE_TENANT = "demo"
ENVIRONMENTS = ("local", "production")


@dataclass(frozen=True)
class Source:
    """A spec and where it came from: a file, stored text, a planner's answer or plain data."""

    spec: FlowSpec
    lines: Lines | None = None
    text: str = ""
    where: str = ""
    version: int | None = None
    folder: Path | None = None


class Penstock:
    """One tenant's door to everything.

    `home` is the folder of the control store and the local lake (default $PENSTOCK_HOME, else `.penstock`); `catalog` replaces the
    tenant's own catalogue. Errors are those of `flows.errors`; an InputError is something the caller can mend.
    """

    def __init__(self, *, home: str | Path | None = None, tenant: str | None = None, catalog: Catalog | str | Path | None = None,
                 settings: Settings | None = None) -> None:
        self.settings = settings or Settings.load(home=home, tenant_id=tenant)
        self._given = catalog

    @property
    def tenant(self) -> str:
        return self.settings.tenant_id

    @cached_property
    def catalog(self) -> Catalog:
        """What data there is for this tenant."""
        from flows.insight.catalog import default_catalog, load_catalog

        if self._given is None:
            return default_catalog(self.settings)
        return load_catalog(self._given) if isinstance(self._given, str | Path) else self._given

    @cached_property
    def store(self) -> Store:
        """The control store, opened and migrated."""
        from flows.store import open_store

        self.settings.make_home()
        return open_store(self.settings.control_url)

    def close(self) -> None:
        """Give the control store's connections back."""
        if "store" in self.__dict__:
            self.store.dispose()
            del self.__dict__["store"]

    def __enter__(self) -> Penstock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- words and specs
    def plan(self, text: str, *, now: datetime | None = None, answers: list[Answer] | None = None) -> PlanResult:
        """Words to a draft, with questions and assumptions. Nothing is read, written or run.

        A draft is `ready` only when it also passes the semantic checks. Raises InputError for empty or overlong text.
        """
        from flows.planner.answer import PlanRequest
        from flows.planner.embedded import plan

        request = PlanRequest(text=text, now=now or datetime.now(UTC), tenant_id=self.tenant, catalog=self.catalog, answers=answers or [])
        return self._checked(plan(request))

    def _checked(self, result: PlanResult) -> PlanResult:
        """A ready draft that the checks refuse is not ready: the problem becomes a question."""
        if result.status != "ready" or result.intent != "create" or not result.spec:
            return result
        from flows.checks import validate
        from flows.planner.answer import Question

        report = validate(FlowSpec.model_validate(result.spec), level="semantic", catalog=self.catalog, settings=self.settings)
        if report.ok:
            return result
        asked = [Question(id=f"c{n}", slot="unparsed", severity="block", message=str(problem), options=[], free_text=True, span=None)
                 for n, problem in enumerate(report.problems, 1)]
        return result.model_copy(update={"status": "needs_input", "questions": [*result.questions, *asked]})

    def plan_lines(self, lines: Iterator[str], *, now: datetime | None = None) -> Iterator[dict[str, Any]]:
        """`{"id", "text"}` lines in, one answer each; a text that breaks gives an `error` and the rest goes on."""
        from flows.planner.batch import answer_lines

        return answer_lines(lines, lambda text: self.plan(text, now=now))

    def source(self, given: Given) -> Source:
        """Find a spec: a FlowSpec, a plan's draft, plain data, a file's path, YAML text, or a stored pipeline's id.

        Raises SpecError for a spec that does not parse, MissingError when there is no such file or pipeline.
        """
        from flows.spec.loader import from_data, load_file, parse

        if isinstance(given, FlowSpec):
            return Source(given)
        if isinstance(given, Mapping):
            return Source(from_data(dict(given)))
        if not isinstance(given, str | Path):
            return self._draft(given)
        if isinstance(given, str) and "\n" in given:
            return Source(parse(given), text=given)
        path = Path(given)
        if path.is_file():
            spec, lines = load_file(path)
            return Source(spec, lines=lines, text=path.read_text(encoding="utf-8"), where=str(given), folder=path.resolve().parent)
        if path.suffix in (".yml", ".yaml", ".json") or "/" in str(given):
            raise MissingError(f"there is no file {str(given)!r}", fix="Give the path of a spec file, or the id of a stored pipeline")
        return self._stored(str(given))

    def _draft(self, result: PlanResult) -> Source:
        from flows.spec.loader import from_data

        if result.status != "ready" or not result.spec:
            blocking = [q.message for q in result.questions if q.severity == "block"]
            raise InputError("the plan is not ready: " + ("; ".join(blocking) or result.status), fix="Answer its questions first")
        return Source(from_data(result.spec))

    def _stored(self, pipeline_id: str) -> Source:
        try:
            stored = self.store.specs.get(self.tenant, pipeline_id)
        except MissingError:
            known = [s.pipeline_id for s in self.store.specs.list(self.tenant)]
            hint = did_you_mean(pipeline_id, known) or "Give a spec file, or the id of a pipeline that ran or was saved before"
            raise MissingError(f"there is no pipeline {pipeline_id!r}", fix=hint) from None
        return Source(FlowSpec.model_validate(stored.spec), where=pipeline_id, version=stored.version)

    def validate(self, given: Given, *, level: str = "semantic") -> Report:
        """Judge a spec. `level`: syntax | semantic | full. Problems are in the report; only an unreadable spec raises SpecError."""
        from flows.checks import validate

        source = self.source(given)
        if level == "full":
            self._sample()
        return validate(source.spec, level=level, catalog=self.catalog, settings=self._reach(source), lines=source.lines)

    def explain(self, given: Given) -> str:
        """The spec in plain English; `plan` of that English gives the same spec back."""
        from flows.spec.words import explain

        return explain(self.source(given).spec)

    def preview(self, given: Given, *, step: str | None = None,
                limit: int | None = None, params: Mapping[str, Any] | None = None) -> Preview:
        """Run the whole graph on real rows in memory; nothing is written and no server is needed."""
        from flows.run.preview import preview

        source = self.source(given)
        self._valid(source)
        self._sample()
        return preview(source.spec, settings=self._reach(source), store=self.store, catalog=self.catalog, step=step, limit=limit,
                       params=dict(params or {}))

    def _reach(self, source: Source) -> Settings:
        return self.settings.with_folder(source.folder) if source.folder else self.settings

    def _valid(self, source: Source) -> None:
        from flows.checks import validate

        report = validate(source.spec, level="semantic", catalog=self.catalog, settings=self._reach(source), lines=source.lines)
        if not report.ok:
            raise SpecError(report.problems, where=source.where)

    # ---- runs
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

    def up(self, say: Callable[[str], None]) -> int:
        """Start Prefect server and runner for this home and stay until stopped; returns the exit code."""
        from flows.run.up import serve

        self._sample()
        return serve(self.settings, say=say)

    # ---- data
    def warehouse(self, *, preview: bool = False) -> Warehouse:
        """A session on the local warehouse; close it after use."""
        from flows.run.session import open_session

        return open_session(self.settings, self.store, self.catalog, stage="adhoc", preview=preview)

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, read_only: bool = False,
              seconds: float | None = None) -> pa.Table:
        """BigQuery SQL on the local warehouse; the rows of the last SELECT.

        Each statement may take `seconds` (default `limits.query_seconds`). Raises SqlError, StepTimeout.
        """
        from flows.run.session import stoppable
        from flows.warehouse import QueryLimits

        self._sample()
        limits = QueryLimits(read_only=read_only, seconds=self.settings.limits.query_seconds if seconds is None else seconds)
        session = self.warehouse(preview=read_only)
        try:
            if read_only:
                return stoppable(session, lambda: session.query(sql, params, limits=limits))
            done = stoppable(session, lambda: session.execute(sql, params, limits=limits))
            return done.result if done.result is not None else _empty()
        finally:
            session.close()

    def table(self, name: str, *, limit: int) -> tuple[pa.Table, int]:
        """The first rows of a table without its lineage columns, in an order that twice is the same, and how many there are in all."""
        from sqlglot import exp

        from flows.warehouse import LINEAGE

        session = self.warehouse(preview=True)
        try:
            spec = session.describe(name)
            columns = [c.name for c in spec.columns if c.name not in LINEAGE]
            tree = exp.select(*(exp.column(c, quoted=True) for c in columns)).from_(exp.to_table(name, dialect=session.dialect))
            order = [exp.Ordered(this=exp.Literal.number(n), nulls_first=False) for n in range(1, len(columns) + 1)]
            return session.query(tree.order_by(*order).limit(limit)), spec.rows or 0
        finally:
            session.close()

    def catalog_add(self, name: str, *, file: str | None = None, connection: str | None = None, table: str | None = None) -> Table:
        """Catalogue a file, a table of a connection or a table of the local warehouse by reading its columns.

        Raises InputError unless it is said what to read, MissingError when it is not there, UnreachableError when it does not answer.
        """
        from flows.insight.catalog import CatalogColumn, Table, add_table

        if file and (connection or table):
            raise InputError("a file has no connection and no table", where="catalog add", fix="Give --file alone")
        source = {"path": file} if file else {"connection": connection, "table": table or name} if connection else {"table": table or name}
        seen = self.preview({"pipeline_id": "catalog", "steps": [{"step_id": "look", "ps_type": "generic.extract", "source": source}]},
                            limit=1).steps[0]
        if seen.error:
            raise InputError(seen.error, where=f"catalog add {name}")
        added = Table(connection=connection or "", columns={c.name: CatalogColumn(type=c.type) for c in seen.columns},
                      path=file or "", location="" if file or connection else table or name)
        add_table(self.settings, name, added)
        self.__dict__.pop("catalog", None)
        return added

    def _sample(self) -> None:
        """The demo tenant's shop is there from the first use on; no other tenant gets sample rows."""
        if self.tenant == SAMPLE_TENANT and self._given is None:
            from flows.insight.sample import ensure_sample

            ensure_sample(self.settings, self.store)


def _same(earlier: Run, spec: FlowSpec) -> dict[str, Any]:
    """What a resumed run is given unless told otherwise: the run date and the parameters of the earlier one."""
    return {"run_date": str(earlier.run_date), **{p.name: earlier.params[p.name] for p in spec.parameters if p.name in earlier.params}}


def _empty() -> pa.Table:
    import pyarrow as pa

    return pa.table({})


__all__ = ["Penstock", "Source"]
