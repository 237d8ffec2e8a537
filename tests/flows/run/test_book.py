"""The run book in the warehouse: each ended run once, whatever is killed when, asked by SQL at once, and written by nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errors import PenstockError, SqlError, TransientError
from flows.run import book, mirror
from flows.run.session import open_session
from flows.settings import Settings
from flows.store import NewRun, Store, open_store
from flows.warehouse import Slice, TableSpec, append, runbook
from flows.warehouse.lake import Lake

STEPS = {"steps": [{"step_id": "read"}, {"step_id": "load"}]}
RUN_COLUMNS = [("pipeline_logging_id", "STRING"), ("tenant_id", "STRING"), ("pipeline_id", "STRING"), ("start_time", "TIMESTAMP"),
               ("end_time", "TIMESTAMP"), ("status", "STRING"), ("trigger_by", "STRING"), ("run_date", "DATE"), ("total_steps", "INT64"),
               ("completed_steps", "INT64"), ("failed_steps", "INT64"), ("error_message", "STRING"), ("metadata", "JSON")]
STEP_COLUMNS = [("log_id", "STRING"), ("pipeline_logging_id", "STRING"), ("step_id", "STRING"), ("step_name", "STRING"),
                ("start_time", "TIMESTAMP"), ("end_time", "TIMESTAMP"), ("status", "STRING"), ("rows_processed", "INT64"),
                ("error_message", "STRING"), ("step_result", "JSON"), ("execution_metadata", "JSON")]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'control.sqlite'}" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    return Settings(home=home, control_url=url)


@pytest.fixture
def books(place: Settings) -> Iterator[Store]:
    with open_store(place.control_url) as store:
        yield store


def ended(store: Store, pipeline: str = "orders", status: str = "SUCCESS", *, tenant: str = "demo", environment: str = "local",
          params: dict[str, Any] | None = None, day: str = "2025-11-15", seconds: float = 2.5) -> str:
    """A run of two steps that is over."""
    run = store.runs.submit(NewRun(tenant, pipeline, {**STEPS, "name": "Orders"}, version=3, params=params or {}, environment=environment,
                                   trigger_by="ana", run_date=day), owner="me", lease_seconds=60)
    store.runs.begin(run.run_id, "me")
    store.steps.plan(run.run_id, [("read", "Read", "generic.extract", 0), ("load", "Load", "generic.load", 1)])
    began = datetime.now(UTC)
    store.steps.update(run.run_id, "read", status="SUCCESS", attempts=2, started_at=began, ended_at=began + timedelta(seconds=seconds),
                       rows_processed=12, result={"seconds": seconds, "rejected": 1, "notes": ["one bad row"], "outputs": {"x": 1},
                                                  "relation": {"files": ["/somewhere"]}, "rejects": [{"line": 3}]})
    good = status == "SUCCESS"
    store.steps.update(run.run_id, "load", status="SUCCESS" if good else "FAILED", attempts=1, started_at=began, ended_at=began,
                       rows_processed=11 if good else None, error="" if good else "the disk is full",
                       result={"code": "" if good else "ab12"})
    store.runs.finish(run.run_id, status, "" if good else "load failed: the disk is full")
    return run.run_id


@pytest.fixture
def ask(place: Settings, books: Store) -> Callable[..., list[tuple[Any, ...]]]:
    """BigQuery SQL on the tenant's local warehouse."""
    from dataclasses import replace

    from flows.insight.catalog import Catalog

    def asked(sql: str, tenant: str = "demo") -> list[tuple[Any, ...]]:
        with open_session(replace(place, tenant_id=tenant), books, Catalog(), stage="adhoc") as session:  # type: ignore[attr-defined]
            return [tuple(row.values()) for row in session.query(sql).to_pylist()]

    return asked


def described(settings: Settings, store: Store, table: str) -> list[tuple[str, str]]:
    from flows.insight.catalog import Catalog

    with open_session(settings, store, Catalog(), stage="adhoc") as session:  # type: ignore[attr-defined]
        return [(c.name, c.type) for c in session.describe(table).columns]


# -------------------------------------------------------------------- what it is
def test_the_tables_are_there_before_the_first_run_with_exactly_these_columns(place, books, ask):
    assert ask("SELECT * FROM x_meta_pipeline_runs") == ask("SELECT * FROM x_meta.x_meta_step_logs") == []
    assert described(place, books, "x_meta_pipeline_runs") == RUN_COLUMNS
    assert described(place, books, "x_meta.x_meta_step_logs") == STEP_COLUMNS
    assert ask("SELECT table_name FROM x_meta.INFORMATION_SCHEMA.TABLES ORDER BY 1") == [("x_meta_pipeline_runs",), ("x_meta_step_logs",)]


def test_a_run_that_has_ended_is_there_when_it_is_asked(books, ask):
    good, bad = ended(books), ended(books, "sales", "FAILED")
    assert ask("SELECT pipeline_logging_id, tenant_id, pipeline_id, status, trigger_by, CAST(run_date AS STRING), total_steps, "
               "completed_steps, failed_steps, error_message, start_time <= end_time FROM x_meta_pipeline_runs ORDER BY pipeline_id") == [
        (good, "demo", "orders", "SUCCESS", "ana", "2025-11-15", 2, 2, 0, None, True),
        (bad, "demo", "sales", "FAILED", "ana", "2025-11-15", 2, 1, 1, "load failed: the disk is full", True)]
    assert ask("SELECT log_id, pipeline_logging_id, step_id, step_name, status, rows_processed, error_message FROM x_meta_step_logs "
               "WHERE pipeline_logging_id LIKE 'run-%' ORDER BY status, step_id") == [
        (f"{bad}/load", bad, "load", "Load", "FAILED", None, "the disk is full"),
        *sorted([(f"{run}/{step}", run, step, step.capitalize(), "SUCCESS", rows, None)
                 for run, step, rows in ((good, "load", 11), (good, "read", 12), (bad, "read", 12))], key=lambda row: row[2])]


def test_what_has_no_column_stands_in_the_json(books, ask):
    ended(books, params={"run_date": "2025-11-15", "least": 3})
    metadata, = ask("SELECT metadata FROM x_meta_pipeline_runs")[0]
    known = json.loads(metadata)
    assert {name: known[name] for name in ("name", "version", "environment", "params", "attempt")} == {
        "name": "Orders", "version": 3, "environment": "local", "params": {"run_date": "2025-11-15", "least": 3}, "attempt": 1}
    result, execution = map(json.loads, ask("SELECT step_result, execution_metadata FROM x_meta_step_logs WHERE step_id = 'read'")[0])
    assert result == {"rows": 12, "rejected": 1, "notes": ["one bad row"], "outputs": {"x": 1}}
    assert execution == {"ps_type": "generic.extract", "position": 0, "attempts": 2, "seconds": 2.5}


def test_no_secret_gets_into_the_warehouse(place, books, ask, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CONN_POSTGRES", "postgresql://me:canary77@host/db")
    ended(books, params={"api_key": "canary12", "words": "bearer canary3456789", "list": [{"password": 12345}], "input_tokens": 7,
                         "url": "postgresql://me:canary77@host/db", "said": "it is canary77"})
    everything = str(ask("SELECT * FROM x_meta_pipeline_runs") + ask("SELECT * FROM x_meta_step_logs"))
    assert "canary" not in everything
    assert "12345" not in everything
    assert ask("SELECT JSON_VALUE(metadata, '$.params.input_tokens') FROM x_meta_pipeline_runs") == [("7",)]


def test_a_run_that_never_began_is_there_too(books, ask):
    run = books.runs.submit(NewRun("demo", "orders", STEPS))
    books.runs.ask_cancel("demo", run.run_id)
    assert ask("SELECT status, start_time, run_date, total_steps, completed_steps FROM x_meta_pipeline_runs") == [
        ("CANCELLED", None, None, 2, 0)]
    assert ask("SELECT * FROM x_meta_step_logs") == []


def test_an_open_run_is_not_there(books, ask):
    books.runs.submit(NewRun("demo", "orders", STEPS), owner="me", lease_seconds=60)
    assert ask("SELECT * FROM x_meta_pipeline_runs") == []
    assert not books.books.left()


def test_a_tenant_sees_its_own_runs_only(books, ask):
    ended(books, tenant="demo")
    ended(books, tenant="other")
    for tenant in ("demo", "other"):
        assert ask("SELECT DISTINCT tenant_id FROM x_meta_pipeline_runs", tenant) == [(tenant,)]
        assert ask("SELECT COUNT(*) FROM x_meta_step_logs", tenant) == [(2,)]


# -------------------------------------------------------------------- each once
def test_the_chore_writes_all_tenants_and_each_run_once(place, books, ask):
    for tenant in ("demo", "other"):
        for n in range(3):
            ended(books, f"p{n}", tenant=tenant)
    assert mirror.left(books)
    mirror.work(place, books)
    assert not mirror.left(books)
    mirror.work(place, books)
    for tenant in ("demo", "other"):
        assert ask("SELECT COUNT(*), COUNT(DISTINCT pipeline_logging_id) FROM x_meta_pipeline_runs", tenant) == [(3, 3)]
        assert ask("SELECT COUNT(*), COUNT(DISTINCT log_id) FROM x_meta_step_logs", tenant) == [(6, 6)]


@pytest.mark.parametrize("at", ["runs", "steps", "settle"])
def test_a_kill_at_any_moment_leaves_neither_duplicates_nor_holes(place, books, ask, monkeypatch, at):
    """What is killed comes to nothing: its files belong to no table, and the next turn writes the runs."""
    first = ended(books)
    mirror.work(place, books)
    second = ended(books)
    real, calls = append.appended, []

    def killed(*args: Any, **kw: Any) -> Any:
        calls.append(at)
        if at == "runs" or (at == "steps" and len(calls) == 2):
            raise KeyboardInterrupt
        return real(*args, **kw)

    with monkeypatch.context() as dying:
        if at == "settle":
            dying.setattr(books.books._manifest, "put", killed_after(books.books._manifest.put))
        else:
            dying.setattr(append, "appended", killed)
        with pytest.raises(KeyboardInterrupt):
            mirror.work(place, books)
    assert ask("SELECT pipeline_logging_id FROM x_meta_pipeline_runs ORDER BY 1") == sorted([(first,), (second,)])
    assert ask("SELECT COUNT(*), COUNT(DISTINCT log_id) FROM x_meta_step_logs") == [(4, 4)]


def killed_after(work: Callable[..., Any]) -> Callable[..., Any]:
    def killed(*args: Any) -> Any:
        work(*args)
        raise KeyboardInterrupt

    return killed


def test_of_two_writers_of_the_same_runs_one_writes(place, books, ask, monkeypatch):
    ended(books)
    real, lost = books.books.settle, []

    def slow(tenant: str, run_ids: Any, swaps: Any = ()) -> None:
        if not lost:
            lost.append(True)
            with open_store(place.control_url) as other:  # another process is faster, between our look and our writing
                assert book.write_local(place, other) == 1
        real(tenant, run_ids, swaps)

    monkeypatch.setattr(books.books, "settle", slow)
    assert book.write_local(place, books) == 0
    assert ask("SELECT COUNT(*) FROM x_meta_pipeline_runs") == [(1,)]
    assert ask("SELECT COUNT(*) FROM x_meta_step_logs") == [(2,)]
    files = {f.path for table in runbook.TABLES for f in books.manifest.files("demo", table.name)}
    there = {path.relative_to(place.home / "lake").as_posix() for path in (place.home / "lake").rglob("*.parquet")}
    assert there == files  # nothing of the loser is left


def test_small_files_are_taken_into_the_next_one(place, books, ask):
    for n in range(33):
        ended(books, f"p{n}")
        book.write_local(place, books)
    counts = {table.name: [f.rows for f in books.manifest.files("demo", table.name)] for table in runbook.TABLES}
    assert counts == {"x_meta.x_meta_pipeline_runs": [32, 1], "x_meta.x_meta_step_logs": [64, 2]}
    assert ask("SELECT COUNT(DISTINCT pipeline_id), SUM(total_steps) FROM x_meta_pipeline_runs") == [(33, 66)]


def test_a_full_file_takes_in_no_more(place, books, monkeypatch):
    monkeypatch.setattr(append, "FULL", 4)
    for n in range(7):
        ended(books, f"p{n}")
        book.write_local(place, books)
    assert [f.rows for f in books.manifest.files("demo", runbook.RUNS.name)] == [4, 2, 1]


def test_a_lake_that_cannot_be_written_stops_no_answer_and_is_tried_again(place, books, ask, monkeypatch):
    def full(*_: Any) -> Path:
        raise OSError(28, "No space left on device")

    run = ended(books)
    with monkeypatch.context() as broken:
        broken.setattr(Lake, "draft", full)
        assert ask("SELECT * FROM x_meta_pipeline_runs") == []
        with pytest.raises(TransientError, match="the lake cannot be written: No space left on device"):
            book.write_local(place, books)
        mirror.work(place, books)
    assert [(b.environment, b.runs, "No space left" in b.error) for b in books.books.behind("demo")] == [("local", 1, True)]
    assert not mirror.left(books)  # put off: a runner that nobody else needs does not wait for it
    assert ask("SELECT pipeline_logging_id FROM x_meta_pipeline_runs") == [(run,)]
    assert books.books.behind("demo") == []


# -------------------------------------------------------------------- production
def test_runs_in_production_wait_for_a_project_and_keep_no_runner_up(place, books, ask, monkeypatch):
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    ended(books, environment="production")
    local = ended(books, "sales")
    assert mirror.left(books)
    mirror.work(place, books)
    assert not mirror.left(books)
    assert ask("SELECT pipeline_logging_id FROM x_meta_pipeline_runs") == [(local,)]
    behind, = books.books.behind("demo")
    assert (behind.environment, behind.runs) == ("production", 1)
    assert "no BigQuery project is set up" in behind.error


def test_what_was_put_off_comes_again_later_each_time_and_is_forgotten_when_it_works(books):
    ended(books, environment="production")
    assert [books.books.put_off("demo", "production", "no answer") for _ in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert books.books.due() == []
    books.books.goes("demo", "production")
    assert books.books.due() == [("demo", "production")]
    assert books.books.put_off("demo", "production", "no answer") == 5


def test_one_writer_has_the_tables_of_production(books):
    assert books.books.hold("demo", "production", 60)
    assert not books.books.hold("demo", "production", 60)
    assert books.books.hold("other", "production", 60)
    books.books.goes("demo", "production")
    assert books.books.hold("demo", "production", -1)  # its holder was killed
    assert books.books.hold("demo", "production", 60)


# -------------------------------------------------------------------- nobody else writes
@pytest.mark.parametrize("script", [
    "DELETE FROM x_meta_pipeline_runs WHERE TRUE", "INSERT INTO x_meta.x_meta_step_logs (log_id) VALUES ('a')",
    "UPDATE x_meta.x_meta_pipeline_runs SET status = 'SUCCESS' WHERE TRUE", "DROP TABLE x_meta.x_meta_pipeline_runs",
    "CREATE OR REPLACE TABLE x_meta.x_meta_pipeline_runs AS SELECT 1 AS a", "CREATE TABLE x_meta.mine AS SELECT 1 AS a",
    "CREATE VIEW X_META.mine AS SELECT 1 AS a", "ALTER TABLE x_meta.x_meta_pipeline_runs ADD COLUMN a INT64",
    "TRUNCATE TABLE x_meta.x_meta_step_logs", "CREATE PROCEDURE x_meta.p() BEGIN SELECT 1; END",
    "MERGE x_meta.x_meta_pipeline_runs t USING (SELECT 'a' AS a) s ON FALSE WHEN NOT MATCHED THEN INSERT (status) VALUES (s.a)",
    "DECLARE n INT64; CALL system.sp_delete_before('x_meta.x_meta_pipeline_runs', 'run_date', DATE '2030-01-01', FALSE, n)"])
def test_no_script_writes_the_run_book(settings, script):
    from flows.insight.catalog import Catalog

    with open_store(settings.control_url) as store, open_session(settings, store, Catalog(), stage="adhoc") as session:  # type: ignore[attr-defined]
        ended(store)
        with pytest.raises(SqlError, match=r"is kept by Penstock and is only read here\. Write to a dataset of your own"):
            session.execute(script)
        assert session.query("SELECT COUNT(*) AS n FROM x_meta_pipeline_runs").to_pylist() == [{"n": 1}]


def test_no_load_writes_the_run_book(settings):
    from flows.insight.catalog import Catalog

    with open_store(settings.control_url) as store, open_session(settings, store, Catalog(), stage="adhoc") as session:  # type: ignore[attr-defined]
        rows = session.stage("rows", "SELECT 'a' AS log_id")
        mine, logs = Slice("demo", "p", "none", "2025-11-15"), TableSpec("x_meta.x_meta_step_logs", ())
        for write in (lambda: session.write(logs, mine, rows, mode="append"),
                      lambda: session.load(rows, "x_meta_step_logs"), lambda: session.ensure_table(TableSpec("x_meta.mine", rows.columns))):
            with pytest.raises(PenstockError, match="is kept by Penstock"):
                write()


# -------------------------------------------------------------------- questions of people
@pytest.fixture
def week(books: Store) -> Store:
    for day in (13, 14, 15):
        ended(books, "orders", day=f"2025-11-{day}", seconds=day - 10)
        ended(books, "sales", "FAILED" if day != 14 else "SUCCESS", day=f"2025-11-{day}", seconds=1)
    return books


@pytest.mark.parametrize(("sql", "rows"), [
    ("SELECT CAST(run_date AS STRING) AS day, COUNTIF(status = 'FAILED') AS failures FROM x_meta_pipeline_runs GROUP BY day ORDER BY day",
     [("2025-11-13", 1), ("2025-11-14", 0), ("2025-11-15", 1)]),
    ("SELECT r.pipeline_id, ROUND(AVG(CAST(JSON_VALUE(s.execution_metadata, '$.seconds') AS FLOAT64)), 2) AS mean FROM x_meta_step_logs s "
     "JOIN x_meta_pipeline_runs r USING (pipeline_logging_id) WHERE s.step_id = 'read' GROUP BY 1 ORDER BY 1",
     [("orders", 4.0), ("sales", 1.0)]),
    ("SELECT JSON_VALUE(metadata, '$.environment') AS environment, COUNT(*) AS runs FROM x_meta_pipeline_runs GROUP BY 1",
     [("local", 6)]),
    ("SELECT step_id, SUM(CAST(JSON_VALUE(step_result, '$.rejected') AS INT64)) AS rejected, SUM(rows_processed) AS n_rows "
     "FROM x_meta_step_logs GROUP BY 1 ORDER BY 1", [("load", None, 44), ("read", 6, 72)]),
    ("SELECT pipeline_id, CAST(run_date AS STRING) AS day, error_message FROM x_meta_pipeline_runs "
     "QUALIFY ROW_NUMBER() OVER (PARTITION BY pipeline_id ORDER BY run_date DESC) = 1 ORDER BY pipeline_id",
     [("orders", "2025-11-15", None), ("sales", "2025-11-15", "load failed: the disk is full")]),
    ("SELECT pipeline_id, SAFE_DIVIDE(COUNTIF(status = 'SUCCESS'), COUNT(*)) AS share FROM x_meta.x_meta_pipeline_runs "
     "GROUP BY 1 HAVING share < 1 ORDER BY 1", [("sales", pytest.approx(1 / 3))])],
    ids=["failures a day", "mean seconds of a step", "runs by environment", "rejected rows", "newest run of each", "share that worked"])
def test_the_run_book_answers(week, ask, sql, rows):
    assert ask(sql) == rows


# -------------------------------------------------------------------- pipelines and people
def test_a_pipeline_may_read_the_run_book_and_not_write_it(home):
    from flows.errors import SpecError
    from flows.service import Penstock

    reads = {"pipeline_id": "report", "steps": [
        {"step_id": "failures", "ps_type": "generic.sql", "config": {
            "inputs": ["x_meta_pipeline_runs"],
            "query": "SELECT run_date, COUNT(*) AS n FROM x_meta_pipeline_runs WHERE status = 'FAILED' GROUP BY run_date"}},
        {"step_id": "lines", "ps_type": "generic.extract", "source": {"table": "x_meta_step_logs"}, "depends_on": []},
        {"step_id": "load", "ps_type": "generic.load", "depends_on": ["failures"], "config": {"input": "failures"},
         "destination": {"table": "mart.failures"}}]}
    with Penstock(home=home, tenant="acme") as door:
        ended(door.store, tenant="acme", status="FAILED")
        report = door.validate(reads)
        assert report.ok, report.problems
        seen = {step.step_id: step for step in door.preview(reads).steps}
        assert [dict(row)["n"] for row in seen["failures"].rows] == [1]
        assert len(seen["lines"].rows) == 2
        for table in ("x_meta.x_meta_step_logs", "x_meta_pipeline_runs", "x_meta.mine"):
            wrong = {**reads, "steps": [*reads["steps"][:2], {**reads["steps"][2], "destination": {"table": table}}]}
            problem, = door.validate(wrong).problems
            assert (problem.path, problem.code) == ("steps.load.destination.table", "not_allowed")
            with pytest.raises(SpecError, match="is kept by Penstock and is only read"):
                door.run(wrong)
        assert door.query("SELECT COUNT(*) AS n FROM x_meta_pipeline_runs", read_only=True).to_pylist() == [{"n": 1}]
        assert door.check_sql("SELECT status FROM x_meta_pipeline_runs").reads == ("x_meta.x_meta_pipeline_runs",)
        assert set(runbook.NAMES) <= set(door.known_tables())
        assert not set(runbook.NAMES) & set(door.catalog.tables)  # a text that speaks of runs means no table
