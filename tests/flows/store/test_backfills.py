"""Rows of runs: one at a time, each day once, whoever advances them and whatever is lost in between."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import DuplicateBackfill, DuplicateRun, InputError, MissingError
from flows.store import Backfill, NewBackfill, NewRun, Store
from flows.store.backfills import CRASHES

SPEC = {"pipeline_id": "orders", "name": "Orders", "steps": []}


def asked(days: int = 3, pipeline: str = "orders", tenant: str = "demo", **fields: Any) -> NewBackfill:
    return NewBackfill(tenant, pipeline, SPEC, [{"run_date": f"2025-11-{n + 1:02}", "params": {"day": n}} for n in range(days)], **fields)


def step(store: Store, fill: Backfill, status: str = "SUCCESS", error: str = "") -> str:
    """Queue the next run and end it."""
    run_id = store.backfills.advance(fill.backfill_id)
    assert run_id
    assert store.runs.finish(run_id, status, error)
    return run_id


def test_a_backfill_is_read_back_as_it_was_asked_for(store: Store) -> None:
    fill = store.backfills.submit(asked(2, version=3, params={"country": "DE"}, trigger_by="ann", folders=("/data",)))
    assert store.backfills.get("demo", fill.backfill_id) == fill
    assert (fill.status, fill.position, fill.version, fill.params, fill.trigger_by, fill.folders, fill.spec) == (
        "RUNNING", 0, 3, {"country": "DE"}, "ann", ("/data",), SPEC)
    assert [str(day) for day in fill.dates] == ["2025-11-01", "2025-11-02"]


def test_each_day_is_run_once_in_its_order_with_its_values(store: Store) -> None:
    fill = store.backfills.submit(asked(3, version=2))
    for n in range(3):
        assert store.backfills.due() == [fill.backfill_id]
        run_id = store.backfills.advance(fill.backfill_id)
        run = store.runs.get("demo", run_id)
        assert (run.run_date, run.params, run.version, run.spec) == (f"2025-11-0{n + 1}", {"day": n}, 2, SPEC)
        assert (run.backfill_id, run.backfill_day, run.backfill_days, run.name) == (fill.backfill_id, n + 1, 3, "Orders")
        assert store.backfills.due() == []
        assert store.backfills.advance(fill.backfill_id) == ""  # it is open: nothing to start
        store.runs.finish(run_id, "SUCCESS")
    assert store.backfills.advance(fill.backfill_id) == ""
    done = store.backfills.get("demo", fill.backfill_id)
    assert (done.status, done.position, store.backfills.days(done)) == ("DONE", 3, [])
    assert done.ended_at is not None
    assert store.backfills.due() == []
    assert len(store.runs.find("demo", backfill_id=fill.backfill_id)) == 3


def test_a_pipeline_that_runs_for_another_reason_is_waited_for(store: Store) -> None:
    fill = store.backfills.submit(asked())
    first = step(store, fill)
    other = store.runs.submit(NewRun("demo", "orders", SPEC))
    assert store.backfills.due() == []
    assert store.backfills.advance(fill.backfill_id) == ""
    assert store.backfills.get("demo", fill.backfill_id).position == 1  # the day that is done is not forgotten
    store.runs.finish(other.run_id, "SUCCESS")
    second = store.backfills.advance(fill.backfill_id)
    assert [run.run_id for run in store.runs.find("demo", backfill_id=fill.backfill_id)] == [second, first]
    with pytest.raises(DuplicateRun, match=second):
        store.runs.submit(NewRun("demo", "orders", SPEC))


def test_a_failed_day_ends_it_and_going_on_takes_that_day_up_again(store: Store) -> None:
    fill = store.backfills.submit(asked())
    step(store, fill)
    failed = step(store, fill, "FAILED", "load failed: no such table")
    assert store.backfills.advance(fill.backfill_id) == ""
    held = store.backfills.get("demo", fill.backfill_id)
    assert (held.status, held.position) == ("FAILED", 1)
    assert held.error == "day 2 of 3 (2 November 2025) failed: load failed: no such table"
    assert store.backfills.due() == []
    assert store.backfills.go_on("demo", fill.backfill_id).status == "RUNNING"
    again = store.backfills.advance(fill.backfill_id)
    run = store.runs.get("demo", again)
    assert (run.run_date, run.resume_of, run.backfill_day) == ("2025-11-02", failed, 2)
    store.runs.finish(again, "FAILED", "load failed: still")  # going on once is no leave to fail for ever
    store.backfills.advance(fill.backfill_id)
    assert store.backfills.get("demo", fill.backfill_id).status == "FAILED"


def test_a_lost_process_is_no_failed_day_unless_it_is_lost_every_time(store: Store) -> None:
    fill = store.backfills.submit(asked())
    lost = step(store, fill, "CRASHED")
    again = step(store, fill)
    assert store.runs.get("demo", again).resume_of == lost
    for _ in range(CRASHES):
        step(store, fill, "CRASHED", "its process ended (SIGKILL)")
    assert store.backfills.advance(fill.backfill_id) == ""
    held = store.backfills.get("demo", fill.backfill_id)
    assert (held.status, held.error) == ("FAILED", "day 2 of 3 (2 November 2025) failed: its process ended (SIGKILL)")


def test_a_stop_reaches_the_run_and_nothing_follows(store: Store) -> None:
    fill = store.backfills.submit(asked())
    queued = store.backfills.advance(fill.backfill_id)
    assert store.backfills.stop("demo", fill.backfill_id).status == "STOPPED"
    assert store.runs.get("demo", queued).status == "CANCELLED"
    assert store.backfills.advance(fill.backfill_id) == ""
    stopped = store.backfills.stop("demo", fill.backfill_id)
    assert stopped == store.backfills.get("demo", fill.backfill_id)
    store.backfills.go_on("demo", fill.backfill_id)
    running = store.backfills.advance(fill.backfill_id)
    store.runs.claim("me", 60)
    store.backfills.stop("demo", fill.backfill_id)
    assert store.runs.cancel_asked(running)


def test_a_run_that_a_person_stops_stops_the_backfill_and_one_that_a_runner_stops_is_run_again(store: Store) -> None:
    fill = store.backfills.submit(asked())
    run_id = store.backfills.advance(fill.backfill_id)
    store.backfills.interrupted(run_id)
    store.runs.ask_cancel("demo", run_id)
    again = store.backfills.advance(fill.backfill_id)
    assert store.runs.get("demo", again).resume_of == run_id
    store.runs.ask_cancel("demo", again)
    assert store.backfills.advance(fill.backfill_id) == ""
    assert store.backfills.get("demo", fill.backfill_id).status == "STOPPED"


def test_a_pipeline_is_backfilled_once_at_a_time(store: Store) -> None:
    fill = store.backfills.submit(asked())
    with pytest.raises(DuplicateBackfill, match=fill.backfill_id) as refused:
        store.backfills.submit(asked())
    assert refused.value.backfill_id == fill.backfill_id
    store.backfills.submit(asked(tenant="other"))
    store.backfills.stop("demo", fill.backfill_id)
    second = store.backfills.submit(asked())
    with pytest.raises(DuplicateBackfill, match=second.backfill_id):
        store.backfills.go_on("demo", fill.backfill_id)
    with pytest.raises(InputError, match="is at work: only a backfill that failed or was stopped can go on"):
        store.backfills.go_on("demo", second.backfill_id)


def test_another_tenants_backfill_is_not_there(store: Store) -> None:
    fill = store.backfills.submit(asked())
    for call in (store.backfills.get, store.backfills.stop, store.backfills.go_on):
        with pytest.raises(MissingError, match=f"there is no backfill '{fill.backfill_id}'"):
            call("other", fill.backfill_id)
    assert store.backfills.find("other") == []
    assert [each.backfill_id for each in store.backfills.find("demo", pipeline_id="orders", status="RUNNING")] == [fill.backfill_id]
    assert store.backfills.find("demo", status="DONE") == []


RIVAL = """
import sys
from flows.store import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    print(store.backfills.advance(line.strip()) or "-", flush=True)
"""


@pytest.mark.timeout(120)
def test_of_four_runners_exactly_one_starts_each_of_28_days(store: Store, url: str, child: Any) -> None:
    fill = store.backfills.submit(asked(28))
    rivals = [child(RIVAL, url) for _ in range(4)]
    assert {rival.hear() for rival in rivals} == {"ready"}
    for number in range(28):
        for rival in rivals:
            rival.tell(fill.backfill_id)
        answers = [rival.hear() for rival in rivals]
        assert sorted(answers)[:3] == ["-"] * 3, (number, answers)
        store.runs.finish(max(answers), "SUCCESS")
    assert store.backfills.advance(fill.backfill_id) == ""
    runs = store.runs.find("demo", backfill_id=fill.backfill_id)
    assert [run.run_date for run in reversed(runs)] == [str(day) for day in fill.dates]
    assert store.backfills.get("demo", fill.backfill_id).status == "DONE"
