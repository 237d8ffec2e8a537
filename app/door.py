"""The one service of this process, and the conversations that it holds."""

from __future__ import annotations

import streamlit as st

from flows.service import Penstock


@st.cache_resource(show_spinner=False)
def service() -> Penstock:
    """Penstock with the settings of the environment; opened once, used by all sessions and threads."""
    return Penstock()
