"""The profile of a file or a table: how much there is, what could not be read, and one line for each column."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.parts.cards import Card, cards
from app.parts.escape import code, quoted
from app.parts.rejects import rejects
from app.parts.rows import text_of
from flows.show.units import count, several

if TYPE_CHECKING:
    from flows.service.data import ColumnProfile, Profile

    Summary = list[dict[str, Any]]

ROW_PX, SHOWN, NOTES = 34, 12, 6


def profile(found: Profile, *, key: str) -> None:
    """Cards, what looks wrong, a line for each column, the rejected rows."""
    cards(_cards(found), key=f"profile_cards_{key}")
    _told(_notes(found), key)
    if found.columns:
        lines = _lines(found, f"profile_{key}")
        st.dataframe(lines, key=f"profile_{key}", hide_index=True, row_height=ROW_PX, column_config=_look(), placeholder="",
                     height=ROW_PX * (min(len(lines), SHOWN) + 1) + 3)
    rejects(found.rejects, found.rejected, key=f"profile_{key}")
    if found.rejected:
        st.markdown(":gray[A run stops at rows that cannot be read, unless its step says to go on without them.]")


def _told(notes: list[str], key: str) -> None:
    """The first notes; many more stay folded."""
    first, more = (notes[:NOTES], notes[NOTES:]) if len(notes) > NOTES + 1 else (notes, [])
    if first:
        st.markdown("\n".join(f"- {note}" for note in first))
    if more:
        with st.expander(f"{count(len(more))} more notes", key=f"profile_notes_{key}"):
            st.markdown("\n".join(f"- {note}" for note in more))


def _cards(found: Profile) -> list[Card]:
    gaps = sum(1 for column in found.columns if column.nulls)
    filled = sum(column.filled for column in found.columns) / len(found.columns) if found.columns else 0
    first = f"the first {count(found.seen)} measured" if found.sampled else "all measured"
    return [Card("Rows", count(found.rows), first),
            Card("Columns", count(len(found.columns)), "all filled" if not gaps else f"{gaps} with gaps"),
            Card("Cells filled", _share(filled) if found.seen else "none", "of all cells"),
            Card("Not read", count(found.rejected), "row rejected" if found.rejected == 1 else "rows rejected",
                 "red" if found.rejected else "gray")]


def _share(part: float) -> str:
    """99.9 % is never rounded up to all, nor 0.1 % down to nothing."""
    if part in (0.0, 1.0):
        return f"{part:.0%}".replace("%", " %")
    return f"{min(max(part * 100, 0.1), 99.9):.1f} %"


def _notes(found: Profile) -> list[str]:
    """Those about the whole first, then those of each column."""
    about = [_sentence(note[:1].upper() + note[1:]) for note in found.notes]
    return about + [f"{code(column.name)}: {_sentence('; '.join(column.notes))}" for column in found.columns if column.notes]


def _sentence(text: str) -> str:
    return quoted(text) + ("" if text.endswith(("?", ".")) else ".")


def _lines(found: Profile, slot: str) -> Summary:
    """One line a column; made once for each profile."""
    before = st.session_state.get(f"{slot}_lines")
    if before is not None and before[0] is found:
        lines: Summary = before[1]
        return lines
    lines = [_line(column) for column in found.columns]
    st.session_state[f"{slot}_lines"] = (found, lines)
    return lines


def _line(column: ColumnProfile) -> dict[str, Any]:
    bars = [bar.count for bar in column.histogram] or ([column.true, column.false or 0] if column.true is not None else
                                                       [n for _, n in column.top])
    about = "" if column.exact else "about "
    return {"Column": column.name, "Type": column.type, "Filled": column.filled * 100, "Shape": bars,
            "Distinct": f"{about}{count(column.distinct)}" if column.distinct is not None else None,
            "Min": _short(column.min), "Max": _short(column.max), "Typical": _typical(column), "Most frequent": _top(column)}


def _short(value: Any) -> str | None:
    if isinstance(value, float):
        return f"{value:,.6g}"
    text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else text_of(value)
    return text if text is None or len(text) <= 40 else f"{text[:39]}…"


def _typical(column: ColumnProfile) -> str | None:
    if column.mean is not None:
        return f"mean {column.mean:,.6g}, median {_short(column.quantiles[2])}" if column.quantiles else f"mean {column.mean:,.6g}"
    if column.quantiles and isinstance(column.quantiles[2], date):
        return f"median {_short(column.quantiles[2])}"
    if column.lengths:
        short, long, _ = column.lengths
        return several(short, "character") if short == long else f"{short:,} to {several(long, 'character')}"
    return None


def _top(column: ColumnProfile) -> str | None:
    if column.true is not None:
        return f"true ({count(column.true)}), false ({count(column.false or 0)})"
    return ", ".join(f"{text if len(text) <= 24 else text[:23] + '…'} ({count(n)})" for text, n in column.top) or None


def _look() -> dict[str, Any]:
    config = st.column_config
    return {"Column": config.TextColumn("Column", pinned=True), "Type": config.TextColumn("Type"),
            "Filled": config.ProgressColumn("Filled", format="%.1f %%", min_value=0, max_value=100, width=140),
            "Shape": config.BarChartColumn("Shape", width=120, y_min=0, help="Bars of the values, or of the most frequent ones"),
            "Distinct": config.TextColumn("Distinct", alignment="right", width=80),
            "Most frequent": config.TextColumn("Most frequent", width="large")}
