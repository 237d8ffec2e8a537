"""One spec on both warehouses, step by step, on the same rows: what is the same, what is not, and by which rows that shows.

Nothing of the tenant's own is written. Each step is judged by itself: where it gave something else, the steps after it go on with
DuckDB's rows on both sides.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.engines.base import Cancel
from flows.run.agreement import Parity
from flows.run.job import make_job
from flows.run.plan import make_plan
from flows.run.session import production
from flows.run.sides import Corner
from flows.run.trial import MOST, Trial

if TYPE_CHECKING:
    from flows.insight.catalog import Catalog
    from flows.run.sides import There
    from flows.settings import Settings
    from flows.spec.model import FlowSpec
    from flows.store import Store

ROWS = 1000


def versions() -> dict[str, str]:
    """Of what the rows on this side depend on."""
    from importlib.metadata import version

    return {name: version(name) for name in ("penstock", "duckdb", "sqlglot")}


def parity(spec: FlowSpec, *, settings: Settings, store: Store, catalog: Catalog, rows: int = ROWS, params: Mapping[str, Any] | None = None,
           sample: str = "", there: There | None = None, cancel: Cancel | None = None) -> Parity:
    """Try a spec on both warehouses. Of every source at most `rows` rows are read, once, and both get the same.

    `sample`: take samples of the tables it reads from this environment first. `there` stands in the place of the project of production.
    Raises SpecError for a spec that has no plan and UnreachableError when production is not set up or does not answer; a step that
    fails is a row of the answer.
    """
    started, moment = time.monotonic(), datetime.now(UTC)
    job = make_job(spec, settings=settings, store=store, catalog=catalog, params=params, preview=True)
    plan = make_plan(job.spec, catalog=catalog, limits=settings.limits)
    job = replace(job, run_id="parity")
    there = there or Corner(job, production(settings))
    try:
        trial = Trial(plan, job, min(rows, MOST), there, cancel or Cancel())
        if sample:
            from flows.run.sampling import take_samples

            trial.preferred, trial.refused = take_samples(plan, job, set(plan.by_id), sample)
        steps, where = trial.run(), there.where()
    finally:
        there.close()
    return Parity(job.spec.pipeline_id, steps, min(rows, MOST), where, versions(), moment, time.monotonic() - started)

