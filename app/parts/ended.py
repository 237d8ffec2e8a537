"""What the Runs page need not read at every look: which pipelines there are, and the steps of runs that have ended."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.door import service


@st.cache_data(show_spinner=False, ttl=10, max_entries=50)
def pipelines(home: str, tenant: str) -> dict[str, str]:
    """The pipelines that ran lately, of this home and tenant: id and name."""
    return {run.pipeline_id: run.name or run.pipeline_id for run in reversed(service().find_runs(limit=200, specs=False))}


def steps_done(run: Any) -> tuple[int, int]:
    """How many steps did their work, and of how many; read once for a run that has ended."""
    kept = _counted()
    if (run.tenant_id, run.run_id) in kept:
        return kept[run.tenant_id, run.run_id]
    seen = service().view(run.run_id)
    good = ("SUCCESS", "SKIPPED") if seen.run.status == "SUCCESS" else ("SUCCESS",)
    count = sum(step["status"] in good for step in seen.steps), len(seen.steps) or len(seen.run.spec.get("steps") or ())
    if seen.run.ended:
        kept[run.tenant_id, run.run_id] = count
    return count


@st.cache_resource(show_spinner=False, max_entries=1)
def _counted() -> dict[tuple[str, str], tuple[int, int]]:
    return {}
