"""Where the boxes of a pipeline stand: levels from top to bottom, few crossings, edges around the boxes between.

Levels are longest paths. A level wider than `WIDE` boxes goes on in the next row. An edge over several rows passes each of them at a
place of its own (a waypoint); edges of one step that go the same way share it. Above `MANY` steps, steps that stand side by side
become one box; `opened` names those that are shown whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from flows.show.groups import Folded, folded
from flows.show.outline import Drawn, outline
from flows.show.rows import Rows, ordered

WIDTH, HEIGHT, ACROSS, DOWN, EDGE = 206, 54, 22, 34, 12
WIDE = 5
MANY = 25
ROUTED = 400  # boxes and waypoints up to which edges are led around boxes and the order is improved


@dataclass(frozen=True)
class Node:
    """A box: its upper left corner and size in pixels. `steps`: the steps it stands for, more than one in a folded box."""

    id: str
    x: float
    y: float
    w: float
    h: float
    level: int
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Boxes in reading order. `routes[n]` are the points of `edges[n]` from above to below; `folds`: boxes that can be folded again."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    routes: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    height: float
    folds: tuple[str, ...] = ()

    def path(self, n: int) -> str:
        """Edge `n` as the `d` of an SVG path: upright beside boxes, a smooth bend between rows."""
        points = self.routes[n]
        parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
        for (x0, y0), (x1, y1) in pairwise(points):
            middle = round((y0 + y1) / 2, 1)
            parts.append(f"V{y1:g}" if x0 == x1 else f"C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}")
        return "".join(parts)


def layout(spec: Drawn, *, height: int = HEIGHT, opened: Iterable[str] = (), many: int = MANY) -> Layout:
    """Place every step of a spec or of a draft. `height`: of a box in pixels; `opened`: ids of folded boxes to show whole.

    The same spec gives the same places. At most a few milliseconds for 60 steps; a pipeline of thousands is placed simply.
    """
    return _layout(folded(outline(spec), frozenset(opened), many), height)


@lru_cache(maxsize=64)
def _layout(fold: Folded, height: int) -> Layout:
    rows = ordered(fold.parents, WIDE, ROUTED)
    place = _Places(rows, height)
    steps = dict(fold.steps)
    nodes = [Node(name, round(place.x[name] - WIDTH / 2, 1), place.top[level], WIDTH, height, level, steps[name])
             for name, level in rows.level.items()]
    nodes.sort(key=lambda node: (node.level, node.x))
    edges = tuple((parent, name) for name, parents in fold.parents for parent in parents)
    width = max((node.x + node.w for node in nodes), default=0) + EDGE
    width = max([width, *(x + EDGE for x in place.x.values())])
    bottom = max((node.y + node.h for node in nodes), default=0) + EDGE
    return Layout(tuple(nodes), edges, tuple(place.route(*edge) for edge in edges), round(width, 1), bottom, fold.folds)


class _Places:
    """Coordinates: the middle of everything that stands in a row, and the top of each row."""

    def __init__(self, rows: Rows, height: int) -> None:
        self.rows, self.height = rows, height
        self.x = rows.places(lambda name: WIDTH + ACROSS if name in rows.level else ACROSS)
        left = min((self.x[name] - WIDTH / 2 for name in rows.level), default=0)
        left = min([left, *(x - EDGE for x in self.x.values())])
        self.x = {name: round(x - left + EDGE, 1) for name, x in self.x.items()}
        self.top: list[float] = []
        y = float(EDGE)
        for level in range(len(rows.rows)):
            self.top.append(y)
            y += height + DOWN + min(30, 3 * max(0, rows.bends(level, self.x) - 3))

    def route(self, above: str, below: str) -> tuple[tuple[float, float], ...]:
        points = [(self.x[above], self.top[self.rows.level[above]] + self.height)]
        for level, name in self.rows.between.get((above, below), ()):
            points += [(self.x[name], self.top[level]), (self.x[name], self.top[level] + self.height)]
        points.append((self.x[below], self.top[self.rows.level[below]]))
        return tuple(points)
