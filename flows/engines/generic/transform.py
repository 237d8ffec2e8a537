"""Change rows by typed operations: filter, join, derive, aggregate and the rest, compiled to one query.

The first input is the relation that the operations work on; the others are there to be joined or united. After a join, a column that
both sides have is `<table>_<column>` on the right side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from flows.engines.base import Block, Context, EngineConfig, Query, Scope, StepResult
from flows.engines.inputs import ready
from flows.engines.tables import promised
from flows.show.units import several
from flows.transform import compile as compiler
from flows.transform.operations import FlagAnomalies, Operation, Operations, Rename, names
from flows.warehouse.base import Column


class Transform(Block):
    """What goes in and what is done to it, in this order."""

    inputs: list[str] = Field(min_length=1, max_length=100, description="steps or catalogued tables; the first one is worked on")
    operations: Operations = Field(description="what is done, one after the other")


class Config(EngineConfig):
    """`config`: inputs and operations."""

    config: Transform


def inputs(config: Config) -> list[str]:
    """What is listed, and what the operations name besides."""
    return list(dict.fromkeys([*config.config.inputs, *(name for op in config.config.operations for name in names(op))]))


def output(config: Config, scope: Scope) -> tuple[Column, ...] | None:
    """The columns after the last operation, types included."""
    found = {name: promised(name, scope, f"config.inputs.{n}") for n, name in enumerate(inputs(config))}
    known = {name: columns for name, columns in found.items() if columns is not None}
    if len(known) < len(found):
        return None
    return compiler.output(config.config.operations, known, aliases=aliases(list(known), scope.tables), path="config.operations")


def queries(config: Config, scope: Scope) -> list[Query]:
    found = {name: promised(name, scope, "config.inputs") or () for name in inputs(config)}
    made = compiler.transform(config.config.operations, found, now=scope.run_date, dialect="bigquery",
                              aliases=aliases(list(found), scope.tables), path="config.operations")
    return [Query(made.tree)]


def run(config: Config, context: Context) -> StepResult:
    found = {name: ready(name, context) for name in inputs(config)}
    made = compiler.transform(config.config.operations, found, now=context.run_date, dialect=context.warehouse.dialect,
                              aliases=aliases(list(found), context.tables), path="config.operations")
    relation = context.warehouse.stage(context.step_id, made.tree)
    result = StepResult(rows=relation.rows, relation=relation, notes=list(made.notes)).judged(made.notes)
    flags = [name for name in flagged(config.config.operations) if any(c.name == name and c.type == "BOOL" for c in relation.columns)]
    if flags and not context.preview:
        number = _count(relation.name, flags, context)
        result.outputs["anomalies"] = number
        result.notes.append(f"{several(number, 'row is', 'rows are')} flagged as unusual ({', '.join(flags)})")
    return result


def flagged(operations: Sequence[Operation]) -> list[str]:
    """The columns that say whether a row is an anomaly, by the names they have after the last operation."""
    names: list[str] = []
    for op in operations:
        if isinstance(op, Rename):
            names = [op.columns.get(name, name) for name in names]
        elif isinstance(op, FlagAnomalies):
            names = [*(name for name in names if name != op.as_), op.as_]
    return names


def _count(relation: str, flags: Sequence[str], context: Context) -> int:
    """How many of the rows that are there have a flag."""
    from sqlglot import exp

    from flows.transform.frame import table

    there = exp.or_(*(exp.column(name, quoted=True) for name in flags))
    counted = exp.select(exp.Count(this=exp.Star()).as_("n")).from_(table(relation)).where(there)
    return int(context.warehouse.head(counted, 1)[0]["n"])


def aliases(inputs: list[str], words: Mapping[str, str]) -> dict[str, str]:
    """The word of each input in `<table>_<column>`; inputs that would share a word go by their own names."""
    said = {name: words.get(name, name.rsplit(".", 1)[-1]) for name in inputs}
    shared = list(said.values())
    return {name: word if shared.count(word) == 1 else name.rsplit(".", 1)[-1] for name, word in said.items()}
