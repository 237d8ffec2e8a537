"""Prefect's entry points, named in prefect.yaml."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State


@flow(name="run-pipeline", persist_result=False, validate_parameters=False)
async def run_pipeline(spec: dict[str, Any], run_id: str = "", environment: str = "local", params: dict[str, Any] | None = None,
                       version: int = 0) -> State[Any]:
    """Run one pipeline: every step is a task and starts when its own upstream has ended.

    `spec` is a flow spec as plain data. `run_id` is the queued run that this is; empty (a schedule, Prefect's Run button) makes a
    new one, which is refused while the pipeline runs. `params` are values of the pipeline's parameters, `version` is that of the
    spec where it is kept as one.
    """
    from flows.run.flight import fly

    return await fly(spec, run_id, environment, params or {}, version)
