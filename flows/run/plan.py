"""What a spec will do, step by step: the one list that the preview and the run both walk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from flows.engines import registry
from flows.engines.base import Engine, EngineConfig
from flows.errors import MissingError, Problem, SpecError
from flows.insight.catalog import Catalog
from flows.settings import Limits
from flows.spec import graph
from flows.spec.model import FlowSpec, Retry, Step
from flows.spec.problems import typed
from flows.spec.suggest import did_you_mean


@dataclass(frozen=True)
class PlanStep:
    """One step, ready to run: its engine found, its config typed, defaults filled in."""

    step_id: str
    name: str
    ps_type: str
    position: int
    engine: Engine
    config: EngineConfig
    upstream: tuple[str, ...]
    trigger: str
    retry: Retry
    timeout: float  # seconds
    continue_on_error: bool
    inputs: tuple[str, ...]  # relations and catalogued tables that the engine reads


@dataclass(frozen=True)
class Plan:
    """The steps in topological order."""

    pipeline_id: str
    steps: tuple[PlanStep, ...]

    @cached_property
    def by_id(self) -> dict[str, PlanStep]:
        return {step.step_id: step for step in self.steps}

    def step(self, step_id: str) -> PlanStep:
        """The step of that name. Raises MissingError with near misses."""
        found = self.by_id.get(step_id)
        if found is None:
            raise MissingError(f"there is no step {step_id!r}", where=self.pipeline_id,
                               fix=did_you_mean(step_id, self.by_id) or f"Steps: {', '.join(list(self.by_id)[:20])}")
        return found

    def above(self, step_id: str) -> list[str]:
        """Every step upstream of this one, direct or not, in plan order."""
        return self._reach(step_id, self._upstream, {step_id})

    def needed(self, step_id: str) -> list[str]:
        """The step and the steps whose rows it reads, direct or not, in plan order. Raises MissingError."""
        self.step(step_id)
        return self._reach(step_id, self._inputs, set())

    @cached_property
    def _upstream(self) -> dict[str, tuple[str, ...]]:
        return {s.step_id: s.upstream for s in self.steps}

    @cached_property
    def _inputs(self) -> dict[str, tuple[str, ...]]:
        return {s.step_id: tuple(name for name in s.inputs if name in self.by_id) for s in self.steps}

    def _reach(self, start: str, links: Mapping[str, tuple[str, ...]], without: set[str]) -> list[str]:
        seen, todo = {start}, [start]
        while todo:
            for name in links[todo.pop()]:
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
        return sorted(seen - without, key=lambda name: self.by_id[name].position)


def make_plan(spec: FlowSpec, *, catalog: Catalog, limits: Limits | None = None) -> Plan:
    """Turn a resolved spec into its plan.

    Raises SpecError with every wrong step, not only the first: an unknown engine, a config that does not fit, a circle, an input
    that does not run before its reader.
    """
    edges, order = graph.edges(spec), graph.order(spec)
    by_id = {step.step_id: step for step in spec.steps}
    steps: list[PlanStep] = []
    problems: list[Problem] = []
    for position, step_id in enumerate(order):
        try:
            steps.append(_plan_step(spec, by_id[step_id], position, edges[step_id], limits or Limits()))
        except SpecError as error:
            problems += error.problems
    plan = Plan(spec.pipeline_id, tuple(steps))
    problems = problems or list(_unready(plan))
    if problems:
        raise SpecError(problems)
    return plan


def _plan_step(spec: FlowSpec, step: Step, position: int, upstream: tuple[str, ...], limits: Limits) -> PlanStep:
    defaults = spec.defaults
    engine, config = _engine(step)
    return PlanStep(
        step_id=step.step_id,
        name=step.name or step.step_id,
        ps_type=step.ps_type,
        position=position,
        engine=engine,
        config=config,
        upstream=upstream,
        trigger=step.trigger,
        retry=step.retry or (defaults.retry if defaults else None) or Retry(),
        timeout=step.timeout or (defaults.timeout if defaults else None) or limits.step_seconds,
        continue_on_error=step.continue_on_error,
        inputs=tuple(engine.inputs(config)),
    )


def _engine(step: Step) -> tuple[Engine, EngineConfig]:
    """Find the engine and type its config; errors become problems of this step."""
    place = f"steps.{step.step_id}"
    try:
        engine = registry.engine(step.ps_type)
    except MissingError as error:
        raise SpecError(Problem(f"{place}.ps_type", "unknown_engine", error.what, error.fix)) from None
    return engine, typed(engine.Config, step.blocks(), place)


def _unready(plan: Plan) -> Iterable[Problem]:
    """A step that reads the rows of a step that does not run before it."""
    for step in plan.steps:
        reads = [name for name in step.inputs if name in plan.by_id]
        above = set(plan.above(step.step_id)) if reads else set()
        for name in reads:
            if name not in above:
                yield Problem(f"steps.{step.step_id}", "not_upstream", f"reads {name!r}, which does not run before it",
                              f"Add {name!r} to its depends_on", (name,))
