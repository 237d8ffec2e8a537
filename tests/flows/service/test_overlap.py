"""Which pipelines may have days of a backfill side by side, and what a person is told before so many runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from flows.errors import InputError, SpecError
from flows.service import Penstock
from flows.service.overlap import notes, overlaps
from flows.service.submit import period
from flows.settings import Settings
from flows.spec.loader import from_data
from flows.spec.template import run_values

READ = {"step_id": "read", "ps_type": "generic.extract", "source": {"path": "in/{run_date}.csv"}}
PROCEDURE = {"step_id": "call", "ps_type": "generic.procedure_executor", "config": {"procedure": "system.sp_x", "args": ["{run_date}"]}}


def judged(*steps: dict[str, Any], days: int = 3, **more: Any) -> list[str]:
    spec = from_data({"pipeline_id": "p", "steps": list(steps), **more})
    values = [run_values(spec, {"run_date": f"2025-11-{n + 1:02}"}, tenant_id="demo") for n in range(days)]
    return [str(problem) for problem in overlaps(spec, values)]


def load(**to: Any) -> dict[str, Any]:
    return {"step_id": "load", "ps_type": "generic.load", "config": {"input": "read"}, "destination": {"table": "mart.t", **to}}


@pytest.mark.parametrize(("to", "said"), [
    ({"mode": "append"}, ""),
    ({"mode": "append", "engine": "postgres"}, ""),
    ({"mode": "replace_partition", "partition_by": "day"}, ""),
    ({"table": "mart.t_{run_date}"}, ""),
    ({"engine": "parquet", "path": "out/{run_date}.parquet"}, ""),
    ({"engine": "clickhouse", "table": "t_{date}", "mode": "append"}, ""),
    ({}, "steps.load.destination.mode: every day replaces the whole of mart.t. Run one day at a time (at_once 1), or use mode append"),
    ({"mode": "merge", "keys": ["a"]}, "days that bring the same keys would replace each other's rows in mart.t, in no order"),
    ({"engine": "parquet", "path": "out/all.parquet"}, "steps.load.destination.path: every day writes the same file, out/all.parquet"),
    ({"engine": "clickhouse", "mode": "append"}, "ClickHouse has no lock with which two days could write to mart.t at once"),
])
def test_where_days_would_meet(to: dict[str, Any], said: str) -> None:
    found = judged(READ, load(**to))
    assert said in found[0] if said else found == []


def test_a_name_by_a_variable_counts_by_what_it_becomes() -> None:
    assert judged(READ, load(table="mart.t_{part}"), variables={"part": "d{run_date}"}) == []
    assert "every day replaces the whole of mart.t_{part}" in judged(READ, load(table="mart.t_{part}"), variables={"part": "all"})[0]


def test_an_increment_has_no_end_and_a_partition_without_the_date_is_everybodys() -> None:
    rising = {"step_id": "read", "ps_type": "generic.extract",
              "source": {"table": "orders", "incremental": {"column": "updated_at", "lookback": "3d"}}}
    to = {"mode": "replace_partition", "partition_by": "day"}
    assert "an increment has no end" in judged(rising, load(**to))[0]
    assert judged(rising, load(mode="append")) == []
    assert "no step uses the run date" in judged({**READ, "source": {"path": "in.csv"}}, load(**to))[0]


def test_what_reads_its_own_table_needs_the_days_before() -> None:
    again = {"step_id": "sum", "ps_type": "generic.sql", "config": {"query": "select a from mart.t where d < {run_date}"}}
    assert judged(READ, again, load(mode="append")) == [
        "steps.sum: it reads mart.t, which the same pipeline writes: a day needs the days before it. Run one day at a time (at_once 1)"]
    other = {**again, "config": {"query": "select a from mart.t_other"}}
    assert judged(READ, other, load(mode="append")) == []


def test_a_procedure_hides_what_it_writes() -> None:
    assert "what a procedure writes cannot be seen from here" in judged(PROCEDURE)[0]


def test_what_is_said_before() -> None:
    spec = from_data({"pipeline_id": "p", "steps": [READ]})
    today = datetime.now(UTC).date()
    values = [run_values(spec, {"run_date": str(today + timedelta(n))}, tenant_id="demo") for n in (-1, 0, 1, 2)]
    assert notes(spec, values)[0].startswith("2 days are still to come (")
    same = from_data({"pipeline_id": "p", "steps": [{**READ, "source": {"path": "in.csv"}}]})
    assert notes(same, values[:2]) == [
        "no step uses the run date, so every day would read and write the same. Use {run_date}, or run it once"]
    assert notes(same, values[:1]) == []


def test_a_period_holds_both_its_ends() -> None:
    assert period("2025-10-30", date(2025, 11, 1)) == [date(2025, 10, 30), date(2025, 10, 31), date(2025, 11, 1)]
    with pytest.raises(InputError, match=r"--to: the last day, 2025-11-01, comes before the first, 2025-11-02\. Swap them"):
        period("2025-11-02", "2025-11-01")


@pytest.fixture
def door(settings: Settings) -> Iterator[Penstock]:
    with Penstock(settings=settings) as opened:
        yield opened


def test_days_that_would_meet_are_refused_side_by_side_and_taken_one_by_one(door: Penstock) -> None:
    spec = {"pipeline_id": "w", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"query": "select {run_date} as day"}}, load()]}
    days = ["2025-11-01", "2025-11-02"]
    with pytest.raises(SpecError, match=r"every day replaces the whole of mart\.t"):
        door.backfill(spec, days, at_once=2)
    assert door.backfills() == []
    assert door.backfill(spec, days).at_once == 1
    spec["pipeline_id"] = "apart"
    spec["steps"][1] = load(mode="append")
    fill = door.backfill(spec, days, at_once=2)
    assert door.backfill_view(fill.backfill_id).words.startswith("0 of 2 days done, none at work. No runner is up.")
    first, second = door.store.backfills.advance(fill.backfill_id), door.store.backfills.advance(fill.backfill_id)
    door.store.runs.finish(second, "SUCCESS")
    told = door.backfill_view(fill.backfill_id).as_dict()
    assert (told["done"], told["at_work"], told["at_once"], told["days"], told["status"]) == (1, 1, 2, 2, "RUNNING")
    door.store.runs.finish(first, "FAILED", "load failed: no room")
    door.store.backfills.advance(fill.backfill_id)
    told = door.backfill_view(fill.backfill_id).as_dict()
    assert (told["failed_days"], told["words"]) == (
        ["2025-11-01"], "Day 1 of 2 (1 November 2025) failed: load failed: no room. 1 day is done.")
