"""API keys: who may come in as a program, with which role; a new one is shown once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from app.door import service
from app.parts.act import act, confirmed
from app.parts.empty import empty
from app.parts.escape import code, plain, unlinked
from app.parts.role import told
from flows.service import ROLES
from flows.show.units import ago, clock

PLACE, NEW = "settings", "settings_new_key"
LASTS = {"never": ("No end", None), "30": ("30 days", 30), "90": ("90 days", 90), "365": ("A year", 365)}
MAY = {"viewer": "see runs, logs and specs", "editor": "draft, preview and run locally", "operator": "production, deployments, connections",
       "admin": "keys, members and limits"}


def show() -> None:
    """The new key while it is on the screen, those that open, the form, and those that open nothing any more."""
    if not told("admin", key="keys"):
        return
    _new()
    now, found = datetime.now(UTC), service().keys()
    over = [each for each in found if state(each, now)]
    left, right = st.columns([3, 2], gap="medium")
    with right, st.form("keys_form", border=True, clear_on_submit=True):
        st.markdown("**New key**")
        st.text_input("Name", key="keys_name", placeholder="For example: nightly build", max_chars=80)
        st.selectbox("Role", ROLES, format_func=role_words, key="keys_role", index=1)
        st.selectbox("Ends after", list(LASTS), format_func=lambda name: LASTS[name][0], key="keys_lasts", index=2)
        st.form_submit_button("Create key", type="primary", icon=":material/key:", key="keys_create", on_click=_create)
    with left:
        if len(found) == len(over):
            empty("No keys yet. A program that uses the API or `penstock` from another machine needs one.", key="keys", icon="key")
        for each in found:
            if each not in over:
                _row(each, now, "")
        if over:
            with st.expander(f"Open nothing any more: {len(over)}", key="keys_over"):
                for each in over:
                    _row(each, now, state(each, now))


def state(key: Any, now: datetime) -> str:
    """Why it opens nothing: `revoked`, `ended`; "" when it opens."""
    if key.revoked_at is not None:
        return "revoked"
    return "ended" if key.expires_at is not None and key.expires_at <= now else ""


def role_words(role: str) -> str:
    return f"{role.capitalize()}: {MAY[role]}"


def forget() -> None:
    """Whoever leaves the view has seen the new key."""
    st.session_state.pop(NEW, None)


def _new() -> None:
    """The key itself, with the button of the block to copy it; it is in no store."""
    kept = st.session_state.get(NEW)
    if kept is None:
        return
    name, text = kept
    with st.container(border=True, gap="small", key="keys_new"):
        st.markdown(f":material/key: **{plain(name)}** is made. Copy it now: it is not shown again.")
        st.code(text, language=None)
        st.button("I have copied it", key="keys_copied", on_click=forget)


def _row(each: Any, now: datetime, why: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"key_{each.key_id}"):
        mark = f":gray-badge[{why.capitalize()}]" if why else f":blue-badge[{each.role.capitalize()}]"
        used = f"used {ago(each.used_at, now)}" if each.used_at else "never used"
        ends = f" · ends {clock(each.expires_at)}" if each.expires_at and not why else ""
        by = f" by {unlinked(each.author)}" if each.author else ""
        st.markdown(f"**{plain(each.name)}** {mark} {code(each.prefix + '…')}  \n:gray[:small[made {ago(each.created_at, now)}{by} · "
                    f"{used}{plain(ends)}]]", width="stretch")
        if not why:
            confirmed("Revoke", f"**{plain(each.name)}** opens nothing from then on, wherever it is in use. This cannot be undone.",
                      lambda: service().revoke_key(each.key_id), key=f"key_revoke_{each.key_id}", place=PLACE, icon="key_off",
                      done="The key is revoked.")


def _create() -> None:
    name, lasts = str(st.session_state["keys_name"]), LASTS[st.session_state["keys_lasts"]][1]
    ends = datetime.now(UTC) + timedelta(days=lasts) if lasts else None

    def make() -> None:
        key, text = service().create_key(name, st.session_state["keys_role"], expires_at=ends)
        st.session_state[NEW] = (key.name, text)

    act(PLACE, make)
