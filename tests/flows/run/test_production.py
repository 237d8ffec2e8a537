"""A run with `--env production`: files, operations, checks and writes on BigQuery, through a real Prefect server and the emulator."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.engines.base import Cancel
from flows.errors import SqlError, UnreachableError
from flows.run.job import make_job
from flows.run.plan import make_plan
from flows.run.step import attempt
from flows.run.up import ensure
from flows.service import Penstock
from flows.spec.loader import from_data

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]
ORDERS = "order_id,country,day,amount\n1,DE,2025-11-14,10.5\n2,DE,2025-11-15,4\n3,FR,2025-11-15,7.25\n4,FR,2025-11-15,\n5,,2025-11-15,1\n"
SPEC: dict[str, Any] = {
    "pipeline_id": "sales", "parameters": [{"name": "run_date", "type": "date"}],
    "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"path": "orders.csv"}},
        {"step_id": "good", "ps_type": "generic.quality_check", "depends_on": ["read"],
         "config": {"input": "read", "checks": [{"check": "not_null", "columns": ["amount"], "on_fail": "quarantine"}]}},
        {"step_id": "sums", "ps_type": "generic.transform", "depends_on": ["good"],
         "config": {"inputs": ["good"], "operations": [
             {"op": "aggregate", "by": ["country"], "measures": [{"fn": "sum", "column": "amount", "as": "revenue"},
                                                                  {"fn": "count", "as": "orders"}]}]}},
        {"step_id": "named", "ps_type": "generic.sql", "depends_on": ["sums"],
         "config": {"inputs": ["sums"], "query": "SELECT COALESCE(country, 'nobody') AS country, revenue, orders FROM sums"}},
        {"step_id": "load", "ps_type": "generic.load", "depends_on": ["named"], "config": {"input": "named"},
         "destination": {"engine": "bigquery", "table": "mart.sales", "mode": "append"}},
    ]}
ROWS = [("DE", 14.5, 2), ("FR", 7.25, 1), ("nobody", 1.0, 1)]


@pytest.fixture
def production(home: Path, bq_project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Penstock]:
    """The service of a home whose production is the emulator."""
    (Path.cwd() / "orders.csv").write_text(ORDERS)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", bq_project.project)
    monkeypatch.setenv("PENSTOCK_BIGQUERY_ENDPOINT", bq_project.endpoint)
    monkeypatch.setenv("PENSTOCK_BIGQUERY_STORAGE_ENDPOINT", bq_project.storage_endpoint)
    monkeypatch.setenv("PENSTOCK_BIGQUERY_DATASETS", bq_project.datasets)
    with Penstock(home=home) as door:
        yield door


def sales(door: Penstock) -> list[tuple[Any, ...]]:
    found = door.query("SELECT country, revenue, orders FROM mart.sales ORDER BY country", environment="production")
    return [tuple(row.values()) for row in found.to_pylist()]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_pipeline_runs_on_bigquery_is_resumed_there_and_twice_is_once(production):
    query = "SELECT IF(revenue > 1, ERROR('too much'), country) AS country, revenue, orders FROM sums"
    broken = {**SPEC, "steps": [*SPEC["steps"][:3], {**SPEC["steps"][3], "config": {"inputs": ["sums"], "query": query}}, SPEC["steps"][4]]}
    with ensure(production.settings, production.store):  # one server for all three
        failed = production.run(broken, environment="production", params={"run_date": "2025-11-15"})
        first = production.run(SPEC, environment="production", resume=failed.run.run_id)
        second = production.run(SPEC, environment="production", params={"run_date": "2025-11-15"})
        assert [run.run.status for run in (failed, first, second)] == ["FAILED", "SUCCESS", "SUCCESS"], first.as_dict()
    before, after = ({s["step_id"]: s["started_at"] for s in run.steps} for run in (failed, first))
    assert {name for name, at in after.items() if at == before[name]} == {"read", "good", "sums"}  # kept, not run again
    steps = {step["step_id"]: step for step in second.steps}
    assert (steps["load"]["rows_processed"], steps["good"]["rejected"]) == (3, 1)
    assert sales(production) == ROWS
    # the emulator bills nothing and knows no sizes: that each run has a tag and a bill is what can be seen here
    assert second.run.estimate is not None
    assert [s["step_id"] for s in second.run.estimate["steps"]] == ["read", "good", "sums", "named", "load"]
    assert second.bill is not None
    who = production.query("SELECT DISTINCT x_org_slug, x_pipeline_id, x_run_id FROM mart.sales", environment="production")
    assert who.to_pylist() == [{"x_org_slug": "demo", "x_pipeline_id": "sales", "x_run_id": second.run.run_id}]
    aside = production.query("SELECT order_id FROM quarantine.sales_good_rejects", environment="production")
    assert aside.to_pylist() == [{"order_id": 4}]
    with pytest.raises(SqlError, match="there is no table"):  # the lake of this machine has nothing of it
        production.query("SELECT * FROM mart.sales")


def test_a_question_is_answered_there_and_nothing_else_is_reached(production):
    assert production.query("SELECT 1 + 1 AS two", environment="production").to_pylist() == [{"two": 2}]
    plan = production.check_sql("SELECT 1 AS one, 'x' AS word", environment="production")
    assert [(c.name, c.type) for c in plan.columns] == [("one", "INT64"), ("word", "STRING")]


def test_production_without_a_project_says_how_to_name_one(home, monkeypatch):
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    with Penstock(home=home) as door, pytest.raises(UnreachableError, match="no BigQuery project") as told:
        door.submit(SPEC, environment="production")
    assert "GOOGLE_CLOUD_PROJECT" in told.value.fix
    assert "environments.yml" in told.value.fix


def test_sample_data_is_never_read_in_production(production):
    spec = {"pipeline_id": "p", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "orders"}},
        {"step_id": "load", "ps_type": "generic.load", "depends_on": ["read"], "config": {"input": "read"},
         "destination": {"engine": "bigquery", "table": "mart.orders"}}]}
    run = production.submit(spec, environment="production")
    job = make_job(from_data(run.spec), settings=production.settings, store=production.store, catalog=production.catalog, run=run)
    outcome = attempt(make_plan(job.spec, catalog=job.catalog).step("read"), job, {}, Cancel(), logging.getLogger("test"))
    assert outcome.status == "FAILED"
    assert "is behind connection 'postgres', which has no address here" in outcome.error


def test_a_check_in_production_tells_what_the_local_warehouse_would_say(production):
    production.query("CREATE TABLE mart.points (x INT64)", environment="production")
    plan = production.check_sql("SELECT APPROX_COUNT_DISTINCT(x) AS n FROM mart.points", environment="production")
    assert (plan.verdict, plan.reads, plan.usd is not None) == ("local-approximate", ("mart.points",), plan.bytes is not None)
    assert plan.notes[0].startswith("APPROX_COUNT_DISTINCT is exact here")
    assert production.check_sql("SELECT x FROM mart.points", environment="production").verdict == "portable"
