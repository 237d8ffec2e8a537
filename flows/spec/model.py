"""What a pipeline is: the flow spec, typed, closed and the same for people, templates, planners and the runner."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

StepId = Annotated[str, Field(min_length=1, max_length=128)]
Trigger = Literal["on_success", "on_failure", "always"]
Channel = Literal["slack", "email"]
NotifyEvent = Literal["failure", "success", "always", "anomaly"]
ParameterType = Literal["string", "integer", "number", "boolean", "date", "timestamp"]

NAME = re.compile(r"^[A-Za-z0-9_-]+\Z")
PLACEHOLDER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")


class Model(BaseModel):
    """Closed: a field that the contract does not know is an error, never dropped."""

    model_config = ConfigDict(extra="forbid")


class Retry(Model):
    """`max_attempts` counts all tries. Wait before try n+1: backoff_seconds * backoff_multiplier ** (n - 1), capped, with jitter."""

    max_attempts: int = Field(1, ge=1, le=100)
    backoff_seconds: float = Field(10, ge=0, le=86_400)
    backoff_multiplier: float = Field(2, ge=1, le=10)
    max_backoff_seconds: float = Field(600, ge=0, le=86_400)
    retry_on: list[str] | None = None


class Defaults(Model):
    """What holds for every step that says nothing."""

    retry: Retry | None = None
    timeout_seconds: float | None = Field(None, gt=0, le=604_800)
    timeout_minutes: float | None = Field(None, gt=0, le=10_080)

    @model_validator(mode="after")
    def one_timeout(self) -> Defaults:
        if self.timeout_seconds is not None and self.timeout_minutes is not None:
            raise ValueError("give timeout_seconds or timeout_minutes, not both")
        return self

    @property
    def timeout(self) -> float | None:
        """Seconds, or None where nothing is said."""
        if self.timeout_minutes is not None:
            return self.timeout_minutes * 60
        return self.timeout_seconds


class Schedule(Model):
    """A cron line in a time zone (IANA name), or a fixed interval in seconds."""

    cron: str | None = None
    interval_seconds: int | None = Field(None, ge=1)
    timezone: str = "UTC"
    catchup: bool = False

    @model_validator(mode="after")
    def one_kind(self) -> Schedule:
        if (self.cron is None) == (self.interval_seconds is None):
            raise ValueError("a schedule has either cron or interval_seconds")
        return self


class Parameter(Model):
    """What one run may be given."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    type: ParameterType = "string"
    default: str | int | float | bool | None = None
    description: str = ""


class Budget(Model):
    bytes_per_run: int | None = Field(None, gt=0)
    usd_per_month: float | None = Field(None, gt=0)


class Notify(Model):
    channel: Channel
    target: str = Field(min_length=1)
    on: list[NotifyEvent] = Field(["failure"], min_length=1)


class Step(Model):
    """One step. `source`, `destination` and `config` belong to the engine that `ps_type` names; its Config judges them."""

    step_id: StepId
    name: str = ""
    ps_type: str = Field(min_length=1)
    depends_on: list[str] | None = None
    parallel_group: str | None = None
    trigger: Trigger = "on_success"
    timeout_seconds: float | None = Field(None, gt=0, le=604_800)
    timeout_minutes: float | None = Field(None, gt=0, le=10_080)
    retry: Retry | None = None
    continue_on_error: bool = False
    source: dict[str, Any] | None = None
    destination: dict[str, Any] | None = None
    config: dict[str, Any] | None = None

    @field_validator("step_id")
    @classmethod
    def plain_name(cls, value: str) -> str:
        if not NAME.match(PLACEHOLDER.sub("x", value)):
            raise ValueError("use letters, digits, '-' and '_'")
        return value

    @model_validator(mode="after")
    def one_timeout(self) -> Step:
        if self.timeout_seconds is not None and self.timeout_minutes is not None:
            raise ValueError("give timeout_seconds or timeout_minutes, not both")
        return self

    @property
    def timeout(self) -> float | None:
        """Seconds, or None where nothing is said."""
        return self.timeout_minutes * 60 if self.timeout_minutes is not None else self.timeout_seconds

    def blocks(self) -> dict[str, dict[str, Any]]:
        """The engine's part of the step: those of source, destination and config that are there."""
        found = {"source": self.source, "destination": self.destination, "config": self.config}
        return {name: block for name, block in found.items() if block is not None}


class FlowSpec(Model):
    """A whole pipeline."""

    pipeline_id: str = Field(min_length=1, max_length=200)
    name: str = ""
    description: str = ""
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict)
    parameters: list[Parameter] = Field(default_factory=list)
    schedule: Schedule | None = None
    budget: Budget | None = None
    notify: list[Notify] = Field(default_factory=list)
    defaults: Defaults | None = None
    steps: list[Step] = Field(min_length=1)

    @field_validator("pipeline_id")
    @classmethod
    def plain_name(cls, value: str) -> str:
        if not NAME.match(PLACEHOLDER.sub("x", value)):
            raise ValueError("use letters, digits, '-' and '_'")
        return value

    def step(self, step_id: str) -> Step:
        """The step of that name; KeyError if there is none."""
        for step in self.steps:
            if step.step_id == step_id:
                return step
        raise KeyError(step_id)

    def as_dict(self) -> dict[str, Any]:
        """Canonical plain data: only what was said, in the order of the contract."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """How a notebook shows a spec: its graph, its steps in words, and the whole of it as English and as YAML."""
        from flows.show.page import spec_bundle
        from flows.spec.loader import dump
        from flows.spec.words import explain

        return spec_bundle(self, english=explain(self), yaml=dump(self), data=self.as_dict())
