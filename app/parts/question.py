"""What Penstock asks back: one card for each question, with the words it is about, its options and room for own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from app.parts.escape import plain, quoted

AROUND = 44  # characters of the sentence on each side of the words that are shown
Span = tuple[int, int]


def marked(text: str, spans: Sequence[Span], *, around: int = 0) -> str:
    """A person's own sentence as markdown, the given characters highlighted; `around` keeps so many characters on each side."""
    kept = sorted({(max(0, a), min(len(text), b)) for a, b in spans if a < b and a < len(text)})
    if not kept:
        return "" if around else plain_lines(text)
    first, last = (max(0, kept[0][0] - around), min(len(text), kept[-1][1] + around)) if around else (0, len(text))
    first = text.rfind(" ", 0, first) + 1 if around and first else first
    last = end if around and (end := text.find(" ", last)) >= 0 else len(text) if around else last
    parts, at = ["… " if first else ""], first
    for a, b in kept:
        if a < at:
            continue
        parts += [_spaced(text[at:a]), f":orange-background[{plain(text[a:b])}]"]
        at = b
    return "".join([*parts, _spaced(text[at:last]), " …" if last < len(text) else ""])


def plain_lines(text: str) -> str:
    """A person's text as markdown that shows exactly these characters, its line breaks kept."""
    return "  \n".join(plain(line) for line in text.splitlines())


def _spaced(text: str) -> str:
    """Escaped, with the white space at both ends, which `plain` takes away."""
    if not text.strip():
        return " " if text else ""
    return f"{' ' if text[0].isspace() else ''}{plain(text)}{' ' if text[-1].isspace() else ''}"


def questions(asked: Sequence[Any], *, turn_id: str, said: str, answer: Callable[[str, str, str | None, str], None],
              busy: bool = False) -> None:
    """The open questions of a turn; while it is `busy` nothing can be chosen.

    `answer` is called with the turn, the question, the option's label or None, and the key of the field that holds own words.
    """
    for question in asked:
        key = f"{turn_id}_{question.id}"
        with st.container(border=True, key=f"ask_{key}", gap="small"):
            st.markdown(f"**{quoted(question.message)}**")
            if question.span is not None and (quote := marked(said, [tuple(question.span)], around=AROUND)):
                st.markdown(f":gray[You wrote:] {quote}")
            if question.options:
                with st.container(horizontal=True, gap="small", key=f"options_{key}"):
                    for n, option in enumerate(question.options):
                        st.button(plain(option.label), key=f"option_{key}_{n}", on_click=answer,
                                  args=(turn_id, question.id, option.label, ""), disabled=busy, wrap=True)
            if question.free_text:
                _own_words(question, key, turn_id, answer, busy)


def _own_words(question: Any, key: str, turn_id: str, answer: Callable[[str, str, str | None, str], None],
               busy: bool) -> None:
    with st.form(f"words_{key}", border=False), st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.text_input("Or in your own words", key=f"text_{key}", placeholder="Or in your own words", label_visibility="collapsed",
                      max_chars=2_000, disabled=busy)
        st.form_submit_button("Answer", key=f"send_{key}", on_click=answer, args=(turn_id, question.id, None, f"text_{key}"),
                              disabled=busy)
