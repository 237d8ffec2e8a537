"""Steps that stand side by side, folded into one box so that a large pipeline stays readable."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from flows.show.outline import Outline

LEAST = 3  # two steps side by side are shown as they are
ROUNDS = 12


@dataclass(frozen=True)
class Folded:
    """`parents` by box; `steps` by box; `folds`: the ids of boxes that are shown whole and could be folded."""

    parents: tuple[tuple[str, tuple[str, ...]], ...]
    steps: tuple[tuple[str, tuple[str, ...]], ...]
    folds: tuple[str, ...] = ()


def folded(given: Outline, opened: frozenset[str], many: int) -> Folded:
    """Above `many` steps: the steps of one `parallel_group`, those with the same steps above and below, and, while there are still too
    many, those whose whole neighbourhood looks the same (twelve chains of the same shape). A box is named `+` and its first step.
    """
    parents = dict(given.parents)
    box = {name: name for name in parents}
    if len(parents) > many:
        box = _fold(parents, box, dict(given.group))
        if len(set(box.values())) > many:
            box = _fold(parents, box, _alike(parents))
    members: dict[str, list[str]] = {}
    for name, where in box.items():
        members.setdefault(where, []).append(name)
    whole = {where for where in opened if where in members and where.startswith("+")}
    box = {name: name if where in whole else where for name, where in box.items()}
    steps = {where: tuple(n for n in members[where]) if where not in parents else (where,) for where in dict.fromkeys(box.values())}
    above: dict[str, dict[str, None]] = {where: {} for where in steps}
    for name, names in parents.items():
        above[box[name]].update((box[parent], None) for parent in names)
    return Folded(tuple((where, tuple(names)) for where, names in above.items()), tuple(steps.items()), tuple(sorted(whole)))


def _fold(parents: Mapping[str, tuple[str, ...]], box: dict[str, str], look: Mapping[str, Hashable]) -> dict[str, str]:
    """Fold what has the same look (if given), then what has the same neighbours, as long as no circle comes of it."""
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, names in parents.items():
        for parent in names:
            children[parent].append(name)
    level = levels(parents)
    box = _join(parents, box, lambda name: (look[name], level[name]) if name in look else None)
    return _join(parents, box, lambda name: (frozenset(parents[name]), frozenset(children[name])))


def _join(parents: Mapping[str, tuple[str, ...]], box: dict[str, str], key: Callable[[str], Hashable]) -> dict[str, str]:
    classes: dict[Hashable, list[str]] = {}
    for name in parents:
        mark = key(name) if box[name] == name else None
        if mark is not None:
            classes.setdefault(mark, []).append(name)
    joined = dict(box)
    for names in classes.values():
        if len(names) >= LEAST:
            joined.update((name, f"+{names[0]}") for name in names)
    return joined


def levels(parents: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The longest path down to each step, in an order in which every step comes after those above it."""
    waiting = {name: len(names) for name, names in parents.items()}
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, names in parents.items():
        for parent in names:
            children[parent].append(name)
    found = {name: 0 for name, left in waiting.items() if not left}
    ready = list(found)
    for name in ready:
        for child in children[name]:
            found[child] = max(found.get(child, 0), found[name] + 1)
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return {name: found[name] for name in ready}


def _alike(parents: Mapping[str, tuple[str, ...]]) -> dict[str, Hashable]:
    """A number by step: equal where level and the looks of all steps above and below are equal, refined until nothing changes."""
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, names in parents.items():
        for parent in names:
            children[parent].append(name)
    look = levels(parents)
    for _ in range(ROUNDS):
        seen: dict[Hashable, int] = {}
        after = {}
        for name in parents:
            mark = (look[name], frozenset(look[p] for p in parents[name]), frozenset(look[c] for c in children[name]))
            after[name] = seen.setdefault(mark, len(seen))
        if len(seen) == len(set(look.values())):
            break
        look = after
    return dict(look)
