"""The app's frame: theme, navigation, banner; each page is a file in `app/pages`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.banner import banner
from app.parts.signin import account, gate
from app.style import style

HERE = Path(__file__).resolve().parent
MARK = str(HERE / "static" / "mark.svg")

st.set_page_config(page_title="Penstock", page_icon=MARK, layout="wide")  # without its own icon a page asks another host for one
st.html(style())
st.logo(MARK, size="large")
own = gate()
page = st.navigation([
    st.Page(HERE / "pages" / "chat.py", title="Chat", icon=":material/forum:", default=True),
    st.Page(HERE / "pages" / "pipelines.py", title="Pipelines", icon=":material/account_tree:"),
    st.Page(HERE / "pages" / "templates.py", title="Templates", icon=":material/dashboard_customize:"),
    st.Page(HERE / "pages" / "runs.py", title="Runs", icon=":material/timeline:"),
    st.Page(HERE / "pages" / "settings.py", title="Settings", icon=":material/settings:"),
], position="top" if own is not None else "hidden")  # the address of a link stays, for who signs in first
if own is not None:
    account(own)
    banner()
    page.run()
