"""Whether runs can start, and why one waits: what a viewer reads while things stop, start and come back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from flows.errors import MissingError, UnreachableError
from flows.service import Identity, Penstock
from flows.service import health as health_room
from flows.settings import Settings
from flows.store import Store
from flows.store.schema import runners

SPEC = {"pipeline_id": "w", "steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 1}}]}
HERE = "http://127.0.0.1:4200"


@pytest.fixture
def door(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Penstock]:
    monkeypatch.setattr(health_room, "FRESH", -1.0)
    with Penstock(settings=settings) as opened:
        yield opened


def beat(store: Store, *, ready: bool = True, silent: float | None = 0.0, runs: int = 0, most: int = 2, ago: float = 0.0,
         since: float = 600.0) -> None:
    """A runner said this `ago` seconds ago, and began `since` seconds ago."""
    store.runners.beat("runner@here:1:a", {"pid": 1, "ready": ready, "silent": silent, "prefect": HERE, "most": most,
                                           "runs": [f"r{n}" for n in range(runs)]})
    now = datetime.now(UTC)
    with store._database.write() as connection:
        connection.execute(update(runners).values(beat_at=now - timedelta(seconds=ago), started_at=now - timedelta(seconds=since)))


def parent(home: Path, pid: int) -> Path:
    """`penstock up` of that process."""
    lock = home / "up.lock"
    lock.write_text(json.dumps({"pid": pid, "address": HERE, "temporary": False}))
    return lock


def states(door: Penstock) -> list[str]:
    return [part["state"] for part in door.health()["parts"]]


def test_without_a_runner_it_says_what_works_and_what_to_do(door: Penstock) -> None:
    seen = door.health()
    assert seen["runner"] is False
    assert seen["words"] == ["Runs cannot start: no runner is up. Previews still work. Start it with `penstock up`."]
    assert [part["name"] for part in seen["parts"]] == ["Control store", "Runner", "Prefect server"]
    assert states(door) == ["ok", "down", "down"]
    assert seen["parts"][1]["fix"] == "Start it with `penstock up`."


def test_with_a_runner_nothing_is_said(door: Penstock) -> None:
    beat(door.store, runs=1)
    seen = door.health()
    assert (seen["runner"], seen["words"], states(door)) == (True, [], ["ok", "ok", "ok"])
    assert seen["parts"][1]["words"] == "1 runner up, 1 of 2 places in use"
    assert seen["parts"][2]["words"] == f"Prefect answers at {HERE}"


def test_a_runner_that_is_started_again_does_not_flap(door: Penstock, home: Path) -> None:
    lock = parent(home, os.getpid())
    beat(door.store, ago=4)
    assert states(door) == ["ok", "ok", "ok"]
    beat(door.store, ago=20)
    assert states(door) == ["ok", "starting", "starting"]
    assert door.health()["words"] == ["The runner is starting. Runs that you start now wait; previews still work."]
    os.utime(lock, (time.time() - 60,) * 2)
    assert door.health()["words"] == ["The runner has stopped and is being started again. "
                                      "Runs that you start now wait; previews still work."]
    beat(door.store, ago=50)
    assert states(door) == ["ok", "down", "down"]
    os.utime(lock, (time.time() - 600,) * 2)
    beat(door.store, ago=300)
    assert states(door) == ["ok", "down", "down"]
    assert "the runner does not come up. Previews still work. Look into " in door.health()["words"][0]


def test_a_parent_that_is_dead_starts_nothing(door: Penstock, home: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    parent(home, gone.pid)
    beat(door.store, ago=20)
    assert states(door) == ["ok", "down", "down"]


def test_prefect_that_misses_one_look_is_no_news_and_one_that_is_gone_is(door: Penstock) -> None:
    beat(door.store, ready=False, silent=3)
    assert states(door) == ["ok", "ok", "ok"]
    beat(door.store, ready=False, silent=None, since=10)
    assert states(door) == ["ok", "ok", "starting"]
    beat(door.store, ready=False, silent=8)
    seen = door.health()
    assert states(door) == ["ok", "ok", "down"]
    assert seen["words"][0].startswith(f"Runs cannot start: Prefect's server at {HERE} does not answer. Previews still work. `penstock")


def test_an_own_prefect_is_named_without_its_password(settings: Settings) -> None:
    from dataclasses import replace

    with Penstock(settings=replace(settings, prefect_url="https://me:s3cr3t@prefect.example:4300/api")) as door:
        store = door.store
        store.runners.beat("r", {"ready": False, "silent": 60, "prefect": "https://me:s3cr3t@prefect.example:4300"})
        seen = door.health()
        assert "s3cr3t" not in json.dumps(seen)
        assert seen["words"] == ["Runs cannot start: Prefect's server at https://prefect.example:4300 does not answer. "
                                 "Previews still work. Start it, or check PENSTOCK_PREFECT_URL."]


def test_an_answer_holds_for_all_who_ask_within_a_second(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with Penstock(settings=settings) as door:
        monkeypatch.setattr(health_room, "FRESH", 3600.0)
        first = door.health()
        beat(door.store)
        assert door.health() is first
        monkeypatch.setattr(health_room, "FRESH", -1.0)
        assert door.health()["runner"] is True


def test_a_store_that_cannot_be_opened_is_one_clear_error(settings: Settings) -> None:
    (settings.home / "control.sqlite").mkdir()
    with Penstock(settings=settings) as door, pytest.raises(UnreachableError, match="the control store cannot be opened"):
        door.health()


# ---- one run

def queued(door: Penstock, *names: str) -> list[Any]:
    return [door.submit({**SPEC, "pipeline_id": name}) for name in names]


def test_a_run_without_a_runner_says_since_when(door: Penstock) -> None:
    (run,) = queued(door, "w")
    assert door.why(run.run_id) == "No runner is up. Start one with `penstock up`."
    beat(door.store, ago=360)
    assert door.why(run.run_id) == "No runner has been seen for 6 minutes. Start one with `penstock up`."
    beat(door.store, ago=65)
    assert door.why(run.run_id) == "No runner has been seen for 1 minute. Start one with `penstock up`."
    beat(door.store, ago=4 * 3600)
    assert door.why(run.run_id) == "No runner has been seen for 4 h. Start one with `penstock up`."


def test_a_run_while_the_runner_starts_and_while_prefect_is_gone(door: Penstock, home: Path) -> None:
    (run,) = queued(door, "w")
    parent(home, os.getpid())
    assert door.why(run.run_id).startswith("The runner is starting. ")
    beat(door.store, ready=False, silent=30)
    assert door.why(run.run_id).startswith(f"Runs cannot start: Prefect's server at {HERE} does not answer.")


def test_a_run_in_the_queue_knows_its_place(door: Penstock) -> None:
    first, second, third = queued(door, "a", "b", "c")
    beat(door.store, runs=0)
    assert door.why(first.run_id) == ""
    assert door.why(second.run_id) == "1 run is ahead of it; at most 2 run at once. It starts by itself."
    beat(door.store, runs=2)
    assert door.why(first.run_id) == "It is next: 2 runs are at work, and at most 2 run at once. It starts by itself."
    assert door.why(third.run_id) == "2 runs are ahead of it; at most 2 run at once. It starts by itself."
    assert door.store.runs.claim("me", 60)
    assert door.why(first.run_id) == ""
    door.store.runs.begin(first.run_id, "me")
    assert door.why(first.run_id) == ""
    door.cancel(third.run_id)
    assert door.why(third.run_id) == ""


def test_another_tenants_run_is_not_explained(door: Penstock) -> None:
    (run,) = queued(door, "w")
    with Penstock(home=door.settings.home, tenant="other") as other, pytest.raises(MissingError):
        other.why(run.run_id)


def test_a_backfill_says_what_its_next_day_waits_for(door: Penstock) -> None:
    (run,) = queued(door, "w")
    fill = door.backfill(SPEC, ["2025-11-01", "2025-11-02"])
    assert door.why(fill.backfill_id) == "No runner is up. Start one with `penstock up`."
    beat(door.store)
    assert door.why(fill.backfill_id) == f"w is already queued as {run.run_id}. The next day starts when that run has ended."
    door.store.runs.claim("me", 60)
    door.store.runs.begin(run.run_id, "me")
    assert door.backfill_view(fill.backfill_id).words == (
        f"Day 1 of 2, 1 November 2025, waits. w is already running as {run.run_id}. The next day starts when that run has ended.")
    door.store.runs.finish(run.run_id, "SUCCESS")
    assert door.why(fill.backfill_id) == ""
    door.store.backfills.advance(fill.backfill_id)
    assert door.why(fill.backfill_id) == ""
    door.stop_backfill(fill.backfill_id)
    assert door.why(fill.backfill_id) == ""


def test_where_things_are_on_the_server_is_for_admins(door: Penstock, home: Path) -> None:
    lock = parent(home, os.getpid())
    os.utime(lock, (0, 0))
    seen = {role: door.health(reader=Identity("demo", role, "ann")) for role in ("admin", "operator")}
    assert str(home) in seen["admin"]["parts"][0]["where"]
    assert seen["admin"]["parts"][1]["fix"].startswith(f"Look into {home}")
    assert str(home) not in str(seen["operator"])
    assert seen["operator"]["parts"][1]["fix"].startswith("Look into logs/runner.log")
