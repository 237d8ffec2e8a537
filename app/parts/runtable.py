"""The list of runs: one line a run, with its state as a coloured chip; a line is picked by click or by keyboard."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app.parts.payload import payload
from flows.show.states import state

HERE = Path(__file__).resolve().parent
HEADS = {"state": "State", "name": "Pipeline", "started": "Started", "took": "Took", "steps": "Steps", "trigger": "Started by", "id": "Run"}

_TABLE = st.components.v2.component("runtable", html='<div class="box"></div>', css=(HERE / "runtable.css").read_text(encoding="utf-8"),
                                    js=f"const HEADS = {json.dumps(HEADS)};\n{(HERE / 'runtable.js').read_text(encoding='utf-8')}")


@dataclass(frozen=True)
class RunRow:
    """One line, ready to be shown. `note` stands under the name (why a run waits), `clock` and `help` are what a mouse over
    `started` and `steps` says."""

    id: str
    name: str
    status: str
    started: str
    clock: str
    took: str
    steps: str
    trigger: str
    note: str = ""
    help: str = ""


def runtable(rows: Sequence[RunRow], *, key: str, selected: str | None = None, detail: str = "") -> str | None:
    """Draw the list; the id of the run that was just picked ("" when the choice was let go), else None.

    `detail` is the key of the container that shows the picked run: on a phone it is brought into view.
    """
    lines = []
    for row in rows:
        look = state(row.status)
        lines.append({**vars(row), "word": look.word, "colour": look.colour, "icon": look.icon, "short": row.id.rpartition("-")[2]})
    data = payload({"rows": lines, "selected": selected, "label": "Runs, newest first", "detail": detail})
    picked = _TABLE(key=key, data=data, on_picked_change=_nothing).picked
    return picked if isinstance(picked, str) else None


def _nothing() -> None:
    """A trigger without a callback is not in the result."""
