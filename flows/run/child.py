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
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from flows.settings import Settings
    from flows.store import Run

ENTRYPOINT = "flows.main.run_pipeline"
DONE, CRASHED, NO_SERVER = 0, 1, 75  # exit codes; 75 is EX_TEMPFAIL: nothing was begun
PR_SET_PDEATHSIG = 1
LOOKED_UP = ctypes.CDLL(None)  # before the fork: loading is not safe after it

log = logging.getLogger("penstock.child")


def enter(settings: Settings, run_id: str, owner: str) -> None:
    """Run one claimed run and end the process. `settings` are those of its tenant; Prefect's address is in the environment."""
    die_with_parents()
    code = CRASHED
    try:
        code = asyncio.run(_fly(settings, run_id, owner))
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

    from flows.run.scrub import Scrubber
    from flows.run.step import TEXT_LIMIT
    from flows.run.ticket import HERE, Ticket
    from flows.store import Store
    from flows.store.database import Database

    store = Store(Database(settings.control_url))  # the supervisor has migrated it
    run = store.runs.peek(run_id)
    HERE.set(Ticket(settings, store, run, owner))
    flow = entry().with_options(result_storage=settings.home / "prefect" / "storage")  # named, or the server is asked for it
    parameters = {"spec": run.spec, "run_id": run_id, "environment": run.environment}
    try:
        async with AsyncClientContext.get_or_create() as context:
            flow_run = await _flow_run(context.client, flow, run, parameters)
            state = await run_flow_async(flow, flow_run=flow_run, parameters=parameters, return_type="state")
        if store.runs.finish(run_id, "FAILED", Scrubber()(str(getattr(state, "message", "")))[:TEXT_LIMIT], owner=owner):
            log.error("%s ended without saying how", run_id)  # an error of ours or of Prefect's, not of a step
        return DONE
    except (httpx.HTTPError, PrefectException) as error:
        log.warning("Prefect: %s", error)
        return NO_SERVER if store.runs.peek(run_id).status == "PENDING" else DONE
    finally:
        await drain()


async def _flow_run(client: PrefectClient, flow: Flow[Any, Any], run: Run, parameters: dict[str, Any]) -> FlowRun:
    """The flow run of this run, called like it: a new one, or the one that a schedule has made."""
    from uuid import UUID

    from prefect.states import Pending

    if not run.flow_run_id:
        return await client.create_flow_run(flow, name=run.run_id, parameters=parameters, state=Pending())
    await client.set_flow_run_name(UUID(run.flow_run_id), run.run_id)
    return await client.read_flow_run(UUID(run.flow_run_id))


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
        sent = worker.drain_all(timeout=5)
        if asyncio.iscoroutine(sent) or isinstance(sent, asyncio.Future):
            await asyncio.wait_for(sent, 5)
