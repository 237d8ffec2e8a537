"""The bar over a list: domains as pills and a search, both in the address."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import streamlit as st

ALL = "All"


def search(page: str, domains: Iterable[str], words: str, called: Callable[[str], str],
           on_change: Callable[[], None] | None = None) -> tuple[str, str]:
    """Words and domain, as the address says them; the widgets show it and change it. `page` begins their keys, `words` stand in the empty
    search, `called` is how a domain is shown, `on_change` is called when another list is asked for."""
    known = [ALL, *domains]
    q, domain = st.query_params.get("q", "").strip(), st.query_params.get("domain", ALL)
    domain = domain if domain in known else ALL
    for key, value in {f"{page}_q": q, f"{page}_domain": domain}.items():
        if st.session_state.get(key) != value:
            st.session_state[key] = value
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key=f"{page}_filters"):
        st.pills("Domain", known, format_func=called, required=True, key=f"{page}_domain", label_visibility="collapsed", wrap=True,
                 width="content", on_change=_asked, args=(page, "domain", on_change))
        st.text_input("Search", key=f"{page}_q", type="search", placeholder=words, label_visibility="collapsed", width=280,
                      on_change=_asked, args=(page, "q", on_change))
    return q, domain


def clear() -> None:
    """Ask for everything again."""
    for name in ("q", "domain"):
        st.query_params.pop(name, None)


def _asked(page: str, name: str, then: Callable[[], None] | None) -> None:
    value = st.session_state[f"{page}_{name}"]
    if value and value != ALL:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)
    if then is not None:
        then()
