"""Dialogs of the Pipelines page. Which one is open stands in the session, so that a page that is drawn again keeps it open."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.door import service
from app.panel.deploydialog import deploying
from app.panel.params import form
from app.panel.stored import made
from app.parts.act import act, outcome
from app.parts.escape import code, plain
from app.parts.role import barred
from app.talk.words import problem
from flows.errors import PenstockError

OPEN, STARTED = "pipelines_dialog", "pipelines_started"
PLACE = "dialog"
TITLES = {"run": "Run", "deploy": "Deploy"}


def show(kind: str, pipeline_id: str) -> None:
    """Open `run` or `deploy` for a pipeline at this drawing."""
    st.session_state[OPEN] = (kind, pipeline_id)


def close() -> None:
    st.session_state.pop(OPEN, None)


def open_now() -> bool:
    return OPEN in st.session_state


def draw() -> None:
    """The open one, if there is one."""
    if STARTED in st.session_state:
        close()
        st.switch_page("pages/runs.py", query_params={"run": st.session_state.pop(STARTED)})
    if open_now():
        kind, pipeline_id = st.session_state[OPEN]
        try:
            source = service().stored(pipeline_id)
        except PenstockError as error:
            close()
            st.error(problem(error), icon=":material/error:")
            return
        spec, version = source.spec.as_dict(), source.version or 0
        name = plain(spec.get("name") or pipeline_id)
        st.dialog(f"{TITLES[kind]} {name}", width="medium", on_dismiss=close)(_run if kind == "run" else _deploy)(spec, version)


def _run(spec: dict[str, Any], version: int) -> None:
    """What would run, on what, with which values; nothing runs before the button."""
    face = made(spec, str(spec["pipeline_id"]), version)
    st.markdown(f"Runs version {version} here, against DuckDB, and writes {_tables(face.writes)}. Production is not touched.")
    if why_not := barred("editor"):
        st.markdown(f":gray[:material/lock: {why_not}]")
        return

    def start(values: dict[str, str]) -> None:
        def go() -> None:
            st.session_state[STARTED] = service().submit(face.pipeline_id, params=values, trigger_by="app").run_id

        act(PLACE, go)

    form(spec, key="run", label="Run locally", icon="play_arrow", submit=start)
    outcome(PLACE)
    if STARTED in st.session_state:
        st.rerun()


def _deploy(spec: dict[str, Any], version: int) -> None:
    if deploying(spec, version, made(spec, str(spec["pipeline_id"]), version).writes):
        close()
        st.rerun()


def _tables(writes: tuple[str, ...]) -> str:
    return ", ".join(code(each) for each in writes) or "no table"
