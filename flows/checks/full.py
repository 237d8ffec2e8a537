"""The full level: every SELECT runs on empty tables, every connection answers, every file can be read."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from flows.checks.case import Case, find, word
from flows.checks.columns import below, known, said, table_at, walk
from flows.checks.rules import read_tables, unlisted
from flows.checks.told import unheard
from flows.engines.base import Connections, Context, Files
from flows.engines.hosts import no_address
from flows.errors import InputError, MissingError, PenstockError, Problem, SqlError
from flows.insight.connections import load_connections
from flows.insight.files import AllowedFiles
from flows.warehouse.runbook import NAMES

if TYPE_CHECKING:
    from flows.spec.model import Step
    from flows.warehouse.base import Column, Relation, Warehouse

PURE = ("generic.transform", "generic.sql", "generic.quality_check")  # rows in, rows out: they run without touching anything else
PORTS = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "http": 80, "https": 443, "clickhouse": 8123}
REMOTE = {"postgres": PORTS, "clickhouse": {"clickhouse": 8123, "clickhousedb": 8123, "http": 8123, "https": 8443}}
"""Engines that a load writes to over a connection, and the ports of their addresses."""
WAIT_SECONDS = 3.0


def check_full(case: Case, problems: list[Problem], warnings: list[Problem], warehouse: Warehouse | None = None) -> None:
    """Add what shows only when something is tried. Steps that have a problem already are not tried again."""
    if warehouse is not None:
        _try(case, problems, warnings, warehouse)
    else:
        with _session(case) as own:
            _try(case, problems, warnings, own)
    problems += _connections(case, warnings)
    problems += _destinations(case)
    problems += _files(case)
    warnings += unheard(case)
    warnings[:] = [w for w in warnings if w not in problems]


def _try(case: Case, problems: list[Problem], warnings: list[Problem], warehouse: Warehouse) -> None:
    """Columns with what the warehouse knows of tables outside of the catalogue, then every SELECT."""
    promised = case.describe  # what is not there yet and will be
    case.describe = lambda name: _described(warehouse, name) or promised(name)
    problems += _tables(case, warnings)
    warnings += [Problem(find(step, name), "not_there_yet", f"table {name!r} is not there yet; a stored pipeline writes it",
                         "Run that pipeline first") for step, name in unlisted(case)
                 if not word(step, "source", "connection") and _described(warehouse, name) is None and promised(name) is not None]
    walk(case, problems, warnings)
    problems += _selects(case, problems, warnings, warehouse)


def _described(warehouse: Warehouse, name: str) -> tuple[Column, ...] | None:
    try:
        return warehouse.describe(name).columns
    except (MissingError, SqlError):
        return None


def _tables(case: Case, warnings: list[Problem]) -> Iterator[Problem]:
    """A table that the catalogue does not know is in the warehouse; one behind a connection is left to the run."""
    for warned in [w for w in warnings if w.code == "uncatalogued_table"]:
        step = case.spec.step(warned.path.split(".")[1])
        name = next((n for n in [*case.reads(step), *read_tables(step)] if find(step, n) == warned.path), "")
        if word(step, "source", "connection"):
            continue
        warnings.remove(warned)
        if case.describe(name) is None:
            yield Problem(warned.path, "unknown_table", f"there is no table {name!r} in the warehouse", "Check its name, or load it first")


def _selects(case: Case, problems: list[Problem], warnings: list[Problem], warehouse: Warehouse) -> list[Problem]:
    steps = {step.step_id: step for step in case.spec.steps}
    bad = {p.path.split(".")[1] for p in problems if p.path.startswith("steps.")}
    found: list[Problem] = []
    for step_id in case.order or ():
        step = steps[step_id]
        if step.ps_type in PURE and step_id in case.configs and step_id not in bad and step_id not in case.open:
            found += _select(case, step, warnings, warehouse)
    return found


def _select(case: Case, step: Step, warnings: list[Problem], warehouse: Warehouse) -> list[Problem]:
    """Run one step's SELECT on empty tables; unknown columns cannot be made up, so such a step is left to the preview.

    What only BigQuery can run is a warning: the spec holds, in production.
    """
    inputs: dict[str, Relation] = {}
    try:
        for name in case.reads(step):
            columns = known(case, name)
            if columns is None:
                return []
            inputs[name] = warehouse.stage(name, empty(columns))
            if "." in name and _described(warehouse, name) is None:  # a step of this spec loads it first
                tables = cast(Any, warehouse).tables
                tables.stand_in(name, tables.bound(inputs[name].name), 0)
        result = case.engines[step.step_id].preview(case.configs[step.step_id], _context(case, step, warehouse, inputs))
    except PenstockError as error:
        if error.code != "bigquery_only":
            return below(error, step)
        warnings += [replace(p, code=error.code, message=f"BigQuery only, a local run stops here: {p.message}") for p in below(error, step)]
        return []
    if case.columns.get(step.step_id) is None and result.relation is not None:
        case.columns[step.step_id] = result.relation.columns
    return []


def empty(columns: tuple[Column, ...]) -> str:
    """A SELECT that gives these columns and no row, in BigQuery SQL."""
    from sqlglot import exp

    nulls = [exp.alias_(exp.cast(exp.null(), exp.DataType.build(c.type, dialect="bigquery")), c.name, quoted=True) for c in columns]
    return exp.select(*nulls).limit(0).sql(dialect="bigquery")


def _context(case: Case, step: Step, warehouse: Warehouse, inputs: dict[str, Relation]) -> Context:
    from flows.engines.registry import table_words

    return Context(
        tenant_id=case.settings.tenant_id, pipeline_id=case.spec.pipeline_id, run_id="check", step_id=step.step_id,
        run_date=date.fromisoformat(str(case.values["run_date"])), environment="local", variables=case.values, warehouse=warehouse,
        catalog=case.catalog, connections=cast(Connections, load_connections(case.settings)), files=_allowed(case),
        limits=case.settings.limits, inputs=inputs, continue_on_error=step.continue_on_error, preview=True,
        tables=table_words(case.spec))


def _allowed(case: Case) -> Files:
    return cast(Files, AllowedFiles.of(case.settings))


@contextmanager
def _session(case: Case) -> Iterator[Warehouse]:
    """A preview session of its own on the tenant's lake: it writes nothing."""
    from flows.run.book import catch_up
    from flows.store import open_store
    from flows.warehouse.duckdb import DuckDBWarehouse

    settings = case.settings
    names = {name: table.location for name, table in case.catalog.tables.items() if table.location} | NAMES
    store = open_store(settings.control_url)
    try:
        session = DuckDBWarehouse(settings, store.manifest, settings.tenant_id, names=names, stage_dir=settings.home / "stage" / "check",
                                  preview=True, read_dirs=settings.folders, book=partial(catch_up, settings, store))
        try:
            yield cast("Warehouse", session)
        finally:
            session.close()
    finally:
        store.dispose()


def _connections(case: Case, warnings: list[Problem]) -> Iterator[Problem]:
    """Every connection that an extract names, or that its table belongs to, answers; sample data stands in where it has no address."""
    addresses = load_connections(case.settings)
    known_names = {*case.catalog.connections, *addresses.names()}  # an unknown one is found by its own rule
    for step in case.spec.steps:
        table = table_at(case, word(step, "source", "table"))
        name = word(step, "source", "connection") or (table.connection if table else "")
        if not name or step.step_id in case.open or word(step, "source", "path") or name not in known_names:
            continue
        place = f"steps.{step.step_id}.source.connection"
        try:
            url = addresses.url(name)
        except InputError as error:
            yield Problem(place, "unreachable", error.what, error.fix)
            continue
        if url is None and table is not None and table.location:
            warnings.append(Problem(place, "sample_data", f"connection {name!r} has no address here, so sample data is read",
                                    f"Set PENSTOCK_CONN_{name.upper()}, or add it to connections.yml"))
        elif url is None:
            yield Problem(place, "unreachable", f"connection {name!r} has no address here",
                          f"Set PENSTOCK_CONN_{name.upper()}, or add it to connections.yml")
        elif not _answers(url):
            yield Problem(place, "unreachable", f"connection {name!r} does not answer", "Check its address and that it is up")


def _destinations(case: Case) -> Iterator[Problem]:
    """Every connection that a load writes to has an address and answers."""
    addresses = load_connections(case.settings)
    for step in case.spec.steps:
        engine = word(step, "destination", "engine")
        if step.ps_type != "generic.load" or engine not in REMOTE or step.step_id in case.open:
            continue
        named = word(step, "destination", "connection")
        place = f"steps.{step.step_id}.destination.{'connection' if named else 'engine'}"
        name = named or engine
        try:
            url = addresses.url(name)
        except InputError as error:
            yield Problem(place, "unreachable", error.what, error.fix)
            continue
        if url is None:
            missing = no_address(name)
            yield Problem(place, "unreachable", missing.what, missing.fix)
        elif not _answers(url, REMOTE[engine]):
            yield Problem(place, "unreachable", f"connection {name!r} does not answer", "Check its address and that it is up")


def _answers(url: str, ports: Mapping[str, int] = PORTS) -> bool:
    """Whether something listens at the address; what is no network address is left to the engine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or ports.get(parts.scheme.split("+")[0])
    except ValueError:
        return False
    if not host or not port:
        return True
    with suppress(OSError), socket.create_connection((host, port), timeout=WAIT_SECONDS):
        return True
    return False


def _files(case: Case) -> Iterator[Problem]:
    """Every file that an extract names is there and inside the allowed folders, unless a step makes it or waits for it first."""
    files = _allowed(case)
    made = {word(step, "destination", "path") for step in case.spec.steps}
    made |= {str(((step.config or {}).get("until") or {}).get("file", "")) for step in case.spec.steps if step.ps_type == "generic.wait"}
    for step in case.spec.steps:
        path = word(step, "source", "path")
        if not path or path in made or step.step_id in case.open:
            continue
        try:
            with Path(files.read(path)).open("rb"):
                continue
        except PenstockError as error:
            yield said(error, step)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            yield Problem(f"steps.{step.step_id}.source.path", "unreadable", f"the file cannot be read: {reason}", "Check its permissions")
