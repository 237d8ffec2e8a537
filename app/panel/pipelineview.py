"""One stored pipeline in full: its steps, what runs by itself, its versions, and days to run again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import streamlit as st

from app.door import service
from app.panel import dialogs
from app.panel.backfilling import backfilling
from app.panel.deployed import deployed_view
from app.panel.history import history
from app.panel.stored import Face, made
from app.panel.whole import whole
from app.parts.act import outcome
from app.parts.badge import badge
from app.parts.copylink import copylink
from app.parts.empty import empty
from app.parts.escape import code, plain
from app.parts.role import barred
from app.parts.strip import SHOWN, last, strip
from app.talk.turn import Draft
from flows.errors import MissingError

VIEWS = {"steps": "Steps", "schedule": "Schedule", "versions": "Versions", "backfill": "Backfill"}
PLACE = "pipeline"


def one(pipeline_id: str) -> None:
    """Head and one of its views; or that there is none. Raises PenstockError."""
    st.button("All pipelines", key="pipeline_back", type="tertiary", icon=":material/arrow_back:", on_click=_back)
    try:
        source = service().stored(pipeline_id)
    except MissingError:
        empty(f"There is no pipeline {code(pipeline_id)}. The link may be mistyped, or from another Penstock.", key="pipeline",
              icon="search_off")
        return
    spec, version = source.spec.as_dict(), source.version or 0
    face, yaml = made(spec, pipeline_id, version), service().yaml(source.spec)
    deployed = service().deployments(pipeline_id=pipeline_id)
    _head(face, yaml, deployed)
    outcome(PLACE)
    view = _choice()
    if view == "schedule":
        deployed_view(face, deployed)
    elif view == "versions":
        history(face)
    elif view == "backfill":
        backfilling(face)
    else:
        whole(Draft(spec, yaml, ready=True), key="pipeline")


def _head(face: Face, yaml: str, deployed: Sequence[Any]) -> None:
    """Name, how it stands, what can be done with it as a whole."""
    why_edit, why_deploy = barred("editor"), barred("operator")
    now, runs = datetime.now(UTC), service().find_runs(pipeline_id=face.pipeline_id, limit=SHOWN, specs=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pipeline_head"):
        st.title(plain(face.name), anchor=False, width="stretch")
        st.page_link("pages/chat.py", label="Open in chat", icon=":material/forum:", query_params={"pipeline": face.pipeline_id})
        with st.popover("", icon=":material/more_horiz:", help="Download and link", key="pipeline_more"):
            st.download_button("Download YAML", data=yaml, file_name=f"{face.pipeline_id}.yml", mime="application/yaml",
                               key="pipeline_yaml", icon=":material/download:", on_click="ignore")
            copylink("Copy link", f"/pipelines?pipeline={quote(face.pipeline_id)}", key="pipeline_copy")
        st.button("Deploy", key="pipeline_deploy", icon=":material/rocket_launch:", on_click=dialogs.show,
                  args=("deploy", face.pipeline_id), disabled=bool(why_deploy), help=why_deploy or None)
        st.button("Run locally", key="pipeline_run", type="primary", icon=":material/play_arrow:", on_click=dialogs.show,
                  args=("run", face.pipeline_id), disabled=bool(why_edit), help=why_edit or None)
    st.markdown(f":gray[{plain(face.sentence)}.]")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pipeline_state"):
        st.markdown(" ".join([f":gray-badge[{code(face.pipeline_id)}]", f":gray-badge[Version {face.version}]", planned(face, deployed),
                              *([badge(runs[0].status)] if runs else [])]), width="content")
        if runs:
            with st.container(width="content"):
                strip(runs, now)
            st.markdown(f":gray[:small[{last(runs[0], now)}]]", width="content")
            st.page_link("pages/runs.py", label="All its runs", icon=":material/timeline:", query_params={"pipeline": face.pipeline_id})


def planned(face: Face, deployed: Sequence[Any]) -> str:
    """The schedule as a badge: what runs by itself, what is paused, what nobody has deployed."""
    if not deployed:
        words = f"{plain(face.schedule)}, not deployed" if face.schedule and face.schedule != "On demand" else "On demand"
        return f":gray-badge[:material/schedule: {words}]"
    first = next((each for each in deployed if not each.paused), deployed[0])
    if first.paused:
        return ":orange-badge[:material/pause: Paused]"
    if first.late:
        return ":red-badge[:material/schedule: Late]"
    return f":blue-badge[:material/schedule: {plain(first.words or 'On demand')}]"


def _choice() -> str:
    """Which view is open, in the address."""
    asked = st.query_params.get("show", "steps")
    st.session_state["pipeline_view"] = asked if asked in VIEWS else "steps"
    return str(st.segmented_control("View", list(VIEWS), format_func=VIEWS.__getitem__, required=True, key="pipeline_view",
                                    width="stretch", label_visibility="collapsed", on_change=_chosen))


def _chosen() -> None:
    chosen = st.session_state["pipeline_view"]
    if chosen == "steps":
        st.query_params.pop("show", None)
    else:
        st.query_params["show"] = chosen


def _back() -> None:
    """To the list as it was."""
    st.query_params.from_dict({name: value for name, value in st.query_params.to_dict().items() if name in ("q", "domain")})
