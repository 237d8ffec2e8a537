"""Members: the people who are let in when they sign in, each with a role."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app.door import service
from app.panel.keysview import role_words
from app.parts.act import act, confirmed
from app.parts.empty import empty
from app.parts.escape import plain, unlinked
from app.parts.role import told
from flows.service import ROLES
from flows.show.units import ago

PLACE = "settings"


def show() -> None:
    """Those that there are at the left, the form for one more at the right."""
    if not told("admin", key="members"):
        return
    now, found = datetime.now(UTC), service().members()
    left, right = st.columns([3, 2], gap="medium")
    with right, st.form("members_form", border=True, clear_on_submit=True):
        st.markdown("**Let somebody in**")
        st.text_input("E-mail address", key="members_person", placeholder="ada@example.com", max_chars=254)
        st.selectbox("Role", ROLES, format_func=role_words, key="members_role", index=1)
        st.form_submit_button("Add member", type="primary", icon=":material/person_add:", key="members_add", on_click=_add)
        st.markdown(":gray[:small[An address that is a member already gets the other role. Members count where people sign in with an "
                    "identity provider.]]")
    with left:
        if not found:
            empty("No members yet. Whoever signs in with an address that stands here is let in.", key="members", icon="group")
        for each in found:
            _row(each, now)


def _row(each: Any, now: datetime) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"member_{_key(each.person)}"):
        since = f"since {ago(each.created_at, now)}{f' by {unlinked(each.author)}' if each.author else ''}"
        st.markdown(f"**{unlinked(each.person)}** :blue-badge[{each.role.capitalize()}]  \n:gray[:small[{since}]]", width="stretch")
        confirmed("Remove", f"{unlinked(each.person)} is let in no more, also where they are signed in now.",
                  lambda: service().remove_member(each.person), key=f"member_remove_{_key(each.person)}", place=PLACE, icon="person_remove",
                  done=f"{plain(each.person)} is no member any more.")


def _key(person: str) -> str:
    """An address as part of a widget's key."""
    return "".join(c if c.isalnum() else f"-{ord(c):x}-" for c in person)


def _add() -> None:
    person, role = str(st.session_state["members_person"]), str(st.session_state["members_role"])
    act(PLACE, lambda: service().set_member(person, role), "They are let in from now on.")
