"""One step: errors become states, deadlines and cancels stop the work, retries follow the spec."""

import logging
import threading

import pytest

from flows.engines.base import Cancel
from flows.run import gate, step
from flows.run.job import Job
from flows.run.plan import make_plan
from flows.spec.model import Retry
from flows.warehouse.base import Relation, Spent


class Warehouse:
    """A session that remembers what was done with it."""

    def __init__(self):
        self.bound, self.cancelled, self.closed = [], threading.Event(), False

    def bind(self, relation):
        self.bound.append(relation.name)

    def refresh(self):
        pass

    def cancel(self, job_key=""):
        self.cancelled.set()

    def spent(self):
        return Spent(bytes=7, estimated=5, jobs=("j1",))

    def close(self):
        self.closed = True


@pytest.fixture
def go(fake_engines, spec_of, settings, catalog, monkeypatch, tmp_path):
    """Run one fake step; gives its outcome, and the session in `go.warehouse`."""
    def go(cancel=None, inputs=None, **config):
        spec = spec_of({"step_id": "a", **config})
        job = Job(settings=settings, store=None, catalog=catalog, spec=spec, run_id="r1", run_date=None)
        go.warehouse = Warehouse()
        monkeypatch.setattr(Job, "open_warehouse", lambda self, step_id, tries: go.warehouse)
        return step.attempt(make_plan(spec, catalog=catalog).step("a"), job, inputs or {}, cancel or Cancel(), logging.getLogger("t"))
    return go


def test_a_step_that_works_gives_its_result_and_closes_its_session(go):
    outcome = go(inputs={"b": Relation("b", ())})
    assert (outcome.status, outcome.result.rows, outcome.result.outputs) == ("SUCCESS", 1, {"seen": ["b"]})
    assert go.warehouse.bound == ["b"]
    assert go.warehouse.closed
    assert outcome.as_dict()["spent"] == {"bytes": 7, "estimated": 5, "jobs": ["j1"]}


@pytest.mark.parametrize("error", ["data", "transient", "config", "strange", "timeout", "exit"])
def test_whatever_an_engine_raises_becomes_a_failed_step(go, error):
    outcome = go(error=error)
    assert outcome.status == gate.FAILED
    assert outcome.error
    assert go.warehouse.closed
    assert outcome.spent.bytes == 7  # what failed is billed, too


def test_an_unexpected_error_is_named_scrubbed_and_found_in_the_log(go, caplog):
    outcome = go(error="strange")
    assert "KeyError" in outcome.error
    assert "hunter22" not in outcome.error
    assert outcome.code in outcome.error
    assert outcome.code in caplog.text
    assert "Traceback" in caplog.text


def test_a_password_in_an_address_never_stays(go):
    outcome = go(error="url")
    assert outcome.error == "cannot read postgres://***@db/x"


def test_a_deadline_stops_the_work_and_counts_as_a_timeout(go):
    outcome = go(seconds=30, timeout_seconds=0.05)
    assert outcome.status == gate.TIMED_OUT
    assert "0.05 s" in outcome.error
    assert outcome.transient
    assert {"TimeoutError", "TransientError"} <= outcome.kinds


def test_a_deadline_stops_a_statement_that_does_not_look_at_the_switch(go):
    outcome = go(error="statement", timeout_seconds=0.05)
    assert outcome.status == gate.TIMED_OUT
    assert go.warehouse.cancelled.wait(5)  # the timer calls the handle from its own thread


def test_a_cancel_stops_the_work(go):
    cancel = Cancel()
    threading.Timer(0.05, cancel.set, ["stopped by a person"]).start()
    outcome = go(cancel, seconds=30)
    assert (outcome.status, outcome.error) == (gate.CANCELLED, "stopped by a person")


def test_a_step_does_not_start_after_the_cancel(go, tried):
    cancel = Cancel()
    cancel.set("too late")
    assert go(cancel).status == gate.CANCELLED
    assert tried == []


@pytest.mark.parametrize(("error", "retry_on", "again"), [
    ("transient", None, True), ("data", None, False), ("strange", None, False), ("config", None, False),
    ("timeout", ["TimeoutError"], True), ("timeout", None, False), ("transient", ["TimeoutError"], False),
    ("transient", ["TransientError"], True), ("data", ["DataError"], True), ("strange", ["LookupError"], True),
    ("config", ["InputError"], False), ("config", ["PenstockError"], False),
])
def test_what_is_tried_again(go, error, retry_on, again):
    outcome = go(error=error)
    assert step.again(outcome, Retry(max_attempts=3, retry_on=retry_on), 1) is again
    assert step.again(outcome, Retry(max_attempts=3, retry_on=retry_on), 3) is False


def test_a_step_that_timed_out_is_tried_again(go):
    outcome = go(seconds=30, timeout_seconds=0.05)
    assert step.again(outcome, Retry(max_attempts=2), 1)
    assert step.again(outcome, Retry(max_attempts=2, retry_on=["TimeoutError"]), 1)


def test_success_and_cancel_are_never_tried_again():
    assert not step.again(step.Outcome(gate.SUCCESS), Retry(max_attempts=9), 1)
    assert not step.again(step.Outcome(gate.CANCELLED, transient=True, kinds=frozenset({"X"})), Retry(max_attempts=9), 1)


def test_waits_grow_and_are_capped_and_jittered():
    retry = Retry(max_attempts=9, backoff_seconds=10, backoff_multiplier=2, max_backoff_seconds=60)
    middle = lambda low, high: (low + high) / 2  # noqa: E731
    assert [step.pause(retry, n, middle) for n in (1, 2, 3, 4)] == [10, 20, 40, 60]
    seen = {step.pause(retry, 1) for _ in range(50)}
    assert len(seen) > 1
    assert all(9 <= s <= 11 for s in seen)
    assert all(step.pause(retry, 100) <= 60 for _ in range(50))
