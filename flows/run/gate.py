"""Whether a step may start, judged when its upstream has ended, and how a whole run ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.run.plan import Plan, PlanStep

RUNNING, RETRYING = "RUNNING", "RETRYING"
SUCCESS, FAILED, SKIPPED, CANCELLED, TIMED_OUT, CRASHED = "SUCCESS", "FAILED", "SKIPPED", "CANCELLED", "TIMED_OUT", "CRASHED"
FAILURES = frozenset({FAILED, TIMED_OUT})
ENDED_AS = {FAILED: "failed", TIMED_OUT: "timed out", SKIPPED: "was skipped", CANCELLED: "was cancelled", CRASHED: "crashed"}


@dataclass(frozen=True)
class Decision:
    """Go, or the reason why not."""

    go: bool
    why: str = ""


def waits_for(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Whose end each step awaits: its upstream; a root that runs on failure awaits all that does not hang on such a root."""
    watchers = {s.step_id for s in plan.steps if s.trigger == "on_failure" and not s.upstream}
    behind: set[str] = set(watchers)
    for step in plan.steps:  # topological order: parents come first
        if behind.intersection(step.upstream):
            behind.add(step.step_id)
    rest = tuple(s.step_id for s in plan.steps if s.step_id not in behind)
    return {s.step_id: rest if s.step_id in watchers else s.upstream for s in plan.steps}


def judge(step: PlanStep, plan: Plan, states: Mapping[str, str]) -> Decision:
    """Judge a step's trigger by the table in section 2 of the spec contract.

    `states` holds the final state of every step that `waits_for` names, and of everything above it.
    """
    if step.trigger == "always":
        return Decision(True)
    if step.trigger == "on_failure":
        return _on_failure(step, plan, states)
    bad = [name for name in step.upstream if states[name] != SUCCESS]
    return Decision(False, _reason(bad, states)) if bad else Decision(True)


def _on_failure(step: PlanStep, plan: Plan, states: Mapping[str, str]) -> Decision:
    above: Iterable[str] = plan.above(step.step_id) if step.upstream else waits_for(plan)[step.step_id]
    if any(states.get(name) in FAILURES for name in above):
        return Decision(True)
    return Decision(False, f"runs on failure only, and no step {'before it ' if step.upstream else ''}failed")


def _reason(names: list[str], states: Mapping[str, str]) -> str:
    shown = ", ".join(f"{name} {ENDED_AS[states[name]]}" for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def final_status(states: Iterable[str]) -> str:
    """How the run ended: CANCELLED when a cancel stopped something, FAILED when a step failed, else SUCCESS."""
    seen = set(states)
    if CANCELLED in seen:
        return CANCELLED
    return FAILED if seen & FAILURES else SUCCESS
