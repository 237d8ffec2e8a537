"""Make what a tenant needs before its first pipeline: datasets, the run book's tables, the stored procedures that come along, and limits.

Twice is harmless: what is there stays as it is. A tenant onboards itself and no other; its limits are set or lowered, never raised.
"""

from __future__ import annotations

from typing import NoReturn

from pydantic import Field, field_validator

from flows.engines.base import Block, Context, EngineConfig, Scope, StepResult, Tenancy
from flows.errors import InputError
from flows.warehouse.base import Column
from flows.warehouse.routines import SHIPPED
from flows.warehouse.runbook import TABLES, is_ours

DATASETS = ("raw", "staging", "mart", "quarantine")


class TenantLimits(Block):
    """What the tenant may use; a limit that is left out stays as it is. Days are those of UTC."""

    runs_per_day: int | None = Field(None, ge=0, le=2**31 - 1)
    runs_at_once: int | None = Field(None, ge=1, le=10_000)
    bytes_per_day: int | None = Field(None, ge=0, le=2**62, description="of BigQuery, billed by runs in production")


class Onboarding(Block):
    """What is made."""

    tenant: str | None = Field(None, description="the tenant of the run, which it is when left out; no other")
    datasets: list[str] = Field(default_factory=lambda: list(DATASETS), max_length=100)
    procedures: bool = Field(True, description="keep the stored procedures that come with Penstock")
    limits: TenantLimits = Field(default_factory=TenantLimits)

    @field_validator("datasets")
    @classmethod
    def plain_names(cls, value: list[str]) -> list[str]:
        for name in value:
            if not name.replace("_", "").isalnum() or not name.isascii() or len(name) > 100:
                raise ValueError(f"{name!r} is no name for a dataset: use letters, digits and '_'")
        return [name for name in dict.fromkeys(value) if not is_ours(name)]  # that one is made in any case


class Config(EngineConfig):
    """`config`: datasets, procedures and limits."""

    config: Onboarding = Field(default_factory=Onboarding)


def output(config: Config, scope: Scope) -> tuple[Column, ...] | None:
    """It gives no rows to other steps."""
    return ()


def run(config: Config, context: Context) -> StepResult:
    asked, door = config.config, _door(config.config, context)
    limits = door.set_limits(_named(asked.limits))  # first: what is refused has made nothing
    made = dict(door.make(tuple(asked.datasets)))
    procedures = dict(context.warehouse.sync_procedures(str(SHIPPED))) if asked.procedures else {}
    new = [name for name, fresh in made.items() if fresh] + [name for name, how in procedures.items() if how != "unchanged"]
    there = [name for name, fresh in made.items() if not fresh] + [name for name, how in procedures.items() if how == "unchanged"]
    notes = [f"made {', '.join(new)}" if new else "nothing was to be made", *([f"there already: {', '.join(there)}"] if there else [])]
    return StepResult(notes=notes, outputs={"made": new, "there": there, "limits": dict(limits)})


def preview(config: Config, context: Context) -> StepResult:
    """What a run would make; nothing is made."""
    asked = config.config
    if asked.tenant is not None and asked.tenant != context.tenant_id:
        _other(asked.tenant, context)
    names = [*asked.datasets, *(spec.name for spec in TABLES)]
    limits = ", ".join(f"{kind} {'none' if value is None else f'{value:,}'}" for kind, value in _named(asked.limits).items())
    said = f"would make for tenant {context.tenant_id!r} what is not there of {', '.join(names)}"
    said += " and the shipped procedures" if asked.procedures else ""
    return StepResult(notes=[f"{said}; a preview makes nothing", *([f"would set {limits}"] if limits else [])])


def _door(asked: Onboarding, context: Context) -> Tenancy:
    if asked.tenant is not None and asked.tenant != context.tenant_id:
        _other(asked.tenant, context)
    if context.tenancy is None:
        raise InputError("a tenant is onboarded by a run of its own", fix="Run the pipeline")
    return context.tenancy


def _other(tenant: str, context: Context) -> NoReturn:
    raise InputError(f"this run is of tenant {context.tenant_id!r} and onboards no other", where="config.tenant",
                     fix=f"Run it with --tenant {tenant}")


def _named(limits: TenantLimits) -> dict[str, int | None]:
    """The limits that the step speaks of; null takes one away where that is allowed."""
    return {kind: getattr(limits, kind) for kind in sorted(limits.model_fields_set)}
