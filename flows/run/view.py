"""A run as people see it: its state, its steps and where Prefect shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from flows.run.ledger import prefect_url, progress
from flows.run.price import Bill, bill
from flows.show import units
from flows.warehouse.bq.project import load_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.settings import Settings
    from flows.store import Backfill, Run, StepRow, Store


SHOWN = 100  # runs of a backfill


@dataclass(frozen=True)
class RunView:
    """A run with its steps; `as_dict` is the contract of `penstock run --json`."""

    run: Run
    steps: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""  # of the run in Prefect's UI; empty until the flow run exists
    bill: Bill | None = None  # in production
    messages: list[dict[str, Any]] = field(default_factory=list)  # who was told of its end, see `flows.run.messages.as_dict`

    def as_dict(self) -> dict[str, Any]:
        run = self.run
        return {"run_id": run.run_id, "pipeline_id": run.pipeline_id, "status": run.status, "steps": self.steps,
                "error": run.error or None, "environment": run.environment, "run_date": str(run.run_date),
                "created_at": _iso(run.created_at), "started_at": _iso(run.started_at), "ended_at": _iso(run.ended_at),
                "prefect_url": self.address or None, **_backfill(run), **({"bill": self.bill.as_dict()} if self.bill else {}),
                **({"messages": self.messages} if self.messages else {})}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """How a notebook shows a run: its state, and its steps as bars and as a table."""
        from flows.show.page import run_bundle

        return run_bundle(self.as_dict(), now=datetime.now(UTC))


@dataclass(frozen=True)
class BackfillView:
    """How far a backfill is; `as_dict` is the contract of `penstock backfill --json`. `words` says it in one sentence, `wait` why its
    next run has not begun ("" when nothing is in the way)."""

    backfill: Backfill
    done: int
    total: int
    state: str  # RUNNING | DONE | STOPPED | FAILED
    words: str
    current: Run | None = None  # the run of the first day at work, or the one it ended with
    failed_day: date | None = None  # the first of them
    wait: str = ""
    runs: list[Run] = field(default_factory=list)  # the newest 100, newest first, without their specs
    at_work: int = 0  # runs, those in the queue too
    failed_days: tuple[date, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        fill = self.backfill
        return {"backfill_id": fill.backfill_id, "pipeline_id": fill.pipeline_id, "status": self.state, "days": self.total,
                "done": self.done, "at_work": self.at_work, "at_once": fill.at_once, "first": str(fill.dates[0]),
                "last": str(fill.dates[-1]), "failed_days": [str(day) for day in self.failed_days], "words": self.words,
                "wait": self.wait, "error": fill.error or None, "environment": fill.environment, "trigger_by": fill.trigger_by,
                "created_at": _iso(fill.created_at), "ended_at": _iso(fill.ended_at),
                "runs": [{"run_id": run.run_id, "day": run.backfill_day, "run_date": run.run_date, "status": run.status,
                          "started_at": _iso(run.started_at), "ended_at": _iso(run.ended_at), "error": run.error or None}
                         for run in self.runs]}


def backfill_view(fill: Backfill, store: Store, wait: str = "") -> BackfillView:
    """Read the runs of a backfill and say how far it is."""
    runs = store.runs.find(fill.tenant_id, backfill_id=fill.backfill_id, limit=SHOWN, specs=False)
    days = store.backfills.days(fill)
    done = fill.position + sum(day.status == "SUCCESS" for day in days)
    at_work = [day for day in days if day.open]
    failed = [day for day in days if day.status in ("FAILED", "CRASHED")] if fill.status == "FAILED" else []
    now = next(iter(at_work or failed or days[:1]), None)
    current = store.runs.get(fill.tenant_id, now.run_id) if now else None
    wrong = tuple(fill.dates[day.day - 1] for day in failed)
    return BackfillView(fill, done, len(fill.days), fill.status, _how_far(fill, done, len(at_work), wait), current,
                        wrong[0] if wrong else None, wait, runs, len(at_work), wrong)


def _how_far(fill: Backfill, done: int, at_work: int, wait: str) -> str:
    total, day = len(fill.days), units.day(fill.dates[min(done, len(fill.days) - 1)])
    if fill.status == "FAILED":
        where = " before it" if fill.at_once == 1 else ""
        before = f" {units.several(done, 'day is', 'days are')} done{where}." if done else f" No day is done{where}."
        return f"{fill.error[:1].upper()}{fill.error[1:].rstrip('.')}.{before}"
    if fill.status == "STOPPED":
        return f"Stopped after {done} of {units.several(total, 'day')}."
    if fill.status == "DONE" or done == total:
        return f"{'The one day' if total == 1 else f'All {total} days'} of it {'is' if total == 1 else 'are'} done."
    if fill.at_once > 1:
        return f"{done} of {units.several(total, 'day')} done, {at_work or 'none'} at work." + (f" {wait}" if wait else "")
    return f"Day {done + 1} of {total}, {day}" + (f", waits. {wait}" if wait else " is being run.")


def view(run: Run, store: Store, settings: Settings, rows: Sequence[StepRow] | None = None) -> RunView:
    """Read the steps of a run, unless they were just read, and make its address."""
    rows = store.steps.of(run.run_id) if rows is None else list(rows)
    steps = [{"step_id": row.step_id, "status": row.status, "attempts": row.attempts, "started_at": _iso(row.started_at),
              "ended_at": _iso(row.ended_at), "rows_processed": row.rows_processed, "error": row.error or None,
              **({"progress": far} if (far := progress(row)) else {}), **_rejected(row.result)}
             for row in rows]
    base = prefect_url(store, settings)
    return RunView(run, steps, f"{base.rstrip('/')}/runs/flow-run/{run.flow_run_id}" if run.flow_run_id and base else "",
                   bill(run, rows, load_project(settings)) if run.environment == "production" else None, _messages(run, store))


def _messages(run: Run, store: Store) -> list[dict[str, Any]]:
    if not (run.ended and run.spec.get("notify")):
        return []
    from flows.run.messages import as_dict

    return [as_dict(message) for message in store.messages.of(run.run_id)]


def _backfill(run: Run) -> dict[str, Any]:
    """Which day of which backfill this run is, if it is one."""
    return {"backfill": {"backfill_id": run.backfill_id, "day": run.backfill_day, "days": run.backfill_days}} if run.backfill_id else {}


def _rejected(result: dict[str, Any] | None) -> dict[str, Any]:
    """Rows that a step left out are never silent: how many, the first of them, and where they were set aside."""
    if not result or not result.get("rejected"):
        return {}
    aside = (result.get("outputs") or {}).get("quarantine")
    return {"rejected": result["rejected"], "rejects": result.get("rejects") or []} | ({"quarantine": aside} if aside else {})


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
