"""One turn of the conversation: what the person said, and Penstock's answer in all its states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from app.parts import card
from app.parts.badge import badge
from app.parts.escape import plain, quoted
from app.parts.question import marked, questions
from app.talk import words
from app.talk.turn import FAILED, INTERRUPTED, STOPPED, WORKING, RunLine, State, Turn
from flows.show.units import day, seconds, several

MARK = str(Path(__file__).resolve().parents[1] / "static" / "mark.svg")
PERSON = ":material/person:"


@dataclass(frozen=True)
class Acts:
    """What the buttons of a turn do; each is a callback that tells its own problems."""

    answer: Callable[[str, str, str | None, str], None]
    undo_assumption: Callable[[str, int], None]
    confirm: Callable[[str], None]
    dismiss: Callable[[str], None]
    again: Callable[[str], None]
    stop_turn: Callable[[], None]
    stop_backfill: Callable[[str], None]
    go_on: Callable[[str], None]
    say: Callable[[str], None]
    backfill: Callable[[str], Any]


def turn(each: Turn, state: State, acts: Acts) -> None:
    """What was said and what came of it."""
    if each.text or each.files:
        with st.container(key=f"said_{each.id}"), st.chat_message("user", avatar=PERSON):
            if each.text:
                st.markdown(marked(each.text, _residue(each, state)))
            for file in each.files:
                st.markdown(f":gray[:material/attach_file: {plain(file.name)}]")
    with st.chat_message("assistant", avatar=MARK):
        if each.state == WORKING:
            if each.reply or each.card or each.diff:
                _answer(each, state, acts)
            _working(each, acts)
        else:
            if each.stages:
                with st.expander(f"Worked for {took(each.seconds)}", type="compact", key=f"worked_{each.id}"):
                    _stages(each)
            _answer(each, state, acts)
            _trouble(each, acts)


def took(spent: float) -> str:
    """How long a turn worked, to a tenth of a second."""
    return seconds(spent) if spent >= 0.1 else "under 0.1 s"


def _working(each: Turn, acts: Acts) -> None:
    """What it does at this moment, the stages so far, and Stop."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.status(f":shimmer[{plain(each.stage)}]", type="compact"):
            _stages(each)
        if each.stoppable:
            st.button("Stop", key=f"halt_{each.id}", type="tertiary", icon=":material/stop_circle:", on_click=acts.stop_turn)


def _stages(each: Turn) -> None:
    lines = [f"- {plain(s.words)}{f' :gray[{took(s.seconds)}]' if s.seconds is not None else ''}" for s in each.stages]
    st.markdown("\n".join(lines))


def _answer(each: Turn, state: State, acts: Acts) -> None:
    """What was found out: files, the sentence, runs, questions, cards, assumptions."""
    _files(each, acts)
    if each.reply:
        st.markdown(each.reply)
    _runs(each)
    for given in each.answered:
        st.markdown(f":gray[{quoted(given.message)}] **{plain(given.chosen)}**")
    questions(state.open_questions(each), turn_id=each.id, said=each.text, answer=acts.answer, busy=each.working)
    card.change(each, confirm=acts.confirm, dismiss=acts.dismiss)
    card.runs(each, confirm=acts.confirm, dismiss=acts.dismiss)
    if each.backfill_id:
        card.progress(acts.backfill(each.backfill_id), key=each.id, stop=acts.stop_backfill, go_on=acts.go_on)
    if each.kind == "create":
        _assumptions(each, state, acts)


def _residue(each: Turn, state: State) -> list[tuple[int, int]]:
    """The words that nobody understood, as long as that is an open question."""
    open_spans = {tuple(q.span) for q in state.open_questions(each) if q.span is not None and q.slot == "unparsed"}
    return [tuple(r.span) for r in each.result.residue if tuple(r.span) in open_spans] if open_spans else []


def _assumptions(each: Turn, state: State, acts: Acts) -> None:
    """What was taken for granted, each with its way back; and that nothing has run."""
    mine = state.draft is not None and state.draft.turn_id == each.id
    assumed = list(each.result.assumptions) if mine else []
    if assumed:
        with st.container(key=f"assumed_{each.id}", gap="xsmall"):
            st.markdown(":gray[I assumed that]")
            for n, one in enumerate(assumed):
                with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                    st.markdown(f"• {quoted(one.text)}", width="stretch")
                    if one.patch:
                        st.button("Change", key=f"undo_{each.id}_{n}", type="tertiary", on_click=acts.undo_assumption, args=(each.id, n),
                                  disabled=each.working)
    if mine and not state.run_id and not each.working:
        st.markdown(words.NOTHING_RAN)


def _files(each: Turn, acts: Acts) -> None:
    for n, file in enumerate(each.files):
        if not file.words:
            continue
        st.markdown(file.words)
        if file.attached is not None:
            from app.parts.profile import profile

            with st.expander("Look at its columns", key=f"columns_{each.id}_{n}", icon=":material/table_chart:"):
                profile(file.attached.profile, key=f"profile_{each.id}_{n}")
    if each.kind == "files" and each.state == "done":
        st.markdown("What should happen with it?")
        with st.container(horizontal=True, gap="small", key=f"ideas_{each.id}"):
            for n, text in enumerate(words.ideas(each)):
                st.button(plain(text), key=f"idea_{each.id}_{n}", on_click=acts.say, args=(text,), wrap=True)


def _runs(each: Turn) -> None:
    """The runs of a status answer with the cause of each failure; a click opens one."""
    if not each.runs:
        return
    with st.container(key=f"runs_{each.id}", gap="small"):
        for run in each.runs:
            with st.container(gap=None, key=f"runline_{each.id}_{run.run_id}"):
                with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                    st.markdown(badge(run.status), width="content")
                    st.page_link("pages/runs.py", label=f"{plain(run.name or run.pipeline_id)} · {moment(run, each.at)}",
                                 query_params={"run": run.run_id})
                if run.cause:
                    st.markdown(f":small[{quoted(run.cause[:1].upper() + run.cause[1:] if ': ' not in run.cause else run.cause)}]")
        if each.more_runs:
            st.page_link("pages/runs.py", label=f"{several(each.more_runs, 'more run')} on the Runs page", icon=":material/timeline:")


def moment(run: RunLine, asked: datetime) -> str:
    """When a run was started, and which day it was for where that is another one: `13:39 UTC, for 7 November 2025`."""
    began = f"{run.at:%H:%M} UTC" if run.at.date() == asked.date() else f"{day(run.at.date())}, {run.at:%H:%M} UTC"
    about = run.run_date[:10]
    return began if about in ("", str(run.at.date())) else f"{began}, for {day(date.fromisoformat(about))}"


def _trouble(each: Turn, acts: Acts) -> None:
    """Why a turn ended without an answer, and the way on."""
    if each.state == STOPPED:
        st.markdown("**Stopped.** Nothing has run.")
    elif each.state == INTERRUPTED:
        st.markdown("**This turn was interrupted.** Send it again.")
    elif each.state == FAILED:
        st.error(each.error, icon=":material/error:")
    else:
        return
    if each.text and not each.card and not each.diff:
        st.button("Send again", key=f"again_{each.id}", icon=":material/refresh:", on_click=acts.again, args=(each.id,))
