"""The whole graph on rows before anything runs: in one session, without Prefect, writing nothing.

Rows are real where they can be read. What is not there yet is stood in for by a sample or by generated rows, and every step says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flows.engines.base import Cancel, CheckResult, Context, StepResult
from flows.errors import SqlError, UnreachableError
from flows.run.gate import CANCELLED
from flows.run.job import Job, make_job
from flows.run.plain import plain
from flows.run.plan import Plan, PlanStep, make_plan
from flows.run.standin import ORDER, REAL, Origin, Standins, furthest
from flows.run.step import deadline, guarded, stopping
from flows.show.verdict import WORDS, worst

if TYPE_CHECKING:
    from flows.insight.catalog import Catalog
    from flows.settings import Settings
    from flows.spec.model import FlowSpec
    from flows.store import Store
    from flows.warehouse.base import Column, Relation, Warehouse

OK, FAILED, STOPPED, SKIPPED, NOT_REACHED = "ok", "failed", "stopped", "skipped", "not reached"
KEEP_ROWS = 10_000  # a result up to this size is kept, so that it is computed once however many steps read it
log = logging.getLogger("penstock.preview")


class StepLog(logging.LoggerAdapter[logging.Logger]):
    """Names the step in each line: this log is of all previews."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return f"{(self.extra or {})['step_id']}: {msg}", kwargs


@dataclass(frozen=True)
class StepPreview:
    """What one step would give. `rows` are the first of them; `row_count` is None where knowing it would cost a scan.

    `origin` is where the rows come from in the end: real | sample | generated, `basis` says the last two in words. `verdict` says
    whether the step gives the same on both warehouses (portable | local-approximate | bigquery-only, '' where it makes no statement),
    `differs` what may differ, or why only BigQuery can do it.
    """

    step_id: str
    name: str
    ps_type: str
    status: str
    columns: tuple[Column, ...] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    row_count: int | None = None
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0
    origin: str = "real"
    basis: str = ""
    taken_at: datetime | None = None
    verdict: str = ""
    differs: list[str] = field(default_factory=list)

    @property
    def verdict_words(self) -> str:
        """`same on both`, `approximate locally`, `BigQuery only`, or nothing."""
        return WORDS.get(self.verdict, "")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {**vars(self), "columns": [{"name": c.name, "type": c.type} for c in self.columns],
                "rows": [plain(row) for row in self.rows], "rejects": [plain(row) for row in self.rejects],
                "checks": [{**vars(check), "columns": list(check.columns)} for check in self.checks],
                "notes": list(self.notes), "seconds": round(self.seconds, 3),
                "taken_at": self.taken_at.isoformat() if self.taken_at else None, "differs": list(self.differs),
                "verdict_words": self.verdict_words}


@dataclass(frozen=True)
class Preview:
    """Every step in running order."""

    pipeline_id: str
    steps: tuple[StepPreview, ...]
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return all(s.status in (OK, SKIPPED) for s in self.steps)

    @property
    def verdict(self) -> str:
        """The worst verdict of its steps."""
        return worst(step.verdict for step in self.steps)

    @property
    def origin(self) -> str:
        """What is furthest from real rows among its steps."""
        return max((step.origin for step in self.steps), key=ORDER.index, default="real")

    def as_dict(self) -> dict[str, Any]:
        return {"pipeline_id": self.pipeline_id, "ok": self.ok, "verdict": self.verdict, "verdict_words": WORDS.get(self.verdict, ""),
                "origin": self.origin, "steps": [s.as_dict() for s in self.steps], "seconds": round(self.seconds, 3)}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """How a notebook shows a preview: each step's first rows, its rejected rows and its checks."""
        from flows.show.page import preview_bundle

        return preview_bundle(self.as_dict())


def preview(spec: FlowSpec, *, settings: Settings, store: Store, catalog: Catalog, step: str | None = None, limit: int | None = None,
            params: Mapping[str, Any] | None = None, sample: str = "") -> Preview:
    """Preview a spec; with `step` only that step and what it reads. `limit`: rows a step (default
    `limits.preview_rows`, at most 10,000). `sample`: take samples of the tables it reads from this environment first, and use them.

    Raises SpecError for a spec that has no plan, MissingError for an unknown step and UnreachableError for an environment that is not
    set up; a step that fails is a row of the answer.
    """
    started = time.monotonic()
    job = make_job(spec, settings=settings, store=store, catalog=catalog, params=params, preview=True)
    plan = make_plan(job.spec, catalog=catalog, limits=settings.limits)
    wanted = set(plan.needed(step)) if step else set(plan.by_id)
    rows = min(limit or settings.limits.preview_rows, KEEP_ROWS)
    walk = Walk(plan, job, rows)
    if sample:
        from flows.run.sampling import take_samples

        walk.preferred, walk.refused = take_samples(plan, job, wanted, sample)
    steps = walk.run(wanted)
    if any(not each.columns and each.status in (FAILED, NOT_REACHED) for each in steps):
        steps = typed(steps, spec, job)
    return Preview(job.spec.pipeline_id, steps, time.monotonic() - started)


def typed(steps: tuple[StepPreview, ...], spec: FlowSpec, job: Job) -> tuple[StepPreview, ...]:
    """The same with the columns of steps that gave no rows, as far as they can be told without any."""
    from flows.checks import validate
    from flows.checks.produced import describer

    known = describer(store=job.store, catalog=job.catalog, settings=job.settings)
    columns = validate(spec, catalog=job.catalog, settings=job.settings, describe=known).columns
    return tuple(each if each.columns else replace(each, columns=columns.get(each.step_id) or ()) for each in steps)


class Walk:
    """Goes through a plan once, in one session."""

    def __init__(self, plan: Plan, job: Job, rows: int) -> None:
        self.plan, self.job, self.limit = plan, job, rows
        self.cancel = Cancel()
        self.relations: dict[str, Relation] = {}
        self.seen: dict[str, StepPreview] = {}
        self.origins: dict[str, Origin] = {}
        self.only: dict[str, str] = {}  # steps that BigQuery alone can do, and why
        self.preferred: set[str] = set()  # tables whose samples go before rows that are there
        self.refused: dict[str, str] = {}  # tables that could not be sampled, and why

    def run(self, wanted: set[str]) -> tuple[StepPreview, ...]:
        seconds = self.job.settings.limits.preview_seconds
        warehouse = self.job.open_warehouse("preview")
        self.standins = Standins(self.plan, self.job, warehouse, self.loaded, preferred=self.preferred)
        why = f"preview stopped: it took longer than {seconds:g} s"
        try:
            with stopping(warehouse, self.cancel), deadline(self.cancel, seconds, why):
                for each in self.plan.steps:
                    if each.step_id in wanted:
                        self.seen[each.step_id] = self.one(each, warehouse)
        finally:
            warehouse.close()
        return tuple(self.seen.values())

    def one(self, each: PlanStep, warehouse: Warehouse) -> StepPreview:
        base = StepPreview(each.step_id, each.name, each.ps_type, OK)
        why = self.blocked(each)
        if why:
            return replace(base, status=why[0], notes=[why[1]])
        started = time.monotonic()
        outcome = guarded(lambda: self.show(each, warehouse, base), each, self.cancel, self.job, StepLog(log, {"step_id": each.step_id}))
        took = time.monotonic() - started
        if isinstance(outcome, StepPreview):
            return replace(outcome, seconds=took)
        status = STOPPED if outcome.status == CANCELLED else FAILED
        failed = replace(base, status=status, error=outcome.error, seconds=took)
        return self.only_there(each, failed) if each.step_id in self.only else failed

    def only_there(self, each: PlanStep, failed: StepPreview) -> StepPreview:
        """A step that only BigQuery can run: why, and rows of its columns for the steps after it, where they can be told."""
        failed = replace(failed, verdict="bigquery-only", differs=[self.only[each.step_id]])
        made = self.standins.instead(each, {name: relation.columns for name, relation in self.relations.items()})
        if made is None:
            return failed
        self.relations[each.step_id], self.origins[each.step_id] = made
        return replace(failed, columns=made[0].columns, notes=[made[1].note])

    def blocked(self, each: PlanStep) -> tuple[str, str] | None:
        """Why this step is not tried: the time is over, what it needs is not there, or it only runs after a failure."""
        if self.cancel.is_set():
            return NOT_REACHED, self.cancel.reason
        lost = [name for name in {**dict.fromkeys(each.upstream), **dict.fromkeys(each.inputs)}
                if name in self.seen and self.seen[name].status not in (OK, SKIPPED)
                and not (name in self.only and name in self.relations)]
        if lost:
            return NOT_REACHED, f"{lost[0]} {'failed' if self.seen[lost[0]].status == FAILED else 'was not previewed'}"
        if each.trigger == "on_failure":
            return SKIPPED, "runs on failure only"
        skipped = [name for name in each.upstream if name in self.seen and self.seen[name].status == SKIPPED]
        return (SKIPPED, f"{skipped[0]} is skipped") if skipped and each.trigger == "on_success" else None

    def show(self, each: PlanStep, warehouse: Warehouse, base: StepPreview) -> StepPreview:
        context = self.job.context(each, warehouse, dict(self.relations), self.cancel, log)
        result, stood = self.tried(each, context)
        origin = self.origins[each.step_id] = furthest([*stood, *(self.origins.get(name, REAL) for name in each.inputs)])
        said = [origin.note for origin in stood if origin.note]
        refused = [f"no sample of {name}: {self.refused[place]}" for name, _ in self.standins.names(each)
                   if (place := self.standins.place(name)) in self.refused]
        notes = [note for note in result.notes if note not in result.differs and not note.startswith("local-approximate:")
                 and not (stood and note.startswith("sample data: connection"))]
        shown = replace(base, row_count=result.rows, rejected=result.rejected, rejects=result.rejects[: self.limit],
                        checks=result.checks, notes=[*said, *refused, *notes], origin=origin.kind, basis=origin.words,
                        taken_at=origin.taken_at, verdict=result.verdict or "", differs=list(result.differs))
        if result.relation is None:
            return shown
        self.relations[each.step_id] = result.relation
        return self.with_rows(shown, result, warehouse)

    def tried(self, each: PlanStep, context: Context) -> tuple[StepResult, list[Origin]]:
        """The step on rows that can be read; a system that does not answer is stood in for, once."""
        given, stood = self.standins.ready(each, context)
        try:
            return each.engine.preview(each.config, given), stood
        except UnreachableError as error:
            if not self.standins.unreachable(each, given, error):
                raise
        except SqlError as error:
            if error.verdict == "refused" and error.code == "bigquery_only":
                self.only[each.step_id] = str(error)
            raise
        given, stood = self.standins.ready(each, context)
        return each.engine.preview(each.config, given), stood

    def loaded(self, place: str) -> tuple[Relation, Origin] | None:
        """The rows that a step of this preview would write into a table, where that step has been shown."""
        for each in self.plan.steps:
            to, given = getattr(each.config, "destination", None), getattr(getattr(each.config, "config", None), "input", "")
            shown = self.seen.get(each.step_id)
            if getattr(to, "table", None) == place and shown is not None and shown.status == OK and given in self.relations:
                return self.relations[given], self.origins.get(given, REAL)
        return None

    def with_rows(self, shown: StepPreview, result: StepResult, warehouse: Warehouse) -> StepPreview:
        """The first rows. A small result is kept in the session: the steps after it read the kept rows, and its count is free."""
        relation = result.relation
        assert relation is not None
        count = shown.row_count if shown.row_count is not None else relation.rows
        if relation.rows is None and (count is None or count <= KEEP_ROWS):
            kept = warehouse.keep_small(relation.name, KEEP_ROWS)
            count = count if kept is None else kept
        return replace(shown, columns=relation.columns, rows=warehouse.head(relation.name, self.limit), row_count=count)
