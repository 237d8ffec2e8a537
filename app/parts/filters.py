"""Which runs are asked for: state, pipeline, words, time and the picked run, in the address and in the session.

The address makes a link and survives a reload; the session survives a visit to another page, whose address is its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

import streamlit as st

from flows.show.states import BAD

STATES: dict[str, tuple[str, ...]] = {"all": (), "running": ("PENDING", "RUNNING"), "failed": BAD, "succeeded": ("SUCCESS",),
                                      "stopped": ("CANCELLED",)}
SPANS: dict[str, timedelta | None] = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "all": None}
_KEPT, _SEEN, _OWED = "runs_asked", "runs_seen", "runs_owed"


@dataclass(frozen=True)
class Asked:
    """What the person asked to see. `status` is a key of STATES, `since` of SPANS, `run` the id of the picked run."""

    status: str = "all"
    pipeline: str = ""
    q: str = ""
    since: str = "all"
    run: str = ""

    @property
    def filtered(self) -> bool:
        return replace(self, run="") != Asked()

    def start(self, now: datetime) -> datetime | None:
        """From when on runs are shown."""
        span = SPANS[self.since]
        return now - span if span else None

    def query(self) -> dict[str, str]:
        """Only what differs from an address without anything."""
        return {name: value for name, value in self._items() if value != getattr(Asked(), name)}

    def _items(self) -> list[tuple[str, str]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


def read(query: dict[str, str]) -> Asked:
    """What an address asks for; what it cannot mean is left out."""
    found = Asked(**{field.name: query[field.name].strip() for field in fields(Asked) if query.get(field.name)})
    return replace(found, status=found.status if found.status in STATES else "all", since=found.since if found.since in SPANS else "all")


def asked(*, entered: bool) -> Asked:
    """What is asked for now; `entered` is true when the page was not on the screen before.

    An address that changed in the browser (a link, Back) wins. One that has not changed may be old: a poll that was on its way while
    somebody picked a run carries the address of before.
    """
    there, state = read(st.query_params.to_dict()), st.session_state
    kept: Asked | None = state.get(_KEPT)
    came_back = entered and there == Asked()
    if kept is None or (there not in (kept, state.get(_SEEN)) and not came_back) or (entered and not came_back):
        state[_KEPT] = kept = there
    state[_SEEN] = there
    if came_back and kept != there:
        state[_OWED] = True
    if not state.get(_OWED):
        _write(kept)
    return kept


def owed() -> bool:
    """Does the address still have to follow? On the way from another page the browser would write it behind that page's path."""
    return bool(st.session_state.get(_OWED))


def pay() -> None:
    """Write the address that is owed, unless a link has brought another one in the meantime."""
    st.session_state.pop(_OWED, None)
    if read(st.query_params.to_dict()) == Asked():
        _write(st.session_state[_KEPT])


def ask(**changes: str) -> None:
    """Ask for something else; the address follows."""
    st.session_state[_KEPT] = replace(st.session_state.get(_KEPT, Asked()), **changes)
    _write(st.session_state[_KEPT])


def clear() -> None:
    """All runs again; the picked one stays."""
    ask(status="all", pipeline="", q="", since="all")


def _write(wanted: Asked) -> None:
    """Only our own names are touched, and all at once: each change of the address is a place that Back goes to."""
    there = st.query_params.to_dict()
    ours = [field.name for field in fields(Asked)]
    address = {name: value for name, value in there.items() if name not in ours} | wanted.query()
    if address != there:
        st.query_params.from_dict(address)
