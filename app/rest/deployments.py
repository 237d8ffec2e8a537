"""Deployments: what runs by itself, where, when next; pause, resume, go back; and days of the past in a row."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ConfigDict, Field

from app.rest.problem import Plain
from app.rest.runs import marked
from app.rest.shape import IDEMPOTENCY, Body, Day, Environment, Given, Limit, Params, PipelineId, asker, problems, texts
from app.rest.strict import StrictRoute
from app.rest.who import Me
from flows.errors import InputError

routes = APIRouter(route_class=StrictRoute, tags=["Deployments"])
Where = Annotated[Environment, Query(description="Where it runs")]
FillId = Annotated[str, Path(description="The backfill's id", examples=["fill-1a2b3c4d5e6f"], max_length=100)]


class DeployBody(Given):
    """What runs by itself. The schedule of the spec, unless another one is given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pipeline_id": "daily-revenue", "schedule": "0 2 * * *"}]})

    environment: Environment = "local"
    schedule: Annotated[str, Field(max_length=200)] | Annotated[dict[str, str | int | float], Field(max_length=5)] | None = Field(
        None, description="Cron text, or an object: {cron, timezone} or {interval_seconds}")
    params: Params | None = Field(None, description="Values of each run; those of the release before when left out")
    pool: Annotated[str, Field(max_length=100)] = Field("", description="A work pool of Prefect; that of `penstock up` when left out")


class RollbackBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"to": 3}]})

    to: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(None, description="A version; the one before when left out")
    environment: Environment | None = Field(None, description="Where; every environment it is deployed in when left out")


class BackfillBody(Given):
    """A row of runs, one for each date: `dates`, or every day from `first` to `last`."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"pipeline_id": "daily-revenue", "first": "2025-11-01", "last": "2025-11-15", "at_once": 2}]})

    dates: Annotated[list[Day], Field(max_length=1000)] = Field(default_factory=list)
    first: Day | None = None
    last: Day | None = None
    params: Params = Field(default_factory=dict)
    environment: Environment = "local"
    at_once: Annotated[int, Field(ge=1, le=16)] = 1
    trigger_by: Annotated[str, Field(max_length=80)] = ""

    def days(self) -> list[Any]:
        from flows.service.submit import period

        if (self.first is None) != (self.last is None) or (self.dates and self.first is not None):
            raise InputError("the days are given as dates, or as first and last", where="body.dates", fix="Give one of the two")
        return period(self.first, self.last) if self.first is not None and self.last is not None else list(self.dates)


@routes.post("/pipelines/deploy", responses=problems(409, 415), summary="Let a pipeline run by itself", operation_id="deploy_pipeline")
def deploy(me: Me, body: DeployBody) -> Response:
    """A new release. One that was paused stays paused; values and other people's schedules stay unless new ones are given."""
    me.identity.must("operator", "deploy")
    params = None if body.params is None else texts(body.params)
    return Plain(me.deploy(body.of(me), environment=body.environment, schedule=body.schedule, params=params, pool=body.pool).as_dict())


@routes.post("/pipelines/{pipeline_id}/rollback", responses=problems(409, 415), summary="Go back to an earlier version",
             operation_id="rollback_deployment")
def rollback(me: Me, pipeline_id: PipelineId, body: RollbackBody) -> Response:
    """Put an earlier version in force, where it is deployed as well. A run that is at work goes on with the version it began with."""
    return Plain(plain(me.rollback(pipeline_id, to=body.to, environment=body.environment)))


@routes.get("/deployments", responses=problems(), summary="What runs by itself", operation_id="list_deployments")
def list_deployments(me: Me, pipeline_id: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """Each with its schedule in words, its next times, and why a run that was due did not start."""
    return Plain({"deployments": [each.as_dict() for each in me.deployments(pipeline_id=pipeline_id)]})


@routes.get("/deployments/{pipeline_id}", responses=problems(), summary="One deployment", operation_id="get_deployment")
def get_deployment(me: Me, pipeline_id: PipelineId, environment: Where = "local") -> Response:
    """Its release, its schedule and its next times."""
    return Plain(me.deployment(pipeline_id, environment).as_dict())


@routes.get("/deployments/{pipeline_id}/releases", responses=problems(), summary="Every release", operation_id="list_releases")
def list_releases(me: Me, pipeline_id: PipelineId, environment: Where = "local") -> Response:
    """Deploys, rollbacks and deletes; newest first."""
    found = me.releases(pipeline_id, environment)
    return Plain({"releases": [plain(each) for each in found]})


@routes.post("/deployments/{pipeline_id}:pause", responses=problems(409), summary="Pause", operation_id="pause_deployment")
def pause(me: Me, pipeline_id: PipelineId, environment: Where = "local") -> Response:
    """Nothing of it starts by itself until it is resumed."""
    return Plain(me.pause(pipeline_id, environment=environment).as_dict())


@routes.post("/deployments/{pipeline_id}:resume", responses=problems(409), summary="Resume", operation_id="resume_deployment")
def resume(me: Me, pipeline_id: PipelineId, environment: Where = "local") -> Response:
    """It runs at its times again; what was due while it was paused is not made up for."""
    return Plain(me.resume(pipeline_id, environment=environment).as_dict())


@routes.delete("/deployments/{pipeline_id}", responses=problems(409), summary="Delete a deployment", operation_id="delete_deployment")
def undeploy(me: Me, pipeline_id: PipelineId, environment: Where = "local") -> Response:
    """It runs by itself no more. The pipeline, its versions and its runs stay."""
    return Plain(plain(me.undeploy(pipeline_id, environment=environment)) or {"pipeline_id": pipeline_id, "environment": environment})


# ---- backfills


@routes.post("/pipelines:backfill", status_code=202, responses=problems(409, 415, 429), summary="Run days of the past in a row",
             operation_id="backfill_pipeline", tags=["Backfills"])
async def backfill(me: Me, body: BackfillBody, request: Request, idempotency: IDEMPOTENCY = None) -> Response:
    """Durable when the answer comes; a runner works it off, whatever is restarted."""
    def work() -> tuple[int, dict[str, Any]]:
        made = me.backfill(body.of(me), body.days(), params=texts(body.params), environment=body.environment,
                           trigger_by=asker(me, body.trigger_by), at_once=body.at_once)
        return 202, me.backfill_view(made.backfill_id).as_dict()

    status, answer, headers = await marked(me, request, idempotency, "start runs", work)
    return Plain(answer, status, {**headers, "Location": f"/api/v1/backfills/{answer['backfill_id']}"})


@routes.get("/backfills", responses=problems(), summary="List backfills", operation_id="list_backfills", tags=["Backfills"])
def list_backfills(me: Me, pipeline_id: Annotated[str | None, Query(max_length=200)] = None, limit: Limit = 20) -> Response:
    """Newest first."""
    return Plain({"backfills": [each.as_dict() for each in me.backfills(pipeline_id=pipeline_id, limit=limit)]})


@routes.get("/backfills/{backfill_id}", responses=problems(), summary="How far a backfill is", operation_id="get_backfill",
            tags=["Backfills"])
def get_backfill(me: Me, backfill_id: FillId) -> Response:
    """Days done, at work and failed."""
    return Plain(me.backfill_view(backfill_id).as_dict())


@routes.delete("/backfills/{backfill_id}", status_code=202, responses=problems(), summary="Stop a backfill", operation_id="stop_backfill",
               tags=["Backfills"])
def stop_backfill(me: Me, backfill_id: FillId) -> Response:
    """Stop the runs at work and start no more."""
    me.stop_backfill(backfill_id)
    return Plain(me.backfill_view(backfill_id).as_dict(), 202)


def plain(found: Any) -> Any:
    """What the service answers with, as plain data."""
    from app.rest.pipelines import plain as row

    if isinstance(found, list | tuple):
        return [plain(each) for each in found]
    if found is None or isinstance(found, dict):
        return found
    return found.as_dict() if hasattr(found, "as_dict") else row(found)
