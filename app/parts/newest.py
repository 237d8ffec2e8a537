"""Keeps the person's newest message at the top of the chat log, so that a long reply is read from its beginning."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_NEWEST = st.components.v2.component("penstock_newest", html="<span hidden></span>", js=_JS)


def newest(log: str, message: str) -> None:
    """`log` is the key of the container that scrolls, `message` that of the newest message in it."""
    _NEWEST(key=f"{log}_newest", data={"log": log, "message": message})
