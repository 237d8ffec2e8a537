"""The one service of this process, and the conversations that it holds."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.talk.talks import Talks
from flows.service import Penstock


@st.cache_resource(show_spinner=False)
def base() -> Penstock:
    """Penstock with the settings of the environment; opened once, used by all sessions and threads. Whoever asks acts through it:
    `base().acting(identity)`."""
    return Penstock(via="app")


def service() -> Penstock:
    """Penstock for the person whose session this is."""
    return base()


@st.cache_resource(show_spinner=False)
def talks() -> Talks:
    """The conversations of this process, on the one service."""
    return Talks(service())


def health() -> dict[str, Any]:
    """What the service says about its parts. PenstockError when the control store does not answer."""
    return base().health()
