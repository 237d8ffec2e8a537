"""Is this spec right? Three levels of checks before anything runs: syntax, semantic and full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flows.checks.case import Engines, build
from flows.checks.columns import walk
from flows.checks.report import Report
from flows.checks.rules import RULES, WARNINGS
from flows.errors import InputError
from flows.spec.loader import Lines, placed
from flows.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from flows.errors import Problem
    from flows.insight.catalog import Catalog
    from flows.settings import Settings
    from flows.spec.model import FlowSpec
    from flows.warehouse.base import Column, Warehouse

__all__ = ["LEVELS", "Report", "validate"]

LEVELS = ("syntax", "semantic", "full")
Describe = Callable[[str], "tuple[Column, ...] | None"]


def validate(spec: FlowSpec, *, level: str = "semantic", catalog: Catalog, settings: Settings, lines: Lines | None = None,
             warehouse: Warehouse | None = None, engines: Engines | None = None, describe: Describe | None = None) -> Report:
    """Judge a spec. Nothing is written; what is found is in the report, with lines when the file's `lines` are given.

    syntax: the spec is read, which has happened when it is here. semantic: engines, their blocks, edges, schedule, placeholders, names
    and the columns and types through the whole graph, without data. full: also every SELECT on empty tables of these columns (in
    `warehouse`, a preview session; default: one of its own), connections reachable, files readable. `engines` replaces the registry.
    `describe` knows tables outside of the catalogue that are not in the warehouse yet (`flows.checks.produced`), by dataset.table.
    Raises InputError for an unknown level.
    """
    if level not in LEVELS:
        raise InputError(f"there is no level {level!r}", where="--level",
                         fix=did_you_mean(level, LEVELS) or f"Use one of {', '.join(LEVELS)}")
    if level == "syntax":
        return Report(level)
    case = build(spec, catalog=catalog, settings=settings, engines=engines)
    case.describe = describe or case.describe
    problems = list(case.problems)
    warnings: list[Problem] = []
    for rule in RULES:
        problems += rule(case)
    for rule in WARNINGS:
        warnings += rule(case)
    if level == "full":
        from flows.checks.full import check_full

        check_full(case, problems, warnings, warehouse)
    else:
        walk(case, problems, warnings)
    ids = [step.step_id for step in case.spec.steps]
    where = lines or Lines()
    return Report(level, [placed(p, where, ids) for p in dict.fromkeys(problems)],
                  [placed(p, where, ids) for p in dict.fromkeys(warnings)], case.columns)
