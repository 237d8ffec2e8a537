"""Columns and types through the whole graph, step by step, without touching a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from flows.checks.case import Case, find, word
from flows.engines.base import Files, Scope
from flows.engines.tables import own
from flows.errors import InputError, MissingError, PenstockError, Problem, SpecError, SqlError
from flows.insight.files import AllowedFiles
from flows.warehouse import runbook
from flows.warehouse.base import Column

if TYPE_CHECKING:
    from flows.insight.catalog import Table
    from flows.spec.model import Step

Columns = tuple[Column, ...] | None


def walk(case: Case, problems: list[Problem], warnings: list[Problem]) -> None:
    """Ask each engine, in running order, what it gives for what it gets; fills `case.columns`.

    A file that is not there yet is a warning: it may come before the run does.
    """
    if case.order is None:
        return
    from flows.engines.registry import table_words

    words = table_words(case.spec)
    files = cast(Files, AllowedFiles.of(case.settings))
    steps = {step.step_id: step for step in case.spec.steps}
    bad = {p.path.split(".")[1] for p in problems if p.path.startswith("steps.")}
    for step_id in case.order:
        step = steps[step_id]
        case.columns[step_id] = None
        if step_id not in case.configs or step_id in bad:
            continue
        scope = Scope(columns={name: known(case, name) for name in case.reads(step)}, catalog=case.catalog, files=files,
                      describe_table=partial(stored, case), describe_query=partial(asked, case), tables=words, variables=case.values)
        try:
            case.columns[step_id] = case.engines[step_id].output(case.configs[step_id], scope)
        except MissingError as error:
            (problems if step_id not in case.open and not error.what.startswith("file ") else warnings).append(said(error, step))
        except PenstockError as error:
            if step_id in case.open:
                continue
            problems += below(error, step)


def known(case: Case, name: str) -> Columns:
    """The columns of a step, of a catalogued table, or of a table that a step of this spec loads; None when nobody knows yet."""
    if name in case.columns:
        return case.columns[name]
    return stored(case, name)


def stored(case: Case, name: str) -> Columns:
    """The columns of a table by its catalogued name or its place, or of the rows that a step of this spec loads into it; else what the
    warehouse says, when there is one."""
    found = table_at(case, name)
    if found:
        return tuple(Column(column, about.type, description=about.description) for column, about in found.columns.items())
    for step in case.spec.steps:
        if loaded_by(step) == name and case.columns.get(step.step_id) is not None:
            return case.columns.get(word(step, "config", "input"))
    ours = runbook.find(name)
    there = ours.columns if ours is not None else case.describe(name)
    return own(there) if there is not None else None


def asked(case: Case, query: str) -> Columns:
    """The columns of a query over steps and tables whose columns are known. Raises SqlError for a column that none of them has.

    What else may be wrong with it is told when it is tried: much that is no statement here is one on BigQuery.
    """
    from flows.spec.binding import bind_sql
    from flows.warehouse.typed import query_plan, tables_of

    try:
        text, params = bind_sql(query, case.values)
        read = {name: _written(case, name) for name in tables_of(text)}
        columns = {name: about for name, about in read.items() if about is not None}
        return query_plan(text, columns, params, project=case.settings.project).columns if len(columns) == len(read) else None
    except InputError as error:
        if error.code == "unknown_column":
            raise
        return None


def _written(case: Case, name: str) -> Columns:
    """The columns that SQL sees: all of a table that is there, also those that the catalogue does not list."""
    if name in case.columns or any(loaded_by(step) == name for step in case.spec.steps):
        return known(case, name)
    found = table_at(case, name)
    place = found.location if found else name
    return (case.describe(place) if place else None) or known(case, name)


def loaded_by(step: Step) -> str:
    """Where a load writes; an export has a path instead."""
    return word(step, "destination", "table") if step.ps_type == "generic.load" else ""


def table_at(case: Case, name: str) -> Table | None:
    """A catalogued table by its name, its location, or either with the project in front."""
    tables = case.catalog.tables
    short = name
    for project in (case.settings.project, case.settings.tenant_id):
        if project and name.startswith(f"{project}."):
            short = name.removeprefix(f"{project}.")
    for each in (name, short):
        if each in tables:
            return tables[each]
    return next((table for table in tables.values() if table.location and table.location == short), None)


def below(error: PenstockError, step: Step) -> list[Problem]:
    """An engine's error as problems of its step: their paths start at the block, ours at the spec."""
    base = f"steps.{step.step_id}"
    if isinstance(error, SpecError):
        return [p if p.path.startswith(base) else replace(p, path=f"{base}.{p.path}" if p.path else base) for p in error.problems]
    return [said(error, step)]


def said(error: PenstockError, step: Step) -> Problem:
    quoted = error.what.split("'")
    place = find(step, quoted[1]) if len(quoted) > 2 else f"steps.{step.step_id}"
    code = error.code if not isinstance(error, SqlError) else "invalid_sql"
    what = f"{error.where}: {error.what}" if error.where else error.what
    if isinstance(error, SqlError):
        query = next((path for path, value in _sql_fields(step) if value), "")
        place = f"steps.{step.step_id}.{query}" if query else place
    return Problem(place, code, what, error.fix)


def _sql_fields(step: Step) -> list[tuple[str, bool]]:
    blocks: Mapping[str, Mapping[str, object]] = step.blocks()
    return [(f"{block}.query", "query" in fields) for block, fields in blocks.items()]
