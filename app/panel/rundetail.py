"""One run, alive: state, bar, Gantt or graph, log, rejected rows, what it wrote, and what can be done now. Chat and Runs show the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from app.door import service
from app.panel import place
from app.panel.actions import MOVED, actions
from app.panel.book import Book, book
from app.panel.output import output
from app.panel.verdict import verdict
from app.parts.badge import badge
from app.parts.empty import empty
from app.parts.escape import code, unlinked
from app.parts.gantt import gantt
from app.parts.graph import graph
from app.parts.logs import logs
from app.parts.rejects import rejects
from app.talk.words import problem
from flows.errors import MissingError, PenstockError
from flows.show.units import clock, day, seconds, several

FAST, SLOW, CALM_AFTER = 1.0, 2.0, 30.0  # seconds: between two looks at a live run, and when to look less often
VIEWS = {"timeline": "Timeline", "graph": "Graph"}


@dataclass(frozen=True)
class Ways:
    """What differs between the places where a run is shown.

    `home`: beside its chat, which has the graph and needs no link to itself. `stop` replaces the plain Stop; `show` is told the id of a
    run that was started from here.
    """

    home: bool = False
    stop: Callable[[], None] | None = None
    show: Callable[[str], None] | None = None


def run_detail(run_id: str, *, key: str, ways: Ways | None = None, first: Book | None = None) -> None:
    """Show a run and follow it while it lives; `first` is a snapshot that was just taken."""
    seen = first or look(run_id, key=key)
    if seen is not None:
        told = (pace(seen), seen.run.status)
        st.fragment(_follow, run_every=told[0])(run_id, key, ways or Ways(), told, [seen])


def look(run_id: str, *, key: str) -> Book | None:
    """One snapshot of a run; None, and what is wrong is said, when it cannot be read."""
    try:
        return book(service().view(run_id))
    except MissingError:
        empty(f"There is no run {code(run_id)} here. The list of runs shows those that are.", key=f"missing_{key}", icon="search_off")
    except PenstockError as error:
        st.error(problem(error), icon=":material/error:")
    return None


def pace(seen: Book) -> float | None:
    """Seconds until the next look; None when there is nothing more to see."""
    if not seen.live:
        return FAST if seen.telling else None
    return SLOW if seen.elapsed > CALM_AFTER else FAST


def _follow(run_id: str, key: str, ways: Ways, told: tuple[float | None, str], first: list[Book]) -> None:
    """The full rerun hands its snapshot over in `first`; every later look is this fragment's own, one a refresh."""
    if st.session_state.pop(f"{key}{MOVED}", False) and not first:
        st.rerun()
    seen = first.pop() if first else look(run_id, key=key)
    if seen is None:
        return
    if (pace(seen), seen.run.status) != told:
        st.rerun()  # once: head and chat learn that it began or ended, and the timer is set anew
    _head(seen, key, ways)
    verdict(seen, key=key)
    step = _drawing(seen, key, ways) if seen.live or seen.view.steps else ""
    if seen.run.status == "SUCCESS":
        output(seen, key=key)
    for each in seen.view.messages:
        st.markdown(notified(each))
    for each in seen.steps:
        if each.get("rejected"):
            rejects(each.get("rejects") or [], each["rejected"], key=f"{key}_{each['step_id']}", where=each.get("quarantine") or "",
                    step=each["step_id"])
    _log(seen, key, step)


def _head(seen: Book, key: str, ways: Ways) -> None:
    run = seen.run
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_head"):
        stopping = seen.live and run.cancel
        mark = ":orange-badge[:material/stop_circle: Stopping]" if stopping else badge(run.status)
        waited = "queued for " if run.started_at is None and seen.live else ""
        when = f" · for {day(date.fromisoformat(run.run_date))}" if run.run_date else ""
        st.markdown(f"{mark} {code(run.run_id.rpartition('-')[2])} · {waited}{seconds(seen.elapsed)} · "
                    f"{seen.done} of {several(len(seen.steps), 'step')}{when}{_tries(run)}", width="stretch",
                    help=f"Run {code(run.run_id)}, created {clock(run.created_at)}")
        actions(seen, key=key, home=ways.home, stop=ways.stop, show=ways.show or opened)
    if seen.live:
        st.progress(seen.done / max(1, len(seen.steps)))


def _tries(run: Any) -> str:
    """That it was taken up again, and whose steps it keeps."""
    again = f" · attempt {run.attempt}" if run.attempt > 1 else ""
    return again + (f" · goes on from {code(run.resume_of.rpartition('-')[2])}" if run.resume_of else "")


def notified(message: Mapping[str, Any]) -> str:
    """One line: who was told of the run's end, or why not."""
    words = unlinked(message["words"][:1].upper() + message["words"][1:])
    return f":orange[:material/notifications_off: {words}]" if message["error"] else f":gray[:material/notifications: {words}]"


def opened(run_id: str) -> None:
    """Show another run in the same place: the address names it."""
    st.query_params["run"] = run_id


def _drawing(seen: Book, key: str, ways: Ways) -> str:
    """The Gantt, or the graph where the panel has none beside it; the step that is selected."""
    view = "timeline"
    if not ways.home:
        view = st.segmented_control("Drawing", list(VIEWS), format_func=VIEWS.__getitem__, default="timeline", required=True,
                                    key=f"{key}_drawing", label_visibility="collapsed") or "timeline"
    step = place.step()
    if view == "graph":
        with st.container(key=f"{key}_graph"):
            step = place.take(graph(seen.run.spec, key=f"{key}_dag", states=seen.states(), selected=step or None))
    else:
        with st.container(border=True, key=f"{key}_gantt"):
            step = place.take(gantt(seen.bars(), key=f"{key}_bars", selected=step or None,
                                    now=seen.elapsed if seen.live else None))
    return step if seen.step(step) else ""


def _log(seen: Book, key: str, step: str) -> None:
    options = ["", *(each["step_id"] for each in seen.steps)]
    st.session_state[f"{key}_whose"] = step
    st.selectbox("Whose log", options, format_func=lambda name: name or "All steps", key=f"{key}_whose",
                 label_visibility="collapsed", on_change=lambda: place.pick(st.session_state[f"{key}_whose"]))
    try:
        lines = service().logs(seen.run.run_id, step=step or None)
    except PenstockError as error:
        st.caption(problem(error))
        return
    logs(lines, key=f"{key}_{seen.run.run_id}", step=step, live=seen.live)
