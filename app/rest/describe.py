"""The API described: OpenAPI with its security, and a page to read and try it whose files come from this process."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from app.rest.problem import KIND

FILES = Path(fastapi_offline.__file__).parent / "static"
OPEN = ("/v1/health",)
"""Paths that need no key."""
# the app's policy allows scripts of this process only, and none within a page
INIT = """window.addEventListener("load", () => {
  const here = document.documentElement.dataset.root;
  window.ui = SwaggerUIBundle({url: here + "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true,
    persistAuthorization: false, validatorUrl: null, defaultModelsExpandDepth: 0, docExpansion: "list"});
});
"""


def add_docs(api: FastAPI) -> None:
    """`/docs` with its script and its files, and an OpenAPI document that says where keys go."""
    api.mount("/docs/files", StaticFiles(directory=FILES), name="docs")

    @api.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = escape(request.scope.get("root_path", ""))
        return HTMLResponse(
            f'<!DOCTYPE html><html lang="en" data-root="{root}"><head><meta charset="utf-8"><title>Penstock API</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="stylesheet" href="{root}/docs/files/swagger-ui.css"><link rel="icon" href="{root}/docs/files/favicon.png">'
            f'</head><body><div id="swagger-ui"></div><script src="{root}/docs/files/swagger-ui-bundle.js"></script>'
            f'<script src="{root}/docs/init.js"></script></body></html>')

    @api.get("/docs/init.js", include_in_schema=False)
    async def init() -> Response:
        return Response(INIT, media_type="text/javascript")

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            made = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes,
                               servers=[{"url": "/api"}])
            _tidy(made)
            api.openapi_schema = made
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]


def _tidy(document: dict[str, Any]) -> None:
    """Errors are problems and nothing else, and each path but a few needs a key."""
    for path, item in document["paths"].items():
        for operation in item.values():
            if path in OPEN:
                operation.pop("security", None)
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")) and path not in OPEN:
                    answer["content"] = {KIND: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
                    if status == "401":
                        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    document["components"]["schemas"].pop("HTTPValidationError", None)
