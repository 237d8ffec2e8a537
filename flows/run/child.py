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
    from flows.settings import Settings

ENTRYPOINT = "flows.main.run_pipeline"
DONE, CRASHED, NO_SERVER = 0, 1, 75  # exit codes; 75 is EX_TEMPFAIL: nothing was begun
PR_SET_PDEATHSIG = 1
LOOKED_UP = ctypes.CDLL(None)  # before the fork: loading is not safe after it

log = logging.getLogger("penstock.child")


def enter(settings: Settings, run_id: str, owner: str, api: str) -> None:
    """Run one claimed run and end the process. `settings` are those of its tenant, `api` is Prefect's address."""
    die_with_parents()
    code = CRASHED
    try:
        code = asyncio.run(_fly(settings, run_id, owner, api))
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


async def _fly(settings: Settings, run_id: str, owner: str, api: str) -> int:
    import httpx
    from prefect import Flow
    from prefect.exceptions import PrefectException
    from prefect.flow_engine import run_flow_async
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.run.ticket import HERE, Ticket
    from flows.store import Store
    from flows.store.database import Database

    store = Store(Database(settings.control_url))  # the supervisor has migrated it
    run = store.runs.peek(run_id)
    ticket = Ticket(settings, store, run, owner)
    HERE.set(ticket)
    flow: Flow[Any, Any] = _flow().with_options(flow_run_name=run_id)
    with temporary_settings({PREFECT_API_URL: api}):
        try:
            given = await _flow_run(run.flow_run_id) if run.flow_run_id else None
            await run_flow_async(flow, flow_run=given, return_type="state",
                                 parameters={"spec": run.spec, "run_id": run_id, "environment": run.environment})
            return DONE
        except (httpx.HTTPError, PrefectException) as error:
            log.warning("Prefect: %s", error)
            return NO_SERVER if store.runs.peek(run_id).status == "PENDING" else DONE
        finally:
            await drain()


async def _flow_run(flow_run_id: str) -> Any:
    """The flow run that a schedule has made."""
    from uuid import UUID

    from prefect.client.orchestration import get_client

    async with get_client() as client:
        return await client.read_flow_run(UUID(flow_run_id))


def _flow() -> Any:
    module, name = ENTRYPOINT.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


async def drain() -> None:
    """Send what is still on its way to Prefect: events carry the states of the tasks."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        sent = worker.drain_all(timeout=5)
        if asyncio.iscoroutine(sent) or isinstance(sent, asyncio.Future):
            await asyncio.wait_for(sent, 5)
