"""What all steps of one run or preview share: where, whose, when, with which values."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.engines import registry
from flows.engines.base import Cancel, Connections, Context, Files
from flows.errors import InputError
from flows.insight.catalog import Catalog
from flows.run.session import open_session
from flows.scrub import Scrubber
from flows.settings import Settings
from flows.spec.model import FlowSpec

if TYPE_CHECKING:
    import logging

    from flows.run.plan import PlanStep
    from flows.store import Run, Store
    from flows.warehouse.base import Relation, Warehouse
    from flows.warehouse.bq.allowance import Allowance


MOVES = ("generic.extract", "generic.load")
"""Engines that read or write rows as they are, unless they ask a query."""


@dataclass(frozen=True)
class Job:
    """One run, or one preview of it. `spec` has its placeholders filled in."""

    settings: Settings
    store: Store
    catalog: Catalog
    spec: FlowSpec
    run_id: str
    run_date: date
    environment: str = "local"
    variables: Mapping[str, Any] = field(default_factory=dict)
    preview: bool = False

    @property
    def tenant_id(self) -> str:
        return self.settings.tenant_id

    @cached_property
    def connections(self) -> Connections:
        from flows.insight.connections import load_connections

        return load_connections(self.settings, samples=self.environment != "production")

    @cached_property
    def files(self) -> Files:
        from flows.insight.files import AllowedFiles

        return AllowedFiles.of(self.settings)

    @cached_property
    def scrub(self) -> Scrubber:
        """Knows the passwords of the connections by value."""
        names = {*self.catalog.connections, *getattr(self.connections, "names", list)()}
        return Scrubber(secrets_of(self.connections, names))

    @cached_property
    def words(self) -> Mapping[str, str]:
        return registry.table_words(self.spec)

    @cached_property
    def credentials(self) -> Mapping[str, str]:
        return registry.credentials(self.spec, self.catalog)

    @cached_property
    def allowance(self) -> Allowance | None:
        """What all steps of this run may be billed together: the budget of its spec, and what its tenant has left of today; None where
        there is neither."""
        from flows.warehouse.bq.allowance import Allowance

        most = self.spec.budget.bytes_per_run if self.spec.budget else None
        left = self.store.limits.bytes_left(self.tenant_id, self.run_id) if self.environment == "production" and not self.preview else None
        if left is None:
            return None if most is None else Allowance(most)
        limits, left = self.store.limits, max(0, left - self._billed)
        return Allowance(left if most is None else min(most, left),
                         lambda count: limits.reserve(self.tenant_id, self.run_id, self._billed + count))

    @cached_property
    def _billed(self) -> int:
        """What earlier tries of this run were billed."""
        return self.store.limits.billed(self.run_id)

    def reserve(self, count: int) -> None:
        """Before the first step: so many bytes of the tenant's day are this run's. Raises LimitError where others have them."""
        if self.environment == "production":
            self.store.limits.reserve(self.tenant_id, self.run_id, self._billed + count)

    @property
    def log_file(self) -> Path:
        return log_file(self.settings, self.run_id)

    def open_warehouse(self, step_id: str, tries: int = 1) -> Warehouse:
        """A session of its own for one try of a step; whoever asks for it closes it."""
        labels = {"tenant": self.tenant_id, "pipeline": self.spec.pipeline_id, "run": self.run_id, "step": step_id}
        return open_session(self._settings_of(step_id), self.store, self.catalog, stage=f"{self.run_id}/{step_id}", preview=self.preview,
                            environment=self.environment, labels=labels, job_key=f"{self.run_id}-{step_id}-{tries}",
                            allowance=self.allowance)

    def _settings_of(self, step_id: str) -> Settings:
        """A step that only moves rows works in little memory, and other steps have the rest. One that sorts them has all of it: little
        is not enough to sort fifty million rows with text."""
        step = next((step for step in self.spec.steps if step.step_id == step_id), None)
        if step is None or step.ps_type not in MOVES or (step.model_dump().get("source") or {}).get("query"):
            return self.settings
        if (step.model_dump().get("destination") or {}).get("cluster_by"):
            return self.settings
        limits = self.settings.limits
        return replace(self.settings, limits=replace(limits, duckdb_memory_mb=min(limits.duckdb_memory_mb, limits.move_memory_mb)))

    def context(self, step: PlanStep, warehouse: Warehouse, inputs: Mapping[str, Relation], cancel: Cancel,
                log: logging.Logger) -> Context:
        """What the engine of this step is told."""
        from flows.run.account import standing
        from flows.run.tenancy import OwnTenancy

        return Context(
            tenant_id=self.tenant_id, pipeline_id=self.spec.pipeline_id, run_id=self.run_id, step_id=step.step_id,
            run_date=self.run_date, environment=self.environment, variables=self.variables, warehouse=warehouse,
            catalog=self.catalog, connections=self.connections, files=self.files, limits=self.settings.limits, inputs=inputs,
            continue_on_error=step.continue_on_error, preview=self.preview, cancel=cancel, log=log, tables=self.words,
            credential_id=self.credentials.get(step.step_id, "none"), retried=step.retry.max_attempts > 1,
            account=lambda: standing(self, step),
            tenancy=None if self.preview else OwnTenancy(self.settings, self.store, self.environment))


def log_file(settings: Settings, run_id: str) -> Path:
    """Where the log of a run is."""
    return settings.home / "logs" / settings.tenant_id / f"{run_id}.log"


def make_job(spec: FlowSpec, *, settings: Settings, store: Store, catalog: Catalog, params: Mapping[str, Any] | None = None,
             run: Run | None = None, preview: bool = False) -> Job:
    """Fill in a spec for one run, or for a preview when there is no run yet.

    Raises SpecError for placeholders without a value and InputError for parameters that do not fit.
    """
    from flows.spec.template import resolve, run_values

    today = datetime.now(UTC).date()
    given = dict(run.params if run else params or {})
    day = date.fromisoformat(run.run_date) if run and run.run_date else None
    run_id = run.run_id if run else "preview"
    values = run_values(spec, given, tenant_id=settings.tenant_id, run_id=run_id, run_date=day, today=today)
    return Job(settings=settings, store=store, catalog=catalog, spec=resolve(spec, values), run_id=run_id,
               run_date=date.fromisoformat(str(values["run_date"])), environment=run.environment if run else "local",
               variables=values, preview=preview)


def secrets_of(connections: Connections, names: set[str]) -> list[str]:
    """Addresses as far as they can be read: one with a missing variable has no secret to hide."""
    found = []
    for name in names:
        with suppress(InputError):
            found.append(connections.url(name) or "")
            headers = getattr(connections, "headers", None)
            found += [value.split(" ", 1)[-1] for value in headers(name).values()] if headers else []
    return [text for text in found if text]
