"""Penstock: plain words become data pipelines that can be trusted.

    from flows import Penstock

    penstock = Penstock()
    plan = penstock.plan("sum amount per country from orders into mart.by_country")
    print(penstock.explain(plan))
    print(penstock.preview(plan))
    run = penstock.run(plan)
    print(penstock.query("select * from mart.by_country").to_pylist())
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.errors import DeploymentError, PenstockError, PipelineGenerationError, ValidationError
    from flows.run.view import RunView
    from flows.service import Penstock
    from flows.service.pipeline import Pipeline, PipelineOptions
    from flows.settings import Settings
    from flows.spec import FlowSpec

__all__ = ["DeploymentError", "FlowSpec", "Penstock", "PenstockError", "Pipeline", "PipelineGenerationError", "PipelineOptions", "RunView",
           "Settings", "ValidationError"]

_HOMES = {"DeploymentError": "flows.errors", "FlowSpec": "flows.spec", "Penstock": "flows.service", "PenstockError": "flows.errors",
          "Pipeline": "flows.service.pipeline", "PipelineGenerationError": "flows.errors", "PipelineOptions": "flows.service.pipeline",
          "RunView": "flows.run.view", "Settings": "flows.settings", "ValidationError": "flows.errors"}

logging.getLogger("penstock").addHandler(logging.NullHandler())  # a library prints nothing that nobody asked for


def __getattr__(name: str) -> Any:
    """The menu is loaded when something is ordered: `import flows.errors` must not import the service."""
    if name not in _HOMES:
        raise AttributeError(f"module 'flows' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
