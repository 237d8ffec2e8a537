"""Who works on a run: the claim that a process was given, or the one it takes for itself."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from flows.engines.base import Cancel
from flows.errors import MissingError, Overtaken, PenstockError
from flows.settings import Settings
from flows.show import units

if TYPE_CHECKING:
    from flows.store import NewRun, Run, Store
    from flows.store.deployments import Deployment

CANCEL_EVERY, PREFECT_EVERY = 0.25, 2.0  # seconds
LOST = 76  # exit code of a process whose run is somebody else's now
OVERTAKEN = 60.0  # seconds that a run may be late before its successor takes its place
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


@dataclass(frozen=True)
class Order:
    """What a flow run asks for that Prefect made: its parameters, the deployment of Prefect that it is from, and when it was due.

    `due` is None for a flow run that somebody started by hand.
    """

    parameters: Mapping[str, Any]
    flow_run_id: str = ""
    deployment_id: str = ""
    due: datetime | None = None

    @property
    def early(self) -> float:
        """The seconds until its time."""
        return max(0.0, (self.due - datetime.now(UTC)).total_seconds()) if self.due else 0.0


def order_of(flow_run: Any, parameters: Mapping[str, Any]) -> Order:
    """`flow_run` is one of Prefect's client, or None."""
    if flow_run is None:
        return Order(parameters)
    due = flow_run.expected_start_time if flow_run.auto_scheduled else None
    if due is not None:  # Prefect's own kind of moment does not reckon with Python's
        due = datetime.fromisoformat(due.isoformat()).astimezone(UTC)
    return Order(parameters, str(flow_run.id), str(flow_run.deployment_id or ""), due)


def own_ticket(order: Order) -> Ticket:
    """Submit and claim a run for a flow that was started by something else than the runner (a plain Prefect worker, Python).

    Raises DuplicateRun while the pipeline runs, Overtaken, SpecError for a spec that does not hold.
    """
    from flows.store import open_store

    settings = Settings.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    store, owner = open_store(settings.control_url), new_owner("flow")
    run = queued(settings, store, order, owner=owner, lease_seconds=settings.limits.lease_seconds)
    return Ticket(settings_of(settings, run), store, run, owner, renew=True)


def queued(settings: Settings, store: Store, order: Order, *, owner: str = "", lease_seconds: float = 0.0) -> Run:
    """Put the run that a flow run asks for into the queue; what is refused is noted with its deployment, for who asks why.

    Raises DuplicateRun, LimitError, Overtaken, SpecError, InputError.
    """
    given = store.deployments.of_prefect(order.deployment_id)
    if given is not None:  # what Prefect says can be changed there by whoever reaches its pages
        settings = replace(settings, tenant_id=given.tenant_id)
    if store.keys.guarded():
        settings = settings.apart()
    try:
        if order.due is not None:
            _still_wanted(given, order.due, order.parameters.get("version") or 0)
        return store.runs.submit(new_run(settings, store, order, given), owner=owner, lease_seconds=lease_seconds)
    except PenstockError as error:
        if order.due is not None:
            store.deployments.refuse(order.deployment_id, order.due, str(error))
        raise


def _still_wanted(given: Deployment | None, due: datetime, version: int) -> None:
    """Raises Overtaken for a run of a schedule that was changed, switched off or deleted just now, and for one so late that its next
    time has come too. `version` 0: it was not deployed by Penstock."""
    from flows.spec.model import Schedule
    from flows.spec.times import next_times

    if given is None:
        if version:
            raise Overtaken("its deployment was deleted")
        return
    if given.status == "REMOVING":
        raise Overtaken("its deployment was deleted")
    if given.paused:
        raise Overtaken("the schedule is paused", fix=f"Switch it on: penstock resume {given.pipeline_id}")
    if version and version != given.version:
        raise Overtaken(f"version {given.version} was deployed before it could begin")
    schedules = [Schedule.model_validate(each) for each in given.schedules]
    now = datetime.now(UTC)
    late = (now - due).total_seconds()
    following = next_times([each for each in schedules if not each.catchup], 1, due)
    if late > OVERTAKEN and following and following[0] <= now and not any(each.catchup for each in schedules):
        raise Overtaken(f"it came {units.seconds(late)} late, and its next run was due by then")


def new_run(settings: Settings, store: Store, order: Order, given: Deployment | None = None) -> NewRun:
    """The run that a schedule asks for, of the day when it was due, or that somebody started in Prefect, today."""
    from flows.spec.loader import from_data
    from flows.spec.template import run_values
    from flows.store import NewRun

    content = dict(order.parameters["spec"])
    spec, params = from_data(content), dict(order.parameters.get("params") or {})
    day = order.due.astimezone(UTC).date() if order.due else None
    values = run_values(spec, params, tenant_id=settings.tenant_id, today=day)
    pipeline_id, folders = str(values["pipeline_id"]), [str(f) for f in settings.folders]
    return NewRun(tenant_id=settings.tenant_id, pipeline_id=pipeline_id, spec=content,
                  version=_version(store, settings.tenant_id, pipeline_id, order.parameters),
                  params={each.name: values[each.name] for each in spec.parameters},
                  environment=str(order.parameters.get("environment") or "local"), trigger_by="schedule" if order.due else "prefect",
                  run_date=str(values["run_date"])[:10], folders=list(dict.fromkeys([*(given.folders if given else ()), *folders])),
                  flow_run_id=order.flow_run_id, due_at=order.due)


def _version(store: Store, tenant: str, pipeline_id: str, parameters: Mapping[str, Any]) -> int | None:
    """The version that a flow run names, if its spec is that of the version; parameters can be edited in Prefect."""
    from flows.store.specs import digest_of

    number = parameters.get("version")
    if not isinstance(number, int) or number < 1:
        return None
    try:
        kept = store.specs.get(tenant, pipeline_id, number)
    except MissingError:
        return None
    return number if kept.digest == digest_of(dict(parameters["spec"])) else None


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
