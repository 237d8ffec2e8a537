"""The panel beside the chat: the head of the pipeline and one of its four views; only the view that is open runs."""

from __future__ import annotations

import streamlit as st

from app.panel import place
from app.panel.book import Book
from app.panel.graphview import graphview
from app.panel.header import header
from app.panel.previewview import previewview
from app.panel.rundetail import look
from app.panel.runview import runview
from app.panel.specview import specview
from app.parts.empty import empty
from app.talk.talk import Talk
from app.talk.turn import Draft, State

NOTHING = "No pipeline yet. The steps appear here as soon as the assistant drafts them."


def panel(talk: Talk) -> None:
    """Draw the panel of a conversation as it stands at this moment."""
    state = talk.snapshot()
    if state.draft is None:
        _nothing(state)
        return
    run = look(state.run_id, key="panel") if state.run_id else None
    header(talk, state, state.draft, run)
    _views(talk, state, state.draft, run)


def _nothing(state: State) -> None:
    """Before the first draft: what will be here, in its shape while it is being made."""
    if not state.working:
        empty(NOTHING, key="panel", icon="account_tree")
        return
    with st.container(key="panel_skeleton", gap="medium"):
        st.skeleton(height=64)
        for count in (2, 1, 1):
            _, *nodes, _ = st.columns([3 - count, *[2] * count, 3 - count])
            for node in nodes:
                node.skeleton(height=56)


def _views(talk: Talk, state: State, draft: Draft, run: Book | None) -> None:
    """The choice of the view, and that view. No fragment of its own: a fragment around those that follow a run breaks the page when
    both run at once."""
    st.session_state["panel_view_choice"] = place.view()
    view = st.segmented_control("View", list(place.VIEWS), format_func=place.VIEWS.__getitem__, required=True, key="panel_view_choice",
                                label_visibility="collapsed", width="stretch",
                                on_change=lambda: place.go(st.session_state["panel_view_choice"]))
    if view == "spec":
        specview(talk, state, draft)
    elif view == "preview":
        previewview(talk, state, draft)
    elif view == "run":
        runview(talk, state, draft, run)
    else:
        graphview(state, draft, run)
