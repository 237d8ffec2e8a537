"""Limits of a tenant hold at the moment a run is asked for or taken, and one tenant's queue holds up no other's."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from flows.errors import DuplicateRun, InputError, LimitError
from flows.store import NewRun, Store, open_store
from flows.store.limits import TenantLimit


def ask(store: Store, pipeline: str, tenant: str = "demo", **more: Any) -> str:
    return store.runs.submit(NewRun(tenant, pipeline, {"steps": []}, **more)).run_id


def take(store: Store, owner: str = "me") -> str:
    run = store.runs.claim(owner, 60)
    return run.pipeline_id if run else ""


def test_a_tenant_has_no_limits_until_somebody_sets_them_and_only_what_is_named_changes(store):
    assert store.limits.get("demo") == TenantLimit()
    assert store.limits.set("demo", {"runs_per_day": 5, "bytes_per_day": 10}) == TenantLimit(5, None, 10)
    assert store.limits.set("demo", {"runs_at_once": 2}) == TenantLimit(5, 2, 10)
    assert store.limits.set("demo", {"bytes_per_day": None}) == store.limits.get("demo") == TenantLimit(5, 2, None)
    assert store.limits.get("other") == TenantLimit()
    with pytest.raises(InputError, match="there is no limit 'rows'"):
        store.limits.set("demo", {"rows": 1})
    with pytest.raises(InputError, match="runs_per_day: -1 is no limit"):
        store.limits.set("demo", {"runs_per_day": -1})


def test_runs_a_day_are_counted_from_the_runs_and_the_error_says_when_there_is_room_again(store):
    store.limits.set("demo", {"runs_per_day": 2})
    first = ask(store, "a")
    with pytest.raises(DuplicateRun):  # what is refused anyway costs nothing
        ask(store, "a")
    store.runs.ask_cancel("demo", first)
    ask(store, "a")
    with pytest.raises(LimitError, match=r"runs_per_day: tenant 'demo' has had its 2 runs of today\. There is room again at .* 00:00 UTC"):
        ask(store, "b")
    ask(store, "b", tenant="other")
    store.limits.set("demo", {"runs_per_day": 3})
    ask(store, "b")


def test_two_who_ask_at_the_same_moment_do_not_both_get_the_last_run_of_the_day(store, url):
    store.limits.set("demo", {"runs_per_day": 3})
    gate, refused = threading.Barrier(8), []

    def one(n: int) -> None:
        with open_store(url) as own:
            gate.wait(20)
            try:
                ask(own, f"p{n}")
            except LimitError as error:
                refused.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(store.runs.open()), len(refused)) == (3, 5)


def test_fifty_starts_of_five_who_ask_at_once_are_ten_runs(store, url):
    store.limits.set("demo", {"runs_per_day": 10})
    gate, refused = threading.Barrier(5), []

    def one(n: int) -> None:
        with open_store(url) as own:
            gate.wait(20)
            for m in range(10):
                try:
                    ask(own, f"p{n}-{m}")
                except LimitError as error:
                    refused.append(str(error))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(store.runs.open()), len(refused)) == (10, 40)


def test_limits_that_are_lowered_stop_nothing_that_is_at_work(store):
    for name in "abc":
        ask(store, name)
    assert [take(store), take(store)] == ["a", "b"]
    store.limits.set("demo", {"runs_at_once": 1, "runs_per_day": 1})
    assert take(store) == ""
    with pytest.raises(LimitError, match="has had its 1 run of today"):
        ask(store, "d")
    for run in [each for each in store.runs.open() if each.pipeline_id in ("a", "b")]:
        store.runs.finish(run.run_id, "SUCCESS")
    assert take(store) == "c"  # it was admitted before
    ask(store, "d", tenant="other")


def test_runs_at_once_wait_in_the_queue_while_others_go_on(store):
    store.limits.set("demo", {"runs_at_once": 1})
    for name in ("a", "b"):
        ask(store, name)
    ask(store, "c", tenant="other")
    ask(store, "d", tenant="other")
    assert [take(store) for _ in range(4)] == ["a", "c", "d", ""]
    run = next(run for run in store.runs.open("me") if run.pipeline_id == "a")
    store.runs.finish(run.run_id, "SUCCESS")
    assert take(store) == "b"


def test_two_runners_do_not_both_take_the_last_place_of_a_tenant(store, url):
    store.limits.set("demo", {"runs_at_once": 2})
    for n in range(6):
        ask(store, f"p{n}")
    gate, taken = threading.Barrier(6), []

    def one(n: int) -> None:
        with open_store(url) as own:
            gate.wait(20)
            taken.append(take(own, f"runner{n}"))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, taken)) == [False] * 4 + [True] * 2


def test_a_run_that_begins_by_itself_keeps_the_bound_too(store):
    store.limits.set("demo", {"runs_at_once": 1})
    store.runs.submit(NewRun("demo", "a", {"steps": []}), owner="flow", lease_seconds=60)
    with pytest.raises(LimitError, match="runs_at_once: tenant 'demo' has its 1 run at work"):
        store.runs.submit(NewRun("demo", "b", {"steps": []}), owner="flow", lease_seconds=60)


def test_a_claim_whose_owner_died_takes_no_place_from_itself(store):
    store.limits.set("demo", {"runs_at_once": 1})
    ask(store, "a")
    assert store.runs.claim("dead", -1) is not None
    assert take(store) == "a"


def test_a_queue_of_five_hundred_holds_up_nobody_elses_single_run(store):
    for n in range(500):
        ask(store, f"p{n}", tenant="many")
    assert take(store) == "p0"
    ask(store, "single", tenant="few")
    ask(store, "lone", tenant="more")
    assert [take(store) for _ in range(4)] == ["single", "lone", "p1", "p2"]


def bill(store: Store, pipeline: str, spent: int, *, estimate: int = 0, over: bool = True) -> str:
    run = store.runs.submit(NewRun("demo", pipeline, {"steps": []}, environment="production"), owner="me", lease_seconds=60)
    store.runs.begin(run.run_id, "me")
    store.limits.reserve("demo", run.run_id, estimate)
    store.steps.plan(run.run_id, [("a", "A", "generic.sql", 0)])
    store.steps.update(run.run_id, "a", status="FAILED", result={"spent": {"bytes": spent}})
    if over:
        store.runs.finish(run.run_id, "FAILED")
    return run.run_id


def test_bytes_a_day_count_what_was_billed_and_what_open_runs_are_expected_to_be(store):
    store.limits.set("demo", {"bytes_per_day": 1000})
    bill(store, "a", 300, estimate=900)  # it is over: what it was billed counts
    assert store.limits.bytes_left("demo") == 700
    open_ = bill(store, "b", 100, estimate=650, over=False)
    assert store.limits.bytes_left("demo") == 50
    assert store.limits.bytes_left("demo", open_) == 700  # what that run itself may be billed
    ask(store, "c", environment="production")
    bill(store, "d", 60)
    with pytest.raises(LimitError, match=r"bytes_per_day: tenant .demo. has used 1,010 of its 1,000 bytes of BigQuery of today"):
        ask(store, "e", environment="production")
    ask(store, "e")  # a local run bills nobody
    assert store.limits.bytes_left("other") is None
