"""The log of a run: time, level, step and text, newest at the bottom and in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.parts.empty import empty
from app.parts.escape import named
from flows.show.units import count

SHOWN = 400  # lines; more of them make the page slow, and the address of the run in Prefect shows all


def logs(lines: Sequence[Any], *, key: str, height: int = 260, step: str = "", live: bool = False) -> None:
    """Show log lines (`at` in UTC, `level`, `step`, `text`), the last of them when there are many; `step` says whose lines they are.

    While `live`, nothing yet is no fault: lines appear as steps start.
    """
    if not lines:
        whose = "this step" if step else "this run"
        words = "No log lines yet. They appear here as steps start." if live else f"No log lines of {whose} were kept."
        empty(words, key=f"logs_{key}", icon="notes")
        return
    if len(lines) > SHOWN:
        st.caption(f"The last {SHOWN} of {count(len(lines))} lines.")
    wide = 0 if step else min(24, max(len(line.step) for line in lines[-SHOWN:]))
    text = "\n".join(_line(line, wide) for line in lines[-SHOWN:])
    with st.container(height=height if len(lines) > 8 else "content", autoscroll=len(lines) > 8, border=False, key=f"logs_{key}"):
        st.code(text, language="log", wrap_lines=True)


def _line(line: Any, wide: int) -> str:
    who = f"{line.step[:wide]:<{wide}}  " if wide else ""
    return f"{line.at:%H:%M:%S}  {line.level[:8]:<7}  {who}{named(line.text)}"
