"""BigQuery SQL gives BigQuery's answer here, or is refused with a reason. The expected answers are those BigQuery documents."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.errors import DataError, SqlError
from flows.warehouse.batch import answer
from flows.warehouse.duckdb import DuckDBWarehouse
from flows.warehouse.encode import rows_json

CORPUS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "sql" / "bq_corpus.sql"

ANSWERS = [
    ("DATE_TRUNC(DATE '2025-11-15', WEEK)", "DATE", "2025-11-09"), ("DATE_TRUNC(DATE '2025-11-15', ISOWEEK)", "DATE", "2025-11-10"),
    ("DATE_TRUNC(DATE '2025-11-15', MONTH)", "DATE", "2025-11-01"), ("DATE_TRUNC(DATE '2025-11-15', ISOYEAR)", "DATE", "2024-12-30"),
    ("DATETIME_TRUNC(DATETIME '2025-11-15 10:20:30', WEEK)", "DATETIME", "2025-11-09T00:00:00"),
    ("TIMESTAMP_TRUNC(TIMESTAMP '2025-11-15 02:30:00 UTC', DAY, 'America/Los_Angeles')", "TIMESTAMP", "2025-11-14T08:00:00+00:00"),
    ("DATE_ADD(DATE '2025-01-31', INTERVAL 1 MONTH)", "DATE", "2025-02-28"),
    ("DATE_SUB(DATE '2025-03-31', INTERVAL 1 QUARTER)", "DATE", "2024-12-31"),
    ("DATETIME_ADD(DATETIME '2025-01-31 10:00:00', INTERVAL 90 MINUTE)", "DATETIME", "2025-01-31T11:30:00"),
    ("DATE '2025-11-15' + 1", "DATE", "2025-11-16"), ("EXTRACT(DAYOFWEEK FROM DATE '2025-11-16')", "INT64", 1),
    ("EXTRACT(WEEK FROM DATE '2025-01-01')", "INT64", 0), ("EXTRACT(WEEK(MONDAY) FROM DATE '2025-01-06')", "INT64", 1),
    ("EXTRACT(ISOWEEK FROM DATE '2025-12-29')", "INT64", 1), ("EXTRACT(ISOYEAR FROM DATE '2025-12-29')", "INT64", 2026),
    ("EXTRACT(MILLISECOND FROM TIMESTAMP '2025-01-01 00:00:02.345 UTC')", "INT64", 345),
    ("EXTRACT(DATE FROM TIMESTAMP '2025-11-15 02:30:00 UTC' AT TIME ZONE 'America/New_York')", "DATE", "2025-11-14"),
    ("DATE_DIFF(DATE '2025-11-16', DATE '2025-11-15', WEEK)", "INT64", 1),
    ("DATE_DIFF(DATE '2025-11-16', DATE '2025-11-15', ISOWEEK)", "INT64", 0),
    ("DATE_DIFF(DATE '2025-11-01', DATE '2025-11-30', DAY)", "INT64", -29),
    ("TIMESTAMP_DIFF(TIMESTAMP '2001-02-01 01:00:00', TIMESTAMP '2001-02-01 00:00:01', HOUR)", "INT64", 0),
    ("DATETIME_DIFF(DATETIME '2025-11-15 01:00:00', DATETIME '2025-11-15 00:59:59', HOUR)", "INT64", 1),
    ("LAST_DAY(DATE '2025-11-15', QUARTER)", "DATE", "2025-12-31"), ("UNIX_SECONDS(TIMESTAMP '1969-12-31 23:59:58.5 UTC')", "INT64", -2),
    ("TIMESTAMP_MILLIS(1763168523000)", "TIMESTAMP", "2025-11-15T01:02:03+00:00"),
    ("FORMAT_DATE('%d %b %Y, week %V, quarter %Q, day %e', DATE '2025-11-05')", "STRING", "05 Nov 2025, week 45, quarter 4, day  5"),
    ("FORMAT_TIMESTAMP('%F %H:%M', TIMESTAMP '2025-11-15 02:30:00 UTC', 'America/New_York')", "STRING", "2025-11-14 21:30"),
    ("PARSE_DATE('%d/%m/%Y', '15/11/2025')", "DATE", "2025-11-15"), ("SAFE.PARSE_DATE('%F', 'x')", "DATE", None),
    ("GENERATE_DATE_ARRAY(DATE '2025-01-31', DATE '2025-04-30', INTERVAL 1 MONTH)", "ARRAY<DATE>",
     ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]),
    ("ARRAY_LENGTH(GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '2025-11-15', TIMESTAMP '2025-11-16', INTERVAL 6 HOUR))", "INT64", 5),
    ("7 / 2", "FLOAT64", 3.5), ("DIV(-7, 2)", "INT64", -3), ("MOD(-7, 3)", "INT64", -1), ("SAFE_DIVIDE(1, 0)", "FLOAT64", None),
    ("2147483647 + 1", "INT64", 2147483648), ("46341 * 46341", "INT64", 2147488281), ("0.1 + 0.2", "FLOAT64", 0.1 + 0.2),
    ("NUMERIC '1' / NUMERIC '3'", "NUMERIC", "0.333333333"), ("NUMERIC '-2' / NUMERIC '3'", "NUMERIC", "-0.666666667"),
    ("NUMERIC '1.1' * NUMERIC '1.1' * NUMERIC '1.1' * NUMERIC '100000.123456789'", "NUMERIC", "133100.164320986"),
    ("SAFE_DIVIDE(NUMERIC '1', NUMERIC '0')", "NUMERIC", None), ("CAST('2.345678' AS NUMERIC)", "NUMERIC", "2.345678"),
    ("CAST(NUMERIC '2.345' AS NUMERIC(10, 2))", "NUMERIC", "2.35"), ("CAST(NUMERIC '2.50' AS STRING)", "STRING", "2.5"),
    ("CAST(CAST(2.5 AS FLOAT64) AS INT64)", "INT64", 3), ("SAFE_CAST('1.5' AS INT64)", "INT64", None),
    ("SAFE_CAST('yes' AS BOOL)", "BOOL", None),
    ("SAFE_CAST('2025-13-01' AS DATE)", "DATE", None), ("SAFE_CAST('12.5' AS NUMERIC)", "NUMERIC", "12.5"), ("CEIL(3)", "FLOAT64", 3.0),
    ("ROUND(2.5)", "FLOAT64", 3.0), ("ROUND(-2.5)", "FLOAT64", -3.0), ("SAFE_MULTIPLY(9223372036854775807, 2)", "INT64", None),
    ("SUBSTR('abc', 0, 2)", "STRING", "ab"), ("SUBSTR('abcde', -2)", "STRING", "de"), ("TRIM(' \\t x \\n')", "STRING", "x"),
    ("'a%c' LIKE 'a\\\\%c'", "BOOL", True), ("'abc' LIKE 'a\\\\%c'", "BOOL", False), ("CONCAT('a', NULL)", "STRING", None),
    ("REGEXP_EXTRACT('id=42;', r'id=(\\d+)')", "STRING", "42"), ("REGEXP_EXTRACT('zzz', r'\\d+')", "STRING", None),
    ("REGEXP_EXTRACT('ab', r'x*')", "STRING", ""), ("REGEXP_REPLACE('a_b', r'[a-z]', 'x')", "STRING", "x_x"),
    ("FORMAT('%05d-%s-%.2f', 42, 'x', 3.14159)", "STRING", "00042-x-3.14"), ("GREATEST(1, NULL)", "INT64", None),
    ("[10, 20][SAFE_OFFSET(5)]", "INT64", None), ("[10, 20][ORDINAL(1)]", "INT64", 10), ("ARRAY_LENGTH([1, 2])", "INT64", 2),
    ("ARRAY(SELECT AS STRUCT v AS a, 'x' AS b FROM UNNEST([2, 1]) AS v ORDER BY v)", "ARRAY<STRUCT<a INT64, b STRING>>",
     [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]),
    ("TO_HEX(SHA256('abc'))", "STRING", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("JSON_VALUE('{\"a\": {\"b\": 2}}', '$.a.b')", "STRING", "2"), ("JSON_VALUE('{\"a\": {\"b\": 2}}', '$.a')", "STRING", None),
    ("b'abc'", "BYTES", "YWJj"), ("CAST(TIMESTAMP '2025-11-15 01:02:03+05:30' AS STRING)", "STRING", "2025-11-14 19:32:03+00"),
]


@pytest.fixture
def warehouse(open_warehouse: Callable[..., DuckDBWarehouse]) -> DuckDBWarehouse:
    return open_warehouse()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One session for all the one-line questions."""
    from flows.settings import Settings
    from flows.store import open_store

    home = tmp_path_factory.mktemp("dialect")
    store = open_store(f"sqlite:///{home}/control.sqlite")
    with DuckDBWarehouse(Settings.load(home=home), store.manifest, "demo", stage_dir=home / "stage") as opened:
        opened.execute("CREATE TABLE mart.t (i INT64, s STRING, d DATE, ts TIMESTAMP, n NUMERIC, f FLOAT64, a ARRAY<INT64>, j JSON); "
                       "INSERT INTO mart.t VALUES (1, 'x', DATE '2025-01-31', TIMESTAMP '2025-01-31 10:00:00', 1.5, 0.5, [1], JSON '{}')")
        yield opened
    store.dispose()


@pytest.mark.parametrize(("sql", "kind", "expected"), ANSWERS, ids=lambda value: str(value)[:50])
def test_an_expression_gives_bigquerys_answer(shared: DuckDBWarehouse, sql: str, kind: str, expected: object) -> None:
    columns, rows = rows_json(shared.query(f"SELECT {sql} AS v"))
    assert (columns, rows) == ([{"name": "v", "type": kind}], [[expected]])


@pytest.mark.parametrize(("sql", "expected"), [
    ("SELECT x FROM UNNEST([2, NULL, 1]) AS x ORDER BY x", [[None], [1], [2]]),
    ("SELECT e, o FROM UNNEST(['a', 'b']) AS e WITH OFFSET AS o ORDER BY o", [["a", 0], ["b", 1]]),
    ("SELECT AVG(x) FROM UNNEST([NUMERIC '1', NUMERIC '2', NUMERIC '2']) AS x", [["1.666666667"]]),
    ("SELECT SUM(x) OVER () FROM UNNEST([1, 2]) AS x", [[3], [3]]),
    ("SELECT ARRAY_AGG(x IGNORE NULLS ORDER BY x DESC LIMIT 2) FROM UNNEST([1, NULL, 3, 2]) AS x", [[[3, 2]]]),
    ("SELECT STRING_AGG(x, '-' ORDER BY x LIMIT 2) FROM UNNEST(['c', 'a', 'b']) AS x", [["a-b"]]),
    ("SELECT DATE '2025-01-01' AS d UNION ALL SELECT '2025-01-02' ORDER BY d", [["2025-01-01"], ["2025-01-02"]]),
    ("SELECT l.k, l.v FROM UNNEST([STRUCT('a' AS k, 1 AS v)]) AS l", [["a", 1]]),
    ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT SUM(n) FROM r", [[10]]),
    ("SELECT d FROM UNNEST(GENERATE_DATE_ARRAY('2025-11-01', '2025-11-15', INTERVAL 1 WEEK)) AS d ORDER BY d",
     [["2025-11-01"], ["2025-11-08"], ["2025-11-15"]]),
])
def test_a_query_gives_bigquerys_rows(shared: DuckDBWarehouse, sql: str, expected: list[list[object]]) -> None:
    assert rows_json(shared.query(sql))[1] == expected


def test_columns_are_named_as_on_bigquery(shared: DuckDBWarehouse) -> None:
    assert shared.query("SELECT 1 + 1, I, s AS Total, CAST(i AS STRING) FROM mart.t").column_names == ["f0_", "I", "Total", "f1_"]


@pytest.mark.parametrize("sql", [
    "SELECT 1 / (i - i) FROM mart.t", "SELECT [1][OFFSET(5)]", "SELECT CAST('abc' AS INT64)", "SELECT CAST('1.5' AS INT64)",
    "SELECT CAST(9223372036854775807 AS INT64) + 1", "SELECT LN(i - i) FROM mart.t", "SELECT SQRT(-1)", "SELECT ERROR('x')",
    "SELECT CAST('yes' AS BOOL)", "SELECT LEFT('abc', -1)", "SELECT MOD(1, i - i) FROM mart.t",
])
def test_a_value_that_bigquery_stops_at_stops_here(shared: DuckDBWarehouse, sql: str) -> None:
    with pytest.raises(DataError):
        shared.query(sql)


def test_the_size_of_an_array_of_timestamps_is_judged_before_it_is_made(shared: DuckDBWarehouse) -> None:
    with pytest.raises(DataError, match="at most 1,000,000 items"):
        shared.query("SELECT GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '2000-01-01', TIMESTAMP '2025-01-01', INTERVAL 1 MICROSECOND)")


@pytest.mark.parametrize("sql", [
    "SELECT 1 AS a, a + 1 AS b", "SELECT i FROM mart.t WHERE i = s", "SELECT i FROM mart.t WHERE d = ts", "SELECT s + 1 FROM mart.t",
    "SELECT list_sort([3, 1])", "SELECT i FROM mart.t WHERE i", "SELECT UPPER(i) FROM mart.t", "SELECT i || s FROM mart.t",
    "SELECT COALESCE(i, s) FROM mart.t", "SELECT i FROM mart.t UNION ALL SELECT s FROM mart.t", "SELECT IF(i = 1, i, s) FROM mart.t",
    "SELECT a = a FROM mart.t", "SELECT i IN ('x') FROM mart.t", "SELECT nope FROM mart.t", "SELECT DATE_TRUNC(d, HOUR) FROM mart.t",
    "SELECT i, COUNT(*) FROM mart.t", "SELECT i AS x, s AS X FROM mart.t", "SELECT TIMESTAMP_DIFF(ts, ts, MONTH) FROM mart.t",
])
def test_what_bigquery_rejects_is_invalid(shared: DuckDBWarehouse, sql: str) -> None:
    with pytest.raises(SqlError) as caught:
        shared.query(sql)
    assert caught.value.verdict == "invalid"


@pytest.mark.parametrize("sql", [
    "SELECT FORMAT_DATE('%Ec', d) FROM mart.t", "SELECT CAST(d AS STRING FORMAT 'IYYY') FROM mart.t",
    "SELECT HLL_COUNT.INIT(i) FROM mart.t", "SELECT SEARCH(s, 'x') FROM mart.t",
    "SELECT COLLATE(s, 'und:ci') FROM mart.t", "SELECT FORMAT('%T', INTERVAL 1 DAY) FROM mart.t",
    "SELECT PARSE_DATE('%Y %U', s) FROM mart.t", "SELECT SQRT(n) FROM mart.t",
    "SELECT table_name FROM mart.INFORMATION_SCHEMA.PARTITIONS", "SELECT ddl FROM mart.INFORMATION_SCHEMA.TABLES",
    "CREATE PROCEDURE mart.p() LANGUAGE PYTHON AS 'x'", "CREATE TABLE mart.x (n NUMERIC(10, 2))",
    "LOAD DATA INTO mart.x FROM FILES (format = 'CSV')",
])
def test_what_would_differ_is_refused_with_a_reason(shared: DuckDBWarehouse, sql: str) -> None:
    with pytest.raises(SqlError, match=r"not offered|not kept|gives an INTERVAL") as caught:
        shared.execute(sql)
    assert caught.value.verdict == "refused"
    assert caught.value.fix


@pytest.mark.parametrize(("sql", "rows"), [
    ("SELECT n / 1000 AS a FROM UNNEST([3, 2]) AS n ORDER BY a", [[0.002], [0.003]]),
    ("SELECT n / 2 AS a FROM UNNEST([3, 2]) AS n ORDER BY 1 DESC", [[1.5], [1.0]]),
    ("SELECT AVG(n) / MAX(n) AS A, n AS g FROM UNNEST([3, 2]) AS n GROUP BY n ORDER BY a, g", [[1.0, 2], [1.0, 3]]),
    ("SELECT DISTINCT n / 2 AS a FROM UNNEST([1, 2, 1]) AS n ORDER BY a DESC", [[1.0], [0.5]]),
    ("SELECT n / 2 AS a FROM UNNEST([1, CAST('nan' AS FLOAT64), NULL]) AS n ORDER BY a DESC", [[0.5], ["NaN"], [None]]),
])
def test_rows_are_ordered_by_the_alias_of_what_can_raise(shared: DuckDBWarehouse, sql: str, rows: list[list[Any]]) -> None:
    assert rows_json(shared.query(sql))[1] == rows


def test_a_refusal_names_its_line(shared: DuckDBWarehouse) -> None:
    with pytest.raises(SqlError, match="line 3"):
        shared.query("SELECT\n  i,\n  SEARCH(s, 'x')\nFROM mart.t")


# -------------------------------------------------------------------- one line of --batch
def test_a_batch_line_has_setup_parameters_and_a_probe() -> None:
    line = {"id": "7", "project": "acme-prod", "setup": ["CREATE SCHEMA ds; CREATE TABLE ds.t (a INT64, n NUMERIC)"],
            "sql": "INSERT INTO `acme-prod.ds.t` (a, n) SELECT x, @n FROM UNNEST(@xs) AS x",
            "params": {"n": ["NUMERIC", "1.50"], "xs": ["ARRAY<INT64>", [1, 2]]}, "probe": "SELECT SUM(a) AS a, SUM(n) AS n FROM ds.t"}
    columns = [{"name": "a", "type": "INT64"}, {"name": "n", "type": "NUMERIC"}]
    assert answer(line) == {"id": "7", "columns": columns, "rows": [[3, "3"]], "notes": []}
    assert answer({"id": "8", "sql": "CREATE TABLE ds.t (a INT64)"}) == {"id": "8", "columns": [], "rows": [], "notes": []}


def test_a_batch_line_says_where_bigquery_may_differ() -> None:
    assert "exact here" in answer({"id": "9", "sql": "SELECT APPROX_COUNT_DISTINCT(x) FROM UNNEST([1]) AS x"})["notes"][0]


@pytest.mark.parametrize(("line", "verdict"), [
    ({"sql": "SELECT 1 / 0"}, "invalid"), ({"sql": "SELECT nope"}, "invalid"), ({"sql": "CALL p()"}, "invalid"),
    ({"sql": "SELECT SEARCH('a', 'b')"}, "refused"),
    ({"setup": ["SELECT nope"], "sql": "SELECT 1"}, "failed"), ({"sql": "SELECT * FROM ds.t"}, "invalid"),
    ({"sql": "SELECT @@project_id"}, "refused"),
    ({"sql": "SELECT ?", "params": [["INT64", 1]]}, "invalid"), ({"sql": "SELECT @x", "params": {"x": ["NOTYPE", 1]}}, "invalid"),
])
def test_a_batch_line_that_fails_says_how(line: dict[str, Any], verdict: str) -> None:
    given = answer({"id": "1", **line})
    assert (given["verdict"], set(given["error"])) == (verdict, {"code", "message"})


def test_values_are_encoded_as_bigquery_writes_them() -> None:
    sql = ("SELECT b'abc' AS b, CAST('NaN' AS FLOAT64) AS nan, DATETIME '2025-11-15 10:00:00.5' AS dt, TIME '10:00:00' AS t, "
           "JSON '{\"a\": 1}' AS j, NUMERIC '5.10' AS n, TIMESTAMP '2025-11-15 10:00:00 UTC' AS ts, "
           "STRUCT(1 AS a, [DATE '2025-01-01'] AS d) AS s")
    given = answer({"id": "1", "sql": sql})
    assert [c["type"] for c in given["columns"]] == ["BYTES", "FLOAT64", "DATETIME", "TIME", "JSON", "NUMERIC", "TIMESTAMP",
                                                     "STRUCT<a INT64, d ARRAY<DATE>>"]
    assert given["rows"] == [["YWJj", "NaN", "2025-11-15T10:00:00.500000", "10:00:00", '{"a":1}', "5.1", "2025-11-15T10:00:00+00:00",
                              {"a": 1, "d": ["2025-01-01"]}]]
    json.dumps(given, allow_nan=False)


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.exists(), reason="the SQL corpus is not beside this checkout")
def test_the_corpus_has_no_silent_difference() -> None:
    tool = CORPUS.parents[2] / "tools"
    script = ("import sys, json, collections; sys.path[:0] = [sys.argv[1], sys.argv[3]]; import sql_score; from pathlib import Path\n"
              "from flows.warehouse.batch import answer; corpus = Path(sys.argv[2]); setup = corpus.with_name('setup.sql').read_text()\n"
              "cases = sql_score.load(corpus, setup)\n"
              "parts = ('id', 'setup', 'sql', 'params', 'probe')\n"
              "run = lambda c: sql_score.judge(c, answer({'project': 'acme-prod', **{k: c[k] for k in parts}}))\n"
              "print(json.dumps(collections.Counter(map(run, cases))))")
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", script, str(tool), str(CORPUS), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=230)
    counts = json.loads(done.stdout.splitlines()[-1])
    assert (counts.get("different", 0), counts.get("accepted", 0)) == (0, 0)
    assert counts["ok"] >= 178
    assert counts["ok"] + counts["refused"] == sum(counts.values())
