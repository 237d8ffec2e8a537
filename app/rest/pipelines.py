"""Pipelines: make one from words, judge, preview, look at what is stored and its versions; days of the past in a row."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import ConfigDict, Field

from app.rest.problem import Plain
from app.rest.shape import Answer, Body, Given, Level, Name, Params, PipelineId, Verdict, problems, texts
from app.rest.strict import StrictRoute
from app.rest.who import Me
from flows.errors import InputError, SpecError
from flows.service import Penstock
from flows.service.pipeline import PipelineOptions

routes = APIRouter(route_class=StrictRoute, tags=["Pipelines"])
MANY = 100  # specs of one batch
Version = Annotated[int, Path(ge=1, le=1_000_000)]
Text = Annotated[str, Field(min_length=1, max_length=8000)]
SAID = "Daily revenue: join orders with customers, keep only paid orders, sum amount per day into mart.daily_revenue, every day at 2 AM"


class Options(Body):
    """What is done to a draft before it is kept; each is on unless it is switched off."""

    optimize: bool = Field(True, description="Read only the columns that are used")
    validate_: bool = Field(True, alias="validate", description="The pipeline must pass the full check")
    include_monitoring: bool = Field(True, description="Judge the rows of each load")
    include_error_handling: bool = Field(True, description="Passing errors are retried, and no step runs for ever")
    target_framework: Annotated[str, Field(max_length=40)] = "prefect"
    language: Annotated[str, Field(max_length=40)] = "python"
    notify: Annotated[str, Field(max_length=200)] = Field("", description="Who is told of a failure")

    def of(self) -> PipelineOptions:
        return PipelineOptions(**self.model_dump(by_alias=True))


class GenerateBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"description": SAID}]})

    description: Text
    project_id: Annotated[str, Field(max_length=100)] = Field("", description="The organisation's Google Cloud project")
    options: Options = Field(default_factory=Options)


class Reply(Body):
    """An answer to a question of a plan: the label of an option, or own words."""

    question_id: Name
    option: Text | None = None
    text: Text | None = None


class PlanBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"description": SAID}]})

    description: Text
    answers: Annotated[list[Reply], Field(max_length=50)] = Field(default_factory=list)


class ValidateBody(Given):
    """One pipeline, or several in `items`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"template": "gallery/basic_etl", "level": "full"}]})

    level: Level = "semantic"
    items: Annotated[list[Given], Field(min_length=1, max_length=MANY)] | None = Field(None, description="A batch, instead of one")


class Verdicts(Answer):
    """What was found in each of a batch, in its order."""

    ok: bool
    results: list[Verdict]


class PreviewBody(Given):
    model_config = ConfigDict(json_schema_extra={"examples": [{"template": "gallery/basic_etl", "limit": 5}]})

    step: Name | None = Field(None, description="Only as far as this step")
    limit: Annotated[int, Field(ge=1, le=200)] = Field(20, description="Rows of each step")
    params: Params = Field(default_factory=dict)


@routes.post("/pipelines:generate", status_code=201, responses=problems(415), summary="Words to a stored pipeline",
             operation_id="generate_pipeline")
def generate(me: Me, body: GenerateBody) -> Response:
    """Make a pipeline and keep it. Where the words leave something open the answer is 422, code `generation`, with `questions`; answer in
    the description, or use `:plan`."""
    made = me.generate_pipeline_sync(body.description, body.project_id, body.options.of())
    return Plain(made.as_dict(), 201, {"Location": f"/api/v1/pipelines/{made.id}"})


@routes.post("/pipelines:plan", responses=problems(415), summary="Words to a draft", operation_id="plan_pipeline")
def plan(me: Me, body: PlanBody) -> Response:
    """A draft with its questions and assumptions; nothing is kept. `answers` answer the questions of the same words before."""
    answers: Any = [reply.model_dump() for reply in body.answers]
    return Plain(me.plan(body.description, answers=answers).as_dict())


@routes.post("/pipelines:validate", response_model=Verdict | Verdicts, responses=problems(415), summary="Judge one or several",
             operation_id="validate_pipelines")
def judge(me: Me, body: ValidateBody) -> Response:
    """Every problem with its place. A batch has one result for each item, also for one that cannot be read."""
    if body.items is None:
        return Plain(me.validate(body.of(me), level=body.level).as_dict())
    if any(each is not None for each in (body.pipeline_id, body.template, body.spec, body.yaml)):
        raise InputError("items stands alone", where="body.items", fix="Put the one into items as well")
    results = [one(me, item, body.level) for item in body.items]
    return Plain({"ok": all(each["ok"] for each in results), "results": results})


def one(me: Penstock, item: Given, level: str) -> dict[str, Any]:
    """What was found in one of a batch."""
    try:
        return me.validate(item.of(me), level=level).as_dict()
    except SpecError as error:
        return {"level": level, "ok": False, "problems": [each.as_dict() for each in error.problems], "warnings": []}
    except InputError as error:
        return {"level": level, "ok": False, "problems": [{"path": error.where, "code": error.code, "message": str(error)}], "warnings": []}


@routes.post("/pipelines:preview", responses=problems(415, 501), summary="Rows of each step", operation_id="preview_pipeline")
def preview(me: Me, body: PreviewBody) -> Response:
    """Run the whole graph in memory: nothing is written. `origin` of a step says whether its rows are real."""
    me.identity.must("editor", "preview")
    return Plain(me.preview(body.of(me), step=body.step, limit=body.limit, params=texts(body.params)).as_dict())


# ---- what is stored


@routes.get("/pipelines", responses=problems(), summary="Stored pipelines", operation_id="list_pipelines")
def list_pipelines(me: Me, text: Annotated[str, Query(max_length=200, description="Stands in the id or the name")] = "") -> Response:
    """By name, with the version in force."""
    found = [plain(each) for each in me.pipelines()]
    wanted = text.strip().lower()
    return Plain({"pipelines": [each for each in found
                                if wanted in str(each.get("pipeline_id", "")).lower() or wanted in str(each.get("name", "")).lower()]})


@routes.get("/pipelines/{pipeline_id}", responses=problems(), summary="One stored pipeline", operation_id="get_pipeline")
def get_pipeline(me: Me, pipeline_id: PipelineId, version: Annotated[int | None, Query(ge=1, le=1_000_000)] = None) -> Response:
    """Its spec, its graph and its code as a Python file; the version in force unless another one is asked for."""
    found = me.get_pipeline_sync(pipeline_id, version)
    return Plain({**found.as_dict(), "yaml": found.yaml})


@routes.get("/pipelines/{pipeline_id}/status", responses=problems(), summary="How a pipeline stands", operation_id="get_pipeline_status")
def get_status(me: Me, pipeline_id: PipelineId) -> Response:
    """Its version, its newest run and where it is deployed."""
    return Plain(me.get_pipeline_status_sync(pipeline_id).as_dict())


@routes.get("/pipelines/{pipeline_id}/versions", responses=problems(), summary="All versions", operation_id="list_versions")
def list_versions(me: Me, pipeline_id: PipelineId) -> Response:
    """Newest first."""
    return Plain({"versions": [plain(each) for each in me.versions(pipeline_id)]})


@routes.get("/pipelines/{pipeline_id}/diff", responses=problems(), summary="What changed between two versions",
            operation_id="diff_versions")
def diff(me: Me, pipeline_id: PipelineId, old: Annotated[int, Query(ge=1, le=1_000_000)],
         new: Annotated[int, Query(ge=1, le=1_000_000)]) -> Response:
    """The difference of their YAML, as `diff -u` writes it."""
    return Plain({"pipeline_id": pipeline_id, "old": old, "new": new, "diff": me.diff(pipeline_id, old, new)})


def plain(row: Any) -> dict[str, Any]:
    """A row as plain data without the whole spec; times as ISO text."""
    return {name: each.isoformat() if hasattr(each, "isoformat") else each for name, each in vars(row).items()
            if name not in ("tenant_id", "spec", "text", "digest", "certificate", "folders")}


