"""Write rows to a file inside the allowed folders: Excel, CSV, Parquet or JSON; the file is whole or not there."""

from __future__ import annotations

from pydantic import Field

from flows.engines.base import Block, Context, EngineConfig, Scope, StepResult
from flows.engines.inputs import ready
from flows.engines.outfile import Kind, Target, deliver, planned
from flows.engines.tables import promised
from flows.warehouse.base import Column


class Export(Block):
    """What is written."""

    input: str = Field(min_length=1, description="the step or catalogued table whose rows are written")


class Destination(Block):
    """Which file, in which format."""

    engine: Kind = Field(description="format of the file; a json path that ends in .jsonl holds one object a line")
    path: str = Field(min_length=1, description="inside the allowed folders; a relative path starts at the first of them")
    escape_formulas: bool = Field(False, description="csv: put ' before texts that a spreadsheet would take for a formula")


class Config(EngineConfig):
    """`config`: the input; `destination`: the file."""

    config: Export
    destination: Destination


def inputs(config: Config) -> list[str]:
    return [config.config.input]


def output(config: Config, scope: Scope) -> tuple[Column, ...]:
    """Nothing that another step could read; the place of the file is judged."""
    promised(config.config.input, scope, "config.input")
    if scope.files is not None:
        scope.files.write(config.destination.path)
    return ()


def run(config: Config, context: Context) -> StepResult:
    ready(config.config.input, context)
    return deliver(config.config.input, _target(config), context)


def preview(config: Config, context: Context) -> StepResult:
    ready(config.config.input, context)
    return planned(config.config.input, _target(config), context)


def _target(config: Config) -> Target:
    return Target(config.destination.engine, config.destination.path, config.destination.escape_formulas)
