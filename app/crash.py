"""What a person sees when a page fails: what is safe, what to do, and a code under which the log holds the trace."""

from __future__ import annotations

import logging
import secrets

import streamlit as st

from app.parts.escape import plain
from flows.errors import PenstockError

LOG = logging.getLogger("penstock.app")


def crash_page(error: Exception) -> bool:
    """Streamlit's `on_script_error`: our own page instead of its box. An error of ours says what it has to say and is no crash."""
    if isinstance(error, PenstockError):
        st.error(plain(str(error)), icon=":material/error:")
        return True
    code = secrets.token_hex(3)
    LOG.error("a page hit a problem, code %s", code, exc_info=error)
    st.error(f"**This page hit a problem.** Your runs are not affected. Reload the page; if it happens again, report code `{code}`.",
             icon=":material/error:")
    return True


def own_trace_only() -> None:
    """Streamlit logs each failure of a page once more, without the code, and those that are no crash as well: that line is left out."""
    log = logging.getLogger("streamlit.error_util")
    if not log.filters:
        log.addFilter(lambda record: not record.getMessage().startswith("Uncaught app execution"))
