"""Puts right what a lost process left behind: runs in the control store, and their flow runs and task runs in Prefect."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Run, Store

log = logging.getLogger("penstock.reconcile")

IN_PREFECT = {"SUCCESS": "COMPLETED", "FAILED": "FAILED", "CANCELLED": "CANCELLED", "CRASHED": "CRASHED"}
OPEN_STATES = ["RUNNING", "PENDING", "CANCELLING", "PAUSED"]
PAGE = 200
STAGE_DAYS = 7  # how long the rows between steps of a failed run stay for a resume
FLOW = "run-pipeline"


def close_lost(store: Store) -> list[Run]:
    """Close every run whose lease is over: its claim is free then."""
    return [run for run in store.runs.expired() if _close(store, run, expired=True)]


def close_dead(store: Store) -> list[Run]:
    """Close runs whose owner was a process of this machine that is no more: their leases need not be waited for."""
    dead = [run for run in store.runs.open() if run.owner and _is_dead(run.owner)]
    return [run for run in dead if _close(store, run, expired=False)] + close_lost(store)


def _is_dead(owner: str) -> bool:
    """Owners are `kind@host:pid:random`."""
    place, _, rest = owner.partition("@")[2].partition(":")
    pid = rest.split(":")[0]
    if place != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _close(store: Store, run: Run, *, expired: bool) -> bool:
    """A run that never began waits again, one that was told to stop is cancelled, any other crashed. True when it was closed.

    `expired`: only if its lease is over at that very moment, since its owner may have come back after it was found.
    """
    if run.status == "PENDING" and not run.cancel:
        store.runs.release(run.run_id, owner=run.owner, expired=expired)
        return False
    status, why = ("CANCELLED", "") if run.cancel else ("CRASHED", "its runner was lost")
    if not store.runs.finish(run.run_id, status, why, owner=run.owner, expired=expired):
        return False
    log.warning("%s of %s was lost by its runner: %s", run.run_id, run.pipeline_id, status)
    return True


def answers(client: httpx.Client) -> bool:
    """Whether Prefect's server is up."""
    try:
        return client.get("/health").status_code == 200
    except httpx.HTTPError:
        return False


def close_in_prefect(client: httpx.Client, store: Store) -> int:
    """Close every flow run that Prefect holds as open while the ledger is final. Returns how many. Raises httpx.HTTPError."""
    filters = {"flows": {"name": {"any_": [FLOW]}}, "flow_runs": {"state": {"type": {"any_": OPEN_STATES}}}}
    found = _pages(client, "/flow_runs/filter", filters)
    states = store.runs.states(str(f["parameters"].get("run_id") or f["name"]) for f in found)
    closed = 0
    for flow_run in found:
        status = states.get(str(flow_run["parameters"].get("run_id") or flow_run["name"]))
        if status in IN_PREFECT:
            close_flow_run(client, flow_run["id"], status)
            closed += 1
    return closed


def close_flow_run(client: httpx.Client, flow_run_id: str, status: str) -> None:
    """Set the final state of a flow run and of its open task runs. Raises httpx.HTTPError."""
    message = "closed after its process was lost"
    state = {"type": IN_PREFECT[status], "message": message}
    client.post(f"/flow_runs/{flow_run_id}/set_state", json={"state": state, "force": True}).raise_for_status()
    filters = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "task_runs": {"state": {"type": {"any_": OPEN_STATES}}}}
    of_task = {"type": "CANCELLED" if status == "CANCELLED" else "CRASHED", "message": message}
    for task_run in _pages(client, "/task_runs/filter", filters):
        client.post(f"/task_runs/{task_run['id']}/set_state", json={"state": of_task, "force": True}).raise_for_status()


def _pages(client: httpx.Client, path: str, filters: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = client.post(path, json={**filters, "limit": PAGE, "offset": len(found)})
        answer.raise_for_status()
        page = answer.json()
        found += page
        if len(page) < PAGE:
            return found


def sweep(settings: Settings, store: Store) -> None:
    """Remove files that nothing refers to: half-made and replaced ones of the lake, rows between steps that no resume will ask for."""
    from flows.warehouse.lake import sweep_all

    for tenant, swept in sweep_all(settings.home, store.manifest, settings.limits.file_grace_seconds).items():
        if swept.orphans or swept.dropped:
            log.info("lake of %s: %d half-made and %d replaced files removed", tenant, swept.orphans, swept.dropped)
    base, old = settings.home / "stage", time.time() - STAGE_DAYS * 86_400
    folders = [f for f in base.glob("*/*") if f.is_dir() and f.stat().st_mtime < old] if base.exists() else []
    states = store.runs.states(f.name for f in folders)
    for folder in folders:
        if states.get(folder.name, "SUCCESS") not in ("PENDING", "RUNNING"):
            _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    log.info("removed %s", folder)
