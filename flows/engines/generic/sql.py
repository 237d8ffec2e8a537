"""One SELECT in BigQuery SQL over the inputs: guarded, read-only, with placeholders bound as parameters."""

from __future__ import annotations

from pydantic import Field

from flows.engines.base import Block, Context, EngineConfig, Query, Scope, StepResult
from flows.engines.inputs import ready
from flows.engines.tables import promised
from flows.warehouse.base import Column


class Select(Block):
    """What is read and the SELECT over it."""

    inputs: list[str] = Field(default_factory=list, max_length=100, description="steps or catalogued tables that the query reads")
    query: str = Field(min_length=1, description="one SELECT in BigQuery SQL; {placeholders} are bound as values")


class Config(EngineConfig):
    """`config`: inputs and query."""

    config: Select


def inputs(config: Config) -> list[str]:
    return list(config.config.inputs)


def output(config: Config, scope: Scope) -> tuple[Column, ...] | None:
    """The columns of the query, where those of all that it reads are known."""
    for n, name in enumerate(config.config.inputs):
        promised(name, scope, f"config.inputs.{n}")
    return scope.describe_query(config.config.query)


def queries(config: Config, scope: Scope) -> list[Query]:
    from flows.spec.template import bind_sql

    return [Query(*bind_sql(config.config.query, scope.variables))]


def run(config: Config, context: Context) -> StepResult:
    from flows.spec.template import bind_sql

    for name in config.config.inputs:
        ready(name, context)
    text, params = bind_sql(config.config.query, context.variables)
    plan = context.warehouse.check(text, params)
    relation = context.warehouse.stage(context.step_id, text, params)
    notes = [] if plan.verdict == "portable" else [f"{plan.verdict}: what this gives on BigQuery may differ"]
    return StepResult(rows=relation.rows, relation=relation, notes=[*notes, *plan.notes], verdict=plan.verdict, differs=list(plan.notes))
