"""The last runs of a pipeline as a row of small marks, the newest at the right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from flows.show.states import state
from flows.show.units import ago

SHOWN = 14


def strip(runs: Sequence[Any], now: datetime) -> None:
    """`runs` newest first, as the service finds them."""
    if not runs:
        st.markdown(":gray[:material/radio_button_unchecked: Not run yet]")
        return
    st.markdown("".join(_mark(run.status) for run in reversed(runs[:SHOWN])), help=f"The last {len(runs[:SHOWN])} runs, the newest at the "
                f"right. {last(runs[0], now)}.")


def last(run: Any, now: datetime) -> str:
    """`Succeeded 12 min ago`."""
    return f"{state(run.status).word} {ago(run.ended_at or run.started_at or run.created_at, now)}"


def _mark(status: str) -> str:
    look = state(status)
    return f":{look.colour}[:material/{look.icon}:]"
