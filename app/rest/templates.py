"""Templates: whole pipelines to start from, with their parameters."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import ConfigDict, Field

from app.rest.problem import Plain
from app.rest.shape import Body, Params, problems
from app.rest.strict import StrictRoute
from app.rest.who import Me

routes = APIRouter(route_class=StrictRoute, tags=["Templates"])
TemplateName = Annotated[str, Path(description="Its path without the ending", examples=["gallery/basic_etl"], max_length=200)]


class UseBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"pipeline_id": "my-revenue", "params": {"smallest_amount": 5}}]})

    pipeline_id: Annotated[str, Field(max_length=200)] = Field("", description="The id of the new pipeline; that of the template else")
    params: Params = Field(default_factory=dict, description="Values for its variables and its parameters")


@routes.get("/templates", responses=problems(), summary="All templates", operation_id="list_templates")
def list_templates(me: Me, domain: Annotated[str, Query(max_length=200, description="Like gallery or cloud/gcp")] = "",
                   text: Annotated[str, Query(max_length=200, description="Stands in name, title or sentence")] = "") -> Response:
    """The gallery first. One that cannot be read says so in `problem`."""
    found = [summary(each) for each in me.templates() if domain in ("", each.domain)]
    wanted = text.strip().lower()
    return Plain({"templates": [each for each in found if wanted in f"{each['name']} {each['title']} {each['description']}".lower()]})


@routes.get("/templates/{name:path}", responses=problems(), summary="One template", operation_id="get_template")
def get_template(me: Me, name: TemplateName) -> Response:
    """Its YAML, its variables and its parameters."""
    found = me.template(name)
    spec = found.spec
    return Plain({**summary(found), "how": found.how, "yaml": found.text, "spec": spec.as_dict(), "variables": dict(spec.variables),
                  "parameters": [param.model_dump(mode="json") for param in spec.parameters]})


@routes.post("/templates/{name:path}", status_code=201, responses=problems(415), summary="A pipeline made from a template",
             operation_id="use_template")
def use_template(me: Me, name: TemplateName, body: UseBody) -> Response:
    """Keep a pipeline that is the template with these values."""
    given = {**body.params, **({"pipeline_id": body.pipeline_id} if body.pipeline_id else {})}
    made = me.generate_from_template_sync(name, given)
    return Plain(made.as_dict(), 201, {"Location": f"/api/v1/pipelines/{made.id}"})


def summary(found: Any) -> dict[str, Any]:
    problem = found.problem
    return {"name": found.name, "domain": found.domain, "whose": found.whose, "title": found.name if problem else found.title,
            "description": "" if problem else found.sentence, "problem": problem or None}
