"""Data inside markdown: a name, a message or a model's words are shown as they are and never become formatting."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
_SHORTCODE = re.compile(r":(?=[A-Za-z+\-]|\d+:)")  # icons and emoji (`:material/x:`, `:fire:`) are looked for after escapes are gone
_JOINER = "\u2060"  # of no width
_KEPT = re.compile(r"[^\s'\"`(]*/uploads/[^/\s]+/[0-9a-f]{32}/(?=[^/\s])")  # the folder of one file that somebody attached
_ADDRESS = re.compile(r"(\w+://[^\s,]*[^\s,.]|[^\s,:()]+@[^\s,:()]*[^\s,:().])")
_QUOTED = re.compile(r"(?<![\w'])'([^'\n]{1,120})'(?![\w'])|`([^`\n]{1,120})`")


def named(text: object) -> str:
    """Text in which attached files have their own names: people know `orders.csv`, and not the folder that keeps it."""
    said = str(text)
    return _KEPT.sub("", said) if "/uploads/" in said else said


def plain(text: object) -> str:
    """Text as one line of markdown that shows exactly these characters; runs of white space become one space."""
    return _escaped(" ".join(named(text).split()))


def _escaped(words: str) -> str:
    return _MARKS.sub(r"\\\1", _SHORTCODE.sub(f":{_JOINER}", words))


def code(text: object) -> str:
    """Inline code, whatever backticks are in it; "" for nothing."""
    words = " ".join(named(text).split())
    ticks = "`" * (max((len(run) for run in re.findall("`+", words)), default=0) + 1)
    pad = " " if words[:1] == "`" or words[-1:] == "`" else ""
    return f"{ticks}{pad}{words}{pad}{ticks}" if words else ""


def quoted(text: object) -> str:
    """One of our own messages: as it is, with what stands in quotes or backticks as code (there is no step 'x')."""
    words, said, at = " ".join(named(text).split()), "", 0
    for found in _QUOTED.finditer(words):
        said += _escaped(words[at:found.start()]) + code(found[1] or found[2])
        at = found.end()
    return said + _escaped(words[at:])


def unlinked(text: object) -> str:
    """Like `quoted`, with addresses as code too: a browser would make links of them."""
    said = ""
    for n, part in enumerate(_ADDRESS.split(" ".join(named(text).split()))):
        said += code(part) if n % 2 else f"{' ' * part.startswith(' ')}{quoted(part)}{' ' * (part.endswith(' ') and bool(part.strip()))}"
    return said
