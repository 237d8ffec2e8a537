"""What the role of the person before the screen allows, and the words for a button that it does not."""

from __future__ import annotations

import streamlit as st

from app.door import service
from app.parts.escape import code
from flows.errors import PenstockError


def barred(role: str) -> str:
    """Why the person may not do what needs `role`, as the tooltip of the button that would; "" when they may."""
    try:
        asked = service().identity
    except PenstockError as error:
        return error.what
    if asked.may(role):
        return ""
    return f"Your role here is {asked.role}. This needs the role {role}: ask an admin of {code(asked.tenant_id)}."


def told(role: str, *, key: str) -> bool:
    """Whether the person may do what needs `role`; else one quiet line says why not."""
    why = barred(role)
    if why:
        with st.container(key=f"barred_{key}"):
            st.markdown(f":gray[:material/lock: {why}]")
    return not why
