"""A whole pipeline that nobody is changing: its steps as a drawing, with the picked one or the whole in words beside it."""

from __future__ import annotations

import streamlit as st

from app.panel.stepcard import stepcard, summary
from app.parts.graph import graph
from app.talk.turn import Draft, State
from flows.show.outline import steps_of


def whole(draft: Draft, *, key: str) -> None:
    """Drawing at the left, words at the right; on a phone one under the other."""
    left, right = st.columns([5, 3], gap="medium")
    with left, st.container(border=True, key=f"{key}_graph"):
        picked = graph(draft.spec, key=f"{key}_dag")
    with right, st.container(border=True, key=f"{key}_card"):
        step = next((each for each in steps_of(draft.spec) if each["step_id"] == picked), None)
        if step is None:
            summary(draft)
        else:
            stepcard(State(""), draft, step, None)
