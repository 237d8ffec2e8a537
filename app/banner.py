"""The line above every page while runs cannot start: what is missing, what still works, what to do."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from app.door import health
from app.parts.escape import quoted
from flows.errors import PenstockError

EVERY = 5.0
PATIENCE = 4.0  # seconds: a runner that is started again is back by then
NO_STORE = "The control store does not answer: nothing can be planned or run until it is back. What is on this page can still be read."
WAIT = "previews still work."  # how the words end when nobody has to do anything
WAITS, BROKEN = ":material/hourglass_top:", ":material/power_off:"


class Look:
    """Since when something has been missing, for all sessions of this process."""

    def __init__(self) -> None:
        self.well_at = -PATIENCE

    def words(self, now: float) -> str:
        """What to say at `now` (monotonic seconds), "" when all is well or the trouble is younger than PATIENCE."""
        try:
            found = words(health())
        except PenstockError:
            found = NO_STORE
        if not found:
            self.well_at = now
        return found if now - self.well_at >= PATIENCE else ""


def words(seen: dict[str, Any]) -> str:
    """The banner for one answer of `service.health()`: what is wrong, what still works and what to do; "" when all is well."""
    return " ".join(seen.get("words") or ())


@st.cache_resource(show_spinner=False)
def look() -> Look:
    return Look()


@st.fragment(run_every=EVERY)
def banner() -> None:
    """Looks every few seconds; only this line is drawn again, never the page."""
    found = look().words(time.monotonic())
    if found:
        with st.container(key="banner"):
            st.warning(quoted(found), icon=WAITS if found.endswith(WAIT) else BROKEN)
