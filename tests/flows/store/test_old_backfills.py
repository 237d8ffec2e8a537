"""A store of before days side by side (revision 0006) whose backfills are open: they go on where they stood."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, text

from flows.errors import DuplicateRun
from flows.store import NewRun, open_store
from flows.store.database import Database
from flows.store.rows import OPEN

DAYS = [{"run_date": f"2025-11-0{n}", "params": {}} for n in (1, 2, 3)]
SPEC = {"pipeline_id": "p", "name": "Orders", "steps": []}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path / 'c.sqlite'}" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def insert(connection: Connection, table: str, values: dict[str, Any]) -> None:
    names = ", ".join(values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values)


def fill(connection: Connection, pipeline: str, status: str, position: int, run_id: str, *, again: bool = False) -> None:
    insert(connection, "backfills", {
        "backfill_id": f"fill-{pipeline}", "tenant_id": "demo", "pipeline_id": pipeline, "version": None,
        "spec": json.dumps({**SPEC, "pipeline_id": pipeline}), "params": "{}", "days": json.dumps(DAYS), "environment": "local",
        "trigger_by": "cli", "folders": "[]", "position": position, "status": status, "error": "", "run_id": run_id, "again": again,
        "created_at": "2025-11-15 00:00:00.000000"})


@pytest.fixture
def old(url: str) -> str:
    """`open`: day 2 of 3 is at work. `held`: day 2 was ended by a runner that stopped, and is to be run again. `broke`: day 2 failed."""
    from alembic import command
    from alembic.config import Config

    from flows.store.migrate import FOLDER

    with open_store(url) as store:
        runs: dict[tuple[str, int], str] = {}
        for pipeline, last in (("open", ""), ("held", "CANCELLED"), ("broke", "FAILED")):
            for day, status in ((1, "SUCCESS"), (2, last)):
                run = store.runs.submit(NewRun("demo", pipeline, {**SPEC, "pipeline_id": pipeline}, run_date=f"2025-11-0{day}",
                                               backfill_id=f"fill-{pipeline}", backfill_day=day, backfill_days=3))
                runs[pipeline, day] = run.run_id
                if status:
                    store.runs.finish(run.run_id, status, "load failed: no" if status == "FAILED" else "")
    database, config = Database(url), Config()
    config.set_main_option("script_location", str(FOLDER))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")
    with database.write() as connection:
        fill(connection, "open", "RUNNING", 1, runs["open", 2])
        fill(connection, "held", "RUNNING", 1, runs["held", 2], again=True)
        fill(connection, "broke", "FAILED", 1, runs["broke", 2])
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return url


def test_open_backfills_of_before_go_on(old: str) -> None:
    with open_store(old) as store:
        fills = {name: store.backfills.get("demo", f"fill-{name}") for name in ("open", "held", "broke")}
        assert [(each.status, each.position, each.at_once) for each in fills.values()] == [
            ("RUNNING", 1, 1), ("RUNNING", 1, 1), ("FAILED", 1, 1)]
        assert store.backfills.due() == ["fill-held"]  # the day of the other one is at work
        assert store.backfills.advance("fill-open") == ""
        again = store.runs.get("demo", store.backfills.advance("fill-held"))
        [before] = [run for run in store.runs.find("demo", pipeline_id="held") if run.status == "CANCELLED"]
        assert (again.run_date, again.resume_of) == ("2025-11-02", before.run_id)
        with pytest.raises(DuplicateRun):
            store.runs.submit(NewRun("demo", "open", SPEC))
        store.backfills.go_on("demo", "fill-broke")
        taken = store.runs.get("demo", store.backfills.advance("fill-broke"))
        assert (taken.run_date, taken.backfill_day) == ("2025-11-02", 2)
        for name in fills:
            while open_ := [run for run in store.runs.find("demo", pipeline_id=name) if run.status in OPEN]:
                assert len(open_) == 1
                store.runs.finish(open_[0].run_id, "SUCCESS")
                store.backfills.advance(f"fill-{name}")
            ended = store.backfills.get("demo", f"fill-{name}")
            assert (ended.status, ended.position) == ("DONE", 3), name
