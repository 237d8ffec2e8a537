"""Hold rows to promises: stop the run, set the bad rows aside, or only say how many there are.

`fail` ends the step and nothing goes on. `quarantine` puts the bad rows with their reason into a table of their own
(quarantine.<pipeline>_<step>_rejects) and lets the good ones go on. `warn` counts. With `continue_on_error: true` a check of single rows
that says `fail` sets them aside, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field

from flows.engines.base import Block, CheckResult, Context, EngineConfig, Query, Scope, StepResult
from flows.engines.inputs import ready
from flows.engines.quarantine import set_aside
from flows.engines.tables import count, everything, promised
from flows.errors import DataError
from flows.transform.quality import Checks, softened, tables
from flows.warehouse.base import Column, Relation

if TYPE_CHECKING:
    from flows.transform.gate import Finding, Gate

EXAMPLES = 3


class Promise(Block):
    """Which rows, and what must hold for them."""

    input: str = Field(min_length=1, description="the step or catalogued table whose rows are judged")
    checks: Checks = Field(description="what must hold, and what happens when it does not (on_fail)")


class Config(EngineConfig):
    """`config`: the input and its checks."""

    config: Promise


def inputs(config: Config) -> list[str]:
    return list(dict.fromkeys([config.config.input, *tables(config.config.checks)]))


def output(config: Config, scope: Scope) -> tuple[Column, ...] | None:
    """The same columns; every check is judged against them."""
    from flows.transform.gate import compile_checks

    columns = promised(config.config.input, scope, "config.input")
    found = {config.config.input: columns}
    for n, check in enumerate(config.config.checks):
        for name in tables([check]):
            found[name] = promised(name, scope, f"config.checks.{n}.table")
    known = {name: about for name, about in found.items() if about is not None}
    if columns is not None and len(known) == len(found):
        compile_checks(config.config.checks, known, now=datetime.now(UTC), path="config.checks")
    return columns


def queries(config: Config, scope: Scope) -> list[Query]:
    """The counts, then the good rows and the bad ones where they are parted."""
    from flows.transform.gate import compile_checks

    found = {name: promised(name, scope, "config.input") or () for name in inputs(config)}
    gate = compile_checks(config.config.checks, found, now=_now(scope.run_date), dialect="bigquery", path="config.checks")
    return [Query(tree) for tree in (gate.counts, gate.kept, gate.quarantined) if tree is not None]


def run(config: Config, context: Context) -> StepResult:
    """Raises DataError when a check with on_fail `fail` does not hold; then nothing is written."""
    gate, findings = _judged(config, context)
    broken = [(n, f) for n, f in enumerate(findings) if f.failed_rows and f.on_fail == "fail"]
    if broken:
        raise DataError("; ".join(_told(n, finding, gate, context) for n, finding in broken), where=config.config.input,
                        fix="Correct the rows at their source, or set on_fail to quarantine or warn")
    result = StepResult(checks=_results(findings), notes=list(gate.notes))
    if gate.quarantined is not None and gate.kept is not None:
        _set_aside(result, gate, context)
        result.relation = context.warehouse.stage(context.step_id, gate.kept)
    else:
        result.relation = _same(config.config.input, context)
    result.rows = result.relation.rows
    return result


def preview(config: Config, context: Context) -> StepResult:
    """The numbers on the rows that a preview has; nothing is written and nothing stops."""
    gate, findings = _judged(config, context)
    result = StepResult(checks=_results(findings), notes=list(gate.notes)).judged(gate.notes)
    for n, finding in enumerate(findings):
        if finding.failed_rows and finding.on_fail == "fail":
            result.notes.append(f"a run stops here: {_told(n, finding, gate, context)}")
    kept = gate.kept if gate.kept is not None else everything(config.config.input)
    result.relation = context.warehouse.stage(context.step_id, kept)
    result.rows = result.relation.rows
    if gate.quarantined is not None:
        aside = context.warehouse.stage(f"{context.step_id}__aside", gate.quarantined)
        result.rejected = count(aside.name, context)
        result.rejects = _shown(aside, context)
    return result


def _judged(config: Config, context: Context) -> tuple[Gate, list[Finding]]:
    from flows.transform.gate import compile_checks

    found = {name: ready(name, context) for name in inputs(config)}
    checks = [softened(check) for check in config.config.checks] if context.continue_on_error else config.config.checks
    gate = compile_checks(checks, found, now=_now(context.run_date), dialect=context.warehouse.dialect, path="config.checks")
    row = context.warehouse.head(gate.counts, 1)[0]
    return gate, gate.findings(row)


def _now(run_date: date) -> datetime:
    """What freshness is measured from: now, or for a day that is over its end, so that a backfill judges the day it loads."""
    return min(datetime.now(UTC), datetime.combine(run_date, time(), UTC) + timedelta(days=1))


def _set_aside(result: StepResult, gate: Gate, context: Context) -> None:
    """Bad rows into their table."""
    aside = context.warehouse.stage(f"{context.step_id}__aside", gate.quarantined)
    result.rejected, name = aside.rows or 0, set_aside(aside, context)
    if name:
        result.rejects = _shown(aside, context)
        result.outputs["quarantine"] = name
        result.notes.append(f"{result.rejected:,} rows were set aside in {name}")


def _same(name: str, context: Context) -> Relation:
    """The input under this step's name, without copying its files."""
    given = context.inputs.get(name)
    if given is not None and (given.files or given.table):
        relation = replace(given, name=context.step_id)
        context.warehouse.bind(relation)
        return relation
    return context.warehouse.stage(context.step_id, everything(name))


def _told(n: int, finding: Finding, gate: Gate, context: Context) -> str:
    """A finding with the first rows that broke it."""
    text = f"check {finding.check}: {finding.message}"
    bad = gate.bad(n)
    if bad is None:
        return text
    named = list(dict.fromkeys([gate.columns[0].name, *finding.columns]))
    rows = context.warehouse.head(bad, EXAMPLES)
    examples = "; ".join(", ".join(f"{name}={_short(row.get(name))}" for name in named if name in row) for row in rows)
    return f"{text} (for example {examples})"


def _short(value: Any) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _shown(aside: Relation, context: Context) -> list[dict[str, Any]]:
    rows = context.warehouse.head(aside.name, EXAMPLES)
    reason = aside.columns[-1].name
    return [{"reason": row[reason], "values": {name: _short(value) for name, value in row.items() if name != reason}} for row in rows]


def _results(findings: Sequence[Finding]) -> list[CheckResult]:
    return [CheckResult(f.check, f.columns, f.failed_rows, f.on_fail, f.message) for f in findings]
