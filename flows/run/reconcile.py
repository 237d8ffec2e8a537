"""Puts right what a lost process left behind: runs and their claims, half-made files, and flow runs and task runs in Prefect.

A claim is the open run's own row, and so is a reservation: limits are counted from the rows of open runs, so a row that is put right
leaves nothing reserved. Runs of which nobody answers for any more go on by themselves:

| what was lost | what becomes of the run |
|---|---|
| its runner, or the machine of it | it goes back into the queue, and the next process goes on with it: `flows.run.resume` |
| its runner, for the third time | CRASHED |
| its runner, while a step of an engine with `REPEATABLE = False` was at work | CRASHED: a person has to look what it did |
| its runner, after somebody told it to stop | CANCELLED |
| its own process alone, by whatever signal | CRASHED at once: what ended it (no memory, a fault of a library) would end it again |
| its runner, and somebody starts the pipeline before it is taken up | CRASHED: the new start takes its place |
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from flows.engines import registry
from flows.errors import PenstockError
from flows.run.ticket import ATTEMPTS

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Run, Store
    from flows.store.rows import Flight

log = logging.getLogger("penstock.reconcile")

IN_PREFECT = {"SUCCESS": "COMPLETED", "FAILED": "FAILED", "CANCELLED": "CANCELLED", "CRASHED": "CRASHED"}
OPEN_STATES = ["RUNNING", "PENDING", "CANCELLING", "PAUSED"]
OPEN_TASKS = [*OPEN_STATES, "SCHEDULED"]  # a task that waits for its next try is scheduled
PAGE = 200
STAGE_DAYS = 7  # how long the rows between steps of a failed run stay for a resume
FLOW, POOL = "run-pipeline", "penstock"
NEW_SECONDS = 60.0  # a flow run that is younger may not be in our books yet
LATE_SECONDS = {"CRASHED": 10.0, "CANCELLED": 120.0, "COMPLETED": 120.0, "FAILED": 120.0}  # so late the states of tasks may still come
LOST = "closed after its process was lost"


# ---- runs

def take_up(store: Store) -> list[Run]:
    """Take up again every run whose lease is over, or whose owner was a process of this machine that is no more. Gives those that wait
    again or were closed."""
    dead = [run for run in store.runs.open(claimed=True) if is_dead(run.owner)]
    free = [run for run in dead if _again(store, run, expired=False)]
    return free + [run for run in store.runs.expired() if _again(store, run, expired=True)]


def give_way(store: Store, run_id: str) -> bool:
    """Close a run that nobody works on, for one that somebody starts now. True when its claim is free."""
    run = store.runs.peek(run_id)
    if run.status != "RUNNING" or not is_dead(run.owner):
        return False
    why = "its runner was lost, and a new start took its place"
    return store.runs.finish(run_id, "CANCELLED" if run.cancel else "CRASHED", why, owner=run.owner)


def _again(store: Store, run: Run, *, expired: bool) -> bool:
    """A run that never began waits again; one at work is taken up again, if it may be. True when its claim is free.

    `expired`: only if its lease is over at that very moment, since its owner may have come back after it was found.
    """
    if run.cancel:
        status, why = "CANCELLED", "stopped by a person"
    elif run.status == "PENDING":
        return store.runs.release(run.run_id, owner=run.owner, expired=expired)
    else:
        status, why = "CRASHED", _why_not(store, run)
        if not why:
            why = f"its runner was lost: taken up again, attempt {run.attempt + 1} of {ATTEMPTS}"
            done = store.runs.release(run.run_id, owner=run.owner, expired=expired, error=why)
            if done:
                log.warning("%s of %s: %s", run.run_id, run.pipeline_id, why)
            return done
    if not store.runs.finish(run.run_id, status, why, owner=run.owner, expired=expired):
        return False
    log.warning("%s of %s was lost by its runner: %s, %s", run.run_id, run.pipeline_id, status, why)
    return True


def _why_not(store: Store, run: Run) -> str:
    """Why a run must not be taken up again by itself; "" when it may be."""
    if run.attempt >= ATTEMPTS:
        return f"its runner was lost {run.attempt} times: look into the log of the runner, then resume it with --resume {run.run_id}"
    once = [step for step in store.steps.of(run.run_id) if step.status == "RUNNING" and not _repeatable(step.ps_type)]
    if not once:
        return ""
    return (f"its runner was lost while {once[0].step_id} was at work, and {once[0].ps_type} may do twice what is done once: "
            f"look whether it did its work, then resume the run with --resume {run.run_id}")


def _repeatable(ps_type: str) -> bool:
    try:
        return registry.engine(ps_type).repeatable
    except PenstockError:
        return False  # its package is gone: nobody can tell


def is_dead(owner: str) -> bool:
    """Whether it was a process of this machine that is no more. Owners are `kind@host:pid:random`."""
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


# ---- Prefect

def answers(client: httpx.Client) -> bool:
    """Whether Prefect's server is up."""
    try:
        return client.get("/health").status_code == 200
    except httpx.HTTPError:
        return False


def close_in_prefect(client: httpx.Client, store: Store) -> tuple[int, int]:
    """Close every flow run that Prefect holds as open while the ledger is final or goes on in another one, and every open task run of
    a flow run that is final. Returns how many of both. Raises httpx.HTTPError."""
    filters = {"flows": {"name": {"any_": [FLOW]}}, "flow_runs": {"state": {"type": {"any_": OPEN_STATES}}}}
    found = _pages(client, "/flow_runs/filter", filters)
    known = store.runs.flights((_run_id(f) for f in found), (f["id"] for f in found)) if found else []
    by_id, by_flow = {each.run_id: each for each in known}, {each.flow_run_id: each for each in known}
    made = {f["id"]: _made(f) for f in found}
    flows, tasks = 0, 0
    for flow_run in found:
        end = _end_of(flow_run, by_flow.get(flow_run["id"]) or by_id.get(_run_id(flow_run)), made)
        if end:
            flows, tasks = flows + 1, tasks + close_flow_run(client, flow_run["id"], *end)
    return flows, tasks + _close_tasks(client)


def _run_id(flow_run: Mapping[str, Any]) -> str:
    return str(flow_run["parameters"].get("run_id") or flow_run["name"])


def _made(flow_run: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(flow_run["created"]).replace("Z", "+00:00"))


def _end_of(flow_run: Mapping[str, Any], run: Flight | None, made: Mapping[str, datetime]) -> tuple[str, str] | None:
    """Our state and the words to close an open flow run with; None while it is at work or may be."""
    is_old = datetime.now(UTC) - _made(flow_run) > timedelta(seconds=NEW_SECONDS)
    if run is None:  # a worker's, which was lost before it was queued
        return ("CRASHED", LOST) if is_old and flow_run.get("work_pool_name") == POOL else None
    if run.status in IN_PREFECT:
        return run.status, LOST
    if run.flow_run_id in ("", flow_run["id"]):
        return None
    newer = run.flow_run_id in made and made[run.flow_run_id] > made[flow_run["id"]]
    return ("CRASHED", resumed_as(run.flow_run_id)) if newer or is_old else None


def resumed_as(flow_run_id: str) -> str:
    """What a flow run says whose run goes on in another one."""
    return f"runner lost, resumed as {flow_run_id}"


def close_flow_run(client: httpx.Client, flow_run_id: str, status: str, message: str = LOST) -> int:
    """Set the final state of a flow run and of its open task runs. Returns how many of these. Raises httpx.HTTPError."""
    state = {"type": IN_PREFECT[status], "message": message}
    client.post(f"/flow_runs/{flow_run_id}/set_state", json={"state": state, "force": True}).raise_for_status()
    left = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "task_runs": {"state": {"type": {"any_": OPEN_TASKS}}}}
    return _end_tasks(client, left, status, message)


def _close_tasks(client: httpx.Client) -> int:
    """Task runs are recorded some time after the fact: close those that are still open when their flow run has long ended."""
    closed = 0
    for ended, seconds in LATE_SECONDS.items():
        before = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
        left = {"flows": {"name": {"any_": [FLOW]}}, "flow_runs": {"state": {"type": {"any_": [ended]}}, "end_time": {"before_": before}},
                "task_runs": {"state": {"type": {"any_": OPEN_TASKS}}}}
        closed += _end_tasks(client, left, ended, LOST)
    return closed


def _end_tasks(client: httpx.Client, left: dict[str, Any], flow_ended: str, message: str) -> int:
    task_runs = _pages(client, "/task_runs/filter", left)
    state = {"type": "CANCELLED" if flow_ended == "CANCELLED" else "CRASHED", "message": message}
    for task_run in task_runs:
        client.post(f"/task_runs/{task_run['id']}/set_state", json={"state": state, "force": True}).raise_for_status()
    return len(task_runs)


def _pages(client: httpx.Client, path: str, filters: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = client.post(path, json={**filters, "limit": PAGE, "offset": len(found)})
        answer.raise_for_status()
        page = answer.json()
        found += page
        if len(page) < PAGE:
            return found


# ---- files

def sweep(settings: Settings, store: Store) -> None:
    """Remove files that nothing refers to: half-made and replaced ones of the lake, rows between steps that no resume will ask for.

    Those of a run that succeeded go with it; what is left of one whose process was lost just then goes after `file_grace_seconds`.
    """
    from flows.warehouse.lake import sweep_all

    for tenant, swept in sweep_all(settings.home, store.manifest, settings.limits.file_grace_seconds).items():
        if swept.orphans or swept.dropped:
            log.info("lake of %s: %d half-made and %d replaced files removed", tenant, swept.orphans, swept.dropped)
    base, now = settings.home / "stage", time.time()
    ages = {f: now - f.stat().st_mtime for f in base.glob("*/*") if f.is_dir()} if base.exists() else {}
    states = store.runs.states(f.name for f in ages)
    for folder, age in ages.items():
        state = states.get(folder.name, "")
        most = settings.limits.file_grace_seconds if state == "SUCCESS" else STAGE_DAYS * 86_400
        if state not in ("PENDING", "RUNNING") and age > most:
            _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    log.info("removed %s", folder)
