"""Quotas: what the tenant may use a day and at a time, how much of it is used, and the form that changes it."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from app.door import service
from app.parts.act import act
from app.parts.cards import Card, cards
from app.parts.role import told
from flows.show.units import size

PLACE = "settings"
GIB = 2**30
KINDS = {"runs_per_day": "Runs a day", "runs_at_once": "Runs at a time", "runs_waiting": "Runs that wait",
         "bytes_per_day": "GiB of BigQuery a day"}


def show() -> None:
    """Four numbers against their limits, then the form."""
    door = service()
    limits, used = door.limits(), door.usage()
    cards([card("Runs today", used.runs_today, limits.get("runs_per_day")),
           card("Runs at work", used.runs_at_work, limits.get("runs_at_once")),
           card("Runs waiting", used.runs_waiting, limits.get("runs_waiting")),
           card("BigQuery today", used.bytes_today, limits.get("bytes_per_day"), of_bytes=True)], key="quotas_cards")
    st.markdown(":gray[:small[Days are those of UTC. A run that would go beyond a limit is refused with its name; nothing is cut off.]]")
    if told("admin", key="quotas"):
        with st.container(key="quotas_box"):
            _form(limits)


def card(label: str, used: int, most: int | None, *, of_bytes: bool = False) -> Card:
    """`12` of `20`, red when it is all used."""
    said = size if of_bytes else "{:,}".format
    colour: Literal["gray", "red"] = "red" if most is not None and used >= most else "gray"
    return Card(label, said(used), f"of {said(most)}" if most is not None else "No limit", colour)


def _form(limits: dict[str, int | None]) -> None:
    """One field each; an empty one is no limit."""
    with st.form("quotas_form", border=True):
        st.markdown("**Limits of this tenant**  \n:gray[:small[An empty field is no limit.]]")
        with st.grid(4, min_column_width=170):
            for kind in (kind for kind in KINDS if kind in limits):
                now = limits[kind]
                if kind == "bytes_per_day":
                    st.number_input(KINDS[kind], min_value=0.0, value=None if now is None else now / GIB, key=f"quota_{kind}", step=1.0,
                                    format="%.3f")
                else:
                    st.number_input(KINDS[kind], min_value=0, value=now, step=1, key=f"quota_{kind}")
        st.form_submit_button("Save limits", type="primary", icon=":material/save:", key="quotas_save", on_click=_save, args=(limits,))


def _save(limits: dict[str, int | None]) -> None:
    """Only what was changed is sent: a number of bytes that the field cannot show exactly stays."""
    changes: dict[str, Any] = {}
    for kind, now in limits.items():
        value = st.session_state.get(f"quota_{kind}")
        shown = None if now is None else now / GIB if kind == "bytes_per_day" else now
        if kind in KINDS and value != shown:
            changes[kind] = None if value is None else round(value * GIB) if kind == "bytes_per_day" else int(value)
    if changes:
        act(PLACE, lambda: service().set_limits(**changes), "The limits hold from now on.")
