"""A table as it was, wildcard tables of several shapes, and metadata of nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flows.errors import SqlError
from flows.warehouse.duckdb import DuckDBWarehouse
from flows.warehouse.encode import rows_json
from flows.warehouse.moments import read

Open = Callable[..., DuckDBWarehouse]


def rows(warehouse: DuckDBWarehouse, sql: str) -> list[list[object]]:
    return rows_json(warehouse.query(sql))[1]


def test_a_table_is_read_as_it_was_before_its_last_change(open_warehouse: Open) -> None:
    first = open_warehouse()
    first.execute("CREATE TABLE mart.t (n INT64); INSERT INTO mart.t VALUES (1), (2)")
    before = first.lake.manifest.table("demo", "mart.t")
    first.execute("UPDATE mart.t SET n = n + 10 WHERE true")
    assert before is not None
    moment = before.updated_at.isoformat(sep=" ")
    second = open_warehouse()
    assert rows(second, f"SELECT n FROM mart.t FOR SYSTEM_TIME AS OF TIMESTAMP '{moment}' ORDER BY n") == [[1], [2]]
    assert rows(second, "SELECT n FROM mart.t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP() ORDER BY n") == [[11], [12]]


def test_a_table_whose_columns_changed_since_is_refused(open_warehouse: Open) -> None:
    first = open_warehouse()
    first.execute("CREATE TABLE mart.t AS SELECT 1 AS n")
    before = first.lake.manifest.table("demo", "mart.t")
    first.execute("CREATE OR REPLACE TABLE mart.t AS SELECT 'x' AS n")
    assert before is not None
    with pytest.raises(SqlError, match="is not kept") as caught:
        open_warehouse().query(f"SELECT n FROM mart.t FOR SYSTEM_TIME AS OF TIMESTAMP '{before.updated_at.isoformat(sep=' ')}'")
    assert caught.value.verdict == "refused"


def test_a_wildcard_has_the_columns_of_the_table_made_last(open_warehouse: Open) -> None:
    warehouse = open_warehouse()
    warehouse.execute("CREATE TABLE mart.e_1 AS SELECT 1 AS id, 'old' AS gone")
    warehouse.execute("CREATE TABLE mart.e_2 AS SELECT 2 AS id, 0.5 AS share")
    sql = "SELECT * FROM `mart.e_*` ORDER BY id"
    assert rows(warehouse, sql) == [[1, None], [2, 0.5]]
    assert warehouse.check(sql).verdict == "local-approximate"


def test_the_tables_of_another_tenant_are_in_no_wildcard_and_no_metadata(open_warehouse: Open) -> None:
    open_warehouse("other").execute("CREATE TABLE mart.e_9 AS SELECT 9 AS id")
    mine = open_warehouse()
    mine.execute("CREATE TABLE mart.e_1 AS SELECT 1 AS id")
    assert rows(mine, "SELECT _TABLE_SUFFIX AS s, id FROM `mart.e_*`") == [["1", 1]]
    assert rows(mine, "SELECT table_name FROM mart.INFORMATION_SCHEMA.TABLES") == [["e_1"]]


@pytest.mark.parametrize(("text", "kind", "expected"), [
    ("2025-1-2", "DATE", "2025-01-02"), ("2025/01/02", "DATE", None), ("2025-02-30", "DATE", None), (" 2025-01-02", "DATE", None),
    ("2025-01-02T3:4:5.5", "DATETIME", "2025-01-02 03:04:05.500000"), ("2025-01-02 10:00:00+01", "DATETIME", None),
    ("1:2:3", "TIME", "01:02:03"), ("10:00", "TIME", None), ("24:00:00", "TIME", None),
    ("2025-11-02 01:30:00 America/New_York", "TIMESTAMP", "2025-11-02 05:30:00+00:00"),
    ("2025-03-09 02:30:00 America/New_York", "TIMESTAMP", "2025-03-09 07:30:00+00:00"),
    ("2025-01-02 10:00:00-8", "TIMESTAMP", "2025-01-02 18:00:00+00:00"), ("2025-01-02 10:00:00 Mars/Base", "TIMESTAMP", None),
    ("2025-01-02 +05:30", "TIMESTAMP", "2025-01-01 18:30:00+00:00"), ("2025-01-02 10:00:00 UTC", "TIMESTAMP", "2025-01-02 10:00:00+00:00"),
])
def test_a_written_moment_is_read_as_bigquery_reads_it(text: str, kind: str, expected: str | None) -> None:
    assert read(text, kind) == expected
