"""What a lost process left behind is put right, here and in Prefect."""

import json
import logging
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from flows.run import reconcile
from flows.run.ledger import follow
from flows.run.ticket import LOST
from flows.store import NewRun, open_store


@pytest.fixture
def store(settings):
    with open_store(settings.control_url) as store:
        yield store


@pytest.fixture
def dead():
    """The id of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def new(pipeline="p"):
    return NewRun(tenant_id="demo", pipeline_id=pipeline, spec={}, run_date="2025-11-15")


def begun(store, owner, lease=3600.0, pipeline="p", ps_type="generic.wait"):
    run = store.runs.submit(new(pipeline))
    assert store.runs.claim(owner, lease).run_id == run.run_id
    store.runs.begin(run.run_id, owner)
    store.steps.plan(run.run_id, [("a", "a", "generic.wait", 0), ("b", "b", ps_type, 1), ("c", "c", "generic.wait", 2)])
    store.steps.update(run.run_id, "a", status="SUCCESS", attempts=1, rows_processed=7)
    store.steps.update(run.run_id, "b", status="RUNNING", attempts=2)
    return run.run_id


@pytest.fixture
def lost(dead):
    """The name of a runner of this machine that is no more."""
    return f"runner@{socket.gethostname()}:{dead}:abc"


def test_a_run_of_a_dead_process_is_taken_up_again_before_its_lease_ends(store, lost, caplog):
    run_id = begun(store, lost)
    assert [run.run_id for run in reconcile.take_up(store)] == [run_id]
    run = store.runs.peek(run_id)
    said = "its runner was lost: taken up again, attempt 2 of 3"
    assert (run.status, run.owner, run.attempt, run.error) == ("PENDING", "", 1, said)
    assert said in caplog.text
    assert [(s.status, s.attempts, s.rows_processed) for s in store.steps.of(run_id)] == [
        ("SUCCESS", 1, 7), ("PENDING", 1, None), ("PENDING", 0, None)]  # the try that was lost is not counted
    again = store.runs.claim("runner@elsewhere:1:abc", 60)
    assert (again.run_id, again.attempt) == (run_id, 2)
    assert reconcile.take_up(store) == []


@pytest.mark.parametrize("owner", [f"runner@{socket.gethostname()}:{os.getpid()}:abc", "runner@elsewhere:1:abc", "strange"],
                         ids=["here", "elsewhere", "strange"])
def test_a_run_that_may_be_alive_is_left_alone_while_its_lease_holds(store, owner):
    run_id = begun(store, owner)
    assert reconcile.take_up(store) == []
    assert store.runs.peek(run_id).status == "RUNNING"
    assert reconcile.give_way(store, run_id) is False


def test_a_run_whose_lease_is_over_is_taken_up_again(store):
    run_id = begun(store, "runner@elsewhere:1:abc", lease=-1)
    assert [run.run_id for run in reconcile.take_up(store)] == [run_id]
    assert store.runs.peek(run_id).status == "PENDING"


def test_a_run_whose_owner_comes_back_while_it_is_taken_up_goes_on(store, monkeypatch):
    run_id = begun(store, "runner@elsewhere:1:abc", lease=-1)
    found = store.runs.expired()
    store.runs.renew("runner@elsewhere:1:abc", [run_id], 60)
    monkeypatch.setattr(store.runs, "expired", lambda: found)
    assert reconcile.take_up(store) == []
    assert (store.runs.peek(run_id).status, store.steps.of(run_id)[1].status) == ("RUNNING", "RUNNING")


def test_a_run_that_is_lost_three_times_is_given_up(store, lost):
    run_id = begun(store, lost)
    for attempt in (2, 3):
        reconcile.take_up(store)
        assert store.runs.claim(lost, 60).attempt == attempt
        store.runs.begin(run_id, lost)
    reconcile.take_up(store)
    run = store.runs.peek(run_id)
    assert (run.status, run.error) == ("CRASHED", "its runner was lost 3 times: look into the log of the runner, then resume it with "
                                                  f"--resume {run_id}")
    assert [s.status for s in store.steps.of(run_id)] == ["SUCCESS", "CANCELLED", "CANCELLED"]
    assert store.runs.submit(new()).status == "PENDING"


def test_what_may_do_twice_what_is_done_once_is_left_to_a_person(store, lost):
    run_id = begun(store, lost, ps_type="generic.procedure_executor")
    reconcile.take_up(store)
    run = store.runs.peek(run_id)
    assert run.status == "CRASHED"
    assert run.error == ("its runner was lost while b was at work, and generic.procedure_executor may do twice what is done once: look "
                         f"whether it did its work, then resume the run with --resume {run_id}")
    waits = begun(store, lost, pipeline="q", ps_type="generic.procedure_executor")
    store.steps.update(waits, "b", status="RETRYING")  # its author has said that it may be tried again
    reconcile.take_up(store)
    assert store.runs.peek(waits).status == "PENDING"


def test_a_step_of_an_engine_that_is_no_longer_there_is_left_to_a_person(store, lost):
    run_id = begun(store, lost, ps_type="stranger.engine")
    reconcile.take_up(store)
    assert store.runs.peek(run_id).status == "CRASHED"


def test_a_run_that_never_began_waits_again_and_a_cancelled_one_is_cancelled(store, lost):
    cancelled = begun(store, lost, pipeline="q")
    store.runs.ask_cancel("demo", cancelled)
    waiting = store.runs.submit(new())
    store.runs.claim(lost, 3600)
    assert reconcile.give_way(store, waiting.run_id) is False  # it keeps its place
    reconcile.take_up(store)
    assert store.runs.peek(cancelled).status == "CANCELLED"
    again = store.runs.peek(waiting.run_id)
    assert (again.status, again.owner, again.attempt) == ("PENDING", "", 0)


def test_a_lost_run_makes_place_for_a_new_start(store, lost):
    run_id = begun(store, lost)
    assert reconcile.give_way(store, run_id) is True
    run = store.runs.peek(run_id)
    assert (run.status, run.error) == ("CRASHED", "its runner was lost, and a new start took its place")
    assert store.runs.submit(new()).status == "PENDING"


def test_a_process_whose_run_was_taken_up_elsewhere_ends_without_a_word(store, settings):
    """Its machine stood still until the lease was over."""
    run_id = begun(store, "first", lease=-1)
    reconcile.take_up(store)
    store.runs.claim("second", 60)
    store.runs.begin(run_id, "second")
    store.steps.update(run_id, "b", status="RUNNING", attempts=2)
    code = ("import sys, time; from flows.engines.base import Cancel; from flows.run.ticket import Ticket, watched; "
            "from flows.settings import Settings; from flows.store import open_store; settings = Settings.load(home=sys.argv[1]); "
            "store = open_store(settings.control_url); ticket = Ticket(settings, store, store.runs.peek(sys.argv[2]), sys.argv[3])\n"
            "with watched(ticket, Cancel(), '', ''): time.sleep(4)")
    env = {**os.environ, "PENSTOCK_CONTROL_URL": settings.control_url}
    codes = [subprocess.run([sys.executable, "-c", code, str(settings.home), run_id, owner], env=env, check=False).returncode
             for owner in ("first", "second")]
    assert codes == [LOST, 0]
    assert (store.runs.peek(run_id).status, store.steps.of(run_id)[1].status) == ("RUNNING", "RUNNING")


class Prefect:
    """Prefect's API as far as the reconciler uses it: flow runs and task runs by id, in pages."""

    def __init__(self):
        self.flow_runs, self.task_runs, self.said = {}, {}, {}

    def flow_run(self, flow_run_id, name, state="RUNNING", age=3600, **more):
        then = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
        self.flow_runs[flow_run_id] = {"id": flow_run_id, "name": name, "parameters": {}, "created": then, "end_time": then,
                                       "state_type": state, **more}

    def task_run(self, task_run_id, flow_run_id, state="RUNNING"):
        self.task_runs[task_run_id] = {"id": task_run_id, "flow_run_id": flow_run_id, "state_type": state}

    def answer(self, request):
        body, (_, _, kind, *rest) = json.loads(request.content), request.url.path.split("/")
        held = getattr(self, kind)
        if rest == ["filter"]:
            found = [each for each in held.values() if self.fits(body, kind, each)]
            return httpx.Response(200, json=found[body["offset"]:body["offset"] + body["limit"]])
        assert body["force"]
        held[rest[0]]["state_type"], self.said[rest[0]] = body["state"]["type"], body["state"]["message"]
        return httpx.Response(201, json={})

    def fits(self, body, kind, each):
        flow_run = each if kind == "flow_runs" else self.flow_runs[each["flow_run_id"]]
        wanted = body.get("flow_runs", {})
        return (each["state_type"] in body[kind]["state"]["type"]["any_"]
                and flow_run["id"] in wanted.get("id", {}).get("any_", [flow_run["id"]])
                and flow_run["state_type"] in wanted.get("state", {}).get("type", {}).get("any_", [flow_run["state_type"]])
                and flow_run["end_time"] <= wanted.get("end_time", {}).get("before_", flow_run["end_time"]))

    def states(self):
        return {name: each["state_type"] for name, each in (self.flow_runs | self.task_runs).items()}

    def tidy(self, store):
        with httpx.Client(base_url="http://prefect/api", transport=httpx.MockTransport(self.answer)) as client:
            return reconcile.close_in_prefect(client, store)


def test_flow_runs_that_prefect_holds_open_are_closed_with_their_tasks(store):
    over, alive, queued = begun(store, "x@e:1:a"), begun(store, "x@e:1:a", pipeline="q"), store.runs.submit(new("r")).run_id
    store.runs.finish(over, "CRASHED")
    store.runs.ask_cancel("demo", queued)
    store.runs.set_flow_run(queued, "by-schedule")
    prefect = Prefect()
    prefect.flow_run("over", "any", parameters={"run_id": over})
    prefect.flow_run("alive", alive)
    prefect.flow_run("by-schedule", "happy-otter", state="PENDING", work_pool_name="penstock")
    prefect.flow_run("never-queued", "sad-otter", state="PENDING", work_pool_name="penstock")
    prefect.flow_run("just-made", "new-otter", state="PENDING", work_pool_name="penstock", age=1)
    prefect.flow_run("stranger", "stranger", work_pool_name="theirs")
    prefect.task_run("over-a", "over")
    prefect.task_run("over-b", "over", state="SCHEDULED")  # it waited for its next try
    prefect.task_run("alive-a", "alive")
    assert prefect.tidy(store) == (3, 2)
    assert prefect.states() == {"over": "CRASHED", "over-a": "CRASHED", "over-b": "CRASHED", "alive": "RUNNING", "alive-a": "RUNNING",
                                "by-schedule": "CANCELLED", "never-queued": "CRASHED", "just-made": "PENDING", "stranger": "RUNNING"}
    assert prefect.tidy(store) == (0, 0)


def test_the_flow_run_of_a_run_that_goes_on_in_another_one_is_closed_and_says_so(store):
    run_id, early = begun(store, "x@e:1:a"), begun(store, "x@e:1:a", pipeline="q")
    store.runs.set_flow_run(run_id, "second")
    store.runs.set_flow_run(early, "before")
    prefect = Prefect()
    prefect.flow_run("first", run_id, age=20)
    prefect.task_run("first-b", "first")
    prefect.flow_run("second", run_id, age=5)
    prefect.flow_run("third", run_id, age=1, state="PENDING")  # a process makes it just now, and has not written it down
    prefect.flow_run("before", early, state="COMPLETED")
    prefect.flow_run("old", early, age=90)
    assert prefect.tidy(store) == (2, 1)
    assert prefect.states() == {"first": "CRASHED", "first-b": "CRASHED", "second": "RUNNING", "third": "PENDING",
                                "before": "COMPLETED", "old": "CRASHED"}
    assert prefect.said["first"] == prefect.said["first-b"] == "runner lost, resumed as second"


def test_task_runs_that_were_recorded_after_their_flow_run_was_closed_are_closed_however_many(store):
    prefect = Prefect()
    for name, state, age in (("done", "COMPLETED", 300), ("stopped", "CANCELLED", 300), ("fresh", "COMPLETED", 1)):
        prefect.flow_run(name, name, state=state, age=age)
    for number in range(450):
        prefect.task_run(f"d{number}", "done", state="PENDING")
    prefect.task_run("s", "stopped")
    prefect.task_run("f", "fresh")  # its end may still be on its way
    assert prefect.tidy(store) == (0, 451)
    assert {prefect.states()[f"d{number}"] for number in range(450)} == {"CRASHED"}
    assert (prefect.states()["s"], prefect.states()["f"], prefect.states()["done"]) == ("CANCELLED", "RUNNING", "COMPLETED")


def test_more_flow_runs_than_a_page_holds_are_closed(store):
    prefect, run_id = Prefect(), begun(store, "x@e:1:a")
    store.runs.finish(run_id, "SUCCESS")
    for number in range(450):
        prefect.flow_run(f"f{number}", run_id)
    assert prefect.tidy(store) == (450, 0)
    assert set(prefect.states().values()) == {"COMPLETED"}


def test_old_rows_between_steps_are_removed_but_not_those_of_an_open_run(store, settings, caplog):
    caplog.set_level(logging.INFO)
    run_id = begun(store, "x@elsewhere:1:a")
    old = time.time() - 30 * 86_400
    for name in (run_id, "run-of-long-ago"):
        folder = settings.home / "stage" / "demo" / name
        folder.mkdir(parents=True)
        os.utime(folder, (old, old))
    (settings.home / "stage" / "demo" / "run-of-today").mkdir()
    good, failed = begun(store, "x@elsewhere:1:a", pipeline="good"), begun(store, "x@elsewhere:1:a", pipeline="failed")
    for name, status in ((good, "SUCCESS"), (failed, "FAILED")):
        store.runs.finish(name, status)
        folder = settings.home / "stage" / "demo" / name
        folder.mkdir()
        os.utime(folder, (time.time() - 7200, time.time() - 7200))
    reconcile.sweep(settings, store)
    assert sorted(f.name for f in (settings.home / "stage" / "demo").iterdir()) == sorted([run_id, "run-of-today", failed])
    assert f"removed {settings.home / 'stage' / 'demo' / good}" in caplog.text


def test_half_made_files_of_the_lake_are_removed_and_it_is_said(store, settings, caplog):
    caplog.set_level(logging.INFO)
    half = settings.home / "lake" / "demo" / "mart" / "orders" / ".new-abc"
    half.parent.mkdir(parents=True)
    for place, age in ((half, 7200), (half.with_name(".new-now"), 0)):
        place.write_bytes(b"PAR1")
        os.utime(place, (time.time() - age, time.time() - age))
    reconcile.sweep(settings, store)
    assert [file.name for file in half.parent.iterdir()] == [".new-now"]
    assert "lake of demo: 1 half-made and 0 replaced files removed" in caplog.text


def test_following_a_run_shows_every_change_and_ends_with_it(store):
    run_id = begun(store, "x@elsewhere:1:a")
    seen = follow(store, "demo", run_id)
    assert next(seen).steps[1].status == "RUNNING"
    store.steps.update(run_id, "b", status="SUCCESS")
    assert next(seen).steps[1].status == "SUCCESS"
    store.runs.finish(run_id, "SUCCESS")
    assert next(seen).run.status == "SUCCESS"
    assert list(seen) == []
