"""Who waits for whom: the one reading of `depends_on` and `parallel_group` that the preview, the run and the drawing share.

A trigger (`on_success`, `on_failure`, `always`) adds no edge: it is judged when every step upstream has ended. An `on_failure` step
looks at everything above it, direct or not; one with no upstream looks at the whole run, at its end.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter

from flows.errors import Problem, SpecError
from flows.spec.model import FlowSpec, Step
from flows.spec.suggest import did_you_mean, suggest

Edges = dict[str, tuple[str, ...]]


def edges(spec: FlowSpec) -> Edges:
    """The steps that each step waits for, by step_id, in the order of the spec.

    `depends_on` left out: after the step written before it, or after all of the parallel group written before it; neighbours of one
    `parallel_group` all follow what stood before the group. Said, it is exactly what it says; `[]` starts at once.
    Raises SpecError with every problem: a step_id used twice, an unknown, repeated or own name in `depends_on`.
    """
    ids = {step.step_id: None for step in spec.steps}
    problems = [*_twice(spec), *(p for step in spec.steps for p in _named(step, ids))]
    if problems:
        raise SpecError(problems)
    found: Edges = {}
    for before, block in _blocks(spec.steps):
        for step in block:
            found[step.step_id] = before if step.depends_on is None else tuple(step.depends_on)
    return found


def order(spec: FlowSpec) -> list[str]:
    """Step ids so that every step comes after those it waits for, otherwise as written. Raises SpecError that prints the circle."""
    above = edges(spec)
    rank = {step_id: n for n, step_id in enumerate(above)}
    sorter = TopologicalSorter(above)
    try:
        sorter.prepare()
    except CycleError as error:
        raise SpecError(_circle(error.args[1], spec)) from None
    ready = [(rank[s], s) for s in sorter.get_ready()]
    heapq.heapify(ready)
    done: list[str] = []
    while ready:
        step_id = heapq.heappop(ready)[1]
        done.append(step_id)
        sorter.done(step_id)
        for other in sorter.get_ready():
            heapq.heappush(ready, (rank[other], other))
    return done


def upstream(spec: FlowSpec) -> Callable[[str, str], bool]:
    """A test `above(a, b)`: whether step a comes before step b on some path. Raises SpecError like `order`."""
    above = edges(spec)
    masks: dict[str, int] = {}
    bit: dict[str, int] = {}
    for n, step_id in enumerate(order(spec)):
        bit[step_id] = 1 << n
        masks[step_id] = _union(above[step_id], masks, bit)
    return lambda a, b: a in bit and b in masks and bool(masks[b] & bit[a])


def _union(names: tuple[str, ...], masks: Mapping[str, int], bit: Mapping[str, int]) -> int:
    total = 0
    for name in names:
        total |= masks[name] | bit[name]
    return total


def _blocks(steps: list[Step]) -> list[tuple[tuple[str, ...], list[Step]]]:
    """Neighbours that run side by side, each block with the names of the block before it."""
    blocks: list[list[Step]] = []
    for step in steps:
        together = blocks and step.parallel_group is not None and blocks[-1][-1].parallel_group == step.parallel_group
        if together:
            blocks[-1].append(step)
        else:
            blocks.append([step])
    names = [tuple(step.step_id for step in block) for block in blocks]
    return list(zip([(), *names[:-1]], blocks, strict=True))


def _twice(spec: FlowSpec) -> list[Problem]:
    seen: dict[str, int] = {}
    found = []
    for n, step in enumerate(spec.steps):
        if step.step_id in seen:
            found.append(Problem(f"steps.{n}.step_id", "duplicate_step", f"step_id {step.step_id!r} is already used by step "
                                 f"number {seen[step.step_id] + 1}", "Give each step a step_id of its own"))
        seen.setdefault(step.step_id, n)
    return found


def _named(step: Step, ids: Mapping[str, None]) -> list[Problem]:
    found, seen = [], set()
    place = f"steps.{step.step_id}.depends_on"
    for name in step.depends_on or ():
        if name == step.step_id:
            found.append(Problem(place, "circle", f"the step waits for itself: {name} -> {name}", "Take it off the list"))
        elif name not in ids:
            known = [i for i in ids if i != step.step_id]
            found.append(Problem(place, "unknown_step", f"there is no step {name!r}", did_you_mean(name, known) or "Name a step of "
                                 "this spec", tuple(suggest(name, known))))
        elif name in seen:
            found.append(Problem(place, "duplicate_edge", f"{name!r} is named twice", "Name it once"))
        seen.add(name)
    return found


def _circle(path: list[str], spec: FlowSpec) -> Problem:
    """graphlib gives the circle from any of its steps; start at the one written first so that the message is always the same."""
    ring, rank = path[:-1], {step.step_id: n for n, step in enumerate(spec.steps)}
    start = min(range(len(ring)), key=lambda n: rank[ring[n]])
    ring = ring[start:] + ring[:start]
    shown = ring if len(ring) <= 12 else [*ring[:6], "...", *ring[-5:]]
    silent = [s.step_id for s in spec.steps if s.step_id in ring and s.depends_on is None]
    hint = "Take one of these names off a depends_on"
    if silent:
        hint += f"; {silent[0]!r} has none and so follows what is written before it"
    return Problem(f"steps.{ring[0]}.depends_on", "circle", f"the steps wait for each other in a circle: {' -> '.join([*shown, ring[0]])}",
                   hint)
