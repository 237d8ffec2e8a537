"""Columns into rows, rows into columns, one text into several rows."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import SpecError

Row = dict[str, Any]


@pytest.mark.parametrize("rows", [[], ["customer_id"], ["customer_id", "day"]])
def test_pivot_gives_one_column_for_each_value(shop, equal, rows):
    lab, orders, _ = shop
    found = lab.run(
        {
            "op": "pivot",
            "rows": rows,
            "columns": "status",
            "values": {"fn": "sum", "column": "amount"},
            "among": ["paid", "it's", "no such"],
        }
    )
    want = []
    for key in {tuple(r[n] for n in rows) for r in orders}:
        part = {
            v: [r["amount"] for r in orders if tuple(r[n] for n in rows) == key and r["status"] == v and r["amount"] is not None]
            for v in ("paid", "it's")
        }
        want.append(
            {
                **dict(zip(rows, key, strict=True)),
                "paid": sum(part["paid"]) if part["paid"] else None,
                "it_s": sum(part["it's"]) if part["it's"] else None,
                "no such": None,
            }
        )
    assert equal(found, want)


def test_pivot_keeps_the_condition_of_its_measure(shop):
    lab, orders, _ = shop
    found = lab.run(
        {
            "op": "pivot",
            "columns": "customer_id",
            "values": {"fn": "count", "where": {"column": "paid", "is": "=", "value": True}},
            "among": [1, 2],
        }
    )
    assert found == [{str(n): sum(r["customer_id"] == n and r["paid"] is True for r in orders) for n in (1, 2)}]


def test_unpivot_gives_one_row_for_each_cell_that_is_not_empty(shop, equal):
    lab, orders, _ = shop
    found = lab.run(
        {"op": "filter", "where": {"column": "id", "is": ">", "value": 10}},
        {"op": "select", "columns": ["id", "customer_id", "amount"]},
        {"op": "unpivot", "columns": ["customer_id", "amount"], "name": "what", "value": "much"},
    )
    want = [
        {"id": r["id"], "what": n, "much": float(r[n])}
        for r in orders
        if r["id"] > 10
        for n in ("customer_id", "amount")
        if r[n] is not None
    ]
    assert equal(found, want)


def test_split_rows_gives_one_row_for_each_part(lab, equal):
    lab.table(
        "orders",
        {"id": "INT64", "tags": "STRING"},
        [{"id": 1, "tags": "a, b"}, {"id": 2, "tags": None}, {"id": 3, "tags": ""}, {"id": 4, "tags": "it's"}],
    )
    found = lab.run({"op": "filter", "where": {"column": "id", "is": ">", "value": 0}}, {"op": "split_rows", "column": "tags"})
    assert equal(
        found, [{"id": 1, "tags": "a"}, {"id": 1, "tags": "b"}, {"id": 2, "tags": None}, {"id": 3, "tags": ""}, {"id": 4, "tags": "it's"}]
    )
    beside = lab.run(
        {"op": "split_rows", "column": "tags", "by": "'", "as": "part"}, {"op": "filter", "where": {"column": "id", "is": "=", "value": 4}}
    )
    assert equal(beside, [{"id": 4, "tags": "it's", "part": "it"}, {"id": 4, "tags": "it's", "part": "s"}])


@pytest.mark.parametrize(
    ("operation", "path", "message"),
    [
        ({"op": "pivot", "columns": "status", "values": {"fn": "count"}}, "among", "does not say which values"),
        ({"op": "pivot", "columns": "status", "values": {"fn": "count"}, "among": ["a?", "a!"]}, "among", "two columns named"),
        (
            {"op": "pivot", "rows": ["paid"], "columns": "status", "values": {"fn": "count"}, "among": ["x", "paid"]},
            "among.1",
            "two columns",
        ),
        ({"op": "pivot", "rows": ["x"], "columns": "status", "values": {"fn": "count"}, "among": ["a"]}, "rows.0", "no column"),
        ({"op": "pivot", "columns": "status", "values": {"fn": "sum", "column": "status"}, "among": ["a"]}, "values.column", "a number"),
        ({"op": "pivot", "columns": "status", "values": {"fn": "count"}, "among": ["a", 3]}, "among.1", "in quotes"),
        ({"op": "pivot", "columns": "state", "values": {"fn": "count"}, "among": ["a"]}, "columns", "Did you mean"),
        ({"op": "unpivot", "columns": ["amount", "status"]}, "columns", "different types"),
        ({"op": "unpivot", "columns": ["amount"], "name": "id"}, "", "two columns named 'id'"),
        ({"op": "split_rows", "column": "amount"}, "column", "only a text"),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(store, operation, path, message):
    lab, _, _ = store
    with pytest.raises(SpecError) as caught:
        lab.run(operation)
    assert caught.value.problems[0].path == f"operations.0.{path}".rstrip(".")
    assert message in str(caught.value)
