"""Questions about runs, answered in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from flows.service import Penstock
from flows.settings import Settings
from flows.store import NewRun
from flows.store.schema import runs

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DAY = datetime(2026, 11, 19, tzinfo=UTC)
PLAN = [("read", "", "generic.extract", 0), ("load", "", "generic.load", 1)]


@pytest.fixture
def door(settings: Settings) -> Iterator[Penstock]:
    with Penstock(settings=settings) as opened:
        yield opened


def put(door: Penstock, pipeline: str, status: str = "SUCCESS", *, at: datetime = DAY + timedelta(hours=2), error: str = "",
        done: int = 2, name: str = "") -> str:
    """A run of that state with two steps, `done` of which succeeded."""
    store = door.store
    run_id = store.runs.submit(NewRun("demo", pipeline, {"pipeline_id": pipeline, "name": name})).run_id
    if status != "PENDING":
        store.runs.claim("me", 60)
        store.runs.begin(run_id, "me")
        store.steps.plan(run_id, PLAN)
        for step_id, *_ in PLAN[:done]:
            store.steps.update(run_id, step_id, status="SUCCESS")
        if status == "FAILED":
            store.steps.update(run_id, PLAN[done][0], status="FAILED", error=error)
    if status not in ("PENDING", "RUNNING"):
        store.runs.finish(run_id, status, f"{PLAN[done][0]} failed: {error}" if done < 2 else "")
    with store._database.write() as connection:
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(
            created_at=at, started_at=None if status == "PENDING" else at, ended_at=None if status in ("PENDING", "RUNNING") else
            at + timedelta(seconds=92)))
    return run_id


def asked(pipeline: str | None = None, start: str | None = None, end: str | None = None, scope: str = "all") -> dict[str, Any]:
    return {"op": "status", "pipeline": pipeline, "start": start, "end": end, "params": {}, "scope": scope}


YESTERDAY = {"start": "2026-11-19", "end": "2026-11-19", "scope": "failed"}


def test_nothing_failed(door: Penstock) -> None:
    made = [put(door, f"p{n}") for n in range(4)]
    put(door, "p9", at=DAY - timedelta(minutes=1))
    put(door, "p8", "FAILED", at=DAY + timedelta(days=1), done=0, error="x")
    answer = door.status_answer(asked(**YESTERDAY), NOW)
    assert answer.words == "Nothing failed on 19 November 2026: 4 runs, all succeeded."
    assert [run.run_id for run in answer.runs] == made[::-1]


def test_what_failed_is_named_with_its_step_and_cause(door: Penstock) -> None:
    for n in range(5):
        put(door, f"p{n}")
    a = put(door, "daily-revenue", "FAILED", error="there is no table 'x'.  Give\none", done=1)
    b = put(door, "orders", "CRASHED", at=DAY + timedelta(hours=13, minutes=5))
    answer = door.status_answer(asked(**YESTERDAY), NOW)
    assert answer.words == ("2 of 7 runs failed on 19 November 2026: orders at 13:05 UTC; "
                            "daily-revenue at 02:00 UTC (load: there is no table 'x'. Give one).")
    assert [run.run_id for run in answer.runs] == [b, a]


def test_a_pipeline_goes_by_its_name(door: Penstock) -> None:
    run_id = put(door, "daily-revenue", "FAILED", error="no", done=1, name="Daily revenue")
    answer = door.status_answer(asked(**YESTERDAY), NOW)
    assert answer.words == "The one run on 19 November 2026 failed: Daily revenue at 02:00 UTC (load: no)."
    assert (answer.short, answer.causes) == ("The one run on 19 November 2026 failed.", {run_id: "load: no"})
    assert door.status_answer(asked("daily-revenue", "2026-11-01"), NOW).words == "No runs of Daily revenue on 1 November 2026."
    assert door.status_answer(asked("daily-revenue"), NOW).words.startswith("Daily revenue is not running. Its last run, ")


def test_many_failures_name_five_and_count_the_rest(door: Penstock) -> None:
    for n in range(8):
        put(door, f"p{n}", "FAILED", error="e" * 1000, done=0)
    answer = door.status_answer(asked(**YESTERDAY), NOW)
    assert answer.words.startswith("8 of 8 runs failed on 19 November 2026: p7 at 02:00 UTC (read: eee")
    assert answer.words.endswith("…); and 3 more.")
    assert len(answer.words) < 1200
    assert len(answer.runs) == 8


def test_no_runs_and_one_run(door: Penstock) -> None:
    assert door.status_answer(asked(**YESTERDAY), NOW).words == "No runs on 19 November 2026."
    assert door.status_answer(asked("orders", **YESTERDAY), NOW).words == "No runs of orders on 19 November 2026."
    put(door, "orders", "FAILED", error="no", done=0)
    assert door.status_answer(asked("orders", **YESTERDAY), NOW).words == \
        "The one run of orders on 19 November 2026 failed: orders at 02:00 UTC (read: no)."


def test_several_days_name_the_day_of_each(door: Penstock) -> None:
    put(door, "orders", "FAILED", error="no", done=0)
    put(door, "orders", at=DAY - timedelta(days=3))
    answer = door.status_answer(asked(None, "2026-11-13", "2026-11-19"), NOW)
    assert answer.words == "1 of 2 runs failed from 13 to 19 November 2026: orders on 19 November 2026 at 02:00 UTC (read: no)."
    assert len(answer.runs) == 2


def test_a_mixed_day_is_counted(door: Penstock) -> None:
    put(door, "a")
    put(door, "b", "CANCELLED")
    answer = door.status_answer(asked(None, "2026-11-19", "2026-11-19"), NOW)
    assert answer.words == "On 19 November 2026: 2 runs: 1 succeeded, 1 stopped."
    assert door.status_answer(asked(**YESTERDAY), NOW).words == "Nothing failed on 19 November 2026: 2 runs: 1 succeeded, 1 stopped."


def test_a_pipeline_that_runs_says_how_far(door: Penstock) -> None:
    run_id = put(door, "daily-revenue", "RUNNING", done=1)
    answer = door.status_answer(asked("daily-revenue"), NOW)
    assert answer.words == f"daily-revenue is running as {run_id}, 1 of 2 steps done."
    assert [run.run_id for run in answer.runs] == [run_id]


def test_a_pipeline_that_waits_says_why(door: Penstock) -> None:
    run_id = put(door, "daily-revenue", "PENDING")
    assert door.status_answer(asked("daily-revenue"), NOW).words == \
        f"daily-revenue is queued as {run_id}. No runner is up. Start one with `penstock up`."


def test_a_pipeline_that_is_at_rest_tells_its_last_run(door: Penstock) -> None:
    assert door.status_answer(asked("orders"), NOW).words == "orders has not run yet."
    run_id = put(door, "orders", at=NOW - timedelta(minutes=12, seconds=92))
    assert door.status_answer(asked("orders"), NOW).words == \
        f"orders is not running. Its last run, {run_id}, succeeded 12 min ago in 1 min 32 s."
    run_id = put(door, "orders", "FAILED", at=NOW - timedelta(minutes=12, seconds=92), error="no", done=1)
    assert door.status_answer(asked("orders"), NOW).words == f"orders is not running. Its last run, {run_id}, failed 12 min ago (load: no)."


def test_nothing_is_running(door: Penstock) -> None:
    assert door.status_answer(asked(), NOW).words == "Nothing is running. No runs in the last 24 hours."
    put(door, "orders", at=NOW - timedelta(hours=1))
    assert door.status_answer(asked(), NOW).words == "Nothing is running. In the last 24 hours: 1 run, succeeded."


def test_a_day_of_a_backfill_says_which(door: Penstock) -> None:
    spec = {"pipeline_id": "w", "steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 1}}]}
    fill = door.backfill(spec, ["2025-11-01", "2025-11-02", "2025-11-03"])
    run_id = door.store.backfills.advance(fill.backfill_id)
    assert f"w is queued as {run_id} (day 1 of 3)." in door.status_answer(asked("w"), NOW).words
