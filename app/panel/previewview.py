"""Preview: what each step would give, on real rows: input and output side by side, rejected rows, checks, notes. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.panel import place
from app.panel.params import form
from app.parts.badge import badge
from app.parts.empty import empty
from app.parts.escape import code, plain, quoted
from app.parts.rejects import rejects
from app.parts.rows import rows_table
from app.talk.talk import Talk
from app.talk.turn import Draft, State
from flows.show.outline import outline, steps_of
from flows.show.states import state as look
from flows.show.units import count, rows, seconds
from flows.show.verdict import WHOLE

NOTHING = "Nothing was written."
SMALL = 7  # steps that fit beside each other; more of them go into a list
VERDICTS = {"portable": ("done_all", "green"), "local-approximate": ("difference", "orange"), "bigquery-only": ("cloud", "blue")}
MARKS = {"ok": ("check_circle", "green", "pass"), "warn": ("warning", "orange", "warn"), "fail": ("error", "red", "fail"),
         "quarantine": ("rule", "orange", "set aside")}


def previewview(talk: Talk, state: State, draft: Draft) -> None:
    """The newest preview; while the next one is made the old one stands there, dimmed."""
    stale = st.session_state.get("preview_seen", ("", None))
    preview, old = state.preview, False
    if preview is None and state.preview_state == "working" and stale[0] == draft.pipeline_id:
        preview, old = stale[1], True
    elif preview is not None:
        st.session_state["preview_seen"] = (draft.pipeline_id, preview)
    step = _bar(talk, state, draft)
    if state.preview_state == "working":
        st.markdown(":gray[:shimmer[Reading the first rows of each step]]")
    if preview is None:
        _nothing(state)
        return
    found = {each.step_id: each for each in preview.steps}
    if step in found:
        with st.container(key="preview_old" if old else "preview_new"):
            st.caption(f"From DuckDB, in {seconds(preview.seconds)}. {NOTHING}{_whole(preview.verdict)}")
            shown(found, step, draft)
    else:
        empty("This step is new. Choose **Refresh** to see its rows.", key="preview_new_step", icon="table_view")


def _nothing(state: State) -> None:
    if state.preview_state == "working":
        with st.container(key="preview_skeleton"):
            for column in st.columns(2):
                column.skeleton(height=300)
    elif state.preview_state == "failed":
        st.error(f"**The preview failed.** {state.preview_error} The spec is kept; choose **Refresh** to try again.",
                 icon=":material/error:")
    else:
        empty("Not previewed yet. A preview reads the first rows of each step. Choose **Refresh**.", key="preview", icon="table_view")


def _bar(talk: Talk, state: State, draft: Draft) -> str:
    """Which step, and once more."""
    ids = [each["step_id"] for each in steps_of(draft.spec)]
    if not ids:
        return ""
    chosen = place.step() if place.step() in ids else telling(state, ids)
    st.session_state["preview_step"] = chosen
    seen = state.preview.steps if state.preview else ()
    marks = {each.step_id: f":material/{look(each.status, of='preview').icon}: " for each in seen if each.status != "ok"}
    found = {each.step_id: each.rejected for each in seen if each.rejected}
    bad = {name: f" :orange[**{count(number)} rejected**]" for name, number in found.items()}
    options: dict[str, Any] = {"format_func": lambda name: f"{marks.get(name, '')}{plain(name)}{bad.get(name, '')}", "key": "preview_step",
                               "label_visibility": "collapsed", "on_change": lambda: place.pick(st.session_state["preview_step"])}
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="preview_bar"):
        with st.container(width="stretch"):
            if len(ids) <= SMALL:
                st.pills("Step", ids, required=True, wrap=True, **options)
            else:
                options["format_func"] = lambda name: f"{name}{' · ' + count(found[name]) + ' rejected' if name in found else ''}"
                st.selectbox("Step", ids, **options)
        if draft.spec.get("parameters"):
            with st.popover("Parameters", icon=":material/tune:", key="preview_with"):
                form(draft.spec, key="preview", label="Preview", icon="refresh", submit=talk.refresh_preview)
        st.button("Refresh", key="preview_refresh", icon=":material/refresh:", on_click=talk.refresh_preview,
                  disabled=state.preview_state == "working", help="Read the rows again. Nothing is written.")
    return chosen


def telling(state: State, ids: Sequence[str]) -> str:
    """The step to show first: one that failed, else the last that has rows, else the last."""
    seen = state.preview.steps if state.preview else ()
    failed = next((each.step_id for each in seen if each.status == "failed"), "")
    filled = next((each.step_id for each in reversed(seen) if each.rows), "")
    return next((name for name in (failed, filled) if name in ids), ids[-1])


def shown(found: Mapping[str, Any], step_id: str, draft: Draft) -> None:
    """One step of a preview: what is wrong with it, its rows beside those that come in, its checks and notes."""
    seen = found[step_id]
    if only_there(seen):
        st.info(f"**{plain(step_id)} runs on BigQuery only.** {quoted(seen.error)}", icon=":material/cloud:")
    elif seen.status == "failed":
        st.error(f"**{plain(step_id)} failed in the preview.** {quoted(seen.error)}", icon=":material/error:")
    elif seen.status in ("not reached", "skipped", "stopped"):
        why = quoted(seen.error or "; ".join(seen.notes))
        st.markdown(f"{badge(seen.status, of='preview')} {why}")
    above = [found[name] for name in dict(outline(draft.spec).parents).get(step_id, ()) if name in found]
    _verdict(seen)
    rejects(seen.rejects, seen.rejected, key=f"preview_{step_id}")
    if above:
        given = _input(above, step_id)
        left, right = st.columns(2, gap="medium")
        with left:
            _table(given, "Input")
        with right:
            _table(seen, "Output")
    else:
        _table(seen, "Output")
    _checks(seen)
    if seen.status == "ok" or only_there(seen):
        for note in seen.notes:
            st.markdown(f":gray[:material/info: {quoted(note)}]")


def only_there(seen: Any) -> bool:
    """Is nothing wrong with the step but that it is tried here?"""
    return bool(seen.status == "failed" and seen.verdict == "bigquery-only")


def _whole(verdict: str) -> str:
    """The verdict of the whole pipeline, as one more sentence."""
    return f" DuckDB and BigQuery: {WHOLE[verdict]}." if verdict in WHOLE else ""


def _verdict(seen: Any) -> None:
    """Whether the step gives the same on both warehouses, and if not what differs."""
    if seen.verdict not in VERDICTS or only_there(seen):
        return
    icon, colour = VERDICTS[seen.verdict]
    why = f" {'; '.join(quoted(text) for text in seen.differs)}" if seen.differs and seen.status == "ok" else ""
    st.markdown(f":{colour}-badge[:material/{icon}: {seen.verdict_words}]{why}")


def _input(above: Sequence[Any], step_id: str) -> Any:
    """What comes in; of several inputs one at a time."""
    if len(above) == 1:
        return above[0]
    names = [each.step_id for each in above]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(":gray[Input]", width="content")
        chosen = st.segmented_control("Input", names, format_func=plain, default=names[0], required=True, wrap=True,
                                      key=f"preview_input_{step_id}", label_visibility="collapsed")
    return next((each for each in above if each.step_id == chosen), above[0])


def _table(seen: Any, title: str) -> None:
    basis = f" · {plain(seen.basis)}" if seen.basis and seen.columns else ""
    st.markdown(f"**{title}** · {plain(seen.step_id)}  \n:gray[:small[{amount(seen)}{basis}]]")
    if seen.columns:
        rows_table(seen.columns, seen.rows, key=f"preview_{title}_{seen.step_id}")


def amount(seen: Any) -> str:
    """`First 200 of 12,480 rows`."""
    here, total = len(seen.rows), seen.row_count
    if only_there(seen):
        return "No rows here: only BigQuery runs this step"
    if seen.status != "ok":
        return f"No rows: this step {'failed' if seen.status == 'failed' else 'was not reached'}"
    if not seen.columns:
        return f"{rows(total)} would be written" if total is not None else "Gives no rows"
    if not here:
        return "No rows"
    if total is None:
        return f"First {rows(here)}"
    return f"First {count(here)} of {rows(total)}" if total > here else f"All {rows(total)}" if total > 1 else rows(total)


def _checks(seen: Any) -> None:
    """Each check with pass, warn or fail, and how many rows broke it."""
    if not seen.checks:
        return
    st.markdown("**Checks**")
    for each in seen.checks:
        icon, colour, word = MARKS["ok" if not each.failed_rows else each.on_fail]
        of = f" on {', '.join(code(name) for name in each.columns)}" if each.columns else ""
        broke = f": {rows(each.failed_rows)}. {quoted(each.message)}" if each.failed_rows else ""
        st.markdown(f":{colour}-badge[:material/{icon}: {word}] {code(each.check)}{of}{broke}")
