"""Places of a draft that a question will fill: they are found again after everything is built, so that patches are exact."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flows.planner.answer import Option, Question
from flows.planner.read.draft import Span


@dataclass(frozen=True)
class Hole:
    """Stands in a draft for a value that is asked; `field` tells the places of one question apart."""

    question: int
    field: str = ""
    shown: Any = "?"


def has_hole(value: Any) -> bool:
    """Does something stand open in it?"""
    if isinstance(value, dict):
        return any(has_hole(v) for v in value.values())
    return any(has_hole(v) for v in value) if isinstance(value, list) else isinstance(value, Hole)


def shortened(words: str, limit: int = 80) -> str:
    """Words to be quoted in one line; of many the first ones."""
    line = " ".join(words.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def said_choice(slot: str, choice: str) -> str:
    """An offered value as people read it: a cron line in words, all else as it is."""
    from flows.spec.words.cron import said_cron

    return (said_cron(choice) or choice) if slot.startswith("schedule") else choice


@dataclass
class Ask:
    """A question under way; `choices`: label and the value of each field."""

    slot: str
    message: str
    span: Span | None = None
    choices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    patches: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    free_text: bool = True


@dataclass
class Asks:
    """All questions of one text, in the order of asking."""

    items: list[Ask] = field(default_factory=list)

    def add(self, ask: Ask) -> int:
        """The number of this question; the same slot is asked once."""
        for n, other in enumerate(self.items):
            if other.slot == ask.slot and ask.slot != "unparsed":
                return n
        self.items.append(ask)
        return len(self.items) - 1

    def slots(self) -> list[str]:
        return [a.slot for a in self.items]

    def questions(self, document: dict[str, Any]) -> tuple[list[Question], dict[str, Any]]:
        """The questions with their patches, and the document with its holes shown."""
        places: dict[int, list[tuple[str, str, str]]] = {}
        shown = _shown(document, "", places, "")
        out = []
        for n, ask in enumerate(self.items):
            options = [Option(label=label, patch=_patch(values, places.get(n, []), shown)) for label, values in ask.choices]
            options += [Option(label=label, patch=patch) for label, patch in ask.patches]
            out.append(
                Question(
                    id=f"q{n + 1}",
                    slot=ask.slot,
                    message=ask.message,
                    options=[o for o in options if o.patch],
                    free_text=ask.free_text,
                    span=ask.span,
                )
            )
        return out, shown


def _shown(node: Any, path: str, places: dict[int, list[tuple[str, str, str]]], step: str) -> Any:
    if isinstance(node, Hole):
        places.setdefault(node.question, []).append((path, node.field, step))
        return node.shown
    if isinstance(node, dict):
        return {k: _shown(v, f"{path}/{str(k).replace('~', '~0').replace('/', '~1')}", places, step) for k, v in node.items()}
    if isinstance(node, list):
        return [_shown(v, f"{path}/{n}", places, path if not path.count("/") > 1 else step) for n, v in enumerate(node)]
    return node


def _patch(values: dict[str, Any], places: list[tuple[str, str, str]], document: dict[str, Any]) -> list[dict[str, Any]]:
    """Tests first, then the replacements; nothing when the draft has no place for the answer."""
    changes: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for path, name, _ in places:
        if name not in values:
            continue
        tests.append(guard(path, document))
        changes.append({"op": "replace", "path": path, "value": values[name]})
    unique = [t for n, t in enumerate(tests) if t not in tests[:n]]
    return unique + changes


def guard(path: str, document: dict[str, Any]) -> dict[str, Any]:
    """The `test` that a stale patch fails on: the step it changes is still where it was."""
    parts = path.strip("/").split("/")
    if parts[0] == "steps" and len(parts) > 1 and parts[1].isdigit():
        return {"op": "test", "path": f"/steps/{parts[1]}/step_id", "value": document["steps"][int(parts[1])]["step_id"]}
    here: Any = document
    for part in parts:
        here = here[int(part)] if isinstance(here, list) else here[part]
    return {"op": "test", "path": path, "value": here}
