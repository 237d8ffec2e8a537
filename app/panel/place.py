"""Where in the panel a person is: the view and the step, in the session and in the address, so that a link opens the same place."""

from __future__ import annotations

import time

import streamlit as st

LATE = 3.0  # seconds in which a browser may still send the address that was before
VIEWS = {"graph": "Graph", "spec": "Spec", "preview": "Preview", "run": "Run"}


def view() -> str:
    """The view that is open: graph | spec | preview | run."""
    found = _of("view")
    return found if found in VIEWS else "graph"


def go(name: str) -> None:
    """Open a view."""
    _put("view", name)


def step() -> str:
    """The step that is selected, "" for none."""
    return _of("step")


def pick(step_id: str | None) -> None:
    """Select a step; None or "" selects none."""
    _put("step", step_id or "")


def _of(name: str) -> str:
    """The session's own value; an address that the person changed (a link, back and forward) wins.

    A click that comes right after a change still carries the address before it: that one is put right, not followed.
    """
    asked = st.query_params.get(name, "")
    told, before, at = st.session_state.get(f"panel_told_{name}", ("", None, 0.0))
    if f"panel_{name}" not in st.session_state or (asked != told and (asked != before or time.monotonic() - at > LATE)):
        st.session_state[f"panel_{name}"], st.session_state[f"panel_told_{name}"] = asked, (asked, None, 0.0)
    elif asked != told:
        _address(name, told)
    return str(st.session_state[f"panel_{name}"])


def _put(name: str, value: str) -> None:
    st.session_state[f"panel_{name}"] = value
    st.session_state[f"panel_told_{name}"] = (value, st.query_params.get(name, ""), time.monotonic())
    _address(name, value)


def _address(name: str, value: str) -> None:
    if value and st.query_params.get(name) != value:
        st.query_params[name] = value
    elif not value and name in st.query_params:
        del st.query_params[name]


def take(chosen: str | None) -> str:
    """What a drawing says is selected becomes the panel's; the step that is selected then."""
    if (chosen or "") != step():
        pick(chosen)
    return step()
