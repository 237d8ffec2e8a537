"""The head of the panel: which pipeline this is, how it stands, and what can be done with it as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import streamlit as st

from app.door import service
from app.panel import place
from app.panel.book import Book
from app.panel.params import form
from app.panel.words import schedule
from app.parts.badge import badge
from app.parts.copylink import copylink
from app.parts.escape import plain
from app.talk.talk import Talk
from app.talk.turn import Draft, State
from app.talk.words import money, problem
from flows.errors import PenstockError

TROUBLE = "panel_trouble"


def header(talk: Talk, state: State, draft: Draft, run: Book | None) -> None:
    """Name and badges, then Run, Undo and the links."""
    with st.container(key="panel_head", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"### {plain(draft.name)}", width="stretch")
            if draft.history:
                st.button("Undo", key="panel_undo", icon=":material/undo:", on_click=attempt, args=(talk.undo,),
                          help="Back to the version before the last change.")
            with st.popover("", icon=":material/more_horiz:", help="Download and link", key="panel_more"):
                st.download_button("Download YAML", data=lambda: yaml_of(draft), file_name=f"{_file(draft.pipeline_id)}.yml",
                                   mime="application/yaml", key="panel_yaml", icon=":material/download:", on_click="ignore")
                view = place.view()
                copylink("Copy link", f"/?chat={quote(state.chat_id)}&view={view}", key="panel_copy")
            _run(talk, draft)
        st.markdown(" ".join([*badges(draft, run), *cost(state)]))
    if said := st.session_state.pop(TROUBLE, ""):
        st.error(said, icon=":material/error:")


def badges(draft: Draft, run: Book | None) -> list[str]:
    """Version, schedule, whether it can run, how its last run stands."""
    found = [f":gray-badge[:material/edit_note: Draft v{draft.version}]", f":gray-badge[:material/schedule: {plain(schedule(draft.spec))}]",
             _validity(draft)]
    return [*found, badge(run.run.status)] if run is not None else found


def cost(state: State) -> list[str]:
    """What a run is billed in production, as far as it is known."""
    if state.price is None:
        return []
    if state.price.over_budget:
        return [f":red-badge[:material/payments: Over budget: {plain(broken.message)}]" for broken in state.price.over_budget]
    least = "" if state.price.complete else "at least "
    return [f":gray-badge[:material/payments: {least}{money(state.price.usd)} a run]"]


def _validity(draft: Draft) -> str:
    """The badge follows the editor: what stands there counts, not the version that it may replace."""
    asked = re.match(r"Answer (\d+) questions?", draft.why_not)
    if broken(draft):
        return ":red-badge[:material/error: Invalid]"
    if asked:
        return f":orange-badge[:material/help: {asked[1]} question{'s' if asked[1] != '1' else ''}]"
    return ":green-badge[:material/check: Valid]" if draft.ready else ":red-badge[:material/error: Invalid]"


def broken(draft: Draft) -> bool:
    """Is there an error in what stands in the editor? A draft with open questions is unfinished, not wrong."""
    return draft.report is not None and not draft.report.ok and (draft.ready or not draft.why_not.startswith("Answer"))


def yaml_of(draft: Draft) -> str:
    """The version that would run, as YAML; of a draft with open questions what there is."""
    return service().yaml(draft.spec if draft.ready or draft.result is None else draft.result)


def _file(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "", name) or "pipeline"


# ---- Run

def _run(talk: Talk, draft: Draft) -> None:
    """The one primary button. A pipeline with parameters asks for them first."""
    if not draft.ready:
        st.button("Run", key="panel_run", type="primary", icon=":material/play_arrow:", disabled=True,
                  help=draft.why_not or "Fix the spec first")
        return
    if not draft.spec.get("parameters"):
        st.button("Run", key="panel_run", type="primary", icon=":material/play_arrow:", on_click=start, args=(talk, {}))
        return
    with st.popover("Run", type="primary", icon=":material/play_arrow:", key="panel_run_with"):
        form(draft.spec, key="run", label="Run", icon="play_arrow", submit=lambda values: start(talk, values))


def start(talk: Talk, params: Mapping[str, str]) -> None:
    """Queue one run and show it."""
    def go() -> None:
        talk.start(params)
        place.go("run")

    attempt(go)


def attempt(act: Any) -> None:
    """Do it; what went wrong stands under the head at the next drawing."""
    try:
        act()
    except PenstockError as error:
        st.session_state[TROUBLE] = problem(error)
