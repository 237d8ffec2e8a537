"""How a run stands, gathered from the run book for those who are told of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flows.run.ledger import prefect_url
from flows.scrub import without_login
from flows.show.account import Account, StepAccount

if TYPE_CHECKING:
    from flows.run.job import Job
    from flows.run.plan import PlanStep
    from flows.settings import Settings
    from flows.store import Run, StepRow, Store

SETTLE, LOOK = 2.0, 0.05  # seconds that the book may be behind what has happened, and between two looks


def account(run: Run, rows: Sequence[StepRow], store: Store, settings: Settings) -> Account:
    """A run with the steps that have begun."""
    steps = tuple(StepAccount(row.step_id, row.ps_type, row.status, row.rows_processed, row.error)
                  for row in rows if row.status != "PENDING")
    return Account(
        tenant_id=run.tenant_id, pipeline_id=run.pipeline_id, name=run.name, run_id=run.run_id, status=run.status,
        environment=run.environment, run_date=run.run_date, started_at=run.started_at, ended_at=run.ended_at, steps=steps,
        error=run.error, anomalies=anomalies(rows), address=address(run, store, settings))


def standing(job: Job, step: PlanStep) -> Account | None:
    """The run as it stands when this step begins, without the step itself; None in a preview, which has no run."""
    if job.preview:
        return None
    until = time.monotonic() + SETTLE
    while True:
        rows = job.store.steps.of(job.run_id)
        if time.monotonic() > until or all(row.ended for row in rows if row.step_id in step.upstream):
            break
        time.sleep(LOOK)
    return account(job.store.runs.peek(job.run_id), [row for row in rows if row.step_id != step.step_id], job.store, job.settings)


def anomalies(rows: Sequence[StepRow]) -> int:
    """How many rows its steps have flagged."""
    return sum(_flagged((row.result or {}).get("outputs") or {}) for row in rows)


def address(run: Run, store: Store, settings: Settings) -> str:
    """Where the run can be seen: where people reach the app, else in the app when it is up on this machine, else in Prefect; "" when
    none is known."""
    from flows.run.up import holder

    if settings.public_url:
        return f"{settings.public_url}/runs?run={quote(run.run_id)}"
    there = holder(settings)
    if there.get("address") and there["address"] != there.get("prefect"):
        return f"{without_login(str(there['address'])).rstrip('/')}/runs?run={quote(run.run_id)}"
    base = prefect_url(store, settings)
    return f"{base}/runs/flow-run/{run.flow_run_id}" if base and run.flow_run_id else ""


def _flagged(outputs: dict[str, Any]) -> int:
    found = outputs.get("anomalies")
    return found if isinstance(found, int) and found > 0 else 0
