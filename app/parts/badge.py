"""A state as badge text for Streamlit's markdown: icon, word and colour."""

from __future__ import annotations

from flows.show.states import Of, state


def badge(status: str, *, of: Of = "run") -> str:
    """`:green-badge[:material/check_circle: Succeeded]`."""
    look = state(status, of=of)
    return f":{look.colour}-badge[:material/{look.icon}: {look.word}]"
