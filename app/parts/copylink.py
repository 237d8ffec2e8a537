"""A button that copies an address of this app."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__)
_HTML = '<button type="button">\n<i aria-hidden="true"></i><span aria-live="polite"></span></button>'
_copylink = st.components.v2.component("penstock_copylink", html=_HTML, css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
                                       js=_HERE.with_suffix(".js").read_text(encoding="utf-8"))


def copylink(label: str, address: str, *, key: str) -> None:
    """`address` begins with a slash; the browser puts its own host in front."""
    _copylink(data={"label": label, "address": address}, key=key, width="content")
