"""Pipelines: all that are stored, found by words and by domain; one of them in full with its versions and what runs by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app.door import service
from app.panel import dialogs, pipelineview
from app.panel.recipe import listed
from app.panel.stored import Face, faces
from app.parts.badge import badge
from app.parts.empty import empty
from app.parts.escape import code, plain, quoted
from app.parts.role import barred
from app.parts.search import ALL, clear, search
from app.parts.strip import SHOWN, strip
from app.talk.words import problem
from flows.errors import PenstockError
from flows.show.account import clip
from flows.show.units import several

CARDS = 12  # of one page: each more is paid for at every drawing
SENTENCE = 140  # characters
ALSO = 6  # templates that a search finds beside the pipelines
EVERY, QUIET = 2.0, 30.0  # seconds between two looks while something runs, and while nothing does
NEWEST = 50  # runs whose states are looked at for a change
OPEN = ("PENDING", "RUNNING")
Signs = tuple[tuple[tuple[str, str], ...], tuple[tuple[Any, ...], ...]]


# ---- the list

def gallery() -> None:
    """Search, domains, cards; then the templates that the search finds too."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="pipelines_head"):
        st.title("Pipelines", anchor=False, width="content")
        st.page_link("pages/templates.py", label="Start from a template", icon=":material/dashboard_customize:")
    every = faces()
    if not every:
        with empty("No pipelines yet. Describe one in chat, or start from a template.", key="pipelines", icon="account_tree"):
            st.page_link("pages/chat.py", label="Open Chat", icon=":material/forum:")
            st.page_link("pages/templates.py", label="Open Templates", icon=":material/dashboard_customize:")
        return
    domains = sorted({each.domain for each in every})
    q, domain = search("pipelines", domains, "Search pipelines and templates", _domain, on_change=_first_page)
    found = [each for each in every if domain in (ALL, each.domain) and each.has(q)]
    if found:
        cards(found)
    else:
        nothing(q)
    if q:
        also(q)


def cards(found: Sequence[Face]) -> None:
    """Three in a row on a desktop, all of one height."""
    now, most = datetime.now(UTC), CARDS * st.session_state.get("pipelines_pages", 1)
    deployed: dict[str, list[Any]] = {}
    for one in service().deployments():
        deployed.setdefault(one.pipeline_id, []).append(one)
    why_not, shown = barred("editor"), found[:most]
    runs = service().last_runs([each.pipeline_id for each in shown], limit=SHOWN)
    with st.grid(3, min_column_width=280, key="pipelines_cards"):
        for n, each in enumerate(shown):
            with st.container(border=True, height="stretch", vertical_alignment="distribute", key=f"pipeline_{n}"):
                card(each, runs[each.pipeline_id], deployed.get(each.pipeline_id, ()), now, why_not)
    if len(found) > most:
        st.button(f"Show {several(min(CARDS, len(found) - most), 'more pipeline')}", key="pipelines_more", width="stretch",
                  on_click=_turn_page)


def card(each: Face, runs: Sequence[Any], deployed: Sequence[Any], now: datetime, why_not: str) -> None:
    """Name, one sentence, the last runs, how it stands; and its two buttons."""
    said = clip(each.sentence, SENTENCE)
    sentence = plain(said) + ("" if said.endswith("…") else ".")
    with st.container(gap="xsmall"):
        st.markdown(f"**{plain(each.name)}**")
        st.markdown(f":red[:material/error: {quoted(each.problem)}]" if each.problem else f":gray[{sentence}]")
    with st.container(gap="small"):
        strip(runs, now)
        st.markdown(" ".join([*([badge(runs[0].status)] if runs else []), pipelineview.planned(each, deployed)]))
        with st.container(horizontal=True, gap="small"):
            st.button("Open", key=f"pipeline_open_{each.pipeline_id}", width="stretch", on_click=_open, args=(each.pipeline_id,),
                      help=f"Look at {code(each.pipeline_id)}")
            st.button("Run", key=f"pipeline_run_{each.pipeline_id}", icon=":material/play_arrow:", width="stretch",
                      on_click=dialogs.show, args=("run", each.pipeline_id), disabled=bool(why_not or each.problem),
                      help=why_not or "Asks for its values first.")


def nothing(q: str) -> None:
    """That nothing matches, and the ways out."""
    called = f" Nothing is called “{plain(q)}”." if q else ""
    with empty(f"No pipeline matches.{called} Clear the search, or describe it in chat and let it be drafted.", key="pipelines_none",
               icon="search_off"), st.container(horizontal=True, horizontal_alignment="center"):
        st.button("Clear the search", key="pipelines_clear", on_click=clear)
        st.page_link("pages/chat.py", label="Draft it in chat", icon=":material/forum:")


def also(q: str) -> None:
    """Templates that the same words find."""
    found = [each for each in listed() if each.has(q)]
    if not found:
        return
    st.markdown(f"**Templates that match** :gray[{len(found)}]")
    with st.grid(3, min_column_width=280, key="pipelines_also"):
        for each in found[:ALSO]:
            with st.container(border=True, height="stretch", gap="xsmall", key=f"also_{each.name.replace('/', '-')}"):
                st.page_link("pages/templates.py", label=f"**{plain(each.title)}**", icon=":material/dashboard_customize:",
                             query_params={"template": each.name})
                st.markdown(f":gray[:small[{plain(each.sentence or each.problem)}.]]")
    if len(found) > ALSO:
        st.page_link("pages/templates.py", label=f"All {len(found)} of them", query_params={"q": q})


def _domain(name: str) -> str:
    return plain(name if name == ALL else name.capitalize())


def _first_page() -> None:
    st.session_state["pipelines_pages"] = 1


def _turn_page() -> None:
    st.session_state["pipelines_pages"] = st.session_state.get("pipelines_pages", 1) + 1


def _open(pipeline_id: str) -> None:
    st.query_params["pipeline"] = pipeline_id


# ---- what changes meanwhile

def signs(pipeline_id: str) -> Signs:
    """The newest runs and their states, and how the deployments of the pipeline that is open stand: the page is drawn again when one of
    them is another."""
    runs = tuple((run.run_id, run.status) for run in service().find_runs(limit=NEWEST, specs=False))
    deployed = service().deployments(pipeline_id=pipeline_id) if pipeline_id else ()
    return runs, tuple((each.environment, each.status, each.release, each.paused, each.late) for each in deployed)


def watch(pipeline_id: str, told: Signs) -> None:
    """Draws nothing. A dialog that is open is left in peace."""
    if not dialogs.open_now() and signs(pipeline_id) != told:
        st.rerun()


def main() -> None:
    asked = st.query_params.get("pipeline", "").strip()
    try:
        told = signs(asked)
        if asked:
            pipelineview.one(asked)
        else:
            gallery()
    except PenstockError as error:
        st.error(problem(error), icon=":material/error:")
        return
    dialogs.draw()
    live = any(status in OPEN for _, status in told[0]) or any(status != "LIVE" for _, status, *_ in told[1])
    st.fragment(watch, run_every=EVERY if live else QUIET)(asked, told)


main()
