"""Many words in one transaction: in order, each with its own error, all of them written when it is closed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from flows.errors import MissingError, TransientError
from flows.run.scribe import Scribe
from flows.store import NewRun, Run, Store, open_store

STEPS = 200


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'control.sqlite'}" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> Run:
    made = store.runs.submit(NewRun("demo", "p", {}), owner="me", lease_seconds=60)
    store.steps.plan(made.run_id, [(f"s{n}", "", "generic.wait", n) for n in range(STEPS)])
    return store.runs.begin(made.run_id, "me")


@pytest.fixture
def scribe(store: Store, run: Run):
    made = Scribe(partial(store.steps.update_all, run.run_id))
    yield made
    made.close()


class Gate:
    """A store whose first transaction waits until it is let through; it remembers what each one held."""

    def __init__(self) -> None:
        self.began, self.go, self.seen = threading.Event(), threading.Event(), []  # type: ignore[var-annotated]

    def __call__(self, changes: Any) -> bool:
        self.began.set()
        assert self.go.wait(30)
        self.seen.append({step: dict(fields) for step, fields in changes.items()})
        return True


def test_many_threads_write_and_all_is_there_when_it_is_closed(store: Store, run: Run, scribe: Scribe) -> None:
    now = datetime.now(UTC)

    def work(number: int) -> None:
        scribe.put(f"s{number}", status="RUNNING", attempts=1, started_at=now)
        scribe.put(f"s{number}", result={"progress": number})
        scribe.put(f"s{number}", status="SUCCESS", ended_at=now, rows_processed=number, result={"n": number})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(STEPS)))
    scribe.close()
    rows = store.steps.of(run.run_id)
    assert {(row.status, row.attempts, row.started_at, row.ended_at) for row in rows} == {("SUCCESS", 1, now, now)}
    assert [(row.rows_processed, row.result) for row in rows] == [(n, {"n": n}) for n in range(STEPS)]


def test_it_is_durable_when_the_future_ends(store: Store, run: Run, scribe: Scribe) -> None:
    for status in ("RUNNING", "RETRYING", "RUNNING", "FAILED"):
        assert scribe.put("s7", status=status).result(30) is True
        assert store.steps.of(run.run_id)[7].status == status


def test_one_that_is_wrong_takes_no_other_with_it(store: Store, run: Run, scribe: Scribe) -> None:
    words = {"good": scribe.put("s1", status="RUNNING"), "unknown": scribe.put("nothing", status="RUNNING"),
             "no zone": scribe.put("s2", started_at=datetime(2025, 11, 15)), "same step": scribe.put("s2", status="RUNNING"),
             "last": scribe.put("s3", status="SUCCESS")}
    assert [words[name].result(30) for name in ("good", "same step", "last")] == [True] * 3
    with pytest.raises(MissingError, match="has no step 'nothing'"):
        words["unknown"].result(30)
    with pytest.raises(Exception, match="has no time zone"):
        words["no zone"].result(30)
    assert [row.status for row in store.steps.of(run.run_id)[1:4]] == ["RUNNING", "RUNNING", "SUCCESS"]


def test_what_comes_after_the_run_has_ended_changes_nothing(store: Store, run: Run, scribe: Scribe) -> None:
    store.runs.finish(run.run_id, "CANCELLED", owner="me")
    before = store.steps.of(run.run_id)
    assert scribe.put("s0", status="SUCCESS").result(30) is False
    with pytest.raises(MissingError):
        scribe.put("nothing", status="SUCCESS").result(30)
    scribe.close()
    assert scribe.put("s1", status="SUCCESS").result(30) is False
    assert store.steps.of(run.run_id) == before


def test_what_gathers_meanwhile_is_one_transaction_in_its_order() -> None:
    store = Gate()
    scribe = Scribe(store)
    first = scribe.put("a", status="RUNNING")
    assert store.began.wait(30)
    later = [scribe.put("a", status="SUCCESS", error=""), scribe.put("b", status="RUNNING"), scribe.put("b", status="FAILED")]
    assert not first.done()
    store.go.set()
    scribe.close()
    assert all(word.done() and word.result() for word in [first, *later])
    assert store.seen == [{"a": {"status": "RUNNING"}}, {"a": {"status": "SUCCESS", "error": ""}, "b": {"status": "FAILED"}}]


@pytest.mark.parametrize("error", [TransientError("the control store is busy"), RuntimeError("nobody has foreseen this")])
def test_a_store_that_is_away_is_heard_by_all_and_asked_again(error: Exception) -> None:
    calls: list[int] = []

    def write(changes: Any) -> bool:
        calls.append(len(changes))
        if len(calls) == 1:
            raise error
        return True

    scribe = Scribe(write)
    lost = scribe.put("a", status="RUNNING")
    with pytest.raises(type(error), match=str(error)):
        lost.result(30)
    assert scribe.put("a", status="SUCCESS").result(30) is True
    scribe.close()
    assert calls == [1, 1]


def test_who_stops_waiting_takes_nothing_back() -> None:
    store = Gate()
    scribe = Scribe(store)
    word = scribe.put("a", status="RUNNING")
    assert word.cancel() is False
    store.go.set()
    scribe.close()
    assert word.result() is True
