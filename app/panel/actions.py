"""What can be done with a run: stop it, resume it, run it again, share it, look at it elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import streamlit as st

from app.door import service
from app.panel.book import Book
from app.parts.copylink import copylink
from app.parts.role import barred
from app.talk.words import problem
from flows.errors import PenstockError

MOVED = "_moved"  # behind a key: a click has chosen another run, and the whole page must learn it
RESUMABLE = ("FAILED", "CRASHED", "CANCELLED")


def actions(seen: Book, *, key: str, home: bool, stop: Callable[[], None] | None, show: Callable[[str], None]) -> None:
    """Buttons for this state of the run, in the row that is open; what could not be done is said under them."""
    run, trouble, why_not = seen.run, f"{key}_trouble", barred("operator" if seen.run.environment == "production" else "editor")
    if seen.live:
        st.button("Stop", key=f"{key}_stop", icon=":material/stop:", disabled=run.cancel or bool(why_not), on_click=_try,
                  args=(trouble, stop or (lambda: _stop(run.run_id))),
                  help=why_not or "Ask the run to stop. Finished steps keep their result.")
    else:
        if run.status in RESUMABLE:
            st.button("Resume from failed step", key=f"{key}_resume", icon=":material/resume:", disabled=bool(why_not), on_click=_try,
                      args=(trouble, lambda: _other(again(seen, resume=True), key, show)),
                      help=why_not or "Only what did not finish runs again.")
        st.button("Run again", key=f"{key}_again", icon=":material/replay:", disabled=bool(why_not), on_click=_try,
                  args=(trouble, lambda: _other(again(seen), key, show)),
                  help=why_not or "A whole new run with the same date and parameters.")
    with st.popover("", icon=":material/more_horiz:", help="Links", key=f"{key}_more"):
        copylink("Copy run link", f"/runs?run={quote(run.run_id)}", key=f"{key}_copy")
        if seen.view.address:
            st.link_button("Open in Prefect", seen.view.address, icon=":material/open_in_new:", key=f"{key}_prefect")
        else:
            st.caption("Prefect shows this run once it has begun.")
        if not home:
            st.page_link("pages/chat.py", label="Open in chat", icon=":material/forum:", query_params={"pipeline": run.pipeline_id},
                         disabled=bool(barred("editor")))
    if said := st.session_state.pop(trouble, ""):
        st.error(said, icon=":material/error:", width="stretch")


def again(seen: Book, *, resume: bool = False) -> str:
    """Start the run's own spec once more, with its date and parameters; the id of the new run. Raises PenstockError."""
    run = seen.run
    if resume:
        return str(service().submit(run.spec, trigger_by="app", resume=run.run_id).run_id)
    params = {"run_date": run.run_date, **run.params} if run.run_date else run.params
    return str(service().submit(run.spec, params={name: value for name, value in params.items() if value is not None},
                                trigger_by="app").run_id)


def _other(run_id: str, key: str, show: Callable[[str], None]) -> None:
    show(run_id)
    st.session_state[f"{key}{MOVED}"] = True


def _stop(run_id: str) -> None:
    service().cancel(run_id)


def _try(trouble: str, act: Callable[[], None]) -> None:
    """Do it; what went wrong is kept for the next drawing."""
    try:
        act()
    except PenstockError as error:
        st.session_state[trouble] = problem(error)
