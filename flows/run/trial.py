"""Goes through a plan once, each step on both warehouses, on the same rows."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flows.engines.base import Cancel, Context, StepResult
from flows.engines.tables import count, everything
from flows.errors import InputError, PenstockError, SqlError, UnreachableError
from flows.run.agreement import APPROXIMATE, DIFFERENT, FAILED, ONLY, SAME, SKIPPED, StepParity
from flows.run.compare import columns, compare, order_of
from flows.run.preview import StepLog
from flows.run.sides import Here
from flows.run.standin import REAL, Origin, Standins, furthest
from flows.run.step import Outcome, deadline, guarded, stopping
from flows.warehouse.base import QueryLimits

if TYPE_CHECKING:
    import pyarrow as pa

    from flows.run.job import Job
    from flows.run.plan import Plan, PlanStep
    from flows.run.sides import There
    from flows.warehouse.base import Relation, Warehouse

COMPARED = ("generic.extract", "generic.transform", "generic.sql", "generic.quality_check")
"""Steps that run on both sides. Others are not known to leave everything as it is, or give no rows."""
ASIDE = {"generic.load": "", "generic.export": "it writes a file, from rows that are compared before it",
         "generic.wait": "it only waits", "generic.procedure_executor": "a procedure writes, so none is called in a trial"}
MOST = 100_000  # rows of a step that are compared
ANY_ROWS = "a LIMIT of rows in no order takes any of them"
log = logging.getLogger("penstock.parity")


class Staged:
    """A session that remembers what it was asked to keep: the order of a query is not that of the table it fills."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.asked: dict[str, tuple[Any, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.warehouse, name)

    def stage(self, name: str, data: Any, params: Any = None) -> Relation:
        self.asked[name] = data, params
        return self.warehouse.stage(name, data, params)


@dataclass
class Side:
    """What a step gave on one warehouse: a result with its rows, or an error; `only`: why it is BigQuery's alone."""

    result: StepResult | None = None
    rows: pa.Table | None = None
    order: tuple[str, ...] = ()
    many: int = 0  # how many rows there are, where they are too many to be compared
    notes: list[str] = field(default_factory=list)
    error: str = ""
    only: str = ""
    seconds: float = 0.0


class Trial:
    """`limit`: rows of each source at most."""

    def __init__(self, plan: Plan, job: Job, limit: int, there: There, cancel: Cancel) -> None:
        self.plan, self.job, self.limit, self.there, self.cancel = plan, job, limit, there, cancel
        self.mine: dict[str, Relation] = {}  # rows of finished steps on DuckDB
        self.its: dict[str, Relation] = {}  # and on BigQuery
        self.seen: dict[str, StepParity] = {}
        self.origins: dict[str, Origin] = {}
        self.given: dict[str, str] = {}  # tables that both sides have, and what there is to say of them
        self.preferred: set[str] = set()
        self.refused: dict[str, str] = {}

    def run(self) -> tuple[StepParity, ...]:
        self.local = self.job.open_warehouse("parity")
        self.here = Here(self.local)
        self.standins = Standins(self.plan, self.job, self.local, self.loaded, preferred=self.preferred)
        try:
            for each in self.plan.steps:
                self.seen[each.step_id] = self.one(each)
        finally:
            self.local.close()
        return tuple(self.seen.values())

    # ---- one step
    def one(self, each: PlanStep) -> StepParity:
        base = StepParity(each.step_id, each.name, each.ps_type, SKIPPED)
        why = self.blocked(each)
        if why:
            return replace(base, notes=[why])
        if any("INFORMATION_SCHEMA" in name.upper() for name, _ in self.standins.names(each)):
            return replace(base, notes=["it reads INFORMATION_SCHEMA, which each warehouse has of its own"])
        prepared = self.guard(lambda: self.prepare(each), each)
        if isinstance(prepared, Outcome):
            return replace(base, verdict=FAILED, notes=[f"reading its rows: {prepared.error}"])
        origin = self.origins[each.step_id] = furthest([*prepared, *(self.origins.get(name, REAL) for name in each.inputs)])
        said = [o.note for o in prepared if o.note] + [self.given[place] for name, _ in self.standins.names(each)
                                                       if self.given.get(place := self.standins.place(name))]
        base = replace(base, notes=list(dict.fromkeys(said)), origin=origin.kind, basis=origin.words)
        if each.ps_type == "generic.load":
            from flows.run.landing import landed

            return landed(self, each, base)
        if each.ps_type not in COMPARED or self.elsewhere(each):
            return self.handed(each, base)
        return self.tried(each, base)

    def blocked(self, each: PlanStep) -> str:
        """Why this step is not tried."""
        if self.cancel.is_set():
            return self.cancel.reason
        lost = next((name for name in each.inputs if name in self.plan.by_id and name not in self.mine), "")
        if lost:
            return f"{lost} gave no rows"
        return "runs on failure only" if each.trigger == "on_failure" else ASIDE.get(each.ps_type, "")

    def prepare(self, each: PlanStep) -> list[Origin]:
        """Both sides have the tables that the step reads; gives where rows that are not real are from."""
        context = self.job.context(each, self.local, dict(self.mine), self.cancel, log)
        context, stood = self.standins.ready(each, context)
        if each.ps_type in COMPARED and self.elsewhere(each):
            return stood
        for name, _ in self.standins.names(each):
            try:
                self.give(name, context)
            except UnreachableError as error:
                if not self.standins.unreachable(each, context, error):
                    raise
                context, stood = self.standins.ready(each, context)
                self.give(name, context)
        return stood

    def give(self, name: str, context: Context) -> None:
        """The first rows of a table, read once, are the whole table on both sides."""
        if "*" in name:
            dataset, _, stem = self.standins.place(name).partition(".")
            for found in self.local.list_tables(dataset):
                if found.startswith(f"{dataset}.{stem.split('*')[0]}"):
                    self.give(found, context)
            return
        place = self.standins.place(name)
        if not place or place in self.given:
            return
        self.fetched(name, context)
        alias = f"given_{len(self.given)}"
        kept, more = self.here.cut(name, self.limit, keep_as=alias)
        rows = self.local.query(everything(alias))
        self.here.warehouse.tables.unbind(name)
        self.standins.put(name, place, self.here.warehouse.tables.bound(alias), kept.rows or 0, kept.columns)
        self.there.give(place, rows)
        self.given[place] = f"{name}: its first {self.limit:,} rows on both sides" if more else ""

    def fetched(self, name: str, context: Context) -> None:
        """A table behind a connection that answers here is read from there, as far as it is needed."""
        from flows.engines.remote import Want, fetch
        from flows.engines.tables import catalogued

        table = context.catalog.tables.get(name)
        if table is None or not table.connection or not context.connections.url(table.connection):
            return
        types = {column.name: column.type for column in catalogued(table)}
        fetch(Want(name, table.connection, table=name, columns=list(types) or None, types=types, limit=self.limit + 1), context)

    def elsewhere(self, each: PlanStep) -> bool:
        """Does it read a file or another system, where no warehouse has a say?"""
        source = getattr(each.config, "source", None)
        if source is None:
            return False
        table = self.standins.catalog.tables.get(source.table or "")
        connection = source.connection or (table.connection if table else "")
        known = connection not in self.standins.down and self.job.connections.url(connection) if connection else None
        return bool(source.path or source.endpoint or (table and table.path) or known)

    # ---- rows that are read once
    def handed(self, each: PlanStep, base: StepParity) -> StepParity:
        """The step here, its first rows to both."""
        mine = self.side(each, self.local, self.mine)
        if mine.error or mine.result is None or mine.result.relation is None:
            verdict = FAILED if mine.error else SKIPPED
            return replace(base, verdict=verdict, notes=[*base.notes, mine.error or "gives no rows to compare"], local_seconds=mine.seconds)
        name = mine.result.relation.name
        first = self.guard(lambda: self.first(each.step_id, name), each)  # rows are read only now: a view has none of its own
        if isinstance(first, Outcome):
            return replace(base, verdict=FAILED, notes=[*base.notes, f"DuckDB: {first.error}"], local_seconds=mine.seconds)
        mine.rows, more = first
        assert mine.rows is not None
        own = "" if each.ps_type in COMPARED else "an engine of its own, tried on DuckDB only; "
        note = f"{own}read once{f', the first {self.limit:,} rows' if more else ''}, given to both sides"
        its = self.hand(each, mine.rows)
        notes = [*base.notes, *mine.result.notes, note]
        mine.result = StepResult(relation=mine.result.relation, differs=mine.result.differs)  # what it rejected is nobody else's
        return self.judged(replace(base, notes=notes), mine, its, [])

    def first(self, step_id: str, name: str) -> tuple[pa.Table, bool]:
        """The first rows of a relation become those of the step on this side; and whether there were more."""
        self.mine[step_id], more = self.here.cut(name, self.limit, keep_as=step_id)
        return self.local.query(everything(step_id)), more

    def hand(self, each: PlanStep, rows: pa.Table) -> Side:
        """Rows of this side become those of the step over there."""
        def work(session: Warehouse, side: Side) -> None:
            self.its[each.step_id] = session.stage(each.step_id, rows)
            side.rows = session.query(everything(each.step_id))
            side.result = StepResult(relation=self.its[each.step_id])

        return self.far(each, work)

    # ---- rows that are made on both
    def tried(self, each: PlanStep, base: StepParity) -> StepParity:
        mine = self.side(each, self.local, self.mine)
        its = self.far(each, lambda session, side: self.work(each, session, self.its, side))
        if mine.result is not None and mine.result.relation is not None:
            self.mine[each.step_id] = mine.result.relation
        if its.result is not None and its.result.relation is not None:
            self.its[each.step_id] = its.result.relation
        done = self.judged(base, mine, its, self.moods(each))
        if (done.pairs or done.verdict == DIFFERENT) and mine.rows is not None:
            self.hand(each, mine.rows)
        return done

    def judged(self, base: StepParity, mine: Side, its: Side, reasons: list[str]) -> StepParity:
        """The verdict; `reasons` why an answer may differ, besides those of the local result."""
        base = replace(base, local_seconds=mine.seconds, bigquery_seconds=its.seconds, notes=[*base.notes, *mine.notes])
        if self.cancel.is_set():
            return replace(base, verdict=SKIPPED, notes=[*base.notes, self.cancel.reason])
        if mine.rows is None or its.rows is None:
            return self.one_sided(base, mine, its)
        assert mine.result is not None
        assert its.result is not None
        many = max(mine.many, its.many)
        kept = 0 if many else MOST
        found = compare(mine.rows.slice(0, kept), its.rows.slice(0, kept), mine.order if mine.order == its.order else ())
        found.said += _counts(mine, its)
        reasons = [*mine.result.differs, *reasons]
        rows = 0 if many else max(mine.rows.num_rows, its.rows.num_rows)
        few = [f"{many:,} rows are too many to be compared, they are only counted"] if many else [] if rows else [
            "no rows came, so only the columns are compared"]
        return replace(base, verdict=APPROXIMATE if reasons else DIFFERENT if found else SAME, columns=tuple(mine.rows.column_names),
                       rows=rows, notes=[*base.notes, *few, *reasons, *found.said], pairs=found.pairs)

    def one_sided(self, base: StepParity, mine: Side, its: Side) -> StepParity:
        """Rows on one side only, or on none."""
        errors = [f"{name}: {side.error}" for name, side in (("DuckDB", mine), ("BigQuery", its)) if side.error]
        each = self.plan.by_id[base.step_id]
        if its.rows is not None:
            try:
                self.mine[each.step_id] = self.here.put(each.step_id, its.rows, columns(its.rows))
            except PenstockError as error:  # GEOGRAPHY, for instance, has no rows here
                base = replace(base, notes=[*base.notes, f"DuckDB cannot keep its rows: {error.what}"])
        elif mine.rows is not None and each.step_id in self.mine:
            self.hand(each, mine.rows)
        if not errors:
            return replace(base, verdict=SKIPPED, notes=[*base.notes, "gives no rows to compare"])
        verdict = ONLY if mine.only and its.rows is not None else FAILED
        there = (its.rows.num_rows, tuple(its.rows.column_names)) if its.rows is not None else (None, ())
        notes = [f"{mine.only} ({there[0]:,} rows there, nothing to compare them with)"] if verdict == ONLY else errors
        return replace(base, verdict=verdict, columns=there[1], notes=[*base.notes, *notes])

    # ---- a side
    def side(self, each: PlanStep, warehouse: Warehouse, inputs: Mapping[str, Relation]) -> Side:
        side = Side()
        self.timed(each, side, warehouse, lambda own: self.work(each, warehouse, inputs, side, own))
        return side

    def far(self, each: PlanStep, work: Any) -> Side:
        """Something on the side of BigQuery, in a session of its own."""
        side = Side()
        session = self.there.session(each.step_id, self.standins.catalog)
        try:
            self.timed(each, side, session, lambda own: work(session, side))
        finally:
            session.close()
        return side

    def timed(self, each: PlanStep, side: Side, warehouse: Warehouse, work: Any) -> None:
        """The work within the step's own time; what it raises becomes the side's error."""
        own = Cancel()
        off = self.cancel.on(lambda: own.set(self.cancel.reason or "cancelled"))

        def within() -> None:
            with stopping(warehouse, own), deadline(own, each.timeout):
                work(own)

        started = time.monotonic()
        try:
            ended = guarded(within, each, own, self.job, StepLog(log, {"step_id": each.step_id}))
        finally:
            off()
        side.seconds = time.monotonic() - started
        if isinstance(ended, Outcome):
            side.result, side.rows, side.error = None, None, ended.error

    def guard(self, work: Any, each: PlanStep) -> Any:
        return guarded(work, each, self.cancel, self.job, StepLog(log, {"step_id": each.step_id}))

    def work(self, each: PlanStep, warehouse: Warehouse, inputs: Mapping[str, Relation], side: Side, own: Cancel | None = None) -> None:
        """The step as a preview does it, and its rows as Arrow."""
        staged: Any = Staged(warehouse)
        mine = {name: inputs[name] for name in inputs if name in self.plan.by_id}
        for given in mine.values():
            warehouse.bind(given)
        context = self.job.context(each, staged, mine, own or self.cancel, log)
        context, _ = self.standins.ready(each, replace(context, catalog=self.standins.catalog))
        try:
            side.result = each.engine.preview(each.config, context)
        except SqlError as error:
            side.only = str(error) if error.verdict == "refused" and error.code == "bigquery_only" else ""
            raise
        relation = side.result.relation
        if relation is None:
            return
        data, params = staged.asked.get(relation.name, (None, None))
        names = [column.name for column in relation.columns]
        side.order, why = order_of(data, names) if not (data is None or hasattr(data, "schema")) else ((), "")
        side.notes += [why] if why else []
        asked = (data, params) if side.order else (everything(relation.name), None)
        side.rows = warehouse.query(*asked, limits=QueryLimits(rows=MOST + 1))
        side.many = count(relation.name, context) if side.rows.num_rows > MOST else 0

    def moods(self, each: PlanStep) -> list[str]:
        """Why the step need not give the same twice, on either warehouse: functions of its query, or a LIMIT of rows in no order."""
        from sqlglot import exp, parse_one
        from sqlglot.errors import SqlglotError

        from flows.spec.binding import bind_sql

        text = getattr(getattr(each.config, "config", None), "query", None) or getattr(getattr(each.config, "source", None), "query", None)
        if not isinstance(text, str):
            done = [getattr(operation, "op", "") for operation in getattr(getattr(each.config, "config", None), "operations", ())]
            return [ANY_ROWS] if "limit" in done and "sort" not in done[:done.index("limit")] else []
        kinds = {exp.Rand: "RAND", exp.Uuid: "GENERATE_UUID", exp.CurrentTimestamp: "CURRENT_TIMESTAMP",
                 exp.CurrentDatetime: "CURRENT_DATETIME", exp.CurrentTime: "CURRENT_TIME"}
        try:
            tree = parse_one(bind_sql(text, self.job.variables)[0], read="bigquery")
        except (InputError, SqlglotError):  # the step itself says what is wrong with it
            return []
        any_rows = [ANY_ROWS] if tree.args.get("limit") and not tree.args.get("order") else []
        return [*any_rows, *(f"{name}() gives something else each time" for kind, name in kinds.items() if tree.find(kind))]

    def loaded(self, place: str) -> tuple[Relation, Origin] | None:
        """The rows that a step of this trial would write into a table."""
        for each in self.plan.steps:
            to, name = getattr(each.config, "destination", None), getattr(getattr(each.config, "config", None), "input", "")
            if getattr(to, "table", None) == place and each.step_id in self.seen and name in self.mine:
                return self.mine[name], self.origins.get(name, REAL)
        return None


def _counts(here: Side, there: Side) -> list[str]:
    """Rows that were only counted, checks and rows set aside that are not the same in number."""
    mine, its = here.result or StepResult(), there.result or StepResult()
    said = [f"{here.many:,} rows on DuckDB, {there.many:,} on BigQuery"] if here.many != there.many else []
    said += [f"check {a.check} {', '.join(a.columns)}: {a.failed_rows:,} rows on DuckDB, {b.failed_rows:,} on BigQuery"
            for a, b in zip(mine.checks, its.checks, strict=False) if a.failed_rows != b.failed_rows]
    if mine.rejected != its.rejected:
        said.append(f"{mine.rejected:,} rows set aside on DuckDB, {its.rejected:,} on BigQuery")
    return said
