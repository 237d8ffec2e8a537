"""Run: what the newest run of this chat does, or how to start the first one."""

from __future__ import annotations

import streamlit as st

from app.door import service
from app.panel.book import Book
from app.panel.header import attempt, start
from app.panel.rundetail import Ways, run_detail
from app.parts.empty import empty
from app.parts.escape import quoted
from app.talk.talk import Talk
from app.talk.turn import Draft, State
from app.talk.words import problem
from flows.errors import PenstockError

EMPTY = "Not run yet. Run it here against DuckDB first. Production is not touched."


def runview(talk: Talk, state: State, draft: Draft, run: Book | None) -> None:
    """The run with everything about it; before the first one a button."""
    if state.backfill_id:
        _backfill(state.backfill_id)
    if not state.run_id:
        with empty(EMPTY, key="run", icon="play_circle"):
            st.button("Run locally", key="run_locally", icon=":material/play_arrow:", on_click=start, args=(talk, {}),
                      disabled=not draft.ready, help=None if draft.ready else draft.why_not or "Fix the spec first")
        return
    run_detail(state.run_id, key="run", ways=Ways(home=True, stop=talk.stop, show=talk.show_run), first=run)


def _backfill(backfill_id: str) -> None:
    """How far the list of dates is that this run belongs to; one that ended early can go on."""
    try:
        seen = service().backfill_view(backfill_id)
    except PenstockError as error:
        st.caption(problem(error))
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="run_backfill"):
        st.progress(min(1.0, seen.done / max(1, seen.total)), text=f"Backfill: {seen.done} of {seen.total} days. {quoted(seen.words)}")
        if seen.state in ("FAILED", "STOPPED"):
            st.button("Go on", key="run_go_on", icon=":material/resume:", on_click=attempt, args=(lambda: service().go_on(backfill_id),),
                      help="Days that did not succeed, then the rest; what had finished is kept.")
