"""Runs: what ran, what runs, what failed; and one run in full beside the list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from app.door import service
from app.panel import place
from app.panel.rundetail import Ways, run_detail
from app.parts.cards import Card, cards
from app.parts.empty import empty
from app.parts.escape import code, plain
from app.parts.filters import SPANS, STATES, Asked, ask, asked, clear
from app.parts.runtable import RunRow, runtable
from app.parts.timeline import TimelineRun, timeline
from app.talk.words import problem
from flows.errors import MissingError, PenstockError
from flows.show.units import ago, clock, seconds, several

EVERY = 2.0  # seconds between two looks while something runs or waits
PAGE = 25
WORDS = {"all": "All", "running": "Running", "failed": "Failed", "succeeded": "Succeeded", "stopped": "Stopped"}
TIMES = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "all": "All time"}
STARTERS = {"app": "Chat", "cli": "Terminal", "python": "Python", "prefect": "Schedule"}
DETAIL = "runs_detail"


# ---- what the last day looked like

def overview(live: bool) -> None:
    """Cards, the last day as a picture, and the backfills that are at work."""
    now = datetime.now(UTC)
    stats = service().stats(hours=24)
    ended = stats.succeeded + stats.failed + stats.stopped
    open_now = service().find_runs(status=STATES["running"], limit=PAGE)
    queued = sum(run.status == "PENDING" for run in open_now)
    cards([
        Card("Running now", str(stats.running), f"{queued} queued" if queued else "None queued", "blue" if stats.running else "gray"),
        Card("Last 24 hours", f"{stats.total:,}", f"{stats.stopped:,} stopped" if stats.stopped else f"{ended:,} ended"),
        Card("Succeeded", f"{stats.succeeded * 100 // ended} %" if ended else "–",
             f"{stats.failed:,} failed" if stats.failed else "None failed", "red" if stats.failed else "gray",
             help="Of the runs of the last 24 hours that have ended. A stopped run is not a failed run."),
        Card("Median time", seconds(stats.median_seconds) if stats.median_seconds is not None else "–",
             f"of {stats.succeeded:,} succeeded" if stats.succeeded else "No run succeeded"),
    ], key="runs_cards")
    fills = service().backfills(status="RUNNING")
    backfills(fills)
    if stats.total:
        day(now)
    if bool(open_now or fills) != live:
        st.rerun()


def day(now: datetime) -> None:
    """The last 24 hours, one line a pipeline."""
    found = service().find_runs(since=now - timedelta(hours=24), limit=300, specs=False)
    bars = [TimelineRun(run.run_id, run.name or run.pipeline_id, run.status, run.started_at or run.created_at, run.ended_at)
            for run in found]
    held = asked(entered=False).run
    picked = timeline(bars, key="runs_timeline", selected=held or None, now=now)
    if picked and picked != held:
        pick(picked)


def backfills(views: Sequence[Any]) -> None:
    """A line for each backfill at work, with its Stop."""
    for view in views:
        fill = view.backfill
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"runs_fill_{fill.backfill_id}"):
            name = plain(str(fill.spec.get("name") or fill.pipeline_id))
            st.markdown(f":material/date_range: Backfill **{name}**: {view.done} of {view.total} runs done · {plain(view.words)}",
                        width="stretch")
            st.button("Stop", icon=":material/stop:", key=f"runs_fill_stop_{fill.backfill_id}", on_click=service().stop_backfill,
                      args=(fill.backfill_id,), help="Stop the run at work and start no more. Days that are done stay done.")


# ---- the list

def filters(now: Asked) -> None:
    """State, pipeline, words, time. The widgets show what is asked for; a change asks for something else."""
    known = pipelines(str(service().settings.home), service().tenant)
    pipeline = now.pipeline if now.pipeline in known else ""
    for key, value in {"runs_status": now.status, "runs_pipeline": pipeline, "runs_q": now.q, "runs_since": now.since}.items():
        if st.session_state.get(key) != value:
            st.session_state[key] = value
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="runs_filters"):
        st.pills("State", list(STATES), format_func=WORDS.__getitem__, required=True, key="runs_status", label_visibility="collapsed",
                 wrap=True, width="content", on_change=changed, args=("status",))
        with st.container(horizontal=True, width="content", gap="small", key="runs_which"):
            st.text_input("Search", key="runs_q", type="search", placeholder="Search pipelines and runs", label_visibility="collapsed",
                          width=250, on_change=changed, args=("q",))
            st.selectbox("Pipeline", ["", *known], format_func=lambda one: known.get(one, one) or "All pipelines", key="runs_pipeline",
                         label_visibility="collapsed", width=210, on_change=changed, args=("pipeline",))
            st.selectbox("Time", list(SPANS), format_func=TIMES.__getitem__, key="runs_since", label_visibility="collapsed", width=150,
                         on_change=changed, args=("since",))


def changed(name: str) -> None:
    st.session_state["runs_pages"] = 1
    ask(**{name: st.session_state[f"runs_{name}"] or ""})


@st.cache_data(show_spinner=False, ttl=10, max_entries=50)
def pipelines(home: str, tenant: str) -> dict[str, str]:
    """The pipelines that ran lately, of this home and tenant: id and name."""
    return {run.pipeline_id: run.name or run.pipeline_id for run in reversed(service().find_runs(limit=200, specs=False))}


def listing() -> None:
    """The table, and more of it."""
    now = asked(entered=False)
    found, more = page_of(now)
    if not found:
        nothing(now)
        return
    picked = runtable([line(run, datetime.now(UTC)) for run in found], key="runs_table", selected=now.run or None, detail=DETAIL)
    if picked is not None and picked != now.run:
        pick(picked)
    if more:
        st.button("Show more", key="runs_more", width="stretch", on_click=turn_page)


def turn_page() -> None:
    st.session_state["runs_pages"] = st.session_state.get("runs_pages", 1) + 1


def page_of(now: Asked) -> tuple[list[Any], bool]:
    """The newest runs that match, as many pages as were asked for, and whether there are more."""
    found: list[Any] = []
    for _ in range(st.session_state.get("runs_pages", 1)):
        part = service().find_runs(pipeline_id=now.pipeline or None, status=STATES[now.status], since=now.start(datetime.now(UTC)),
                                   text=now.q, limit=PAGE + 1, before=found[-1].run_id if found else None)
        found += part[:PAGE]
        if len(part) <= PAGE:
            return found, False
    return found, True


def line(run: Any, now: datetime) -> RunRow:
    """A run as a line of the list."""
    began = run.started_at or run.created_at
    took = seconds(((run.ended_at or now) - run.started_at).total_seconds()) if run.started_at else ""
    done, total = steps(run)
    note = service().why(run.run_id) if run.status == "PENDING" else ""
    if run.backfill_days:
        note = note or f"Backfill, run {run.backfill_day} of {run.backfill_days}"
    return RunRow(
        id=run.run_id, name=run.name or run.pipeline_id, status=run.status, started=ago(began, now), clock=clock(began), took=took,
        steps=f"{done} of {total}", trigger=STARTERS.get(run.trigger_by, run.trigger_by.capitalize()), note=note,
        help=f"{done} of {several(total, 'step')} did their work")


def steps(run: Any) -> tuple[int, int]:
    """How many steps did their work, and of how many; read once for a run that has ended."""
    kept = counted()
    if run.run_id in kept:
        return kept[run.run_id]
    found = service().view(run.run_id).steps
    good = ("SUCCESS", "SKIPPED") if run.status == "SUCCESS" else ("SUCCESS",)
    count = sum(step["status"] in good for step in found), len(found) or len(run.spec.get("steps") or ())
    if run.ended:
        kept[run.run_id] = count
    return count


@st.cache_resource(show_spinner=False, max_entries=1)
def counted() -> dict[str, tuple[int, int]]:
    return {}


def nothing(now: Asked) -> None:
    """Why the list is empty, and the way out."""
    if not now.filtered:
        empty("No runs yet. Start one from Chat.", key="runs", icon="play_circle")
        st.page_link("pages/chat.py", label="Open Chat", icon=":material/forum:")
    elif now == Asked(status="failed", run=now.run):
        empty("No failed runs. Good news if you were looking for failures.", key="runs", icon="check_circle")
    else:
        called = f" Nothing is called “{plain(now.q)}”." if now.q else ""
        empty(f"No run matches.{called} Clear the filters to see all runs.", key="runs", icon="filter_alt_off")
        st.button("Clear filters", key="runs_clear", on_click=clear)


# ---- one run

def detail(run_id: str) -> None:
    """The picked run, or why there is none to show."""
    with st.container(key=DETAIL):
        try:
            run = service().view(run_id).run
        except MissingError:
            empty(f"There is no run {code(run_id)}. The link may be mistyped, or from another Penstock.", key="run", icon="search_off")
            st.button("Show all runs", key="runs_unknown", on_click=ask, kwargs={"run": ""})
            return
        with st.container(horizontal=True, vertical_alignment="center", key="runs_title"):
            st.subheader(plain(run.name or run.pipeline_id), anchor=False, width="stretch")
            st.button("Close", icon=":material/close:", type="tertiary", key="runs_close", on_click=ask, kwargs={"run": ""})
        run_detail(run_id, key=DETAIL, ways=Ways(show=pick))


def pick(run_id: str) -> None:
    """Show this run ("" shows none); the step that was picked in another run is not picked in this one."""
    place.pick(None)
    ask(run=run_id)
    st.rerun()


def busy() -> bool:
    """Something runs or waits."""
    return bool(service().find_runs(status=STATES["running"], limit=1)) or bool(service().backfills(status="RUNNING"))


def main() -> None:
    now = asked(entered="runs_status" not in st.session_state)
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs_head"):
        st.title("Runs", anchor=False, width="content")
        st.caption("Newest first. Times are UTC.", width="content")
    try:
        live = busy()
    except PenstockError as err:
        st.error(problem(err), icon=":material/error:")
        return
    every = EVERY if live else None
    st.fragment(overview, run_every=every)(live)
    filters(now)
    columns = st.columns([5, 6] if now.run else 1, gap="medium")  # the list stays where it is when a run is picked, and keeps its focus
    with columns[0]:
        st.fragment(listing, run_every=every)()
    if now.run:
        with columns[1]:
            detail(now.run)


main()
