"""The chart that the Gantt of a run and the timeline of the Runs page are made of: own SVG, mouse and keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import streamlit as st

from app.parts.payload import payload
from app.parts.pick import picked
from flows.show.icons import ICONS

HERE = Path(__file__).resolve().parent
HTML = """<div class="chart">
<div class="scroll"><svg class="rows" role="group"></svg></div>
<svg class="axis" aria-hidden="true"></svg>
</div>"""
_BARS = st.components.v2.component(
    "penstock_bars", html=HTML, css=(HERE / "bars.css").read_text(encoding="utf-8"),
    js=f"const ICONS = {json.dumps(ICONS)};\n{(HERE / 'bars.js').read_text(encoding='utf-8')}")


def chart(data: dict[str, Any], *, key: str, selected: str | None) -> str | None:
    """Draw what `flows.show.gantt` or `flows.show.timeline` computed; the id that is selected. Who wins: see `picked`."""
    chosen, clicks = picked(key, selected)
    ids = {bar["id"] for row in data["rows"] for bar in row["bars"]} | {row["id"] for row in data["rows"] if data["pick"] == "row"}
    chosen = chosen if chosen in ids else None
    _BARS(key=key, data=payload({**data, "selected": chosen, "n": clicks}), on_pick_change=_nothing)
    return chosen


def _nothing() -> None:
    """A component's state is only kept when somebody listens to it."""
