"""What a lost process left behind is put right, here and in Prefect."""

import json
import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from flows.run import reconcile
from flows.run.ledger import follow
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


def begun(store, owner, lease=3600.0, pipeline="p"):
    run = store.runs.submit(NewRun(tenant_id="demo", pipeline_id=pipeline, spec={}, run_date="2025-11-15"))
    assert store.runs.claim(owner, lease).run_id == run.run_id
    store.runs.begin(run.run_id, owner)
    store.steps.plan(run.run_id, [("a", "a", "generic.wait", 0)])
    store.steps.update(run.run_id, "a", status="RUNNING", attempts=1)
    return run.run_id


def test_a_run_of_a_dead_process_is_crashed_before_its_lease_ends(store, dead):
    run_id = begun(store, f"runner@{socket.gethostname()}:{dead}:abc")
    assert [run.run_id for run in reconcile.close_dead(store)] == [run_id]
    run = store.runs.peek(run_id)
    assert (run.status, run.error) == ("CRASHED", "its runner was lost")
    assert store.steps.of(run_id)[0].status == "FAILED"
    assert store.runs.submit(NewRun(tenant_id="demo", pipeline_id="p", spec={}, run_date="2025-11-15")).status == "PENDING"


@pytest.mark.parametrize("owner", [f"runner@{socket.gethostname()}:{os.getpid()}:abc", "runner@elsewhere:1:abc", "strange"],
                         ids=["here", "elsewhere", "strange"])
def test_a_run_that_may_be_alive_is_left_alone_while_its_lease_holds(store, owner):
    run_id = begun(store, owner)
    assert reconcile.close_dead(store) == []
    assert store.runs.peek(run_id).status == "RUNNING"


def test_a_run_whose_lease_is_over_is_crashed(store):
    run_id = begun(store, "runner@elsewhere:1:abc", lease=0.01)
    time.sleep(0.05)
    assert [run.run_id for run in reconcile.close_lost(store)] == [run_id]


def test_a_run_whose_owner_comes_back_while_it_is_being_closed_goes_on(store, monkeypatch):
    run_id = begun(store, "runner@elsewhere:1:abc", lease=-1)
    found = store.runs.expired()
    store.runs.renew("runner@elsewhere:1:abc", [run_id], 60)
    monkeypatch.setattr(store.runs, "expired", lambda: found)
    assert reconcile.close_lost(store) == []
    assert store.runs.peek(run_id).status == "RUNNING"


def test_a_run_that_never_began_waits_again_and_a_cancelled_one_is_cancelled(store, dead):
    owner = f"runner@{socket.gethostname()}:{dead}:abc"
    cancelled = begun(store, owner, pipeline="q")
    store.runs.ask_cancel("demo", cancelled)
    waiting = store.runs.submit(NewRun(tenant_id="demo", pipeline_id="p", spec={}, run_date="2025-11-15"))
    store.runs.claim(owner, 3600)
    reconcile.close_dead(store)
    assert store.runs.peek(cancelled).status == "CANCELLED"
    again = store.runs.peek(waiting.run_id)
    assert (again.status, again.owner, again.attempt) == ("PENDING", "", 0)


def test_flow_runs_that_prefect_holds_open_are_closed_with_their_tasks(store):
    lost, alive = begun(store, "x@elsewhere:1:a"), begun(store, "x@elsewhere:1:a", pipeline="q")
    store.runs.finish(lost, "CRASHED")
    sent = []

    def prefect(request):
        body = json.loads(request.content)
        if request.url.path.endswith("/flow_runs/filter"):
            return httpx.Response(200, json=[{"id": "f1", "name": lost, "parameters": {"run_id": lost}},
                                             {"id": "f2", "name": alive, "parameters": {"run_id": alive}},
                                             {"id": "f3", "name": lost, "parameters": {"run_id": ""}},
                                             {"id": "f4", "name": "stranger", "parameters": {}}])
        if request.url.path.endswith("/task_runs/filter"):
            return httpx.Response(200, json=[{"id": f"t-{body['flow_runs']['id']['any_'][0]}"}])
        sent.append((request.url.path, body["state"]["type"]))
        return httpx.Response(201, json={})

    with httpx.Client(base_url="http://prefect/api", transport=httpx.MockTransport(prefect)) as client:
        assert reconcile.close_in_prefect(client, store) == 2
    assert sent == [("/api/flow_runs/f1/set_state", "CRASHED"), ("/api/task_runs/t-f1/set_state", "CRASHED"),
                    ("/api/flow_runs/f3/set_state", "CRASHED"), ("/api/task_runs/t-f3/set_state", "CRASHED")]


def test_old_rows_between_steps_are_removed_but_not_those_of_an_open_run(store, settings):
    run_id = begun(store, "x@elsewhere:1:a")
    old = time.time() - 30 * 86_400
    for name in (run_id, "run-of-long-ago"):
        folder = settings.home / "stage" / "demo" / name
        folder.mkdir(parents=True)
        os.utime(folder, (old, old))
    (settings.home / "stage" / "demo" / "run-of-today").mkdir()
    reconcile.sweep(settings, store)
    assert sorted(f.name for f in (settings.home / "stage" / "demo").iterdir()) == sorted([run_id, "run-of-today"])


def test_following_a_run_shows_every_change_and_ends_with_it(store):
    run_id = begun(store, "x@elsewhere:1:a")
    seen = follow(store, "demo", run_id)
    assert next(seen).steps[0].status == "RUNNING"
    store.steps.update(run_id, "a", status="SUCCESS")
    assert next(seen).steps[0].status == "SUCCESS"
    store.runs.finish(run_id, "SUCCESS")
    assert next(seen).run.status == "SUCCESS"
    assert list(seen) == []
