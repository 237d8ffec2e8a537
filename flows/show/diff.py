"""What an edit changes in a spec, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from flows.show.units import several

Mark = Literal["+", "-", " ", "…"]


@dataclass(frozen=True)
class Line:
    """`mark`: added, removed, unchanged, or lines left out, with how many in `text`."""

    mark: Mark
    text: str


def diff(before: str, after: str, *, context: int = 3) -> list[Line]:
    """Two YAML texts as the lines that differ, with `context` unchanged lines around; equal texts give none."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    seen = 0
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        if group[0][1] > seen:
            found.append(_left_out(group[0][1] - seen))
        for tag, a0, a1, b0, b1 in group:
            found += [Line(" " if tag == "equal" else "-", text) for text in old[a0:a1]]
            found += [Line("+", text) for text in new[b0:b1] if tag != "equal"]
        seen = group[-1][2]
    if found and seen < len(old):
        found.append(_left_out(len(old) - seen))
    return found


def _left_out(count: int) -> Line:
    return Line("…", several(count, "unchanged line"))
