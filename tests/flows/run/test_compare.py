"""Two answers held against each other: what is equal, what is not, and which rows show it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from flows.run.compare import SHOWN, compare, order_of


def answer(types: dict[str, str] | None = None, **cells: Any) -> pa.Table:
    """A table; `types` are BigQuery's where Arrow cannot tell them."""
    found = pa.table(cells)
    fields = [field.with_metadata({b"bigquery": (types or {})[field.name].encode()}) if field.name in (types or {}) else field
              for field in found.schema]
    return found.cast(pa.schema(fields))


def test_rows_are_equal_in_any_order_and_as_often_as_they_come():
    left, right = answer(a=[1, 2, 2, None], b=["x", "y", "y", None]), answer(a=[2, None, 1, 2], b=["y", None, "x", "y"])
    assert not compare(left, right)
    twice = compare(left, answer(a=[1, 1, 2, None], b=["x", "x", "y", None]))
    assert twice.said == ["1 of 4 rows differ"]


@pytest.mark.parametrize(("one", "other"), [
    (1.0, 1.0 + 1e-12), (0.1 + 0.2, 0.3), (1e300, 1e300 * (1 + 1e-13)), (math.nan, math.nan), (0.0, -0.0), (math.inf, math.inf),
    (Decimal("1.50"), Decimal("1.5")), ([1.0, 0.1 + 0.2], [1.0, 0.3]), ({"a": 0.1 + 0.2}, {"a": 0.3}), (b"x", b"x"),
    (datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))],
    ids=["near", "sum", "large", "nan", "zero", "infinity", "numeric", "array", "struct", "bytes", "zone"])
def test_values_that_are_equal(one, other):
    assert not compare(answer(a=[one]), answer(a=[other]))


@pytest.mark.parametrize(("one", "other"), [
    (1.0, 1.00001), (math.nan, None), (math.nan, 0.0), (math.inf, -math.inf), ("", None), ([], None), ([1, 2], [2, 1]),
    (Decimal("0.123456789"), Decimal("0.123456788")), ("a", "a "), (True, False)],
    ids=["far", "nan-null", "nan-zero", "infinity", "empty", "no-array", "array-order", "numeric", "space", "bool"])
def test_values_that_are_not(one, other):
    kind = {"type": pa.array([one]).type} if one is not None else {}
    found = compare(answer(a=pa.array([one], **kind)), answer(a=pa.array([other], **kind)))
    assert found.said == ["1 of 1 rows differ"]
    assert found.pairs[0].cells == ("a",)


def test_json_is_its_content():
    types = {"j": "JSON"}
    left = answer(types, j=['{"a":1,"b":[1.0,null]}', "2"])
    assert not compare(left, answer(types, j=["2.0", '{ "b": [1, null], "a": 1 }']))
    found = compare(left, answer(types, j=['{"a":1,"b":[null,1]}', "2"]))
    assert (found.pairs[0].local, found.pairs[0].bigquery) == ({"j": '{"a":1,"b":[1.0,null]}'}, {"j": '{"a":1,"b":[null,1]}'})
    assert compare(answer(j=["2"]), answer(j=["2.0"]))  # as text they are two


def test_columns_are_told_apart_by_name_type_and_place():
    left = answer({"d": "DATE"}, a=[1], b=["x"], d=pa.array([None], pa.date32()))
    assert compare(left, left.select(["b", "a", "d"])).said == ["columns come as a, b, d on DuckDB and as b, a, d on BigQuery"]
    assert compare(left, left.drop_columns(["b"])).said == ["column b is only on DuckDB"]
    assert compare(left, left.rename_columns(["a", "B", "d"])).said == ["column b is spelled B on BigQuery"]
    other = answer(a=[1], b=["x"], d=pa.array([None], pa.timestamp("us")))
    assert compare(left, other).said == ["column d is DATE on DuckDB and DATETIME on BigQuery"]
    assert not compare(answer({"n": "INTEGER"}, n=[1]), answer({"n": "INT64"}, n=[1]))  # two names of one type


def test_the_first_rows_that_differ_stand_beside_the_ones_they_are_most_like():
    numbers = list(range(100))
    left, right = answer(n=numbers, word=[f"w{n}" for n in numbers], x=[1] * 100), answer(
        n=numbers[:-1], word=[f"w{n}" if n < 90 else f"v{n}" for n in numbers[:-1]], x=[1] * 99)
    found = compare(left, right)
    assert found.said == ["100 rows on DuckDB, 99 on BigQuery", "10 of 100 rows differ"]
    assert len(found.pairs) == SHOWN
    assert found.pairs[0].as_dict() == {"local": {"n": 90, "word": "w90", "x": 1}, "bigquery": {"n": 90, "word": "v90", "x": 1},
                                        "cells": ["word"]}
    alone = compare(answer(n=[1, 2], m=["a", "b"]), answer(n=[1], m=["a"])).pairs
    assert [(pair.local, pair.bigquery) for pair in alone] == [({"n": 2, "m": "b"}, None)]


def test_an_order_is_that_of_its_columns_and_rows_equal_in_them_come_as_they_like():
    left = answer(a=[1, 1, 2], b=["x", "y", "z"])
    assert not compare(left, answer(a=[1, 1, 2], b=["y", "x", "z"]), order=("a",))
    found = compare(left, answer(a=[1, 2, 1], b=["x", "z", "y"]), order=("a",))
    assert found.said == ["the same rows come in another order, from row 2 on"]
    assert [pair.cells for pair in found.pairs] == [("a", "b"), ("a", "b")]
    assert not compare(left, answer(a=[1, 2, 1], b=["x", "z", "y"]))


@pytest.mark.parametrize(("query", "order"), [
    ("SELECT a, b FROM t ORDER BY b DESC, a", ("b", "a")), ("SELECT a, b FROM t ORDER BY 2", ("b",)), ("SELECT a, b FROM t", ()),
    ("SELECT a, UPPER(b) AS b FROM t ORDER BY UPPER(b)", ("b",)), ("SELECT a, b FROM (SELECT * FROM t ORDER BY a)", ()),
    ("SELECT a, b FROM t UNION ALL SELECT a, b FROM u ORDER BY a", ("a",)),
    ("WITH t AS (SELECT 1 AS a, 2 AS b) FROM t |> ORDER BY A", ("a",))],
    ids=["names", "place", "none", "expression", "inner", "union", "pipe"])
def test_the_columns_that_a_query_orders_by(query, order):
    assert order_of(query, ["a", "b"]) == (order, "")


def test_an_order_by_something_else_is_said_not_to_be_compared():
    order, why = order_of("SELECT a FROM t ORDER BY LENGTH(c)", ["a"])
    assert order == ()
    assert why == "its rows are ordered by LENGTH(c), which is no column of the result: the order is not compared"
