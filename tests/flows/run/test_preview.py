"""The preview: whole graph, nothing written, every failure in its place."""

import json

import pytest

from flows.run.plain import plain
from flows.run.preview import preview
from flows.store import open_store


@pytest.fixture
def look(settings, catalog):
    """Preview a spec in a home of its own."""
    with open_store(settings.control_url) as store:
        def look(spec, **more):
            return preview(spec, settings=more.pop("settings", settings), store=store, catalog=catalog, **more)
        yield look


@pytest.fixture
def orders(settings):
    rows = ["order_id,country,amount"] + [f"{n},{'DE' if n % 2 else 'FR'},{n}.50" for n in range(1, 501)]
    (settings.folders[0] / "orders.csv").write_text("\n".join(rows) + "\n")
    return {"step_id": "orders", "ps_type": "generic.extract", "source": {"path": "orders.csv"}}


def total(**more):
    measure = {"fn": "sum", "column": "amount", "as": "revenue"}
    return {"step_id": "total", "ps_type": "generic.transform",
            "config": {"inputs": ["orders"], "operations": [{"op": "aggregate", "by": ["country"], "measures": [measure]}]}, **more}


def test_the_whole_graph_is_shown_with_its_rows(look, spec_of, orders):
    seen = look(spec_of(orders, total(), {"step_id": "load", "ps_type": "generic.load", "config": {"input": "total"},
                                          "destination": {"engine": "duckdb", "table": "mart.revenue", "mode": "overwrite"}}))
    assert [(s.step_id, s.status) for s in seen.steps] == [("orders", "ok"), ("total", "ok"), ("load", "ok")]
    assert seen.ok
    first, second, _ = seen.steps
    assert len(first.rows) == 200
    assert [c.name for c in first.columns] == ["order_id", "country", "amount"]
    assert second.row_count == 2
    assert {r["country"]: float(r["revenue"]) for r in second.rows} == {"DE": 62625.0, "FR": 62875.0}
    assert json.loads(json.dumps(seen.as_dict()))["steps"][1]["row_count"] == 2


def test_nothing_is_written(look, spec_of, orders, settings):
    with open_store(settings.control_url) as store:
        before = sorted(p for p in settings.home.rglob("*"))
        look(spec_of(orders, {"step_id": "load", "ps_type": "generic.load", "config": {"input": "orders"},
                              "destination": {"engine": "duckdb", "table": "mart.orders", "mode": "overwrite"}},
                     {"step_id": "file", "ps_type": "generic.export", "config": {"input": "orders"},
                      "destination": {"engine": "csv", "path": "out.csv"}}))
        assert store.manifest.tables("demo") == []
        assert store.runs.find("demo") == []
    assert [p for p in settings.home.rglob("*") if p not in before and "control.sqlite" not in p.name] == []
    assert [p.name for p in settings.folders[0].iterdir()] == ["orders.csv"]


def test_one_step_shows_only_what_it_reads(look, spec_of, orders):
    other = {"step_id": "other", "ps_type": "generic.extract", "source": {"path": "nowhere.csv"}}
    seen = look(spec_of(orders, other, total()), step="total", limit=1)
    assert [s.step_id for s in seen.steps] == ["orders", "total"]
    assert [len(s.rows) for s in seen.steps] == [1, 1]


def test_a_failed_step_is_said_and_its_dependants_are_not_reached(look, spec_of, orders):
    missing = {"step_id": "orders", "ps_type": "generic.extract", "source": {"path": "nowhere.csv"}}
    seen = look(spec_of(missing, total(depends_on=["orders"]), {"step_id": "wait", "ps_type": "generic.wait", "config": {"seconds": 60},
                                                               "depends_on": []}))
    assert [s.status for s in seen.steps] == ["failed", "not reached", "ok"]
    assert "nowhere.csv" in seen.steps[0].error
    assert seen.steps[1].notes == ["orders failed"]
    assert not seen.ok


def test_a_step_for_failures_is_skipped(look, spec_of, fake_engines, tried):
    seen = look(spec_of({"step_id": "a"}, {"step_id": "alarm", "trigger": "on_failure"}, {"step_id": "after"}))
    assert [s.status for s in seen.steps] == ["ok", "skipped", "skipped"]
    assert tried == ["a"]
    assert seen.ok


def test_a_preview_that_takes_too_long_is_stopped(look, spec_of, fake_engines, settings):
    from dataclasses import replace

    quick = replace(settings, limits=replace(settings.limits, preview_seconds=0.2))
    seen = look(spec_of({"step_id": "a", "seconds": 60}, {"step_id": "b"}), settings=quick)
    assert seen.steps[0].status == "stopped"
    assert seen.steps[0].error == "preview stopped: it took longer than 0.2 s"
    assert seen.steps[1].status == "not reached"


def test_a_statement_is_interrupted(look, spec_of, settings):
    from dataclasses import replace

    quick = replace(settings, limits=replace(settings.limits, preview_seconds=0.3))
    many = "UNNEST(GENERATE_ARRAY(1, 1000000))"
    query = f"SELECT COUNT(*) AS n FROM {many} AS a CROSS JOIN {many} AS b WHERE a * b = 7"
    seen = look(spec_of({"step_id": "a", "ps_type": "generic.sql", "config": {"query": query}}), settings=quick)
    assert seen.steps[0].error == "preview stopped: it took longer than 0.3 s"


def test_an_error_in_the_preview_holds_no_secret(look, spec_of, fake_engines):
    seen = look(spec_of({"step_id": "a", "error": "url"}))
    assert seen.steps[0].error == "cannot read postgres://***@db/x"


def test_parameters_fill_the_spec(look, spec_of, orders, settings):
    orders["source"] = {"path": "{file}.csv"}
    seen = look(spec_of(orders, parameters=[{"name": "file"}]), params={"file": "orders"})
    assert seen.steps[0].status == "ok"


def test_values_become_plain_json():
    from datetime import UTC, date, datetime, timedelta
    from decimal import Decimal

    values = {"a": Decimal("1.50"), "b": Decimal("12345678901234567890.1234"), "c": date(2025, 1, 2), "d": datetime(2025, 1, 2, tzinfo=UTC),
              "e": float("nan"), "f": b"\x00", "g": [1, None], "h": {"x": timedelta(seconds=1)}}
    assert plain(values) == {"a": 1.5, "b": "12345678901234567890.1234", "c": "2025-01-02", "d": "2025-01-02T00:00:00+00:00", "e": "nan",
                             "f": "AA==", "g": [1, None], "h": {"x": "0:00:01"}}


def test_groups_are_shown_in_the_same_order_each_time_and_a_sort_is_kept(look, spec_of, settings):
    rows = "SELECT MOD(n * 7919, 1000) AS g, n FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS n"
    count = {"op": "aggregate", "by": ["g"], "measures": [{"fn": "count", "as": "n"}]}
    steps = [{"step_id": "read", "ps_type": "generic.sql", "config": {"inputs": [], "query": rows}},
             {"step_id": "groups", "ps_type": "generic.transform", "config": {"inputs": ["read"], "operations": [count]}},
             {"step_id": "down", "ps_type": "generic.transform", "config": {"inputs": ["read"], "operations": [
                 count, {"op": "sort", "by": [{"column": "g", "direction": "desc"}]}]}}]
    seen = {step.step_id: [row["g"] for row in step.rows] for step in look(spec_of(*steps)).steps}
    assert seen["groups"] == list(range(200))
    assert seen["down"] == list(range(999, 799, -1))


def test_a_table_of_the_lake_tells_its_rows_without_a_scan(shop, store, spec_of):
    from flows.insight.catalog import default_catalog

    read = {"step_id": "orders", "ps_type": "generic.extract", "source": {"table": "orders"}}
    some = {"step_id": "paid", "ps_type": "generic.extract",
            "source": {"table": "orders", "filter": {"column": "status", "is": "=", "value": "paid"}}}
    whole, part = preview(spec_of(read, some), settings=shop, store=store, catalog=default_catalog(shop)).steps
    assert (len(whole.rows), whole.row_count) == (200, 2_000)
    assert part.row_count is None or part.row_count < 2_000
