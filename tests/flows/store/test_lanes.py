"""Days of a backfill side by side: as many as were asked for, each once, and nothing else of the pipeline beside them."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import DuplicateRun, InputError
from flows.store import Backfill, NewBackfill, NewRun, Store

SPEC = {"pipeline_id": "orders", "name": "Orders", "steps": []}


def asked(days: int, at_once: int, **fields: Any) -> NewBackfill:
    return NewBackfill("demo", "orders", SPEC, [{"run_date": f"2025-11-{n + 1:02}", "params": {}} for n in range(days)], at_once=at_once,
                       **fields)


def started(store: Store, fill: Backfill) -> list[str]:
    """Begin all that may begin."""
    found: list[str] = []
    while run_id := store.backfills.advance(fill.backfill_id):
        found.append(run_id)
    return found


def dates(store: Store, run_ids: list[str]) -> list[str]:
    return [store.runs.get("demo", run_id).run_date[-2:] for run_id in run_ids]


def ended(store: Store, fill: Backfill) -> tuple[str, int, str]:
    assert store.backfills.advance(fill.backfill_id) == ""
    found = store.backfills.get("demo", fill.backfill_id)
    return found.status, found.position, found.error


def test_so_many_days_are_at_work_and_they_begin_in_order(store: Store) -> None:
    fill = store.backfills.submit(asked(5, 3))
    first = started(store, fill)
    assert dates(store, first) == ["01", "02", "03"]
    assert store.backfills.due() == []
    store.runs.finish(first[1], "SUCCESS")  # the second day is done before the first
    assert store.backfills.due() == [fill.backfill_id]
    more = started(store, fill)
    assert dates(store, more) == ["04"]
    assert store.backfills.get("demo", fill.backfill_id).position == 0
    assert [(day.day, day.status) for day in store.backfills.days(fill)] == [
        (1, "PENDING"), (2, "SUCCESS"), (3, "PENDING"), (4, "PENDING")]
    for run_id in (first[0], first[2], *more):
        store.runs.finish(run_id, "SUCCESS")
    last = started(store, fill)
    assert dates(store, last) == ["05"]
    assert store.backfills.get("demo", fill.backfill_id).position == 4
    store.runs.finish(last[0], "SUCCESS")
    assert ended(store, fill) == ("DONE", 5, "")


def test_another_start_is_refused_while_any_day_is_open_and_no_day_begins_beside_it(store: Store) -> None:
    fill = store.backfills.submit(asked(4, 3))
    first = started(store, fill)
    with pytest.raises(DuplicateRun) as refused:
        store.runs.submit(NewRun("demo", "orders", SPEC))
    assert refused.value.run_id == first[0]
    store.runs.finish(first[0], "SUCCESS")  # its lane is free, the pipeline is not
    with pytest.raises(DuplicateRun, match=first[1]):
        store.runs.submit(NewRun("demo", "orders", SPEC))
    for run_id in first[1:]:
        store.runs.finish(run_id, "SUCCESS")
    other = store.runs.submit(NewRun("demo", "orders", SPEC))
    assert store.backfills.due() == []
    assert started(store, fill) == []
    store.runs.finish(other.run_id, "SUCCESS")
    assert dates(store, started(store, fill)) == ["04"]


def test_a_failed_day_lets_those_at_work_end_and_no_new_ones_begin(store: Store) -> None:
    fill = store.backfills.submit(asked(6, 3))
    one, two, three = started(store, fill)
    store.runs.finish(two, "FAILED", "load failed: no such table")
    assert started(store, fill) == []
    assert store.backfills.get("demo", fill.backfill_id).status == "RUNNING"
    store.runs.finish(three, "FAILED", "load failed: still none")
    store.runs.finish(one, "SUCCESS")
    assert ended(store, fill) == ("FAILED", 1, "2 of 6 days failed (2 to 3 November 2025), the first of them: load failed: no such table")
    store.backfills.go_on("demo", fill.backfill_id)
    again = started(store, fill)
    runs = [store.runs.get("demo", run_id) for run_id in again]
    assert [(run.run_date[-2:], run.resume_of) for run in runs] == [("02", two), ("03", three), ("04", "")]
    for run_id in again:
        store.runs.finish(run_id, "SUCCESS")
    for run_id in started(store, fill):
        store.runs.finish(run_id, "SUCCESS")
    assert ended(store, fill) == ("DONE", 6, "")
    tries = [run.run_date[-2:] for run in store.runs.find("demo", backfill_id=fill.backfill_id)][::-1]
    assert tries == ["01", "02", "03", "02", "03", "04", "05", "06"]  # a day that was done is not run twice


def test_stopping_reaches_all_of_them_and_going_on_takes_them_all_up(store: Store) -> None:
    fill = store.backfills.submit(asked(4, 2))
    one, two = started(store, fill)
    store.runs.claim("me", 60)
    store.backfills.stop("demo", fill.backfill_id)
    assert store.runs.cancel_asked(one)
    assert store.runs.get("demo", two).status == "CANCELLED"
    store.backfills.go_on("demo", fill.backfill_id)
    back = started(store, fill)  # the first day is still being stopped: its place is taken
    assert dates(store, back) == ["02"]
    store.runs.finish(one, "CANCELLED")
    more = started(store, fill)
    assert [(store.runs.get("demo", r).run_date[-2:], store.runs.get("demo", r).resume_of) for r in more] == [("01", one)]


def test_a_day_that_is_lost_with_its_process_is_run_again_beside_the_others(store: Store) -> None:
    fill = store.backfills.submit(asked(3, 2))
    one, two = started(store, fill)
    store.runs.finish(one, "CRASHED", "its process ended (SIGKILL)")
    store.backfills.interrupted(two)
    store.runs.ask_cancel("demo", two)
    again = started(store, fill)
    assert [(store.runs.get("demo", r).run_date[-2:], store.runs.get("demo", r).resume_of) for r in again] == [("01", one), ("02", two)]


@pytest.mark.parametrize("wrong", [0, -1, 17])
def test_how_many_at_once_has_bounds(store: Store, wrong: int) -> None:
    with pytest.raises(InputError, match=f"at_once: {wrong} days cannot run at once. Give 1 to 16"):
        store.backfills.submit(asked(3, wrong))


FILLER = """
import sys
from flows.store import open_store
store, fill = open_store(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
while not store.backfills.get("demo", fill).ended:
    store.backfills.advance(fill)
    run = store.runs.claim("filler", 60)
    if run is not None:
        beside = [each for each in store.runs.open() if each.pipeline_id == "orders"]
        strangers = [each.run_id for each in beside if each.backfill_id != run.backfill_id]
        print(len(beside) if not strangers else f"beside {strangers}", flush=True)
        store.runs.finish(run.run_id, "SUCCESS")
print("done", flush=True)
"""
STARTER = """
import sys
from flows.errors import DuplicateRun
from flows.store import NewRun, open_store
store, fill = open_store(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
while not store.backfills.get("demo", fill).ended:
    try:
        run = store.runs.submit(NewRun("demo", "orders", {"steps": []}), owner="starter", lease_seconds=60)
    except DuplicateRun as refused:
        print("refused" if refused.run_id else "refused by nobody", flush=True)
        continue
    beside = [each.run_id for each in store.runs.open() if each.pipeline_id == "orders" and each.run_id != run.run_id]
    print(f"beside {beside}" if beside else "alone", flush=True)
    store.runs.finish(run.run_id, "SUCCESS")
print("done", flush=True)
"""


@pytest.mark.timeout(120)
def test_two_that_fill_and_two_that_start_never_stand_beside_each_other(store: Store, url: str, child: Any) -> None:
    fill = store.backfills.submit(asked(28, 4))
    rivals = [child(code, url, fill.backfill_id) for code in (FILLER, FILLER, STARTER, STARTER)]
    assert {rival.hear() for rival in rivals} == {"ready"}
    for rival in rivals:
        rival.tell("go")
    said = [line for rival in rivals for line in iter(rival.hear, "done")]
    assert not [line for line in said if line.startswith("beside") or line == "refused by nobody"]
    assert max(int(line) for line in said if line.isdigit()) <= 4
    assert "refused" in said
    assert store.backfills.get("demo", fill.backfill_id).status == "DONE"
    runs = store.runs.find("demo", backfill_id=fill.backfill_id, limit=100)
    assert sorted(run.run_date for run in runs) == [str(day) for day in fill.dates]  # each once
