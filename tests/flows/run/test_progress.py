"""A long step says how far it is; a step that only moves rows works in little memory."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from sqlglot import parse_one

from flows.engines.base import StepResult
from flows.errors import Cancelled, TransientError
from flows.run.job import Job
from flows.run.ledger import RunBook, progress
from flows.run.progress import Watch, telling
from flows.run.step import Outcome
from flows.run.view import view
from flows.settings import Settings
from flows.spec.loader import from_data
from flows.store import NewRun, Store
from flows.warehouse.base import Progress, Slice, TableSpec
from flows.warehouse.duckdb import DuckDBWarehouse
from flows.warehouse.session import Session

STEPS = [
    {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "mart.a"}},
    {"step_id": "ask", "ps_type": "generic.extract", "source": {"query": "SELECT 1 AS a"}},
    {"step_id": "think", "ps_type": "generic.sql", "config": {"inputs": ["read"], "query": "SELECT * FROM read"}},
    {"step_id": "load", "ps_type": "generic.load", "config": {"input": "think"}, "destination": {"engine": "duckdb", "table": "mart.b"}},
    {"step_id": "sort", "ps_type": "generic.load", "config": {"input": "think"},
     "destination": {"engine": "duckdb", "table": "mart.c", "cluster_by": ["a"]}},
]


class Said(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def log(said: Said) -> logging.Logger:
    log = logging.Logger("test")
    log.addHandler(said)
    return log


def at(*percents: int | None) -> Callable[[], Progress | None]:
    """A warehouse's word, one after the other."""
    found = iter([None if percent is None else Progress(percent, 50_000_000, "writing mart.orders") for percent in percents])
    return lambda: next(found)


def test_what_is_new_is_told_once(said: Said, log: logging.Logger) -> None:
    told: list[Progress] = []
    watch = Watch(at(None, 10, 10, 20, None, 30, 48), log, told.append)
    for _ in range(7):
        watch.beat()
    assert [seen.percent for seen in told] == [10, 20, 30, 48]
    assert said.lines == ["writing mart.orders: 10 %, 5,000,000 rows", "writing mart.orders: 48 %, 24,000,000 rows"]


def test_a_store_that_is_busy_stops_no_step(said: Said, log: logging.Logger) -> None:
    def told(seen: Progress) -> None:
        raise TransientError("the control store is busy")

    Watch(at(10), log, told).beat()
    assert len(said.lines) == 1


def test_percent_alone_where_rows_are_not_known() -> None:
    assert (Progress(48).words, Progress(48).rows, Progress(100, 3).words) == ("48 %", None, "100 %, 3 rows")


def test_it_is_asked_until_the_work_has_ended(said: Said, log: logging.Logger) -> None:
    asked = threading.Event()

    def progress() -> None:
        asked.set()

    with telling(SimpleNamespace(progress=progress), log, every=0.001):
        assert asked.wait(30)
    assert "progress" not in [thread.name for thread in threading.enumerate()]


def test_a_warehouse_without_a_word_of_it_is_not_asked(said: Said, log: logging.Logger) -> None:
    with telling(object(), log, every=0.001):
        pass
    assert said.lines == []


def test_the_run_book_has_it_while_the_step_works(store: Store) -> None:
    run = store.runs.submit(NewRun(tenant_id="acme", pipeline_id="p", spec={"pipeline_id": "p", "steps": []}, run_date="2025-11-15"))
    store.steps.plan(run.run_id, [("load", "", "generic.load", 0)])
    any_job: Any = SimpleNamespace(store=store, run_id=run.run_id)
    step: Any = SimpleNamespace(step_id="load", ps_type="generic.load", retry=SimpleNamespace(max_attempts=3))
    book = RunBook(any_job, logging.getLogger("penstock.run.r"))
    known = {"percent": 48, "rows": 24_000_000, "words": "48 %, 24,000,000 rows"}
    book.started(step, 1).result()
    book.progress(step, Progress(48, 50_000_000)).result()
    assert progress(store.steps.of(run.run_id)[0]) == known
    assert view(run, store, Settings.load(home=Path("."))).steps[0]["progress"] == known
    book.retrying(step, Outcome("FAILED", error="the peer is busy"), 1, 20.0).result()
    assert progress(store.steps.of(run.run_id)[0]) is None
    book.started(step, 2).result()
    assert progress(store.steps.of(run.run_id)[0]) is None
    book.ended(step, Outcome("SUCCESS", StepResult(rows=1)), 2).result()
    book.progress(step, Progress(99)).result()
    (row,) = store.steps.of(run.run_id)
    assert (row.result or {})["relation"] is None
    assert "progress" not in (row.result or {})


def test_rows_are_known_from_the_file_and_the_lake(tmp_path: Path, store: Store) -> None:
    settings = Settings.load(home=tmp_path / "home", tenant_id="acme")
    doing: list[Any] = []
    with DuckDBWarehouse(settings, store.manifest, "acme", stage_dir=tmp_path / "stage", read_dirs=[tmp_path]) as warehouse:
        copying = warehouse.session.rows

        def rows(sql: str, **more: Any) -> Any:
            if "COPY" in sql:
                doing.append(warehouse.writer.doing)
            return copying(sql, **more)

        path = tmp_path / "o[1].parquet"
        duckdb.sql(f"COPY (SELECT i, DATE '2025-01-01' AS d FROM range(7) t(i)) TO '{path}' (FORMAT parquet)")
        warehouse.session.rows = rows  # type: ignore[method-assign]
        read = warehouse.stage("read", warehouse.read_file(path).tree)
        for day, cluster in (("", ()), ("d", ()), ("", ("i",))):
            key = Slice("acme", "p", "none", "2025-11-15", "r")
            warehouse.write(TableSpec("mart.a", read.columns, day, cluster), key, read, mode="overwrite")
        warehouse.stage("again", parse_one("SELECT i FROM mart.a WHERE i > 1"))
        warehouse.stage("sum", parse_one("SELECT count(*) AS n FROM mart.a"))
    assert doing == [("reading read", 7), ("writing mart.a", 7), ("writing mart.a", None), ("writing mart.a", None), ("reading again", 7),
                     ("reading sum", None)]


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


@pytest.mark.parametrize(("step_id", "little"), [("read", True), ("load", True), ("sort", False), ("ask", False), ("think", False),
                                                 ("gone", False)])
def test_a_step_that_moves_rows_has_little_memory(tmp_path: Path, step_id: str, little: bool) -> None:
    settings = Settings.load(home=tmp_path)
    unused: Any = None
    job = Job(settings=settings, store=unused, catalog=unused,
              spec=from_data({"pipeline_id": "p", "steps": STEPS}), run_id="r", run_date=unused)
    limits = settings.limits
    assert job._settings_of(step_id).limits.duckdb_memory_mb == (limits.move_memory_mb if little else limits.duckdb_memory_mb)
    tight = replace(job, settings=replace(settings, limits=replace(limits, duckdb_memory_mb=100)))
    assert tight._settings_of(step_id).limits.duckdb_memory_mb == 100
