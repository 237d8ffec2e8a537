"""What is drawn of a pipeline: its steps and who waits for whom, read even from a draft that is not valid yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.spec.graph import edges
from flows.spec.model import FlowSpec, Step

Drawn = FlowSpec | Mapping[str, Any]
"""A spec, or plain data that may still hold null or `?` where something is asked."""


@dataclass(frozen=True)
class Outline:
    """`parents` by step in the order of the spec, without circles; `group` is the `parallel_group` of those that have one."""

    parents: tuple[tuple[str, tuple[str, ...]], ...]
    group: tuple[tuple[str, str], ...] = ()


def steps_of(spec: Drawn) -> list[dict[str, Any]]:
    """The steps as plain data, each with a step_id of its own; what is no step is left out."""
    given = [s.model_dump(exclude_unset=True) for s in spec.steps] if isinstance(spec, FlowSpec) else spec.get("steps")
    found: dict[str, dict[str, Any]] = {}
    for n, step in enumerate(given if isinstance(given, list) else [], 1):
        if isinstance(step, Mapping):
            said = step.get("step_id")
            name = str(said) if isinstance(said, str | int) and str(said).strip() else f"step_{n}"
            while name in found:
                name += "_2"
            found[name] = {**step, "step_id": name}
    return list(found.values())


def outline(spec: Drawn) -> Outline:
    """Steps and edges; names in `depends_on` that are no step, and edges that close a circle, are left out."""
    steps = steps_of(spec)
    ids = {step["step_id"] for step in steps}
    plain = []
    for step in steps:
        said, group = step.get("depends_on"), step.get("parallel_group")
        names = [n for n in dict.fromkeys(map(str, said)) if n in ids and n != step["step_id"]] if isinstance(said, list) else None
        plain.append(Step.model_construct(step_id=step["step_id"], ps_type="", depends_on=names,
                                          parallel_group=str(group) if group else None))
    above = edges(FlowSpec.model_construct(pipeline_id="", steps=plain)) if plain else {}
    groups = tuple((s.step_id, s.parallel_group) for s in plain if s.parallel_group)
    return Outline(tuple(_without_circles(above).items()), groups)


def _without_circles(above: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Walk up from each step in order; an edge back to a step under way is dropped. No recursion: a chain may be long."""
    kept: dict[str, list[str]] = {name: [] for name in above}
    done: set[str] = set()
    for start in above:
        if start in done:
            continue
        path, way = [(start, iter(above[start]))], {start}
        while path:
            name, rest = path[-1]
            parent = next(rest, None)
            if parent is None:
                path.pop()
                way.discard(name)
                done.add(name)
            elif parent not in way:
                kept[name].append(parent)
                if parent not in done:
                    path.append((parent, iter(above[parent])))
                    way.add(parent)
    return {name: tuple(parents) for name, parents in kept.items()}
