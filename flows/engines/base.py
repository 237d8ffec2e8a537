"""The contract of an engine, on one screen.

An engine is a module; its path below `flows/engines` is its `ps_type` (`generic/extract.py` is `generic.extract`). It holds

    class Config(EngineConfig)                     the step's blocks (source, destination, config), typed; its docstrings are the docs
    def run(config, context) -> StepResult         do the work
    def preview(config, context) -> StepResult     optional; default: `run`. Never writes outside the session, never calls out to write
    def inputs(config) -> list[str]                optional; names of relations and catalogued tables it reads; default: none
    def output(config, scope) -> tuple[Column, ...] | None
                                                   optional; the columns it gives, computed without data; None: unknown until it
                                                   runs. Raises SpecError whose Problem paths start at the block (`config.checks.0.column`)
    def queries(config, scope) -> list[Query]      optional; what it asks of the warehouse, for its price; default: nothing. Called
                                                   when all columns are known
    REPEATABLE = False                             optional; default True. Says that a second go may do twice what is done once: a step
                                                   that was at work when its runner was lost is then not begun again by itself

Engines never import Prefect, LangChain or each other. Packages outside register such a module under the entry point group
`penstock.engines`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

from flows.errors import Cancelled
from flows.insight.catalog import Catalog
from flows.settings import Limits
from flows.show.account import Account
from flows.warehouse.base import Column, Relation, Verdict, Warehouse

if TYPE_CHECKING:
    from sqlglot import exp


class EngineConfig(BaseModel):
    """Base of every engine's Config: closed, and made of at most the three blocks source, destination and config."""

    model_config = ConfigDict(extra="forbid")


class Block(BaseModel):
    """Base of what stands inside a block: closed as well."""

    model_config = ConfigDict(extra="forbid")


class Connections(Protocol):
    """Addresses of systems by connection name. Values never appear in logs, specs or errors."""

    def url(self, name: str) -> str | None:
        """The address, secrets included, or None when the connection has none here."""

    def headers(self, name: str) -> Mapping[str, str]:
        """What goes with every HTTP request to it, secrets included."""


class Files(Protocol):
    """Paths inside the allowed folders, resolved without leaving them."""

    def read(self, path: str) -> str:
        """An existing file (absolute). Raises InputError outside the allowed folders, MissingError when absent."""

    def write(self, path: str) -> str:
        """Where a file may be written (absolute; nothing is made yet). Raises InputError outside the allowed folders."""


class Tenancy(Protocol):
    """What the run's own tenant is made of, and nothing of another one."""

    def make(self, datasets: tuple[str, ...]) -> Mapping[str, bool]:
        """Make datasets and the run book's tables in the warehouse of the environment: name -> whether it was made now."""

    def limits(self) -> Mapping[str, int | None]:
        """What the tenant may use; None is no limit."""

    def set_limits(self, changes: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Set those that are not set, or lower them. Raises LimitError for one that would be raised."""


class Cancel:
    """A switch that a person, a timer or a lost runner throws; handles stop what cannot look at it."""

    def __init__(self) -> None:
        self._event, self._handles, self._lock = threading.Event(), [], threading.Lock()  # type: ignore[var-annotated]
        self.reason = ""

    def on(self, handle: Callable[[], None]) -> Callable[[], None]:
        """Call `handle` when cancelled (at once if it already is). Returns a function that takes the handle back."""
        with self._lock:
            self._handles.append(handle)
        if self._event.is_set():
            handle()

        def off() -> None:
            with self._lock:
                if handle in self._handles:
                    self._handles.remove(handle)

        return off

    def set(self, reason: str = "cancelled") -> None:
        with self._lock:
            self.reason = self.reason or reason
            handles = list(self._handles)
        self._event.set()
        for handle in handles:
            handle()

    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises Cancelled when the switch was thrown."""
        if self._event.is_set():
            raise Cancelled(self.reason or "cancelled")

    def wait(self, seconds: float) -> bool:
        """Sleep that ends early when cancelled; True if it was."""
        return self._event.wait(seconds)


@dataclass
class Context:
    """All that an engine may know."""

    tenant_id: str
    pipeline_id: str
    run_id: str
    step_id: str
    run_date: date
    environment: str
    variables: Mapping[str, Any]
    warehouse: Warehouse
    catalog: Catalog
    connections: Connections
    files: Files
    limits: Limits
    inputs: Mapping[str, Relation] = field(default_factory=dict)  # rows of the upstream steps, already bound in the warehouse
    continue_on_error: bool = False
    preview: bool = False
    cancel: Cancel = field(default_factory=Cancel)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("penstock.step"))
    tables: Mapping[str, str] = field(default_factory=dict)  # step id -> its word in `<table>_<column>`: `registry.table_words(spec)`
    tenancy: Tenancy | None = None  # only where a run, not a preview, works
    credential_id: str = "none"  # whose rows a load writes: `registry.credentials(spec, catalog)`
    retried: bool = False  # the step is tried again after an error that may pass
    account: Callable[[], Account | None] = lambda: None  # how the run stands, for those who are told of it; None where there is no run


@dataclass
class Scope:
    """What `output` may look at: the columns of its inputs (None: unknown), the catalogue and the allowed files."""

    columns: Mapping[str, tuple[Column, ...] | None]
    catalog: Catalog
    files: Files | None = None
    describe_table: Callable[[str], tuple[Column, ...] | None] = lambda name: None  # a table of the warehouse, None if there is none
    describe_query: Callable[[str], tuple[Column, ...] | None] = lambda query: None
    """What a SELECT in BigQuery SQL gives, placeholders and all; None where only trying it can tell. Raises SqlError for what is wrong."""
    tables: Mapping[str, str] = field(default_factory=dict)  # step id -> its word in `<table>_<column>`: `registry.table_words(spec)`
    variables: Mapping[str, Any] = field(default_factory=dict)  # of the spec, for the placeholders of its queries
    run_date: date = date(2000, 1, 1)


@dataclass(frozen=True)
class Query:
    """A question to the warehouse: BigQuery SQL as text with its parameters, or as a compiled tree."""

    sql: str | exp.Expr
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckResult:
    """One promise about data: how many rows broke it and what follows (`fail`, `quarantine`, `warn`)."""

    check: str
    columns: tuple[str, ...]
    failed_rows: int
    on_fail: str
    message: str


@dataclass
class StepResult:
    """What a step did. `rows` is what it gave (or wrote); `rejected` counts rows that could not be read or were quarantined and
    `rejects` shows the first of them (line, column, reason)."""

    rows: int | None = None
    relation: Relation | None = None
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)  # table, path, version, quarantine table ...: plain data
    verdict: Verdict | None = None  # does it give the same on both warehouses? None: the engine makes no statement
    differs: list[str] = field(default_factory=list)  # for local-approximate: what may differ, in words

    def judged(self, differs: Sequence[str]) -> StepResult:
        """This result of proven operations: the same on both warehouses, but for what their compilation says of itself."""
        self.verdict, self.differs = "local-approximate" if differs else "portable", list(differs)
        return self


class Engine(Protocol):
    """What the registry hands out for a ps_type; optional functions are filled with their defaults."""

    ps_type: str
    summary: str
    Config: type[EngineConfig]

    @property
    def repeatable(self) -> bool: ...

    def run(self, config: Any, context: Context) -> StepResult: ...
    def preview(self, config: Any, context: Context) -> StepResult: ...
    def inputs(self, config: Any) -> list[str]: ...
    def output(self, config: Any, scope: Scope) -> tuple[Column, ...] | None: ...
    def queries(self, config: Any, scope: Scope) -> list[Query]: ...
