"""A spec on two sides, step by step. The far side is a second local warehouse, in which single statements say something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flows.cli import call
from flows.engines.base import Cancel
from flows.errors import MissingError, UnreachableError
from flows.run import parity as parities
from flows.run.parity import parity
from flows.run.session import open_session
from flows.service import Penstock
from flows.store import open_store

ORDERS = "order_id,country,day,amount\n1,DE,2025-11-14,10.5\n2,DE,2025-11-15,4\n3,FR,2025-11-15,7.25\n4,FR,2025-11-15,\n5,,2025-11-15,1\n"
READ = {"step_id": "read", "ps_type": "generic.extract", "source": {"path": "orders.csv"}}


class Otherwise:
    """A session that is asked one thing and does another."""

    def __init__(self, warehouse: Any, swap: dict[str, str]) -> None:
        self.warehouse, self.swap = warehouse, swap

    def __getattr__(self, name: str) -> Any:
        return getattr(self.warehouse, name)

    def check(self, sql, params=None):
        return self.warehouse.check(self.swap.get(sql, sql) if isinstance(sql, str) else sql, params)

    def query(self, sql, params=None, **more):
        return self.warehouse.query(self.swap.get(sql, sql) if isinstance(sql, str) else sql, params, **more)

    def stage(self, name, data, params=None):
        return self.warehouse.stage(name, self.swap.get(data, data) if isinstance(data, str) else data, params)


class Double:
    """A far side in a home of its own. `swap`: what is done in the place of a statement."""

    def __init__(self, job: Any, swap: dict[str, str]) -> None:
        home = job.settings.home.with_name("double")
        home.mkdir(exist_ok=True)
        self.settings = replace(job.settings, home=home, control_url=f"sqlite:///{home / 'control.sqlite'}")
        self.store, self.swap = open_store(self.settings.control_url), swap
        self.rooms: list[str] = []
        self.closed = False

    def session(self, step_id, catalog):
        return Otherwise(open_session(self.settings, self.store, catalog, stage=step_id), self.swap)

    def give(self, place, rows):
        self.session("given", CATALOG[0]).load(rows.to_reader(), place, mode="truncate")

    def room(self, dataset):
        self.rooms.append(dataset)

    def where(self):
        return {"project": "acme-prod", "location": "US", "emulator": False}

    def close(self):
        self.store.dispose()
        self.closed = True


CATALOG: list[Any] = []


def sql(step_id: str, query: str, *inputs: str) -> dict[str, Any]:
    return {"step_id": step_id, "ps_type": "generic.sql", "depends_on": list(inputs), "config": {"inputs": list(inputs), "query": query}}


def load(name: str, **to: Any) -> dict[str, Any]:
    return {"step_id": "load", "ps_type": "generic.load", "depends_on": [name], "config": {"input": name},
            "destination": {"engine": "bigquery", "table": "mart.sales", "mode": "append", **to}}


@pytest.fixture
def settings(home):
    from flows.settings import Settings

    return Settings.load(tenant_id="acme")  # whose home has no sample data


@pytest.fixture
def tried(settings, store, home, monkeypatch) -> Iterator[Any]:
    """Try steps; `swap` is what the far side does in the place of a query."""
    from pathlib import Path

    from flows.insight.catalog import default_catalog
    from flows.spec.loader import from_data

    Path("orders.csv").write_text(ORDERS)
    made: list[Double] = []
    CATALOG[:] = [default_catalog(settings)]

    def corner(job, project):
        made.append(Double(job, corner.swap))
        return made[-1]

    monkeypatch.setattr(parities, "Corner", corner)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme-prod")

    def run(*steps, swap=None, **more):
        corner.swap = swap or {}
        return parity(from_data({"pipeline_id": "sales", "steps": list(steps)}), settings=settings, store=store, catalog=CATALOG[0], **more)

    corner.swap = {}
    run.corner, run.made = corner, made
    yield run
    assert all(double.closed for double in made)


def verdicts(seen) -> dict[str, str]:
    return {step.step_id: step.verdict for step in seen.steps}


def test_every_kind_of_step_is_the_same_on_two_that_are_the_same(tried, settings, store):
    check = {"step_id": "good", "ps_type": "generic.quality_check", "depends_on": ["read"], "config": {
        "input": "read", "checks": [{"check": "not_null", "columns": ["amount"], "on_fail": "quarantine"}]}}
    sums = {"step_id": "sums", "ps_type": "generic.transform", "depends_on": ["good"], "config": {"inputs": ["good"], "operations": [
        {"op": "aggregate", "by": ["country"], "measures": [{"fn": "sum", "column": "amount", "as": "revenue"}]}]}}
    seen = tried(READ, check, sums, sql("named", "SELECT * FROM sums ORDER BY revenue", "sums"), load("named"))
    assert verdicts(seen) == dict.fromkeys(["read", "good", "sums", "named", "load"], "same")
    assert [step.rows for step in seen.steps] == [5, 4, 3, 3, 3]
    assert (seen.ok, seen.verdict) == (True, "same")
    assert tried.made[0].rooms == ["mart"]
    with open_session(settings, store, CATALOG[0], stage="look") as session:
        assert session.list_tables() == []  # nothing was written


def test_a_row_that_differs_is_shown_and_the_next_step_is_judged_by_itself(tried):
    query, other = "SELECT order_id, amount FROM read", "SELECT order_id, IF(order_id = 3, 7.5, amount) AS amount FROM read"
    seen = tried(READ, sql("some", query, "read"), sql("total", "SELECT SUM(amount) AS total FROM some", "some"), swap={query: other})
    assert verdicts(seen) == {"read": "same", "some": "different", "total": "same"}
    some = seen.steps[1]
    assert some.notes == ["1 of 5 rows differ"]
    assert [pair.as_dict() for pair in some.pairs] == [
        {"local": {"order_id": 3, "amount": 7.25}, "bigquery": {"order_id": 3, "amount": 7.5}, "cells": ["amount"]}]
    assert not seen.ok


@pytest.mark.parametrize(("query", "other", "said"), [
    ("SELECT order_id AS n FROM read", "SELECT CAST(order_id AS FLOAT64) AS n FROM read",
     "column n is INT64 on DuckDB and FLOAT64 on BigQuery"),
    ("SELECT order_id AS n FROM read ORDER BY n", "SELECT order_id AS n FROM read ORDER BY n DESC",
     "the same rows come in another order, from row 1 on"),
    ("SELECT order_id AS n FROM read", "SELECT order_id AS n, 1 AS more FROM read", "column more is only on BigQuery"),
    ("SELECT order_id AS n FROM read", "SELECT order_id AS n FROM read WHERE order_id < 4", "5 rows on DuckDB, 3 on BigQuery"),
    ("SELECT order_id AS n FROM read", "SELECT order_id AS n FROM read UNION ALL SELECT 5", "5 rows on DuckDB, 6 on BigQuery")],
    ids=["type", "order", "column", "fewer", "twice"])
def test_what_differs_is_named(tried, query, other, said):
    step = tried(READ, sql("some", query, "read"), swap={query: other}).steps[1]
    assert (step.verdict, step.notes[0]) == ("different", said)


def test_what_is_known_to_be_approximate_is_shown_and_does_not_fail(tried):
    query = "SELECT APPROX_QUANTILES(amount, 2) AS q FROM read"
    moody = "SELECT GENERATE_UUID() AS id"
    seen = tried(READ, sql("some", query, "read"), sql("ids", moody), swap={query: "SELECT [1.0, 2.0, 3.0] AS q"})
    some, ids = seen.steps[1:]
    assert (some.verdict, ids.verdict, seen.ok) == ("approximate", "approximate", True)
    assert "APPROX_QUANTILES is exact here" in some.notes[0]
    assert some.notes[1] == "1 of 1 rows differ"
    assert some.pairs[0].bigquery == {"q": [1.0, 2.0, 3.0]}
    assert ids.notes[0] == "GENERATE_UUID() gives something else each time"


def test_rows_that_a_query_does_not_choose_are_approximate(tried):
    query = "SELECT order_id FROM read LIMIT 2"
    cut = {"step_id": "cut", "ps_type": "generic.transform", "depends_on": ["read"], "config": {"inputs": ["read"], "operations": [
        {"op": "limit", "n": 2}]}}
    seen = tried(READ, sql("some", query, "read"), cut, swap={query: "SELECT order_id FROM read WHERE order_id > 3"})
    assert verdicts(seen) == {"read": "same", "some": "approximate", "cut": "approximate"}
    assert seen.steps[1].notes == ["a LIMIT of rows in no order takes any of them", "2 of 2 rows differ"]


def test_a_file_that_cannot_be_read_fails_its_step_and_nothing_else(tried):
    from pathlib import Path

    Path("orders.csv").write_text("order_id,amount\n1,2\n2,x\n")
    typed = {**READ, "source": {"path": "orders.csv", "types": {"amount": "INT64"}}}
    none = {"step_id": "none", "ps_type": "generic.extract", "depends_on": [], "source": {"path": "none.csv"}}
    seen = tried(typed, none, sql("after", "SELECT * FROM none", "none"), sql("one", "SELECT 1 AS a"))
    assert verdicts(seen) == {"read": "same", "none": "failed", "after": "skipped", "one": "same"}
    assert seen.steps[0].rows == 1


def test_what_only_bigquery_can_do_runs_there_alone_and_its_rows_go_on(tried):
    query = "SELECT order_id, ST_ASTEXT(ST_GEOGPOINT(1, 2)) AS p FROM read"
    seen = tried(READ, sql("points", query, "read"), sql("total", "SELECT COUNT(*) AS n, MAX(p) AS p FROM points", "points"),
                 swap={query: "SELECT order_id, 'POINT(1 2)' AS p FROM read"})
    points, total = seen.steps[1:]
    assert (points.verdict, points.rows, total.verdict) == ("bigquery-only", None, "same")
    assert "5 rows there, nothing to compare them with" in points.notes[0]
    assert seen.ok


def test_a_step_that_fails_on_one_side_says_on_which(tried):
    query = "SELECT order_id FROM read"
    seen = tried(READ, sql("some", query, "read"), sql("total", "SELECT COUNT(*) AS n FROM some", "some"),
                 sql("none", "SELECT 1 / (order_id - 1) AS x FROM read", "read"), sql("after", "SELECT * FROM none", "none"),
                 swap={query: "SELECT ERROR('no')"})
    assert verdicts(seen) == {"read": "same", "some": "failed", "total": "same", "none": "failed", "after": "skipped"}
    some, none, after = (seen.steps[n] for n in (1, 3, 4))
    assert [note.split(":")[0] for note in some.notes] == ["BigQuery"]
    assert [note.split(":")[0] for note in none.notes] == ["DuckDB", "BigQuery"]
    assert after.notes == ["none gave no rows"]
    assert seen.verdict == "failed"


def test_what_writes_elsewhere_or_only_after_a_failure_is_not_tried(tried):
    call_ = {"step_id": "call", "ps_type": "generic.procedure_executor", "depends_on": ["read"], "config": {"procedure": "system.sp_x"}}
    sorry = {**sql("sorry", "SELECT 1 AS a"), "depends_on": ["read"], "trigger": "on_failure"}
    seen = tried(READ, call_, sorry, sql("tables", "SELECT table_name FROM mart.INFORMATION_SCHEMA.TABLES"),
                 load("read", engine="csv", table=None, path="x.csv", mode="overwrite"))
    assert verdicts(seen) == {"read": "same", "call": "skipped", "sorry": "skipped", "tables": "skipped", "load": "skipped"}
    assert [step.notes[-1] for step in seen.steps[1:]] == [
        "a procedure writes, so none is called in a trial", "runs on failure only",
        "it reads INFORMATION_SCHEMA, which each warehouse has of its own", "it writes to csv, from rows that are compared before it"]


def test_both_sides_have_the_first_rows_of_a_table_and_it_is_said(tried, shop):
    seen = tried(sql("all", "SELECT COUNT(*) AS n FROM orders"), sql("some", "SELECT * FROM orders WHERE order_id < 0"), rows=100)
    assert seen.steps[0].notes == ["orders: its first 100 rows on both sides"]
    assert seen.steps[1].notes == ["orders: its first 100 rows on both sides", "no rows came, so only the columns are compared"]
    assert verdicts(seen) == {"all": "same", "some": "same"}


def test_a_trial_that_is_stopped_says_so(tried):
    cancel = Cancel()
    cancel.set("stopped by a person")
    seen = tried(READ, sql("some", "SELECT * FROM read", "read"), cancel=cancel)
    assert verdicts(seen) == {"read": "skipped", "some": "skipped"}
    assert seen.steps[0].notes == ["stopped by a person"]


def test_a_load_is_held_against_the_table_that_is_there(tried, settings, store):
    import pyarrow as pa

    with open_session(settings, store, CATALOG[0], stage="seed") as session:
        session.load(pa.table({"order_id": pa.array([1], pa.float64()), "amount": [1.0]}).to_reader(), "mart.sales")
    query = "SELECT order_id, amount FROM read"
    good = tried(READ, sql("some", query, "read"), load("some", partition_by=None))
    assert verdicts(good)["load"] == "different"  # INT64 goes into the FLOAT64 of the table that is there
    assert good.steps[2].notes == ["column order_id is INT64 on DuckDB and FLOAT64 on BigQuery", "5 of 5 rows differ"]


# ---------------------------------------------------------------- the certificate and the command
SPEC = """pipeline_id: sales
steps:
  - {step_id: read, ps_type: generic.extract, source: {path: orders.csv}}
  - {step_id: some, ps_type: generic.sql, depends_on: [read], config: {inputs: [read], query: "SELECT order_id, amount FROM read"}}
"""


def test_a_certificate_is_kept_with_its_version_only(tried, home):
    with Penstock(home=home, tenant="acme") as door:
        assert door.parity(SPEC).version is None
        seen = door.parity(SPEC, keep=True, rows=3)
        found = door.certificate("sales")
        assert (seen.version, found["version"], found["verdict"], found["limit"]) == (1, 1, "same", 3)
        assert [(s["step_id"], s["verdict"], s["rows"]) for s in found["steps"]] == [("read", "same", 3), ("some", "same", 3)]
        assert found["where"] == {"project": "acme-prod", "location": "US", "emulator": False}
        assert {"penstock", "duckdb", "sqlglot"} == set(found["versions"])
        assert "10.5" not in str(found)  # no rows
        door.store.specs.save("acme", {**door.stored("sales").spec.as_dict(), "description": "changed"})
        assert door.certificate("sales") is None
        assert door.certificate("sales", 1) == found
        assert door.parity("sales").version == 2
        with pytest.raises(MissingError, match="there is no pipeline 'sale'"):
            door.certificate("sale")


def test_the_command_prints_a_line_a_step_and_the_cells_that_differ(tried, home, capsys, monkeypatch):
    from pathlib import Path

    monkeypatch.setenv("PENSTOCK_TENANT", "acme")
    Path("p.yml").write_text(SPEC)
    assert call(["parity", "p.yml", "--keep"]) == 0
    assert "Kept with version 1 of sales." in capsys.readouterr().out
    tried.corner.swap = {"SELECT order_id, amount FROM read": "SELECT order_id, IF(order_id = 3, 7.5, amount) AS amount FROM read"}
    assert call(["parity", "p.yml"]) == 1
    out = capsys.readouterr().out
    assert "✓ read  same on both · 5 rows" in out
    assert "✗ some  different · 5 rows · 1 of 5 rows differ" in out
    assert [line.split() for line in out.splitlines() if "≠" in line] == [["DuckDB", "3", "≠", "7.25"], ["BigQuery", "3", "≠", "7.5"]]
    assert "DuckDB and BigQuery: different. BigQuery was project acme-prod." in out
    assert call(["parity", "--show", "sales"]) == 0
    assert "Version 1 of sales was tried on DuckDB" in capsys.readouterr().out
    assert call(["parity", "--show", "sale"]) == 2
    assert call(["parity", "p.yml", "--version", "1"]) == 2
    assert call(["parity", "none.yml"]) == 2


def test_production_that_is_not_set_up_is_told(home, capsys, monkeypatch):
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    from pathlib import Path

    Path("orders.csv").write_text(ORDERS)
    Path("p.yml").write_text(SPEC)
    assert call(["parity", "p.yml"]) == 3
    assert call(["parity", "none.yml"]) == 2
    told = capsys.readouterr().err
    assert "no BigQuery project is set up" in told
    assert "there is no file 'none.yml'" in told
    with Penstock(home=home) as door, pytest.raises(UnreachableError):
        door.parity(SPEC)


def test_a_notebook_shows_the_rows_that_differ(tried):
    query = "SELECT '<b>' AS word FROM read"
    shown = tried(READ, sql("some", query, "read"), swap={query: "SELECT '<i>' AS word FROM read"})._repr_mimebundle_()
    assert "✗ some  different · 5 rows · 5 of 5 rows differ" in shown["text/plain"]
    assert "≠ &lt;b&gt;" in shown["text/html"]
    assert "<b>" not in shown["text/html"]
    assert shown["application/json"]["verdict"] == "different"
