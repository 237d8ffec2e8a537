"""What comes out: the first rows that a pipeline would write, or has written, under its graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.panel.book import Book
from app.panel.output import first, written
from app.panel.words import target
from app.parts.escape import code, plain
from app.parts.rows import rows_table
from app.talk.turn import Draft, State
from app.talk.words import filled
from flows.errors import PenstockError
from flows.show.outline import steps_of
from flows.show.units import rows

SHOWN = 5


@dataclass(frozen=True)
class Outcome:
    """`words` are markdown; `columns` and `rows` as `rows_table` takes them."""

    words: str
    columns: Any
    rows: Any


def outcome(state: State, draft: Draft, run: Book | None) -> Outcome | None:
    """From a run that went well what it wrote, else what the preview found; None while neither is known."""
    return (_wrote(run) if run is not None and run.run.status == "SUCCESS" else None) or _would(state, draft)


def comes_out(found: Outcome, *, key: str) -> None:
    """One line and the first rows."""
    with st.container(border=True, key=key, gap="xsmall", height="stretch"):
        st.markdown(f"**What comes out**  \n:gray[:small[{found.words}]]")
        rows_table(found.columns, found.rows, key=f"{key}_rows", height="stretch")


def _wrote(run: Book) -> Outcome | None:
    """The last table that the run wrote."""
    for step in reversed(written(run)):
        name, done = target(step), run.step(step["step_id"]) or {}
        try:
            columns, table, total = first(run.run.run_id, name)
        except PenstockError:
            return None  # the view of the run says why
        number = done.get("rows_processed")
        return Outcome(f"{code(name)} · {rows(total if number is None else number)} written.", columns, table[:SHOWN])
    return None


def _would(state: State, draft: Draft) -> Outcome | None:
    """The rows of the last table that has some in the preview; without a table those of the last step that has."""
    steps = {step["step_id"]: step for step in steps_of(draft.spec)}
    seen = {each.step_id: each for each in state.preview.steps if each.step_id in steps} if state.preview is not None else {}
    full = {name: each for name, each in seen.items() if each.status == "ok" and each.columns}
    tables = [(filled(name, draft.spec), _input(step)) for step in steps.values() if (name := target(step)) and name != "?"]
    where, of = next(((name, of) for name, of in reversed(tables) if of in full), ("", next(reversed(full), "")))
    if not of:
        return None
    last = full[of]
    number = rows(last.row_count) if last.row_count is not None else f"First {rows(min(SHOWN, len(last.rows)))}"
    to = f"for {code(where)} · " if where else f"{plain(of)} · "
    basis = f", {plain(last.basis)}" if last.basis else ""
    return Outcome(f"{to}{number}{basis}. Nothing was written.", last.columns, last.rows[:SHOWN])


def _input(step: Mapping[str, Any]) -> str:
    """The step whose rows a load takes."""
    config = step.get("config")
    given = config.get("input") if isinstance(config, Mapping) else ""
    return str(given or next(iter(step.get("depends_on") or ()), ""))
