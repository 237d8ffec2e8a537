"""What one statement does to the next in the same session."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from flows.errors import Cancelled, StepTimeout
from flows.settings import Limits
from flows.warehouse.session import Session

ENDLESS = "SELECT count(*) FROM range(100000000000) a(i), range(10) b(j) WHERE hash(i + j) % 3 = 0"


@pytest.fixture
def session(tmp_path):
    made = Session([tmp_path], limits=Limits())
    yield made
    made.close()


def test_a_timeout_stops_its_own_statement_and_not_the_next(session):
    for _ in range(40):
        with pytest.raises(StepTimeout):
            session.rows(ENDLESS, seconds=0.01)
        assert session.rows("SELECT 1") == [(1,)]


def test_a_timeout_of_a_statement_that_has_just_ended_stops_nobody(session):
    for number in range(200):
        with suppress(StepTimeout):
            session.rows("SELECT count(*) FROM range(20000)", seconds=0.0005)
        assert session.rows(f"SELECT {number}") == [(number,)]


def test_cancel_stops_what_runs_and_not_what_comes_after(session):
    def cancel():
        while not session._active:  # a cancel that comes before the statement stops nothing
            time.sleep(0.001)
        session.cancel()

    for _ in range(20):
        stop = threading.Thread(target=cancel)
        stop.start()
        with pytest.raises(Cancelled):
            session.rows(ENDLESS)
        assert session.rows("SELECT 1") == [(1,)]
        stop.join()
