"""Columns walk through the whole graph without a row: SQL steps, tables of other pipelines, tables that are not there yet."""

import pytest

from flows.checks import validate
from flows.checks.produced import describer, produced
from flows.insight.catalog import Catalog
from flows.spec.loader import from_data
from flows.warehouse.base import Column
from flows.warehouse.typed import query_plan, tables_of

ORDERS = {"connection": "pg", "primary_key": ["order_id"],
          "columns": {"order_id": {"type": "INT64"}, "country": {"type": "STRING"}, "amount": {"type": "NUMERIC"}, "day": {"type": "DATE"}}}
CATALOG = Catalog.from_dict({"connections": {"pg": {"kind": "postgres"}}, "tables": {"orders": ORDERS}})
READ = {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "orders"}}


def sql(step_id, query, *inputs):
    return {"step_id": step_id, "ps_type": "generic.sql", "config": {"inputs": list(inputs), "query": query}}


def load(source, table, **more):
    return {"step_id": "load", "ps_type": "generic.load", "config": {"input": source}, "destination": {"table": table, **more}}


@pytest.fixture
def judged(settings):
    def judged(*steps, store=None, level="semantic", **more):
        known = describer(store=store, catalog=CATALOG, settings=settings) if store else None
        return validate(from_data({"pipeline_id": "p", "steps": list(steps), **more}), level=level, catalog=CATALOG, settings=settings,
                        describe=known)

    return judged


def types(columns):
    return {column.name: column.type for column in columns or ()}


def test_a_query_tells_its_columns_by_those_of_what_it_reads():
    known = {"o": [Column("n", "INT64"), Column("x", "NUMERIC"), Column("tags", "ARRAY<STRING>"), Column("j", "JSON")]}
    plan = query_plan("SELECT n, SUM(x) AS total, MAX(tags[SAFE_OFFSET(0)]) AS tag, COUNT(*) > 1 AS many FROM o GROUP BY n", known)
    assert types(plan.columns) == {"n": "INT64", "total": "NUMERIC", "tag": "STRING", "many": "BOOL"}
    assert plan.reads == ("o",)
    assert tables_of("WITH a AS (SELECT 1 AS n) SELECT * FROM a JOIN m.b USING (n)") == ["m.b"]


def test_equal_values_of_other_types_are_other_parameters():
    kinds = [types(query_plan("SELECT @p AS v", {}, {"p": value}).columns)["v"] for value in (1, True, 1.0)]
    assert kinds == ["INT64", "BOOL", "FLOAT64"]


def test_steps_after_a_query_are_typed_and_checked(judged):
    steps = (READ, sql("daily", "SELECT day, SUM(amount) AS revenue FROM read WHERE day >= '{run_date}' GROUP BY day", "read"))
    report = judged(*steps, load("daily", "mart.daily", mode="merge", keys=["day"]))
    assert report.ok
    assert types(report.columns["daily"]) == {"day": "DATE", "revenue": "NUMERIC"}
    wrong = judged(*steps, load("daily", "mart.daily", mode="merge", keys=["dya"]))
    assert [p.path for p in wrong.problems] == ["steps.load.destination.keys.0"]


def test_a_typo_in_a_query_is_found_without_data(judged):
    report = judged(READ, sql("one", "SELECT country, amount FROM read", "read"), sql("two", "SELECT contry FROM one", "one"))
    assert [(p.path, p.message) for p in report.problems] == [("steps.two.config.query", "there is no column 'contry'")]
    assert "'country'" in report.problems[0].hint


def test_what_only_bigquery_can_do_stays_valid_and_untyped(judged):
    report = judged(READ, sql("one", "SELECT ST_GEOGPOINT(1, 2) AS g FROM read", "read"))
    assert report.ok
    assert report.columns["one"] is None


def test_a_query_of_a_source_is_typed(judged):
    read = {"step_id": "read", "ps_type": "generic.extract", "source": {"query": "SELECT order_id, amount * 2 AS twice FROM orders"}}
    assert types(judged(read).columns["read"]) == {"order_id": "INT64", "twice": "NUMERIC"}


def test_a_table_that_another_pipeline_will_write_is_known(judged, settings, store):
    first = {"pipeline_id": "first", "steps": [READ, sql("daily", "SELECT day, COUNT(*) AS orders FROM read GROUP BY day", "read"),
                                               load("daily", "mart.daily")]}
    second = {"pipeline_id": "second", "steps": [{"step_id": "read", "ps_type": "generic.extract", "source": {"table": "mart.daily"}},
                                                 load("read", "mart.copy")]}
    store.specs.save("demo", first)
    store.specs.save("demo", second)
    found = produced("mart.copy", store=store, catalog=CATALOG, settings=settings)
    assert (found.pipeline_id, types(found.columns)) == ("second", {"day": "DATE", "orders": "INT64"})
    assert produced("mart.nothing", store=store, catalog=CATALOG, settings=settings) is None
    read = {"step_id": "again", "ps_type": "generic.extract", "source": {"table": "mart.copy", "columns": ["dya"]}}
    assert [p.path for p in judged(read, store=store).problems] == ["steps.again.source.columns.0"]


def test_pipelines_in_a_circle_are_given_up(settings, store):
    for name, other in (("a", "b"), ("b", "a")):
        read = {"step_id": "read", "ps_type": "generic.extract", "source": {"table": f"mart.{other}"}}
        store.specs.save("demo", {"pipeline_id": name, "steps": [read, load("read", f"mart.{name}")]})
    assert produced("mart.a", store=store, catalog=CATALOG, settings=settings) is None


def test_the_full_level_warns_of_a_table_that_is_not_there_yet(judged, settings, store):
    store.specs.save("demo", {"pipeline_id": "first", "steps": [READ, load("read", "mart.orders")]})
    read = {"step_id": "again", "ps_type": "generic.extract", "source": {"table": "mart.orders"}}
    report = judged(read, store=store, level="full")
    assert report.ok
    assert [(w.code, w.path) for w in report.warnings if w.code == "not_there_yet"] == [("not_there_yet", "steps.again.source.table")]
