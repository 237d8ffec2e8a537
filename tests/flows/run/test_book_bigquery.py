"""The run book on BigQuery: runs in production, each once, whoever writes them and however often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.errors import SqlError
from flows.insight.catalog import Catalog
from flows.run import book, mirror
from flows.run.session import keeper, open_session
from flows.settings import Settings
from flows.store import Store, open_store
from flows.warehouse.bq import routines
from flows.warehouse.nodes import Argument
from tests.flows.run.test_book import RUN_COLUMNS, STEP_COLUMNS, ended

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]


@pytest.fixture
def production(home: Path, bq_project: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose production is the emulator."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", bq_project.project)
    monkeypatch.setenv("PENSTOCK_BIGQUERY_ENDPOINT", bq_project.endpoint)
    monkeypatch.setenv("PENSTOCK_BIGQUERY_STORAGE_ENDPOINT", bq_project.storage_endpoint)
    monkeypatch.setenv("PENSTOCK_BIGQUERY_DATASETS", bq_project.datasets)
    return Settings.load(home=home)


@pytest.fixture
def books(production: Settings) -> Iterator[Store]:
    with open_store(production.control_url) as store:
        yield store


def ask(settings: Settings, store: Store, sql: str) -> list[tuple[Any, ...]]:
    with open_session(settings, store, Catalog(), stage="adhoc", environment="production") as session:  # type: ignore[attr-defined]
        return [tuple(row.values()) for row in session.query(sql).to_pylist()]


@pytest.mark.timeout(180)
def test_the_run_book_of_production_is_complete_when_it_is_asked_and_each_run_stands_in_it_once(production, books):
    assert ask(production, books, "SELECT COUNT(*) FROM x_meta_pipeline_runs") == [(0,)]
    good, bad = ended(books, environment="production", params={"least": 3}), ended(books, "sales", "FAILED", environment="production")
    ended(books, "inventory")
    rows = ask(production, books, "SELECT pipeline_logging_id, status, CAST(run_date AS STRING), total_steps, completed_steps, "
                                  "failed_steps, "
                                  "JSON_VALUE(metadata, '$.environment'), JSON_VALUE(metadata, '$.params.least') "
                                  "FROM x_meta_pipeline_runs ORDER BY pipeline_id")
    assert rows == [(good, "SUCCESS", "2025-11-15", 2, 2, 0, "production", "3"), (bad, "FAILED", "2025-11-15", 2, 1, 1, "production", None)]
    assert ask(production, books, "SELECT step_id, COUNTIF(status = 'FAILED'), SUM(rows_processed), "
                                  "AVG(CAST(JSON_VALUE(execution_metadata, '$.seconds') AS FLOAT64)) FROM x_meta.x_meta_step_logs "
                                  "WHERE step_id = 'read' GROUP BY step_id") == [("read", 0, 24, 2.5)]
    with keeper(production)() as session:
        assert [(c.name, c.type) for c in session.describe("x_meta.x_meta_pipeline_runs").columns] == RUN_COLUMNS
        assert [(c.name, c.type) for c in session.describe("x_meta.x_meta_step_logs").columns] == STEP_COLUMNS
        assert session.describe("x_meta.x_meta_step_logs").partition_by == "start_time"
    with books.books._database.write() as connection:  # killed between the writing and the noting of it
        connection.exec_driver_sql("UPDATE runs SET mirrored = 0")
    mirror.work(production, books)
    assert ask(production, books, "SELECT COUNT(*), COUNT(DISTINCT pipeline_logging_id) FROM x_meta_pipeline_runs") == [(2, 2)]
    assert ask(production, books, "SELECT COUNT(*), COUNT(DISTINCT log_id) FROM x_meta_step_logs") == [(4, 4)]


@pytest.mark.timeout(180)
def test_nobody_else_writes_it_and_another_tenant_does_not_see_it(production, books):
    ended(books, environment="production")
    other = replace(production, tenant_id="other")
    assert ask(production, books, "SELECT COUNT(*) FROM x_meta_pipeline_runs") == [(1,)]
    assert ask(other, books, "SELECT COUNT(*) FROM x_meta_pipeline_runs") == [(0,)]
    with open_session(production, books, Catalog(), stage="adhoc", environment="production") as session:  # type: ignore[attr-defined]
        for script in ("DELETE FROM x_meta.x_meta_pipeline_runs WHERE TRUE", "DELETE FROM x_meta_pipeline_runs WHERE TRUE",
                       "DROP TABLE x_meta.x_meta_step_logs", "CREATE TABLE x_meta.mine AS SELECT 1 AS a", "CREATE SCHEMA x_meta"):
            with pytest.raises(SqlError, match="is kept by Penstock and is only read here"):
                session.execute(script)
        for table in ("x_meta_pipeline_runs", "x_meta.x_meta_pipeline_runs"):
            with pytest.raises(SqlError, match="is kept by Penstock"):  # what a procedure is told to write; the emulator runs none of ours
                routines._own(session, Argument("p_table", "STRING", "IN"), table)


@pytest.mark.timeout(60)
def test_a_bigquery_that_does_not_answer_holds_up_nothing(production, books, monkeypatch):
    from flows.warehouse.bq import jobs

    monkeypatch.setattr(jobs, "RETRY_SECONDS", 1.0)
    monkeypatch.setenv("PENSTOCK_BIGQUERY_ENDPOINT", "http://127.0.0.1:9")
    ended(books, environment="production")
    ended(books, "sales")
    mirror.work(production, books)
    behind, = books.books.behind("demo")
    assert (behind.environment, behind.runs, bool(behind.error)) == ("production", 1, True)
    assert not mirror.left(books)
    monkeypatch.undo()
    assert behind.environment == book.PRODUCTION
