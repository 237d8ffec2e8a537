"""What is counted for monitoring is what is in the store, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from flows.store import NewMessage, NewRun, Store, open_store
from flows.store import tallies as module
from flows.store.schema import runs
from flows.store.tallies import Count, Spread

BEGAN = datetime(2025, 11, 15, 2, tzinfo=UTC)


def run(store: Store, pipeline: str, status: str, took: float = 0.0, waited: float = 0.0, environment: str = "local",
        tenant: str = "demo") -> str:
    """A run that has ended, or not."""
    run_id = store.runs.submit(NewRun(tenant, pipeline, {"pad": "x" * 20_000}, environment=environment)).run_id
    start = BEGAN + timedelta(seconds=waited)
    times = {"started_at": start, "ended_at": start + timedelta(seconds=took)} if status not in ("PENDING", "RUNNING") else {}
    with store._database.write() as connection:
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(status=status, created_at=BEGAN, **times))
    return run_id


def take(store: Store, after: int = 0) -> Count:
    return store.tallies.take(after, (1, 10), (0.5, 5), (1,))


def test_nothing_is_nothing(store: Store) -> None:
    assert take(store) == Count(0, {}, {}, {}, {}, 0, 0, 0, {})


def test_runs_are_counted_with_what_they_took_and_waited(store: Store) -> None:
    run(store, "a", "SUCCESS", 0.5, 0.2)
    run(store, "a", "SUCCESS", 5, 3, tenant="other")
    run(store, "b", "FAILED", 60, environment="production")
    run(store, "c", "CANCELLED", -5)  # two clocks
    run(store, "d", "PENDING")
    run(store, "e", "RUNNING")
    store.runners.beat("runner", {})
    seen = take(store)
    good = seen.runs["local", "SUCCESS"]
    assert (good.number, good.took.number, round(good.took.seconds, 2), good.took.within) == (2, 2, 5.5, (1, 2))
    assert good.waited is not None
    assert (good.waited.number, round(good.waited.seconds, 2), good.waited.within) == (2, 3.2, (1,))
    assert seen.runs["production", "FAILED"].took.within == (0, 0)
    assert seen.runs["local", "CANCELLED"].took == Spread(1, 0.0, (1, 1))
    assert (seen.waiting, seen.open, seen.runners, seen.edge) == (1, 2, 1, 0)


def test_steps_and_their_tries_are_counted(store: Store) -> None:
    run_id = run(store, "a", "RUNNING")
    store.steps.plan(run_id, [(name, name, kind, n) for n, (name, kind) in enumerate([("x", "generic.load"), ("y", "generic.load"),
                                                                                       ("z", "generic.wait")])])
    store.steps.update(run_id, "x", status="SUCCESS", attempts=3, started_at=BEGAN, ended_at=BEGAN + timedelta(seconds=2))
    store.steps.update(run_id, "y", status="SKIPPED", ended_at=BEGAN)
    store.steps.update(run_id, "z", status="RETRYING", attempts=2, started_at=BEGAN)
    seen = take(store).steps
    assert {key: (tally.number, tally.took.number, tally.took.within, tally.retries) for key, tally in seen.items()} == {
        ("generic.load", "SUCCESS"): (1, 1, (0, 1), 2), ("generic.load", "SKIPPED"): (1, 0, (0, 0), 0),
        ("generic.wait", "RETRYING"): (1, 0, (0, 0), 1)}


def test_what_is_settled_is_counted_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE", 1)
    for name in "abc":
        store.steps.plan(run(store, name, "SUCCESS", 2), [("x", "x", "generic.load", 0)])
    first = take(store)
    assert first.edge == 2
    assert first.settled_runs["local", "SUCCESS"].number == 2
    assert first.settled_steps["generic.load", "PENDING"].number == 2
    assert first.runs["local", "SUCCESS"].number == 1
    opened = run(store, "d", "RUNNING")
    run(store, "e", "FAILED", 1)
    second = take(store, first.edge)
    assert second.edge == 3
    assert {key: tally.number for key, tally in second.settled_runs.items()} == {("local", "SUCCESS"): 1}
    assert {key: tally.number for key, tally in second.runs.items()} == {("local", "RUNNING"): 1, ("local", "FAILED"): 1}
    store.runs.finish(opened, "FAILED")
    third = take(store, second.edge)
    assert third.edge == 4
    assert third.settled_runs["local", "FAILED"].number == third.runs["local", "FAILED"].number == 1
    assert take(store, third.edge).settled_runs == {}


def test_messages_are_counted_when_they_are_sent_or_given_up(store: Store) -> None:
    run_id = run(store, "a", "FAILED", 1)
    store.messages.tell({run_id: [NewMessage("demo", "slack", "#ops", "failure"), NewMessage("demo", "email", "me@x.com", "always"),
                                  NewMessage("demo", "email", "you@x.com", "always")]})
    first, second, _ = store.messages.of(run_id)
    store.messages.sent(first.message_id)
    store.messages.failed(second.message_id, "refused", None)
    assert take(store).messages == {("slack", "SENT"): 1, ("email", "FAILED"): 1}


def test_another_process_does_not_count_again_what_is_settled(store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE", 1)
    monkeypatch.setattr("flows.store.settled.EVERY", 3)
    for name in "abcd":
        run(store, name, "SUCCESS", 2, 3)
    first = take(store)
    with store._database.write() as connection:
        connection.execute(delete(runs).where(runs.c.seq <= first.edge))  # they would not be found again
    with open_store(url) as other:
        again = take(other)
        assert (again.edge, again.settled_runs, again.runs) == (first.edge, first.settled_runs, first.runs)
        for name in "efg":
            run(other, name, "FAILED", 20)
        later = take(other, again.edge)
        assert {key: tally.number for key, tally in later.settled_runs.items()} == {("local", "SUCCESS"): 1, ("local", "FAILED"): 2}
        with other._database.write() as connection:
            connection.execute(delete(runs).where(runs.c.seq <= later.edge))
    with open_store(url) as third:
        whole = take(third)
        assert {key: tally.number for key, tally in whole.settled_runs.items()} == {("local", "SUCCESS"): 4, ("local", "FAILED"): 2}
        assert sum(tally.number for tally in whole.runs.values()) == 1
