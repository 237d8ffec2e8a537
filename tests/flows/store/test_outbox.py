"""The outbox: told once, tried by one at a time, due again after a lost try, given up for good."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from flows.store import Message, NewMessage, NewRun, Store, open_store
from flows.store.database import Database

SLACK, MAIL = NewMessage("demo", "slack", "#data", "failure"), NewMessage("demo", "email", "ops@example.com", "always")


def ended(store: Store, pipeline: str = "p", status: str = "FAILED") -> str:
    run = store.runs.submit(NewRun("demo", pipeline, {"pipeline_id": pipeline}))
    assert store.runs.finish(run.run_id, status)
    return run.run_id


@pytest.fixture
def told(store: Store) -> str:
    run_id = ended(store)
    store.messages.tell({run_id: [SLACK, MAIL]})
    return run_id


def test_an_end_is_untold_until_its_messages_are_written(store: Store) -> None:
    first, second = ended(store), ended(store, "q", "SUCCESS")
    waiting = store.runs.submit(NewRun("demo", "open", {})).run_id
    assert store.messages.untold() == [first, second]
    assert store.messages.untold(limit=1) == [first]
    store.messages.tell({first: [SLACK], second: []})
    assert store.messages.untold() == []
    assert [store.messages.is_told(run_id) for run_id in (first, second, waiting)] == [True, True, False]
    store.messages.tell({waiting: [SLACK]})  # it has not ended: nothing is told
    assert store.messages.of(waiting) == []


def test_an_end_is_told_once_whoever_tells_it(store: Store, url: str) -> None:
    run_id = ended(store)

    def tell(_: int) -> None:
        with open_store(url) as other:
            other.messages.tell({run_id: [SLACK, MAIL]})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(8)))
    found = store.messages.of(run_id)
    assert [(m.message_id, m.channel, m.target, m.event, m.status, m.attempts) for m in found] == [
        (f"{run_id}.1", "slack", "#data", "failure", "WAITING", 0), (f"{run_id}.2", "email", "ops@example.com", "always", "WAITING", 0)]


def test_a_message_that_cannot_be_tried_has_failed(store: Store) -> None:
    run_id = ended(store)
    store.messages.tell({run_id: [NewMessage("demo", "slack", "data", "failure", error="no channel")]})
    assert [(m.status, m.error, m.attempts) for m in store.messages.of(run_id)] == [("FAILED", "no channel", 0)]
    assert store.messages.due() == []
    assert [m.run_id for m in store.messages.lost("demo", 24)] == [run_id]
    assert store.messages.lost("other", 24) == []


def test_of_many_runners_one_tries(store: Store, url: str, told: str) -> None:
    def claim(_: int) -> bool:
        with open_store(url) as other:
            return other.messages.claim(f"{told}.1", 60)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, range(8))) == 1
    assert [m.message_id for m in store.messages.due()] == [f"{told}.2"]


def test_a_try_that_was_lost_is_due_again_after_its_lease(store: Store, told: str) -> None:
    assert store.messages.claim(f"{told}.1", -1)
    assert [(m.message_id, m.attempts) for m in store.messages.due()] == [(f"{told}.1", 1), (f"{told}.2", 0)]
    assert store.messages.claim(f"{told}.1", 60)
    assert not store.messages.claim(f"{told}.1", 60)


def test_a_failed_try_waits_and_a_sent_message_never_moves(store: Store, told: str) -> None:
    first, second = f"{told}.1", f"{told}.2"
    for message in (first, second):
        assert store.messages.claim(message, 60)
    store.messages.failed(first, "busy", 3600)
    store.messages.sent(second)
    assert store.messages.due() == []
    store.messages.failed(first, "busy still", 0)
    store.messages.failed(second, "too late", None)
    assert [m.message_id for m in store.messages.due()] == [first]
    assert not store.messages.claim(second, 60)
    assert [(m.status, m.error) for m in store.messages.of(told)] == [("WAITING", "busy still"), ("SENT", "")]
    store.messages.failed(first, "gone", None)
    assert [(m.status, m.next_at, m.lease_until) for m in store.messages.of(told)] == [("FAILED", None, None), ("SENT", None, None)]


def test_each_target_gives_its_oldest_message_and_the_busy_ones_none(store: Store) -> None:
    runs = [ended(store, f"p{n}") for n in range(3)]
    for run_id in runs:
        store.messages.tell({run_id: [SLACK, MAIL]})
    names = [m.message_id for m in store.messages.due()]
    assert names == [f"{runs[0]}.1", f"{runs[0]}.2"]
    assert [m.message_id for m in store.messages.due(without=[("slack", "#data")])] == [f"{runs[0]}.2"]


def test_who_waits_for_a_message(store: Store, told: str) -> None:
    def hurry() -> bool:
        return store.messages.hurry(tries=3, seconds=3600, untried=3600)

    assert hurry()
    store.messages.sent(f"{told}.2")
    for tries in range(1, 4):
        assert hurry(), tries
        assert store.messages.claim(f"{told}.1", 60)
        store.messages.failed(f"{told}.1", "busy", 0)
    assert not hurry()
    assert not store.messages.hurry(tries=9, seconds=0, untried=0)


def test_a_store_of_before_tells_nothing_of_old_runs(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    from flows.store.migrate import FOLDER

    with open_store(url) as store:
        over, going = ended(store), store.runs.submit(NewRun("demo", "open", {})).run_id
    database, config = Database(url), Config()
    config.set_main_option("script_location", str(FOLDER))
    for move, to in ((command.downgrade, "0008"), (command.upgrade, "head")):
        with database.write() as connection:
            config.attributes["connection"] = connection
            move(config, to)
    with open_store(url) as store:
        assert store.messages.untold() == []
        assert [store.messages.is_told(run_id) for run_id in (over, going)] == [True, False]


def test_a_message_is_plain_data(store: Store, told: str) -> None:
    found = store.messages.of(told)[0]
    assert isinstance(found, Message)
    assert found.created_at.tzinfo is not None
