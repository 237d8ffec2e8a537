"""What programs have asked for and a person decides: a card for each, with its Yes and No."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app.door import service
from app.parts.escape import plain, unlinked
from app.talk.words import problem
from flows.errors import PenstockError
from flows.show.units import ago

SAID = "approvals_said"


def approvals(*, key: str = "approvals") -> int:
    """Draw those that wait, oldest first; how many there are. Nothing is drawn for none."""
    waiting = list(reversed(service().approvals("WAITING")))
    if said := st.session_state.pop(SAID, ""):
        st.info(said, icon=":material/info:")
    for view in waiting:
        _card(view, f"{key}_{view.approval_id}")
    return len(waiting)


def _card(view: Any, key: str) -> None:
    """Whoever may not run it sees it and is told why there is no Yes."""
    needed = "operator" if view.environment == "production" else "editor"
    may = service().identity.may(needed)
    why = None if may else f"This needs the role {needed}. Ask an admin for it."
    with st.container(border=True, key=key):
        st.markdown(f":material/approval: **A program asks:** {plain(view.words)}")
        st.caption(f"{plain(view.author)} asked {ago(view.created_at, datetime.now(UTC))}. "
                   f"It waits until {view.expires_at:%Y-%m-%d %H:%M} UTC.")
        with st.expander("What it does", icon=":material/subject:"):
            st.text(service().approval(view.approval_id).explained)
            if view.params:
                st.table([{"parameter": name, "value": str(value)} for name, value in view.params.items()])
        with st.container(horizontal=True, gap="small"):
            st.button("Run it", icon=":material/play_arrow:", type="primary", key=f"{key}_yes", disabled=not may, help=why,
                      on_click=_decide, args=(service().approve, view.approval_id, "It is queued."))
            st.button("Refuse", icon=":material/block:", key=f"{key}_no", disabled=not may, help=why,
                      on_click=_decide, args=(service().refuse, view.approval_id, "It is refused; nothing runs."))


def _decide(do: Callable[[str], Any], approval_id: str, done: str) -> None:
    """Do it; what went wrong is told at the next drawing."""
    try:
        do(approval_id)
        st.session_state[SAID] = done
    except PenstockError as error:
        st.session_state[SAID] = unlinked(problem(error))
