"""NaN in operations on DuckDB, as BigQuery documents it: neither equal nor smaller nor greater, and it spreads.

Source: BigQuery, "Floating point types", "Comparison operators", and the pages of MIN, MAX and LEAST.
"""

from __future__ import annotations

import math
from datetime import date
from functools import partial

import duckdb
import pytest

from flows.spec.problems import typed
from flows.transform.compile import transform
from flows.transform.operations import Operations
from flows.warehouse.base import Column

read = partial(typed, Operations, at="operations")
COLUMNS = tuple(Column(n, t) for n, t in {"id": "INT64", "x": "FLOAT64", "y": "FLOAT64"}.items())
INPUTS = {"t": COLUMNS, "u": (Column("z", "FLOAT64"), Column("tag", "STRING"))}


@pytest.fixture(scope="module")
def con():
    con = duckdb.connect()
    rows = "(1, 'nan'::DOUBLE, 'nan'::DOUBLE), (2, 2.0, 'nan'), (3, 'nan', 3.0), (4, 4.0, 4.0), (5, NULL, 'nan'), (6, 'inf', 1.0)"
    con.execute(f"CREATE TABLE t AS SELECT * FROM (VALUES {rows}) v(id, x, y)")
    con.execute("CREATE TABLE u AS SELECT * FROM (VALUES ('nan'::DOUBLE, 'none'), (4.0, 'four')) v(z, tag)")
    yield con
    con.close()


def run(con, *operations):
    return con.execute(transform(read(list(operations)), INPUTS, now=date(2025, 11, 15)).tree.sql("duckdb")).fetchall()


@pytest.mark.parametrize(
    ("how", "value", "ids"),
    [
        (">", 1, [2, 4, 6]),
        (">=", 4, [4, 6]),
        ("<", 3, [2]),
        ("!=", 4, [1, 2, 3, 6]),
        ("between", [0, 5], [2, 4]),
        ("=", {"column": "y"}, [4]),
        ("!=", {"column": "y"}, [1, 2, 3, 6]),
        ("<", {"column": "y"}, []),
        (">=", {"column": "y"}, [4, 6]),
    ],
)
def test_conditions(con, how, value, ids):
    rows = run(con, {"op": "filter", "where": {"column": "x", "is": how, "value": value}}, {"op": "select", "columns": ["id"]})
    assert sorted(r[0] for r in rows) == ids


@pytest.mark.parametrize(
    ("expression", "true"),
    [
        ("x > y", [6]),
        ("x <= y", [4]),
        ("x = y", [4]),
        ("x != y", [1, 2, 3, 6]),
        ("x > 0", [2, 4, 6]),
        ("NOT (x > 0)", [1, 3]),
        ("0 < x", [2, 4, 6]),
    ],
)
def test_comparisons_in_expressions(con, expression, true):
    rows = run(con, {"op": "derive", "columns": {"it": expression}}, {"op": "select", "columns": ["id", "it"]})
    assert sorted(n for n, it in rows if it) == true


def test_one_nan_spreads(con):
    (row,) = run(con, {"op": "aggregate", "measures": [{"fn": f, "column": "x"} for f in ("min", "max", "sum")]})
    assert all(math.isnan(value) for value in row)
    rows = run(con, {"op": "derive", "columns": {"low": "LEAST(x, y, 0)"}}, {"op": "select", "columns": ["id", "low"]})
    assert sorted(n for n, low in rows if low is not None and math.isnan(low)) == [1, 2, 3]
    assert [dict(rows)[n] for n in (4, 5)] == [0, None]


def test_keys_that_are_nan_meet_nothing(con):
    for how, count in (("inner", 1), ("left", 6), ("full", 7), ("semi", 1), ("anti", 5)):
        assert len(run(con, {"op": "join", "with": "u", "how": how, "on": [["x", "z"]]})) == count


def test_a_median_of_nan_ends_the_query(con):
    with pytest.raises(duckdb.InvalidInputException, match="a median of NaN"):
        run(con, {"op": "aggregate", "measures": [{"fn": "median", "column": "x"}]})
    assert run(con, {"op": "filter", "where": {"column": "id", "is": "=", "value": 4}},
               {"op": "aggregate", "measures": [{"fn": "median", "column": "x"}]}) == [(4.0,)]
