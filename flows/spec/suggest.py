"""The near miss: which known name a mistyped one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(word: str, known: Iterable[str], n: int = 3) -> list[str]:
    """At most `n` of the known names that look like `word`, best first; an exact match apart from case comes first."""
    names = list(dict.fromkeys(known))
    low = word.lower()[:200]
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.lower(), name)
    close = get_close_matches(low, folded, n=n, cutoff=0.6)
    tail = [key for key in folded if "." in key and key.rsplit(".", 1)[1] == low]  # `extract` for `generic.extract`
    return [folded[key] for key in dict.fromkeys([*tail, *close])][:n]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known name, or nothing."""
    near = suggest(word, known, 1)
    return f"Did you mean {near[0]!r}?" if near else ""
