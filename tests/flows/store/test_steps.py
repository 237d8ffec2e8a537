"""The steps of a run in the run book, and the runners' signs of life."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows.errors import InputError, MissingError
from flows.run.ledger import follow
from flows.store import NewRun, Run, Store

PLAN = [("read", "Read orders", "generic.extract", 0), ("sum", "Sum", "generic.transform", 1), ("load", "Load", "generic.load", 2)]


@pytest.fixture
def run(store: Store) -> Run:
    asked = store.runs.submit(NewRun("demo", "orders", {}))
    store.runs.claim("me", 60)
    store.steps.plan(asked.run_id, list(reversed(PLAN)))
    return store.runs.begin(asked.run_id, "me")


def test_steps_stand_in_the_order_of_the_plan(store: Store, run: Run) -> None:
    steps = store.steps.of(run.run_id)
    assert [(step.step_id, step.name, step.ps_type, step.position) for step in steps] == PLAN
    assert {(step.status, step.attempts, step.error, step.result) for step in steps} == {("PENDING", 0, "", None)}
    assert store.steps.of("run-of-nobody") == []


def test_a_step_keeps_what_was_written_of_it(store: Store, run: Run) -> None:
    start = datetime(2025, 11, 15, 12, 0, 0, 123456, UTC)
    assert store.steps.update(run.run_id, "read", status="RUNNING", attempts=1, started_at=start) is True
    store.steps.update(run.run_id, "read", status="SUCCESS", ended_at=start, rows_processed=3_000_000_000, error="",
                       result={"relation": {"files": ["a.parquet"]}, "rate": float("nan")})
    step = store.steps.of(run.run_id)[0]
    assert (step.status, step.attempts, step.started_at, step.ended_at, step.rows_processed) == ("SUCCESS", 1, start, start, 3_000_000_000)
    assert step.result == {"relation": {"files": ["a.parquet"]}, "rate": None}
    assert step.ended


def test_text_from_the_world_is_always_storable(store: Store, run: Run) -> None:
    store.steps.update(run.run_id, "read", status="FAILED", error="bad cell: \x00 \ud800 \u202e ok", result={"cell": "\x00\ud800"})
    step = store.steps.of(run.run_id)[0]
    assert step.error == "bad cell: \ufffd ? \u202e ok"
    assert step.result == {"cell": "\x00\ud800"}


def test_planning_again_keeps_what_had_ended(store: Store, run: Run) -> None:
    store.steps.update(run.run_id, "read", status="SUCCESS", attempts=1, result={"rows": 1})
    store.steps.update(run.run_id, "sum", status="FAILED", attempts=3, error="no")
    store.steps.update(run.run_id, "load", status="CANCELLED", error="the claim on this run was lost")
    store.steps.plan(run.run_id, PLAN)
    read, total, load = store.steps.of(run.run_id)
    assert (read.status, read.result) == ("SUCCESS", {"rows": 1})
    assert (total.status, total.attempts, total.error) == ("FAILED", 3, "no")
    assert (load.status, load.attempts, load.error) == ("PENDING", 0, "")


def test_steps_at_work_wait_again_when_their_run_does(store: Store, run: Run) -> None:
    store.steps.update(run.run_id, "read", status="RUNNING", attempts=2, result={"progress": {}})
    store.steps.update(run.run_id, "sum", status="RETRYING", attempts=2, error="the peer is busy")
    assert store.runs.release(run.run_id) is True
    store.steps.plan(run.run_id, PLAN)
    assert [(step.status, step.attempts, step.result) for step in store.steps.of(run.run_id)] == [
        ("PENDING", 1, None), ("PENDING", 2, None), ("PENDING", 0, None)]


@pytest.mark.parametrize(("final", "worked"), [("FAILED", "FAILED"), ("CRASHED", "FAILED"), ("CANCELLED", "CANCELLED")])
def test_no_step_stays_open_in_a_final_run(store: Store, run: Run, final: str, worked: str) -> None:
    store.steps.update(run.run_id, "read", status="SUCCESS")
    store.steps.update(run.run_id, "sum", status="RETRYING", error="try 1: timeout")
    store.runs.finish(run.run_id, final)
    read, total, load = store.steps.of(run.run_id)
    assert (read.status, total.status, load.status) == ("SUCCESS", worked, "CANCELLED")
    assert total.error == "try 1: timeout"
    assert load.error == f"the run ended ({final}) before this step began"
    assert store.steps.update(run.run_id, "sum", status="RUNNING") is False  # what a lost process still says
    assert store.steps.of(run.run_id)[1] == total


def test_what_does_not_exist_is_said(store: Store, run: Run) -> None:
    with pytest.raises(MissingError, match="has no step 'nothing'"):
        store.steps.update(run.run_id, "nothing", status="RUNNING")
    with pytest.raises(MissingError, match="there is no run 'run-x'"):
        store.steps.plan("run-x", PLAN)
    with pytest.raises(InputError, match=r"a step has no colour\. Use status, attempts"):
        store.steps.update(run.run_id, "read", colour="red")


def test_a_time_without_a_zone_is_refused(store: Store, run: Run) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        store.steps.update(run.run_id, "read", started_at=datetime(2025, 11, 15))


def test_a_runner_is_alive_while_it_beats(store: Store) -> None:
    store.runners.beat("host-1", {"port": 4200})
    store.runners.beat("host-2", {})
    store.runners.beat("host-1", {"port": 4201})
    first, second = store.runners.alive()
    assert (first.owner, first.info, second.owner) == ("host-1", {"port": 4201}, "host-2")
    assert first.beat_at >= first.started_at
    assert store.runners.alive(-60) == []
    store.runners.gone("host-1")
    assert [runner.owner for runner in store.runners.alive()] == ["host-2"]


def test_a_glance_sees_what_changed_and_reads_no_result_of_a_step_that_ended(store: Store, run: Run) -> None:
    seen = [store.steps.glance(run.run_id)]
    known = [row.step_id for row in store.steps.of(run.run_id)]
    assert [step_id for step_id, *_ in seen[0]] == known
    store.steps.update(run.run_id, known[0], status="RUNNING", attempts=1, result={"progress": {"percent": 5}})
    seen.append(store.steps.glance(run.run_id))
    store.steps.update(run.run_id, known[0], status="SUCCESS", result={"outputs": {"much": "x" * 1000}})
    seen.append(store.steps.glance(run.run_id))
    assert [each[0][1:] for each in seen] == [("PENDING", 0, None), ("RUNNING", 1, {"progress": {"percent": 5}}), ("SUCCESS", 1, None)]
    assert store.runs.glance(run.tenant_id, run.run_id)[0] == store.runs.peek(run.run_id).status
    with pytest.raises(MissingError):
        store.runs.glance("another", run.run_id)


def test_who_follows_a_run_sees_each_change_once(store: Store, run: Run) -> None:
    step = store.steps.of(run.run_id)[0].step_id
    seen = follow(store, run.tenant_id, run.run_id)
    assert next(seen).steps[0].status == "PENDING"
    store.steps.update(run.run_id, step, status="RUNNING", attempts=1, result={"progress": {"percent": 5}})
    assert next(seen).steps[0].status == "RUNNING"
    store.steps.update(run.run_id, step, result={"progress": {"percent": 6}})
    assert next(seen).steps[0].result == {"progress": {"percent": 6}}
    store.runs.finish(run.run_id, "FAILED", "it broke")
    assert [(last.run.status, last.run.error) for last in seen] == [("FAILED", "it broke")]
