"""The app's style sheets as one element of the page: each more would be sent and placed with every rerun."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHEETS = (HERE / "style.css", HERE / "parts" / "chat.css", HERE / "panel" / "panel.css")


def style() -> str:
    """All sheets in one `<style>`; read again when one of them has changed."""
    return _read(tuple(sheet.stat().st_mtime_ns for sheet in SHEETS))


@lru_cache(maxsize=1)
def _read(_: tuple[int, ...]) -> str:
    return f"<style>{''.join(sheet.read_text(encoding='utf-8') for sheet in SHEETS)}</style>"
