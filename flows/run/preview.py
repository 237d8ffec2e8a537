"""The whole graph on real rows before anything runs: in one session, without Prefect, writing nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flows.engines.base import Cancel, CheckResult, StepResult
from flows.run.gate import CANCELLED
from flows.run.job import Job, make_job
from flows.run.plain import plain
from flows.run.plan import Plan, PlanStep, make_plan
from flows.run.step import deadline, guarded, stopping

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
    """What one step would give. `rows` are the first of them; `row_count` is None where knowing it would cost a scan."""

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

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {**vars(self), "columns": [{"name": c.name, "type": c.type} for c in self.columns],
                "rows": [plain(row) for row in self.rows], "rejects": [plain(row) for row in self.rejects],
                "checks": [{**vars(check), "columns": list(check.columns)} for check in self.checks],
                "notes": list(self.notes), "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Preview:
    """Every step in running order."""

    pipeline_id: str
    steps: tuple[StepPreview, ...]
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return all(s.status in (OK, SKIPPED) for s in self.steps)

    def as_dict(self) -> dict[str, Any]:
        return {"pipeline_id": self.pipeline_id, "ok": self.ok, "steps": [s.as_dict() for s in self.steps],
                "seconds": round(self.seconds, 3)}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """How a notebook shows a preview: each step's first rows, its rejected rows and its checks."""
        from flows.show.page import preview_bundle

        return preview_bundle(self.as_dict())


def preview(spec: FlowSpec, *, settings: Settings, store: Store, catalog: Catalog, step: str | None = None, limit: int | None = None,
            params: Mapping[str, Any] | None = None) -> Preview:
    """Preview a spec; with `step` only that step and what it reads. `limit`: rows a step (default
    `limits.preview_rows`, at most 10,000).

    Raises SpecError for a spec that has no plan and MissingError for an unknown step; a step that fails is a row of the answer.
    """
    started = time.monotonic()
    job = make_job(spec, settings=settings, store=store, catalog=catalog, params=params, preview=True)
    plan = make_plan(job.spec, catalog=catalog, limits=settings.limits)
    wanted = set(plan.needed(step)) if step else set(plan.by_id)
    rows = min(limit or settings.limits.preview_rows, KEEP_ROWS)
    steps = Walk(plan, job, rows).run(wanted)
    return Preview(job.spec.pipeline_id, steps, time.monotonic() - started)


class Walk:
    """Goes through a plan once, in one session."""

    def __init__(self, plan: Plan, job: Job, rows: int) -> None:
        self.plan, self.job, self.limit = plan, job, rows
        self.cancel = Cancel()
        self.relations: dict[str, Relation] = {}
        self.seen: dict[str, StepPreview] = {}

    def run(self, wanted: set[str]) -> tuple[StepPreview, ...]:
        seconds = self.job.settings.limits.preview_seconds
        warehouse = self.job.open_warehouse("preview")
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
        if isinstance(outcome, StepPreview):
            return replace(outcome, seconds=time.monotonic() - started)
        status = STOPPED if outcome.status == CANCELLED else FAILED
        return replace(base, status=status, error=outcome.error, seconds=time.monotonic() - started)

    def blocked(self, each: PlanStep) -> tuple[str, str] | None:
        """Why this step is not tried: the time is over, what it needs is not there, or it only runs after a failure."""
        if self.cancel.is_set():
            return NOT_REACHED, self.cancel.reason
        lost = [name for name in {**dict.fromkeys(each.upstream), **dict.fromkeys(each.inputs)}
                if name in self.seen and self.seen[name].status not in (OK, SKIPPED)]
        if lost:
            return NOT_REACHED, f"{lost[0]} {'failed' if self.seen[lost[0]].status == FAILED else 'was not previewed'}"
        if each.trigger == "on_failure":
            return SKIPPED, "runs on failure only"
        skipped = [name for name in each.upstream if name in self.seen and self.seen[name].status == SKIPPED]
        return (SKIPPED, f"{skipped[0]} is skipped") if skipped and each.trigger == "on_success" else None

    def show(self, each: PlanStep, warehouse: Warehouse, base: StepPreview) -> StepPreview:
        context = self.job.context(each, warehouse, dict(self.relations), self.cancel, log)
        result = each.engine.preview(each.config, context)
        shown = replace(base, row_count=result.rows, rejected=result.rejected, rejects=result.rejects[: self.limit],
                        checks=result.checks, notes=list(result.notes))
        if result.relation is None:
            return shown
        self.relations[each.step_id] = result.relation
        return self.with_rows(shown, result, warehouse)

    def with_rows(self, shown: StepPreview, result: StepResult, warehouse: Warehouse) -> StepPreview:
        """The first rows. A small result is kept in the session: the steps after it read the kept rows, and its count is free."""
        relation = result.relation
        assert relation is not None
        count = shown.row_count if shown.row_count is not None else relation.rows
        if relation.rows is None:
            kept = warehouse.keep_small(relation.name, KEEP_ROWS)
            count = count if kept is None else kept
        return replace(shown, columns=relation.columns, rows=warehouse.head(relation.name, self.limit), row_count=count)
