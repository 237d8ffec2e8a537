"""Spec: the pipeline as text that can be edited, what is wrong with it under its line, and the same in plain English beside it."""

from __future__ import annotations

import hashlib
import re

import streamlit as st

from app.door import service
from app.panel.header import TROUBLE, broken, yaml_of
from app.panel.words import problem
from app.parts.editor import editor, sent
from app.parts.escape import plain
from app.talk.talk import Talk
from app.talk.turn import Draft, State
from app.talk.words import problem as told
from flows.errors import PenstockError
from flows.show.units import several

SHOWN = 12  # problems; the rest are counted


def specview(talk: Talk, state: State, draft: Draft) -> None:
    """Editor left, English right; on a phone one under the other."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _editor(talk, state, draft)
    with right:
        _english(draft)


def _editor(talk: Talk, state: State, draft: Draft) -> None:
    key = editor_key(state.chat_id)
    report = draft.report
    marks = [(each.line, f"{each.message}. {each.hint}".strip()) for each in report.problems if each.line] if report is not None else []
    editor(draft.text, key=key, label=f"Spec of {draft.name}, YAML", marks=marks, on_text=lambda: apply(talk, key))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Check and apply", key="spec_apply", icon=":material/done_all:",
                  help="Leaving the editor does the same. A text without errors becomes the next version.")
        if broken(draft) and draft.ready:
            st.button("Discard changes", key="spec_discard", icon=":material/restart_alt:", on_click=_discard, args=(talk, draft),
                      help="Back to the last valid version.")
    _report(draft)
    if st.session_state.pop("spec_changed", False):
        st.rerun()  # the head of the panel and the chat follow the text


def editor_key(chat_id: str) -> str:
    """One editor a chat. A component's key may not hold two underscores in a row, which a chat's id may."""
    return f"spec_{hashlib.sha256(chat_id.encode()).hexdigest()[:16]}"


def apply(talk: Talk, key: str) -> None:
    """What was typed goes to the talk: valid it is the next version, else it stands there with its errors."""
    text = sent(key)
    if text is None:
        return
    try:
        talk.edit(text)
    except PenstockError as error:
        st.session_state[TROUBLE] = told(error)
    st.session_state["spec_changed"] = True


def _discard(talk: Talk, draft: Draft) -> None:
    try:
        talk.edit(yaml_of(draft))
    except PenstockError as error:
        st.session_state[TROUBLE] = told(error)
    st.session_state["spec_changed"] = True


def _report(draft: Draft) -> None:
    """Errors, each with its line; or that there are none."""
    report = draft.report
    if report is None:
        return
    if not report.ok:
        if not broken(draft):
            st.caption(f"{plain(draft.why_not)}. The rest of the spec is checked then.")
            return
        lines = [problem(each) for each in report.problems[:SHOWN]]
        if len(report.problems) > SHOWN:
            lines.append(f"And {several(len(report.problems) - SHOWN, 'more error')}.")
        st.error("\n\n".join(lines), icon=":material/error:")
        if draft.ready:
            st.caption("The graph and the Run button use the last valid version.")
    else:
        st.markdown(f":green[:material/check_circle:] Valid: 0 errors, {several(len(report.warnings), 'warning')}")
    for each in report.warnings[:SHOWN]:
        st.markdown(f":orange[:material/warning:] {problem(each)}")


def _english(draft: Draft) -> None:
    """The same spec in sentences: what is read here is what runs."""
    with st.container(border=True, key="spec_english", gap="small"):
        st.markdown("**In plain English**")
        for line in english(draft):
            st.markdown(line)


def english(draft: Draft) -> list[str]:
    """One paragraph for the pipeline and one for each step, the step's name in bold; safe markdown."""
    try:
        said = service().explain(draft.spec)
    except PenstockError:
        why = draft.why_not or "Fix the spec first"
        return [f":gray[{plain(why)}. Then the whole pipeline stands here in sentences.]"]
    found = []
    for line in said.splitlines():
        head = re.match(r"(Step|Pipeline) (\S+) (?:\((\S+)\) )?", line)
        text = f"**{plain(head[2])}** {plain(line[head.end():])}" if head else plain(line)
        if line.strip():
            found.append(text)
    return found
