"""What a run is billed on BigQuery: hand-computed sizes, columns that a query reads, dry runs where there is an answer, budgets."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from flows.errors import InputError, MissingError
from flows.run.price import Bill, Stat, Tag, columns_read, runs_a_month
from flows.service import Penstock
from flows.spec.model import Schedule
from flows.warehouse import Column, SqlPlan, TableSpec
from flows.warehouse.bq import price as prices
from flows.warehouse.bq.price import LEAST, MIB, TIB, Tariff, billed, row_bytes, tariff, value_bytes
from flows.warehouse.bq.project import Project

TABLES = {
    "orders": (Column("id", "INT64"), Column("customer", "INT64"), Column("amount", "NUMERIC"), Column("note", "STRING")),
    "shop.customers": (Column("id", "INT64"), Column("country", "STRING")),
}


# ---- sizes and prices
@pytest.mark.parametrize(("type_", "text", "bytes_"), [
    ("INT64", None, 8), ("FLOAT64", None, 8), ("NUMERIC(10, 2)", None, 16), ("BIGNUMERIC", None, 32), ("BOOL", None, 1), ("DATE", None, 8),
    ("TIMESTAMP", None, 8), ("STRING", 5, 7), ("BYTES", 0, 2), ("STRING", None, 18)])
def test_a_value_has_its_documented_size(type_, text, bytes_):
    assert value_bytes(type_, text) == bytes_


def test_a_row_is_its_values_with_the_texts_as_measured():
    assert row_bytes(TABLES["orders"], {"note": 30}) == 8 + 8 + 16 + 32


@pytest.mark.parametrize(("scans", "total"), [([], 0), ([0], LEAST), ([LEAST + 1], 11 * MIB), ([5 * MIB, 200.5 * MIB], LEAST + 201 * MIB)])
def test_every_table_is_billed_in_whole_mebibytes_and_ten_at_least(scans, total):
    assert billed(scans) == total


def test_a_tebibyte_costs_the_price_of_its_location_on_that_day(monkeypatch):
    listed = ({"location": "US", "from": date(2020, 1, 1), "usd": 5.0}, {"location": "US", "from": date(2023, 7, 5), "usd": 6.25},
              {"location": "EU", "from": date(2023, 7, 5), "usd": 7.0})
    monkeypatch.setattr(prices, "_entries", lambda: listed)
    assert tariff(None, date(2023, 7, 4)).usd_per_tib == 5.0
    assert tariff(None, date(2023, 7, 5)).usd(TIB // 2) == 3.125
    assert tariff(Project(project="p", location="eu"), date(2025, 1, 1)).usd_per_tib == 7.0
    other = tariff(Project(project="p", location="mars-1"), date(2025, 1, 1))
    assert other.usd_per_tib == 6.25
    assert "that of MARS-1 is not in the list" in other.source
    assert tariff(Project(project="p", usd_per_tib=1.5)).usd_per_tib == 1.5
    with pytest.raises(InputError, match="no price of BigQuery for 2019-12-31"):
        tariff(None, date(2019, 12, 31))


def test_the_shipped_price_list_can_be_read():
    assert tariff(None, date(2026, 1, 1)).usd_per_tib == tariff(Project(project="p", location="EU"), date(2026, 1, 1)).usd_per_tib == 6.25
    with pytest.raises(ValidationError):
        Project(project="p", usd_per_tib=-1)


# ---- what a query reads
@pytest.mark.parametrize(("sql", "read"), [
    ("SELECT amount FROM orders WHERE note = 'x'", {"orders": {"amount", "note"}}),
    ("SELECT * EXCEPT (note) FROM orders", {"orders": {"id", "customer", "amount"}}),
    ("SELECT COUNT(*) AS n FROM orders", {"orders": set()}),
    ("SELECT c.country, SUM(o.amount) AS s FROM orders AS o JOIN shop.customers AS c ON c.id = o.customer GROUP BY 1",
     {"orders": {"amount", "customer"}, "shop.customers": {"id", "country"}}),
    ("WITH big AS (SELECT id, amount FROM orders) SELECT id FROM big", {"orders": {"id", "amount"}}),
    ("SELECT nobody FROM orders", {"orders": {"id", "customer", "amount", "note"}}),
])
def test_only_the_columns_that_a_query_names_are_counted(sql, read):
    assert columns_read(sql, TABLES.__getitem__) == read


# ---- a month
@pytest.mark.parametrize(("said", "runs"), [
    ({"cron": "0 2 * * *"}, 30.44), ({"cron": "0 2 1 * *"}, 1), ({"cron": "*/15 * * * *"}, 4 * 24 * 30.44), ({"cron": "* * * * *"}, 43_830),
    ({"cron": "0 6 * * 1-5"}, 21.7), ({"interval_seconds": 3600}, 730.5), (None, None), ({"cron": "{when}"}, None)])
def test_a_month_has_as_many_runs_as_its_schedule_fires(said, runs):
    assert runs_a_month(Schedule(**said) if said else None) == (runs if runs is None else pytest.approx(runs, rel=0.02))


# ---- a whole spec
REVENUE: dict[str, Any] = {
    "pipeline_id": "revenue", "schedule": {"cron": "0 2 * * *"},
    "steps": [
        {"step_id": "orders", "ps_type": "generic.extract", "source": {"table": "shop.orders"}},
        {"step_id": "sums", "ps_type": "generic.transform", "depends_on": ["orders"],
         "config": {"inputs": ["orders"], "operations": [{"op": "aggregate", "by": ["status"], "measures": [
             {"fn": "sum", "column": "amount", "as": "revenue"}]}]}},
        {"step_id": "load", "ps_type": "generic.load", "depends_on": ["sums"], "config": {"input": "sums"},
         "destination": {"engine": "bigquery", "table": "mart.revenue"}},
    ]}


class Big:
    """A session on BigQuery whose tables are a million times as large as those here."""

    def __init__(self, spec: TableSpec) -> None:
        self.spec, self.asked = spec, []  # type: ignore[var-annotated]

    def describe(self, name: str) -> TableSpec:
        if name != "shop.orders":
            raise MissingError("not there")
        return self.spec

    def check(self, sql: Any, params: Any = None) -> SqlPlan:
        self.asked.append(sql)
        return SqlPlan(bytes=3 * TIB)

    def close(self) -> None:
        pass


def test_by_statistics_each_step_is_billed_for_what_it_reads(shop):
    tag = Penstock(settings=shop).price(REVENUE)
    assert [(s.step_id, s.bytes, s.known) for s in tag.steps] == [
        ("orders", LEAST, "statistics"), ("sums", LEAST, "statistics"), ("load", 2 * LEAST, "statistics")]
    assert tag.usd == pytest.approx(4 * LEAST / TIB * 6.25)
    assert tag.usd_a_month == pytest.approx(tag.usd * 30.44, rel=0.02)
    assert tag.complete
    assert tag.as_dict()["bytes"] == 4 * LEAST


def test_where_bigquery_answers_its_dry_run_counts_and_the_rest_grows_with_its_tables(shop, monkeypatch):
    from flows.run import session as sessions

    door = Penstock(settings=shop)
    here = door.warehouse()
    spec = here.describe("shop.orders")
    here.close()
    times = 1_000_000
    big = Big(TableSpec(spec.name, spec.columns, rows=(spec.rows or 0) * times))
    given = sessions.open_session
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme")
    monkeypatch.setattr(sessions, "open_session", lambda *a, **kw: big if kw.get("environment") == "production" else given(*a, **kw))
    tag = door.price(REVENUE, environment="production")
    read, sums, load = tag.steps
    assert (read.bytes, read.known) == (3 * TIB, "dry run")
    assert len(big.asked) == 1
    # amount is a FLOAT64 of 8 bytes; status a text of 4 to 8 letters and its 2 bytes of length
    rows = (spec.rows or 0) * times
    assert sums.known == "statistics"
    assert 14 * rows < (sums.bytes or 0) < 18 * rows
    assert load.known == "statistics"
    assert tag.usd > 18.75


def test_a_step_whose_rows_nobody_knows_has_no_price_and_the_total_says_so(shop):
    spec = {**REVENUE, "steps": [*REVENUE["steps"], {
        "step_id": "broken", "ps_type": "generic.sql", "depends_on": ["orders"],
        "config": {"inputs": ["orders"], "query": "SELECT ERROR('no') AS x, status FROM orders"}}]}
    tag = Penstock(settings=shop).price(spec)
    assert tag.steps[-1].bytes is None or tag.steps[-1].known == "unknown"
    assert not tag.complete


# ---- budgets
def test_a_spec_that_cannot_keep_its_budget_does_not_validate(shop):
    door = Penstock(settings=shop)
    assert door.validate({**REVENUE, "budget": {"bytes_per_run": 4 * LEAST, "usd_per_month": 1}}, level="full").ok
    report = door.validate({**REVENUE, "budget": {"bytes_per_run": 4 * LEAST - 1, "usd_per_month": 0.001}}, level="full")
    assert [p.code for p in report.problems] == ["over_budget", "over_budget"]
    assert "a run is billed 40 MiB, its budget is 40 MiB" in str(report.problems[0])
    assert door.validate({**REVENUE, "budget": {"bytes_per_run": 1}}, level="semantic").ok


def test_without_a_schedule_there_is_no_month(shop):
    tag = Penstock(settings=shop).price({**REVENUE, "schedule": None, "budget": {"usd_per_month": 0.0001}})
    assert tag.usd_a_month is None
    assert tag.over_budget == []


# ---- the bill
def test_a_bill_says_how_far_the_estimate_was_off():
    said = [Bill(100 * MIB, Tariff(6.25, "list"), estimate).words() for estimate in (None, 80 * MIB, 125 * MIB, 100 * MIB)]
    assert said == [
        "billed 100 MiB, under $0.01",
        "billed 100 MiB, under $0.01; the estimate of 80 MiB was 20% too low",
        "billed 100 MiB, under $0.01; the estimate of 125 MiB was 25% too high",
        "billed 100 MiB, under $0.01; the estimate was 100 MiB"]
    assert Bill(0, Tariff(6.25, "list"), 80 * MIB).error is None
    assert Bill(TIB, Tariff(6.25, "list")).as_dict() == {"bytes": TIB, "usd": 6.25, "estimated_bytes": None, "estimate_error": None}


def test_a_local_run_has_no_bill_and_one_in_production_that_of_its_steps(shop):
    from flows.run.view import view
    from flows.store import NewRun

    door = Penstock(settings=shop)
    for environment, expected in (("local", None), ("production", 7 * MIB)):
        run = door.store.runs.submit(NewRun("demo", f"p-{environment}", spec=REVENUE, environment=environment))
        door.store.steps.plan(run.run_id, [(name, name, "generic.sql", n) for n, name in enumerate("ab")])
        for name, count in (("a", 3 * MIB), ("b", 4 * MIB)):
            door.store.steps.update(run.run_id, name, status="SUCCESS", result={"spent": {"bytes": count, "estimated": 1, "jobs": ["j"]}})
        door.store.runs.set_estimate(run.run_id, {"bytes": 14 * MIB})
        found = view(door.store.runs.get("demo", run.run_id), door.store, shop)
        assert (found.bill and found.bill.bytes) == expected
        assert ("bill" in found.as_dict()) == (expected is not None)
    assert found.as_dict()["bill"]["estimate_error"] == 1.0


# ---- a step that only BigQuery can run
def test_a_step_that_only_bigquery_runs_is_priced_and_so_are_those_after_it(shop):
    spec = {**REVENUE, "steps": [REVENUE["steps"][0], {
        "step_id": "sketch", "ps_type": "generic.sql", "depends_on": ["orders"],
        "config": {"inputs": ["orders"], "query": "SELECT status, HLL_COUNT.INIT(customer_id) AS h FROM orders GROUP BY status"}},
        {**REVENUE["steps"][2], "depends_on": ["sketch"], "config": {"input": "sketch"}}]}
    tag = Penstock(settings=shop).price(spec)
    assert [(s.step_id, s.bytes, s.known) for s in tag.steps][1:] == [("sketch", LEAST, "statistics"), ("load", 2 * LEAST, "statistics")]


def test_a_relation_of_unknown_columns_has_no_size():
    assert columns_read("SELECT a FROM nothing JOIN orders USING (id)", lambda name: TABLES.get(name, ())) == {
        "nothing": set(), "orders": {"id", "customer", "amount", "note"}}
    assert Stat((), 5).scan(set()) is None


@pytest.mark.parametrize("origin", ["sample", "generated"])
def test_rows_that_stood_in_for_others_count_nothing(origin):
    from flows.run.preview import StepPreview

    tag = object.__new__(Tag)
    tag.stats = {"orders": Stat(TABLES["orders"], 9_000, 2.0)}
    seen = StepPreview("sums", "sums", "generic.transform", "ok", columns=TABLES["shop.customers"], row_count=4)
    assert tag.after(None, seen, {"orders"}).rows == 8
    assert tag.after(None, replace(seen, origin=origin), {"orders"}).rows == 9_000
