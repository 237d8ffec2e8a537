"""The REST API: the same service as the app and the command line, for programs with a key. It stands at `/api`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Response
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from app.door import base
from app.rest import admin, deployments, pipelines, runs, templates
from app.rest.describe import add_docs
from app.rest.problem import Plain, add_problems
from app.rest.shape import Health
from app.rest.strict import BODY_BYTES, SaidTooLarge, StrictRoute

WORDS = """Plans, checks, previews, runs and deploys pipelines of one organisation.

Each request has a key in `X-API-Key`; it says which organisation and which role it is. Errors are `application/problem+json`: `code` is
for programs, `detail` for people. Lists have pages: `next_cursor` of one is `cursor` of the next."""

# its own pages for the documentation load scripts from other hosts
api = FastAPI(title="Penstock", version=version("penstock"), description=WORDS, docs_url=None, redoc_url=None)
api.router.route_class = StrictRoute
api.add_middleware(RequestBodyLimitMiddleware, max_body_size=BODY_BYTES)
api.add_middleware(SaidTooLarge)
add_problems(api)


@api.get("/v1/health", response_model=Health, responses={503: {"model": Health, "description": "The control store does not answer"}},
         summary="Whether runs can start", tags=["Health"], operation_id="health")
def get_health() -> Response:
    """Each part with its state. No key is needed, and nothing of anybody is said. `GET /health` is the same."""
    found = base().state()
    return Plain(found, 503 if away(found) else 200, {"Cache-Control": "no-store"})


def away(state: dict[str, Any]) -> bool:
    """Nothing works without the control store."""
    return any(part["name"] == "Control store" and part["state"] == "down" for part in state["parts"])


for noun in (runs, pipelines, deployments, templates, admin):
    api.include_router(noun.routes, prefix="/v1", default_response_class=Plain)
add_docs(api)
