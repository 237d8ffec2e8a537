"""What each option of a generated pipeline does to its spec, and that the rows stay the same."""

from __future__ import annotations

import pytest

from flows.errors import PipelineGenerationError
from flows.service import Penstock
from flows.service.options import handled, narrowed, qualified, watched
from flows.service.pipeline import PipelineOptions
from flows.spec.loader import from_data, parse

BY_COUNTRY = "sum amount per country from paid orders into mart.by_country every day at 2 AM"

NOTHING = {"optimize": False, "validate": False, "include_monitoring": False, "include_error_handling": False}


@pytest.fixture
def door(shop):
    with Penstock(settings=shop) as opened:
        yield opened


def made(door, text=BY_COUNTRY, **more):
    return door.generate_pipeline_sync(text, options=PipelineOptions(**{**NOTHING, **more})).spec


def test_without_options_the_spec_is_the_plan(door):
    assert made(door).as_dict() == door.source(door.plan(BY_COUNTRY)).spec.as_dict()


@pytest.mark.parametrize(("name", "given"), [("target_framework", "airflow"), ("language", "scala"), ("language", "")])
def test_what_there_is_no_code_for_names_what_there_is(name, given):
    with pytest.raises(PipelineGenerationError, match=rf"{name}: '{given}' is not supported. Supported: (prefect|python)"):
        PipelineOptions(**{name: given})


def test_error_handling_gives_tries_and_a_time_where_nothing_is_said():
    plain = {"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 0}}]}
    assert handled(from_data(plain)).as_dict()["defaults"] == {"retry": {"max_attempts": 3, "backoff_seconds": 10}, "timeout_minutes": 30}
    said = {**plain, "defaults": {"retry": {"max_attempts": 1}, "timeout_seconds": 5}}
    assert handled(from_data(said)).as_dict() == from_data(said).as_dict()
    assert list(handled(from_data(plain)).as_dict()) == ["pipeline_id", "defaults", "steps"]


def test_monitoring_judges_what_is_loaded_beside_the_load_and_tells_who_is_named(door):
    spec = made(door, include_monitoring=True, notify="data@example.com")
    check = spec.step("check_load")
    assert (check.depends_on, check.continue_on_error) == (["transform"], True)
    assert check.config == {"input": "transform", "checks": [{"check": "row_count", "min": 1, "on_fail": "warn"}]}
    assert [each.model_dump() for each in spec.notify] == [{"channel": "email", "target": "data@example.com", "on": ["failure"]}]
    assert made(door, include_monitoring=True).notify == []


def test_the_keys_of_a_merge_are_watched_too():
    spec = from_data({"pipeline_id": "p", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "orders"}},
        {"step_id": "load", "ps_type": "generic.load", "config": {"input": "read"},
         "destination": {"engine": "bigquery", "table": "mart.orders", "mode": "merge", "keys": ["order_id"]}}]})
    checks = watched(spec, "alerts").step("check_load").config["checks"]
    assert [check["check"] for check in checks] == ["row_count", "not_null", "unique"]
    assert watched(watched(spec)).as_dict() == watched(spec).as_dict()
    assert watched(spec, "alerts").notify[0].channel == "slack"


def test_a_project_stands_in_front_of_what_is_written_to_the_warehouse_only():
    spec = from_data({"pipeline_id": "p", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "mart.a"}},
        {"step_id": "load", "ps_type": "generic.load", "config": {"input": "read"},
         "destination": {"engine": "bigquery", "table": "mart.b"}},
        {"step_id": "other", "ps_type": "generic.load", "config": {"input": "read"}, "destination": {"engine": "postgres", "table": "s.b"}},
        {"step_id": "file", "ps_type": "generic.export", "config": {"input": "read"}, "destination": {"engine": "csv", "path": "a.csv"}}]})
    tables = [(step.destination or {}).get("table") for step in qualified(spec, "acme-prod").steps]
    assert tables == [None, "acme-prod.mart.b", "s.b", None]


def test_only_columns_that_are_used_are_read_and_the_rows_are_the_same(door):
    wide, narrow = made(door), made(door, optimize=True)
    assert narrow.step("extract_orders").source["columns"] == ["customer_id", "amount", "status"]
    assert narrow.step("extract_customers").source["columns"] == ["customer_id", "country", "status"]  # status: both have one
    rows = [[step.rows for step in door.preview(spec).steps if step.step_id == "transform"] for spec in (wide, narrow)]
    assert rows[0] == rows[1] != [[]]


ORDER_ROWS = """
pipeline_id: p
steps:
- {step_id: read, ps_type: generic.extract, source: {table: orders}}
- {step_id: work, ps_type: %s, config: %s}
- {step_id: load, ps_type: generic.load, config: {input: work}, destination: {engine: bigquery, table: mart.x}}
"""


@pytest.mark.parametrize(("kind", "config"), [
    ("generic.transform", "{inputs: [read], operations: [{op: deduplicate, keys: [customer_id]}, {op: select, columns: [customer_id]}]}"),
    ("generic.transform", "{inputs: [read], operations: [{op: limit, n: 3}, {op: select, columns: [amount]}]}"),
    ("generic.sql", "{inputs: [read], query: 'select distinct * from read'}"),
    ("generic.transform", "{inputs: [read], operations: [{op: filter, where: {column: amount, is: '>', value: 0}}]}"),
])
def test_a_column_stays_where_it_may_decide_which_rows_come(door, kind, config):
    spec = parse(ORDER_ROWS % (kind, config))
    assert door._columns(spec) is not None
    assert narrowed(spec, door._columns).as_dict() == spec.as_dict()


def test_a_spec_that_does_not_hold_stays_as_it_is(door):
    spec = parse(ORDER_ROWS % ("generic.transform", "{inputs: [read], operations: [{op: select, columns: [no_such_column]}]}"))
    assert narrowed(spec, door._columns) is spec
