"""Writes on BigQuery where they differ from the local ones: what is sent, races, tables that tenants share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from flows.errors import InputError
from flows.warehouse.base import Column, Slice, TableSpec
from flows.warehouse.bq.errors import LostRace
from flows.warehouse.bq.jobs import Jobs
from flows.warehouse.bq.project import STAGING, Project
from flows.warehouse.bq.schema import Datasets
from flows.warehouse.bq.write import RACES, Source, Writer

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]
T = TableSpec("mart.t", ())
Make = Callable[..., Slice]


class Client:
    """The real client; writes down every statement, and refuses transactions as BigQuery does when somebody else was faster."""

    def __init__(self, client: Any, lose: int = 0) -> None:
        self._client, self.lose = client, lose
        self.sent: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def query(self, statement: str, **kw: Any) -> Any:
        from google.api_core.exceptions import BadRequest

        self.sent.append((statement, kw))
        if "BEGIN TRANSACTION" in statement and self.lose:
            self.lose -= 1
            text = "Transaction is aborted due to concurrent update against table acme-prod:d.t. Transaction ID: 6b1f"
            raise BadRequest(text, errors=[{"reason": "invalidQuery", "message": text}])  # type: ignore[no-untyped-call]
        return self._client.query(statement, **kw)


class Side:
    """One tenant's writer, and a look at its tables."""

    def __init__(self, project: Project, tenant: str = "demo", lose: int = 0) -> None:
        self.client = Client(Jobs(project).client, lose)
        self.jobs = Jobs(project, client=self.client, labels={"tenant": tenant})
        self.datasets, self.waits = Datasets(project, tenant, self.jobs), list[float]()
        self.writer = Writer(self.jobs, self.datasets, self.waits.append)

    def rows(self, table: str = "mart.t", columns: str = "a") -> list[Any]:
        done = self.jobs.query(f"SELECT {columns} FROM {self.datasets.sql(table)} ORDER BY 1", fresh=True).result()
        found = [tuple(row.values()) for row in done]
        return [row[0] for row in found] if "," not in columns else found

    def scripts(self) -> list[str]:
        return [statement for statement, _ in self.client.sent if "BEGIN TRANSACTION" in statement]


def source(*values: int, fixed: bool = False) -> Source:
    return Source(f"SELECT a FROM UNNEST([{', '.join(map(str, values))}]) AS a", [Column("a", "INT64")], fixed=fixed)


@pytest.fixture
def side(bq_project: Project) -> Side:
    return Side(bq_project)


# -------------------------------------------------------------------- what is sent
def test_a_write_is_one_transaction_and_leaves_no_staging_table(side: Side, slice_of: Make) -> None:
    for values in ((1, 2), (3,)):
        side.writer.write(T, slice_of(), source(*values), "append")
    assert len(side.scripts()) == 2
    assert all(script.count("BEGIN TRANSACTION") == script.count("COMMIT TRANSACTION") == 1 for script in side.scripts())
    staged = [statement for statement, _ in side.client.sent if statement.startswith("CREATE TABLE")]
    assert len(staged) == 2
    assert all("expiration_timestamp" in statement for statement in staged)
    left = side.client.list_tables(f"{side.datasets.project.project}.{side.datasets.project.dataset('demo', STAGING)}")
    assert list(left) == []
    assert side.datasets.names() == ["mart.t"]


def test_rows_of_a_staging_table_are_not_staged_again(side: Side, slice_of: Make) -> None:
    side.writer.write(T, slice_of(), source(1, 2, fixed=True), "append")
    assert not any("expiration_timestamp" in statement for statement, _ in side.client.sent)
    assert side.rows() == [1, 2]


def test_a_rewrite_reads_the_partitions_that_its_rows_lie_in(side: Side, slice_of: Make) -> None:
    rows = Source("SELECT 1 AS a, DATE '2025-01-01' AS d UNION ALL SELECT 2, NULL", [Column("a", "INT64"), Column("d", "DATE")])
    for column, bounded in (("d", True), ("x_pipeline_run_date", False)):
        spec = TableSpec(f"mart.by_{column}", (), partition_by=column)
        for _ in range(2):
            assert side.writer.write(spec, slice_of(), rows, "append").rows == 2
        assert ("BETWEEN penstock_lo AND penstock_hi" in side.scripts()[-1]) is bounded
        assert "`x_pipeline_run_date` = DATE '2025-11-01'" in side.scripts()[-1]
        assert side.rows(spec.name) == [1, 2]


def test_every_job_is_capped_and_labelled(side: Side, slice_of: Make) -> None:
    side.writer.write(T, slice_of(), source(1), "append")
    configs = [kw["job_config"] for _, kw in side.client.sent]
    assert all(config.maximum_bytes_billed and config.labels["tenant"] == "demo" for config in configs)
    assert len({kw["job_id"] for _, kw in side.client.sent}) == len(configs)


def test_new_columns_are_one_change_of_the_table(side: Side, slice_of: Make) -> None:
    """BigQuery rations changes of a table; only an emulator is asked one column at a time."""
    side.writer.write(T, slice_of(), source(1), "append")
    side.client.sent.clear()
    real = Datasets(side.datasets.project.model_copy(update={"endpoint": ""}), "demo", side.jobs)
    calls: list[str] = []
    side.jobs.query = lambda statement, **_: calls.append(statement)  # type: ignore[method-assign,assignment,misc,return-value]
    real.add("mart.t", [Column("b", "STRING", nullable=False), Column("c", "STRUCT<x INT64>", description="deep")])
    assert calls == [f"ALTER TABLE {real.sql('mart.t')} ADD COLUMN IF NOT EXISTS `b` STRING, "
                     "ADD COLUMN IF NOT EXISTS `c` STRUCT<x INT64> OPTIONS(description = 'deep')"]


# -------------------------------------------------------------------- races
def test_a_lost_race_is_run_again_after_a_pause(bq_project: Project, slice_of: Make) -> None:
    side = Side(bq_project, lose=3)
    assert side.writer.write(T, slice_of(), source(1, 2), "append").rows == 2
    assert (side.rows(), len(side.scripts()), len(side.waits)) == ([1, 2], 4, 3)
    assert all(0 <= wait <= 0.2 * 2**n for n, wait in enumerate(side.waits))
    assert len({kw["job_id"] for statement, kw in side.client.sent if "BEGIN TRANSACTION" in statement}) == 4


def test_a_race_that_is_lost_every_time_is_an_error_and_changes_nothing(bq_project: Project, slice_of: Make) -> None:
    Side(bq_project).writer.write(T, slice_of(), source(1), "append")
    side = Side(bq_project, lose=RACES)
    with pytest.raises(LostRace, match="at the same time"):
        side.writer.write(T, slice_of(), source(2), "append")
    assert (side.rows(), len(side.scripts()), max(side.waits) <= 15) == ([1], RACES, True)


def test_two_writers_that_found_the_slice_empty_do_not_leave_both_their_rows(bq_project: Project, slice_of: Make) -> None:
    """Transactions that only insert do not conflict on BigQuery: the second one sees the other's rows afterwards, and writes again."""
    one, two = Side(bq_project), Side(bq_project)
    one.writer.write(T, slice_of("r0"), source(), "append")
    query = one.client._client.query

    def overtaken(statement: str, **kw: Any) -> Any:
        if "BEGIN TRANSACTION" not in statement or two.scripts():
            return query(statement, **kw)
        two.writer.write(T, slice_of("r2"), source(7, 8), "append")
        # what snapshot isolation lets happen: the count still says that nothing is there, the rows come on top
        return query(re.sub(r"(penstock_old = \(SELECT AS STRUCT) COUNT\(\*\) AS n", r"\1 COUNTIF(FALSE) AS n", statement), **kw)

    one.client._client.query = overtaken
    assert one.writer.write(T, slice_of("r1"), source(1, 2), "append").replaced == 4
    assert (one.rows(), len(one.waits)) == ([1, 2], 1)


# -------------------------------------------------------------------- tables that tenants share
def test_tenants_of_one_dataset_keep_their_rows_apart(bq_project: Project, slice_of: Make) -> None:
    shared = bq_project.model_copy(update={"datasets": bq_project.datasets.replace("{tenant}__", "")})
    one, two = Side(shared, "one"), Side(shared, "two")
    spec = TableSpec("mart.t", (), keys=("a",), partition_by="x_ingestion_date")
    for side, tenant in ((one, "one"), (two, "two")):
        side.writer.write(spec, slice_of(x_org_slug=tenant), source(1, 2), "append")
    one.writer.write(spec, slice_of("m", x_org_slug="one"), source(2, 3), "merge")
    assert one.rows(columns="x_org_slug, a, x_run_id") == [("one", 1, "r1"), ("one", 2, "m"), ("one", 3, "m"), ("two", 1, "r1"),
                                                            ("two", 2, "r1")]
    one.writer.write(spec, slice_of("p", x_org_slug="one"), source(5), "replace_partition")
    one.writer.write(spec, slice_of("o", x_org_slug="one"), source(6), "overwrite")
    assert sorted(one.rows(columns="x_org_slug, a")) == [("one", 6), ("two", 1), ("two", 2)]
    with pytest.raises(InputError, match="other tenants"):
        two.writer.load("mart.t", source(9), truncate=True)


def test_a_tenant_lists_its_own_tables_only(bq_project: Project, slice_of: Make) -> None:
    one, two = Side(bq_project, "one"), Side(bq_project, "one_two")
    one.writer.write(T, slice_of(), source(1), "append")
    two.writer.write(TableSpec("shop.u", ()), slice_of(), source(1), "append")
    assert (one.datasets.names(), two.datasets.names(), one.datasets.names("shop")) == (["mart.t"], ["shop.u"], [])
