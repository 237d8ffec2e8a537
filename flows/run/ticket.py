"""Who works on a run: the claim that a process was given, or the one it takes for itself."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.engines.base import Cancel
from flows.errors import PenstockError
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.store import Run, Store

CANCEL_EVERY, PREFECT_EVERY = 0.5, 2.0  # seconds


@dataclass(frozen=True)
class Ticket:
    """A claimed run. `renew`: nobody else lengthens its lease."""

    settings: Settings
    store: Store
    run: Run
    owner: str
    renew: bool = False


HERE: ContextVar[Ticket | None] = ContextVar("penstock_ticket", default=None)


def new_owner(kind: str) -> str:
    """A name for this process; computed when asked, because a forked process inherits what was computed before."""
    return f"{kind}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


def own_ticket(spec: dict[str, Any], environment: str, flow_run_id: str) -> Ticket:
    """Submit and claim a run for a flow that was started by something else than the runner (a plain Prefect worker, Python).

    Raises DuplicateRun while the pipeline runs, SpecError for a spec that does not hold.
    """
    from flows.store import open_store

    settings = Settings.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    store, owner = open_store(settings.control_url), new_owner("flow")
    run = store.runs.submit(new_run(settings, spec, environment, flow_run_id), owner=owner, lease_seconds=settings.limits.lease_seconds)
    return Ticket(settings, store, run, owner, renew=True)


def new_run(settings: Settings, spec: dict[str, Any], environment: str, flow_run_id: str) -> Any:
    """A run that a schedule asks for, today."""
    from flows.spec.loader import from_data
    from flows.spec.template import run_values
    from flows.store import NewRun

    values = run_values(from_data(spec), {}, tenant_id=settings.tenant_id)
    return NewRun(tenant_id=settings.tenant_id, pipeline_id=str(values["pipeline_id"]), spec=spec, environment=environment,
                  trigger_by="prefect", run_date=str(values["run_date"]), folders=[str(f) for f in settings.folders],
                  flow_run_id=flow_run_id)


def settings_of(settings: Settings, run: Run) -> Settings:
    """The settings as this run sees them: its tenant and its folders."""
    return replace(settings, tenant_id=run.tenant_id, folders=tuple(Path(f) for f in run.folders) or settings.folders)


@contextmanager
def watched(ticket: Ticket, cancel: Cancel, flow_run: Callable[[], str], api: str) -> Iterator[None]:
    """While the run works, a thread of its own looks whether somebody wants it to stop, here or in Prefect, and renews the lease
    where nobody else does: the run's own loop may stand still while a server hangs."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(ticket, cancel, flow_run, api, over), name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(1)


def _watch(ticket: Ticket, cancel: Cancel, flow_run: Callable[[], str], api: str, over: threading.Event) -> None:
    run_id, looked, renewed = ticket.run.run_id, time.monotonic(), time.monotonic()
    lease = ticket.settings.limits.lease_seconds
    while not over.wait(CANCEL_EVERY):
        try:
            if ticket.store.runs.cancel_asked(run_id):
                cancel.set("stopped by a person")
            now = time.monotonic()
            if now - looked >= PREFECT_EVERY:
                looked = now
                if _stopped_in_prefect(api, flow_run()):
                    ticket.store.runs.ask_cancel(ticket.run.tenant_id, run_id)
                    cancel.set("stopped in Prefect")
            if ticket.renew and now - renewed >= lease / 3:
                renewed = now
                if run_id not in ticket.store.runs.renew(ticket.owner, [run_id], lease):
                    cancel.set("the claim on this run was lost")
        except PenstockError:  # a busy store: look again in half a second
            continue


def _stopped_in_prefect(api: str, flow_run_id: str) -> bool:
    import httpx

    if not api or not flow_run_id:
        return False
    try:
        state = httpx.get(f"{api}/flow_runs/{flow_run_id}", timeout=2).json().get("state_type")
    except (httpx.HTTPError, ValueError):
        return False
    return state in ("CANCELLING", "CANCELLED")
