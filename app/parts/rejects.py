"""Rows that were left out: how many, the first of them with line and reason, and where they were set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.parts.escape import code
from flows.show.units import rows

ROW_PX, SHOWN_ROWS = 32, 5  # the rest is scrolled to: what went through stands below


def rejects(found: Sequence[Mapping[str, Any]], total: int, *, key: str, where: str = "", step: str = "") -> None:
    """Nothing when no row was rejected. `found` are the first (`line`, `column`, `reason`, or `reason` and the row's `values`)."""
    if not total:
        return
    who = f" by {code(step)}." if step else ""
    aside = f" They are kept in {code(where)}." if where else ""
    first = f" The first {len(found)}:" if 0 < len(found) < total else ""
    st.markdown(f":orange-badge[:material/rule: {rows(total)} rejected]{who}{aside}{first}")
    if found:
        st.dataframe([flat(each) for each in found], hide_index=True, key=f"rejects_{key}", row_height=ROW_PX, placeholder="",
                     height="content" if len(found) <= SHOWN_ROWS else ROW_PX * (SHOWN_ROWS + 1) + 3,
                     column_config={"line": st.column_config.NumberColumn("line", format="%d", width="small"),
                                    "reason": st.column_config.TextColumn("reason", width=300),
                                    "text": st.column_config.TextColumn("text", width="large")})


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """One rejected row as one line of a table: place, reason, its text, then the values it had."""
    values = row.get("values")
    own = {name: row[name] for name in ("line", "column", "reason", "text") if row.get(name) not in (None, "")}
    return {**own, **{str(name): str(value) for name, value in values.items()}} if isinstance(values, Mapping) else own
