"""Runs: start one by its template or its pipeline, list them, look at one with its steps and its log, stop one."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from app.rest.problem import Plain
from app.rest.shape import IDEMPOTENCY, Given, Limit, RunBody, RunDetail, RunGiven, RunPage, RunSummary, asker, moment, problems
from app.rest.strict import StrictRoute
from app.rest.who import Me, Org
from flows.errors import InputError, MissingError
from flows.service import Penstock

if TYPE_CHECKING:
    from flows.service.door import Given as Spec

routes = APIRouter(route_class=StrictRoute, tags=["Runs"])
WAIT_SECONDS, LOOK_SECONDS = 30.0, 0.25
Part = Annotated[str, Path(max_length=64, description="A part of the template's name")]
RunId = Annotated[str, Path(description="The run's id", examples=["run-1a2b3c4d5e6f"], max_length=100)]
State = Literal["PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED", "CRASHED", "TIMED_OUT"]
STARTED: dict[int | str, dict[str, Any]] = {200: {"model": RunDetail, "description": "It has ended (async_mode false)"},
                                            **problems(409, 415, 429)}


@routes.post("/pipelines/run/{org}/{provider}/{domain}/{pipeline}", status_code=202, response_model=RunSummary, responses=STARTED,
             summary="Run a template", operation_id="run_template")
async def run_template(me: Me, org: Org, provider: Part, domain: Part, pipeline: Part, body: RunBody, request: Request,
                       idempotency: IDEMPOTENCY = None) -> Response:
    """Queue a run of the organisation's template `provider/domain/pipeline` and answer at once with where it can be followed. The run
    is durable when the answer comes."""
    given = Given(template=f"{provider}/{domain}/{pipeline}")
    return await started(me, given, body, request, idempotency)


@routes.post("/pipelines:run", status_code=202, response_model=RunSummary, responses=STARTED, summary="Run a pipeline",
             operation_id="run_pipeline")
async def run_pipeline(me: Me, body: RunGiven, request: Request, idempotency: IDEMPOTENCY = None) -> Response:
    """The same for a stored pipeline, a template or a whole spec."""
    given = Given(pipeline_id=body.pipeline_id, template=body.template, spec=body.spec, yaml=body.yaml)
    return await started(me, given, body, request, idempotency)


async def started(me: Penstock, given: Given, body: RunBody, request: Request, key: str | None) -> Response:
    """Start the run in a thread; then wait for its end, where that was asked for, without holding one."""
    def work() -> tuple[int, dict[str, Any]]:
        spec: Spec = given.of(me)
        return 202, summary(me.submit(spec, params=body.values(), environment=body.environment, trigger_by=asker(me, body.trigger_by),
                                      resume=body.resume))

    status, answer, headers = await marked(me, request, key, "start runs", work)
    headers["Location"] = answer["links"]["self"]
    if not body.async_mode:
        shown = await ended(me, answer["run_id"])
        if shown is not None:
            return Plain(shown, 200, headers)
    return Plain(answer, status, headers)


async def marked(me: Penstock, request: Request, key: str | None, what: str,
                 work: Callable[[], tuple[int, dict[str, Any]]]) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Do it once for its Idempotency-Key, in a thread: (status, answer, headers that say whether it was answered before)."""
    me.identity.must("editor", what)
    if key is None:
        return *await run_in_threadpool(work), {}
    mark = f"{request.method} {request.url.path}\n{json.dumps(await request.json(), sort_keys=True)}".encode()
    status, answer, again = await run_in_threadpool(me.once, key, mark, work)
    return status, answer, {"Idempotent-Replayed": "true"} if again else {}


async def ended(me: Penstock, run_id: str) -> dict[str, Any] | None:
    """The run when it has ended, None when it takes longer."""
    for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
        shown = await run_in_threadpool(detail, me, run_id, 0)
        if shown["ended_at"]:
            return shown
        await asyncio.sleep(LOOK_SECONDS)
    return None


@routes.get("/pipelines/{org}/runs", response_model=RunPage, responses=problems(), summary="List runs", operation_id="list_runs")
def list_runs(me: Me, org: Org, limit: Limit = 50, cursor: Annotated[str | None, Query(max_length=200)] = None,
              status: Annotated[list[State], Query(max_length=7, description="Only runs in these states")] = [],  # noqa: B006
              pipeline_id: Annotated[str | None, Query(max_length=200)] = None,
              since: Annotated[str | None, Query(max_length=40, description="Asked for at or after", examples=["2025-11-15"])] = None,
              until: Annotated[str | None, Query(max_length=40, description="Asked for before")] = None,
              text: Annotated[str, Query(max_length=200, description="Stands in the pipeline's id or name or in the run's id")] = "",
              ) -> Response:
    """The newest first. `next_cursor` is what `cursor` takes for the next page; null on the last one."""
    before = opened(cursor) if cursor else None
    try:
        found = me.find_runs(pipeline_id=pipeline_id, status=status, since=moment(since, "since"), until=moment(until, "until"),
                             text=text, limit=limit + 1, before=before, specs=False)
    except MissingError:
        raise no_cursor() from None
    more = closed(found[limit - 1].run_id) if len(found) > limit else None
    return Plain({"runs": [summary(run) for run in found[:limit]], "next_cursor": more})


@routes.get("/pipelines/{org}/runs/{run_id}", response_model=RunDetail, responses=problems(), summary="One run with steps and log",
            operation_id="get_run")
def get_run(me: Me, org: Org, run_id: RunId,
            logs: Annotated[int, Query(ge=0, le=2000, description="The last lines of its log; 0 for none")] = 100) -> Response:
    """State, steps and the last lines of the log. `why` says why a queued run does not run yet."""
    return Plain(detail(me, run_id, logs), headers={"Cache-Control": "no-store"})


@routes.get("/pipelines/{org}/runs/{run_id}/logs", responses=problems(), summary="The log of a run", operation_id="get_run_logs")
def get_logs(me: Me, org: Org, run_id: RunId, step: Annotated[str | None, Query(max_length=200)] = None,
             limit: Annotated[int, Query(ge=1, le=20_000)] = 2000) -> Response:
    """The last lines, oldest first, of all steps or of one."""
    return Plain({"run_id": run_id, "logs": [line.as_dict() for line in me.logs(run_id, step=step, limit=limit)]})


@routes.delete("/pipelines/runs/{run_id}", status_code=202, response_model=RunSummary, responses=problems(), summary="Stop a run",
               operation_id="cancel_run")
def cancel_run(me: Me, run_id: RunId) -> Response:
    """Ask a run to stop: at once when it waits, within seconds when it is at work. A run that has ended stays as it is."""
    return Plain(summary(me.cancel(run_id)), 202)


def summary(run: Any) -> dict[str, Any]:
    """A run without its steps."""
    here = f"/api/v1/pipelines/{run.tenant_id}/runs/{run.run_id}"
    iso = {name: each.isoformat() if each else None for name, each in
           (("created_at", run.created_at), ("started_at", run.started_at), ("ended_at", run.ended_at))}
    return {"run_id": run.run_id, "pipeline_id": run.pipeline_id, "name": run.name, "version": run.version, "status": run.status,
            "environment": run.environment, "run_date": str(run.run_date), "trigger_by": run.trigger_by, **iso, "error": run.error or None,
            "links": {"self": here, "logs": f"{here}/logs", "cancel": f"/api/v1/pipelines/runs/{run.run_id}"}}


def detail(me: Penstock, run_id: str, lines: int) -> dict[str, Any]:
    seen = me.view(run_id)
    logs = [line.as_dict() for line in me.logs(run_id, limit=lines)] if lines else []
    why = me.why(run_id) if seen.run.status == "PENDING" else ""
    return {**summary(seen.run), "params": seen.run.params, **seen.as_dict(), "why": why, "logs": logs}


def closed(run_id: str) -> str:
    """A cursor: where the next page begins."""
    return base64.urlsafe_b64encode(run_id.encode()).decode().rstrip("=")


def opened(cursor: str) -> str:
    try:
        found = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise no_cursor() from None
    if not found or "\0" in found:
        raise no_cursor()
    return found


def no_cursor() -> InputError:
    return InputError("this is no cursor of a page", where="cursor", fix="Use next_cursor of the page before, or leave it out")
