"""The pipeline as a picture that can be used: own SVG, live states, mouse and keyboard, no build step and no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from app.parts.payload import payload
from app.parts.pick import picked
from flows.show import scene
from flows.show.icons import ICONS
from flows.show.outline import Drawn
from flows.show.states import Of, StepState

__all__ = ["StepState", "graph"]

HERE = Path(__file__).resolve().parent
HTML = """<div class="box">
<div class="scroll"><svg class="drawing" role="group"></svg></div>
<div class="bar"><span class="told"></span><span class="tools"></span></div>
</div>"""
_GRAPH = st.components.v2.component(
    "penstock_graph", html=HTML, css=(HERE / "graph.css").read_text(encoding="utf-8"),
    js=f"const ICONS = {json.dumps(ICONS)};\n{(HERE / 'graph.js').read_text(encoding='utf-8')}")


def graph(spec: Drawn, *, key: str, states: Mapping[str, StepState] | None = None, selected: str | None = None,
          height: int | Literal["stretch", "content"] = "content", of: Of = "step") -> str | None:
    """Draw a pipeline and return the step_id that is selected, None when none is.

    `states` by step_id: without it the boxes show no state, with it a step that is not in it is waiting. `selected` is what the caller
    holds (from the address, from a log): the newer of it and the last click wins. `height` in pixels, `"stretch"` or `"content"` (as
    high as the drawing, at most the window). `of`: whether `states` are those of a run's steps or of a preview's.
    """
    kept = st.session_state.setdefault(f"{key}__kept", {"opened": []})
    opened = (st.session_state.get(key) or {}).get("opened")
    kept["opened"] = opened if isinstance(opened, list) else kept["opened"]
    chosen, clicks = picked(key, selected)
    data: dict[str, Any] = scene.scene(spec, states, opened=kept["opened"], of=of)
    ids = {step for node in data["nodes"] for step in node["steps"]}
    chosen = chosen if chosen in ids else None
    data |= {"selected": chosen, "n": clicks, "stretch": height != "content"}
    _GRAPH(key=key, data=payload(data), height=height, on_pick_change=_nothing, on_opened_change=_nothing)
    return chosen


def _nothing() -> None:
    """A component's state is only kept when somebody listens to it."""
