"""Runs, logs, counts and backfills as the service hands them out; and the service under many threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from flows.errors import DuplicateBackfill, DuplicateRun, InputError, LimitError, MissingError, SpecError
from flows.run.job import log_file
from flows.service import Penstock
from flows.settings import Settings


def wait(pipeline: str = "w", **more: Any) -> dict[str, Any]:
    return {"pipeline_id": pipeline, "steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 1}}], **more}


@pytest.fixture
def door(settings: Settings) -> Iterator[Penstock]:
    with Penstock(settings=settings) as opened:
        yield opened


def test_runs_are_found_by_what_a_person_types(door: Penstock) -> None:
    run = door.submit(wait(name="Daily revenue"))
    other = door.submit(wait("orders"))
    assert [r.run_id for r in door.find_runs()] == [other.run_id, run.run_id]
    assert [r.run_id for r in door.find_runs(text="  revenue ")] == [run.run_id]
    assert [r.run_id for r in door.find_runs(status=["PENDING"], pipeline_id="orders")] == [other.run_id]
    assert [r.run_id for r in door.find_runs(before=other.run_id)] == [run.run_id]
    assert door.find_runs(since=date(2999, 1, 1)) == []
    assert len(door.find_runs(until=date(2999, 1, 1), limit=0)) == 1
    assert door.find_runs(before=run.run_id) == []
    assert door.stats().total == 2


def test_a_filter_that_is_none_is_said(door: Penstock) -> None:
    with pytest.raises(InputError, match=r"a run has no state 'failed'\. Use PENDING, RUNNING"):
        door.find_runs(status=["failed"])
    with pytest.raises(InputError, match="since: the time has no zone"):
        door.find_runs(since=datetime(2025, 11, 15))
    with pytest.raises(MissingError, match="there is no run 'run-x'"):
        door.find_runs(before="run-x")


def test_a_log_is_its_tenants_own(door: Penstock) -> None:
    run = door.submit(wait())
    assert door.logs(run.run_id) == []
    place = log_file(door.settings, run.run_id)
    place.parent.mkdir(parents=True)
    place.write_text("2025-11-15T02:00:00.000Z INFO - begins\n2025-11-15T02:00:00.000Z INFO a works\n")
    assert [line.text for line in door.logs(run.run_id)] == ["begins", "works"]
    assert [line.text for line in door.logs(run.run_id, step="a", limit=5)] == ["works"]
    assert [line.text for line in door.logs(run.run_id, limit=1)] == ["works"]
    with Penstock(home=door.settings.home, tenant="other") as other:
        for name in (run.run_id, f"../demo/{run.run_id}", "../../../etc/passwd"):
            with pytest.raises(MissingError, match="there is no run"):
                other.logs(name)


# ---- backfills

def test_a_backfill_fixes_spec_and_values_when_it_is_asked_for(door: Penstock) -> None:
    spec = wait(parameters=[{"name": "day", "type": "date", "default": "{run_date}"}, {"name": "n", "type": "integer", "default": "1"}])
    fill = door.backfill(spec, [date(2025, 11, 2), "2025-11-01", date(2025, 11, 2)], params={"n": "7"}, trigger_by="ann")
    assert [(day["run_date"], day["params"]) for day in fill.days] == [("2025-11-02", {"day": "2025-11-02", "n": 7}),
                                                                       ("2025-11-01", {"day": "2025-11-01", "n": 7})]
    assert (fill.version, fill.trigger_by, fill.params) == (1, "ann", {"n": "7"})
    seen = door.backfill_view(fill.backfill_id)
    assert (seen.done, seen.total, seen.state, seen.current, seen.failed_day) == (0, 2, "RUNNING", None, None)
    assert [each.backfill.backfill_id for each in door.backfills(pipeline_id="w", status="RUNNING")] == [fill.backfill_id]
    with pytest.raises(DuplicateBackfill, match=fill.backfill_id):
        door.backfill("w", ["2025-11-01"])
    with Penstock(home=door.settings.home, tenant="other") as other, pytest.raises(MissingError):
        other.backfill_view(fill.backfill_id)


def test_a_stored_pipeline_is_backfilled_by_its_id_and_one_date_will_do(door: Penstock) -> None:
    door.cancel(door.submit(wait()).run_id)
    fill = door.backfill("w", ["2025-11-01"])
    run = door.store.runs.get("demo", door.store.backfills.advance(fill.backfill_id))
    assert (run.run_date, door.view(run.run_id).as_dict()["backfill"]) == (
        "2025-11-01", {"backfill_id": fill.backfill_id, "day": 1, "days": 1})
    assert door.backfill_view(fill.backfill_id).current == run
    door.store.runs.finish(run.run_id, "SUCCESS")
    assert door.backfill_view(fill.backfill_id).done == 1
    door.store.backfills.advance(fill.backfill_id)
    assert door.backfill_view(fill.backfill_id).words == "The one day of it is done."


def test_how_far_a_backfill_is_in_words(door: Penstock) -> None:
    fill = door.backfill(wait(), [f"2025-11-0{n}" for n in (1, 2, 3)])
    door.store.runners.beat("r", {"ready": True, "most": 2})
    first = door.store.backfills.advance(fill.backfill_id)
    assert door.backfill_view(fill.backfill_id).words == "Day 1 of 3, 1 November 2025 is being run."
    door.store.runs.finish(first, "SUCCESS")
    door.store.runs.finish(door.store.backfills.advance(fill.backfill_id), "FAILED", "a failed: no.")
    door.store.backfills.advance(fill.backfill_id)
    seen = door.backfill_view(fill.backfill_id)
    assert seen.words == "Day 2 of 3 (2 November 2025) failed: a failed: no. 1 day is done before it."
    assert (seen.state, seen.done, seen.failed_day) == ("FAILED", 1, date(2025, 11, 2))
    door.go_on(fill.backfill_id)
    door.store.backfills.advance(fill.backfill_id)
    door.stop_backfill(fill.backfill_id)
    assert door.backfill_view(fill.backfill_id).words == "Stopped after 1 of 3 days."


@pytest.mark.parametrize(("dates", "error", "said"), [
    ([], InputError, "a backfill needs at least one date"),
    (["yesterday"], InputError, "'yesterday' is not a date. Write it as 2025-11-15"),
    ([date.fromordinal(730_000 + n) for n in range(1001)], LimitError, "at most 1,000 days, not 1,001"),
])
def test_dates_that_will_not_do_are_said(door: Penstock, dates: list[Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        door.backfill(wait(), dates)


def test_what_cannot_run_is_not_backfilled(door: Penstock) -> None:
    with pytest.raises(SpecError):
        door.backfill({"pipeline_id": "w", "steps": [{"step_id": "a", "ps_type": "generic.nothing"}]}, ["2025-11-01"])
    with pytest.raises(InputError, match="the days would be runs of several pipelines: w-2025-11-01, w-2025-11-02"):
        door.backfill(wait("w-{run_date}"), ["2025-11-01", "2025-11-02"])
    assert door.backfills() == []


# ---- many at once

def one_of(door: Penstock) -> str:
    """Start a pipeline that all threads want to start; gives the id of the run that won."""
    try:
        return door.submit(wait("all")).run_id
    except DuplicateRun as refused:
        return refused.run_id


@pytest.mark.timeout(120)
def test_one_instance_serves_eight_threads(settings: Settings) -> None:
    """Each thread submits, finds, views, reads logs and cancels, from the opening of the store on; nobody gets another's answer."""
    with Penstock(settings=settings) as door:
        begin, errors, stores = threading.Barrier(8), [], set()

        def work(number: int) -> None:
            try:
                begin.wait()
                stores.add(id(door.store))
                for turn in range(6):
                    name = f"p{number}-{turn}"
                    run = door.submit(wait(name))
                    assert [r.run_id for r in door.find_runs(text=name)] == [run.run_id]
                    assert door.view(run.run_id).run.pipeline_id == name
                    assert door.logs(run.run_id) == []
                    assert door.health()["runner"] is False
                    assert door.view(one_of(door)).run.pipeline_id == "all"
                    assert door.cancel(run.run_id).status == "CANCELLED"
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(stores) == 1
        assert door.stats().stopped == 48
        assert len(door.find_runs(status=["PENDING"])) == 1
