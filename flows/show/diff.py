"""What an edit changes in a spec, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Mark = Literal["+", "-", " ", "…"]


@dataclass(frozen=True)
class Line:
    """`mark`: added, removed, unchanged, or lines left out. `before` and `after`: line numbers from 1, None where there is none."""

    mark: Mark
    text: str
    before: int | None = None
    after: int | None = None


def diff(before: str, after: str, *, context: int = 3) -> list[Line]:
    """Two YAML texts as the lines that differ, with `context` unchanged lines around; equal texts give none."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    seen = 0
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        if group[0][1] > seen:
            found.append(Line("…", f"{group[0][1] - seen:,} unchanged {'line' if group[0][1] - seen == 1 else 'lines'}"))
        for tag, a0, a1, b0, b1 in group:
            found += _lines(tag == "equal", old[a0:a1], new[b0:b1], a0, b0)
        seen = group[-1][2]
    if found and seen < len(old):
        found.append(Line("…", f"{len(old) - seen:,} unchanged {'line' if len(old) - seen == 1 else 'lines'}"))
    return found


def _lines(same: bool, old: list[str], new: list[str], a0: int, b0: int) -> Iterator[Line]:
    if same:
        yield from (Line(" ", text, a0 + n, b0 + n) for n, text in enumerate(old, 1))
        return
    yield from (Line("-", text, a0 + n, None) for n, text in enumerate(old, 1))
    yield from (Line("+", text, None, b0 + n) for n, text in enumerate(new, 1))
