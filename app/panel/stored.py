"""Stored pipelines as the Pipelines page knows them: a card each, found by words and by domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.door import service
from app.panel.words import origin, schedule, target
from app.talk.words import filled
from flows.errors import MissingError, SpecError
from flows.show.outline import steps_of
from flows.show.units import several

OTHER = "other"
KEPT = 20_000  # faces of this process


@dataclass(frozen=True)
class Face:
    """What one version says of itself. `domain` is the variable of that name, else the dataset that it writes; `writes` are tables and
    files; `problem` says why it cannot be read, "" when it can."""

    pipeline_id: str
    version: int
    name: str
    sentence: str
    domain: str
    schedule: str
    writes: tuple[str, ...] = ()
    problem: str = ""

    def has(self, words: str) -> bool:
        """Is every one of the words in it?"""
        text = f"{self.pipeline_id} {self.name} {self.sentence} {' '.join(self.writes)}".casefold()
        return all(word in text for word in words.casefold().split())


def faces() -> list[Face]:
    """All stored pipelines of this tenant, each in the version in force. Raises PenstockError."""
    door = service()
    kept, place = _kept(), (str(door.settings.home), door.tenant)
    if len(kept) > KEPT:
        kept.clear()
    found = []
    for each in door.pipelines():
        key = (*place, each.pipeline_id, each.version)
        if key not in kept:
            kept[key] = _face(each.pipeline_id, each.version)
        found.append(kept[key])
    return found


def face(pipeline_id: str) -> Face:
    """One of them. Raises MissingError."""
    door = service()
    source = door.stored(pipeline_id)
    return made(source.spec.as_dict(), pipeline_id, source.version or 0)


@st.cache_resource(show_spinner=False)
def _kept() -> dict[tuple[str, str, str, int], Face]:
    """Faces by home, tenant, pipeline and version, which never change; one look for all of them is cheap, one for each was not."""
    return {}


def _face(pipeline_id: str, version: int) -> Face:
    try:
        return face(pipeline_id)
    except (MissingError, SpecError) as error:
        return Face(pipeline_id, version, pipeline_id, "", OTHER, "", problem=error.what)


def made(spec: dict[str, Any], pipeline_id: str, version: int) -> Face:
    """The face of a spec."""
    steps = steps_of(spec)
    written = tuple(dict.fromkeys(filled(name, spec) for step in steps if (name := target(step)) and name != "?"))
    return Face(pipeline_id, version, str(spec.get("name") or pipeline_id), _sentence(spec, steps, written),
                str((spec.get("variables") or {}).get("domain") or _dataset(written)), schedule(spec), written)


def _sentence(spec: dict[str, Any], steps: list[dict[str, Any]], written: tuple[str, ...]) -> str:
    """Its own description up to the first full stop, else what it reads and writes."""
    said = " ".join(str(spec.get("description") or "").split())
    if said:
        return said.split(". ")[0].rstrip(".")
    read = list(dict.fromkeys(filled(name, spec).rsplit("/", 1)[-1] for step in steps if (name := origin(step)) and " " not in name))
    parts = [f"reads {', '.join(read[:3])}"] if read else []
    parts += [f"writes {', '.join(written[:2])}"] if written else []
    words = f"{several(len(steps), 'step')}: {' and '.join(parts)}" if parts else several(len(steps), "step")
    return words[:1].upper() + words[1:]


def _dataset(written: tuple[str, ...]) -> str:
    """`mart` of `mart.orders` or `project.mart.orders`; a file has none."""
    for name in written:
        parts = name.split(".")
        if len(parts) > 1 and "/" not in name:
            return parts[-2]
    return OTHER
