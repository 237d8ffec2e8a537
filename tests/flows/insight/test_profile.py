"""What a profile says of rows is what is in them: counts against values worked out by hand, and words for what looks wrong."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from flows.errors import StepTimeout
from flows.insight.measure import BINS, Measure
from flows.settings import Limits
from flows.warehouse.bqtypes import columns_of
from flows.warehouse.session import Session
from flows.warehouse.tables import SCHEMA


@pytest.fixture
def session(tmp_path):
    opened = Session([tmp_path], limits=Limits(), preview=True)
    opened.rows(f"CREATE SCHEMA {SCHEMA}")
    yield opened
    opened.close()


def profile(session, sql, *, limit=1_000_000, seconds=30.0, rows=None):
    return Measure(session, f"({sql})", columns_of(*session.describe(sql)), limit=limit, seconds=seconds).run("t", rows)


def one(session, values, kind="VARCHAR"):
    """The profile of a column `c` with these values."""
    listed = ", ".join("(NULL)" if value is None else f"('{value}')" for value in values)
    return profile(session, f"SELECT CAST(c AS {kind}) AS c FROM (VALUES {listed}) t(c)").columns[0]


def test_numbers(session):
    column = one(session, [1, 2, 2, 3, 10, None], "BIGINT")
    assert (column.type, column.nulls, round(column.filled, 3), column.distinct, column.exact) == ("INT64", 1, 0.833, 4, True)
    assert (column.min, column.max, column.mean, column.quantiles[2]) == (1, 10, 3.6, 2)
    assert column.top == (("2", 2), ("1", 1), ("3", 1), ("10", 1))
    assert [bar.count for bar in column.histogram] == [1, 2, 1, 0, 0, 0, 0, 0, 0, 1]
    assert (column.histogram[0].low, column.histogram[-1].high) == (1, 10)


def test_every_value_is_in_one_bar(session):
    for sql in ("SELECT i * 0.37 AS c FROM range(1000) t(i)", "SELECT CAST(i AS DECIMAL(18, 4)) / 7 AS c FROM range(1000) t(i)",
                "SELECT DATE '2025-01-01' + CAST(i AS INTEGER) AS c FROM range(1000) t(i)",
                "SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00' + to_hours(i) AS c FROM range(1000) t(i)"):
        column = profile(session, sql).columns[0]
        assert sum(bar.count for bar in column.histogram) == 1000
        assert len(column.histogram) == BINS
        assert (column.histogram[0].low, column.histogram[-1].high) == (column.min, column.max)


def test_one_value_only_is_one_bar(session):
    column = one(session, [7] * 12, "BIGINT")
    assert [(bar.low, bar.high, bar.count) for bar in column.histogram] == [(7, 7, 12)]
    assert column.notes == ("the same value in every row",)


def test_numbers_that_are_none_do_not_spoil_the_others(session):
    column = profile(session, "SELECT unnest([1.0, 3.0, 'NaN'::DOUBLE, 'Infinity'::DOUBLE, NULL]) AS c").columns[0]
    assert (column.min, column.max, column.mean, column.nulls) == (1.0, 3.0, 2.0, 1)
    assert sum(bar.count for bar in column.histogram) == 2


def test_exact_and_large_numbers(session):
    column = profile(session, "SELECT CAST('12345678901234567890.123456789' AS DECIMAL(38, 9)) AS c UNION ALL SELECT 0.5").columns[0]
    assert (column.type, column.max) == ("NUMERIC", Decimal("12345678901234567890.123456789"))
    whole = profile(session, "SELECT unnest([-9223372036854775808, 9223372036854775807]) AS c").columns[0]
    assert (whole.min, whole.max, sum(bar.count for bar in whole.histogram)) == (-2**63, 2**63 - 1, 2)


def test_truth_and_text_and_dates(session):
    flag = one(session, ["true", "true", "false", None], "BOOLEAN")
    assert (flag.true, flag.false, flag.nulls) == (2, 1, 1)
    text = one(session, ["a", "bbb", "bbb", "é€"])
    assert (text.lengths, text.min, text.max, text.top[0]) == ((1, 3, 2.25), "a", "é€", ("bbb", 2))
    day = one(session, ["2025-11-01", "2025-11-03"], "DATE")
    assert (day.type, day.min, day.max) == ("DATE", date(2025, 11, 1), date(2025, 11, 3))
    moment = profile(session, "SELECT TIMESTAMPTZ '2025-11-01 08:00:00+00' AS c").columns[0]
    assert moment.min.astimezone(UTC) == datetime(2025, 11, 1, 8, tzinfo=UTC)


def test_nested_and_strange_types_have_counts(session):
    found = profile(session, "SELECT [1, 2] AS list, {'a': 1, 'b': 'x'} AS struct, CAST('\\xAA' AS BLOB) AS bytes, "
                             "TIME '08:00:00' AS clock, json('{\"a\": 1}') AS doc, CAST([1] AS JSON) AS other FROM range(12)")
    assert [column.distinct for column in found.columns] == [1] * 6
    assert found.column("list").top == (("[1,2]", 12),)
    assert found.rows == found.seen == 12


def test_names_are_only_names(session):
    names = ['a"b', "select", "x; DROP TABLE y", "ä ö", "{x}", "penstock"]
    columns = ", ".join(f'{n} AS "{name.replace(chr(34), chr(34) * 2)}"' for n, name in enumerate(names))
    found = profile(session, f"SELECT {columns}")
    assert [column.name for column in found.columns] == names
    assert list(found.head[0]) == names


def test_no_rows_and_an_empty_column(session):
    nothing = profile(session, "SELECT 1 AS a, 'x' AS b, DATE '2025-01-01' AS c WHERE false")
    assert (nothing.rows, nothing.words, [c.distinct for c in nothing.columns], nothing.notes) == (0, "0 rows, 3 columns", [0, 0, 0], ())
    assert one(session, [None, None]).notes == ("empty column",)


def test_a_large_table_is_measured_on_its_first_rows(session):
    found = profile(session, "SELECT i AS id, i % 7 AS day FROM range(5000) t(i)", limit=1000)
    assert (found.rows, found.seen, found.sampled, found.column("id").max, found.column("id").distinct) == (5000, 1000, True, 999, 1000)
    assert found.rejected == 0
    known = profile(session, "SELECT i AS id FROM range(5000) t(i)", limit=1000, rows=5000)
    assert (known.rows, known.seen) == (5000, 1000)


def test_it_ends_in_time(session):
    with pytest.raises(StepTimeout):
        profile(session, "SELECT count(*) AS c FROM range(100000000000) a(i), range(10) b(j) WHERE hash(i + j) % 3 = 0", seconds=0.2)
    assert session.rows("SELECT 1") == [(1,)]


def test_it_is_plain_data(session):
    data = profile(session, "SELECT 1 AS a, 'x' AS b").as_dict()
    assert json.loads(json.dumps(data))["columns"][0]["name"] == "a"
    assert data["words"] == "1 row, 2 columns"


@pytest.mark.parametrize(("values", "notes"), [
    ([str(n) for n in range(1, 21)] + ["N/A", "N/A", "-"], ["looks like a number, but 3 values are not: 'N/A' (2), '-' (1)"]),
    (["1,234.50", "2,000.00", "3.5", "7"], ["numbers written with separators (2 like 1,234.50) are read as text"]),
    (["1.234,50", "99,90"], ["numbers written with separators (2 like 1.234,50) are read as text"]),
    (["007", "008", "010"], ["3 values with leading zeros: kept as text, like a code"]),
    (["2025-11-01"] * 8 + ["03.11.2025"] * 2, ["mixed date formats: 8 like 2025-11-03, 2 like 03.11.2025"]),
    (["3 Nov 2025", "14 Nov 2025"], ["dates written like 3 Nov 2025 are read as text"]),
    (["2025-11-01"] * 9 + ["soon"], ["looks like a date, but 1 value is not"]),
    ([" Ada", "Blaise ", "Carl"], ["leading or trailing spaces in 2 values"]),
    (["EUR"] * 5 + ["NULL", "none"], ["'NULL' (1), 'none' (1) may stand for no value"]),
    ([f"id-{n}" for n in range(12)], ["all values are unique: a key?"]),
    ([f"id-{n}" for n in range(12)] + [None], []),
    (["red", "green", "red"], []),
    (["10.0.0.1", "10.0.0.2"], []), (["+49 30 1234", "+49 30 5678"], []),
])
def test_what_looks_wrong_is_said(session, values, notes):
    assert list(one(session, values).notes) == notes


def test_a_total_at_the_end_and_copies_are_said(session):
    found = profile(session, "SELECT * FROM (VALUES ('a', 1), ('b', 2), ('b', 2), ('Grand total', 5)) t(name, n)")
    assert found.notes == ("the last row looks like a total ('Grand total'): left in, it counts twice",
                           "1 row is an exact copy of another row")
    assert profile(session, "SELECT * FROM (VALUES ('Totally', 1), ('b', 2)) t(name, n)").notes == ()
