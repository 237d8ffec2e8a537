"""What stands where nothing is yet: what this place is for and what fills it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def empty(words: str, *, key: str, icon: str = "") -> DeltaGenerator:
    """One quiet line in the middle of the place. `words` are markdown of our own; `icon` is a name of Material Symbols.

    Returns the box, for the button that ends the emptiness.
    """
    box = st.container(border=True, key=f"empty_{key}", horizontal_alignment="center", vertical_alignment="center")
    mark = f":material/{icon}: " if icon else ""
    box.markdown(f":gray[{mark}{words}]", width="content", text_alignment="center")
    return box
