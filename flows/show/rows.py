"""The order inside the rows of a drawn pipeline, and how far apart things stand: barycentres, then least squares."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from flows.show.groups import levels

SWEEPS, PULLS = 8, 6
Parents = Sequence[tuple[str, tuple[str, ...]]]


@dataclass
class Rows:
    """`rows` from left to right, boxes and waypoints; `links[n]` join row n with row n + 1; `between`: the waypoints of an edge."""

    level: dict[str, int]
    rows: list[list[str]] = field(default_factory=list)
    links: list[list[tuple[str, str]]] = field(default_factory=list)
    between: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)

    def neighbours(self, level: int, *, above: bool) -> dict[str, list[str]]:
        """By name in row `level`: what it is joined with in the row above (or below)."""
        found: dict[str, list[str]] = {name: [] for name in self.rows[level]}
        n = level - 1 if above else level
        for upper, lower in self.links[n] if 0 <= n < len(self.links) else ():
            found[lower if above else upper].append(upper if above else lower)
        return found

    def crossings(self) -> int:
        """Pairs of links that cross."""
        total = 0
        for n, links in enumerate(self.links):
            upper = {name: x for x, name in enumerate(self.rows[n])}
            lower = {name: x for x, name in enumerate(self.rows[n + 1])}
            seen: list[int] = []
            for _, x in sorted((upper[a], lower[b]) for a, b in links):
                total += len(seen) - bisect_left(seen, x + 1)
                insort(seen, x)
        return total

    def bends(self, level: int, x: dict[str, float]) -> int:
        """Links below row `level` that do not go straight down."""
        return sum(x[a] != x[b] for a, b in self.links[level]) if level < len(self.links) else 0

    def places(self, room: Callable[[str], float]) -> dict[str, float]:
        """The middle of each name: as near as can be to the middle of its neighbours, with `room` pixels for each."""
        x: dict[str, float] = {}
        for row in self.rows:
            at = 0.0
            for name in row:
                x[name] = at + room(name) / 2
                at += room(name)
            for name in row:
                x[name] -= at / 2
        for pull in range(PULLS):
            downward = pull % 2 == 0
            for level in range(len(self.rows)) if downward else reversed(range(len(self.rows))):
                near = self._kin(level, above=downward)
                if any(near.values()):
                    self._pull(self.rows[level], near, x, room)
        for row in self.rows:
            self._tighten(row, x, room)
        return x

    def _tighten(self, row: list[str], x: dict[str, float], room: Callable[[str], float]) -> None:
        """What is joined with nothing stands right beside its neighbour."""
        alone = {name for name in row if name in self.level and not self.parents[name] and not self.children[name]}
        for names, side in ((row, 1), (row[::-1], -1)):
            for other, name in pairwise(names):
                if name in alone and (side > 0 or other not in alone):
                    x[name] = x[other] + side * (room(other) + room(name)) / 2
                    alone.discard(name)

    def _kin(self, level: int, *, above: bool) -> dict[str, list[str]]:
        """A box is drawn towards the boxes at the far ends of its edges, so that a shared waypoint at the side does not drag it off."""
        near = self.neighbours(level, above=above)
        for name in self.rows[level]:
            if name in self.level:
                near[name] = list(self.parents[name]) if above else self.children[name]
        return near

    def _pull(self, row: list[str], near: dict[str, list[str]], x: dict[str, float], room: Callable[[str], float]) -> None:
        offsets, at = [], 0.0
        for name in row:
            offsets.append(at + room(name) / 2)
            at += room(name)
        wish = [(sum(x[other] for other in near[name]) / len(near[name]) if near[name] else x[name]) - offset
                for name, offset in zip(row, offsets, strict=True)]
        weight = [1.0 if near[name] else 0.05 for name in row]
        for name, offset, place in zip(row, offsets, rising(wish, weight), strict=True):
            x[name] = place + offset


def rising(wish: Sequence[float], weight: Sequence[float]) -> list[float]:
    """The non-decreasing numbers nearest to `wish` by weighted squares (pool adjacent violators)."""
    pools: list[list[float]] = []  # value, weight, how many
    for value, heavy in zip(wish, weight, strict=True):
        pools.append([value, heavy, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            value, heavy, many = pools.pop()
            last = pools[-1]
            last[0] = (last[0] * last[1] + value * heavy) / (last[1] + heavy)
            last[1] += heavy
            last[2] += many
    return [value for value, _, many in pools for _ in range(int(many))]


def ordered(parents: Parents, wide: int, routed: int) -> Rows:
    """Rows with few crossings. More than `routed` boxes and waypoints: rows as written, edges straight through."""
    above = dict(parents)
    found = Rows(_narrow(above, wide), parents=above, children={name: [] for name in above})
    found.rows = [[] for _ in range(max(found.level.values(), default=-1) + 1)]
    for name, level in found.level.items():
        found.rows[level].append(name)
    passed = 0
    for name, names in parents:
        for parent in names:
            found.children[parent].append(name)
            passed += found.level[name] - found.level[parent] - 1
    simple = len(above) > routed or passed > routed * 5
    _link(found, {} if simple else _trunks(found))
    if not simple:
        _sort(found)
    return found


def _narrow(parents: dict[str, tuple[str, ...]], wide: int) -> dict[str, int]:
    """Levels, where a row that is full hands on to the next one; the rows of one level are equally long."""
    plain = levels(parents)
    crowd: dict[int, int] = {}
    for level in plain.values():
        crowd[level] = crowd.get(level, 0) + 1
    found: dict[str, int] = {}
    used: dict[int, int] = {}
    for name in sorted(plain, key=plain.__getitem__):
        many = crowd[plain[name]]
        limit = -(-many // -(-many // wide))
        level = max((found[parent] + 1 for parent in parents[name]), default=0)
        while used.get(level, 0) >= (limit if many > wide else wide):
            level += 1
        found[name] = level
        used[level] = used.get(level, 0) + 1
    return found


def _trunks(found: Rows) -> dict[tuple[str, str], str]:
    """By edge over several rows: the line it shares, from the step above (`>a`) or to the step below (`<b`)."""
    long = [(a, b) for b, names in found.parents.items() for a in names if found.level[b] - found.level[a] > 1]
    out: dict[str, int] = {}
    into: dict[str, int] = {}
    for a, b in long:
        out[a], into[b] = out.get(a, 0) + 1, into.get(b, 0) + 1
    return {(a, b): f">{a}" if out[a] >= into[b] else f"<{b}" for a, b in long}


def _link(found: Rows, trunks: dict[tuple[str, str], str]) -> None:
    """Join the rows; a long edge with a trunk gets a waypoint in every row it passes, one without is not joined."""
    links: list[dict[tuple[str, str], None]] = [{} for _ in found.rows[1:]]
    there: set[str] = set()
    for b, names in found.parents.items():
        for a in names:
            way = []
            if (a, b) in trunks:
                way = [(level, f"{trunks[a, b]}@{level}") for level in range(found.level[a] + 1, found.level[b])]
                found.between[a, b] = way
            elif found.level[b] - found.level[a] > 1:
                continue
            for level, name in way:
                if name not in there:
                    there.add(name)
                    found.rows[level].append(name)
            for n, pair in enumerate(pairwise([a, *(name for _, name in way), b])):
                links[found.level[a] + n][pair] = None
    found.links = [list(pairs) for pairs in links]


def _sort(found: Rows) -> None:
    """Sweep down and up by barycentres; the best order seen stays."""
    best, least = [list(row) for row in found.rows], found.crossings()
    for sweep in range(SWEEPS):
        if not least:
            break
        downward = sweep % 2 == 0
        for level in range(len(found.rows)) if downward else reversed(range(len(found.rows))):
            near = found.neighbours(level, above=downward)
            other = level - 1 if downward else level + 1
            at = {name: x for x, name in enumerate(found.rows[other])} if 0 <= other < len(found.rows) else {}
            scale = len(at) / max(1, len(found.rows[level]))
            wish = {name: sum(at[o] for o in near[name]) / len(near[name]) if near[name] else x * scale
                    for x, name in enumerate(found.rows[level])}
            found.rows[level].sort(key=wish.__getitem__)
        crossed = found.crossings()
        if crossed < least:
            best, least = [list(row) for row in found.rows], crossed
    found.rows = best
