"""What a written statement cannot do: leave its tables, read files, change settings, eat the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot

from flows.errors import LimitError, PenstockError, SqlError
from flows.warehouse.duckdb import DuckDBWarehouse
from flows.warehouse.scope import is_plain, real_tables

Open = Callable[..., DuckDBWarehouse]


@pytest.fixture
def warehouse(open_warehouse: Open) -> DuckDBWarehouse:
    open_warehouse(tenant="other").load(pa.table({"a": [666]}).to_reader(), "mart.secrets")
    w = open_warehouse(names={"mine": "mart.mine"})
    w.load(pa.table({"a": [7]}).to_reader(), "mart.mine")
    return w


@pytest.mark.parametrize("sql", [
    "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM glob('/etc/*')",
    "ATTACH '/tmp/penstock-x.db' AS x", "INSTALL httpfs", "LOAD httpfs", "COPY (SELECT 1) TO '/tmp/penstock-x.csv'",
    "EXPORT DATABASE '/tmp/penstock-x'", "SET memory_limit = '1TB'", "RESET memory_limit", "SET enable_external_access = true",
    "SET lock_configuration = false", "SET allowed_directories = ['/']", "SET temp_directory = '/tmp'", "CREATE SECRET (TYPE s3)",
    "SELECT * FROM read_text('{stage}/../../../../../../../../etc/passwd')", "SELECT * FROM read_text('{stage}/link')",
])
def test_the_sandbox_holds_even_below_the_guard(warehouse: DuckDBWarehouse, sql: str) -> None:
    link = Path(warehouse.stage_dir) / "link"
    link.symlink_to("/etc/passwd")
    with pytest.raises(PenstockError):
        warehouse.session.rows(sql.replace("{stage}", str(warehouse.stage_dir)))


def test_python_variables_are_no_tables(warehouse: DuckDBWarehouse) -> None:
    secret = pa.table({"a": [1]})
    with pytest.raises(SqlError):
        warehouse.session.rows("SELECT * FROM secret")
    assert secret.num_rows == 1


def test_memory_is_bounded_and_the_session_lives_on(open_warehouse: Open) -> None:
    w = open_warehouse(preview=True)
    tree = sqlglot.parse_one("SELECT list(i || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') AS l FROM range(30000000) t(i)", read="duckdb")
    with pytest.raises(LimitError, match="512 MB"):
        w.query(tree)
    assert w.query("SELECT 1 AS a").num_rows == 1


def test_scopes_tell_tables_from_ctes() -> None:
    def names(sql: str) -> list[str]:
        return [table.name for table in real_tables(sqlglot.parse_one(sql, read="bigquery"))]

    assert names("WITH t AS (SELECT * FROM t) SELECT * FROM t") == ["t"]
    assert names("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t") == []
    assert names("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b, c, (WITH c AS (SELECT 1) SELECT * FROM c) d") == ["c"]
    assert names("WITH A AS (SELECT 1) SELECT * FROM a, ds.a") == ["a"]


def test_only_streaming_queries_are_plain() -> None:
    def plain(sql: str) -> bool:
        return is_plain(sqlglot.parse_one(sql, read="bigquery"))

    assert plain("SELECT a + 1 AS b FROM t JOIN u USING (a) WHERE a > 0 UNION ALL SELECT 1")
    for sql in ("SELECT SUM(a) FROM t", "SELECT a FROM t ORDER BY a", "SELECT a FROM t LIMIT 1", "SELECT DISTINCT a FROM t",
                "SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t", "SELECT RAND() FROM t", "SELECT a FROM t UNION DISTINCT SELECT 1"):
        assert not plain(sql)


def test_a_catalogued_table_without_rows_is_not_offered_as_a_near_miss_of_itself(open_warehouse):
    with pytest.raises(SqlError, match=r"'orders' is catalogued and has no rows here"):
        open_warehouse(names={"orders": "shop.orders"}).query("SELECT * FROM orders")
