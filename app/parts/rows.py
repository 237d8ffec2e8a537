"""Rows as a table: every value as it is, numbers at the right, NULL as NULL; made once for each content, not on each rerun."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol

import streamlit as st

if TYPE_CHECKING:
    import pyarrow as pa

CUT = 500  # characters of one value that are sent
ROW_PX, SHOWN_ROWS = 32, 12
DIGITS = 15  # of a FLOAT64; what a computation leaves behind them is noise
EXACT = 2**53  # whole numbers beyond it are not whole in a browser
FIGURES = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")
NARROW, DIGIT_PX = 10, 8.2  # characters that fit into every column, and the pixels of one
WIDE = 32  # characters; what is longer is cut


class Typed(Protocol):
    """A column: its name and its BigQuery type."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...


def rows_table(columns: Sequence[Typed], rows: Sequence[Mapping[str, Any]], *, key: str,
               height: int | Literal["stretch"] | None = None) -> None:
    """Show rows. `rows` are looked up by column name; what is missing is NULL, floats have 15 digits.

    `height` in pixels or "stretch", else that of at most 12 rows.
    Without columns one quiet line says so; without rows the columns are shown with their types.
    """
    if not columns:
        st.markdown(":gray[No columns.]")
        return
    table, config = _made(columns, rows, f"rows_{key}")
    tall = height or ROW_PX * (min(max(len(rows), 1), SHOWN_ROWS) + 1) + 3
    st.dataframe(table, key=key, hide_index=True, height=tall, row_height=ROW_PX, placeholder="NULL", column_config=config)
    if not rows:
        st.markdown(":gray[No rows.]")


def _made(columns: Sequence[Typed], rows: Sequence[Mapping[str, Any]], slot: str) -> tuple[pa.Table, dict[str, Any]]:
    """The table of this content: what this session made of it last time, when it is still the same."""
    kinds = [(column.name, column.type) for column in columns]
    before = st.session_state.get(slot)
    if before is not None and before[0] == kinds and (before[1] is rows or before[1] == rows):
        return before[2], before[3]
    table, config = table_of(kinds, rows)
    st.session_state[slot] = (kinds, rows, table, config)
    return table, config


def table_of(kinds: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Any]]) -> tuple[pa.Table, dict[str, Any]]:
    """(Arrow table, how its columns are shown). Numbers stay numbers where a browser shows them exactly, all else is text."""
    import pyarrow as pa

    arrays: list[Any] = []
    config: dict[str, Any] = {}
    for name, kind in kinds:
        values = [row.get(name) for row in rows]
        plain = _numbers(kind, values)
        if plain and kind == "INT64":
            arrays.append(pa.array(values, pa.int64()))
        elif plain:
            arrays.append(pa.array([None if value is None else float(f"{value:.{DIGITS}g}") for value in values], pa.float64()))
        else:
            arrays.append(pa.array([text_of(value) for value in values], pa.string()))
        config[name] = _look(name, kind, values, plain)
    return pa.table(arrays, names=[name for name, _ in kinds]), config


def _numbers(kind: str, values: Sequence[Any]) -> bool:
    """Can a browser show these numbers as they are?"""
    if kind == "INT64":
        return all(value is None or (type(value) is int and abs(value) <= EXACT) for value in values)
    return kind == "FLOAT64" and all(value is None or (isinstance(value, int | float) and math.isfinite(value)) for value in values)


def _look(name: str, kind: str, values: Sequence[Any], plain: bool) -> Any:
    if plain and kind == "INT64":
        return st.column_config.NumberColumn(name, format="%d", help=kind)
    if plain:  # the browser's own way to write a number shows all 17 digits, and measures the column without them
        most = max((len(f"{value:.{DIGITS}g}") for value in values if value is not None), default=0)
        return st.column_config.NumberColumn(name, format=f"%.{DIGITS}g", help=kind, width=_width(most))
    most = min(max((len(text_of(value) or "") for value in values[:50]), default=0), WIDE)
    return st.column_config.TextColumn(name, help=kind, alignment="right" if kind in FIGURES else "left", width=_width(most))


def _width(characters: int) -> int | None:
    """Pixels for a column of so many characters; a narrow one is laid out by its name and its room."""
    return round(characters * DIGIT_PX) + 24 if characters > NARROW else None


def text_of(value: Any) -> str | None:
    """A value as text: dates ISO, decimals with all their digits, nested values as JSON, long ones clipped. None stays None."""
    text: str | None
    if value is None or isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, bytes):
        text = value.hex()
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ").replace("+00:00", " UTC")
    elif isinstance(value, dict | list | tuple):
        text = json.dumps(value, ensure_ascii=False, default=_inner)
    else:
        text = format(value, "f") if isinstance(value, Decimal) and value.is_finite() else str(value)
    return text if text is None or len(text) <= CUT else f"{text[:CUT - 1]}…"


def _inner(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date | datetime | time) else str(value)
