"""Specs that are said in the fixed English of `penstock explain`: they are taken as they stand."""

from __future__ import annotations

from typing import Any

from flows.planner.answer import Fact, PlanResult


def own_words(text: str) -> PlanResult | None:
    """A spec that was said in the fixed English of `penstock explain` is taken as it stands."""
    if not text.lstrip().startswith("Pipeline "):
        return None
    from flows.spec.words import read

    spec = read(text)
    if spec is None:
        return None
    data = spec.as_dict()
    facts = [Fact(path=p, value=v, span=(0, len(text)), source="text") for p, v in _leaves(data, "")]
    return PlanResult(status="ready", spec=data, facts=facts)


def _leaves(node: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(node, dict) and node:
        return [leaf for k, v in node.items() for leaf in _leaves(v, f"{path}.{k}" if path else str(k))]
    if isinstance(node, list) and node and isinstance(node[0], dict):
        names = [str(v.get("step_id", n)) for n, v in enumerate(node)]
        return [leaf for name, v in zip(names, node, strict=True) for leaf in _leaves(v, f"{path}.{name}")]
    return [(path, node)]
