"""Tenants: those that the person may see, and for whoever runs Penstock the form for one more."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from app.door import service
from app.parts.act import act
from app.parts.escape import code, plain
from flows.show.units import ago

PLACE = "settings"
MAKERS = ("root", "local")  # kinds of identity that may make tenants


def show() -> None:
    """One's own first."""
    door, now = service(), datetime.now(UTC)
    found = {each.tenant_id: each for each in door.tenants()}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        for tenant_id in sorted({door.tenant, *found}, key=lambda each: (each != door.tenant, each)):
            each = found.get(tenant_id)
            with st.container(border=True, key=f"tenant_{tenant_id}"):
                here = " :green-badge[:material/check: This one]" if tenant_id == door.tenant else ""
                made = f"  \n:gray[:small[made {ago(each.created_at, now)}]]" if each else ""
                name = f" {plain(each.name)}" if each and each.name != tenant_id else ""
                st.markdown(f"**{code(tenant_id)}**{name}{here}{made}")
    with right:
        if door.identity.may("admin") and door.identity.kind in MAKERS:
            _form()
        else:
            st.markdown(":gray[:material/lock: A new tenant is made with the root key of this Penstock.]")


def _form() -> None:
    with st.form("tenants_form", border=True, clear_on_submit=True):
        st.markdown("**New tenant**")
        st.text_input("Id", key="tenants_id", placeholder="acme", max_chars=63, help="Letters, digits, '-' and '_'. It cannot be changed.")
        st.text_input("Name", key="tenants_name", placeholder="Acme GmbH", max_chars=80)
        st.form_submit_button("Create tenant", type="primary", icon=":material/domain_add:", key="tenants_create", on_click=_create)


def _create() -> None:
    tenant_id, name = str(st.session_state["tenants_id"]).strip(), str(st.session_state["tenants_name"]).strip()
    act(PLACE, lambda: service().create_tenant(tenant_id, name), "The tenant is there.")
