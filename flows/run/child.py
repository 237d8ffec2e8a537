"""The process of one run: forked from a warm server, ends with its run, and never outlives who started it."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from flows.logs import bind, bound, keep, own_structlog

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from flows.settings import Settings
    from flows.store import Run, Store

ENTRYPOINT = "flows.main.run_pipeline"
DONE, CRASHED, NO_SERVER = 0, 1, 75  # exit codes; 75 is EX_TEMPFAIL: nothing was begun
PR_SET_PDEATHSIG = 1
DRAIN = 9.0  # seconds for each of the two ways to Prefect; together less than the runner lets a process linger
LOOKED_UP = ctypes.CDLL(None)  # before the fork: loading is not safe after it

log = logging.getLogger("penstock.child")


def enter(settings: Settings, run_id: str, owner: str) -> None:
    """Run one claimed run and end the process. `settings` are those of its tenant; Prefect's address is in the environment."""
    die_with_parents()
    keep(settings)
    own_structlog()
    code = CRASHED
    try:
        with bound(tenant=settings.tenant_id, run_id=run_id):
            code = asyncio.run(_fly(settings, run_id, owner))
    except BaseException as error:
        log.error("the process of %s broke: %s", run_id, error, exc_info=error)
        raise
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # a step that did not stop holds its thread: it ends here


def die_with_parents() -> None:
    """Two ways to lose a parent: the fork server dies (the kernel tells), or the supervisor does (its end of a pipe closes)."""
    LOOKED_UP.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="sentinel", daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(CRASHED)


async def _fly(settings: Settings, run_id: str, owner: str) -> int:
    import httpx
    from prefect.context import AsyncClientContext
    from prefect.exceptions import PrefectException
    from prefect.flow_engine import run_flow_async

    from flows.run.step import TEXT_LIMIT
    from flows.run.ticket import HERE, Ticket
    from flows.scrub import Scrubber
    from flows.store import Store
    from flows.store.database import Database

    store = Store(Database(settings.control_url))  # the supervisor has migrated it
    run = store.runs.peek(run_id)
    bind(pipeline_id=run.pipeline_id)
    HERE.set(Ticket(settings, store, run, owner))
    flow = entry().with_options(result_storage=settings.home / "prefect" / "storage")  # named, or the server is asked for it
    parameters = {"spec": run.spec, "run_id": run_id, "environment": run.environment}
    try:
        async with AsyncClientContext.get_or_create() as context:
            flow_run = await _flow_run(context.client, flow, run, parameters, store)
            state = await run_flow_async(flow, flow_run=flow_run, parameters=parameters, return_type="state")
        if store.runs.finish(run_id, "FAILED", Scrubber()(str(getattr(state, "message", "")))[:TEXT_LIMIT], owner=owner):
            log.error("%s ended without saying how", run_id)  # an error of ours or of Prefect's, not of a step
        return DONE
    except (httpx.HTTPError, PrefectException) as error:
        log.warning("Prefect: %s", error)
        return NO_SERVER if store.runs.peek(run_id).status == "PENDING" else DONE
    finally:
        await drain()


async def _flow_run(client: PrefectClient, flow: Flow[Any, Any], run: Run, parameters: dict[str, Any],
                    store: Store) -> FlowRun:
    """The flow run of this run, called like it: the one that a schedule has made, or a new one. One that had begun was lost with its
    runner: it is closed, and says which one goes on."""
    from uuid import UUID

    from prefect.exceptions import ObjectNotFound
    from prefect.states import Pending

    with suppress(ObjectNotFound):  # of a Prefect server that was set up anew
        earlier = await client.read_flow_run(UUID(run.flow_run_id)) if run.flow_run_id else None
        if earlier and earlier.state and (earlier.state.is_scheduled() or earlier.state.is_pending()):
            await client.set_flow_run_name(earlier.id, run.run_id)
            return earlier
    made = await client.create_flow_run(flow, name=run.run_id, parameters=parameters, state=Pending())
    if run.flow_run_id:
        store.runs.set_flow_run(run.run_id, str(made.id))
        await asyncio.to_thread(_close_lost, str(client.api_url), run.flow_run_id, str(made.id))
    return made


def _close_lost(api: str, lost: str, goes_on: str) -> None:
    """Close a flow run that was lost; where Prefect does not take it, the reconciler will."""
    import httpx

    from flows.run.reconcile import OPEN_STATES, close_flow_run, resumed_as

    with suppress(httpx.HTTPError), httpx.Client(base_url=api, timeout=5) as client:
        if client.get(f"/flow_runs/{lost}").raise_for_status().json()["state_type"] in OPEN_STATES:
            close_flow_run(client, lost, "CRASHED", resumed_as(goes_on))


def entry() -> Flow[Any, Any]:
    """The flow that prefect.yaml names; found by name, because it lives upstairs."""
    module, name = ENTRYPOINT.rsplit(".", 1)
    found: Flow[Any, Any] = getattr(importlib.import_module(module), name)
    return found


async def drain() -> None:
    """Send what is still on its way to Prefect: events carry the states of the tasks."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        sent = worker.drain_all(timeout=DRAIN)
        if asyncio.iscoroutine(sent) or isinstance(sent, asyncio.Future):
            with suppress(TimeoutError):  # the run is over; what Prefect was not told of it, the reconciler closes
                await asyncio.wait_for(sent, DRAIN)
