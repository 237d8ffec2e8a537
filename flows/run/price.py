"""The price tag: what each step of a run is billed on BigQuery, before it runs; by dry run where BigQuery answers, else by statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from flows.engines.base import Query, Scope
from flows.errors import MissingError, PenstockError, Problem
from flows.show.units import size, usd
from flows.warehouse.base import Column
from flows.warehouse.bq.price import Tariff, billed, tariff, value_bytes

if TYPE_CHECKING:
    from sqlglot import exp

    from flows.run.job import Job
    from flows.run.plan import Plan, PlanStep
    from flows.run.preview import Preview, StepPreview
    from flows.spec.model import Budget, Schedule
    from flows.store import Run, StepRow
    from flows.warehouse.base import Warehouse
    from flows.warehouse.bq.project import Project

Known = Literal["dry run", "statistics", "free", "unknown"]
DAYS_A_MONTH = 365.25 / 12
FIRES = 5000  # of a schedule that are counted at most


@dataclass(frozen=True)
class StepPrice:
    """What one step is billed. `bytes` is None where nobody can tell before the rows are there; `known` says how it is known."""

    step_id: str
    bytes: int | None
    usd: float | None
    known: Known
    note: str = ""


@dataclass(frozen=True)
class PriceTag:
    """A run's bytes and price in US dollars, step by step, and what a month at its schedule comes to."""

    pipeline_id: str
    steps: tuple[StepPrice, ...]
    tariff: Tariff
    runs_a_month: float | None = None
    budget: Budget | None = None

    @property
    def bytes(self) -> int:
        return sum(step.bytes or 0 for step in self.steps)

    @property
    def usd(self) -> float:
        return self.tariff.usd(self.bytes)

    @property
    def usd_a_month(self) -> float | None:
        return None if self.runs_a_month is None else self.usd * self.runs_a_month

    @property
    def complete(self) -> bool:
        """Is every step's price known?"""
        return all(step.bytes is not None for step in self.steps)

    @property
    def over_budget(self) -> list[Problem]:
        """What a run or a month of it would take more than the spec's budget allows; empty when it keeps it or has none."""
        return _broken(self.budget, self) if self.budget else []

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"pipeline_id": self.pipeline_id, "bytes": self.bytes, "usd": self.usd, "complete": self.complete,
                "runs_a_month": self.runs_a_month, "usd_a_month": self.usd_a_month,
                "tariff": vars(self.tariff),
                "over_budget": [problem.as_dict() for problem in self.over_budget], "steps": [vars(step) for step in self.steps]}


def price_tag(plan: Plan, job: Job, seen: Preview, *, project: Project | None = None, session: Warehouse | None = None) -> PriceTag:
    """Price a plan by what its preview showed. `session`: one on BigQuery, which is asked for dry runs and the sizes of tables."""
    local = replace(job, preview=True).open_warehouse("price")
    try:
        return Tag(plan, job, seen, local, session, tariff(project)).price()
    finally:
        local.close()


@dataclass
class Stat:
    """Rows of a relation on the priced warehouse, how many of them stand for one row of the preview, and the bytes of its values."""

    columns: Sequence[Column]
    rows: int | None
    factor: float = 1.0
    bytes: Mapping[str, float] = field(default_factory=dict)

    def scan(self, names: set[str]) -> float | None:
        """Logical bytes of these columns of all rows; None when nobody knows how many rows there are, or which columns."""
        if self.rows is None or not self.columns:
            return None
        return self.rows * sum(self.bytes.get(c.name, value_bytes(c.type)) for c in self.columns if c.name.lower() in names)


class Tag:
    """One pass through a plan in running order."""

    def __init__(self, plan: Plan, job: Job, seen: Preview, local: Warehouse, session: Warehouse | None, tariff: Tariff) -> None:
        self.plan, self.job, self.local, self.session, self.tariff = plan, job, local, session, tariff
        self.seen = {step.step_id: step for step in seen.steps}
        self.stats: dict[str, Stat] = {}

    def price(self) -> PriceTag:
        steps = tuple(self.step(step) for step in self.plan.steps)
        return PriceTag(self.plan.pipeline_id, steps, self.tariff, runs_a_month(self.job.spec.schedule), self.job.spec.budget)

    def step(self, step: PlanStep) -> StepPrice:
        seen = self.seen.get(step.step_id)
        if seen is None or (seen.status not in ("ok", "skipped") and seen.verdict != "bigquery-only"):
            return StepPrice(step.step_id, None, None, "unknown", "its preview did not come to an end")
        queries = self.queries(step)
        tables = [self.tables(query) for query in queries]
        self.stats[step.step_id] = self.after(step, seen, {name for found in tables for name in found})
        if not queries:
            return StepPrice(step.step_id, 0, 0.0, "free")
        asked = [self.asked(query, found) for query, found in zip(queries, tables, strict=True)]
        parts = [said if said is not None else self.counted(found) for said, found in zip(asked, tables, strict=True)]
        if any(part is None for part in parts):
            return StepPrice(step.step_id, None, None, "unknown", "nobody knows yet how many rows it reads")
        total = sum(part or 0 for part in parts)
        return StepPrice(step.step_id, total, self.tariff.usd(total), "dry run" if None not in asked else "statistics")

    def queries(self, step: PlanStep) -> list[Query]:
        columns = {name: tuple(self.stat(name).columns) for name in step.inputs if self.stat(name).columns}
        scope = Scope(columns=columns, catalog=self.job.catalog, files=self.job.files, describe_table=self.columns_of,
                      tables=self.job.words, variables=self.job.variables, run_date=self.job.run_date)
        return step.engine.queries(step.config, scope)

    def columns_of(self, name: str) -> tuple[Column, ...] | None:
        return tuple(self.stat(name).columns) or None

    # ---------------------------------------------------------------- what is known of relations
    def stat(self, name: str) -> Stat:
        """Of a step that was passed, else of a table by its catalogued or full name."""
        if name not in self.stats:
            self.stats[name] = self.table(name)
        return self.stats[name]

    def table(self, name: str) -> Stat:
        known = self.job.catalog.tables.get(name)
        place = (known.location if known else "") or name
        here, there = _described(self.local, place), _described(self.session, place) if self.session else None
        found = there or here
        if found is None:
            return Stat([Column(n, c.type) for n, c in known.columns.items()] if known else [], None)
        factor = there.rows / here.rows if there and here and there.rows and here.rows else 1.0
        return Stat(found.columns, found.rows, factor)

    def after(self, step: PlanStep, seen: StepPreview, reads: set[str]) -> Stat:
        """What a step leaves: the rows its preview counted, as many times as its input is larger; else at most its largest input.

        Rows that stood in for others count nothing.
        """
        inputs = [self.stat(name) for name in reads]
        factor = max((stat.factor for stat in inputs), default=1.0)
        rows = seen.row_count if seen.origin == "real" else None
        if rows is None:
            known = [stat.rows for stat in inputs if stat.rows is not None]
            return Stat(seen.columns, max(known) if known and len(known) == len(inputs) else None, factor, _measured(seen))
        return Stat(seen.columns, round(rows * factor), factor, _measured(seen))

    # ---------------------------------------------------------------- what a query reads
    def tables(self, query: Query) -> dict[str, set[str]]:
        """Each table or step that a query reads, and the columns of it that it names, in lower case."""
        return columns_read(query.sql, lambda name: self.stat(name).columns)

    def asked(self, query: Query, tables: Mapping[str, set[str]]) -> int | None:
        """The bytes that BigQuery says, when all that the query reads is there."""
        if self.session is None or any(name in self.plan.by_id for name in tables):
            return None
        try:
            said = self.session.check(query.sql, query.params).bytes
        except PenstockError:
            return None  # a table that is not there yet, or no answer: statistics go on
        return None if said is None else billed([said])

    def counted(self, tables: Mapping[str, set[str]]) -> int | None:
        scans = [self.stat(name).scan(columns) for name, columns in tables.items()]
        return None if any(scan is None for scan in scans) else billed([scan or 0 for scan in scans])


def columns_read(sql: str | exp.Expr, columns: Any) -> dict[str, set[str]]:
    """Tables of a query by their written names, each with the columns that are used of it; all of them where that cannot be told.

    `columns(name)` gives the columns of a table.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import traverse_scope
    from sqlglot.schema import MappingSchema

    from flows.warehouse.scope import path_of, real_tables

    tree = sqlglot.parse_one(sql, read="bigquery") if isinstance(sql, str) else sql.copy()
    names: dict[str, str] = {}
    for n, table in enumerate(real_tables(tree)):
        written = ".".join(path_of(table))
        names[f"t{n}"] = written
        alias = table.alias or table.name
        table.replace(exp.Table(this=exp.to_identifier(f"t{n}"), alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))))
    every = {name: {c.name.lower() for c in columns(name)} for name in names.values()}
    try:
        schema = MappingSchema({short: {c.name: c.type for c in columns(name)} for short, name in names.items()}, dialect="bigquery")
        made = qualify(tree, dialect="bigquery", schema=schema)
        used: dict[str, set[str]] = {name: set() for name in names.values()}
        for scope in traverse_scope(made):
            for column in scope.columns:
                source = scope.sources.get(column.table)
                if isinstance(source, exp.Table):
                    used[names[source.name]].add(column.name.lower())
    except SqlglotError:
        return every
    return used


@dataclass(frozen=True)
class Bill:
    """What the steps of a run were billed so far, and what its price tag had said; None where there was none."""

    bytes: int
    tariff: Tariff
    estimated_bytes: int | None = None

    @property
    def usd(self) -> float:
        return self.tariff.usd(self.bytes)

    @property
    def error(self) -> float | None:
        """How far the estimate was off, as a part of the bill: 0.25 said a quarter too much, -0.25 a quarter too little."""
        return None if self.estimated_bytes is None or not self.bytes else self.estimated_bytes / self.bytes - 1

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"bytes": self.bytes, "usd": self.usd, "estimated_bytes": self.estimated_bytes, "estimate_error": self.error}

    def words(self) -> str:
        """`billed 52 MiB, under $0.01; the estimate of 40 MiB was 23 % too low`."""
        said = f"billed {size(self.bytes)}, {usd(self.usd)}"
        if self.estimated_bytes is None:
            return said
        if self.error is None or abs(self.error) < 0.005:
            return f"{said}; the estimate was {size(self.estimated_bytes)}"
        return f"{said}; the estimate of {size(self.estimated_bytes)} was {abs(self.error):.0%} too {'high' if self.error > 0 else 'low'}"


def bill(run: Run, rows: Sequence[StepRow], project: Project | None) -> Bill | None:
    """The bill of a run in production; None for a local one, which nobody bills."""
    if run.environment != "production":
        return None
    total = sum(int((row.result or {}).get("spent", {}).get("bytes", 0)) for row in rows)
    return Bill(total, tariff(project), run.estimate["bytes"] if run.estimate else None)


def _broken(budget: Budget, tag: PriceTag) -> list[Problem]:
    found = []
    if budget.bytes_per_run is not None and tag.bytes > budget.bytes_per_run:
        found.append(Problem("budget.bytes_per_run", "over_budget",
                             f"a run is billed {size(tag.bytes)}, its budget is {size(budget.bytes_per_run)}",
                             "Read fewer columns or rows, or raise the budget"))
    if budget.usd_per_month is not None and tag.usd_a_month is not None and tag.usd_a_month > budget.usd_per_month:
        found.append(Problem("budget.usd_per_month", "over_budget",
                             f"a month at its schedule costs {usd(tag.usd_a_month)}, the budget is ${budget.usd_per_month:,g}",
                             "Run it less often, read fewer columns or rows, or raise the budget"))
    return found


def runs_a_month(schedule: Schedule | None) -> float | None:
    """How often a schedule fires in a month of 30.4 days; None without one, or when its line cannot be read."""
    if schedule is None:
        return None
    if schedule.interval_seconds:
        return DAYS_A_MONTH * 86_400 / schedule.interval_seconds
    from cronsim import CronSim, CronSimError

    start = datetime.now(UTC).replace(tzinfo=None)
    try:
        fires, last = 0, start
        for moment in CronSim(schedule.cron or "", start):
            if fires >= FIRES or moment - start > timedelta(days=366):
                break
            fires, last = fires + 1, moment
    except CronSimError:
        return None
    days = (last - start) / timedelta(days=1) if fires >= FIRES else 366
    return fires / days * DAYS_A_MONTH


def _described(warehouse: Warehouse | None, name: str) -> Any:
    try:
        return warehouse.describe(name) if warehouse else None
    except MissingError:
        return None


def _measured(seen: StepPreview) -> dict[str, float]:
    """The average bytes of a value in the rows that a preview showed, by column; NULL has none."""
    if not seen.rows:
        return {}
    return {c.name: sum(_cell(c.type, row.get(c.name)) for row in seen.rows) / len(seen.rows) for c in seen.columns}


def _cell(type_: str, value: Any) -> float:
    if value is None:
        return 0
    text = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else None
    return value_bytes(type_, None if text is None else len(text))
