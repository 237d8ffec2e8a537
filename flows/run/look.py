"""One source, read as a pipeline would read it, and measured: the profile of a file or a table. Nothing is written."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.engines.base import Cancel, StepResult
from flows.errors import Cancelled, StepTimeout
from flows.run.job import make_job
from flows.run.plan import make_plan
from flows.run.step import deadline, stopping

if TYPE_CHECKING:
    from flows.insight.catalog import Catalog
    from flows.insight.profile import Profile
    from flows.settings import Settings
    from flows.store import Store

STEP = "look"
log = logging.getLogger("penstock.profile")


def look(source: Mapping[str, Any], *, name: str, settings: Settings, store: Store, catalog: Catalog, limit: int) -> Profile:
    """The profile of what a step with this `source` block would read, of at most `limit` rows.

    Raises InputError, DataError and LimitError as the step would, StepTimeout after `limits.preview_seconds`.
    """
    from flows.spec.loader import from_data

    started, seconds = time.monotonic(), settings.limits.preview_seconds
    spec = from_data({"pipeline_id": "profile", "steps": [{"step_id": STEP, "ps_type": "generic.extract", "source": dict(source),
                                                           "continue_on_error": True}]})
    job = make_job(spec, settings=settings, store=store, catalog=catalog, preview=True)
    step = make_plan(job.spec, catalog=catalog, limits=settings.limits).step(STEP)
    cancel, warehouse = Cancel(), job.open_warehouse(STEP)
    try:
        with stopping(warehouse, cancel), deadline(cancel, seconds, f"{seconds:g} s"):
            result = step.engine.preview(step.config, job.context(step, warehouse, {}, cancel, log))
            left = max(0.1, seconds - (time.monotonic() - started))
            return replace(_profile(name, warehouse, result, limit, left), seconds=time.monotonic() - started)
    except Cancelled:
        raise StepTimeout(f"reading {name} took longer than {seconds:g} s", fix="Read fewer rows, or load it with a pipeline") from None
    finally:
        warehouse.close()


def _profile(name: str, warehouse: Any, result: StepResult, limit: int, seconds: float) -> Profile:
    from flows.insight.measure import Measure

    relation = result.relation
    assert relation is not None  # an extract gives rows or raises
    found = warehouse.tables.find((relation.name,))
    profile = Measure(warehouse.session, found.sql, relation.columns, limit=limit, seconds=seconds).run(name, result.rows)
    about = result.outputs
    return replace(profile, rejected=result.rejected, rejects=tuple(result.rejects), notes=(*result.notes, *profile.notes),
                   sheet=about.get("sheet", ""), sheets=tuple(about.get("sheets", ())))
