"""Answers and errors as JSON: what goes wrong is a problem of RFC 9457, in the words of the service and without a trace."""

from __future__ import annotations

import json
import logging
import math
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from flows.errors import (
    Cancelled,
    DataError,
    DuplicateBackfill,
    DuplicateRun,
    ForbiddenError,
    InputError,
    LimitError,
    MissingError,
    MissingPackage,
    PenstockError,
    SpecError,
    UnauthorizedError,
    UnreachableError,
)

LOG = logging.getLogger("penstock.api")
KIND = "application/problem+json"
STATUS: tuple[tuple[type[PenstockError], int], ...] = (
    (UnauthorizedError, 401), (ForbiddenError, 403), (MissingError, 404), (DuplicateRun, 409), (DuplicateBackfill, 409), (Cancelled, 409),
    (InputError, 422), (DataError, 422), (MissingPackage, 501))
QUOTAS = ("runs_per_day", "runs_at_once", "runs_waiting", "bytes_per_day")
PLACES = {"--env": "environment", "--resume": "resume", "--level": "level", "--from": "first", "--to": "last"}
MOST = 100  # findings of one answer
RETRY_SECONDS = 5


class Plain(JSONResponse):
    """JSON that any reader takes: a number that is none is null."""

    def render(self, content: Any) -> bytes:
        try:
            text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=str)
        except ValueError:
            text = json.dumps(_finite(content), ensure_ascii=False, separators=(",", ":"), default=str)
        return text.encode("utf-8", "replace")


class Problem(Plain):
    """An error as RFC 9457 writes it."""

    media_type = KIND

    def __init__(self, status: int, detail: str, *, code: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}
        own = {"Cache-Control": "no-store", **({"WWW-Authenticate": 'ApiKey realm="penstock"'} if status == 401 else {})}
        super().__init__({**body, **{name: value for name, value in more.items() if value}}, status, {**own, **(headers or {})})


def add_problems(api: FastAPI) -> None:
    """Every error of this API is a problem from now on."""
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(RequestValidationError, _shape)
    api.add_exception_handler(PenstockError, _ours)
    api.add_exception_handler(Exception, _crash)


async def _http(request: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    known = {404: ("there is nothing at this path. See /api/docs", "not_found"),
             405: (f"{request.method} is not offered here", "method_not_allowed"),
             413: ("the body is larger than 1 MiB", "too_large")}
    detail, code = known.get(error.status_code, (str(error.detail), "bad_request"))
    return Problem(error.status_code, detail, code=code, headers=error.headers)


async def _shape(_: Request, error: Exception) -> Problem:
    """A body, path or query that does not fit. What was sent is not repeated: it may hold a secret."""
    assert isinstance(error, RequestValidationError)
    found = [{"path": ".".join(str(part) for part in each["loc"]), "code": each["type"], "message": _plainly(each)}
             for each in error.errors()[:MOST]]
    first = found[0] if found else {"path": "body", "message": "it does not fit"}
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Problem(422, f"{first['path']}: {first['message']}{more}", code="invalid_request", errors=found)


def _plainly(found: Any) -> str:
    """What is wrong, without the words of the library that found it."""
    known = {"missing": "this field is needed", "extra_forbidden": "there is no such field. See /api/docs",
             "model_attributes_type": "this is no JSON object"}
    return known.get(found["type"], str(found["msg"]).removeprefix("Value error, "))


async def _ours(_: Request, error: Exception) -> Problem:
    assert isinstance(error, PenstockError)
    return of(error)


def of(error: PenstockError) -> Problem:
    """An error of the service."""
    if isinstance(error, UnreachableError) and error.where == "--env production":
        return Problem(409, "production is not set up here", code="production_not_set_up", where="environment",
                       fix="Ask whoever runs this Penstock to set a BigQuery project up, or use the environment local")
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 503 if error.transient else 500)
    if isinstance(error, LimitError) and error.where in QUOTAS:
        status = 429
    where = place(error.where)
    findings = [{"path": each.path, "code": each.code, "message": each.message, "hint": each.hint, "options": list(each.options),
                 "line": each.line} for each in getattr(error, "problems", [])[:MOST]]
    detail = str(error) if isinstance(error, SpecError) else (f"{where}: {error.what}" if where else error.what)
    detail = f"{detail}. {error.fix}" if error.fix and not isinstance(error, SpecError) else detail
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
    return Problem(status, detail, code=error.code, headers=headers, where=where, fix=error.fix, errors=findings,
                   questions=getattr(error, "questions", []), run_id=getattr(error, "run_id", ""),
                   backfill_id=getattr(error, "backfill_id", ""))


def place(where: str) -> str:
    """A place as the API spells it, where the service names an option of the command line."""
    if where in PLACES:
        return PLACES[where]
    for option, name in (("--param ", "params."), ("--var ", "variables.")):
        if where.startswith(option):
            return name + where.removeprefix(option)
    return where.removeprefix("--")


async def _crash(_: Request, error: Exception) -> Problem:
    code = secrets.token_hex(3)
    LOG.error("a request hit a problem, code %s", code, exc_info=error)
    return Problem(500, f"this request hit a problem. Your runs are not affected. If it happens again, report code {code}", code=code)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value
