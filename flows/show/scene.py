"""Everything that is drawn of a pipeline as plain data: boxes with their texts, state and icon, edges with their paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

from flows.show.layout import HEIGHT, Layout, Node, layout
from flows.show.outline import Drawn, steps_of
from flows.show.states import Of, StepState, state
from flows.show.step import kind
from flows.show.units import rows, seconds, several

TALL = 76  # a box with a line for its state
WORST = ("FAILED", "TIMED_OUT", "CRASHED", "failed", "RETRYING", "RUNNING", "CANCELLED", "stopped", "PENDING", "waiting", "not reached",
         "bigquery-only", "SUCCESS", "ok", "SKIPPED", "skipped")


def scene(spec: Drawn, states: Mapping[str, StepState] | None = None, *, opened: Iterable[str] = (), of: str = "step",
          many: int | None = None) -> dict[str, Any]:
    """`nodes`, `edges`, `width`, `height`, `folds` and a sentence `told`, as JSON data; texts are data and not escaped."""
    placed = layout(spec, height=HEIGHT if states is None else TALL, opened=opened, **({} if many is None else {"many": many}))
    steps = {step["step_id"]: step for step in steps_of(spec)}
    nodes = [_node(node, steps, states, of) for node in placed.nodes]
    return {"nodes": nodes, "edges": _edges(placed), "width": placed.width, "height": placed.height, "folds": list(placed.folds),
            "told": _told(steps, states, of)}


def _edges(placed: Layout) -> list[dict[str, str]]:
    return [{"a": a, "b": b, "d": placed.path(n)} for n, (a, b) in enumerate(placed.edges)]


def _node(node: Node, steps: Mapping[str, dict[str, Any]], states: Mapping[str, StepState] | None, of: str) -> dict[str, Any]:
    kinds = list(dict.fromkeys(str(steps[name].get("ps_type") or "?") for name in node.steps))
    many = len(node.steps) > 1
    icon, colour = ("layers", kind(kinds[0])[1]) if many else kind(kinds[0])
    label = several(len(node.steps), "step") if many else node.id
    sub = (f"{node.steps[0]} to {node.steps[-1]}" if many else kinds[0])
    shown: dict[str, Any] = {
        "id": node.id, "x": node.x, "y": node.y, "w": node.w, "h": node.h, "level": node.level, "steps": list(node.steps), "label": label,
        "sub": sub, "icon": icon, "kind": colour, "draft": any(unknown(steps[name]) for name in node.steps), "folded": many}
    look = _state([states.get(name, StepState("PENDING" if of == "step" else "not reached")) for name in node.steps], of) \
        if states is not None else {}
    said = [label, ", ".join(kinds[:3]), *([look["word"].lower(), *look["said"]] if look else []),
            *(["not complete"] if shown["draft"] else []), *(["folded"] if many else [])]
    name = str(steps[node.id].get("name") or "") if not many else ""
    title = [name or label, ", ".join(kinds[:3]), *(([look["word"], *look["said"], *look["errors"]]) if look else [])]
    return {**shown, "state": look or None, "aria": ", ".join(filter(None, said)), "title": "\n".join(filter(None, title))}


def _state(found: list[StepState], of: str) -> dict[str, Any]:
    """One state for a box: the worst of its steps; rows and rejects are summed, the time is the longest.

    `note` stands beside the word: rows, or how many steps of a folded box are over; `took` stands above it.
    """
    status = min((s.status for s in found), key=lambda name: WORST.index(name) if name in WORST else -1)
    look = state(status, of=cast("Of", of))
    told = [s.rows for s in found if s.rows is not None]
    took = [s.seconds for s in found if s.seconds is not None]
    tries, rejected = max(s.attempts for s in found), sum(s.rejected for s in found)
    done = sum(state(s.status, of=cast("Of", of)).over for s in found)
    part = f"{done} of {len(found)}" if len(found) > 1 and done < len(found) else ""
    number, length = rows(sum(told)) if told else "", seconds(max(took)) if took else ""
    flags = [*([{"text": f"{rejected:,} rejected", "colour": "orange"}] if rejected else []),
             *([{"text": f"{tries} tries", "colour": "orange" if look.colour == "orange" else "gray"}] if tries > 1 else [])]
    return {"name": status, "word": look.word, "colour": look.colour, "icon": look.icon, "live": status in ("RUNNING", "RETRYING"),
            "note": part or number, "took": length.replace("under ", "<"), "flags": flags,
            "said": [*filter(None, (part, number, length)), *(flag["text"] for flag in flags)],
            "errors": [s.error for s in found if s.error][:1]}


def unknown(step: Mapping[str, Any]) -> bool:
    """Whether a step of a draft still holds null or `?` where something is asked."""
    found: list[Any] = [step.get("ps_type", "?"), *(step[name] for name in ("source", "destination", "config") if name in step)]
    while found:
        value = found.pop()
        if value is None or value == "?":
            return True
        found += value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return False


def _told(steps: Mapping[str, Any], states: Mapping[str, StepState] | None, of: str) -> str:
    """`6 steps`, and how many stand how once it runs."""
    total = several(len(steps), "step")
    if states is None:
        return total
    waiting = StepState("PENDING" if of == "step" else "not reached")
    words = Counter(state(states.get(name, waiting).status, of=cast("Of", of)).word.lower() for name in steps)
    return f"{total}: " + ", ".join(f"{n:,} {word}" for word, n in words.most_common())
