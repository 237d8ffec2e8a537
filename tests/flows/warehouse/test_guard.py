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

HOSTILE = [
    "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE mart.mine", "DROP TABLE mart.mine", "DELETE FROM mart.mine WHERE true",
    "INSERT INTO mart.mine VALUES (1)", "UPDATE mart.mine SET a = 1 WHERE true", "CREATE TABLE mart.x AS SELECT 1 AS a",
    "CALL mart.p()", "EXECUTE IMMEDIATE 'SELECT 1'", "EXPORT DATA OPTIONS (uri = 'x', format = 'CSV') AS SELECT 1",
    "SET memory_limit = '1TB'",
    "PRAGMA database_list", "ATTACH '/tmp/x.db' AS x", "COPY mart.mine TO '/tmp/x.csv'", "INSTALL httpfs", "LOAD httpfs", "USE mart",
    "SELECT * FROM other.secrets", "SELECT (SELECT MAX(a) FROM other.secrets) AS a",
    "SELECT 1 AS a WHERE EXISTS (SELECT 1 FROM other.secrets)",
    "SELECT a FROM mart.mine WHERE a IN (SELECT a FROM other.secrets)", "SELECT a FROM mart.mine UNION ALL SELECT a FROM other.secrets",
    "FROM other.secrets |> SELECT a", "WITH secrets AS (SELECT * FROM secrets) SELECT * FROM secrets",
    "SELECT * FROM (WITH secrets AS (SELECT 1 AS a) SELECT * FROM secrets) x, secrets y",
    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/passwd'", "SELECT * FROM `/etc/passwd`", "SELECT read_text('/etc/passwd') AS a", "SELECT getenv('HOME') AS a",
    "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_tables", "SELECT * FROM sqlite_master", "SELECT * FROM penstock.table1",
    "SELECT current_setting('secret_directory') AS a", "SELECT * FROM mart.INFORMATION_SCHEMA.TABLES", "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM EXTERNAL_QUERY('c', 'SELECT 1')", "SELECT * FROM ML.PREDICT(MODEL m, TABLE mart.mine)",
    "SELECT KEYS.NEW_KEYSET('x') AS a",
    "SELECT NET.HOST('x') AS a", "SELECT SESSION_USER() AS a", "SELECT @@version AS a", "SELECT `evil.d.lower`('x') AS a",
    "SELECT evil.d.lower('x') AS a", "SELECT bq_at([1], 0) AS a", "SELECT list_sort([2, 1]) AS a", "SELECT query('SELECT 1') AS a",
    "SELECT * FROM mart.mine FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()", "SELECT * FROM `mart.mine$20250101`", "SELECT * FROM `mart.*`",
    "SELECT REPEAT('x', 2000000000) AS a", "SELECT LPAD('x', 2000000000, 'y') AS a", "SELECT REPEAT('x', a) AS a FROM mart.mine",
    "SELECT GENERATE_ARRAY(1, 1000000000) AS a", "SELECT GENERATE_ARRAY(1, a) AS a FROM mart.mine",
    "SELECT GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '2000-01-01', TIMESTAMP '2025-01-01', INTERVAL 1 MICROSECOND) AS a",
    "SELECT " + "(" * 3000 + "1" + ")" * 3000,
]
HARMLESS = [
    ("SELECT a FROM mart.mine", [7]), ("WITH m AS (SELECT a FROM mart.mine) SELECT a FROM m", [7]),
    ("WITH mine AS (SELECT a FROM mine) SELECT a FROM mine", [7]), ("SELECT x FROM UNNEST([1, 2]) AS x ORDER BY x", [1, 2]),
    ("SELECT a FROM (SELECT a + 1 AS a FROM mine)", [8]), ("SELECT @p AS p", [3]), ("SELECT REPEAT('ab', 2) AS r", ["abab"]),
    ("SELECT a FROM `demo.mart.mine` AS m WHERE EXISTS (SELECT 1 FROM mart.mine AS n WHERE n.a = m.a)", [7]),
]


@pytest.fixture
def warehouse(open_warehouse: Open) -> DuckDBWarehouse:
    open_warehouse(tenant="other").load(pa.table({"a": [666]}).to_reader(), "mart.secrets")
    w = open_warehouse(names={"mine": "mart.mine"})
    w.load(pa.table({"a": [7]}).to_reader(), "mart.mine")
    return w


@pytest.mark.parametrize("sql", HOSTILE, ids=lambda sql: sql[:60])
def test_hostile_statements_are_refused(warehouse: DuckDBWarehouse, sql: str) -> None:
    with pytest.raises(PenstockError) as caught:
        warehouse.query(sql)
    assert "Traceback" not in str(caught.value)
    assert "666" not in str(caught.value)
    assert [row["a"] for row in warehouse.query("SELECT a FROM mart.mine").to_pylist()] == [7]


@pytest.mark.parametrize(("sql", "expected"), HARMLESS, ids=lambda value: str(value)[:50])
def test_harmless_statements_pass(warehouse: DuckDBWarehouse, sql: str, expected: list[object]) -> None:
    assert [next(iter(row.values())) for row in warehouse.query(sql, {"p": 3}).to_pylist()] == expected


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


def test_a_statement_of_a_megabyte_is_refused(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(LimitError, match="characters"):
        warehouse.query("SELECT '" + "x" * 1_000_001 + "' AS a")


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
