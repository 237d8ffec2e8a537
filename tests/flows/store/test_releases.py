"""What runs by itself: releases, what is still to be told to Prefect, and who may tell it; on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.errors import MissingError
from flows.store import NewRun, Store
from flows.store.deployments import Deployment, NewRelease

KEY = ("demo", "orders", "local")


def new(version: int = 1, **more: Any) -> NewRelease:
    return NewRelease(*KEY, version=version, schedules=[{"cron": "0 2 * * *"}], pool="penstock", author="ann", **more)


def told(store: Store, **more: Any) -> Deployment:
    """Prefect knows what there is."""
    given = store.deployments.claim(KEY, 60)
    assert given is not None
    store.deployments.told(given, "p-1", {"paused": given.paused, "params": given.values, "base": given.params, **more})
    return store.deployments.get(KEY)


def test_releases_count_on_and_are_never_changed(store: Store) -> None:
    store.deployments.release(new())
    store.deployments.release(new(2, params={"a": 1}))
    store.deployments.release(new(1, action="rollback"))
    store.deployments.remove(KEY, "bob")
    found = store.deployments.releases(KEY)
    assert [(r.release, r.version, r.action, r.author) for r in found] == [
        (4, 1, "delete", "bob"), (3, 1, "rollback", "ann"), (2, 2, "deploy", "ann"), (1, 1, "deploy", "ann")]
    assert [r.params for r in found] == [{}, {"a": 1}, {"a": 1}, {}]
    assert store.deployments.release(new(3)).release == 5


def test_a_release_keeps_what_was_paused_and_a_new_start_does_not(store: Store) -> None:
    store.deployments.release(new())
    store.deployments.pause(KEY, True)
    assert store.deployments.release(new(2)).paused is True
    store.deployments.remove(KEY, "ann")
    assert store.deployments.release(new(2)).paused is False


def test_what_is_not_there_is_missed_with_its_way_out(store: Store) -> None:
    store.deployments.release(new())
    store.deployments.remove(KEY, "ann")
    for missing in (KEY, ("other", "orders", "local")):
        for ask in (store.deployments.get, lambda key: store.deployments.pause(key, True), lambda key: store.deployments.remove(key, "")):
            with pytest.raises(MissingError, match="penstock deploy orders --env local"):
                ask(missing)
    assert store.deployments.list("demo") == store.deployments.list("other") == []


def test_of_many_who_would_tell_prefect_one_may(store: Store) -> None:
    store.deployments.release(new())
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(store.deployments.claim(KEY, 60) is not None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    assert store.deployments.due() == []


def test_a_hold_that_was_lost_ends_by_itself(store: Store) -> None:
    store.deployments.release(new())
    assert store.deployments.claim(KEY, -1) is not None
    assert [each.key for each in store.deployments.due()] == [KEY]
    assert store.deployments.claim(KEY, 60) is not None


def test_what_changes_while_prefect_is_told_is_told_after_it(store: Store) -> None:
    store.deployments.release(new())
    given = store.deployments.claim(KEY, 60)
    assert given is not None
    store.deployments.pause(KEY, True)
    store.deployments.told(given, "p-1", {"paused": False, "params": {}, "base": {}})
    after = store.deployments.get(KEY)
    assert (after.status, after.paused, after.prefect_id) == ("PENDING", True, "p-1")
    assert [each.key for each in store.deployments.due()] == [KEY]
    assert told(store).status == "LIVE"


def test_what_is_told_in_vain_waits_longer_each_time_and_is_said_to_have_failed(store: Store) -> None:
    store.deployments.release(new())
    waits, states = [], []
    for _ in range(10):
        given = store.deployments.claim(KEY, 60)
        assert given is not None
        waits.append(store.deployments.failed(given, "Prefect refuses it."))
        states.append(store.deployments.get(KEY).status)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert states == ["PENDING"] * 2 + ["FAILED"] * 8
    assert store.deployments.due() == []
    store.deployments.pause(KEY, True)  # somebody does something: it is tried at once
    assert [(each.status, each.error) for each in store.deployments.due()] == [("PENDING", "")]


def test_a_delete_holds_until_prefect_has_heard_of_it(store: Store) -> None:
    store.deployments.release(new())
    told(store)
    store.deployments.remove(KEY, "ann")
    given = store.deployments.claim(KEY, 60)
    assert given is not None
    assert given.status == "REMOVING"
    store.deployments.failed(given, "no answer")
    assert store.deployments.claim(KEY, -1) is not None
    store.deployments.gone(given)
    assert store.deployments.claim(KEY, 60) is None


def test_one_that_is_deployed_again_while_it_is_deleted_stays(store: Store) -> None:
    store.deployments.release(new())
    store.deployments.remove(KEY, "ann")
    given = store.deployments.claim(KEY, 60)
    assert given is not None
    store.deployments.release(new(2))
    store.deployments.gone(given)
    assert (store.deployments.get(KEY).version, store.deployments.get(KEY).prefect_id) == (2, "")
    assert told(store).status == "LIVE"


def test_a_switch_in_prefect_counts_unless_somebody_was_quicker_here(store: Store) -> None:
    store.deployments.release(new())
    given = told(store)
    assert store.deployments.adopt(given, True) is True
    assert (store.deployments.get(KEY).paused, store.deployments.get(KEY).status) == (True, "LIVE")
    store.deployments.pause(KEY, False)
    assert store.deployments.adopt(given, True) is False
    assert store.deployments.get(KEY).paused is False


def test_values_that_were_changed_in_prefect_hold_until_they_are_given_anew(store: Store) -> None:
    store.deployments.release(new(params={"c": "DE"}))
    assert told(store, params={"c": "CH"}).values == {"c": "CH"}
    assert store.deployments.release(new(2)).values == {"c": "CH"}
    assert store.deployments.release(new(2, params={"c": "DE"})).values == {"c": "DE"}


def test_the_newest_due_run_of_a_deployment_is_known(store: Store) -> None:
    store.deployments.release(new())
    due = datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert store.deployments.last_due(KEY).year == 1
    for pipeline, environment, moment in (("orders", "local", due), ("orders", "local", None), ("others", "local", due.replace(hour=3))):
        run = store.runs.submit(NewRun("demo", pipeline, {}, environment=environment, due_at=moment))
        store.runs.finish(run.run_id, "SUCCESS")
    assert store.deployments.last_due(KEY) == due


def test_what_could_not_be_queued_and_the_pool_are_noted(store: Store) -> None:
    store.deployments.release(new())
    told(store)
    store.deployments.refuse("p-1", datetime(2026, 11, 20, 2, tzinfo=UTC), "it has had its runs")
    store.deployments.note_pool("penstock", {"there": True, "paused": True})
    store.deployments.note_pool("other", {"there": False})
    found = store.deployments.of_prefect("p-1")
    assert found is not None
    assert found.refused == {"due": "2026-11-20T02:00:00+00:00", "why": "it has had its runs"}
    assert found.seen == {"there": True, "paused": True}
    assert store.deployments.of_prefect("") is None
