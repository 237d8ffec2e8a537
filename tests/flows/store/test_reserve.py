"""Bytes are given to one run only, come back when it ends, and are not lost with a process that was killed."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from flows.errors import LimitError
from flows.store import NewRun, Store, open_store

FIFTY = """
import itertools, os, signal, sys
from flows.store import NewRun, open_store

store = open_store(sys.argv[1])

def work(n, told):
    owner = f"o{n}"
    run = store.runs.submit(NewRun("demo", f"p{n}", {"steps": []}, environment="production"), owner=owner, lease_seconds=600)
    store.runs.begin(run.run_id, owner)
    store.limits.reserve("demo", run.run_id, 500)
    if n % 2:
        store.steps.plan(run.run_id, [("a", "A", "generic.sql", 0)])
        store.steps.update(run.run_id, "a", status="SUCCESS", result={"spent": {"bytes": 7}})
    os.write(told, run.run_id.encode())
    for count in itertools.count(501):
        store.limits.reserve("demo", run.run_id, min(count, 900))
        store.runs.renew(owner, [run.run_id], 600)

print("ready", flush=True)
for n in range(50):
    hear, told = os.pipe()
    pid = os.fork()
    if not pid:
        work(n, told)
    os.close(told)
    run_id = os.read(hear, 100).decode()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(hear)
    print(n, run_id, flush=True)
    sys.stdin.readline()
"""


def begun(store: Store, pipeline: str, *, lease: float = 600) -> str:
    run = store.runs.submit(NewRun("demo", pipeline, {"steps": []}, environment="production"), owner=pipeline, lease_seconds=lease)
    return store.runs.begin(run.run_id, pipeline).run_id


def test_after_fifty_kills_between_reserve_and_release_the_quota_is_right(store: Store, url: str, child: Any) -> None:
    store.limits.set("demo", {"runs_per_day": 51, "runs_at_once": 1, "bytes_per_day": 1000})
    killer, spent = child(FIFTY, url), 0
    assert killer.hear() == "ready"
    for n in range(50):
        number, run_id = killer.hear().split()
        assert int(number) == n
        held = store.limits.used("demo")
        assert held["runs_at_work"] == 1
        assert 500 <= held["bytes_today"] - spent <= 900  # as long as its lease lasts nobody else gets them
        store.runs.renew(f"o{n}", [run_id], -1)  # what the passing of time does to the lease
        spent += 7 * (n % 2)
        assert store.limits.used("demo") == {"runs_today": n + 1, "runs_at_work": 0, "runs_waiting": 0, "bytes_today": spent}
        if n % 3 == 0:  # repaired by a runner, and taken up by another one; or left to whoever starts the pipeline again
            assert store.runs.release(run_id, expired=True)
            taken = store.runs.claim("next", 600)
            assert taken is not None
            assert taken.run_id == run_id
            assert store.limits.used("demo")["bytes_today"] == spent  # it has to ask anew
            store.runs.finish(run_id, "FAILED")
        else:
            store.runs.finish(run_id, "CRASHED", expired=True)
        killer.tell("on")
    assert spent == 175
    last = begun(store, "last")
    with pytest.raises(LimitError, match="the run needs 826 bytes of BigQuery, 825 of the 1,000 of tenant 'demo' are left today"):
        store.limits.reserve("demo", last, 826)
    store.limits.reserve("demo", last, 825)
    assert store.limits.used("demo") == {"runs_today": 51, "runs_at_work": 1, "runs_waiting": 0, "bytes_today": 1000}
    store.runs.finish(last, "SUCCESS")
    assert store.limits.used("demo")["bytes_today"] == spent
    with pytest.raises(LimitError, match="has had its 51 runs of today"):
        begun(store, "more")


def test_of_eight_who_want_the_same_bytes_at_once_three_get_them(store: Store, url: str) -> None:
    store.limits.set("demo", {"bytes_per_day": 1000})
    mine, gate, refused = [begun(store, f"p{n}") for n in range(8)], threading.Barrier(8), []

    def one(run_id: str) -> None:
        with open_store(url) as own:
            gate.wait(20)
            try:
                own.limits.reserve("demo", run_id, 300)
            except LimitError as error:
                refused.append(error)

    threads = [threading.Thread(target=one, args=(run_id,)) for run_id in mine]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 5
    assert store.limits.used("demo")["bytes_today"] == 900


def test_a_run_asks_for_more_as_it_goes_and_never_holds_less_than_before(store: Store) -> None:
    store.limits.set("demo", {"bytes_per_day": 1000})
    one, two = begun(store, "one"), begun(store, "two")
    store.limits.reserve("demo", one, 400)
    store.limits.reserve("demo", one, 100)
    store.limits.reserve("demo", two, 600)
    with pytest.raises(LimitError):
        store.limits.reserve("demo", one, 401)
    store.runs.finish(two, "SUCCESS")
    store.limits.reserve("demo", one, 1000)
    assert store.limits.bytes_left("demo") == 0
    assert store.limits.bytes_left("demo", one) == 1000


def test_without_a_limit_nobody_is_refused_and_what_is_held_is_known_when_one_is_set(store: Store) -> None:
    one = begun(store, "one")
    store.limits.reserve("demo", one, 10**15)
    store.limits.set("demo", {"bytes_per_day": 1000})
    with pytest.raises(LimitError, match="has used 1,000,000,000,000,000 of its 1,000 bytes"):
        begun(store, "two")
    assert store.limits.used("other") == {"runs_today": 0, "runs_at_work": 0, "runs_waiting": 0, "bytes_today": 0}


def test_a_queue_that_is_full_takes_no_more_until_a_run_has_begun(store: Store) -> None:
    store.limits.set("demo", {"runs_waiting": 2})
    for name in "ab":
        store.runs.submit(NewRun("demo", name, {"steps": []}))
    with pytest.raises(LimitError, match=r"runs_waiting: tenant 'demo' has its 2 runs waiting\. There is room when one of them has begun"):
        store.runs.submit(NewRun("demo", "c", {"steps": []}))
    store.runs.submit(NewRun("other", "c", {"steps": []}))
    assert store.runs.claim("me", 600) is not None
    store.runs.submit(NewRun("demo", "c", {"steps": []}))
    assert store.limits.used("demo")["runs_waiting"] == 2
