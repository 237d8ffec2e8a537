"""Run: what the newest run of this chat does, or how to start the first one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.door import service
from app.panel.book import Book
from app.panel.header import attempt, start
from app.panel.rundetail import Ways, run_detail
from app.parts.card import far, more
from app.parts.days import grid
from app.parts.empty import empty
from app.talk.talk import Talk
from app.talk.turn import Draft, State
from app.talk.words import problem
from flows.errors import PenstockError

EVERY = 1.0  # seconds between two looks at a list of dates that is being worked off
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
    """The list of dates that the run belongs to, looked at on its own while days are at work: several may be."""
    going = _fill(backfill_id)
    if going is not None:
        st.fragment(_days, run_every=EVERY if going.state == "RUNNING" else None)(backfill_id, [going])


def _fill(backfill_id: str) -> Any:
    """How far it is; None, and what is wrong is said, when it cannot be read."""
    try:
        return service().backfill_view(backfill_id)
    except PenstockError as error:
        st.caption(problem(error))
        return None


def _days(backfill_id: str, first: list[Any]) -> None:
    """How far the list of dates is; one that ended early can go on."""
    over = not first
    seen = first.pop() if first else _fill(backfill_id)
    if seen is None:
        return
    if over and seen.state != "RUNNING":
        st.rerun()  # the timer ends
    with st.container(border=True, key="run_backfill"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(min(1.0, seen.done / max(1, seen.total)), text=f"Backfill: {far(seen)}")
            if seen.state == "RUNNING":
                st.button("Stop all days", key="run_stop_days", icon=":material/stop:", on_click=attempt,
                          args=(lambda: service().stop_backfill(backfill_id),), help="Stop what is at work and start no more. "
                          "Days that are done stay done.")
            elif seen.state in ("FAILED", "STOPPED"):
                st.button("Go on", key="run_go_on", icon=":material/resume:", on_click=attempt,
                          args=(lambda: service().go_on(backfill_id),),
                          help="Days that did not succeed, then the rest; what had finished is kept.")
        grid(seen, key="run")
        if said := more(seen):
            st.markdown(f":gray[{said}]")
