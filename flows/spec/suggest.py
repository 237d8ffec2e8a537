"""The near miss: which known name a mistyped one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(word: str, known: Iterable[str], n: int = 3) -> list[str]:
    """At most `n` of the known names that look like `word`, best first; an exact match apart from case comes first."""
    low = word.lower()[:200]
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.lower(), name)
    mark = "/" if "/" in low else "."
    head, parted, tail = low.rpartition(mark)
    if parted:  # `generic.` or `gallery/` in common says nothing: names with the same head are compared by what follows
        same = {key.rpartition(mark)[2]: key for key in folded if key.rpartition(mark)[0] == head}
        near = [same[key] for key in get_close_matches(tail, same, n=n, cutoff=0.6)]
        near += get_close_matches(low, [key for key in folded if key not in same.values()], n=n, cutoff=0.6)
    else:
        near = [key for key in folded if key.rpartition(".")[2] == low]  # `extract` for `generic.extract`
        near += get_close_matches(low, folded, n=n, cutoff=0.6)
    return [folded[key] for key in dict.fromkeys(near)][:n]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known name, or nothing."""
    near = suggest(word, known, 1)
    return f"Did you mean {near[0]!r}?" if near else ""
