"""The spec on the table: placeholders filled, edges drawn, engines found, so that each rule is one short function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from flows.errors import InputError, MissingError, PenstockError, Problem, SpecError
from flows.spec import graph
from flows.spec.placeholder import names
from flows.spec.problems import clip, typed
from flows.spec.suggest import suggest
from flows.spec.template import builtins, resolve, run_values, values_of

if TYPE_CHECKING:
    from flows.engines.base import Engine, EngineConfig
    from flows.insight.catalog import Catalog
    from flows.settings import Settings
    from flows.spec.model import FlowSpec, Parameter, Step
    from flows.warehouse.base import Column

SAMPLES: Mapping[str, str] = {"integer": "1", "number": "1", "boolean": "true", "date": "2025-01-01", "timestamp": "2025-01-01T00:00:00Z"}


class Engines(Protocol):
    """Where engines come from: `flows.engines.registry`, or a stand-in."""

    def engine(self, ps_type: str) -> Engine: ...
    def names(self) -> Sequence[str]: ...


@dataclass
class Case:
    """All that a rule may look at. `spec` has its placeholders filled with the values of a run today."""

    raw: FlowSpec
    spec: FlowSpec
    catalog: Catalog
    settings: Settings
    values: Mapping[str, Any]
    engines: Mapping[str, Engine] = field(default_factory=dict)  # by step_id, where one was found
    configs: Mapping[str, EngineConfig] = field(default_factory=dict)  # by step_id, where the blocks fit
    order: list[str] | None = None  # None while the edges do not hold
    above: Callable[[str, str], bool] = lambda a, b: True
    open: frozenset[str] = frozenset()  # steps that hold a value which only a run knows
    problems: list[Problem] = field(default_factory=list)
    columns: dict[str, tuple[Column, ...] | None] = field(default_factory=dict)
    describe: Callable[[str], tuple[Column, ...] | None] = lambda name: None  # a table of the warehouse, at the full level

    def reads(self, step: Step) -> list[str]:
        """The relations and tables a step reads, as its engine says."""
        config = self.configs.get(step.step_id)
        return self.engines[step.step_id].inputs(config) if config is not None else []


def build(spec: FlowSpec, *, catalog: Catalog, settings: Settings, engines: Engines | None = None) -> Case:
    """Put a spec on the table; what does not hold on the way is in `problems`."""
    problems: list[Problem] = []
    filled, values, unsure = _filled(spec, settings, problems)
    case = Case(spec, filled, catalog, settings, values, problems=problems,
                open=frozenset(f.step_id for f, r in zip(filled.steps, spec.steps, strict=True) if _uses(r, unsure)))
    try:
        case.order = graph.order(filled)
        case.above = graph.upstream(filled)
    except SpecError as error:
        problems += error.problems
    case.engines, case.configs = _engines(filled, engines, problems, case.open if filled is spec else frozenset())
    return case


def word(step: Step, block: str, field: str) -> str:
    """A text in a step's block; empty when it is not there or no text. The blocks may hold anything until their engine has judged them."""
    value = (step.blocks().get(block) or {}).get(field)
    return value if isinstance(value, str) else ""


def find(step: Step, value: str) -> str:
    """The place in a step's blocks where a text stands, else the step itself."""
    base = f"steps.{step.step_id}"
    return next((f"{base}.{path}" for path, text in texts(step.blocks()) if text == value), base)


def texts(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in plain data with its place."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from texts(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list):
        for n, value in enumerate(data):
            yield from texts(value, f"{path}.{n}" if path else str(n))


def _filled(spec: FlowSpec, settings: Settings, problems: list[Problem]) -> tuple[FlowSpec, Mapping[str, Any], frozenset[str]]:
    """The spec as a run today would see it. A name without a value is a problem, and stands for any value from here on."""
    needed = {p.name: _sample(p) for p in spec.parameters if p.default is None}
    unsure = {p.name for p in spec.parameters if p.default is None and p.type == "string"} | {"provider", "domain", "run_id"}
    values: Mapping[str, Any] = {}
    try:
        values = run_values(spec, needed, tenant_id=settings.tenant_id, run_id="check")
        return resolve(spec, values), values_of(spec, values), frozenset(unsure)
    except InputError as error:
        problems += error.problems if isinstance(error, SpecError) else [Problem(_param(error, spec), "parameter", error.what, error.fix)]
    values = {**builtins(tenant_id=settings.tenant_id, pipeline_id="any", run_id="check"), **values}
    gaps = {name for _, text in texts(spec.as_dict()) for name in names(text)} - set(values)
    loose = {**{name: f"any_{name}" for name in gaps}, **values}
    try:
        return resolve(spec, loose), loose, frozenset(unsure | gaps)
    except InputError:  # nothing is filled, so no step that has a placeholder can be judged
        return spec, loose, frozenset(name for _, text in texts(spec.as_dict()) for name in names(text))


def _sample(param: Parameter) -> str:
    return SAMPLES.get(param.type, f"any_{param.name}")


def _param(error: InputError, spec: FlowSpec) -> str:
    name = error.where.removeprefix("--param ")
    return next((f"parameters.{n}.default" for n, p in enumerate(spec.parameters) if p.name == name), "parameters")


def _uses(step: Step, unsure: frozenset[str]) -> bool:
    return any(name in unsure for _, text in texts(step.blocks()) for name in names(text))


def _engines(spec: FlowSpec, engines: Engines | None, problems: list[Problem],
             unfilled: frozenset[str]) -> tuple[dict[str, Engine], dict[str, EngineConfig]]:
    if engines is None:
        from flows.engines import registry

        engines = cast(Engines, registry)
    found: dict[str, Engine] = {}
    configs: dict[str, EngineConfig] = {}
    for step in spec.steps:
        place = f"steps.{step.step_id}"
        try:
            engine = found[step.step_id] = engines.engine(step.ps_type)
            configs[step.step_id] = typed(engine.Config, step.blocks(), place)
        except SpecError as error:
            problems += error.problems if step.step_id not in unfilled else ()
        except PenstockError as error:  # unknown, or a package whose engine breaks the contract
            problems.append(_unknown(error, step, engines))
    return found, configs


def _unknown(error: PenstockError, step: Step, engines: Engines) -> Problem:
    what = f"there is no engine {clip(step.ps_type)!r}" if isinstance(error, MissingError) else error.what
    return Problem(f"steps.{step.step_id}.ps_type", "unknown_engine", what, error.fix,
                   tuple(suggest(step.ps_type, engines.names())))
