"""A long step says how far it is; a step that only moves rows works in little memory."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.errors import Cancelled
from flows.run.job import Job
from flows.run.progress import telling
from flows.settings import Settings
from flows.spec.loader import from_data
from flows.warehouse.session import Session

STEPS = [
    {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "mart.a"}},
    {"step_id": "ask", "ps_type": "generic.extract", "source": {"query": "SELECT 1 AS a"}},
    {"step_id": "think", "ps_type": "generic.sql", "config": {"inputs": ["read"], "query": "SELECT * FROM read"}},
    {"step_id": "load", "ps_type": "generic.load", "config": {"input": "think"}, "destination": {"engine": "duckdb", "table": "mart.b"}},
]


class Said(logging.Handler):
    """Keeps what is logged, and opens a gate at the first line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.first = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.first.set()


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def log(said: Said) -> logging.Logger:
    log = logging.Logger("test")
    log.addHandler(said)
    return log


def test_what_is_new_is_said_once(said: Said, log: logging.Logger) -> None:
    words = iter(["", "10 % done", "10 % done", "20 % done"])
    spoken = threading.Event()

    def progress() -> str:
        found = next(words, "20 % done")
        if found.startswith("20") and len(said.lines) == 2:
            spoken.set()
        return found

    with telling(SimpleNamespace(progress=progress), log, every=0.001):
        assert spoken.wait(30)
    assert said.lines == ["10 % done", "20 % done"]


def test_a_warehouse_without_a_word_of_it_is_not_asked(said: Said, log: logging.Logger) -> None:
    with telling(object(), log, every=0.001):
        pass
    assert said.lines == []


def test_a_running_statement_knows_how_far_it_is(tmp_path: Path) -> None:
    session = Session([tmp_path], limits=Settings.load(home=tmp_path).limits)
    assert session.progress() is None
    ended: list[BaseException] = []

    def work() -> None:
        try:
            session.rows("SELECT sum(sqrt(a.i * b.i)) FROM range(1000000) a(i), range(1000000) b(i)")
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    found = None
    while found is None:
        found = session.progress()
    session.close()
    thread.join()
    assert 0 <= found < 100
    assert len(ended) == 1
    assert session.progress() is None


@pytest.mark.parametrize(("step_id", "little"), [("read", True), ("load", True), ("ask", False), ("think", False), ("gone", False)])
def test_a_step_that_moves_rows_has_little_memory(tmp_path: Path, step_id: str, little: bool) -> None:
    settings = Settings.load(home=tmp_path)
    unused: Any = None
    job = Job(settings=settings, store=unused, catalog=unused,
              spec=from_data({"pipeline_id": "p", "steps": STEPS}), run_id="r", run_date=unused)
    limits = settings.limits
    assert job._settings_of(step_id).limits.duckdb_memory_mb == (limits.move_memory_mb if little else limits.duckdb_memory_mb)
    tight = replace(job, settings=replace(settings, limits=replace(limits, duckdb_memory_mb=100)))
    assert tight._settings_of(step_id).limits.duckdb_memory_mb == 100
