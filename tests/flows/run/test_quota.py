"""A run in production takes bytes of its tenant's day before it bills them, and two side by side never get the same ones."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import LimitError
from flows.insight.catalog import Catalog
from flows.run.job import Job, make_job
from flows.spec.loader import from_data
from flows.store import NewRun

SPEC = {"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "generic.sql", "config": {"query": "SELECT 1 AS n"}}]}


def begun(settings: Any, store: Any, name: str, *, environment: str = "production", **more: Any) -> Job:
    spec = {**SPEC, "pipeline_id": name, **more}
    run = store.runs.submit(NewRun("demo", name, spec, environment=environment), owner=name, lease_seconds=600)
    store.runs.begin(run.run_id, name)
    return again(settings, store, run)


def again(settings: Any, store: Any, run: Any) -> Job:
    return make_job(from_data(run.spec), settings=settings, store=store, catalog=Catalog(), run=run)


def billed(store: Any, job: Job, count: int) -> None:
    store.steps.plan(job.run_id, [("a", "a", "generic.sql", 0)])
    store.steps.update(job.run_id, "a", status="SUCCESS", result={"spent": {"bytes": count}})


def test_two_runs_that_both_saw_the_same_bytes_left_do_not_both_get_them(settings, store):
    store.limits.set("demo", {"bytes_per_day": 1000})
    one, two = begun(settings, store, "one"), begun(settings, store, "two")
    assert (one.allowance.left, two.allowance.left) == (1000, 1000)
    one.allowance.take(600)
    with pytest.raises(LimitError, match="the run needs 600 bytes of BigQuery, 400 of the 1,000"):
        two.allowance.take(600)
    assert two.allowance.left == 1000  # what was refused is not taken
    two.allowance.take(400)
    one.allowance.settle(600, 100)
    billed(store, one, 100)
    with pytest.raises(LimitError):
        two.allowance.take(1)  # one is at work still and may use what it has
    store.runs.finish(one.run_id, "SUCCESS")
    two.allowance.take(500)
    assert store.limits.used("demo")["bytes_today"] == 1000


def test_an_estimate_is_reserved_before_the_first_step_and_statements_within_it_ask_nobody(settings, store):
    store.limits.set("demo", {"bytes_per_day": 1000})
    one, two = begun(settings, store, "one"), begun(settings, store, "two")
    one.reserve(700)
    with pytest.raises(LimitError):
        two.reserve(301)
    one.allowance.take(700)
    assert store.limits.used("demo")["bytes_today"] == 700


def test_a_second_try_has_only_what_the_first_one_left(settings, store):
    store.limits.set("demo", {"bytes_per_day": 1000})
    first = begun(settings, store, "one")
    first.allowance.take(300)
    billed(store, first, 300)
    store.runs.release(first.run_id, error="its runner was lost")
    second = again(settings, store, store.runs.claim("next", 600))
    assert second.allowance.left == 700
    second.allowance.take(700)
    assert store.limits.used("demo")["bytes_today"] == 1000


def test_a_budget_holds_also_where_the_tenant_has_more_and_a_local_run_reserves_nothing(settings, store):
    store.limits.set("demo", {"bytes_per_day": 1000})
    frugal = begun(settings, store, "frugal", budget={"bytes_per_run": 50})
    with pytest.raises(LimitError, match="50 of the run's 50 are left"):
        frugal.allowance.take(51)
    local = begun(settings, store, "local", environment="local")
    local.reserve(10**9)
    assert local.allowance is None
    assert store.limits.used("demo")["bytes_today"] == 0
