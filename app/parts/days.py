"""A backfill, day by day: how many days are done, at work, failed or still to come, and each day as a small mark that opens its run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import streamlit as st

from flows.show.states import state
from flows.show.units import several

SHOWN = 62  # two months of marks; of a longer list the days that are of interest
ORDER = ("RUNNING", "PENDING", "FAILED", "CRASHED", "CANCELLED", "SUCCESS", "")


@dataclass(frozen=True)
class DayMark:
    """A day: `status` of its newest run, "" when it has not been begun, and the id of that run where it is known."""

    day: date
    status: str
    run_id: str = ""


def marks(seen: Any) -> list[DayMark]:
    """All days of a BackfillView in their order; of a day that was run more than once the newest run counts."""
    newest: dict[int, Any] = {}
    for run in seen.runs:  # newest first
        newest.setdefault(run.backfill_day, run)
    found = []
    for number, day in enumerate(seen.backfill.dates, 1):
        run = newest.get(number)
        status = run.status if run is not None else "SUCCESS" if number <= seen.backfill.position else ""
        found.append(DayMark(day, status, run.run_id if run is not None else ""))
    return found


def counted(days: Sequence[DayMark]) -> str:
    """`3 succeeded · 2 running · 2 not begun`, as markdown with the icon of each state."""
    many = Counter(each.status for each in days)
    return " · ".join(f"{_icon(status)} {many[status]} {_word(status)}" for status in ORDER if many[status])


def chosen(days: Sequence[DayMark]) -> list[DayMark]:
    """The days that are shown: all of a short list; of a long one first those that nobody is done with, in the order of the dates."""
    if len(days) <= SHOWN:
        return list(days)
    rank = {"SUCCESS": 1, "": 2}
    most = sorted(days, key=lambda each: (rank.get(each.status, 0), each.day))
    return sorted(most[:SHOWN], key=lambda each: each.day)


def grid(seen: Any, *, key: str) -> None:
    """The counts in words, then one mark for each day."""
    days = marks(seen)
    shown = chosen(days)
    with st.container(key=f"days_{key}", gap="xsmall"):
        st.markdown(f":small[{counted(days)}]")
        st.markdown(" ".join(_mark(each) for each in shown))
        if len(shown) < len(days):
            st.caption(f"And {several(len(days) - len(shown), 'more day')}.")


def _mark(each: DayMark) -> str:
    look = f":{_colour(each.status)}-badge[{_icon(each.status)} {each.day:%-d %b}]"
    return f"[{look}](/runs?run={quote(each.run_id)})" if each.run_id else look


def _icon(status: str) -> str:
    return f":material/{state(status).icon}:" if status else ":material/radio_button_unchecked:"


def _colour(status: str) -> str:
    return state(status).colour if status else "gray"


def _word(status: str) -> str:
    return state(status).word.lower() if status else "not begun"
