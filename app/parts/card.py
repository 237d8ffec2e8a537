"""Cards that wait for a click: a change of the pipeline, or runs to start or stop; and how many runs of several are done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.parts import days as marks
from app.parts.escape import code, plain, quoted
from app.talk.turn import Card, Turn
from flows.show.diff import diff
from flows.show.units import days, several
from flows.spec.loader import dump, from_data

VERBS = {"run": "Run", "backfill": "Backfill", "rerun": "Run", "cancel": "Stop", "pause": "Pause", "resume": "Resume"}
MARKS = {"FAILED": ":red[:material/error:] ", "STOPPED": ":orange[:material/stop_circle:] ", "DONE": ":green[:material/check_circle:] "}
DECIDED = {"applied": ":material/check: Applied", "discarded": ":material/close: Discarded. Nothing was changed",
           "cancelled": ":material/close: Cancelled. Nothing was started"}


def change(turn: Turn, *, confirm: Callable[[str], None], dismiss: Callable[[str], None]) -> None:
    """The difference that a change would make, with Apply and Discard; after that what was decided."""
    if turn.diff is None:
        return
    with st.container(border=True, key=f"change_{turn.id}", gap="small"):
        st.markdown(f"This would change **{plain(turn.diff[0].get('name') or turn.diff[0].get('pipeline_id', ''))}**:")
        st.code(_lines(turn.diff), language="diff", wrap_lines=True)
        if turn.decided:
            st.markdown(f":gray[{DECIDED.get(turn.decided, turn.decided)}]")
        else:
            _buttons(turn.id, "Apply", "Discard", confirm, dismiss, disabled=turn.working)


@st.cache_data(show_spinner=False, max_entries=200)
def _lines(pair: tuple[dict[str, Any], dict[str, Any]]) -> str:
    before, after = (dump(from_data(spec)) for spec in pair)
    return "\n".join(f"{line.mark if line.mark != '…' else '@@'} {line.text}" for line in diff(before, after))


def runs(turn: Turn, *, confirm: Callable[[str], None], dismiss: Callable[[str], None]) -> None:
    """What would be started or stopped, with its dates and the number of runs; nothing happens before the click."""
    card = turn.card
    if card is None:
        return
    with st.container(border=True, key=f"card_{turn.id}", gap="small"):
        st.markdown(sentence(card, decided=bool(turn.decided)))
        if turn.decided == "started":
            st.markdown(f":gray[{_started(turn, card)}]")
        elif turn.decided:
            st.markdown(f":gray[{DECIDED.get(turn.decided, turn.decided)}]")
        elif card.problem:
            st.markdown(f":material/block: {quoted(card.problem)}")
        else:
            for note in card.notes:
                st.markdown(f":orange[:material/info: {quoted(note[:1].upper() + note[1:])}.]")
            if card.why_one:
                st.markdown(f":gray[:material/low_priority: {quoted(card.why_one)}]")
            elif card.most > 1:
                st.number_input("Days at once", 1, card.most, 1, key=at_once_key(turn.id), width=170, disabled=turn.working,
                                help=f"1 to {card.most}. No more of them run at a time than the runner has places for.")
            _buttons(turn.id, label(card), "Cancel", confirm, dismiss, disabled=turn.working)


def at_once_key(turn_id: str) -> str:
    """Where the card's number of days side by side stands in the session."""
    return f"at_once_{turn_id}"


def sentence(card: Card, *, decided: bool = False) -> str:
    """`Run **Daily revenue** for 1 to 7 November 2025: 7 runs, one at a time.`"""
    name = f"**{plain(card.name or card.pipeline_id or 'a pipeline')}**"
    if card.op in ("pause", "resume"):
        return f"{VERBS[card.op]} the schedule of {name}."
    if card.op == "cancel":
        return f"Stop {name}{f', run {code(card.run_id)}' if card.run_id else ''}. Steps that have finished keep their result."
    if card.resume_of:
        return f"Run {name} again from the failed step of {code(card.resume_of)}. The steps before it are kept."
    again = " again" if card.op == "rerun" else ""
    for_ = f" for {days(card.dates)}" if card.dates else " for today’s run date"
    return f"{VERBS.get(card.op, 'Run')} {name}{again}{for_}: {several(card.runs, 'run')}{_pace(card, decided)}."


def _pace(card: Card, decided: bool) -> str:
    """How many at a time, once that is decided or cannot be chosen."""
    if card.runs < 2 or (card.most > 1 and not decided):
        return ""
    return f", up to {card.at_once} at a time" if card.at_once > 1 else ", one at a time"


def label(card: Card) -> str:
    """The words on the button that does it: `Start 7 runs`."""
    if card.op in ("cancel", "pause", "resume"):
        return VERBS[card.op]
    return f"Start {several(card.runs, 'run')}"


def _started(turn: Turn, card: Card) -> str:
    if turn.note:
        return turn.note
    return f"Started as {code(turn.run_id)}." if turn.run_id else f"Started {several(card.runs, 'run')}."


def _buttons(key: str, yes: str, no: str, confirm: Callable[[str], None], dismiss: Callable[[str], None], *, disabled: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(yes, key=f"yes_{key}", on_click=confirm, args=(key,), disabled=disabled)
        st.button(no, key=f"no_{key}", type="tertiary", on_click=dismiss, args=(key,), disabled=disabled)


def far(seen: Any) -> str:
    """`3 of 7 days done, 2 at work`."""
    return f"{seen.done} of {several(seen.total, 'day')} done{f', {seen.at_work} at work' if seen.at_work else ''}"


def more(seen: Any) -> str:
    """What its words say beyond that, as markdown; "" for nothing."""
    return "" if seen.words == f"{far(seen)}." else quoted(seen.words)


def progress(seen: Any, *, key: str, stop: Callable[[str], None], go_on: Callable[[str], None]) -> None:
    """How far several runs are (a BackfillView): a bar, `3 of 7 days done, 2 at work`, each day, Stop while they go on, and Go on after a
    failure or a stop."""
    st.progress(seen.done / seen.total if seen.total else 1.0, text=far(seen))
    marks.grid(seen, key=key)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"{MARKS.get(seen.state, '')}{more(seen)}", width="stretch")
        if seen.state == "RUNNING":
            st.button("Stop", key=f"stop_{key}", type="tertiary", icon=":material/stop_circle:", on_click=stop,
                      args=(seen.backfill.backfill_id,))
        elif seen.state in ("FAILED", "STOPPED"):
            st.button("Go on", key=f"on_{key}", type="tertiary", icon=":material/resume:", on_click=go_on,
                      args=(seen.backfill.backfill_id,),
                      help="Run what did not succeed again from its failed step, then the days that were not begun.")
