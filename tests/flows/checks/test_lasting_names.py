"""Names that a run would stumble over are found before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.checks import validate
from flows.insight.catalog import default_catalog
from flows.settings import Settings
from flows.spec.loader import from_data


def problems(tmp_path: Path, table: str = "mart.t", engine: str = "bigquery", **more: Any) -> list[str]:
    settings = Settings.load(home=tmp_path / "home", tenant_id="demo")
    spec = from_data({"pipeline_id": "p", "steps": [
        {"step_id": "read", "ps_type": "generic.sql", "config": {"query": "select 1 as a"}},
        {"step_id": "load", "ps_type": "generic.load", "config": {"input": "read"}, "destination": {"engine": engine, "table": table}}]}
        | more)
    return [str(p) for p in validate(spec, catalog=default_catalog(settings), settings=settings).problems]


@pytest.mark.parametrize("table", ["mart.weird name", "mart.Größe", "mart.a;drop table x", "mart.`q`", "../mart.x", "mart..x", "mart.x.y.z",
                                   "mart." + "x" * 200, "information_schema.x", "INFORMATION_SCHEMA.x"])
def test_a_destination_that_no_table_can_have_is_found_before_the_run(tmp_path, table):
    assert [p for p in problems(tmp_path, table) if "steps.load.destination.table" in p and "is not the name of a table" in p]


def test_a_destination_in_a_foreign_project_names_the_own_one(tmp_path):
    assert problems(tmp_path, "acme.mart.t") == [
        "steps.load.destination.table: project 'acme' is not yours. Use 'demo', or leave the project out"]


def test_a_catalogued_source_is_no_destination(tmp_path):
    assert problems(tmp_path, "orders") == [
        "steps.load.destination.table: 'orders' is a catalogued source, not a destination. Write dataset.table, like mart.orders"]


@pytest.mark.parametrize(("table", "engine"), [("mart.t", "bigquery"), ("demo.mart.t", "bigquery"), ("mart.1-a", "duckdb"),
                                               ("information.x", "duckdb"), ("t", "postgres")])
def test_a_destination_that_works_has_no_finding(tmp_path, table, engine):
    assert problems(tmp_path, table, engine) == []


def test_the_id_of_a_pipeline_cannot_change_with_every_run(tmp_path):
    found = problems(tmp_path, pipeline_id="p-{run_id}")
    assert found == ["pipeline_id: the id of a pipeline is the same for every run, it cannot hold {run_id}. Leave {run_id} out"]
    assert problems(tmp_path, pipeline_id="{tenant_id}-p") == []
