"""One process serves the app, the REST API and `/healthz`: `streamlit run app/asgi.py`."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from streamlit.runtime.pages_manager import PagesManager

from app.api import api, away
from app.crash import crash_page, own_trace_only
from app.door import base, health, process, shelf
from app.guard import Guard
from app.sockets import answer_at_once
from flows.errors import PenstockError
from flows.service.log import APP, keep_log
from flows.service.signin import LOCAL, provider, way

LOG = logging.getLogger("penstock.app")
WARM = "Daily revenue: join orders with customers, keep only paid orders, sum amount per day into mart.daily_revenue, every day at 2 AM"


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """The port answers at once; what the first chat turn needs is made ready while the browser still loads the page."""
    answer_at_once()
    keep_log(base().settings, APP)
    own_trace_only()
    ready = asyncio.create_task(make_ready())
    yield
    ready.cancel()


async def make_ready() -> None:
    """Warm up; then tell Python that what is loaded by now stays."""
    (failed,) = await asyncio.gather(run_in_threadpool(warm), return_exceptions=True)
    if failed:  # one page may be broken by it, the others need not
        LOG.error("the warm-up failed", exc_info=failed)
    if st.get_option("server.fileWatcherType") == "none":  # hot reload would be left with old modules
        gc.collect()
        gc.freeze()  # a collection need not look through it every time


def warm() -> None:
    """Do once what a first chat turn does: imports, the lexicon, the warehouse and the control store are ready afterwards."""
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401

    with suppress(PenstockError):  # told to whom it concerns, on the page
        read = process().plan(WARM)
        if read.status == "ready":
            process().preview(read, limit=1)
        shelf()
    base().metrics()  # counts from here on: nobody asked for the plan above


async def metrics(_: Request) -> Response:
    """What monitoring reads. It names no tenant; like the app itself it is served on this machine only."""
    text, kind = await run_in_threadpool(base().metrics)
    return Response(text, headers={"Content-Type": kind, "Cache-Control": "no-store"})


async def open_health(_: Request) -> JSONResponse:
    """Each part with its state, for whoever watches from outside: nothing of anybody. 503 when the control store does not answer."""
    found = await run_in_threadpool(base().state)
    return JSONResponse(found, status_code=503 if away(found) else 200, headers={"Cache-Control": "no-store"})


async def healthz(_: Request) -> JSONResponse:
    """200 with what is up and what is not; 503 when the control store does not answer, since nothing works then. Where people sign in,
    whoever has not is told no more than `/health` tells: no address and no folder of the machine."""
    try:
        if await run_in_threadpool(lambda: way(base()) == LOCAL):
            return JSONResponse(await run_in_threadpool(health))
        told = await run_in_threadpool(base().state)
        return JSONResponse({**told, "words": []}, status_code=503 if away(told) else 200)
    except PenstockError as error:
        return JSONResponse({"words": [str(error)]}, status_code=503)


REST = Mount("/api", api)
REST.path_regex = re.compile(REST.path_regex.pattern, re.DOTALL)  # a line break in an address is still an address of the API
AROUND: dict[str, Any] = {
    "secrets": provider(),
    "lifespan": lifespan,
    "on_script_error": crash_page,
    "middleware": [Middleware(Guard)],
    "routes": [Route("/healthz", healthz), Route("/health", open_health), Route("/metrics", metrics), REST],
}
# A folder named pages is a way of its own for Streamlit, until st.navigation has run once: a link to /runs that comes first would show the
# bare page. This app has st.navigation only.
PagesManager.uses_pages_directory = False
# `streamlit run` looks for a call of st.App in the text of this file, and takes its path from the working directory if it is not whole
app = st.App(Path(__file__).resolve().parent / "main.py", **AROUND)
