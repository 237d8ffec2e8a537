"""Settings: how each part is, and who may use how much; what a role does not allow is not asked of the service."""

from __future__ import annotations

import streamlit as st

from app.panel import auditview, healthview, keysview, membersview, quotasview, tenantsview
from app.parts.act import outcome
from app.talk.words import problem
from flows.errors import PenstockError

VIEWS = {"health": ("Health", healthview.show), "keys": ("API keys", keysview.show), "quotas": ("Quotas", quotasview.show),
         "members": ("Members", membersview.show), "audit": ("Audit log", auditview.show), "tenants": ("Tenants", tenantsview.show)}
PLACE = "settings"


def main() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="settings_head"):
        st.title("Settings", anchor=False, width="content")
    asked = st.query_params.get("show", "health")
    st.session_state["settings_view"] = view = asked if asked in VIEWS else "health"
    st.segmented_control("Settings", list(VIEWS), format_func=lambda name: VIEWS[name][0], required=True, key="settings_view",
                         label_visibility="collapsed", on_change=_chosen)
    outcome(PLACE)
    if view != "keys":
        keysview.forget()
    try:
        VIEWS[view][1]()
    except PenstockError as error:
        st.error(problem(error), icon=":material/error:")


def _chosen() -> None:
    chosen = st.session_state["settings_view"]
    if chosen == "health":
        st.query_params.clear()
    else:
        st.query_params.from_dict({"show": chosen})


main()
