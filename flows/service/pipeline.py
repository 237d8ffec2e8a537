"""A pipeline as a program has it: what it is made with, what it is, how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flows.errors import PipelineGenerationError
from flows.spec.model import FlowSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.run.view import RunView
    from flows.service.deployments import DeploymentView

FRAMEWORKS, LANGUAGES = ("prefect",), ("python",)


@dataclass(frozen=True)
class PipelineOptions:
    """What is done to a draft before it is kept; see docs/python.md.

    `optimize`: tables are read with only the columns that are used. `validate`: the pipeline must pass the full check, which tries every
    step on empty tables; off, the semantic check is enough. `include_monitoring`: beside each load its rows are judged, which warns and
    never stops a run, and `notify` (an e-mail address, or a Slack connection's name) is told of a failure. `include_error_handling`:
    passing errors are retried and no step runs for ever. `target_framework` and `language` say what `Pipeline.code` is.

    Raises PipelineGenerationError for a framework or language that there is no code for, and for values of another type.
    """

    optimize: bool = True
    validate: bool = True
    include_monitoring: bool = True
    include_error_handling: bool = True
    target_framework: str = "prefect"
    language: str = "python"
    notify: str = ""

    def __post_init__(self) -> None:
        for name in ("optimize", "validate", "include_monitoring", "include_error_handling"):
            if not isinstance(getattr(self, name), bool):  # "no" would be taken for a yes
                raise PipelineGenerationError(f"{getattr(self, name)!r} is neither True nor False", where=name, fix="Give True or False")
        for name, known in (("target_framework", FRAMEWORKS), ("language", LANGUAGES)):
            given = getattr(self, name)
            if given not in known:
                raise PipelineGenerationError(f"{given!r} is not supported", where=name, fix=f"Supported: {', '.join(known)}")


@dataclass(frozen=True)
class Pipeline:
    """A stored version of a pipeline. `assumptions` are what was read one way although another was possible, in sentences."""

    id: str
    version: int
    spec: FlowSpec = field(repr=False)
    assumptions: tuple[str, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        return self.spec.name or self.id

    @property
    def description(self) -> str:
        return self.spec.description

    @property
    def dag(self) -> dict[str, list[dict[str, Any]]]:
        """The graph as plain data: `nodes` with id, name and type, in the order they can run, and `edges` with `from` and `to`."""
        from flows.spec.graph import edges, order

        steps = [self.spec.step(step_id) for step_id in order(self.spec)]
        return {"nodes": [{"id": step.step_id, "name": step.name or step.step_id, "type": step.ps_type} for step in steps],
                "edges": [{"from": above, "to": step_id} for step_id, every in edges(self.spec).items() for above in every]}

    @cached_property
    def code(self) -> str:
        """A Python file that runs it with Prefect outside of the app: the same bytes for an equal spec."""
        from flows.show.code import python

        return python(self.spec)

    @property
    def yaml(self) -> str:
        """The spec as canonical YAML."""
        from flows.spec.loader import dump

        return dump(self.spec)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"id": self.id, "name": self.name, "description": self.description, "version": self.version, "spec": self.spec.as_dict(),
                "dag": self.dag, "code": self.code, "assumptions": list(self.assumptions)}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """How a notebook shows it: graph, steps in words, what was assumed, YAML."""
        from flows.show.page import spec_bundle
        from flows.spec.words import explain

        return spec_bundle(self.spec, english=explain(self.spec), yaml=self.yaml, data=self.as_dict(), lead=f"{self.id}, version "
                           f"{self.version}", also=[f"Assumed: {text}" for text in self.assumptions])


@dataclass(frozen=True)
class PipelineStatus:
    """How a pipeline stands: the version in force, its newest run and where it is deployed.

    `state` is that of the newest run (PENDING, RUNNING, SUCCESS, FAILED, CANCELLED, CRASHED), or NEVER_RAN. `why` says why a waiting run
    does not begin, "" when nothing is in the way.
    """

    pipeline_id: str
    version: int
    state: str
    run: RunView | None = None
    why: str = ""
    deployments: Sequence[DeploymentView] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"pipeline_id": self.pipeline_id, "version": self.version, "state": self.state, "why": self.why,
                "run": self.run.as_dict() if self.run else None, "deployments": [each.as_dict() for each in self.deployments]}
