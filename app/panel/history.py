"""Every version of a pipeline's spec: which is in force, what differs between two, and the way back to an earlier one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app.door import service
from app.panel.stored import Face
from app.parts.act import confirmed
from app.parts.escape import plain, unlinked
from app.parts.role import barred
from flows.show.units import ago, several

PLACE = "pipeline"
PAGE = 15


def history(face: Face) -> None:
    """The versions at the left, the difference of two at the right."""
    found = service().versions(face.pipeline_id)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _list(face, found)
    with right:
        _compare(face, found)


def _list(face: Face, found: list[Any]) -> None:
    """Newest first, a page at a time."""
    now, why_not = datetime.now(UTC), barred("operator")
    most = PAGE * st.session_state.get("versions_pages", 1)
    for each in found[:most]:
        inside = each.version == face.version
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"version_{each.version}"):
            mark = " :green-badge[:material/check_circle: In force]" if inside else ""
            by = f" · {unlinked(each.author)}" if each.author else ""
            st.markdown(f"**Version {each.version}**{mark}  \n:gray[:small[{ago(each.created_at, now)}{by}]]", width="stretch")
            if not inside:
                _back(face, each.version, why_not)
    if len(found) > most:
        st.button(f"Show {several(min(PAGE, len(found) - most), 'earlier version')}", key="versions_more", width="stretch", on_click=_turn)


def _back(face: Face, version: int, why_not: str) -> None:
    words = "Use this version" if version > face.version else "Roll back"
    confirmed(words, f"Version {version} of **{plain(face.name)}** is in force then, and what is deployed runs it from its next time on. "
              f"A run at work finishes as version {face.version}. No version is lost.",
              lambda: service().rollback(face.pipeline_id, to=version), key=f"version_back_{version}", place=PLACE, icon="history",
              done=f"Version {version} is in force.", why_not=why_not)


def _turn() -> None:
    st.session_state["versions_pages"] = st.session_state.get("versions_pages", 1) + 1


def _compare(face: Face, found: list[Any]) -> None:
    """Two versions of the list against each other, line by line."""
    numbers = [each.version for each in found]
    if len(numbers) < 2:
        st.markdown(":gray[One version so far. A change made in chat becomes the next one, and stands here beside this one.]")
        return
    now = face.version if face.version != numbers[-1] else numbers[0]
    for key, value in {"versions_new": now, "versions_old": numbers[numbers.index(now) + 1]}.items():
        if st.session_state.get(key) not in numbers:
            st.session_state[key] = value
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="versions_pair"):
        st.selectbox("From", numbers, format_func=_named, key="versions_old", width=170)
        st.selectbox("To", numbers, format_func=_named, key="versions_new", width=170)
    old, new = int(st.session_state["versions_old"]), int(st.session_state["versions_new"])
    said = service().diff(face.pipeline_id, old, new) if old != new else ""
    if said:
        st.code(said, language="diff", wrap_lines=True)
    else:
        st.markdown(":gray[The same, word for word.]")


def _named(number: int) -> str:
    return f"Version {number}"
