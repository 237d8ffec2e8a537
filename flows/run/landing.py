"""A load in a trial: what table each warehouse would make of its rows. Nothing of the tenant's own is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.engines.base import StepResult
from flows.engines.tables import WAREHOUSE, everything, own
from flows.errors import MissingError
from flows.run.agreement import DIFFERENT, FAILED, SAME, SKIPPED, StepParity
from flows.warehouse.base import Slice, TableSpec
from flows.warehouse.bqtypes import normal
from flows.warehouse.evolve import evolve

if TYPE_CHECKING:
    from flows.run.plan import PlanStep
    from flows.run.trial import Side, Trial
    from flows.warehouse.base import Warehouse


def landed(trial: Trial, each: PlanStep, base: StepParity) -> StepParity:
    """The table by the rules of the lake against the one that BigQuery makes in the trial's own datasets, and its rows there."""
    to, name = each.config.destination, each.config.config.input  # type: ignore[attr-defined]
    if to.engine not in WAREHOUSE:
        return replace(base, verdict=SKIPPED, notes=[*base.notes, f"it writes to {to.engine}, from rows that are compared before it"])
    table = trial.standins.place(to.table) or to.table
    mine = trial.side(each, trial.local, trial.mine)
    if mine.error:
        return replace(base, verdict=FAILED, notes=[*base.notes, f"DuckDB: {mine.error}"], local_seconds=mine.seconds)
    mine, have = replace(mine), _there(trial.local, table)
    planned: dict[str, Any] = {}

    def here(cancel: Any) -> None:
        rows = own(trial.local.check(everything(name)).columns)
        want = TableSpec(table, rows, to.partition_by or "", tuple(to.cluster_by or ()), tuple(to.keys or ()))
        planned["want"], planned["spec"] = want, evolve(have, want, rows, fresh=to.mode == "overwrite")
        mine.rows = trial.local.query(everything(name))
        mine.result = StepResult()

    def there(session: Any, side: Side) -> None:
        trial.there.room(table.split(".")[0])
        if have.columns and to.mode != "overwrite":
            session.ensure_table(have)
        for relation in trial.its.values():
            session.bind(relation)
        job = trial.job
        key = Slice(job.tenant_id, job.spec.pipeline_id, job.credentials.get(each.step_id, "none"), job.run_date.isoformat(), "parity")
        source: Any = trial.its.get(name) or everything(name)
        session.write(planned["want"], key, source, mode=to.mode)
        planned["made"] = session.describe(table)
        side.rows = session.query(everything(table))
        side.result = StepResult()

    trial.timed(each, mine, trial.local, here)
    if mine.error:
        return replace(base, verdict=FAILED, notes=[*base.notes, f"DuckDB: {mine.error}"], local_seconds=mine.seconds)
    its = trial.far(each, there)
    if its.rows is not None and mine.rows is not None:
        kept = [column.name for column in planned["spec"].columns if column.name in mine.rows.column_names]
        its.rows = its.rows.select([n for n in its.rows.column_names if n.casefold() in {k.casefold() for k in kept}])
    done = trial.judged(base, mine, its, [])
    said = _layout(planned)
    return replace(done, verdict=DIFFERENT if said and done.verdict == SAME else done.verdict, notes=[*done.notes, *said])


def _there(warehouse: Warehouse, table: str) -> TableSpec:
    """The table as it is, without columns where it is not there."""
    try:
        return warehouse.describe(table)
    except MissingError:
        return TableSpec(table, ())


def _layout(planned: dict[str, Any]) -> list[str]:
    """How the two tables differ in their columns, partition and clusters."""
    want: TableSpec = planned["spec"]
    made: TableSpec | None = planned.get("made")
    if made is None:
        return []
    mine, its = ({column.name: normal(column.type) for column in spec.columns} for spec in (want, made))
    said = [f"the table's column {name} is {mine.get(name, 'not there')} on DuckDB and {its.get(name, 'not there')} on BigQuery"
            for name in {**mine, **its} if mine.get(name) != its.get(name)]
    for word, a, b in (("partitioned by", [want.partition_by], [made.partition_by]), ("clustered by", want.cluster_by, made.cluster_by)):
        here, there = (", ".join(filter(None, names)) or "nothing" for names in (a, b))
        if here != there:
            said.append(f"the table is {word} {here} on DuckDB and {there} on BigQuery")
    return said
