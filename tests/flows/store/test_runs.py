"""The queue, the one-run guard, the claim and the states of a run."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.errors import Cancelled, DuplicateRun, InputError, MissingError
from flows.store import NewRun, Run, Store, open_store


def new(pipeline: str = "orders", tenant: str = "demo", **fields: Any) -> NewRun:
    return NewRun(tenant, pipeline, {"pipeline_id": pipeline, "steps": []}, **fields)


def running(store: Store, lease: float, pipeline: str = "orders") -> Run:
    run = store.runs.submit(new(pipeline))
    assert store.runs.claim("first", lease) is not None
    return store.runs.begin(run.run_id, "first")


def test_a_submitted_run_is_read_back_as_it_was_asked_for(store: Store) -> None:
    run = store.runs.submit(new(version=3, params={"country": "DE", "ratio": 0.5, "day": datetime(2025, 11, 15, tzinfo=UTC).date()},
                                trigger_by="ann", run_date="2025-11-15", folders=("/data", "/files"), resume_of="run-x"))
    assert store.runs.get("demo", run.run_id) == run == store.runs.peek(run.run_id)
    assert re.fullmatch(r"run-\d{8}-\d{6}-[0-9a-f]{6}", run.run_id)
    assert (run.status, run.version, run.trigger_by, run.run_date, run.resume_of) == ("PENDING", 3, "ann", "2025-11-15", "run-x")
    assert run.params == {"country": "DE", "ratio": 0.5, "day": "2025-11-15"}
    assert run.folders == ("/data", "/files")
    assert run.created_at.tzinfo is UTC
    assert abs(run.created_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_second_submit_is_refused_with_the_id_of_the_first(store: Store) -> None:
    first = store.runs.submit(new())
    with pytest.raises(DuplicateRun) as refused:
        store.runs.submit(new())
    assert refused.value.run_id == first.run_id
    assert first.run_id in str(refused.value)
    store.runs.submit(new("customers"))
    store.runs.submit(new(tenant="other"))
    store.runs.finish(first.run_id, "SUCCESS")
    assert store.runs.submit(new()).run_id != first.run_id


RIVAL = """
import sys
from flows.errors import DuplicateRun
from flows.store import NewRun, open_store
store, me = open_store(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
for line in sys.stdin:
    what, pipeline = line.split()
    if what == "submit":
        try:
            print("won", store.runs.submit(NewRun("demo", pipeline, {})).run_id, flush=True)
        except DuplicateRun as error:
            print("lost", error.run_id, flush=True)
    else:
        run = store.runs.claim(me, 60)
        print(*(("won", run.run_id) if run else ("lost", "-")), flush=True)
"""


@pytest.mark.timeout(120)
def test_of_four_processes_exactly_one_wins_each_of_200_rounds(store: Store, url: str, child: Any) -> None:
    rivals = [child(RIVAL, url, f"rival-{n}") for n in range(4)]
    assert {rival.hear() for rival in rivals} == {"ready"}
    winners = set()
    for number in range(200):
        for what in ("submit", "claim"):
            for rival in rivals:
                rival.tell(f"{what} p{number}")
            answers = [rival.hear().split() for rival in rivals]
            assert sorted(answer for answer, _ in answers) == ["lost", "lost", "lost", "won"], (number, answers)
            run_id = next(run_id for answer, run_id in answers if answer == "won")
            if what == "submit":
                assert {name for _, name in answers} == {run_id}
        run = store.runs.peek(run_id)
        assert (run.pipeline_id, run.attempt) == (f"p{number}", 1)
        winners.add(run.owner)
        store.runs.finish(run_id, "SUCCESS")
    assert len(winners) > 1
    assert store.runs.open() == []


def test_the_oldest_waiting_run_is_claimed_first(store: Store) -> None:
    asked = [store.runs.submit(new(f"p{n}", f"tenant{n % 2}")).run_id for n in range(5)]
    assert [store.runs.waiting(f"tenant{n % 2}", run_id) for n, run_id in enumerate(asked)] == [1, 2, 3, 4, 5]
    claimed = [store.runs.claim("me", 60) for _ in range(6)]
    assert [run.run_id if run else None for run in claimed] == [*asked, None]
    assert store.runs.waiting("tenant0", asked[4]) == 0


def test_a_live_lease_cannot_be_taken_over_and_an_expired_one_can(store: Store) -> None:
    run = running(store, 60)
    assert store.runs.release(run.run_id, expired=True) is False
    assert store.runs.expired() == []
    assert store.runs.renew("first", [run.run_id], -1) == [run.run_id]
    assert [late.run_id for late in store.runs.expired()] == [run.run_id]
    assert store.runs.release(run.run_id, expired=True) is True
    taken = store.runs.claim("second", 60)
    assert taken is not None
    assert (taken.owner, taken.attempt, taken.status) == ("second", 2, "PENDING")
    assert store.runs.claim("third", 60) is None
    assert store.runs.renew("first", [run.run_id], 60) == []
    with pytest.raises(Cancelled, match="no longer held by first"):
        store.runs.begin(run.run_id, "first")
    assert store.runs.finish(run.run_id, "SUCCESS", owner="first") is False
    assert store.runs.finish(run.run_id, "SUCCESS", owner="second") is True


def test_a_run_whose_owner_came_back_is_not_closed_as_lost(store: Store) -> None:
    run = running(store, -1)
    assert [late.run_id for late in store.runs.expired()] == [run.run_id]
    store.runs.renew("first", [run.run_id], 60)
    assert store.runs.finish(run.run_id, "CRASHED", expired=True) is False
    assert store.runs.release(run.run_id, expired=True) is False
    assert store.runs.get("demo", run.run_id).owner == "first"
    store.runs.renew("first", [run.run_id], -1)
    assert store.runs.finish(run.run_id, "CRASHED", expired=True) is True


def test_expiry_is_judged_at_the_time_that_is_asked_for(store: Store) -> None:
    run = running(store, 60)
    now = datetime.now(UTC)
    assert store.runs.expired(now) == []
    assert [late.run_id for late in store.runs.expired(now + timedelta(seconds=120))] == [run.run_id]


def test_a_claim_that_never_began_is_claimed_again_after_its_lease(store: Store) -> None:
    run = store.runs.submit(new())
    first = store.runs.claim("first", -1)
    again = store.runs.claim("second", 60)
    assert first is not None
    assert again is not None
    assert (again.run_id, again.owner, again.status) == (run.run_id, "second", "PENDING")
    assert store.runs.claim("third", 60) is None


def test_a_killed_holder_does_not_block_the_pipeline_longer_than_its_lease(store: Store) -> None:
    lost = running(store, 60)
    with pytest.raises(DuplicateRun):
        store.runs.submit(new())
    store.steps.plan(lost.run_id, [("a", "A", "generic.wait", 0), ("b", "B", "generic.wait", 1)])
    store.steps.update(lost.run_id, "a", status="RUNNING")
    store.runs.renew("first", [lost.run_id], -1)
    fresh = store.runs.submit(new())
    closed = store.runs.get("demo", lost.run_id)
    assert (closed.status, closed.error, fresh.status) == ("CRASHED", "its runner was lost", "PENDING")
    assert [step.status for step in store.steps.of(lost.run_id)] == ["FAILED", "CANCELLED"]


def test_a_waiting_run_keeps_its_place_even_when_its_claim_ran_out(store: Store) -> None:
    run = store.runs.submit(new())
    store.runs.claim("first", -1)
    with pytest.raises(DuplicateRun, match=run.run_id):
        store.runs.submit(new())


@pytest.mark.parametrize("final", ["SUCCESS", "FAILED", "CANCELLED", "CRASHED"])
def test_a_final_run_is_never_opened_or_changed_again(store: Store, final: str) -> None:
    run = running(store, 60)
    assert store.runs.finish(run.run_id, final, "why") is True
    ended = store.runs.get("demo", run.run_id)
    assert (ended.status, ended.error, ended.ended) == (final, "why", True)
    assert ended.ended_at is not None
    assert ended.started_at is not None
    for other in ("SUCCESS", "FAILED"):
        assert store.runs.finish(run.run_id, other, "later") is False
    assert store.runs.release(run.run_id) is False
    assert store.runs.renew("first", [run.run_id], 60) == []
    with pytest.raises(Cancelled):
        store.runs.begin(run.run_id, "first")
    store.runs.ask_cancel("demo", run.run_id)
    assert store.runs.claim("second", 60) is None
    assert store.runs.get("demo", run.run_id) == ended


def test_a_run_does_not_end_in_a_state_that_is_none(store: Store) -> None:
    run = running(store, 60)
    with pytest.raises(InputError, match=r"does not end as 'RUNNING'.*SUCCESS, FAILED, CANCELLED, CRASHED"):
        store.runs.finish(run.run_id, "RUNNING")


def test_begin_twice_keeps_the_first_start(store: Store) -> None:
    run = running(store, 60)
    assert store.runs.begin(run.run_id, "first") == run
    store.runs.release(run.run_id)
    store.runs.claim("second", 60)
    assert store.runs.begin(run.run_id, "second").started_at == run.started_at


def test_release_counts_a_try_only_when_it_began(store: Store) -> None:
    run = store.runs.submit(new())
    store.runs.claim("first", 60)
    assert store.runs.release(run.run_id, owner="stranger") is False
    assert store.runs.release(run.run_id, owner="first") is True
    waits = store.runs.get("demo", run.run_id)
    assert (waits.status, waits.owner, waits.lease_until, waits.attempt) == ("PENDING", "", None, 0)
    store.runs.claim("first", 60)
    store.runs.begin(run.run_id, "first")
    assert store.runs.release(run.run_id) is True
    again = store.runs.claim("first", 60)
    assert again is not None
    assert again.attempt == 2


def test_a_released_run_says_what_it_waits_for_until_it_begins(store: Store) -> None:
    run = store.runs.submit(new())
    store.runs.claim("first", 60)
    store.runs.release(run.run_id, owner="first", error="Prefect server not reachable")
    assert store.runs.get("demo", run.run_id).error == "Prefect server not reachable"
    store.runs.claim("first", 60)
    assert store.runs.begin(run.run_id, "first").error == ""


def test_a_run_that_is_submitted_by_its_worker_is_claimed_from_the_start(store: Store) -> None:
    run = store.runs.submit(new(flow_run_id="0193-abc"), owner="me", lease_seconds=60)
    assert (run.status, run.owner, run.attempt, run.flow_run_id) == ("PENDING", "me", 1, "0193-abc")
    assert store.runs.waiting("demo", run.run_id) == 0
    assert store.runs.claim("other", 60) is None
    assert store.runs.begin(run.run_id, "me").status == "RUNNING"


def test_cancel_ends_a_waiting_run_and_asks_a_running_one(store: Store) -> None:
    waiting = store.runs.submit(new("waits"))
    assert store.runs.ask_cancel("demo", waiting.run_id).status == "CANCELLED"
    run = running(store, 60)
    assert store.runs.cancel_asked(run.run_id) is False
    asked = store.runs.ask_cancel("demo", run.run_id)
    assert (asked.status, asked.cancel) == ("RUNNING", True)
    assert store.runs.cancel_asked(run.run_id) is True
    assert store.runs.release(run.run_id) is False
    assert store.runs.get("demo", run.run_id).status == "CANCELLED"


def test_cancel_ends_a_run_that_nobody_works_on_any_more(store: Store) -> None:
    run = running(store, -1)
    assert store.runs.ask_cancel("demo", run.run_id).status == "CANCELLED"


def test_a_waiting_run_that_was_told_to_stop_is_not_claimed_again(store: Store) -> None:
    stopped = store.runs.submit(new())
    store.runs.claim("first", 60)
    assert store.runs.ask_cancel("demo", stopped.run_id).status == "PENDING"
    store.runs.renew("first", [stopped.run_id], -1)
    after = store.runs.submit(new("customers"))
    claimed = store.runs.claim("second", 60)
    assert claimed is not None
    assert claimed.run_id == after.run_id
    assert store.runs.get("demo", stopped.run_id).status == "CANCELLED"


def test_a_run_that_is_final_or_gone_has_nothing_left_to_work_for(store: Store) -> None:
    run = running(store, 60)
    store.runs.finish(run.run_id, "CRASHED")
    assert store.runs.cancel_asked(run.run_id) is True
    assert store.runs.cancel_asked("run-of-nobody") is True


def test_runs_are_found_newest_first_by_pipeline_and_state(store: Store) -> None:
    first = store.runs.submit(new())
    store.runs.finish(first.run_id, "FAILED")
    second = store.runs.submit(new())
    third = store.runs.submit(new("customers"))
    everything = [third.run_id, second.run_id, first.run_id]
    assert [run.run_id for run in store.runs.find("demo")] == everything
    assert [run.run_id for run in store.runs.find("demo", limit=1)] == everything[:1]
    assert [run.run_id for run in store.runs.find("demo", pipeline_id="orders")] == everything[1:]
    assert [run.run_id for run in store.runs.find("demo", pipeline_id="orders", status="FAILED")] == [first.run_id]
    assert [run.run_id for run in store.runs.find("demo", status=("PENDING", "FAILED"))] == everything
    assert store.runs.states(["nobody", *everything]) == {third.run_id: "PENDING", second.run_id: "PENDING", first.run_id: "FAILED"}


def test_the_flow_run_of_a_run_is_kept(store: Store) -> None:
    run = store.runs.submit(new())
    store.runs.set_flow_run(run.run_id, "0193-abc")
    assert store.runs.get("demo", run.run_id).flow_run_id == "0193-abc"


def test_a_run_of_another_tenant_reads_like_one_that_is_not_there(store: Store) -> None:
    run = store.runs.submit(new())
    for ask in (store.runs.get, store.runs.ask_cancel, store.runs.waiting):
        texts = []
        for name in (run.run_id, "run-20251115-120000-000000"):
            with pytest.raises(MissingError) as missing:
                ask("other", name)
            texts.append(str(missing.value).replace(name, "ID"))
        assert texts[0] == texts[1]
    assert store.runs.find("other") == []
    assert store.runs.get("demo", run.run_id) == run


SUBMITS = """
import sys
from flows.store import NewRun, open_store
store = open_store(sys.argv[1])
for n in range(100_000):
    print(store.runs.submit(NewRun("demo", f"{sys.argv[2]}-{n}", {"n": n})).run_id, flush=True)
"""


def test_kill_9_loses_no_acknowledged_run(store: Store, url: str, child: Any) -> None:
    acknowledged: list[str] = []
    for kill in range(5):
        writer = child(SUBMITS, url, f"kill{kill}")
        acknowledged += [writer.hear() for _ in range(20 + 17 * kill)]
        writer.kill()
        acknowledged += [line for line in writer.rest() if re.fullmatch(r"run-\d{8}-\d{6}-[0-9a-f]{6}", line)]
    stored = {run.run_id for run in store.runs.find("demo", limit=100_000)}
    assert len(acknowledged) >= 5 * 20
    assert set(acknowledged) <= stored
    assert len(stored) <= len(acknowledged) + 5  # each kill may hide the acknowledgement of one
    assert store.runs.claim("after", 60) is not None


def test_threads_and_stores_write_side_by_side_without_an_error(store: Store, url: str) -> None:
    second, errors = open_store(url), []

    def work(number: int) -> None:
        mine = (store, second)[number % 2]
        try:
            for n in range(10):
                run = mine.runs.submit(new(f"p{number}-{n}"))
                mine.steps.plan(run.run_id, [("a", "A", "generic.wait", 0)])
                assert mine.runs.get("demo", run.run_id).status == "PENDING"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.dispose()
    assert errors == []
    assert len(store.runs.open()) == 80


def test_run_ids_sort_by_time() -> None:
    from flows.store.runs import new_id

    first = new_id()
    assert first[:19] <= new_id()[:19]
    assert first[4:12] == f"{datetime.now(UTC):%Y%m%d}"


def test_no_query_for_people_reads_runs_without_the_tenant() -> None:
    """What takes no tenant is for the runner alone, and is listed here."""
    import inspect

    from flows.store.runs import Runs

    machine = {"claim", "begin", "renew", "finish", "release", "cancel_asked", "expired", "open", "peek", "states",
               "set_estimate", "set_flow_run", "submit", "put", "holder", "flights"}
    public = {name: method for name, method in vars(Runs).items() if inspect.isfunction(method) and not name.startswith("_")}
    assert {name for name, method in public.items() if "tenant" not in inspect.signature(method).parameters} == machine
