"""Finding and counting runs, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from flows.store import NewRun, Store
from flows.store.schema import runs

START = datetime(2025, 11, 15, 2, 0, tzinfo=UTC)


def put(store: Store, pipeline: str, status: str = "SUCCESS", *, hour: float = 0, seconds: float = 10, name: str = "", tenant: str = "demo",
        start: datetime = START) -> str:
    """A run of that state, asked for `hour` hours after the start."""
    run = store.runs.submit(NewRun(tenant, pipeline, {"pipeline_id": pipeline, "name": name}))
    created = start + timedelta(hours=hour)
    values: dict[str, Any] = {"created_at": created, "status": status}
    if status != "PENDING":
        values |= {"started_at": created, "ended_at": None if status == "RUNNING" else created + timedelta(seconds=seconds)}
    with store._database.write() as connection:
        connection.execute(update(runs).where(runs.c.run_id == run.run_id).values(values))
    return run.run_id


@pytest.fixture
def many(store: Store) -> dict[str, str]:
    return {
        "a": put(store, "daily-revenue", hour=0, name="Revenue by day"),
        "b": put(store, "daily-revenue", "FAILED", hour=1, name="Revenue by day"),
        "c": put(store, "orders_100%", "CRASHED", hour=2, name="Größe & Co"),
        "d": put(store, "ordersX100Y", "RUNNING", hour=3),
        "e": put(store, "daily-revenue", hour=0, tenant="other"),
    }


@pytest.mark.parametrize(("asked", "found"), [
    ({}, "dcba"),
    ({"pipeline_id": "daily-revenue"}, "ba"),
    ({"status": "FAILED"}, "b"),
    ({"status": ["FAILED", "CRASHED"]}, "cb"),
    ({"status": []}, "dcba"),
    ({"since": START + timedelta(hours=1)}, "dcb"),
    ({"until": START + timedelta(hours=1)}, "a"),
    ({"since": START, "until": START + timedelta(hours=2), "status": ["SUCCESS"]}, "a"),
    ({"text": "REVENUE"}, "ba"),
    ({"text": "by day"}, "ba"),
    ({"text": "orders_100%"}, "c"),
    ({"text": "_"}, "c"),
    ({"text": "%"}, "c"),
    ({"text": "\\"}, ""),
    ({"text": "'; DROP TABLE runs; --"}, ""),
    ({"limit": 2}, "dc"),
])
def test_filters(store: Store, many: dict[str, str], asked: dict[str, Any], found: str) -> None:
    assert [run.run_id for run in store.runs.find("demo", **asked)] == [many[name] for name in found]


def test_a_run_is_found_by_a_part_of_its_id(store: Store, many: dict[str, str]) -> None:
    assert [run.run_id for run in store.runs.find("demo", text=many["b"][-6:])] == [many["b"]]
    assert store.runs.find("demo", text=many["e"]) == []


def test_specs_can_be_left_out(store: Store, many: dict[str, str]) -> None:
    whole, light = store.runs.find("demo"), store.runs.find("demo", specs=False)
    assert [run.spec for run in light] == [{}] * 4
    assert [replace(run, spec={}) for run in whole] == light
    assert light[-1].name == "Revenue by day"


def test_pages_hold_every_run_once_while_new_ones_come(store: Store) -> None:
    made = [put(store, f"p{n}") for n in range(25)]
    seen: list[str] = []
    while page := store.runs.find("demo", before=seen[-1] if seen else None, limit=7):
        seen += [run.run_id for run in page]
        put(store, f"late{len(seen)}")
    assert seen == made[::-1]
    other = put(store, "p0", tenant="other")
    assert store.runs.find("demo", before=other) == []


def test_counts_tell_failed_from_stopped_and_the_median_is_that_of_the_good_ones(store: Store) -> None:
    now = datetime.now(UTC)
    for n, (status, seconds) in enumerate([("SUCCESS", 10), ("SUCCESS", 20), ("SUCCESS", 90), ("SUCCESS", 40), ("FAILED", 500),
                                           ("CRASHED", 1), ("CANCELLED", 2), ("RUNNING", 0), ("PENDING", 0)]):
        put(store, f"p{n}", status, seconds=seconds, start=now - timedelta(hours=3))
    put(store, "old", "FAILED", start=now - timedelta(hours=30))
    put(store, "long", "RUNNING", start=now - timedelta(hours=30))
    put(store, "x", "SUCCESS", seconds=1, start=now, tenant="other")
    seen = store.runs.stats("demo", 24)
    assert (seen.running, seen.total, seen.succeeded, seen.failed, seen.stopped) == (2, 9, 4, 2, 1)
    assert seen.median_seconds == pytest.approx(30, abs=0.01)
    assert store.runs.stats("demo", 48).total == 11
    assert store.runs.stats("other", 24).median_seconds == pytest.approx(1, abs=0.01)
    nothing = store.runs.stats("nobody", 24)
    assert (nothing.total, nothing.running, nothing.median_seconds) == (0, 0, None)


def test_a_store_of_the_first_schema_gets_names_for_its_runs(url: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import text

    from flows.store import open_store
    from flows.store.database import Database
    from flows.store.migrate import FOLDER

    database, config = Database(url), Config()
    config.set_main_option("script_location", str(FOLDER))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for n, spec in enumerate(('{"name": "Größe", "steps": []}', '{"steps": []}', '{"name": null}')):
            connection.execute(text(
                "INSERT INTO runs (seq, run_id, tenant_id, pipeline_id, spec, params, environment, trigger_by, run_date, folders, status,"
                " error, owner, attempt, cancel, resume_of, flow_run_id, created_at) VALUES (:n, :id, 'demo', :id, :spec, '{}', 'local',"
                " '', '', '[]', 'SUCCESS', '', '', 1, false, '', '', '2025-11-15 02:00:00')"), {"n": n + 1, "id": f"r{n}", "spec": spec})
    database.dispose()
    with open_store(url) as store:
        assert {run.run_id: run.name for run in store.runs.find("demo")} == {"r0": "Größe", "r1": "", "r2": ""}
        assert [run.run_id for run in store.runs.find("demo", text="Größe")] == ["r0"]


@pytest.mark.parametrize(("few", "most"), [(0, 0), (9, 9), (0, 9)])
def test_whichever_way_is_taken_the_same_runs_are_found(store: Store, many: dict[str, str], monkeypatch: pytest.MonkeyPatch, few: int,
                                                        most: int) -> None:
    monkeypatch.setattr("flows.store.search.FEW", few)
    monkeypatch.setattr("flows.store.search.MANY", most)
    later = put(store, "daily-revenue", "FAILED", hour=4, name="Renamed")

    def found(**asked: Any) -> list[str]:
        return [run.run_id for run in store.runs.find("demo", **asked)]

    assert found(text="revenue", status=["FAILED", "SUCCESS"]) == [later, many["b"], many["a"]]
    assert found(text="by day", status="FAILED") == [many["b"]]
    assert found(text="renamed") == [later]
    assert found(text="e", limit=2) == [later, many["d"]]
    assert found(text="r", pipeline_id="daily-revenue", status=["SUCCESS", "CRASHED"]) == [many["a"]]
    assert found(text="revenue", before=many["b"]) == [many["a"]]
    assert found(status=["FAILED", "CRASHED"], limit=1) == [later]


def test_the_newest_of_each_pipeline_come_at_once_and_only_of_one_tenant(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = {name: [put(store, name, hour=n) for n in range(3)] for name in ("a", "b", "c")}
    put(store, "a", tenant="other")
    monkeypatch.setattr("flows.store.search.MANY", 2)  # three are asked in two parts
    found = store.runs.newest_of_each("demo", ["a", "b", "c", "never"], 2)
    assert {name: [run.run_id for run in found if run.pipeline_id == name] for name in (*mine, "never")} == {
        **{name: ids[:0:-1] for name, ids in mine.items()}, "never": []}
    assert {str(run.spec) for run in found} == {"{}"}
