"""What comes out: the first rows that a pipeline would write, or has written, under its graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.panel.book import Book
from app.panel.output import first, written
from app.panel.words import target
from app.parts.escape import code, plain
from app.parts.rows import rows_table
from app.talk.turn import Draft, State
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
    """The last step of the preview that has rows, and where they would go."""
    ids = {step["step_id"] for step in steps_of(draft.spec)}
    seen = [each for each in state.preview.steps if each.step_id in ids] if state.preview is not None else []
    last = next((each for each in reversed(seen) if each.status == "ok" and each.columns), None)
    if last is None:
        return None
    where = next((name for step in reversed(steps_of(draft.spec)) if (name := target(step)) and name != "?"), "")
    number = rows(last.row_count) if last.row_count is not None else f"First {rows(min(SHOWN, len(last.rows)))}"
    to = f"{plain(last.step_id)} · " if not where else f"for {code(where)} · "
    return Outcome(f"{to}{number}. Nothing was written.", last.columns, last.rows[:SHOWN])
