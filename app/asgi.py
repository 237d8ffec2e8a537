"""One process serves the app, the REST API and `/healthz`: `streamlit run app/asgi.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    from app.door import service

    service()
    yield


async def healthz(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


app = st.App(Path(__file__).resolve().parent / "main.py", lifespan=lifespan, routes=[Route("/healthz", healthz)])
