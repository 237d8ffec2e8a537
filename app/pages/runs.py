"""Runs: what ran, what runs, what failed; and one run in full beside the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from app.door import service
from app.panel import place
from app.panel.rundetail import Ways, run_detail
from app.parts.approvals import approvals
from app.parts.card import far, more
from app.parts.cards import Card, cards
from app.parts.days import grid
from app.parts.empty import empty
from app.parts.ended import pipelines, steps_done
from app.parts.escape import code, plain, quoted, unlinked
from app.parts.filters import SPANS, STATES, Asked, ask, asked, clear, owed, pay
from app.parts.role import barred
from app.parts.runtable import RunRow, runtable
from app.parts.starter import starter
from app.parts.timeline import TimelineRun, timeline
from app.talk.words import problem
from flows.errors import MissingError, PenstockError
from flows.show.units import ago, clock, seconds, several

EVERY = 2.0  # seconds between two looks while something runs or waits
QUIET = 30.0  # and while nothing does: ages stay fresh, and a run that somebody starts elsewhere is seen
ARRIVED = 0.4  # seconds until the browser has the page's own path
PAGE = 25
WORDS = {"all": "All", "running": "Running", "failed": "Failed", "succeeded": "Succeeded", "stopped": "Stopped"}
TIMES = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "all": "All time"}
LATE = 3  # late schedules that are shown
DETAIL, TROUBLE = "runs_detail", "runs_trouble"
FAILED_FILLS = 3  # failed backfills that are shown


# ---- what the last day looked like

def overview(live: bool, first: list[tuple[list[Any], list[Any]]]) -> None:
    """Cards, the last day as a picture, and the backfills that are at work or have failed; the full rerun hands over
    in `first` what is at work."""
    now = datetime.now(UTC)
    stats = service().stats(hours=24)
    ended = stats.succeeded + stats.failed + stats.stopped
    open_now, fills = first.pop() if first else at_work()
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
    untold()
    late()
    approvals(key="runs_approvals")
    backfills([*fills, *(fill for fill in service().backfills(status="FAILED", limit=FAILED_FILLS) if recent(fill, now))])
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


def untold() -> None:
    """Notifications of the last day that were given up: a quiet line, since no run is the worse for it."""
    for part in service().health()["parts"]:
        if part["name"] == "Notifications":
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key="runs_untold"):
                st.markdown(f":orange[:material/notifications_off:] {unlinked(part['words'])} The runs are not affected.", width="stretch")
                st.button("Show the run", type="tertiary", icon=":material/arrow_forward:", key="runs_untold_show", on_click=choose,
                          args=(part["run_id"],))


def late() -> None:
    """Schedules whose run is due and has not begun, each with its cause and what to do."""
    found = [each for each in service().deployments() if each.late and not each.paused]
    for each in found[:LATE]:
        key = f"runs_late_{each.pipeline_id}_{each.environment}"
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
            st.markdown(f":red[:material/schedule:] **{plain(each.pipeline_id)}** is late. {quoted(each.late)}", width="stretch")
            st.page_link("pages/pipelines.py", label="Show the schedule", icon=":material/arrow_forward:",
                         query_params={"pipeline": each.pipeline_id, "show": "schedule"})
    if len(found) > LATE:
        st.markdown(f":gray[And {several(len(found) - LATE, 'other late schedule')}.]")


def recent(view: Any, now: datetime) -> bool:
    """Did a backfill end in the last day?"""
    ended = view.backfill.ended_at
    return ended is not None and now - ended < timedelta(hours=24)


def backfills(views: Sequence[Any]) -> None:
    """A line for each backfill: one at work with its Stop, one that failed with its way on."""
    for view in views:
        fill, key = view.backfill, view.backfill.backfill_id
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"runs_fill_{key}"):
            name, bad = plain(str(fill.spec.get("name") or fill.pipeline_id)), view.state == "FAILED"
            mark = ":red[:material/error:] Backfill" if bad else ":material/date_range: Backfill"
            with st.container(gap="xsmall", width="stretch"):
                st.markdown(" · ".join(part for part in (f"{mark} **{name}**: {far(view)}", more(view)) if part))
                grid(view, key=key)
            why_not = barred("editor")
            if bad:
                st.button("Go on", icon=":material/resume:", key=f"runs_fill_on_{key}", on_click=act_on, args=(service().go_on, key),
                          disabled=bool(why_not),
                          help=why_not or "Run what failed again from its failed step, then the days that were not begun.")
            else:
                st.button("Stop", icon=":material/stop:", key=f"runs_fill_stop_{key}", on_click=act_on,
                          args=(service().stop_backfill, key), disabled=bool(why_not),
                          help=why_not or "Stop what is at work and start no more. Days that are done stay done.")
    if said := st.session_state.pop(TROUBLE, ""):
        st.error(said, icon=":material/error:")


def act_on(do: Callable[[str], Any], backfill_id: str) -> None:
    """Do it; what went wrong is told at the next drawing."""
    try:
        do(backfill_id)
    except PenstockError as error:
        st.session_state[TROUBLE] = problem(error)


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
                                   text=now.q, limit=PAGE + 1, before=found[-1].run_id if found else None, specs=False)
        found += part[:PAGE]
        if len(part) <= PAGE:
            return found, False
    return found, True


def line(run: Any, now: datetime) -> RunRow:
    """A run as a line of the list."""
    began = run.started_at or run.created_at
    took = seconds(((run.ended_at or now) - run.started_at).total_seconds()) if run.started_at else ""
    done, total = steps_done(run)
    note = service().why(run.run_id) if run.status == "PENDING" else ""
    if run.backfill_days:
        note = note or f"Backfill, run {run.backfill_day} of {run.backfill_days}"
    return RunRow(
        id=run.run_id, name=run.name or run.pipeline_id, status=run.status, started=ago(began, now), clock=clock(began), took=took,
        steps=f"{done} of {total}", trigger=starter(run.trigger_by), note=note,
        help=f"{done} of {several(total, 'step')} did their work")


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
        run_detail(run_id, key=DETAIL, ways=Ways(show=choose))


def pick(run_id: str) -> None:
    """Show this run ("" shows none) at once."""
    choose(run_id)
    st.rerun()


def choose(run_id: str) -> None:
    """This run is shown from the next drawing on; the step that was picked in another run is not picked in it."""
    place.pick(None)
    ask(run=run_id)


def at_work() -> tuple[list[Any], list[Any]]:
    """What runs or waits: runs, and backfills."""
    return service().find_runs(status=STATES["running"], limit=PAGE, specs=False), service().backfills(status="RUNNING")


def address(first: list[bool]) -> None:
    """The filters of before stand in the address a moment after the page is there."""
    if first:
        first.pop()
    else:
        st.rerun()


def main() -> None:
    entered = "runs_status" not in st.session_state
    if owed() and not entered:
        pay()
    now = asked(entered=entered)
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs_head"):
        st.title("Runs", anchor=False, width="content")
        st.caption("Newest first. Times are UTC.", width="content")
    try:
        first = at_work()
    except PenstockError as err:
        st.error(problem(err), icon=":material/error:")
        return
    live = any(first)
    every = EVERY if live else QUIET
    if owed():
        st.fragment(address, run_every=ARRIVED)([True])
    st.fragment(overview, run_every=every)(live, [first])
    filters(now)
    columns = st.columns([5, 6] if now.run else 1, gap="medium")  # the list stays where it is when a run is picked, and keeps its focus
    with columns[0]:
        st.fragment(listing, run_every=every)()
    if now.run:
        with columns[1]:
            detail(now.run)


main()
