"""What a run's log says of its steps: in words, and without the name that stands beside each line."""

from __future__ import annotations

import logging
from types import SimpleNamespace

from flows.engines.base import StepResult
from flows.run.ledger import RunBook
from flows.run.step import Outcome


class Deaf:
    """A store that takes everything."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return True


def test_a_step_tells_how_it_began_failed_and_ended(caplog):
    caplog.set_level(logging.INFO)
    book = RunBook(SimpleNamespace(store=Deaf(), run_id="r1"), logging.getLogger("penstock.run.r1"))
    step = SimpleNamespace(step_id="orders", ps_type="generic.extract", retry=SimpleNamespace(max_attempts=3))
    book.started(step, 1)
    book.retrying(step, Outcome("FAILED", error="the peer is busy"), 1, 20.0)
    book.started(step, 2)
    assert book.ended(step, Outcome("SUCCESS", StepResult(rows=200_000, notes=["sample data"])), 2).result()
    assert not book.ended(step, Outcome("CANCELLED"), 2).result()
    book.finish("SUCCESS")
    told = [record.getMessage() for record in caplog.records]
    assert told[:3] == ["started (generic.extract), try 1 of 3", "try 1 of 3 failed, the next begins in 20 s",
                        "started (generic.extract), try 2 of 3"]
    assert told[3].startswith("ended: succeeded, 200,000 rows, ")
    assert told[4:] == ["sample data", "run ended: succeeded"]
    assert {record.name for record in caplog.records[:5]} == {"penstock.run.r1.orders"}


def test_a_step_that_did_not_run_says_why(caplog):
    caplog.set_level(logging.INFO)
    book = RunBook(SimpleNamespace(store=Deaf(), run_id="r1"), logging.getLogger("penstock.run.r1"))
    book.ended(SimpleNamespace(step_id="load"), Outcome("SKIPPED", error="orders failed"), 0)
    assert [record.getMessage() for record in caplog.records] == ["ended: skipped, orders failed"]
