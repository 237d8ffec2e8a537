"""Scalar expressions: BigQuery's documented answers, given by DuckDB; and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from flows.errors import SpecError
from flows.transform.expression import NAMES
from flows.warehouse.bqtypes import to_duck

TYPES = {
    "i": "INT64",
    "z": "INT64",
    "f": "FLOAT64",
    "n": "NUMERIC",
    "s": "STRING",
    "d": "DATE",
    "t": "TIMESTAMP",
    "dt": "DATETIME",
    "b": "BOOL",
    "j": "JSON",
    "e": "STRING",
    "Order Date": "DATE",
}
ROW = {
    "i": 5,
    "z": 0,
    "f": 2.5,
    "n": Decimal("1.25"),
    "s": "  Hello wORLD\t",
    "d": date(2025, 11, 16),
    "t": datetime(2025, 11, 15, 13, 45, 10, 500000, tzinfo=UTC),
    "dt": datetime(2025, 11, 15, 13, 45),
    "b": True,
    "j": '{"a": {"b": 1}, "c": "x", "l": [7, 8], "e": null}',
    "e": None,
    "Order Date": date(2025, 1, 31),
}


@pytest.fixture
def row(lab) -> Any:
    lab.table("orders", TYPES, [ROW])
    return lab


def value(lab: Any, text: str) -> tuple[Any, str]:
    """The value on DuckDB, and the type foretold; the BigQuery text is stable."""
    (found,) = lab.run({"op": "derive", "columns": {"x": text}}, {"op": "select", "columns": ["x"]}, check_bigquery=False)
    return found["x"], lab.compile([{"op": "derive", "columns": {"x": text}}], "orders", "duckdb").columns[-1].type


# expected by BigQuery's reference, function by function
ANSWERS = [
    ("i + 1", 6, "INT64"),
    ("i / 2", 2.5, "FLOAT64"),
    ("i * f", 12.5, "FLOAT64"),
    ("n * n", Decimal("1.5625"), "NUMERIC"),
    ("n * 1.5", Decimal("1.875"), "NUMERIC"),
    ("n / 3", Decimal("0.416666667"), "NUMERIC"),
    ("i - n", Decimal("3.75"), "NUMERIC"),
    ("0.1 + 0.2", 0.30000000000000004, "FLOAT64"),
    ("-i", -5, "INT64"),
    ("-(-i)", 5, "INT64"),
    ("i - -1", 6, "INT64"),
    ("1e3", 1000.0, "FLOAT64"),
    ("2147483647 + 1", 2147483648, "INT64"),
    ("IF(b, 100000, 0) * 100000", 10_000_000_000, "INT64"),
    ("(i + 2) * 3", 21, "INT64"),
    ("SIGN(i) * 1000", 1000, "INT64"),
    ("MOD(i, 3)", 2, "INT64"),
    ("MOD(-7, 2)", -1, "INT64"),
    ("DIV(-7, 2)", -3, "INT64"),
    ("NULL + i", None, "INT64"),
    ("ABS(-i)", 5, "INT64"),
    ("SIGN(-f)", -1.0, "FLOAT64"),
    ("ROUND(f)", 3.0, "FLOAT64"),
    ("ROUND(-2.5)", -3.0, "FLOAT64"),
    ("ROUND(i)", 5.0, "FLOAT64"),
    ("ROUND(n, 1)", Decimal("1.3"), "NUMERIC"),
    ("ROUND(1234.5, -2)", 1200.0, "FLOAT64"),
    ("CEIL(f)", 3.0, "FLOAT64"),
    ("FLOOR(n)", Decimal(1), "NUMERIC"),
    ("TRUNC(-f)", -2.0, "FLOAT64"),
    ("TRUNC(1.279, 2)", 1.27, "FLOAT64"),
    ("SQRT(i * i)", 5.0, "FLOAT64"),
    ("EXP(0)", 1.0, "FLOAT64"),
    ("LN(1)", 0.0, "FLOAT64"),
    ("LOG(8, 2)", 3.0, "FLOAT64"),
    ("LOG10(1000)", 3.0, "FLOAT64"),
    ("POW(i, 2)", 25.0, "FLOAT64"),
    ("GREATEST(i, 7)", 7, "INT64"),
    ("GREATEST(i, NULL)", None, "INT64"),
    ("LEAST(i, f)", 2.5, "FLOAT64"),
    ("SAFE_DIVIDE(i, z)", None, "FLOAT64"),
    ("SAFE_DIVIDE(i, 2)", 2.5, "FLOAT64"),
    ("SAFE_DIVIDE(n, 3)", Decimal("0.416666667"), "NUMERIC"),
    ("CAST(2.5 AS INT64)", 3, "INT64"),
    ("CAST(f AS INT64)", 3, "INT64"),
    ("CAST(-f AS INT64)", -3, "INT64"),
    ("CAST(n AS INT64)", 1, "INT64"),
    ("CAST('2.345678' AS NUMERIC)", Decimal("2.345678"), "NUMERIC"),
    ("CAST(b AS INT64)", 1, "INT64"),
    ("CAST('15' AS INT64)", 15, "INT64"),
    ("SAFE_CAST('1.5' AS INT64)", None, "INT64"),
    ("SAFE_CAST('yes' AS BOOL)", None, "BOOL"),
    ("CAST('TRUE' AS BOOL)", True, "BOOL"),
    ("SAFE_CAST('abc' AS FLOAT64)", None, "FLOAT64"),
    ("SAFE_CAST('2025-02-30' AS DATE)", None, "DATE"),
    ("CAST(n AS STRING)", "1.25", "STRING"),
    ("CAST(NUMERIC '100' AS STRING)", "100", "STRING"),
    ("CAST(3.0 AS STRING)", "3", "STRING"),
    ("CAST(f AS STRING)", "2.5", "STRING"),
    ("CAST(d AS STRING)", "2025-11-16", "STRING"),
    ("CAST(t AS STRING)", "2025-11-15 13:45:10.5+00", "STRING"),
    ("CAST(b AS STRING)", "true", "STRING"),
    ("CAST(e AS INT64)", None, "INT64"),
    ("CAST(t AS DATE)", date(2025, 11, 15), "DATE"),
    ("CAST(NULL AS STRING)", None, "STRING"),
    ("UPPER(TRIM(s))", "HELLO WORLD", "STRING"),
    ("INITCAP(TRIM(s))", "Hello World", "STRING"),
    ("LTRIM(s)", "Hello wORLD\t", "STRING"),
    ("RTRIM('xxyx', 'x')", "xxy", "STRING"),
    ("CONCAT(s, NULL)", None, "STRING"),
    ("'a' || 'b'", "ab", "STRING"),
    ("SUBSTR('abc', 0, 2)", "ab", "STRING"),
    ("SUBSTR('abc', -5, 3)", "abc", "STRING"),
    ("SUBSTR('abc', -2)", "bc", "STRING"),
    ("SUBSTR('abcdefg', i)", "efg", "STRING"),
    ("LEFT('abc', 2)", "ab", "STRING"),
    ("RIGHT('abc', 2)", "bc", "STRING"),
    ("LPAD('7', 3, '0')", "007", "STRING"),
    ("RPAD('7', 3)", "7  ", "STRING"),
    ("REVERSE('abc')", "cba", "STRING"),
    ("LENGTH('Zoë')", 3, "INT64"),
    ("STRPOS('abc', 'c')", 3, "INT64"),
    ("REPLACE('aXb', 'X', '-')", "a-b", "STRING"),
    ("STARTS_WITH('abc', 'ab')", True, "BOOL"),
    ("ENDS_WITH('abc', 'ab')", False, "BOOL"),
    ("REGEXP_CONTAINS(s, r'w[A-Z]+')", True, "BOOL"),
    ("REGEXP_EXTRACT('a=1;b=22', r'b=(\\d+)')", "22", "STRING"),
    ("REGEXP_EXTRACT('abc', 'b.')", "bc", "STRING"),
    ("REGEXP_EXTRACT('abc', 'z')", None, "STRING"),
    ("REGEXP_REPLACE('aabb', '(a|b)', '<\\\\1>')", "<a><a><b><b>", "STRING"),
    ("SPLIT('a,b', ',')[SAFE_OFFSET(1)]", "b", "STRING"),
    ("SPLIT('a,b')[SAFE_OFFSET(7)]", None, "STRING"),
    ("SPLIT('a,b')[SAFE_ORDINAL(1)]", "a", "STRING"),
    ("ARRAY_LENGTH(SPLIT('a,b'))", 2, "INT64"),
    ("JSON_VALUE(j, '$.c')", "x", "STRING"),
    ("JSON_VALUE(j, '$.a')", None, "STRING"),
    ("JSON_VALUE(j, '$.a.b')", "1", "STRING"),
    ("JSON_VALUE(j, '$.l[1]')", "8", "STRING"),
    ("JSON_VALUE(j, '$.e')", None, "STRING"),
    ("TO_HEX(SHA256('a'))", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", "STRING"),
    ("TO_HEX(MD5('a'))", "0cc175b9c0f1b6a831c399e269772661", "STRING"),
    ("DATE_TRUNC(d, MONTH)", date(2025, 11, 1), "DATE"),
    ("DATE_TRUNC(d, WEEK)", date(2025, 11, 16), "DATE"),
    ("DATE_TRUNC(d, ISOWEEK)", date(2025, 11, 10), "DATE"),
    ("DATE_TRUNC(d, WEEK(MONDAY))", date(2025, 11, 10), "DATE"),
    ("DATE_TRUNC(d, QUARTER)", date(2025, 10, 1), "DATE"),
    ("TIMESTAMP_TRUNC(t, HOUR)", datetime(2025, 11, 15, 13, tzinfo=UTC), "TIMESTAMP"),
    ("TIMESTAMP_TRUNC(t, WEEK)", datetime(2025, 11, 9, tzinfo=UTC), "TIMESTAMP"),
    ("DATETIME_TRUNC(dt, DAY)", datetime(2025, 11, 15), "DATETIME"),
    ("DATE_ADD(d, INTERVAL 3 MONTH)", date(2026, 2, 16), "DATE"),
    ("DATE_ADD(`Order Date`, INTERVAL 1 MONTH)", date(2025, 2, 28), "DATE"),
    ("DATE_SUB(d, INTERVAL i DAY)", date(2025, 11, 11), "DATE"),
    ("DATE_ADD(d, INTERVAL -1 QUARTER)", date(2025, 8, 16), "DATE"),
    ("DATE_ADD(d, INTERVAL 2 WEEK)", date(2025, 11, 30), "DATE"),
    ("TIMESTAMP_ADD(t, INTERVAL 30 MINUTE)", datetime(2025, 11, 15, 14, 15, 10, 500000, tzinfo=UTC), "TIMESTAMP"),
    ("DATE_DIFF(d, DATE '2025-11-01', DAY)", 15, "INT64"),
    ("DATE_DIFF(DATE '2025-04-01', DATE '2025-03-31', QUARTER)", 1, "INT64"),
    ("DATE_DIFF('2025-11-16', '2025-11-15', WEEK)", 1, "INT64"),
    ("DATE_DIFF('2025-11-17', '2025-11-16', WEEK)", 0, "INT64"),
    ("DATE_DIFF('2025-11-17', '2025-11-16', ISOWEEK)", 1, "INT64"),
    ("TIMESTAMP_DIFF(t, TIMESTAMP '2025-11-15 12:46:00+00', HOUR)", 0, "INT64"),
    ("TIMESTAMP_DIFF(TIMESTAMP '2025-11-17', TIMESTAMP '2025-11-15 23:00:00', DAY)", 1, "INT64"),
    ("DATETIME_DIFF(dt, DATETIME '2025-11-15 12:59:00', HOUR)", 1, "INT64"),
    ("EXTRACT(DAYOFWEEK FROM d)", 1, "INT64"),
    ("EXTRACT(WEEK FROM DATE '2025-01-04')", 0, "INT64"),
    ("EXTRACT(ISOWEEK FROM d)", 46, "INT64"),
    ("EXTRACT(ISOYEAR FROM DATE '2024-12-30')", 2025, "INT64"),
    ("EXTRACT(DATE FROM t)", date(2025, 11, 15), "DATE"),
    ("EXTRACT(HOUR FROM t)", 13, "INT64"),
    ("EXTRACT(SECOND FROM t)", 10, "INT64"),
    ("EXTRACT(QUARTER FROM d)", 4, "INT64"),
    ("FORMAT_DATE('%Y-%m', d)", "2025-11", "STRING"),
    ("FORMAT_DATE('%F', d)", "2025-11-16", "STRING"),
    ("FORMAT_TIMESTAMP('%Y %H:%M', t)", "2025 13:45", "STRING"),
    ("PARSE_DATE('%d/%m/%Y', '31/12/2024')", date(2024, 12, 31), "DATE"),
    ("PARSE_TIMESTAMP('%Y-%m-%d %H:%M:%S', '2024-01-01 10:00:00')", datetime(2024, 1, 1, 10, tzinfo=UTC), "TIMESTAMP"),
    ("DATE(t)", date(2025, 11, 15), "DATE"),
    ("DATE(2025, 2, 3)", date(2025, 2, 3), "DATE"),
    ("TIMESTAMP(d)", datetime(2025, 11, 16, tzinfo=UTC), "TIMESTAMP"),
    ("DATETIME(t)", datetime(2025, 11, 15, 13, 45, 10, 500000), "DATETIME"),
    ("LAST_DAY(d)", date(2025, 11, 30), "DATE"),
    ("CURRENT_DATE()", date(2025, 11, 15), "DATE"),
    ("UNIX_SECONDS(t)", 1763214310, "INT64"),
    ("TIMESTAMP_MILLIS(1500)", datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC), "TIMESTAMP"),
    ("IF(b, 1, 0)", 1, "INT64"),
    ("IF(b, i, 2.5)", 5.0, "FLOAT64"),
    ("CASE WHEN i > 3 THEN 'big' ELSE 'small' END", "big", "STRING"),
    ("CASE i WHEN 5 THEN 'x' END", "x", "STRING"),
    ("COALESCE(NULL, i)", 5, "INT64"),
    ("IFNULL(e, 'none')", "none", "STRING"),
    ("NULLIF(i, 5)", None, "INT64"),
    ("b AND i > 3", True, "BOOL"),
    ("NOT b OR e IS NULL", True, "BOOL"),
    ("i IN (1, 5)", True, "BOOL"),
    ("i NOT BETWEEN 1 AND 4", True, "BOOL"),
    ("d >= '2025-01-01'", True, "BOOL"),
    ("t < '2025-12-01'", True, "BOOL"),
    ("TRIM(s) LIKE 'H%D'", True, "BOOL"),
    ("'50%' LIKE '50\\\\%'", True, "BOOL"),
    ("b IS NOT TRUE", False, "BOOL"),
    ("TRUE AND NULL", None, "BOOL"),
    ("n > 0.5", True, "BOOL"),
    ('"it\'s -- x"', "it's -- x", "STRING"),
    ("r'a\\d'", "a\\d", "STRING"),
    ("I /* a comment */ + 1 -- and more", 6, "INT64"),
]


@pytest.mark.parametrize(("text", "want", "type_"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_an_expression_answers_as_bigquery_documents(row, text, want, type_):
    found, foretold = value(row, text)
    assert foretold == type_
    assert type(found) is type(want)
    assert found == (pytest.approx(want) if isinstance(want, float) else want)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("i / z", "division by zero"),
        ("n / z", "division by zero"),
        ("MOD(i, z)", "ivision by zero"),
        ("DIV(i, z)", "ivision by zero"),
        ("SQRT(-i)", "square root"),
        ("LN(z)", "above 0"),
        ("CAST('1.5' AS INT64)", "not a whole number"),
        ("CAST(TRIM(s) AS BOOL)", "not true or false"),
        ("LEFT(s, -i)", "may not be negative"),
        ("CAST(TRIM(s) AS DATE)", "date"),
        ("9223372036854775807 + i", "verflow"),
    ],
)
def test_what_ends_a_query_on_bigquery_ends_it_here(row, text, message):
    with pytest.raises(duckdb.Error, match=message):
        value(row, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("i +", "is not an expression"),
        ("i; z", "more than one"),
        ("SELECT 1", "is not an expression"),
        ("DROP TABLE orders", "is not an expression"),
        ("i AS x", "is not an expression"),
        ("i, z", "is not an expression"),
        ("'; drop table x; --", "is not an expression"),
        ("(SELECT 1)", "sub-query"),
        ("i IN (SELECT 1)", "semi join"),
        ("EXISTS(SELECT 1)", "sub-query"),
        ("SUM(i)", "aggregate operation"),
        ("COUNTIF(b)", "aggregate operation"),
        ("RANK() OVER (ORDER BY i)", "window"),
        ("*", "not offered"),
        ("@run_date", "parameters"),
        ("@@project_id", "parameters"),
        ("orders.i", "without their table. Did you mean 'i'"),
        ("amuont", "no column 'amuont'"),
        ("UPER(s)", "Did you mean UPPER"),
        ("read_csv('/etc/passwd')", "READ_CSV is not offered"),
        ("getenv('HOME')", "not offered"),
        ("current_setting('x')", "not offered"),
        ("RAND()", "not offered"),
        ("SESSION_USER()", "not offered"),
        ("ERROR('x')", "not offered"),
        ("GENERATE_ARRAY(1, 1000000000)", "not offered"),
        ("LPAD(s, 1000000000)", "from 0 to 10000"),
        ("RPAD(s, i)", "written out"),
        ("s + 1", "CONCAT"),
        ("d - d", "DATE_DIFF"),
        ("s > 5", "do not go together"),
        ("d = t", "do not go together"),
        ("d > 'soon'", "not a date"),
        ("IF(i, 1, 2)", "needs true or false"),
        ("COALESCE(i, 'x')", "do not go together"),
        ("CAST(i AS DATE)", "cannot be cast"),
        ("CAST(s AS NUMERIC(5, 2))", "not offered"),
        ("NULL", "CAST(NULL AS STRING)"),
        ("JSON_VALUE(j, s)", "written out"),
        ("REGEXP_CONTAINS(s, s)", "written out"),
        ("FORMAT_DATE('%Q', d)", "%Q"),
        ("j = '1'", "do not go together"),
        ("DATE_ADD(d, INTERVAL 1 HOUR)", "HOUR"),
        ("DATE_ADD(d, 1)", "is not an expression"),
        ("SPLIT(s)[OFFSET(0)]", "SAFE_OFFSET"),
        ("INSTR(s, 'x', 1, 2)", "this form"),
        ("REGEXP_EXTRACT(s, '(a)(b)')", "at most one group"),
        ("(" * 3000 + "1" + ")" * 3000, "nested too deeply"),
        ("(" * 9000, "characters"),
        ("+".join(["i"] * 3000), "parts"),
        ("NOT " * 200 + "b", "nested too deeply"),
        ("9223372036854775808", "too large"),
        ("i\0", "character that is none"),
        ("SAFE.LN(f)", "not offered"),
        ("DATE '2025-13-01'", "not a date"),
    ],
)
def test_what_is_not_a_plain_expression_is_refused_in_plain_words(row, text, message):
    with pytest.raises(SpecError) as caught:
        row.compile([{"op": "derive", "columns": {"x": text}}], "orders", "duckdb")
    (problem,) = caught.value.problems
    assert problem.path == "operations.0.columns.x"
    assert message in str(problem)
    assert "\x1b" not in str(problem)


def test_all_wrong_expressions_of_a_derive_are_told_at_once(row):
    with pytest.raises(SpecError) as caught:
        row.compile([{"op": "derive", "columns": {"a": "nope", "b": "i", "c": "SUM(i)"}}], "orders", "duckdb")
    assert [p.path for p in caught.value.problems] == ["operations.0.columns.a", "operations.0.columns.c"]


def test_every_offered_function_is_read(row):
    shapes = {0: "()", 1: "(i)", 2: "(i, 1)", 3: "(i, 1, 1)"}
    for name in NAMES:
        problems = []
        for shape in shapes.values():
            try:
                row.compile([{"op": "derive", "columns": {"x": name + shape}}], "orders", "bigquery")
            except SpecError as error:
                problems.append(str(error))
        unknown = [p for p in problems if f"the function {name} is not offered" in p]
        assert not unknown, name


def test_what_is_only_nearly_equal_is_noted(row):
    notes = row.compile([{"op": "derive", "columns": {"x": "n / 3", "y": "CAST(f AS STRING)"}}], "orders", "duckdb").notes
    assert len(notes) == 2
    assert all("BigQuery" in note or "engines" in note for note in notes)


def test_types_are_exactly_those_foretold(row):
    texts = {f"c{n}": a[0] for n, a in enumerate(ANSWERS)}
    made = row.compile([{"op": "derive", "columns": texts}, {"op": "select", "columns": list(texts)}], "orders", "duckdb")
    assert row.types(made.tree.sql("duckdb")) == {c.name: to_duck(c.type) for c in made.columns}


def test_an_unfinished_expression_is_told_without_words_of_the_parser():
    from flows.transform.expression import _parse

    with pytest.raises(SpecError) as caught:
        _parse("amount * ", "p")
    assert "a part is missing near" in str(caught.value)
    assert "sqlglot" not in str(caught.value)
