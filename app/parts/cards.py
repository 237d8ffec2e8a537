"""A few numbers on cards of one height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st


@dataclass(frozen=True)
class Card:
    """A number (with its unit, as text) and the few words under it; no card goes without them, so that all are equally high."""

    label: str
    value: str
    note: str
    colour: Literal["gray", "red", "blue"] = "gray"
    help: str = ""


def cards(shown: Sequence[Card], *, key: str) -> None:
    """Side by side, two and two on a phone."""
    with st.grid(len(shown), min_column_width=150, key=key):
        for card in shown:
            st.metric(card.label, card.value, card.note, delta_arrow="off", delta_color=card.colour, border=True, help=card.help or None,
                      height="stretch")
