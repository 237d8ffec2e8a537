"""Chat: describe a pipeline, see it, change it, run it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from app.door import service, talks
from app.panel import panel
from app.panel.place import LATE
from app.parts import reply
from app.parts.card import at_once_key
from app.parts.escape import plain
from app.parts.newest import newest
from app.parts.role import barred
from app.parts.start import FILES, start
from app.talk import words
from app.talk.talk import Talk
from app.talk.turn import State, now
from flows.errors import MissingError, PenstockError
from flows.show.units import ago, several

HERE, TROUBLE, RECENT = "chat_here", "chat_trouble", "recent"
EARLIER = "chat_earlier"  # how many turns before the newest are drawn
TURNS = 8
SAME = 60.0  # seconds in which a pipeline that is opened again is the one that was just opened
POLL = 0.3  # seconds between two looks at a turn that works
POLL_RUNS = 1.0


def page() -> None:
    """The first question, or the conversation with its work panel."""
    if why := barred("editor"):
        _not_for(why)
        return
    talk = _talk()
    if talk is None or not talk.snapshot().turns:
        _first()
    else:
        _conversation(talk)


def _not_for(why: str) -> None:
    """Whoever may only look has no conversations: why, and where there is something to see."""
    st.title("What should flow where?", anchor=False)
    with st.container(key="barred_chat"):
        st.markdown(f":material/lock: Pipelines are drafted here. {why}")
        st.page_link("pages/runs.py", label="See the runs", icon=":material/timeline:")


# ---- which conversation

def _talk() -> Talk | None:
    """The conversation of the address, else the one that this tab was in."""
    asked, pipeline = st.query_params.get("chat", ""), st.query_params.get("pipeline", "")
    if pipeline:
        _open_pipeline(pipeline)
    elif _late(asked):
        del st.query_params["chat"]
    elif asked and asked != st.session_state.get(HERE):
        if talks().get(asked) is None:
            _tell("**This chat is not here.** It may be of another tenant, or older than the chats that are kept. Start a new one.")
            del st.query_params["chat"]
        else:
            st.session_state[HERE] = asked
    here = st.session_state.get(HERE, "")
    talk = talks().get(here) if here else None
    if talk is not None and talk.snapshot().turns:
        st.query_params["chat"] = talk.chat_id
    return talk


def _late(asked: str) -> bool:
    """A click that comes right after the page turned to another chat still carries the address before it: it is not followed."""
    before, at = st.session_state.get("chat_before", ("", 0.0))
    return bool(asked) and asked == before and time.monotonic() - at < LATE


def _turned(before: str) -> None:
    st.session_state["chat_before"] = (before, time.monotonic())


def _open_pipeline(pipeline_id: str) -> None:
    """`?pipeline=<id>`: a stored pipeline in a new chat; asked for once more soon after (a click on the page that is being drawn still
    carries this address) it is the same chat."""
    del st.query_params["pipeline"]
    opened, chat_id, at = st.session_state.get("chat_opened", ("", "", 0.0))
    if opened == pipeline_id and time.monotonic() - at < SAME:
        _go(chat_id)
        return
    talk = talks().new()
    try:
        talk.open(pipeline_id)
    except MissingError as error:
        _leave()
        _tell(f"**{words.problem(error)}**")
    else:
        st.session_state["chat_opened"] = (pipeline_id, talk.chat_id, time.monotonic())
        _go(talk.chat_id)


def _go(chat_id: str) -> None:
    if (before := st.query_params.get("chat", "")) != chat_id:
        _turned(before)
    st.session_state[HERE] = st.query_params["chat"] = chat_id


def _leave() -> None:
    """To the first question."""
    _turned(st.session_state.pop(HERE, ""))
    for name in ("chat", "view", "step"):
        st.query_params.pop(name, None)


def _tell(said: str) -> None:
    st.session_state[TROUBLE] = said


def _trouble() -> None:
    said = st.session_state.pop(TROUBLE, "")
    if said:
        st.error(said, icon=":material/error:")


# ---- callbacks

def _here() -> Talk:
    """This tab's conversation; a new one where there is none."""
    talk = talks().get(st.session_state.get(HERE, "")) if st.session_state.get(HERE) else None
    return talk or talks().new()


def _try(do: Callable[..., Any], *args: Any) -> None:
    try:
        do(*args)
    except PenstockError as error:
        _tell(words.problem(error))


def _say(key: str) -> None:
    given = st.session_state[key]
    _send(given.text, [(file.name, file.getvalue()) for file in given.files])


def _send(text: str, files: list[tuple[str, bytes]] | None = None) -> None:
    talk = _here()
    _try(talk.say, text, files or [])
    if talk.snapshot().turns:
        _go(talk.chat_id)


def _answer(turn_id: str, question_id: str, option: str | None, key: str) -> None:
    _try(_here().answer, turn_id, question_id, option, st.session_state.get(key) if key else None)


ACTS = reply.Acts(
    answer=_answer,
    undo_assumption=lambda turn_id, number: _try(_here().undo_assumption, turn_id, number),
    confirm=lambda turn_id: _try(_here().confirm, turn_id, int(st.session_state.get(at_once_key(turn_id)) or 1)),
    dismiss=lambda turn_id: _try(_here().dismiss, turn_id),
    again=lambda turn_id: _try(_here().again, turn_id),
    stop_turn=lambda: _try(_here().stop_turn),
    stop_backfill=lambda backfill_id: _try(service().stop_backfill, backfill_id),
    go_on=lambda backfill_id: _try(service().go_on, backfill_id),
    say=_send,
    backfill=lambda backfill_id: service().backfill_view(backfill_id),
)


# ---- the first question

def _first() -> None:
    _trouble()
    start(_say, _send, runs=service().find_runs(limit=3), chats=talks().recent(3), open_chat=_go)


# ---- the conversation

def _conversation(talk: Talk) -> None:
    state = talk.snapshot()
    left, right = st.columns([4, 7], gap="medium")
    with left, st.container(key="chat", gap="small"):
        _head(state.chat_id)
        with st.container(key="chatlog", height=480, border=False, autoscroll=False):
            _before(state)
            _last(talk)
            newest("chatlog", f"said_{state.turns[-1].id}")
        _trouble()
        if state.unsaved:
            st.markdown(f":orange[:material/cloud_off: {state.unsaved}]")
        st.chat_input("Ask for a change, or say “run it”", key="next", accept_file="multiple", file_type=list(FILES),
                      max_chars=20_000, on_submit=_say, args=("next",))
    with right:
        panel(talk)


def _before(state: State) -> None:
    """The turns before the newest; of a long conversation the last few, since each rerun draws all that is on the page."""
    turns = state.turns[:-1]
    shown = st.session_state.get(EARLIER, {}).get(state.chat_id, TURNS)
    if len(turns) > shown:
        st.button(f"Show {several(min(TURNS, len(turns) - shown), 'earlier message')}", key="earlier", type="tertiary",
                  icon=":material/expand_less:", on_click=_earlier, args=(state.chat_id, shown + TURNS), width="stretch")
    for each in turns[-shown:]:
        reply.turn(each, state, ACTS)


def _earlier(chat_id: str, shown: int) -> None:
    st.session_state[EARLIER] = {chat_id: shown}


def _head(chat_id: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="chathead"):
        st.markdown("**Chat**", width="content")
        with st.container(horizontal=True, gap="xsmall", width="content"):
            recent = st.popover("Recent", type="tertiary", icon=":material/history:", key=RECENT, on_change="rerun")
            if recent.open:
                with recent:
                    _recent(chat_id)
            st.button("New chat", key="new_chat", type="tertiary", icon=":material/add_comment:", on_click=_leave)


def _recent(chat_id: str) -> None:
    for chat in talks().recent(8):
        st.button(plain(chat.title), key=f"recent_{chat.chat_id}", type="tertiary", disabled=chat.chat_id == chat_id,
                  help=ago(chat.updated_at, now()), on_click=_turn_to, args=(chat.chat_id,), width="stretch")


def _turn_to(chat_id: str) -> None:
    st.session_state[RECENT] = False
    _go(chat_id)


def _last(talk: Talk) -> None:
    """The newest turn. While something works it is looked at every moment, alone; the page follows when the panel has something new."""
    live = POLL if talk.snapshot().working else POLL_RUNS if _fills(talk) else None
    state = talk.snapshot()
    seen = state.panel

    def look() -> None:
        fresh = talk.snapshot()
        over = not fresh.working if live == POLL else live is not None and not _fills(talk)
        if over or fresh.panel != seen:
            st.rerun()
        reply.turn(fresh.turns[-1], fresh, ACTS)

    if live is None:
        look()
    else:
        st.fragment(look, run_every=live, key="last_turn")()


def _fills(talk: Talk) -> bool:
    """Does the last turn's list of runs go on? The panel shows the run that is at work."""
    last = talk.snapshot().turns[-1]
    if not last.backfill_id:
        return False
    seen = service().backfill_view(last.backfill_id)
    if seen.current is not None and seen.state == "RUNNING":
        talk.show_run(seen.current.run_id)
    return bool(seen.state == "RUNNING")


page()
