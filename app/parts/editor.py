"""A text editor with line numbers and marks on lines: a plain textarea in a component of our own, without a build step or a CDN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from app.parts.payload import payload

_HTML = """<div class="editor">
<div class="gutter" aria-hidden="true"></div>
<div class="paper"><div class="bands" aria-hidden="true"></div>
<textarea spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off" aria-describedby="how"></textarea></div>
<div class="foot"><span class="new" role="status"></span><span id="how">Ctrl+Enter applies. Tab indents; Esc, then Tab leaves.</span></div>
</div>"""
_HERE = Path(__file__)
_editor = st.components.v2.component("penstock_editor", html=_HTML, css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
                                     js=_HERE.with_suffix(".js").read_text(encoding="utf-8"))


def editor(text: str, *, key: str, label: str, marks: Sequence[tuple[int, str]] = (), on_text: Callable[[], None]) -> None:
    """Show `text`. `marks` are lines (counted from 1) with what is wrong there.

    What a person wrote is sent on blur and on Ctrl+Enter: `on_text` is called before the rerun that it causes, and reads `sent(key)`.
    """
    data: dict[str, Any] = {"text": text, "name": key, "label": label, "marks": [{"line": line, "text": words} for line, words in marks]}
    _editor(data=payload(data), key=key, on_sent_change=on_text)


def sent(key: str) -> str | None:
    """The text that was just sent from the editor of this key, None when there is none."""
    value = (st.session_state.get(key) or {}).get("sent")
    return value if isinstance(value, str) else None
