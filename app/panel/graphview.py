"""Graph: the steps and who waits for whom, with live states while a run is on; the selected step beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st

from app.panel import place
from app.panel.book import Book
from app.panel.outcome import comes_out, outcome
from app.panel.rundetail import look, pace
from app.panel.stepcard import stepcard, summary
from app.parts.graph import StepState, graph
from app.talk.turn import Draft, State
from flows.show.outline import steps_of

WORTH = 0.005  # seconds: what a preview did in less was nothing


def graphview(state: State, draft: Draft, run: Book | None) -> None:
    """Drawn from one snapshot of the run; looked at again while the run lives."""
    told = (pace(run), run.run.status) if run is not None else (None, "")
    st.fragment(_follow, run_every=told[0])(state, draft, told, [run])


def _previewed(state: State, steps: Iterable[str]) -> dict[str, Any]:
    """How each step did in the preview, for a pipeline that has not run."""
    if state.preview is None:
        return {"states": dict.fromkeys(steps, StepState("waiting")), "of": "preview"} if state.preview_state == "working" else {}
    return {"of": "preview", "states": {each.step_id: _found(each) for each in state.preview.steps}}


def _found(each: Any) -> StepState:
    """How one step did in the preview."""
    ok = each.status == "ok"
    elsewhere = each.status == "failed" and each.verdict == "bigquery-only"
    seconds = each.seconds if ok and each.seconds >= WORTH else None
    return StepState(each.verdict if elsewhere else each.status, rows=each.row_count if ok else None, seconds=seconds, error=each.error,
                     rejected=each.rejected)


def _follow(state: State, draft: Draft, told: tuple[float | None, str], first: list[Book | None]) -> None:
    """The full rerun hands its snapshot over in `first`; every later look is this fragment's own."""
    run = first.pop() if first else look(state.run_id, key="graph") if state.run_id else None
    if run is not None and (pace(run), run.run.status) != told:
        st.rerun()
    mine = run if run is not None and run.run.pipeline_id == draft.pipeline_id else None
    steps = {each["step_id"]: each for each in steps_of(draft.spec)}
    left, right = st.columns([5, 3], gap="medium")
    found = outcome(state, draft, mine)
    with left, st.container(key="graph_side", gap="small"):
        with st.container(border=True, key="panel_graph" if found is not None else "panel_graph_alone",
                          height="content" if found is not None else "stretch"):
            states: dict[str, Any] = {"states": mine.states()} if mine is not None else _previewed(state, steps)
            chosen = place.step() if place.step() in steps else ""
            chosen = place.take(graph(draft.spec, key="panel_dag", selected=chosen or None,
                                      height="content" if found is not None else "stretch", **states))
        if found is not None:
            comes_out(found, key="graph_out")
    with right, st.container(border=True, key="step_card"):
        step = steps.get(chosen)
        if step is None:
            summary(draft)
        else:
            stepcard(state, draft, step, mine)
