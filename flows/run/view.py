"""A run as people see it: its state, its steps and where Prefect shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flows.run.ledger import prefect_url

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Run, Store


@dataclass(frozen=True)
class RunView:
    """A run with its steps; `as_dict` is the contract of `penstock run --json`."""

    run: Run
    steps: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""  # of the run in Prefect's UI; empty until the flow run exists

    def as_dict(self) -> dict[str, Any]:
        run = self.run
        return {"run_id": run.run_id, "pipeline_id": run.pipeline_id, "status": run.status, "steps": self.steps,
                "error": run.error or None, "environment": run.environment, "run_date": str(run.run_date),
                "created_at": _iso(run.created_at), "started_at": _iso(run.started_at), "ended_at": _iso(run.ended_at),
                "prefect_url": self.address or None}


def view(run: Run, store: Store, settings: Settings) -> RunView:
    """Read the steps of a run and make its address."""
    steps = [{"step_id": row.step_id, "status": row.status, "attempts": row.attempts, "started_at": _iso(row.started_at),
              "ended_at": _iso(row.ended_at), "rows_processed": row.rows_processed, "error": row.error or None, **_rejected(row.result)}
             for row in store.steps.of(run.run_id)]
    base = prefect_url(store, settings)
    return RunView(run, steps, f"{base.rstrip('/')}/runs/flow-run/{run.flow_run_id}" if run.flow_run_id and base else "")


def _rejected(result: dict[str, Any] | None) -> dict[str, Any]:
    """Rows that a step left out are never silent: how many, the first of them, and where they were set aside."""
    if not result or not result.get("rejected"):
        return {}
    aside = (result.get("outputs") or {}).get("quarantine")
    return {"rejected": result["rejected"], "rejects": result.get("rejects") or []} | ({"quarantine": aside} if aside else {})


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
