"""A click that may fail: what it does, and what went wrong said at the next drawing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.talk.words import problem
from flows.errors import PenstockError

_TROUBLE, _DONE = "act_trouble", "act_done"


def act(place: str, do: Callable[[], Any], done: str = "") -> None:
    """Do it as a button's callback; `done` (markdown) says that it worked."""
    try:
        do()
    except PenstockError as error:
        st.session_state[f"{_TROUBLE}_{place}"] = problem(error)
        return
    if done:
        st.session_state[f"{_DONE}_{place}"] = done


def outcome(place: str) -> None:
    """What the last click came to, once."""
    if said := st.session_state.pop(f"{_TROUBLE}_{place}", ""):
        st.error(said, icon=":material/error:")
    if said := st.session_state.pop(f"{_DONE}_{place}", ""):
        st.toast(said, icon=":material/check:")


def confirmed(label: str, words: str, do: Callable[[], Any], *, key: str, place: str, icon: str = "", yes: str = "", done: str = "",
              why_not: str = "", help: str = "") -> None:
    """A button that says what it would do and asks once more; `why_not` bars it."""
    if why_not:
        st.button(label, key=key, icon=f":material/{icon}:" if icon else None, disabled=True, help=why_not)
        return
    with st.popover(label, icon=f":material/{icon}:" if icon else None, key=key, help=help or None):
        st.markdown(words)
        st.button(yes or label, key=f"{key}_yes", type="primary", on_click=act, args=(place, do, done))
