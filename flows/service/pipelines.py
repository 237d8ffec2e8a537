"""Whole pipelines for programs: generate, validate, deploy, run, follow and roll back by a pipeline's id, async and blocking."""

from __future__ import annotations

from flows.service.author import Author
from flows.service.deployments import Deployments
from flows.service.runs import Runs
from flows.service.templates import Templates


class Pipelines(Templates, Deployments, Runs, Author):
    """The async methods have a blocking twin each, named with `_sync`."""
