"""The semantic rules: each is one function that says what is wrong, where, and what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from flows import errors
from flows.checks.case import Case, find, word
from flows.checks.columns import loaded_by, table_at
from flows.engines.mail import is_address
from flows.engines.slack import is_channel
from flows.errors import PenstockError, Problem
from flows.spec.placeholder import BUILT_IN, names
from flows.spec.problems import clip
from flows.spec.suggest import did_you_mean, suggest
from flows.warehouse.runbook import NAMES

if TYPE_CHECKING:
    from flows.spec.model import Retry, Step

Rule = Callable[[Case], Iterator[Problem]]
STANDARD = ("TimeoutError", "ConnectionError", "OSError")
WAREHOUSE = ("bigquery", "duckdb")
TABLE = re.compile(r"^(?!(?i:information_schema)\.)[A-Za-z0-9_][A-Za-z0-9_-]{0,120}\.[A-Za-z0-9_][A-Za-z0-9_-]{0,120}\Z")
"""dataset.table as the lake keeps it: longer names do not fit into a file system, and INFORMATION_SCHEMA is BigQuery's own."""
FIXED = ("tenant_id", "pipeline_id", "run_id")


def schedule_holds(case: Case) -> Iterator[Problem]:
    """A cron line has five fields that can come true, a time zone is an IANA name."""
    if case.spec.schedule is not None:
        from flows.spec.times import problems

        yield from problems(case.spec.schedule)


def id_is_lasting(case: Case) -> Iterator[Problem]:
    """A pipeline is known by its id before a run of it has one."""
    if "run_id" in names(case.raw.pipeline_id):
        yield Problem("pipeline_id", "unstable_id", "the id of a pipeline is the same for every run, it cannot hold {run_id}",
                      "Leave {run_id} out")


def names_are_free(case: Case) -> Iterator[Problem]:
    """Variables and parameters have names of their own; who runs what cannot be overridden."""
    counted = Counter(p.name for p in case.raw.parameters)
    for n, param in enumerate(case.raw.parameters):
        if counted[param.name] > 1:
            yield Problem(f"parameters.{n}.name", "duplicate_parameter", f"the parameter {param.name!r} stands here twice",
                          "Keep one of them")
            counted[param.name] = 1
        if param.name in FIXED:
            yield Problem(f"parameters.{n}.name", "reserved_name", f"{param.name!r} is set by Penstock", "Choose another name")
    for name in case.raw.variables:
        if name in BUILT_IN and name not in ("provider", "domain"):
            yield Problem(f"variables.{name}", "reserved_name", f"{name!r} is set by Penstock", "Choose another name")


def targets_hold(case: Case) -> Iterator[Problem]:
    """Whom to tell is a Slack channel or an e-mail address."""
    for n, note in enumerate(case.spec.notify):
        fits, like = (is_channel, "#data or @name") if note.channel == "slack" else (is_address, "name@example.com")
        if not fits(note.target):
            yield Problem(f"notify.{n}.target", "invalid_target", f"{clip(note.target)!r} is no {note.channel} address",
                          f"Write it like {like}")


def retries_hold(case: Case) -> Iterator[Problem]:
    """What may be retried is a class of errors that exists."""
    kinds = error_names()
    for place, retry in _retries(case):
        for n, name in enumerate(retry.retry_on or ()):
            if name not in kinds:
                yield Problem(f"{place}.retry_on.{n}", "unknown_error_class", f"there is no error class {clip(name)!r}",
                              did_you_mean(name, kinds) or "Use TransientError or TimeoutError", tuple(suggest(name, kinds)))


def inputs_exist(case: Case) -> Iterator[Problem]:
    """What a step reads is a step before it or a table that is known."""
    ids = {step.step_id for step in case.spec.steps}
    made = {loaded_by(step) for step in case.spec.steps}
    for step in case.spec.steps:
        for name in dict.fromkeys([*case.reads(step), *read_tables(step)]):
            if step.step_id in case.open:
                continue
            if name == step.step_id:
                yield Problem(find(step, name), "circle", "the step reads itself", "Name another step or table")
            elif name in ids:
                if case.order is not None and not case.above(name, step.step_id):
                    yield Problem(find(step, name), "not_upstream", f"{name!r} does not run before this step",
                                  f"Add {name!r} to depends_on of {step.step_id}", (name,))
            elif table_at(case, name) is None and name not in made and name not in NAMES and "." not in name:
                known = [*(i for i in ids if i != step.step_id), *case.catalog.tables, *NAMES]
                yield Problem(find(step, name), "unknown_table", f"there is no step or catalogued table {clip(name)!r}",
                              did_you_mean(name, known) or "List tables: penstock catalog list", tuple(suggest(name, known)))


def connections_exist(case: Case) -> Iterator[Problem]:
    """A connection that is named is one that is known."""
    from flows.insight.connections import load_connections

    named = [(step, word(step, "source", "connection")) for step in case.spec.steps if step.step_id not in case.open]
    if not any(name for _, name in named):
        return
    known = [*case.catalog.connections, *load_connections(case.settings).names()]
    addresses = load_connections(case.settings)
    for step, name in named:
        if name and name not in known and addresses.url(name) is None:
            yield Problem(f"steps.{step.step_id}.source.connection", "unknown_connection", f"there is no connection {clip(name)!r}",
                          did_you_mean(name, known) or "Add it to connections.yml", tuple(suggest(name, known)))


def one_load_a_table(case: Case) -> Iterator[Problem]:
    """Two loads of one pipeline into one table would replace each other's rows."""
    seen: dict[str, Step] = {}
    for step in case.spec.steps:
        table = loaded_by(step)
        if not table or step.step_id in case.open:
            continue
        first = seen.setdefault(table, step)
        merges = all(word(each, "destination", "mode") == "merge" for each in (first, step))
        if first is not step and not merges:
            yield Problem(f"steps.{step.step_id}.destination.table", "duplicate_destination",
                          f"{table!r} is already loaded by step {first.step_id!r}, and each would replace the other's rows",
                          "Union both inputs in one transform, or load with mode merge")


def tables_have_names(case: Case) -> Iterator[Problem]:
    """A table of the warehouse is dataset.table in the own project, known before anything runs."""
    own = tuple(dict.fromkeys(p for p in (case.settings.project, case.settings.tenant_id) if p))
    for step in case.spec.steps:
        table = loaded_by(step)
        if not table or step.step_id in case.open or word(step, "destination", "engine") not in ("", *WAREHOUSE):
            continue
        parts = table.split(".")
        if len(parts) == 1 and table in case.catalog.tables:  # what the catalogue does not list is judged by the engine
            yield Problem(f"steps.{step.step_id}.destination.table", "no_dataset", f"{table!r} is a catalogued source, not a destination",
                          f"Write dataset.table, like mart.{table}")
        if len(parts) == 1:
            continue
        if len(parts) == 3 and TABLE.match(".".join(parts[1:])) and parts[0] not in own:
            yield Problem(f"steps.{step.step_id}.destination.table", "not_allowed", f"project {clip(parts[0])!r} is not yours",
                          f"Use {' or '.join(map(repr, own))}, or leave the project out")
        elif not TABLE.match(table.partition(".")[2] if len(parts) == 3 else table):
            yield Problem(f"steps.{step.step_id}.destination.table", "invalid_name", f"{clip(table)!r} is not the name of a table",
                          "Write dataset.table with letters, digits, '_' and '-', like mart.daily_revenue")


def nothing_kept(case: Case) -> Iterator[Problem]:
    """A pipeline that writes nothing is probably not finished."""
    if not any(step.destination for step in case.spec.steps):
        yield Problem("steps", "no_destination", "no step has a destination, so nothing is kept",
                      "Add a generic.load or generic.export step")


def retry_unused(case: Case) -> Iterator[Problem]:
    """Waiting times without a second try, or a cap below the first wait, have no effect."""
    for place, retry in _retries(case):
        said = retry.model_fields_set
        if retry.max_attempts == 1 and said & {"backoff_seconds", "backoff_multiplier", "max_backoff_seconds", "retry_on"}:
            yield Problem(place, "no_retry", "max_attempts is 1, so nothing is retried", "Set max_attempts to the number of all tries")
        elif retry.max_backoff_seconds < retry.backoff_seconds:
            yield Problem(f"{place}.max_backoff_seconds", "backoff", "the cap is below the first wait, so every wait is the cap",
                          "Raise max_backoff_seconds or lower backoff_seconds")


def budget_unjudged(case: Case) -> Iterator[Problem]:
    """A budget is judged by the rows that a run would read, which this level does not look at."""
    if case.spec.budget is not None:
        yield Problem("budget", "budget", "the budget is not judged without looking at rows", "Use level full, or penstock price")


def read_unknown(case: Case) -> Iterator[Problem]:
    """A table by its path that neither the catalogue nor a stored pipeline knows has columns that only the run knows."""
    for step, name in unlisted(case):
        if case.describe(name) is None:
            yield Problem(find(step, name), "uncatalogued_table",
                          f"{clip(name)!r} is not in the catalogue, so its columns are not checked", "Add it: penstock catalog add")


def unlisted(case: Case) -> Iterator[tuple[Step, str]]:
    """The tables that steps read by their path and that neither the catalogue lists nor this spec makes."""
    made = {loaded_by(step) for step in case.spec.steps}
    for step in case.spec.steps:
        for name in dict.fromkeys([*case.reads(step), *read_tables(step)]):
            if "." in name and table_at(case, name) is None and name not in made and step.step_id not in case.open:
                yield step, name


def other_connection(case: Case) -> Iterator[Problem]:
    """A catalogued table has a connection of its own."""
    for step in case.spec.steps:
        name, named = word(step, "source", "table"), word(step, "source", "connection")
        table = case.catalog.tables.get(name)
        if table and named in case.catalog.connections and table.connection and named != table.connection:
            yield Problem(f"steps.{step.step_id}.source.connection", "other_connection",
                          f"the catalogue has {name!r} at connection {table.connection!r}, not {clip(named)!r}",
                          "Check which one is meant")


def error_names() -> list[str]:
    """What `retry_on` may name: Penstock's own errors and three of Python's."""
    own = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, PenstockError)]
    return [*STANDARD, *own]


def _retries(case: Case) -> Iterator[tuple[str, Retry]]:
    if case.spec.defaults and case.spec.defaults.retry:
        yield "defaults.retry", case.spec.defaults.retry
    for step in case.spec.steps:
        if step.retry:
            yield f"steps.{step.step_id}.retry", step.retry


def read_tables(step: Step) -> list[str]:
    """The table that an extract names."""
    table = word(step, "source", "table")
    return [table] if table else []


RULES: tuple[Rule, ...] = (id_is_lasting, schedule_holds, names_are_free, targets_hold, retries_hold, inputs_exist,
                           connections_exist, one_load_a_table, tables_have_names)
WARNINGS: tuple[Rule, ...] = (nothing_kept, retry_unused, budget_unjudged, read_unknown, other_connection)
