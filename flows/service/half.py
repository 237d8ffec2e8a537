"""The part of an unfinished draft that can be previewed: its complete steps whose upstream is complete, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.errors import SpecError

if TYPE_CHECKING:
    from flows.insight.catalog import Catalog
    from flows.run.preview import Preview
    from flows.settings import Settings
    from flows.spec.model import FlowSpec
    from flows.store import Store

WAITS = "answer the question first"


def finished(draft: Mapping[str, Any], *, catalog: Catalog, settings: Settings) -> FlowSpec | None:
    """The draft with its complete steps only, without schedule and notifications; None when no step is complete."""
    from flows.checks import validate
    from flows.spec.loader import from_data

    steps = [s for s in draft.get("steps") or [] if isinstance(s, dict) and s.get("step_id")]
    out = {str(s["step_id"]) for s in steps if is_open(s)}
    while True:
        out = _with_followers(steps, out)
        kept = [s for s in steps if str(s["step_id"]) not in out]
        if not kept:
            return None
        try:
            spec = from_data({"pipeline_id": str(draft.get("pipeline_id") or "draft"), "steps": kept})
            problems = validate(spec, level="semantic", catalog=catalog, settings=settings).problems
        except SpecError as error:
            problems = error.problems
        if not problems:
            return spec
        names = {str(s["step_id"]) for s in kept}
        parts = [p.path.split(".") for p in problems]
        wrong = {p[1] if p[1] in names else str(kept[int(p[1])]["step_id"]) for p in parts
                 if p[0] == "steps" and len(p) > 1 and (p[1] in names or (p[1].isdigit() and int(p[1]) < len(kept)))}
        if not wrong:
            return None
        out |= wrong


def is_open(value: Any) -> bool:
    """Does a value hold something that is still asked: `?` or null?"""
    if isinstance(value, dict):
        return any(is_open(v) for v in value.values())
    return any(is_open(v) for v in value) if isinstance(value, list) else value is None or value == "?"


def _with_followers(steps: list[dict[str, Any]], out: set[str]) -> set[str]:
    """Those steps and all that read from them or run after them; a step without `depends_on` follows the one before it."""
    out = set(out)
    for n, step in enumerate(steps):
        config = step.get("config") or {}
        after = step.get("depends_on")
        before = list(after) if isinstance(after, list) else [steps[n - 1]["step_id"]] if n else []
        given = [*before, config.get("input"), *(config.get("inputs") or [])]
        if any(str(g) in out for g in given if g):
            out.add(str(step["step_id"]))
    return out


def preview_half(draft: Mapping[str, Any], *, catalog: Catalog, settings: Settings, store: Store, step: str | None = None,
                 limit: int | None = None, params: Mapping[str, Any] | None = None) -> Preview:
    """A preview of all steps of a draft, in its order; what waits for an answer is "not reached"."""
    from flows.run.preview import NOT_REACHED, Preview, StepPreview, preview

    spec = finished(draft, catalog=catalog, settings=settings)
    done = {s.step_id for s in spec.steps} if spec else set()
    wanted = spec is not None and (step is None or step in done)
    shown = preview(spec, settings=settings, store=store, catalog=catalog, step=step, limit=limit,
                    params=dict(params or {})) if spec is not None and wanted else Preview(str(draft.get("pipeline_id") or "draft"), ())
    seen = {s.step_id: s for s in shown.steps}
    steps = [s for s in draft.get("steps") or [] if isinstance(s, dict) and s.get("step_id")]
    rows = [seen.get(str(s["step_id"])) or StepPreview(str(s["step_id"]), str(s.get("name") or s["step_id"]), str(s.get("ps_type") or ""),
                                                       NOT_REACHED, notes=[WAITS])
            for s in steps if str(s["step_id"]) in seen or (str(s["step_id"]) not in done and step in (None, s["step_id"]))]
    return replace(shown, steps=tuple(rows))
