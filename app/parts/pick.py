"""What is selected in one of our drawings: the click or the caller, whichever came last."""

from __future__ import annotations

from typing import Any

import streamlit as st


def picked(key: str, selected: str | None) -> tuple[str | None, int]:
    """The selected id, and the number of clicks so far.

    The component under `key` keeps its last click as state `pick`, `{"id", "n"}`; `selected` is what the caller holds. A new click wins,
    else a change by the caller, else it stays as it was.
    """
    pick: dict[str, Any] = (st.session_state.get(key) or {}).get("pick") or {}
    count = int(pick.get("n") or 0)
    kept = st.session_state.setdefault(f"{key}__kept_pick", {"told": selected, "n": 0, "chosen": selected})
    if count and count != kept["n"]:
        kept["chosen"] = pick.get("id")
    elif not count or kept["told"] != selected:
        kept["chosen"] = selected
    kept["n"], kept["told"] = count, selected
    return kept["chosen"], count
