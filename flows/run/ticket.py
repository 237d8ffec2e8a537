"""Who works on a run: the claim that a process was given, or the one it takes for itself."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from flows.engines.base import Cancel
from flows.errors import PenstockError
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.store import Run, Store

CANCEL_EVERY, PREFECT_EVERY = 0.25, 2.0  # seconds
LOST = 76  # exit code of a process whose run is somebody else's now
ATTEMPTS = 3  # how often a run is begun at most, when its runners are lost


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
def watched(ticket: Ticket, cancel: Cancel, flow_run_id: str, api: str) -> Iterator[None]:
    """While the run works, a thread of its own looks whether somebody wants it to stop, here or in Prefect, and renews the lease
    where nobody else does: the run's own loop may stand still while a server hangs."""
    watch = Watch(ticket, cancel, flow_run_id, api)
    watch.start()
    try:
        yield
    finally:
        watch.over.set()
        watch.join(1)


class Watch(threading.Thread):
    """Looks every quarter of a second until `over`."""

    def __init__(self, ticket: Ticket, cancel: Cancel, flow_run_id: str, api: str) -> None:
        super().__init__(name="watch", daemon=True)
        self.ticket, self.cancel, self.place, self.over = ticket, cancel, f"/flow_runs/{flow_run_id}", threading.Event()
        self.api = api if flow_run_id else ""
        self.due = {"prefect": time.monotonic() + PREFECT_EVERY, "renew": 0.0}

    def run(self) -> None:
        while not self.over.wait(CANCEL_EVERY):
            with suppress(PenstockError):  # a busy store: look again soon
                self.look()
        if "http" in vars(self):
            self.http.close()

    @cached_property
    def http(self) -> httpx.Client:
        """Made at the first look at Prefect, in this thread: to read the certificates takes as long as a hundred short steps."""
        return httpx.Client(base_url=self.api, timeout=2)

    def look(self) -> None:
        runs, run, lease = self.ticket.store.runs, self.ticket.run, self.ticket.settings.limits.lease_seconds
        if runs.cancel_asked(run.run_id):
            self.cancel.set("stopped by a person")
        if self.is_due("prefect", PREFECT_EVERY):
            if not self.ticket.renew and runs.holder(run.run_id) not in ("", self.ticket.owner):
                os._exit(LOST)  # its runner stood still and the run was taken up elsewhere: not one more word into its book
            if self.stopped_in_prefect():
                runs.ask_cancel(run.tenant_id, run.run_id)
                self.cancel.set("stopped in Prefect")
        if self.ticket.renew and self.is_due("renew", lease / 3) and run.run_id not in runs.renew(self.ticket.owner, [run.run_id], lease):
            self.cancel.set("the claim on this run was lost")

    def is_due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self.due[what]:
            return False
        self.due[what] = now + seconds
        return True

    def stopped_in_prefect(self) -> bool:
        """Prefect's own pages only change the state of a flow run that lives elsewhere; it must look itself."""
        if not self.api:
            return False
        try:
            state = self.http.get(self.place).json().get("state_type")
        except (httpx.HTTPError, ValueError):
            return False
        return state in ("CANCELLING", "CANCELLED")
