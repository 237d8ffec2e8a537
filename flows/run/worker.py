"""A worker type for Prefect's work pools: what a schedule or Prefect's Run button starts goes into our own queue, and from there
to a process of the runner like any other run."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from flows.errors import DuplicateRun, LimitError, Overtaken, PenstockError
from flows.run import reconcile
from flows.run.reconcile import POOL
from flows.run.ticket import Order, order_of, queued
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.store import Store

TYPE = "penstock"
FOLLOW_SECONDS = 0.5

log = logging.getLogger("penstock.worker")


class Host(Protocol):
    """What the worker needs of the runner that it lives in."""

    owner: str
    api: str
    store: Store
    stopping: threading.Event

    @property
    def children(self) -> Mapping[str, Any]: ...


def start_worker(settings: Settings, supervisor: Host) -> threading.Thread:
    """Serve the pool `penstock` in a thread; the pool makes itself. Prefect is imported there: the ledger's runs do not wait for it.
    Prefect's loop may give up: the thread ends with its trace in the log, and the supervisor starts another."""
    thread = threading.Thread(target=_serve, args=(settings, supervisor), name="worker", daemon=True)
    thread.start()
    return thread


def _serve(settings: Settings, supervisor: Host) -> None:
    with httpx.Client(base_url=supervisor.api, timeout=2) as client:
        while not reconcile.answers(client):
            if supervisor.stopping.wait(1):
                return
    asyncio.run(worker_type()(settings, supervisor).start(printer=log.info))


def worker_type() -> Any:
    """The worker class, made here so that Prefect is imported only where it is used."""
    from prefect.client.schemas.objects import FlowRun
    from prefect.states import Cancelled
    from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

    class PenstockWorker(BaseWorker[BaseJobConfiguration, BaseVariables, BaseWorkerResult]):
        """Queues a flow run in the control store and waits for its end. `env.PENSTOCK_TENANT` of the deployment's job variables
        says whose run it is."""

        type = TYPE
        job_configuration = BaseJobConfiguration

        def __init__(self, settings: Settings, supervisor: Host) -> None:
            super().__init__(work_pool_name=POOL, name=supervisor.owner)
            self.settings, self.supervisor = settings, supervisor

        async def run(self, flow_run: FlowRun, configuration: BaseJobConfiguration, task_status: Any = None) -> BaseWorkerResult:
            tenant = configuration.env.get("PENSTOCK_TENANT") or self.settings.tenant_id
            queue = Queue(self.supervisor, replace(self.settings, tenant_id=tenant))
            name = str(flow_run.id)
            try:
                order = order_of(flow_run, flow_run.parameters)
                await asyncio.sleep(order.early)  # runs are handed out ten seconds before their time
                name = await asyncio.to_thread(queue.put, order)
            except (DuplicateRun, LimitError, Overtaken) as refused:
                await self.client.set_flow_run_state(flow_run.id, Cancelled(name="Refused", message=str(refused)), force=True)
            if task_status is not None:
                task_status.started(name)
            if name != str(flow_run.id):
                await queue.ended(name, str(flow_run.id))
            return BaseWorkerResult(identifier=name, status_code=0)

    return PenstockWorker


class Queue:
    """Our own queue, as the worker sees it."""

    def __init__(self, supervisor: Host, settings: Settings) -> None:
        self.supervisor, self.settings = supervisor, settings

    def put(self, order: Order) -> str:
        """Queue the run that a flow run asks for; gives its id. Raises DuplicateRun, LimitError, Overtaken, SpecError."""
        return queued(self.settings, self.supervisor.store, order).run_id

    async def ended(self, run_id: str, flow_run_id: str) -> None:
        """Wait until the run and its process have ended. The process tells Prefect how it went; where it could not, we do."""
        while not self.supervisor.stopping.is_set():
            await asyncio.sleep(FOLLOW_SECONDS)
            if run_id in self.supervisor.children:
                continue
            with suppress(PenstockError, httpx.HTTPError):
                run = await asyncio.to_thread(self.supervisor.store.runs.peek, run_id)
                if run.ended:
                    await asyncio.to_thread(self.closed, flow_run_id, run.status)
                    return

    def closed(self, flow_run_id: str, status: str) -> None:
        """See to it that Prefect has the flow run as final. Raises httpx.HTTPError."""
        with httpx.Client(base_url=self.supervisor.api, timeout=10) as client:
            answer = client.get(f"/flow_runs/{flow_run_id}").raise_for_status().json()
            if answer["state_type"] in reconcile.OPEN_STATES:
                reconcile.close_flow_run(client, flow_run_id, status)


__all__ = ["POOL", "Queue", "start_worker", "worker_type"]
