"""A spec tried on DuckDB and on BigQuery: what is the same, what is known to differ, and nothing that stays behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.run.session import open_session
from flows.service import Penstock
from tests.fixtures.bigquery import REAL

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]
ORDERS = ("order_id,country,day,amount\n1,DE,2025-11-14,10.5\n2,DE,2025-11-15,4.25\n3,FR,2025-11-15,7.25\n4,FR,2025-11-15,\n"
          "5,,2025-11-15,1\n")
READ = {"step_id": "read", "ps_type": "generic.extract", "source": {"path": "orders.csv"}}


def sql(step_id, query, *inputs):
    return {"step_id": step_id, "ps_type": "generic.sql", "depends_on": list(inputs), "config": {"inputs": list(inputs), "query": query}}


@pytest.fixture
def door(home, bq_project, monkeypatch):
    """A home whose production is the project of the tests, and a table in its lake."""
    import pyarrow as pa

    Path("orders.csv").write_text(ORDERS)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", bq_project.project)
    for name in ("endpoint", "storage_endpoint", "datasets", "location"):
        if getattr(bq_project, name):
            monkeypatch.setenv(f"PENSTOCK_BIGQUERY_{name.upper()}", getattr(bq_project, name))
    with Penstock(home=home, tenant="acme") as door:
        with open_session(door.settings, door.store, door.catalog, stage="seed") as session:
            session.load(pa.table({"country": ["DE", "FR"], "label": ["Germany", "France"]}).to_reader(), "geo.countries")
        yield door


def datasets(door):
    with open_session(door.settings, door.store, door.catalog, stage="look", environment="production") as session:
        return [found.dataset_id for found in session.jobs.client.list_datasets() if "parity" in found.dataset_id]


def test_a_pipeline_gives_the_same_on_both_and_leaves_nothing_behind(door):
    good = {"step_id": "good", "ps_type": "generic.quality_check", "depends_on": ["read"], "config": {
        "input": "read", "checks": [{"check": "not_null", "columns": ["amount"], "on_fail": "quarantine"}]}}
    sums = {"step_id": "sums", "ps_type": "generic.transform", "depends_on": ["good"], "config": {"inputs": ["good"], "operations": [
        {"op": "aggregate", "by": ["country"], "measures": [{"fn": "sum", "column": "amount", "as": "revenue"}]},
        {"op": "sort", "by": [{"column": "revenue", "direction": "desc"}]}]}}
    load = {"step_id": "load", "ps_type": "generic.load", "depends_on": ["named"], "config": {"input": "named"},
            "destination": {"engine": "bigquery", "table": "mart.sales", "mode": "append", "cluster_by": ["label"]}}
    named = sql("named", "SELECT c.label, s.revenue FROM sums AS s JOIN geo.countries AS c USING (country) ORDER BY revenue", "sums")
    seen = door.parity({"pipeline_id": "sales", "steps": [READ, good, sums, named, load]}, keep=True)
    assert [(step.step_id, step.verdict, step.rows) for step in seen.steps] == [
        ("read", "same", 5), ("good", "same", 4), ("sums", "same", 3), ("named", "same", 2), ("load", "same", 2)], seen.as_dict()
    assert (seen.verdict, seen.version) == ("same", 1)
    assert ("an emulator" in seen.words) == (not REAL)
    assert door.certificate("sales")["where"]["emulator"] is (not REAL)
    assert datasets(door) == []
    with open_session(door.settings, door.store, door.catalog, stage="look") as session:
        assert session.list_tables() == ["geo.countries"]
    assert not [path for path in (door.settings.home / "stage").rglob("*") if path.is_file()]


@pytest.mark.skipif(bool(REAL), reason="BigQuery on a real project has not the faults of the emulator")
def test_what_is_approximate_only_there_or_really_different_is_told_apart(door):
    query = "SELECT order_id, TIMESTAMP_DIFF(TIMESTAMP '2025-01-02 00:30:00+00', TIMESTAMP '2025-01-01 23:45:00+00', HOUR) AS h FROM read"
    seen = door.parity({"pipeline_id": "sales", "steps": [
        READ, sql("about", "SELECT APPROX_QUANTILES(order_id, 2) AS q FROM read", "read"),
        sql("point", "SELECT order_id, ST_ASTEXT(ST_GEOGPOINT(1, 2)) AS p FROM read", "read"),
        sql("points", "SELECT COUNT(p) AS n FROM point", "point"),
        sql("hours", query, "read"), sql("most", "SELECT MAX(h) AS h FROM hours", "hours"),
        sql("month", "SELECT DATE_TRUNC(day, MONTH) AS month FROM read", "read")]})
    found = {step.step_id: step for step in seen.steps}
    assert {name: step.verdict for name, step in found.items()} == {
        "read": "same", "about": "approximate", "point": "bigquery-only", "points": "same", "hours": "different", "most": "same",
        "month": "different"}, seen.as_dict()
    assert found["hours"].pairs[0].as_dict() == {"local": {"order_id": 1, "h": 0}, "bigquery": {"order_id": 1, "h": 1}, "cells": ["h"]}
    assert found["month"].notes[0] == "column month is DATE on DuckDB and DATETIME on BigQuery"
    assert not seen.ok
    assert datasets(door) == []
