"""The card beside the graph: one step in plain words, with what the preview and the run know of it; or the whole pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.door import service
from app.panel import place
from app.panel.book import BROKEN, Book, far
from app.panel.words import TRIGGERS, limit, notified, origin, retries, schedule, sentence, target
from app.parts.badge import badge
from app.parts.escape import code, named, plain, quoted
from app.parts.logs import logs
from app.talk.turn import Draft, State
from app.talk.words import filled, problem
from flows.errors import PenstockError
from flows.show.outline import outline, steps_of
from flows.show.step import sentence as said
from flows.show.units import rows, seconds, several

COLUMNS = 12  # of a preview; the rest are counted


def stepcard(state: State, draft: Draft, step: Mapping[str, Any], run: Book | None) -> None:
    """What one step does, when, on which terms; then what is known of its rows."""
    step_id, spec = step["step_id"], draft.spec
    called = f"{plain(step['name'])} · " if step.get("name") else ""
    st.markdown(f"**{plain(step_id)}**  \n:gray[{called}{plain(step.get('ps_type') or '?')}]")
    st.markdown(quoted(sentence(said(step, spec))))
    if run is not None:
        _ran(run, step_id)
    after = dict(outline(spec).parents).get(step_id, ())
    facts = {"Runs after": ", ".join(code(name) for name in after) or "Nothing: it starts at once"}
    if step.get("trigger") in TRIGGERS:
        facts["Trigger"] = TRIGGERS[step["trigger"]]
    facts["Retries"], facts["Time limit"] = plain(retries(step, spec)), limit(step, spec)
    _facts(facts)
    _previewed(state, step_id)
    _blocks(step)


def summary(draft: Draft) -> None:
    """The pipeline itself, while no step is selected."""
    spec, steps = draft.spec, steps_of(draft.spec)
    st.markdown(f"**{plain(draft.name)}**  \n:gray[{plain(draft.pipeline_id)} · {several(len(steps), 'step')}]")
    if spec.get("description"):
        st.markdown(plain(spec["description"]))
    reads = [_named(name) for name in dict.fromkeys(filled(origin(step), spec) for step in steps) if name]
    writes = [_named(name) for name in dict.fromkeys(filled(target(step), spec) for step in steps) if name]
    facts = {"Runs": plain(schedule(spec)), "Reads": ", ".join(reads), "Writes": ", ".join(writes),
             "Parameters": ", ".join(_parameter(each) for each in spec.get("parameters") or []), "Tells": plain(notified(spec))}
    _facts({name: words for name, words in facts.items() if words})
    st.caption("Select a step to see what it does.")


def _named(name: str) -> str:
    return ":gray[still open]" if name == "?" else code(name)


def _parameter(param: Mapping[str, Any]) -> str:
    usual = f" = {plain(param['default'])}" if param.get("default") is not None else ""
    return f"{code(param.get('name', '?'))} ({plain(param.get('type', 'string'))}{usual})"


def _facts(facts: Mapping[str, str]) -> None:
    st.markdown("\n\n".join(f":gray[{name}]  \n{words}" for name, words in facts.items()))


def _ran(run: Book, step_id: str) -> None:
    """State, duration, rows, tries, rejected rows, the error; and its log lines in place."""
    step = run.step(step_id)
    if step is None:
        return
    parts = [badge(step["status"], of="step")]
    took = run.lasted(step)
    parts += [seconds(took)] if took is not None else []
    parts += [rows(step["rows_processed"])] if step["rows_processed"] is not None else []
    parts += [far(step)] if far(step) else []
    parts += [f"try {step['attempts']}"] if step["attempts"] > 1 else []
    parts += [f"{rows(step['rejected'])} rejected"] if step.get("rejected") else []
    st.markdown(" · ".join(parts))
    if step["error"]:
        tone = "red" if step["status"] in BROKEN else "gray"
        st.markdown(f":{tone}[{quoted(sentence(step['error']))}]")
    if st.toggle("Show log lines", key=f"card_log_{step_id}"):
        try:
            logs(service().logs(run.run.run_id, step=step_id), key=f"card_{step_id}", step=step_id, live=run.live, height=200)
        except PenstockError as error:
            st.caption(problem(error))


def _previewed(state: State, step_id: str) -> None:
    seen = next((each for each in state.preview.steps if each.step_id == step_id), None) if state.preview is not None else None
    if seen is None:
        return
    if seen.status != "ok":
        st.markdown(f":gray[In the preview]  \n{badge(seen.status, of='preview')} {quoted(seen.error or '; '.join(seen.notes))}")
        return
    number = rows(seen.row_count) if seen.row_count is not None else f"first {rows(len(seen.rows))}" if seen.rows else "no rows"
    names = ", ".join(f"{code(each.name)} {plain(each.type)}" for each in seen.columns[:COLUMNS])
    more = f" and {len(seen.columns) - COLUMNS} more" if len(seen.columns) > COLUMNS else ""
    bad = f", {rows(seen.rejected)} rejected" if seen.rejected else ""
    st.markdown(f":gray[In the preview]  \n{number}{bad}" + (f"  \n{names}{more}" if names else ""))
    st.button("Show rows", key="card_rows", icon=":material/table_view:", on_click=place.go, args=("preview",))


def _blocks(step: Mapping[str, Any]) -> None:
    """The query, or the operations as they stand in the spec."""
    config = step.get("config")
    if isinstance(config, Mapping) and isinstance(config.get("query"), str):
        st.markdown(":gray[Query]")
        st.code(config["query"], language="sql", wrap_lines=True)
        return
    blocks = {name: step[name] for name in ("source", "config", "destination") if step.get(name)}
    if blocks:
        import yaml

        st.markdown(":gray[In the spec]")
        st.code(named(yaml.safe_dump(blocks, sort_keys=False, allow_unicode=True, default_flow_style=False)).rstrip(), language="yaml",
                height=220 if len(str(blocks)) > 260 else "content")
