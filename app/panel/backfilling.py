"""A pipeline for a row of days: which days, how many at once, what to know before, and how far earlier ones are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import streamlit as st

from app.door import service
from app.panel.stored import Face
from app.parts.act import act
from app.parts.card import progress
from app.parts.escape import plain, quoted
from app.parts.role import barred
from app.talk.words import problem, why_one
from flows.errors import PenstockError
from flows.show.units import ago, days, several

PLACE = "pipeline"
EVERY = 2.0
AT_ONCE = 16
SHOWN = 5


def backfilling(face: Face) -> None:
    """The form at the left, what there was at the right."""
    left, right = st.columns([2, 3], gap="medium")
    with left, st.container(border=True, key="backfill_form"):
        _form(face)
    with right:
        live = any(each.state == "RUNNING" or each.at_work for each in _found(face))
        st.fragment(_follow, run_every=EVERY if live else None)(face, live)


def _form(face: Face) -> None:
    """Days, and what would happen; nothing starts before the button."""
    yesterday = datetime.now(UTC).date() - timedelta(1)
    asked = st.date_input("Days", value=(yesterday - timedelta(6), yesterday), key="backfill_days", format="YYYY-MM-DD",
                          help="The first and the last day, both included. Days are UTC.")
    every = _every(asked)
    if not every:
        st.markdown(":gray[Choose a first and a last day.]")
        return
    why_not, most = barred("editor"), 1
    try:
        notes = service().backfill_notes(face.pipeline_id, every)
        side = service().side_by_side(face.pipeline_id, every) if len(every) > 1 else []
    except PenstockError as error:
        st.error(problem(error), icon=":material/error:")
        return
    for note in notes:
        st.markdown(f":orange[:material/info: {quoted(note[:1].upper() + note[1:])}.]")
    if side:
        st.markdown(f":gray[:material/low_priority: {quoted(why_one(side))}]")
    else:
        most = min(AT_ONCE, len(every))
    at_once = int(st.number_input("Days at once", 1, most, 1, key="backfill_at_once", help=f"1 to {most}.")) if most > 1 else 1
    st.markdown(f"Runs **{plain(face.name)}** for {days(every)}: {several(len(every), 'run')}, "
                f"{f'up to {at_once} at a time' if at_once > 1 else 'one at a time'}, here, against DuckDB.")
    st.button(f"Start {several(len(every), 'run')}", key="backfill_start", icon=":material/date_range:", on_click=act,
              args=(PLACE, lambda: service().backfill(face.pipeline_id, every, at_once=at_once, trigger_by="app"),
                    "The backfill has begun."), disabled=bool(why_not), help=why_not or None)


def _every(asked: Any) -> list[date]:
    """All days of what stands in the field; none while only one end is chosen."""
    if not isinstance(asked, tuple) or len(asked) != 2:
        return []
    first, last = asked
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def _found(face: Face) -> list[Any]:
    return service().backfills(pipeline_id=face.pipeline_id, limit=SHOWN)


def _follow(face: Face, live: bool) -> None:
    """The newest backfills, looked at again while one is at work."""
    found, now = _found(face), datetime.now(UTC)
    if any(each.state == "RUNNING" or each.at_work for each in found) != live:
        st.rerun()
    if not found:
        st.markdown(":gray[No backfill yet. Its days and how far they are stand here.]")
    for each in found:
        key = each.backfill.backfill_id
        with st.container(border=True, gap="small", key=f"backfill_{key}"):
            st.markdown(f"**{several(each.total, 'day')}** :gray[:small[{ago(each.backfill.created_at, now)}]]")
            progress(each, key=f"fill_{key}", stop=lambda one: _do(service().stop_backfill, one),
                     go_on=lambda one: _do(service().go_on, one))


def _do(what: Any, backfill_id: str) -> None:
    act(PLACE, lambda: what(backfill_id))
