"""The REST API's place, /api: what it can do stands in /api/openapi.json; errors are problem+json (RFC 9457)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.door import health
from flows.errors import PenstockError

# its own pages for the documentation load scripts from other hosts
api = FastAPI(title="Penstock", version=version("penstock"), docs_url=None, redoc_url=None)


class Problem(JSONResponse):
    """An error as RFC 9457 writes it."""

    media_type = "application/problem+json"


@api.exception_handler(HTTPException)
async def problem(request: Request, error: HTTPException) -> Problem:
    detail = f"there is no {request.url.path}. See /api/openapi.json" if error.status_code == 404 else str(error.detail)
    return Problem({"type": "about:blank", "title": _title(error.status_code), "status": error.status_code, "detail": detail},
                   status_code=error.status_code, headers=error.headers)


@api.exception_handler(PenstockError)
async def failed(_: Request, error: PenstockError) -> Problem:
    status = 503 if error.transient else 400
    return Problem({"type": "about:blank", "title": _title(status), "status": status, "detail": str(error), "code": error.code},
                   status_code=status)


def _title(status: int) -> str:
    from http import HTTPStatus

    return HTTPStatus(status).phrase


@api.get("/v1/health", summary="Whether runs can start, and what is in the way")
def get_health() -> dict[str, Any]:
    return health()
